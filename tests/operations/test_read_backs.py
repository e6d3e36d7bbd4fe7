"""What was read back, and what may be concluded from it: by what was seen, how often, when, and by the class of the call."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from invoicing.models import Incident, Operation
from invoicing.operations import settling
from invoicing.operations.registry import VERBS
from invoicing.operations.verb import Verdict
from invoicing.providers.base import Said
from invoicing.providers.errors import Unknown
from tests.operations.fake_provider import Reads, utc
from tests.operations.rows import (
    ANSWERED,
    MAYBE,
    UNSURE,
    Q,
    Wire,
    asked,
    audits,
    classified,
    clock,
    fakes,
    jobs,
    seconds,
    see,
    sent,
    wish,
    world_of,
)

__all__ = ["asked", "clock", "fakes", "sent", "wish"]
APPLIED, ABSENT, UNCLEAR, FAILED = Verdict.APPLIED, Verdict.ABSENT, Verdict.UNCLEAR, Verdict.FAILED


def test_an_effect_that_is_seen_ends_it_at_once(sent):
    operation = see(sent(result=UNSURE), APPLIED, created="inv_new")
    assert (operation.state, operation.settled_by, operation.finished_at) == ("succeeded", "read_back", timezone.now())
    assert operation.outcome == {"message": "", "stage": "", "created": "inv_new"} and operation.next_look_at is None
    assert operation.looks == 1 and operation.version == 3
    operation.invoice.refresh_from_db()
    assert operation.invoice.confirmed_change_at == timezone.now()
    [entry] = operation.evidence
    assert entry == {"at": timezone.now().isoformat(), "attempt": 1, "verdict": "applied", "saw": "seen"}
    last = audits(operation)[-1].facts
    assert (last["verdict"], last["saw"], last["state"]) == ("applied", "seen", "succeeded")


def test_what_was_accepted_and_is_seen_was_settled_by_the_answer(sent):
    operation = see(sent(result=classified("done", said=Said(outcome="done", created="x"))), APPLIED)
    assert (operation.settled_by, operation.outcome["created"]) == ("answer", "x")


@pytest.mark.parametrize("verb", ["by_key", "by_guard", "by_value", "unguarded"])
def test_absence_counts_from_two_reads_the_second_after_the_quiet_time(sent, clock, verb):
    operation = see(sent(verb, UNSURE), ABSENT)
    assert (operation.state, operation.looks) == ("unknown", 1)
    assert operation.next_look_at == timezone.now() + seconds(15)
    assert jobs(operation, "settle_operation").last().run_at == operation.next_look_at
    see(operation, ABSENT)
    assert operation.state == "unknown" and operation.next_look_at == timezone.now() + seconds(60)
    clock.shift(Q - seconds(0.001))
    assert see(operation, ABSENT).state == "unknown"
    clock.shift(0.001)
    see(operation, ABSENT)
    if verb == "unguarded":
        assert (operation.state, operation.settled_by, operation.finished_at) == (
            "not_done",
            "read_back",
            timezone.now(),
        )
        assert "two reads" in operation.outcome["message"] and operation.next_look_at is None
    else:
        assert (operation.state, operation.not_before, operation.next_look_at) == ("approved", timezone.now(), None)
        assert operation.looks == 0 and jobs(operation, "dispatch_operation").last().run_at == timezone.now()


def test_one_read_after_the_quiet_time_is_not_two_and_an_unclear_one_counts_for_nothing(sent, clock):
    operation = sent("unguarded", UNSURE)
    clock.shift(Q)
    assert see(operation, ABSENT).state == "unknown"
    assert see(operation, UNCLEAR).state == "unknown"
    assert see(operation, ABSENT).state == "unknown"
    assert see(operation, ABSENT).state == "not_done"


def test_what_was_read_of_an_earlier_attempt_proves_nothing_of_this_one(sent, clock):
    operation = sent("unguarded", UNSURE)
    clock.shift(Q)
    see(operation, ABSENT)
    Operation.objects.filter(pk=operation.pk).update(attempt=2, version=operation.version)
    operation.refresh_from_db()
    assert see(operation, ABSENT).state == "unknown"


def test_what_leaves_no_trace_goes_to_a_person_at_once(sent):
    for verdict in (UNCLEAR, ABSENT):
        operation = see(sent("unguarded_and_unseen", UNSURE), verdict)
        assert (operation.state, operation.next_look_at) == ("needs_person", None)
        assert not jobs(operation, "settle_operation").filter(run_at__gt=timezone.now()).exists()


@pytest.mark.parametrize(("after", "state"), [(1200, "unknown"), (1201, "needs_person")])
def test_what_stays_unclear_half_an_hour_is_shown_to_a_person_and_still_looked_into(sent, clock, after, state):
    operation = sent(result=UNSURE)
    clock.shift(Q + seconds(after))
    see(operation, UNCLEAR)
    assert operation.state == state and operation.next_look_at == timezone.now() + seconds(15)
    clock.shift(-seconds(after))
    assert see(operation, UNCLEAR).state == state
    assert see(operation, APPLIED).state == "succeeded"


def test_what_is_half_done_is_shown_to_a_person_right_after_the_quiet_time(sent, clock):
    operation = sent(result=classified("accepted", said=Said(outcome="accepted")))
    assert see(operation, UNCLEAR, stage="voided").state == "accepted" and operation.outcome["stage"] == "voided"
    clock.shift(Q + seconds(1))
    assert see(operation, UNCLEAR, stage="voided").state == "needs_person"


@pytest.mark.parametrize(("after", "state"), [(-1, "accepted"), (0, "needs_person")])
def test_what_the_provider_said_it_did_and_is_not_to_be_seen_waits_for_it_and_then_for_a_person(
    sent, clock, monkeypatch, after, state
):
    operation = sent(result=classified("done", said=Said(outcome="done")))
    call = VERBS["by_key"].calls["fake"]
    monkeypatch.setitem(VERBS["by_key"].calls, "fake", replace(call, patience=timedelta(hours=2)))
    clock.shift(Q + timedelta(hours=2) + seconds(after))
    assert see(operation, UNCLEAR).state == state
    see(operation, ABSENT, times=2)
    assert operation.state == state and operation.next_look_at > timezone.now()
    assert not jobs(operation, "dispatch_operation").filter(run_at=timezone.now()).exists()  # never sent again


def test_an_answer_that_may_be_empty_is_no_proof_that_something_comes(sent, clock, monkeypatch):
    monkeypatch.setattr(VERBS["unguarded"], "success_may_be_empty", True, raising=False)
    operation = sent("unguarded", classified("done", said=Said(outcome="done")))
    clock.shift(Q)
    see(operation, ABSENT, times=2)
    assert (
        operation.state == "not_done"
        and "answered with success, and nothing happened. seen" in operation.outcome["message"]
    )


def test_what_cannot_be_sent_again_and_may_still_be_worked_on_is_a_persons(sent, clock, monkeypatch):
    call = VERBS["unguarded"].calls["fake"]
    monkeypatch.setitem(VERBS["unguarded"].calls, "fake", replace(call, patience=timedelta(hours=2)))
    operation = sent("unguarded", UNSURE)
    clock.shift(Q)
    see(operation, ABSENT, times=2)
    assert operation.state == "needs_person" and "may still be at it" in operation.outcome["message"]
    clock.shift(timedelta(hours=2))
    assert see(operation, ABSENT).state == "not_done"


def test_what_the_provider_tried_in_vain_is_over(sent):
    operation = see(sent(result=UNSURE), FAILED)
    assert (operation.state, operation.settled_by, operation.outcome["message"]) == ("not_done", "read_back", "seen")


@pytest.mark.parametrize(
    ("verb", "columns", "why"),
    [
        ("by_guard", {"attempt": 3}, "three attempts"),
        ("by_guard", {"outcome": {"held_back": "It was not sent again: it changed."}}, "held back"),
        ("by_key", {"created_at": utc() - timedelta(hours=3)}, "the key is forgotten"),
    ],
)
def test_nothing_is_sent_again_without_a_reason(sent, clock, verb, columns, why):
    operation = sent(verb, UNSURE, attempt=columns.get("attempt", 1), before=MAYBE)
    Operation.objects.filter(pk=operation.pk).update(**columns) if columns else None
    operation.refresh_from_db()
    clock.shift(Q)
    see(operation, ABSENT, times=2)
    assert operation.state == "not_done", why
    assert operation.outcome["message"].endswith(columns.get("outcome", {}).get("held_back", "show no effect."))


def test_attempts_of_which_nothing_was_written_do_not_count(sent, clock):
    operation = sent("by_guard", UNSURE, attempt=5)
    clock.shift(Q)
    assert see(operation, ABSENT, times=2).state == "approved"


@pytest.mark.parametrize(("wire", "state"), [(MAYBE, "approved"), (ANSWERED, "not_done")])
def test_a_key_under_which_errors_are_kept_is_used_again_only_after_silence(sent, clock, wire, state):
    operation = sent("by_key_once_answered", classified("unknown", wire))
    clock.shift(Q)
    assert see(operation, ABSENT, times=2).state == state


def test_a_conclusion_is_drawn_from_the_row_that_was_read(sent):
    operation = sent(result=UNSURE)
    Operation.objects.filter(pk=operation.pk).update(version=9)
    see(operation, APPLIED)
    assert (operation.state, operation.version, operation.evidence) == ("unknown", 9, [])
    Operation.objects.filter(pk=operation.pk).update(state="not_done")
    assert see(operation, APPLIED).state == "not_done"


def test_more_effects_than_one_are_an_incident(sent):
    operation = see(sent(result=UNSURE), UNCLEAR, incident="Two invoices replace it.")
    incident = Incident.objects.get()
    assert (incident.kind, incident.operation, incident.invoice) == (Incident.Kind.DOUBLE, operation, operation.invoice)
    assert incident.text == "Two invoices replace it." and incident.mark == f"double:{operation.pk}"


# ---- looking


def test_it_is_looked_into_when_it_is_due_and_never_before(sent, clock):
    operation = sent("by_guard", UNSURE)
    world = world_of(operation)
    Operation.objects.filter(pk=operation.pk).update(next_look_at=timezone.now() + seconds(1))
    settling.look(operation, http=Wire(world))
    assert operation.evidence == []
    clock.shift(1)
    settling.look(operation, http=Wire(world))
    assert operation.evidence[0]["verdict"] == "absent"


@pytest.mark.parametrize("error", [Unknown("no answer"), RuntimeError("a mistake of ours")])
def test_a_read_that_fails_tells_nothing(sent, error):
    operation = sent(result=UNSURE)
    settling.look(operation, http=Reads(world_of(operation), error))
    assert operation.state == "unknown" and operation.evidence[0]["verdict"] == "unclear"
    assert operation.evidence[0]["saw"].startswith("Cannot tell: ")


def test_what_has_ended_is_not_looked_into(sent):
    operation = sent(result=UNSURE)
    Operation.objects.filter(pk=operation.pk).update(state="not_done")
    settling.look(operation, http=Reads(world_of(operation), AssertionError("nothing is read")))
    assert operation.state == "not_done"


@pytest.mark.parametrize("error", [None, Unknown("the file could not be fetched")])
def test_what_follows_a_success_does_not_change_it(sent, monkeypatch, error):
    followed = []

    def settle(reading, created):
        followed.append(created)
        if error:
            raise error

    monkeypatch.setattr(VERBS["by_guard"], "settle", settle, raising=False)
    operation = sent("by_guard", UNSURE, outcome={"created": "inv_new"})
    Operation.objects.filter(pk=operation.pk).update(outcome={"created": "inv_new"})
    world = world_of(operation)
    world.process("")
    settling.look(operation, http=Wire(world))
    assert operation.state == "succeeded" and followed == ["inv_new"]
