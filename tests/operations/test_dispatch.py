"""From an approved row to the wire: what must still hold, who claims it, when it is too late, and where an outcome goes
that the database does not take."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from invoicing.models import Attempt, Operation
from invoicing.operations import recording, sending, settling, spool
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import cancel
from invoicing.operations.verb import Verdict
from invoicing.providers.base import Request
from invoicing.providers.errors import NotSent, RateLimited, Refused, Unknown
from invoicing.vocabulary import CallClass
from tests.operations.fake_provider import Reads, utc
from tests.operations.rows import (
    ANSWERED,
    MAYBE,
    NONE,
    UNSURE,
    Q,
    Wire,
    asked,
    audits,
    clock,
    fakes,
    record,
    seconds,
    see,
    send,
    sent,
    wish,
    world_of,
)

__all__ = ["asked", "clock", "fakes", "sent", "wish"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("verb", ["by_key", "by_guard"])
def test_an_approved_operation_is_claimed_sent_and_proven(asked, verb):
    operation = asked(verb)
    wire = send(operation)
    [(path, body, key)] = wire.written
    assert path == {"id": operation.external_id} and body == {}
    assert key == (operation.key if operation.call_class == CallClass.KEYED else "")
    attempt = operation.attempts.get()
    assert (operation.state, operation.attempt, attempt.number, attempt.wire) == ("succeeded", 1, 1, ANSWERED)
    assert attempt.request == {"endpoint": "do", "path": path, "query": [], "body": {}}
    assert attempt.http_status == 200 and attempt.response_sha256 and len(attempt.lease_token) == 32
    assert operation.request_digest == recording.digest_of("do", Request(path=path, body={}))
    assert [entry.action.rpartition(".")[2] for entry in audits(operation)] == [
        "requested",
        "approved",
        "attempt",
        "done",
        "read_back",
    ]


@pytest.mark.parametrize("columns", [{"state": "sending"}, {"not_before": utc() + seconds(1)}])
def test_what_is_not_ours_to_carry_or_not_due_is_left_alone(asked, columns):
    operation = asked()
    Operation.objects.filter(pk=operation.pk).update(**columns)
    assert send(operation).written == [] and not operation.attempts.exists()


@pytest.mark.parametrize(
    ("error", "waits"),
    [(Unknown("no answer"), [30, 60, 120, 240, 480, 900, 900]), (RateLimited("wait", retry_after=4), [4, 4])],
)
def test_before_it_is_sent_a_provider_that_cannot_be_read_is_waited_for(asked, error, waits):
    operation = asked()
    for number, seconds_ in enumerate(waits, 1):
        Operation.objects.filter(pk=operation.pk).update(not_before=timezone.now())
        fresh = Operation.objects.select_related("connection", "invoice__connection", "requester").get(pk=operation.pk)
        with pytest.raises(sending.NotNow) as wait:
            sending.dispatch(fresh, http=Reads(world_of(operation), error))
        operation.refresh_from_db()
        assert wait.value.seconds == seconds_ and operation.not_before == timezone.now() + seconds(seconds_)
        assert operation.outcome["waits"] == number and operation.outcome["message"].startswith("Waiting: ")
        assert (operation.state, operation.version) == ("approved", 1 + number)


def test_a_right_that_was_lost_stops_it_and_after_a_first_attempt_it_is_read_back(asked, operator):
    fresh, tried = asked(), asked()
    Attempt.objects.create(operation=tried, number=1, lease_token="x", committed_at=timezone.now(), wire=ANSWERED)
    operator.groups.clear()
    assert send(fresh).written == send(tried).written == []
    assert (fresh.state, fresh.outcome["sent"]) == ("refused", False) and "Nothing was sent." in fresh.outcome[
        "message"
    ]
    assert tried.state == "unknown" and "no longer has the right" in tried.outcome["held_back"]


@pytest.mark.parametrize(("age", "sent_again"), [(timedelta(hours=3) - Q, True), (timedelta(hours=3), False)])
def test_before_a_resend_the_key_is_asked_for_its_age(asked, clock, age, sent_again):
    operation = asked("by_key")
    Attempt.objects.create(operation=operation, number=1, lease_token="x", committed_at=timezone.now(), wire=ANSWERED)
    Operation.objects.filter(pk=operation.pk).update(attempt=1)
    clock.shift(age)
    assert bool(send(operation).written) is sent_again
    assert operation.state == ("succeeded" if sent_again else "unknown")


def test_a_first_attempt_needs_no_young_key(asked, clock):
    operation = asked("by_key")
    clock.shift(timedelta(days=9))
    assert send(operation).written


def test_another_request_than_the_first_is_not_sent(asked):
    fresh, tried = asked(), asked()
    Operation.objects.filter(pk__in=[fresh.pk, tried.pk]).update(request_digest="other", attempt=1)
    Attempt.objects.create(operation=tried, number=1, lease_token="x", committed_at=timezone.now(), wire=MAYBE)
    assert send(fresh).written == send(tried).written == []
    assert (fresh.state, tried.state) == ("refused", "unknown")
    assert "no longer the one first sent" in fresh.outcome["message"]


@pytest.mark.parametrize(("late", "written"), [(5, True), (5.01, False)])
def test_a_worker_that_is_held_up_after_its_claim_does_not_write(asked, monkeypatch, late, written):
    elapsed = iter([100.0, *[100.0 + late] * 9])
    monkeypatch.setattr(sending, "time", SimpleNamespace(monotonic=lambda: next(elapsed)))
    operation = asked("unguarded")
    assert bool(send(operation).written) is written
    assert operation.attempts.get().wire == (ANSWERED if written else NONE)
    assert operation.state == ("succeeded" if written else "approved")


def test_of_two_workers_with_the_same_row_one_claims(asked):
    operation = asked()
    one, other = (Operation.objects.select_related("connection").get(pk=operation.pk) for _ in range(2))
    call, request = VERBS["by_key"].calls["fake"], Request(path={"id": "x"})
    assert sending.claim(one, request, call) is not None
    assert sending.claim(other, request, call) is None
    assert operation.attempts.count() == 1 and one.lease_until == timezone.now() + seconds(60)
    assert (one.state, one.version, one.attempt) == ("sending", 2, 1)
    assert audits(operation)[-1].facts["number"] == 1


def test_a_refusal_is_believed_only_where_the_effect_is_not_there(asked):
    for verb, applied, state in (
        ("by_guard", True, "succeeded"),
        ("by_guard", False, "refused"),
        ("unguarded", True, "succeeded"),
    ):
        operation = asked(verb)
        world = world_of(operation)
        wire = Wire(world, Refused("no", status=400, said="It is so already."))
        fresh = Operation.objects.select_related("connection", "invoice__connection", "requester").get(pk=operation.pk)
        if applied:
            wire.before_write = lambda world=world: world.applied.append(timezone.now())
        sending.dispatch(fresh, http=wire)
        operation.refresh_from_db()
        assert (operation.state, operation.attempts.get().wire) == (state, ANSWERED)


@pytest.mark.parametrize(
    ("gives", "kept"),
    [
        (None, {"outcome": "done", "wire": "answered", "http_status": 200, "message": ""}),
        (Unknown("timeout"), {"outcome": "unknown", "wire": "maybe", "http_status": None, "message": "timeout"}),
        (NotSent("no route"), {"outcome": "not_sent", "wire": "none", "http_status": None, "message": "no route"}),
    ],
)
def test_an_outcome_the_database_does_not_take_is_kept_in_a_file_and_read_first(asked, monkeypatch, gives, kept):
    def full(*arguments, **named):
        raise DatabaseError("full")

    operation = asked("by_guard")
    with monkeypatch.context() as broken:
        broken.setattr(sending, "record_outcome", full)
        send(operation, gives)
    assert operation.state == "sending" and operation.attempts.get().ended_at is None
    [file] = spool.folder().glob("*.json")
    written = json.loads(file.read_text())
    assert {name: written[name] for name in kept} == kept and written["created"] == "" and written["attempt"] == 1

    assert spool.drain() == 1

    operation.refresh_from_db()
    assert operation.state == {"done": "accepted", "unknown": "unknown", "not_sent": "approved"}[kept["outcome"]]
    assert operation.attempts.get().wire == kept["wire"] and not list(spool.folder().glob("*"))
    assert spool.drain() == 0


@pytest.mark.parametrize("moment", ["before it is read", "before it is removed"])
def test_two_workers_may_record_the_same_file(sent, monkeypatch, moment):
    operation = sent("by_guard")
    told = {"outcome": "unknown", "wire": "maybe", "http_status": None, "message": "timeout", "created": ""}
    spool.write(operation, operation.tried, told, body=b"", milliseconds=7)
    [path] = spool.folder().glob("*.json")
    if moment == "before it is read":
        monkeypatch.setattr(type(path), "glob", lambda *_: [path.with_name("gone.json"), path])
    else:
        monkeypatch.setattr(spool, "record_outcome", lambda *given, **named: (record(operation, UNSURE), path.unlink()))

    assert spool.drain() == 1
    operation.refresh_from_db()
    assert operation.state == "unknown" and not path.exists()


def test_no_call_is_made_inside_a_transaction(asked, transactional_db):
    operation = asked()
    with transaction.atomic(), pytest.raises((AssertionError, RuntimeError)):
        send(operation)
    operation.refresh_from_db()
    assert operation.state == "approved"


@pytest.mark.parametrize("move", ["claim", "outcome", "refuse", "look again", "conclude", "expire", "cancel"])
def test_what_is_not_on_disk_for_certain_did_not_move(asked, sent, move):
    """Each move is a transaction of its own: inside of another one it could be taken back after the wire was touched."""
    operation = sent("by_guard")
    stands = {"outcome": "sending", "expire": "sending", "conclude": "unknown"}.get(move, "approved")
    Operation.objects.filter(pk=operation.pk).update(state=stands, lease_until=utc() - seconds(1))
    operation.refresh_from_db()
    call, request = VERBS["by_guard"].calls["fake"], Request(path={"id": operation.external_id}, body={})
    moves = {
        "claim": lambda: sending.claim(operation, request, call),
        "outcome": lambda: record(operation, UNSURE),
        "refuse": lambda: recording.refuse(operation, "It changed."),
        "look again": lambda: recording.look_again(operation, "It changed."),
        "conclude": lambda: see(operation, Verdict.APPLIED),
        "expire": settling.expire_leases,
        "cancel": lambda: cancel(operation, by=operation.requester),
    }
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        moves[move]()
