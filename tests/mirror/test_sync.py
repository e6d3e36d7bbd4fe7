"""One pass over a connection, from the plainest provider that can go wrong in every way."""

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from invoicing.jobs.api import RetryLater
from invoicing.jobs.progress import Cancelled
from invoicing.mirror import drift, runs, sync
from invoicing.mirror.runs import Busy
from invoicing.models import Absence, Connection, Customer, Invoice, SeenPage, SyncRun, UnreadableRecord
from invoicing.providers.base import Page
from invoicing.providers.errors import KeyRefused, NotSent, NotUnderstood, RateLimited, Refused, Unknown
from tests.mirror.plain import sent, told

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRun.State


@pytest.fixture
def go(connection, world):
    """go(full=True, ...) syncs; the summary must be right however it ends."""

    def run(**more):
        connection.refresh_from_db()
        try:
            return sync.sync_connection(connection, wire=lambda: world, sleep=lambda _: None, **more)
        finally:
            assert drift.recount(connection) == []

    return run


def lost(identities, world):
    for identity in identities:
        del world.invoices[identity]


def test_a_first_sync_reads_everything_and_a_second_changes_nothing(go, world, connection):
    world.customers["acme"] = {"id": "acme", "name": "Acme"}
    world.put(*(told(f"in_{n}") for n in range(10)))
    pages = []
    run = go(on_page=lambda run: pages.append((run.pages, run.seen, run.expected)))
    assert (run.state, run.full, run.seen, run.created, run.expected) == (State.COMPLETE, True, 10, 10, 10)
    assert pages == [(1, 0, None), (2, 3, 10), (3, 6, 10), (4, 9, 10), (5, 10, 10)]
    assert (Customer.objects.get().name, SeenPage.objects.count()) == ("Acme", 0)
    assert connection.complete_as_of == run.started_at
    assert connection.last_success_at == run.finished_at

    again = go(full=True)
    assert (again.state, again.seen, again.created, again.changed, again.unchanged) == (State.COMPLETE, 10, 0, 0, 10)


def test_the_next_sync_asks_only_for_what_is_new_until_a_day_has_passed(go, world, connection):
    world.put(told("in_1"))
    first = go()
    second = go()
    assert (second.full, second.since) == (False, first.started_at)
    third = go()
    assert third.since == second.started_at
    connection.refresh_from_db()
    assert connection.complete_as_of == first.started_at
    Connection.objects.update(complete_as_of=timezone.now() - timedelta(hours=25))
    assert go().full is True


def test_an_incremental_sync_concludes_nothing_from_absence(go, world):
    world.put(told("in_1"), told("in_2"))
    go()
    lost(["in_2"], world)
    assert go().gone == 0
    assert go(full=True).gone == 1


# ---- going on


def test_an_interrupted_run_goes_on_at_its_page(go, world, connection):
    world.put(*(told(f"in_{n}") for n in range(9)))
    world.trouble = [None, None, None, NotSent("The provider cannot be reached.")]
    run = go()
    assert (run.state, run.seen, run.owner) == (State.RUNNING, 6, "")
    assert connection.last_error == "The provider cannot be reached."
    assert connection.last_success_at is None
    assert Invoice.objects.count() == 6

    world.asked.clear()
    done = go()
    assert (done.pk, done.state, done.seen, done.created) == (run.pk, State.COMPLETE, 9, 9)
    assert ("invoices", None) not in world.asked
    assert ("invoices", "6") in world.asked
    connection.refresh_from_db()
    assert connection.last_error == ""


def test_a_run_that_was_in_the_middle_of_customers_goes_on_there(go, world):
    world.customers = {f"c{n}": {"id": f"c{n}", "name": str(n)} for n in range(5)}
    world.put(told("in_1"))
    world.trouble = [None, Unknown("It failed with 502.", status=502)]
    assert go().state == State.RUNNING
    world.asked.clear()
    assert go().state == State.COMPLETE
    assert world.asked[0] == ("customers", "3")


