"""Operations at any point of their life, for tests of single moves: rows made by hand, and a wire that gives what is wanted."""

import pytest
import time_machine
from django.utils import timezone

from invoicing.models import Attempt, AuditEntry, Job, Operation
from invoicing.operations import recording, sending, settling
from invoicing.operations.classify import Classified, Outcome
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import request_operation
from invoicing.operations.verb import Proof
from tests.operations.fake_provider import Reads, World, answer, utc
from tests.operations.test_rules import ANSWERED, MAYBE, NONE, Q, fakes, seconds, wish

__all__ = ["fakes", "wish"]


@pytest.fixture
def clock(fakes):
    with time_machine.travel(utc(), tick=False) as travelling:
        yield travelling


class Wire(Reads):
    """Reads the world; a write gives what the test wants, and is remembered."""

    before_write = None

    def __init__(self, world, gives=None):
        super().__init__(world)
        self.gives, self.written = gives, []

    def call(self, endpoint, *, path=None, query=(), body=None, key=""):
        if endpoint.safe:
            return super().call(endpoint, path=path)
        if self.before_write:
            self.before_write()
        self.written.append((path, body, key))
        if isinstance(self.gives, Exception):
            raise self.gives
        if self.gives != "nothing":
            self.world.process(key)
        return answer(self.world.payload(timezone.now()))


@pytest.fixture
def asked(clock, wish):
    """asked("by_key") is an approved operation with its world beside it."""

    def make(verb="by_key"):
        return request_operation(wish(verb))

    return make


@pytest.fixture
def sent(asked):
    """sent("by_key", Unknown("timeout")) is one whose first attempt ended so; nothing was looked at yet."""

    def make(verb="by_key", result=None, *, attempt=1, before=NONE, **columns):
        operation = asked(verb)
        now, token = timezone.now(), "token"
        Operation.objects.filter(pk=operation.pk).update(
            state="sending", attempt=attempt, lease_token=token, lease_until=now + seconds(60), **columns
        )
        for number in range(1, attempt):
            Attempt.objects.create(
                operation=operation, number=number, lease_token="x", committed_at=now, wire=before, ended_at=now
            )
        operation.tried = Attempt.objects.create(
            operation=operation, number=attempt, lease_token=token, committed_at=now
        )
        operation.refresh_from_db()
        if result is not None:
            record(operation, result)
        return operation

    return make


def record(operation, result, body=b"", took=7):
    recording.record_outcome(operation, operation.tried, result, body=body, milliseconds=took)


def classified(outcome, wire=ANSWERED, **more):
    return Classified(outcome=Outcome(outcome), wire=wire, **more)


UNSURE = classified("unknown", MAYBE, message="timeout")


def audits(operation):
    return list(AuditEntry.objects.filter(target=f"operation:{operation.pk}").order_by("sequence"))


def jobs(operation, task):
    return Job.objects.filter(arguments={"operation_id": str(operation.pk)}, task__endswith=task).order_by(
        "run_at", "created_at"
    )


def see(operation, verdict, *, times=1, **more):
    for _ in range(times):
        settling.conclude(operation, Proof(verdict=verdict, saw="seen", **more), looked_at=timezone.now())
    return operation


def world_of(operation):
    """What the provider holds of it, with nothing done yet."""
    call = VERBS[operation.verb].calls["fake"]
    return World(operation.external_id, call.call_class, call.replays_errors, timezone.now, Q)


def send(operation, gives=None, **more):
    wire = Wire(world_of(operation), gives)
    fresh = Operation.objects.select_related("connection", "invoice__connection", "requester").get(pk=operation.pk)
    sending.dispatch(fresh, http=wire, **more)
    operation.refresh_from_db()
    return wire
