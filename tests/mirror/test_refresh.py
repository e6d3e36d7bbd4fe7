"""One record read again; background work; connecting."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from invoicing.jobs import running
from invoicing.jobs.api import RetryLater, enqueue
from invoicing.mirror import tasks
from invoicing.mirror.refresh import mirror_new, refresh_customer_invoices, refresh_invoice
from invoicing.mirror.runs import Busy
from invoicing.models import Absence, Connection, Invoice, Job, SyncRun, UnreadableRecord
from invoicing.providers.errors import Missing, NotUnderstood, RateLimited
from tests.mirror.plain import told

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(apply):
    apply(told("in_1"))
    return Invoice.objects.get()


def test_a_refresh_tells_what_changed(invoice, world):
    world.put(told("in_1", total="12.00"))
    result = refresh_invoice(invoice, http=world)
    assert result.found
    assert result.invoice.total == Decimal("12.00")
    assert result.changes[0] == {"field": "total", "before": "10.00", "after": "12.00"}
    assert result.invoice.versions.get(number=2).source == "refresh"


def test_a_refresh_without_a_change_says_so(invoice, world):
    world.put(told("in_1"))
    result = refresh_invoice(invoice, source="operation", http=world)
    assert (result.found, result.changes, result.invoice.version) == (True, [], 1)
    assert result.invoice.read_at > invoice.read_at


def test_the_next_list_reads_a_refreshed_invoice_again_and_finds_the_same(invoice, world, apply):
    world.put(told("in_1", total="12.00"))
    refresh_invoice(invoice, http=world)
    applied = apply(told("in_1", total="12.00"), at=timezone.now())
    assert (applied.changed, applied.unchanged) == (0, 1)


def test_a_missing_answer_alone_buries_nobody(invoice, world):
    result = refresh_invoice(invoice, http=world)
    assert (result.found, result.invoice.gone_at) == (False, None)


def test_a_missing_answer_after_a_complete_list_missed_it_does(invoice, world):
    Absence.objects.create(invoice=invoice, since=timezone.now())
    result = refresh_invoice(invoice, http=world)
    assert (result.found, result.invoice.gone_at is not None) == (False, True)
    assert not Absence.objects.exists()


def test_what_is_there_but_unreadable_is_no_answer_to_build_on(invoice, world):
    world.put(told("in_1", total=12))
    with pytest.raises(NotUnderstood):
        refresh_invoice(invoice, http=world)
    invoice.refresh_from_db()
    assert invoice.total == Decimal("10.00")
    assert UnreadableRecord.objects.get().external_id == "in_1"


def test_an_invoice_we_never_saw_is_mirrored(connection, world):
    world.put(told("in_new"))
    made = mirror_new(connection, "in_new", http=world)
    assert (made.external_id, made.versions.get().source) == ("in_new", "operation")
    with pytest.raises(Missing):
        mirror_new(connection, "in_none", http=world)


def test_a_customers_invoices_are_read_again(invoice, world):
    world.put(*(told(f"in_{n}", total="5.00") for n in range(1, 8)))
    refresh_customer_invoices(invoice, http=world)
    assert set(Invoice.objects.values_list("total", flat=True)) == {Decimal("5.00")}
    assert Invoice.objects.count() == 7


# ---- tasks


def test_every_enabled_connection_gets_its_sync_once(connection, connection_to, plain):
    connection_to("plain", name="second")
    off = connection_to("plain", name="off")
    Connection.objects.filter(pk=off.pk).update(enabled=False)
    for _ in range(2):
        tasks.sync_all.func()
    assert sorted(Job.objects.values_list("arguments__connection_id", flat=True)) == sorted(
        Connection.objects.filter(enabled=True).values_list("pk", flat=True)
    )
    assert set(Job.objects.values_list("task", flat=True)) == {"invoicing.mirror.tasks.sync_connection_job"}


def test_the_clock_does_not_read_again_what_was_read_a_moment_ago(connection, plain, settings):
    settings.DESK_SYNC_MINUTES = 60
    Connection.objects.filter(pk=connection.pk).update(last_success_at=timezone.now() - timedelta(minutes=5))
    tasks.sync_all.func()
    assert not Job.objects.exists()
    Connection.objects.filter(pk=connection.pk).update(last_success_at=timezone.now() - timedelta(minutes=55))
    tasks.sync_all.func()
    assert Job.objects.get().arguments["connection_id"] == connection.pk


@pytest.fixture
def job(connection, monkeypatch):
    """job(outcome) runs the sync job of the connection; a sync ends as `outcome` says."""

    def run(outcome):
        def sync(connection, *, full, on_page, job_id):
            if isinstance(outcome, Exception):
                raise outcome
            on_page(outcome)
            return outcome

        monkeypatch.setattr(tasks, "sync_connection", sync)
        enqueue(tasks.sync_connection_job, connection_id=connection.pk)
        claimed = running.claim("test:1:0")
        running.execute(claimed)
        claimed.refresh_from_db()
        return claimed

    return run


def a_run(connection, state, **more):
    now = timezone.now()
    return SyncRun.objects.create(
        connection=connection, full=True, state=state, started_at=now, heartbeat_at=now, **more
    )


def test_a_job_tells_how_far_it_is(job, connection):
    done = job(a_run(connection, "complete", seen=7, created=2, changed=1, expected=7))
    assert (done.state, done.done, done.expected, done.note) == ("done", 7, 7, "7 read, 2 created, 1 changed")


def test_an_incomplete_run_is_told_and_not_tried_again_at_once(job, connection):
    done = job(a_run(connection, "incomplete", seen=7, errors=[{"problem": "It leads in a circle."}]))
    assert (done.state, done.note) == ("done", "7 read, incomplete: It leads in a circle.")


def test_an_interrupted_run_is_tried_again(job, connection):
    waiting = job(a_run(connection, "running"))
    assert (waiting.state, waiting.attempts) == ("queued", 1)
    assert waiting.run_at > timezone.now()


@pytest.mark.parametrize("reason", [RetryLater(600, "Plain asks us to wait."), Busy("Being synced.")])
def test_waiting_costs_no_attempt(job, reason):
    waiting = job(reason)
    assert (waiting.state, waiting.attempts) == ("queued", 0)
    assert waiting.run_at > timezone.now() + timedelta(seconds=20)


def test_one_invoice_in_the_background(invoice, world, monkeypatch):
    monkeypatch.setattr("invoicing.mirror.refresh.wire_for", lambda _: world)
    world.put(told("in_1", total="12.00"))
    tasks.refresh_invoice_job.func(invoice_id=invoice.pk)
    invoice.refresh_from_db()
    assert invoice.total == Decimal("12.00")

    def busy(_):
        raise RateLimited("Wait.", retry_after=7)

    monkeypatch.setattr(world, "invoice", busy)
    with pytest.raises(RetryLater) as later:
        tasks.refresh_invoice_job.func(invoice_id=invoice.pk)
    assert later.value.seconds == 7