def test_a_finished_list_is_not_read_again(go, world, monkeypatch):
    world.put(*(told(f"in_{n}") for n in range(4)))
    go()
    lost(["in_3"], world)
    monkeypatch.setattr(world, "invoice", lambda _: (_ for _ in ()).throw(NotSent("Gone offline.")))
    assert go(full=True).state == State.RUNNING  # it stopped when it asked for the missing one
    monkeypatch.undo()
    world.asked.clear()
    from invoicing.providers.registry import PROVIDERS
    from tests.mirror.plain import Plain

    PROVIDERS["plain"] = Plain()
    try:
        run = go(full=True)
    finally:
        del PROVIDERS["plain"]
    assert (run.state, run.gone) == (State.COMPLETE, 1)
    assert world.asked == [("one", "in_3")]


def test_a_run_of_a_living_process_is_left_alone(go, world, connection):
    SyncRun.objects.create(
        connection=connection, full=True, started_at=timezone.now(), heartbeat_at=timezone.now(), owner=runs.new_owner()
    )
    with pytest.raises(Busy):
        go()


@pytest.mark.parametrize("dead", ["silent", "dead process", "released"])
def test_a_run_nobody_works_on_is_taken_over(go, world, connection, dead):
    host = runs.new_owner().split(":")[0]
    owner = {"silent": "elsewhere:1:x", "dead process": f"{host}:999999999:x", "released": ""}[dead]
    silent = timedelta(minutes=2 if dead == "silent" else 0)
    run = SyncRun.objects.create(
        connection=connection, full=True, started_at=timezone.now(), heartbeat_at=timezone.now() - silent, owner=owner
    )
    world.put(told("in_1"))
    assert go().pk == run.pk


def test_whoever_lost_the_run_commits_nothing_more(go, world, connection):
    world.put(*(told(f"in_{n}") for n in range(9)))

    def steal(run):
        if run.seen == 3:
            SyncRun.objects.filter(pk=run.pk).update(owner="somebody:1:else")

    with pytest.raises(runs.Lost):
        go(on_page=steal)
    assert Invoice.objects.count() == 3
    assert SyncRun.objects.get().owner == "somebody:1:else"


@pytest.mark.parametrize(("age", "full", "same"), [(1, False, True), (25, False, False), (1, True, False)])
def test_what_is_gone_on_with(go, world, connection, age, full, same):
    Connection.objects.update(complete_as_of=timezone.now())
    begun = timezone.now() - timedelta(hours=age)
    old = SyncRun.objects.create(connection=connection, full=False, since=begun, started_at=begun, heartbeat_at=begun)
    world.put(told("in_1"))
    assert (go(full=full).pk == old.pk) is same
    old.refresh_from_db()
    assert old.state == (State.COMPLETE if same else State.INCOMPLETE)


def test_a_place_the_provider_forgot_begins_anew(go, world):
    world.put(*(told(f"in_{n}") for n in range(6)))
    world.trouble = [None, None, NotSent("The provider cannot be reached.")]
    assert go().state == State.RUNNING
    world.trouble = [Refused("Unknown cursor.", status=400)]
    run = go()
    assert (run.state, "begins anew" in run.errors[-1]["problem"]) == (State.INCOMPLETE, True)
    assert go().state == State.COMPLETE


def test_a_cancelled_sync_ends_at_its_page(go, world):
    world.put(*(told(f"in_{n}") for n in range(9)))

    def stop(run):
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        go(on_page=stop)
    assert SyncRun.objects.get().state == State.CANCELLED


def test_a_job_that_lost_its_lease_leaves_the_run_for_the_next(go, world):
    def lose(run):
        raise Cancelled("the lease went to another worker")

    with pytest.raises(Cancelled):
        go(on_page=lose)
    assert (SyncRun.objects.get().state, SyncRun.objects.get().owner) == (State.RUNNING, "")


# ---- waiting


def test_a_short_wait_is_waited_out(go, world, connection):
    world.put(told("in_1"))
    world.trouble = [RateLimited("It asks us to wait.", retry_after=20)]
    run = go(patience=60)
    assert run.state == State.COMPLETE
    assert run.errors[0]["problem"] == "Waited 20 s: It asks us to wait."
    connection.refresh_from_db()
    assert connection.paused_until is None


def test_a_long_wait_is_for_later_and_everybody_sees_it(go, world, connection):
    world.put(told("in_1"))
    world.trouble = [RateLimited("It asks us to wait.", retry_after=600)]
    with pytest.raises(RetryLater) as later:
        go()
    assert later.value.seconds == 600
    connection.refresh_from_db()
    assert connection.pause_reason == "It asks us to wait."
    assert SyncRun.objects.get().owner == ""
    world.asked.clear()
    with pytest.raises(RetryLater):
        go()
    assert world.asked == []  # nobody calls while it is paused
    assert go(patience=3600).state == State.COMPLETE


