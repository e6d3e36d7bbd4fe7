"""Whole syncs over real HTTP: every provider in the sandbox, its faults, and a process killed in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection as database

from invoicing.mirror import drift, wires
from invoicing.mirror.runs import SILENCE
from invoicing.mirror.snapshots import snapshot_of
from invoicing.mirror.sync import sync_connection
from invoicing.models import Connection, Invoice, InvoiceVersion, SyncRun, UnreadableRecord
from invoicing.providers.http import NoPacing
from invoicing.providers.registry import PROVIDERS

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["checkout-page", "cockroachdb", "flexprice", "flexprice-2026-01", "metronome", "orb"]
State = SyncRun.State


@pytest.fixture(scope="module")
def sandbox(start_sandbox):
    running = start_sandbox(invoices=40)
    yield running
    running.kill()


@pytest.fixture(autouse=True)
def no_faults_left(sandbox):
    yield
    sandbox.delete("/_sandbox/faults")


@pytest.fixture
def connected(db, sandbox):
    """connected("orb") is a connection to the sandbox's Orb."""

    def make(name, running=None):
        given = (running or sandbox).connections[name]
        connection = Connection(
            provider=given["provider"], name=name, base_url=given["base_url"],
            direction=PROVIDERS[given["provider"]].direction,
        )  # fmt: skip
        connection.set_api_key(given["api_key"])
        connection.save()
        return connection

    return make


@pytest.fixture
def go():
    """go(connection) syncs over HTTP without pacing or waiting between tries; the summary must be right afterwards."""

    def run(connection, **more):
        connection.refresh_from_db()
        done = sync_connection(
            connection,
            wire=lambda: wires.wire_for(connection, pacer=NoPacing(), sleep=lambda _: None),
            sleep=lambda _: None,
            **more,
        )
        assert drift.recount(connection) == []
        return done

    return run


def living(connection):
    return set(Invoice.objects.filter(connection=connection, gone_at=None).values_list("external_id", flat=True))


def in_the_sandbox(sandbox, name):
    found = [json.loads(line) for line in sandbox.invoices(name)]
    return {invoice.get("id") or invoice["invoice_id"] for invoice in found}


@pytest.mark.parametrize("name", NAMES)
def test_everything_there_is_mirrored_and_a_second_look_changes_nothing(sandbox, connected, go, name):
    connection = connected(name)
    first = go(connection, full=True)
    assert (first.state, first.errors) == (State.COMPLETE, [])
    unreadable = set(UnreadableRecord.objects.values_list("external_id", flat=True))
    assert living(connection) | unreadable == in_the_sandbox(sandbox, name)
    assert first.created == len(living(connection)) >= 40
    for invoice in Invoice.objects.all():
        snapshot = snapshot_of(invoice)
        assert (snapshot.total, len(snapshot.lines)) == (invoice.total, invoice.lines.count())

    second = go(connection, full=True)
    assert (second.state, second.created, second.changed, second.gone) == (State.COMPLETE, 0, 0, 0)
    assert second.unchanged + second.quarantined == second.seen == first.seen
    assert set(InvoiceVersion.objects.values_list("number", flat=True)) == {1}

    third = go(connection)
    assert (third.state, third.created, third.changed) == (State.COMPLETE, 0, 0)


# ---- faults


def fault(sandbox, connection, **rule):
    mount = connection.base_url.removeprefix(sandbox.url)
    sandbox.fault(mount=mount, **rule)


