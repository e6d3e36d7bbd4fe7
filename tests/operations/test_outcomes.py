"""What an attempt came to, and where it leads: state, columns, jobs, evidence, moved by whoever holds the lease."""

import pytest
from django.utils import timezone

from invoicing.models import Connection, Operation
from invoicing.operations import recording, settling
from invoicing.providers.base import Request, Said
from tests.behind import behind_the_triggers
from tests.operations.rows import (
    ANSWERED,
    MAYBE,
    NONE,
    UNSURE,
    Q,
    asked,
    audits,
    classified,
    clock,
    fakes,
    jobs,
    record,
    seconds,
    sent,
    wish,
)

__all__ = ["asked", "clock", "fakes", "sent", "wish"]


def test_an_attempt_is_written_once_with_all_that_is_known_of_it(sent):
    operation = sent()
    record(operation, classified("unknown", message="x" * 600, http_status=502), body=b"abc", took=41)

    attempt = operation.attempts.get()
    assert (attempt.wire, attempt.http_status, attempt.classified, attempt.milliseconds) == (
        ANSWERED,
        502,
        "unknown",
        41,
    )
    assert len(attempt.said) == len(operation.outcome["message"]) == 500 and attempt.ended_at == timezone.now()
    assert attempt.response_sha256.startswith("ba7816bf")
    last = audits(operation)[-1]
    assert (last.action, last.facts["attempt"], last.facts["status"]) == ("by_key.unknown", 1, 502)
    assert len(last.facts["said"]) == 300


def test_without_a_body_there_is_no_digest_and_keys_are_not_repeated(sent):
    operation = sent(result=classified("unknown", MAYBE, message="Bearer sk_test_0123456789"))
    assert operation.attempts.get().response_sha256 == ""
    assert "0123456789" not in operation.attempts.get().said + operation.outcome["message"] + str(
        audits(operation)[-1].facts
    )


def test_done_is_believed_when_read_back_and_at_once_where_nothing_can_be_read(sent):
    said = Said(outcome="done", created="inv_new", facts={"workflow": "w"})
    read, unread = (sent(verb, classified("done", said=said)) for verb in ("by_value", "by_value_unread"))

    assert (read.state, read.settled_by, read.finished_at, read.looks) == ("accepted", "", None, 0)
    assert (read.quiet_at, read.next_look_at) == (timezone.now() + Q, timezone.now())
    assert jobs(read, "settle_operation").get().run_at == timezone.now()
    assert (unread.state, unread.settled_by, unread.finished_at) == ("succeeded", "answer", timezone.now())
    assert unread.next_look_at is None and not jobs(unread, "settle_operation").exists()
    assert unread.outcome == {"message": "", "created": "inv_new", "workflow": "w"}
    unread.invoice.refresh_from_db()
    read.invoice.refresh_from_db()
    assert (unread.invoice.confirmed_change_at, read.invoice.confirmed_change_at) == (timezone.now(), None)
    assert unread.lease_until is None and unread.version == read.version == 2


def test_accepted_is_looked_into(sent):
    assert sent("by_value_unread", classified("accepted", said=Said(outcome="accepted"))).state == "accepted"


@pytest.mark.parametrize("pauses", [True, False])
def test_a_refusal_ends_it_and_a_refused_key_is_told_on_the_connection(sent, pauses, connection_to):
    connection_to("orb", name="another")
    operation = sent(result=classified("refused", message="N" * 600, http_status=401, pause_connection=pauses))
    operation.connection.refresh_from_db()
    assert (operation.state, operation.settled_by, operation.finished_at) == ("refused", "answer", timezone.now())
    assert operation.connection.last_error == ("N" * 500 if pauses else "")
    assert operation.connection.last_error_at == (timezone.now() if pauses else None)
    assert not Connection.objects.exclude(pk=operation.connection_id).exclude(last_error="").exists()
    assert not jobs(operation, "settle_operation").exists()


@pytest.mark.parametrize(("attempt", "wait"), [(1, 30), (2, 60), (3, 120), (6, 900)])
def test_what_was_not_sent_waits_longer_each_time_and_is_sent_as_often_as_it_takes(sent, attempt, wait):
    operation = sent("unguarded", classified("not_sent", NONE, message="no route"), attempt=attempt)
    assert operation.state == "approved" and operation.not_before == timezone.now() + seconds(wait)
    assert jobs(operation, "dispatch_operation").last().run_at == operation.not_before
    assert operation.outcome == {"message": "no route"} and operation.next_look_at is None


def test_what_was_not_sent_after_it_may_have_been_is_unknown(sent):
    operation = sent(attempt=2)
    with behind_the_triggers("invoicing_attempt"):
        operation.attempts.filter(number=1).update(wire=MAYBE)
    record(operation, classified("not_sent", NONE))
    assert (operation.state, operation.quiet_at) == ("unknown", timezone.now() + Q)


@pytest.mark.parametrize(("attempt", "after", "wait"), [(1, 42, 42), (1, None, 30), (2, None, 60), (4, 9, 9)])
def test_under_a_key_a_rate_limit_is_waited_out(sent, attempt, after, wait):
    operation = sent("by_key", classified("later", retry_after=after), attempt=attempt)
    assert (operation.state, operation.not_before) == ("approved", timezone.now() + seconds(wait))
    assert (operation.quiet_at, operation.looks) == (timezone.now() + Q, 0)
    assert jobs(operation, "dispatch_operation").last().run_at == operation.not_before


