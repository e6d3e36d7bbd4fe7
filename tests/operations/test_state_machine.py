"""The ledger walked at random: claims, lost answers, late effects, dead and late workers, stale reads, hours of waiting.

The real code runs against a provider in memory, on a clock of its own; workers are threads that stand still at their three
dangerous moments while anything else may happen. Whatever the walk: no double, no lie, no dead end.
"""

import itertools
import os
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.conf import settings as django_settings
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from invoicing.mirror.refresh import mirror_new
from invoicing.models import Attempt, AuditEntry, Connection, Operation, User, clock
from invoicing.operations import recording, sending, settling
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import CannotRequest, Wish, cancel, request_operation
from invoicing.providers.errors import Conflict, KeyRefused, NotSent, NotUnderstood, RateLimited, Refused, Unknown
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import CallClass, OperationState
from invoicing.web.operation_standing import told
from tests.operations.fake_provider import FAKE_VERBS, Fake, Reads, World, answer, utc
from tests.operations.workers import Worker

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLES = int(os.environ.get("DESK_WALKS", "40"))
FIXED = "DESK_WALKS" not in os.environ  # the same walks each time; DESK_WALKS=500 walks where nobody walked before
QUICKLY = "DESK_WALKS_QUICKLY" in os.environ  # no search for the shortest that fails
Q = timedelta(seconds=600)
NUMBERS = itertools.count(1)
NEVER_DONE = ("refused", "not_done", "cancelled", "rejected", "expired")

CANNOT_TELL = [
    Unknown("timeout"),
    NotUnderstood("HTML"),
    KeyRefused("403", status=403),
    NotSent("no route"),
    RateLimited("429", status=429),
    "missing",
]
MOSTLY = st.integers(0, 3).map(bool)
READS = st.one_of(st.just("fresh"), st.sampled_from(["fresh", "stale", *CANNOT_TELL]))
NOTHING_HAPPENED = {  # how a request can end without any effect, ever
    "not sent": lambda: NotSent("refused"),
    "lost on its way": lambda: Unknown("reset"),
    "refused": lambda: Refused("no", status=400, said="No."),
    "key refused": lambda: KeyRefused("no", status=401, said="No."),
}
SAYS_NOTHING = {  # answers that prove nothing: given with the effect and without
    "reset": lambda: Unknown("reset"),
    "500": lambda: Unknown("500", status=500),
    "429": lambda: RateLimited("429", status=429, retry_after=5),
    "429 for an hour": lambda: RateLimited("429", status=429, retry_after=3600),
    "409": lambda: Conflict("409", status=409),
    "HTML": lambda: NotUnderstood("HTML"),
}
DECISIONS = st.one_of(
    st.just(("answered", None)),
    st.sampled_from([(how, None) for how in NOTHING_HAPPENED]),
    st.tuples(st.sampled_from(["with effect", "without effect"]), st.sampled_from(list(SAYS_NOTHING))),
    st.tuples(st.just("late"), st.sampled_from([timedelta(seconds=s) for s in (1, 30, 250)])),
)


class Writing(Reads):
    """The wire of one worker: it stands still before a write and again before the answer, and does what is decided."""

    before_write = None  # what the ledger has asked right before the first byte

    def __init__(self, world, worker, read):
        super().__init__(world, read)
        self.worker = worker

    def call(self, endpoint, *, path=None, query=(), body=None, key=""):
        if endpoint.safe:
            return super().call(endpoint, path=path)
        decision = self.worker.stop("before write") or ("answered", None)
        if self.before_write:
            self.before_write()
        what, detail = decision
        if what in NOTHING_HAPPENED:
            raise NOTHING_HAPPENED[what]()
        if what == "without effect":
            error = SAYS_NOTHING[detail]()
            raise self.world.fail(key, error) if error.status else error
        if what == "late":
            self.world.later(detail, key)
            raise Unknown("timeout")
        self.world.process(key)  # Errors: Refused, by the provider's own guard
        self.worker.stop("before answer")
        if what == "with effect":
            raise SAYS_NOTHING[detail]()
        return answer(self.world.payload(self.world.clock()))