def test_waits_nobody_measured_grow(go, world):
    world.put(told("in_1"))
    world.trouble = [RateLimited("Slow down.") for _ in range(3)]
    run = go(patience=3600)
    assert [error["problem"].split(":")[0] for error in run.errors] == ["Waited 15 s", "Waited 30 s", "Waited 60 s"]


# ---- pages that cannot be right


def test_a_garbled_page_is_asked_for_again_three_times(go, world):
    world.put(told("in_1"))
    world.trouble = [NotUnderstood("No JSON.")] * 3
    assert go().state == State.COMPLETE
    world.trouble = [NotUnderstood("No JSON.")] * 4
    run = go(full=True)
    assert (run.state, run.errors[-1]["problem"]) == (State.INCOMPLETE, "No JSON.")


def test_a_circle_ends_the_run(go, world):
    world.put(*(told(f"in_{n}") for n in range(9)))
    circle = Page(records=tuple(sent(told("in_3"))), next_cursor="3")
    world.trouble = [None, None, circle, circle, circle, circle]
    run = go()
    assert (run.state, "circle" in run.errors[-1]["problem"]) == (State.INCOMPLETE, True)


def test_a_page_with_nothing_new_ends_the_run(go, world):
    again = [Page(records=tuple(sent(told("in_0"))), next_cursor=str(n)) for n in range(1, 9)]
    world.trouble = [None, *again]
    run = go()
    assert (run.state, "anything new" in run.errors[-1]["problem"]) == (State.INCOMPLETE, True)
    assert run.pages == 3


def test_empty_pages_are_borne_for_a_while(go, world):
    world.put(told("in_1"))
    world.trouble = [None, *[Page(records=(), next_cursor=str(-n)) for n in range(1, 4)]]
    world.page_size = 10
    assert go().state == State.COMPLETE
    world.trouble = [None, *[Page(records=(), next_cursor=f"x{n}") for n in range(10)]]
    assert go(full=True).state == State.INCOMPLETE


def test_an_endless_list_ends_at_the_cap(go, world, monkeypatch):
    monkeypatch.setattr(sync, "PAGE_CAP", 5)
    world.put(*(told(f"in_{n}") for n in range(30)))
    run = go()
    assert (run.state, "does not end" in run.errors[-1]["problem"]) == (State.INCOMPLETE, True)


def test_fewer_than_the_provider_counts_is_read_again(go, world):
    """Offsets shift under us when a row goes: what slid over the page's edge comes with the second reading."""
    world.put(*(told(f"in_{n}") for n in range(6)))
    short = Page(records=tuple(sent(*(told(f"in_{n}") for n in (0, 1, 2)))), next_cursor=None, total=6)
    world.trouble = [None, short]
    run = go()
    assert (run.state, Invoice.objects.count()) == (State.COMPLETE, 6)
    world.trouble = [None, short, short, short]
    run = go(full=True)
    assert run.state == State.INCOMPLETE
    assert run.errors[-1]["problem"] == "The provider counts 6 in “invoices”, and lists 3."
    assert run.gone == 0


def test_no_row_at_all_where_there_were_some_is_a_failure(go, world, connection):
    world.put(told("in_1"), told("in_2"))
    go()
    world.listed = []
    run = go(full=True)
    assert (run.state, "no invoice at all" in connection.last_error) == (State.INCOMPLETE, True)
    assert not Invoice.objects.exclude(gone_at=None).exists()


def test_a_list_that_lost_its_better_half_is_not_believed(go, world):
    world.put(*(told(f"in_{n}") for n in range(60)))
    world.page_size = 100
    go()
    lost([f"in_{n}" for n in range(40)], world)
    run = go(full=True)
    assert (run.state, run.gone) == (State.INCOMPLETE, 0)
    assert "Nothing was concluded" in run.errors[-1]["problem"]


def test_a_refused_key_stops_and_says_so(go, world, connection):
    world.trouble = [KeyRefused("Plain does not accept the key for this.", status=401, said="invalid key")]
    assert go().state == State.RUNNING
    assert connection.last_error == "Plain does not accept the key for this. invalid key"