def test_f1_a_provider_that_cannot_be_reached_leaves_the_mirror_as_it_was(connected, go, start_sandbox):
    running = start_sandbox(invoices=10)
    connection = connected("orb", running)
    go(connection)
    before = list(Invoice.objects.order_by("pk").values())
    running.kill()
    run = go(connection, full=True)
    assert run.state == State.RUNNING
    assert "cannot be reached" in connection.last_error
    assert connection.last_success_at is not None
    assert list(Invoice.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_f7_a_failing_server_is_asked_again_and_the_run_goes_on_where_it_was(sandbox, connected, go, status):
    connection = connected("orb")
    fault(sandbox, connection, path="/invoices", fault="status", status=status, times=2)
    assert go(connection).state == State.COMPLETE
    fault(sandbox, connection, path="/invoices", fault="status", status=status, times=None)
    run = go(connection, full=True)
    assert run.state == State.RUNNING
    sandbox.delete("/_sandbox/faults")
    done = go(connection, full=True)
    assert (done.pk, done.state) == (run.pk, State.COMPLETE)


@pytest.mark.parametrize("kind", ["malformed", "truncated", "wrong_type", "empty"])
def test_f9_to_f12_what_is_not_the_list_promised_is_never_stored(sandbox, connected, go, kind):
    connection = connected("orb")
    go(connection)
    versions = InvoiceVersion.objects.count()
    fault(sandbox, connection, path="/invoices", fault=kind, times=1)
    assert go(connection, full=True).state == State.COMPLETE
    fault(sandbox, connection, path="/invoices", fault=kind, times=None)
    run = go(connection, full=True)
    assert run.state in (State.INCOMPLETE, State.RUNNING)
    assert InvoiceVersion.objects.count() == versions
    assert connection.complete_as_of < run.started_at
    assert not Invoice.objects.exclude(gone_at=None).exists()


def test_f13_no_key_follows_a_redirect(sandbox, connected, go, start_sandbox):
    connection = connected("orb")
    fault(sandbox, connection, path="/invoices", fault="redirect", to="http://127.0.0.1:1/", times=None)
    run = go(connection)
    assert run.state == State.RUNNING
    assert "elsewhere" in run.errors[-1]["problem"]


def test_f15_an_unknown_status_is_a_normal_row_that_nobody_acts_on(sandbox, connected, go):
    connection = connected("orb")
    fault(sandbox, connection, path="/invoices", fault="unknown_status", value="on_hold", times=None)
    run = go(connection)
    assert (run.state, run.quarantined) == (State.COMPLETE, 0)
    assert set(Invoice.objects.values_list("status", "payment_status", "unrecognized", "provider_status")) == {
        ("unrecognized", "unrecognized", True, "on_hold")
    }


def test_f16_one_field_missing_costs_one_record(sandbox, connected, go):
    connection = connected("orb")
    fault(sandbox, connection, path="/invoices", fault="drop_field", field="total", index=3, times=None)
    run = go(connection)
    assert (run.state, run.quarantined) == (State.COMPLETE, 1)
    assert UnreadableRecord.objects.get(resolved_at=None).field == "total"
    sandbox.delete("/_sandbox/faults")
    done = go(connection, full=True)
    assert (done.created, done.quarantined) == (1, 0)
    assert not UnreadableRecord.objects.filter(resolved_at=None).exists()


def test_f16_an_optional_null_is_not_a_zero(sandbox, connected, go):
    connection = connected("checkout-page")
    fault(sandbox, connection, path="/v1/invoices", fault="set_field", field="amountDue", value=None, times=None)
    assert go(connection).state == State.COMPLETE
    assert set(Invoice.objects.values_list("amount_due", flat=True)) == {None}
    assert not Invoice.objects.filter(outstanding=True).exists()


def test_f4_a_stated_wait_is_kept(sandbox, connected, go):
    connection = connected("metronome")
    fault(sandbox, connection, path="/v1/customers", fault="status", status=429, headers={"Retry-After": "30"})
    run = go(connection, patience=60)
    assert run.state == State.COMPLETE
    assert run.errors[0]["problem"].startswith("Waited 30 s")


def test_f20_rows_that_come_twice_are_one_row(sandbox, connected, go):
    connection = connected("orb")
    fault(sandbox, connection, path="/invoices", fault="repeat_page", rows_only=True, after=1, times=1)
    run = go(connection, page_size=10)
    assert run.state == State.INCOMPLETE  # a page without anything new: what it should have held was never seen
    assert Invoice.objects.count() == len(living(connection)) == 10
    sandbox.delete("/_sandbox/faults")
    done = go(connection, full=True, page_size=10)
    assert done.state == State.COMPLETE
    assert living(connection) == in_the_sandbox(sandbox, "orb")


def test_f21_a_list_in_circles_ends_incomplete(sandbox, connected, go):
    connection = connected("orb")
    fault(sandbox, connection, path="/invoices", fault="repeat_page", after=1, times=None)
    run = go(connection, page_size=10)
    assert run.state == State.INCOMPLETE
    assert run.gone == 0


def once(act):
    """A page's callback that acts after the first page of invoices, once."""
    done = []

    def on_page(run):
        if run.seen and not done:
            done.append(act())

    return on_page


def test_f22_rows_that_slide_over_a_pages_edge_are_not_lost(connected, go, start_sandbox):
    running = start_sandbox(invoices=30)
    connection = connected("flexprice", running)
    listed = []

    def vanish():
        listed.append(Invoice.objects.earliest("pk").external_id)
        running.act("flexprice", "vanish", listed[0])

    run = go(connection, on_page=once(vanish), page_size=5)
    assert run.state == State.COMPLETE
    assert living(connection) == in_the_sandbox(running, "flexprice") | set(listed)  # it was there when it was listed
    assert go(connection, full=True).gone == 1
    assert living(connection) == in_the_sandbox(running, "flexprice")


def test_f22_rows_that_come_while_we_read_are_read_in_the_same_run(connected, go, start_sandbox):
    running = start_sandbox(invoices=30)
    connection = connected("checkout-page", running)
    run = go(connection, on_page=once(lambda: running.act("checkout-page", "purchase")), page_size=10)
    assert (run.state, run.created) == (State.COMPLETE, 31)
    assert living(connection) == in_the_sandbox(running, "checkout-page")


@pytest.mark.parametrize("name", ["orb", "checkout-page", "flexprice"])
def test_what_disappears_at_the_provider_is_a_tombstone_not_a_deletion(connected, go, start_sandbox, name):
    running = start_sandbox(invoices=20)
    connection = connected(name, running)
    go(connection)
    victim = Invoice.objects.order_by("pk")[3]
    running.act(name, "vanish", victim.external_id)
    run = go(connection, full=True)
    victim.refresh_from_db()
    assert (run.state, run.gone) == (State.COMPLETE, 1)
    assert victim.gone_at is not None
    assert victim.versions.count() == 1
    assert living(connection) == in_the_sandbox(running, name)


def test_a_month_that_closes_under_another_id_retires_its_draft(connected, go, start_sandbox):
    running = start_sandbox(invoices=12)
    connection = connected("cockroachdb", running)
    go(connection)
    draft = Invoice.objects.get(status="draft")
    running.act("cockroachdb", "finalize", draft.external_id, new_id=True)
    run = go(connection)
    draft.refresh_from_db()
    assert (run.state, run.created, run.gone) == (State.COMPLETE, 1, 1)
    assert draft.gone_at is not None
    final = Invoice.objects.get(status="finalized", period_start=draft.period_start)
    assert (final.book, draft.book) == (3, 6)


def test_a_change_at_the_provider_arrives_with_what_changed(connected, go, start_sandbox):
    running = start_sandbox(invoices=20)
    connection = connected("orb", running)
    go(connection)
    issued = Invoice.objects.filter(status="finalized", payment_status="unpaid").first()
    running.act("orb", "customer_pays", issued.external_id)
    run = go(connection, full=True)
    assert (run.changed, run.created) == (1, 0)
    changes = issued.versions.get(number=2).changes
    assert {"field": "payment_status", "before": "unpaid", "after": "paid"} in changes


# ---- killed in the middle


def test_a_sync_killed_in_the_middle_goes_on_at_its_page(connected, sandbox, tmp_path):
    """The process is gone without a word; the next one takes its run over at once, and nothing is there by half."""
    connection = connected("orb")
    fault(sandbox, connection, path="/invoices", fault="delay", seconds=0.4, after=3, times=None)
    script = (
        "import os, django; django.setup()\n"
        "from invoicing.models import Connection\n"
        "from invoicing.mirror.sync import sync_connection\n"
        "sync_connection(Connection.objects.get(name='orb'), page_size=5,"
        " on_page=lambda run: print(run.seen, flush=True))\n"
    )
    settings = database.settings_dict
    url = f"sqlite:///{settings['NAME']}" if database.vendor == "sqlite" else (
        f"postgres://{settings['USER']}:{settings['PASSWORD']}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    )  # fmt: skip
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "invoicing.settings"}
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if int(line) >= 15:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    sandbox.delete("/_sandbox/faults")

    run = SyncRun.objects.get()
    stored = Invoice.objects.count()
    assert (run.state, run.seen, stored % 5) == (State.RUNNING, stored, 0)
    assert 15 <= stored < len(in_the_sandbox(sandbox, "orb"))
    assert InvoiceVersion.objects.count() == stored
    assert drift.recount(connection) == []

    began = time.monotonic()
    done = sync_connection(connection, page_size=5)
    assert time.monotonic() - began < SILENCE.total_seconds() / 2  # it did not wait for the dead
    assert (done.pk, done.state) == (run.pk, State.COMPLETE)
    assert living(connection) == in_the_sandbox(sandbox, "orb")
    assert done.created == len(living(connection)) == done.seen
    assert drift.recount(connection) == []