class Ledger(RuleBasedStateMachine):
    """Operations of any class from their form to their end. What the provider holds is the truth it is compared with."""

    def __init__(self):
        super().__init__()
        self.clock = time_machine.travel(utc(), tick=False)
        self.now = self.clock.start()
        self.elapsed = 0.0
        self.workers, self.ended_as = [], None
        self.undo = sending.time, sending.claim, sending.record_outcome
        sending.time = SimpleNamespace(monotonic=lambda: self.elapsed)
        sending.claim, sending.record_outcome = self.claim, self.record

    def claim(self, *arguments):
        attempt = self.undo[1](*arguments)
        if attempt:
            Worker.current().stop("claimed")
        return attempt

    def record(self, *arguments, **more):
        Worker.current().stop("before record")
        return self.undo[2](*arguments, **more)

    def teardown(self):
        try:
            if hasattr(self, "operation"):
                self.everything_ends()
        finally:
            for worker in self.workers:
                worker.kill()
            sending.time, sending.claim, sending.record_outcome = self.undo
            self.clock.stop()

    # ---- beginning

    @initialize(verb=st.sampled_from(FAKE_VERBS), taken=MOSTLY)
    def somebody_asks(self, verb, taken=False):
        self.operator = User.objects.get(email="operator@walks.example")
        self.requester = User.objects.get(email="requester@walks.example")
        self.requester.groups.set(self.operator.groups.all())
        name = f"inv_{next(NUMBERS)}"
        self.world = World(name, verb.calls["fake"].call_class, verb.calls["fake"].replays_errors, timezone.now, Q)
        connection = Connection.objects.get(provider="fake")
        invoice = mirror_new(connection, name, http=Reads(self.world))
        self.wish = Wish(verb=verb.key, invoice=invoice, by=self.requester, reason="A walk", token=f"form-{name}")
        self.operation = request_operation(self.wish)
        self.workers, self.ended_as = [], None
        if taken:
            self.a_worker_takes_it()

    @precondition(lambda self: not (self.operation.open or self.standing() or self.world.coming))
    @rule(verb=st.sampled_from(FAKE_VERBS), taken=MOSTLY)
    def somebody_asks_for_the_next(self, verb, taken):
        self.somebody_asks(verb, taken)

    # ---- what people do

    @precondition(lambda self: self.operation.open)
    @rule(what=st.sampled_from(["form again", "another form", "called back", "right lost", "changed by somebody else"]))
    def people_act(self, what):
        match what:
            case "form again":
                assert request_operation(self.wish).pk == self.operation.pk
            case "another form":
                with pytest.raises(CannotRequest):
                    request_operation(replace(self.wish, token=f"{self.wish.token}-2"))
            case "called back":
                cancel(self.again(), by=self.operator)
            case "right lost":
                self.requester.groups.clear()
            case "changed by somebody else":
                self.world.edits += 1

    # ---- workers

    @precondition(lambda self: self.operation.state == "approved" and len(self.standing()) < 3)
    @rule(read=READS, wait=MOSTLY)
    def a_worker_takes_it(self, read="fresh", wait=True):
        if wait:
            self.time_passes_until_something_is_due()
        operation = self.again()

        def work(worker):
            try:
                sending.dispatch(operation, http=Writing(self.world, worker, read))
            except sending.NotNow:
                pass

        self.workers.append(Worker(work))

    def standing(self):
        return [worker for worker in self.workers if not worker.ended]

    @precondition(lambda self: self.standing())
    @rule(decision=DECISIONS, which=st.integers(0, 2))
    def a_worker_goes_on(self, decision, which):
        worker = self.standing()[which % len(self.standing())]
        worker.go(decision if worker.at == "before write" else None)

    @precondition(lambda self: self.standing())
    @rule(decision=DECISIONS)
    def the_last_worker_goes_on(self, decision):
        self.a_worker_goes_on(decision, len(self.standing()) - 1)

    @precondition(lambda self: self.standing())
    @rule(which=st.integers(0, 2))
    def a_worker_is_killed(self, which):
        self.standing()[which % len(self.standing())].kill()

    # ---- time, and looking

    @precondition(lambda self: self.operation.open or self.standing() or self.world.coming)
    @rule(seconds=st.sampled_from([1, 6, 20, 61, 300, 601, 601, 3601, 4 * 3600, 50 * 3600]))
    def time_passes(self, seconds):
        self.now.shift(seconds)
        self.elapsed += seconds
        self.world.catch_up()

    def time_passes_until_something_is_due(self):
        self.operation.refresh_from_db()
        moments = [self.operation.next_look_at, self.operation.not_before, self.operation.lease_until]
        ahead = [(moment - timezone.now()).total_seconds() for moment in moments if moment and moment > timezone.now()]
        if ahead:
            self.time_passes(min(ahead) + 0.001)

    @precondition(lambda self: self.operation.state in ("accepted", "unknown", "needs_person", "sending"))
    @rule(how=READS, wait=MOSTLY)
    def it_is_looked_into(self, how="fresh", wait=True):
        if wait:
            self.time_passes_until_something_is_due()
        settling.expire_leases()
        settling.look(self.again(), http=Reads(self.world, how))

    def again(self):
        return Operation.objects.select_related("connection", "invoice__connection", "requester").get(
            pk=self.operation.pk
        )

    # ---- what must hold

    @invariant()
    def nothing_is_doubled_and_nothing_is_a_lie(self):
        if not hasattr(self, "operation"):
            return
        operation, effects = self.operation, len(self.world.applied)
        operation.refresh_from_db()
        assert effects <= 1, "doubled"
        if operation.state == "succeeded":
            assert effects == 1, "called done, and it is not"
        if operation.state in NEVER_DONE:
            assert effects == 0, f"called {operation.state}, and it happened"
        if self.ended_as:
            assert operation.state == self.ended_as, "an end moved"
        self.ended_as = None if operation.open else operation.state
        sent = operation.attempts.exclude(wire=Attempt.Wire.NONE)
        if operation.verb == "by_key_once_answered":
            answered = sent.filter(wire=Attempt.Wire.ANSWERED, number__lt=operation.attempt)
            assert not answered.exists(), "the same key brings the same answer"
        if operation.call_class in (CallClass.UNGUARDED, CallClass.INVISIBLE):
            assert sent.count() <= 1, "sent twice without anything that makes doubling impossible"
        assert sent.count() <= recording.MAX_ATTEMPTS
        assert told(operation, money=True).headline

    def everything_ends(self):
        """Workers end, the world heals, time passes: then it has ended, or says what a person must decide."""
        for worker in self.workers:
            while not worker.ended:
                worker.go()
        self.requester.groups.set(self.operator.groups.all())
        for _ in range(60):
            self.nothing_is_doubled_and_nothing_is_a_lie()
            if not self.operation.open or (self.operation.state == "needs_person" and not self.operation.next_look_at):
                break
            self.it_is_looked_into()
            self.operation.refresh_from_db()
            if self.operation.state == "approved":
                self.a_worker_takes_it()
                while self.standing():
                    self.a_worker_goes_on(("answered", None), 0)
        if self.operation.open:
            assert self.operation.state == "needs_person", "a dead end"
            assert self.operation.call_class == CallClass.INVISIBLE, "a person is asked what reading back can tell"