def test_one_record_that_never_completes_does_not_stop_the_rest(go, world):
    world.put(*(told(f"in_{n}") for n in range(5)))
    world.completes["in_2"] = Unknown("It failed with 500.", status=500)
    run = go()
    assert (run.state, run.created, run.quarantined) == (State.COMPLETE, 4, 1)


# ---- absence


def test_gone_needs_the_list_and_the_providers_word(go, world, plain):
    world.put(*(told(f"in_{n}") for n in range(5)))
    go()
    world.listed = [told(f"in_{n}") for n in range(4)]  # not listed, but there when asked for
    run = go(full=True)
    assert (run.state, run.gone, Invoice.objects.get(external_id="in_4").gone_at) == (State.COMPLETE, 0, None)
    lost(["in_4"], world)
    assert go(full=True).gone == 1
    gone = Invoice.objects.get(external_id="in_4")
    assert (gone.gone_at is not None, gone.book) == (True, 5)
    assert go(full=True).gone == 0


def test_what_was_gone_comes_back(go, world):
    world.put(told("in_1"), told("in_2"))
    go()
    lost(["in_2"], world)
    go(full=True)
    world.put(told("in_2"))
    run = go(full=True)
    back = Invoice.objects.get(external_id="in_2")
    assert (run.changed, back.gone_at, back.book, back.version) == (1, None, 1, 1)


def test_what_is_unlisted_but_changed_is_mirrored(go, world):
    world.put(told("in_1"), told("in_2"))
    go()
    world.listed = [told("in_1")]
    world.put(told("in_2", total="99.00"))
    go(full=True)
    assert Invoice.objects.get(external_id="in_2").total == 99


def test_without_a_read_by_id_two_complete_lists_have_to_miss_it(go, world, plain):
    plain.by_id = False
    world.put(told("in_1"), told("in_2"))
    go()
    world.listed = [told("in_1")]
    assert go(full=True).gone == 0
    assert Absence.objects.count() == 1
    world.listed = [told("in_1"), told("in_2")]
    go(full=True)
    assert Absence.objects.count() == 0  # it was there again: the count begins anew
    world.listed = [told("in_1")]
    assert [go(full=True).gone, go(full=True).gone] == [0, 1]


def test_an_answer_that_does_not_tell_concludes_nothing(go, world, monkeypatch):
    world.put(told("in_1"), told("in_2"))
    go()
    world.listed = [told("in_1")]

    def unclear(_):
        raise NotUnderstood("A page of HTML.")

    monkeypatch.setattr(world, "invoice", unclear)
    run = go(full=True)
    assert (run.state, run.gone) == (State.COMPLETE, 0)
    assert "does not tell" in run.errors[-1]["problem"]


def test_what_was_read_meanwhile_by_another_way_is_not_missing(go, world):
    world.put(told("in_1"), told("in_2"))
    go()
    lost(["in_2"], world)

    def refreshed(_):
        Invoice.objects.filter(external_id="in_2").update(read_at=timezone.now())

    assert go(full=True, on_page=refreshed).gone == 0


def test_an_unreadable_record_that_is_no_longer_sent_is_settled(go, world):
    world.put(told("in_1"), {"id": "in_2"})
    assert go().quarantined == 1
    lost(["in_2"], world)
    go(full=True)
    assert UnreadableRecord.objects.get().resolved_at is not None


def test_an_unreadable_new_record_counts_as_listed(go, world):
    world.put({"id": "in_1"}, {"id": "in_2"}, told("in_3"), told("in_4"))
    run = go()
    assert (run.state, run.seen, run.quarantined) == (State.COMPLETE, 4, 2)


def test_the_next_page_is_on_its_way_while_one_is_stored(go, world, monkeypatch):
    world.put(*(told(f"in_{n}") for n in range(9)))
    real, asked, in_time = world.page, threading.Event(), []

    def page(part, cursor):
        if (part.key, cursor) == ("invoices", "3"):
            asked.set()
        return real(part, cursor)

    def stored(run):
        if run.seen == 3:  # the first page is in; nothing goes on until this returns
            in_time.append(asked.wait(10))

    monkeypatch.setattr(world, "page", page)
    go(on_page=stored)
    assert in_time == [True]