@pytest.mark.parametrize(("verb", "attempt"), [("by_key", 3), ("by_key_once_answered", 1)])
def test_after_three_attempts_or_where_the_key_brings_the_same_answer_a_rate_limit_is_read_back(sent, verb, attempt):
    assert sent(verb, classified("later", retry_after=1), attempt=attempt, before=MAYBE).state == "unknown"


def test_an_unknown_outcome_is_looked_into_at_once(sent):
    operation = sent(result=UNSURE)
    assert (operation.state, operation.quiet_at, operation.next_look_at) == (
        "unknown",
        timezone.now() + Q,
        timezone.now(),
    )
    assert operation.outcome == {"message": "timeout"}
    assert jobs(operation, "settle_operation").get().run_at == timezone.now()


@pytest.mark.parametrize("lost", [{"state": "unknown"}, {"attempt": 2}, {"lease_token": "another"}])
def test_a_worker_that_lost_its_lease_changes_nothing_and_leaves_what_it_saw(sent, lost):
    operation, beside = sent(next_look_at=None), sent(next_look_at=None)
    Operation.objects.filter(pk=operation.pk).update(**lost)
    before = Operation.objects.get(pk=operation.pk)

    record(operation, classified("done", said=Said(outcome="done")))

    assert (operation.state, operation.version, operation.outcome) == (before.state, before.version, before.outcome)
    assert operation.evidence == [{"at": timezone.now().isoformat(), "late": True, "attempt": 1, "saw": "done"}]
    assert operation.next_look_at == timezone.now() and jobs(operation, "settle_operation").exists()
    beside.refresh_from_db()
    assert beside.next_look_at is None and beside.state == "sending"


def test_late_news_of_what_has_ended_is_kept_and_moves_nothing(sent):
    operation = sent()
    Operation.objects.filter(pk=operation.pk).update(state="not_done")
    record(operation, UNSURE)
    assert operation.state == "not_done" and operation.evidence[0]["saw"] == "unknown"
    assert operation.next_look_at is None and not jobs(operation, "settle_operation").exists()


def test_an_attempt_that_was_called_dead_is_not_written_again(sent):
    operation = sent()
    operation.attempts.update(ended_at=timezone.now() - seconds(9), said="dead", wire=MAYBE)
    record(operation, classified("done", said=Said(outcome="done")))
    assert (operation.attempts.get().said, operation.attempts.get().wire) == ("dead", MAYBE)


def test_only_the_version_that_was_read_is_ended_or_held_back(asked):
    for move, state in ((recording.refuse, "refused"), (recording.look_again, "unknown")):
        operation, stale = (found := asked()), Operation.objects.get(pk=found.pk)
        Operation.objects.filter(pk=operation.pk).update(version=7)
        move(operation, "because")
        assert (operation.state, operation.version) == ("approved", 7) and len(audits(operation)) == 2
        move(operation, "because")
        assert (operation.state, operation.version) == (state, 8) and stale.version != 8
        assert audits(operation)[-1].facts["why"] == "because"
        move(operation, "once more")
        assert operation.version == 8
    assert operation.outcome["held_back"] == "It was not sent again: because"
    assert (operation.next_look_at, jobs(operation, "settle_operation").get().run_at) == (
        timezone.now(),
        timezone.now(),
    )


def test_a_refusal_of_ours_says_that_nothing_was_sent(asked):
    operation = asked()
    recording.refuse(operation, "It changed.")
    assert operation.outcome == {"message": "It changed.", "sent": False} and operation.finished_at == timezone.now()


def test_the_digest_covers_all_that_is_sent():
    one = Request(path={"id": "1"}, query=(("a", "b"),), body={"x": 1})
    others = [Request(path={"id": "2"}, query=one.query, body=one.body), Request(path=one.path, body=one.body)]
    others.append(Request(path=one.path, query=one.query, body={"x": 2}))
    digests = {recording.digest_of("do", each) for each in [one, *others]} | {recording.digest_of("other", one)}
    assert (
        len(digests) == 5
        and recording.digest_of("do", Request(path={"id": "1"}, query=(("a", "b"),), body={"x": 1})) in digests
    )


# ---- a worker that died


def test_a_lease_that_is_over_makes_it_unknown_with_the_quiet_time_from_its_end(sent, clock):
    operation = sent(looks=4)
    assert settling.expire_leases() == 0  # a worker may still be at it
    clock.shift(60)
    assert settling.expire_leases() == 0  # to the very end
    clock.shift(1)

    assert settling.expire_leases() == 1

    operation.refresh_from_db()
    assert (operation.state, operation.version, operation.looks) == ("unknown", 2, 0)
    assert operation.quiet_at == timezone.now() - seconds(1) + Q and operation.next_look_at == timezone.now()
    assert operation.outcome == {"message": "The worker ended while it was sending."}
    attempt = operation.attempts.get()
    assert (attempt.wire, attempt.classified, attempt.ended_at) == (MAYBE, "unknown", timezone.now())
    assert attempt.said and audits(operation)[-1].facts["attempt"] == 1
    assert jobs(operation, "settle_operation").get().run_at == timezone.now()
    assert settling.expire_leases() == 0


def test_a_lease_ends_only_the_attempt_it_was_for(sent, clock):
    operation = sent(attempt=2)
    with behind_the_triggers("invoicing_attempt"):
        operation.attempts.filter(number=1).update(said="first", ended_at=None)
    clock.shift(61)
    settling.expire_leases()
    assert operation.attempts.get(number=1).said == "first" and operation.attempts.get(number=2).wire == MAYBE