@pytest.fixture
def fakes(settings, person, monkeypatch):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # nobody signs in here
    settings.DESK_QUIET_SECONDS = Q.total_seconds()
    settings.DESK_CALL_DEADLINE_SECONDS = 30
    monkeypatch.setattr(clock, "now", timezone.now)  # this test moves the time, which no database server would follow
    monkeypatch.setitem(PROVIDERS, "fake", Fake())
    for verb in FAKE_VERBS:
        monkeypatch.setitem(VERBS, verb.key, verb)
    person("operator", email="operator@walks.example")
    person(email="requester@walks.example")
    connection = Connection(provider="fake", name="fake", base_url="http://127.0.0.1:1", direction="receivable")
    connection.set_api_key("sk_test_fake_0000")
    connection.save()
    assert django_settings.DESK_QUIET_SECONDS == 600


def walk(examples=EXAMPLES, steps=40):
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate] if QUICKLY else [phase for phase in Phase if phase is not Phase.explain],
            derandomize=FIXED or QUICKLY,
            database=None,
            print_blob=True,
        ),
    )


def test_whatever_happens_nothing_is_doubled_lost_or_called_what_it_is_not(fakes):
    walk()
    states = set(Operation.objects.values_list("state", flat=True))
    assert {OperationState.SUCCEEDED, OperationState.NOT_DONE} <= states
    assert AuditEntry.objects.exists()
