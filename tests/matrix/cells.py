"""One cell of the matrix: a fault, a verb at a provider; carried through by the workers and then held to what is promised."""

import fnmatch
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field

from django.db.models import Q
from django.utils import timezone

from invoicing.models import Attempt, Operation
from invoicing.operations.queue import enqueue_dispatch, enqueue_look
from invoicing.operations.requesting import Wish, request_operation
from invoicing.vocabulary import CallClass
from invoicing.web.operation_standing import told
from tests.matrix.cases import Case, Supply, Target
from tests.matrix.faults import Fault
from tests.matrix.place import Place

PATIENCE = 120.0  # seconds until a cell must have ended, from its healing on: what is promised is Q and two minutes
AGAIN = 4.0  # seconds after which what was healed is hurried once more
NEVER_DONE = ("refused", "not_done", "cancelled", "rejected", "expired")


@dataclass
class Cell:
    place: Place
    fault: Fault
    case: Case
    target: Target | None = None
    operation: Operation | None = None
    problems: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    phase: str = "new"
    until: float = 0.0
    hurried: float = 0.0
    marks: dict = field(default_factory=dict)  # what the fault itself keeps

    @property
    def name(self) -> str:
        return f"{self.fault.name} {self.case.name}"

    @property
    def state(self) -> str:
        return self.operation.state if self.operation else ""

    @property
    def current(self) -> Operation:
        """What is being done now: the operation, or the step of it that is under way."""
        return self.operation.steps.order_by("created_at").last() or self.operation

    # ---- its life

    def begin(self, supply: Supply) -> None:
        """Errors: NotYet."""
        self.target = supply.target(self.case)
        self.heard_before = self._last_heard()
        self.effects_before = len(self.place.sandbox.effects())
        self.fault.prepare(self)
        for rule in self.fault.strikes(self):
            self.strike(**rule)
        self.operation = self.fault.asks(self)
        self.phase, self.until = "struck", time.monotonic() + PATIENCE

    def ask(self, *, token: str = "", by=None) -> Operation:
        target = self.target
        wish = Wish(
            verb=self.case.verb.key,
            by=by or self.place.operator,
            reason=f"Proof of {self.name}",
            token=token or uuid.uuid4().hex,
            invoice=target.invoice,
            start=target.start,
            arguments=target.arguments,
        )
        return request_operation(wish)

    def poll(self) -> bool:
        """One look; whether it is over."""
        self.operation.refresh_from_db()
        if self.phase == "struck" and self.fault.lasts:
            if self.fault.felt(self):
                self.problems += self.fault.meanwhile(self)
                self.heal()
                self.phase = "healed"
            elif not self.operation.open:
                self.phase = "healed"
        elif (self.ended() or self.fault.over(self)) and not self.fault.still(self):
            return True
        if self.phase == "healed" and time.monotonic() > self.hurried + AGAIN:
            self.hurry()  # a look that was under way when the fault passed has put off the next one
        if time.monotonic() > self.until:
            self.problems.append(f"not settled after {PATIENCE:.0f} s: {self.state}, phase {self.phase}")
            return True
        return False

    def ended(self) -> bool:
        """It has an end, or a person is asked where the fault leaves nothing else."""
        waits_for_a_person = self.state == "needs_person" and "needs_person" in self.fault.ends(self.case)
        return not self.operation.open or waits_for_a_person

    def strike(self, **rule) -> None:
        rule = {"connection": self.case.connection, "id": uuid.uuid4().hex, **rule}
        if "to" in rule:
            rule["to"] = rule["to"].format(stranger=self.place.stranger.url)
        self.rules.append(self.place.sandbox.fault(**rule)["id"])

    @staticmethod
    def seconds_since(moment) -> float:
        return (timezone.now() - moment).total_seconds()

    def hits(self) -> int:
        mine = set(self.rules)
        return sum(rule["hits"] for rule in self.place.sandbox.get("/_sandbox/faults") if rule["id"] in mine)

    def heal(self) -> None:
        """The fault passes; the next try, which may be an hour away, comes now."""
        self.fault.heal(self)
        for rule in self.rules:
            self.place.sandbox.delete(f"/_sandbox/faults?id={rule}")
        self.rules.clear()
        self.until = time.monotonic() + PATIENCE
        self.hurry()

    def hurry(self) -> None:
        now, self.hurried = timezone.now(), time.monotonic()
        for operation in [self.operation, *self.operation.steps.all()]:
            mine = Operation.objects.filter(pk=operation.pk)
            if mine.filter(state="approved").update(not_before=now):
                enqueue_dispatch(operation)
            if mine.filter(next_look_at__gt=now).update(next_look_at=now):
                enqueue_look(operation, at=None)

    # ---- what became of it

    def effects(self) -> list[dict]:
        """What was really done at the provider since the cell began, to what it is about."""
        found = self.place.sandbox.effects(connection=self.case.connection)[:]
        known = {effect["id"] for effect in self.place.sandbox.effects()[: self.effects_before]}
        if self.target.invoice:
            return [e for e in found if e["id"] not in known and e["external_id"] == self.target.external_id]
        return [e for e in found if e["id"] not in known and e["key"] == self.operation.key]

    def attempts(self):
        """Every try at the wire, of the operation or of the steps it is made of."""
        return Attempt.objects.filter(Q(operation=self.operation) | Q(operation__parent=self.operation))

    def written(self) -> list[dict]:
        """The changing requests that the provider heard of it."""
        heard = self.place.sandbox.get(
            "/_sandbox/requests",
            connection=self.case.connection,
            method=self.case.endpoint.method,
            contains=self.target.external_id,
            after=self.heard_before,
        )
        return [each for each in heard if fnmatch.fnmatchcase(each["path"].split("?")[0], self.case.path)]

    def _last_heard(self) -> int:
        heard = self.place.sandbox.get("/_sandbox/requests", connection=self.case.connection)
        return heard[-1]["number"] if heard else 0

    def judge(self, page) -> None:
        """Hold it to what is promised. `page` fetches an address of the desk, signed in."""
        self.operation.refresh_from_db()
        operation, effects = self.operation, self.effects()
        most = max(Counter(effect["verb"] for effect in effects).values(), default=0)
        if most > 1 and self.case.call_class != CallClass.SETTING and not self.fault.doubles_by_itself:
            self.problems.append(f"DOUBLED: {[effect['verb'] for effect in effects]}")
        if self.state == "succeeded" and not effects:
            self.problems.append("LIE: succeeded without an effect")
        if self.state in NEVER_DONE and effects and not self.fault.done_by_others:
            self.problems.append(f"LIE: {self.state}, and {[effect['verb'] for effect in effects]} happened")
        allowed = self.fault.ends(self.case)
        if self.state not in allowed:
            self.problems.append(
                f"ended as {self.state} ({operation.outcome.get('message', '')}), not {sorted(allowed)}"
            )
        self.problems += self.fault.also(self)
        self._judge_attempts()
        self._judge_page(page)

    def story(self) -> str:
        """What happened, in one line for each operation; for the eyes of whoever mends it."""
        lines = []
        for operation in [self.operation, *self.operation.steps.order_by("created_at")] if self.operation else []:
            tries = [(a.number, a.wire, a.http_status, a.classified) for a in operation.attempts.all()]
            seen = [(e.get("attempt"), e.get("verdict", "late"), e["saw"]) for e in operation.evidence]
            lines.append(f"    {operation.verb} {operation.state} {operation.outcome} tries {tries} seen {seen}")
        return "\n".join(lines)

    def _judge_attempts(self) -> None:
        attempts = list(self.attempts())
        sent = [attempt for attempt in attempts if attempt.wire != Attempt.Wire.NONE]
        written = self.written()
        copies = 1 + self.fault.doubles_by_itself
        if len(written) > len(sent) * copies:
            self.problems.append(f"UNTOLD: {len(written)} requests written, {len(sent)} attempts on record")
        keys = {each["key"] for each in written if each["key"]}
        own = {self.operation.key, *self.operation.steps.values_list("key", flat=True)}
        if keys - own:
            self.problems.append(f"another key was sent: {keys}")
        if len({(attempt.operation_id, str(attempt.request)) for attempt in sent}) > len(
            {a.operation_id for a in sent}
        ):
            self.problems.append("a resend was not the same request")
        if self.case.call_class in (CallClass.UNGUARDED, CallClass.INVISIBLE) and len(sent) > 1:
            self.problems.append("RESENT without anything that makes doubling impossible")

    def _judge_page(self, page) -> None:
        answer = page(f"/operations/{self.operation.pk}/")
        text = answer.content.decode()
        if answer.status_code != 200 or told(self.operation, money=True).headline not in text:
            self.problems.append(f"the page answered {answer.status_code} and does not say how it stands")
        if any(key in text for key in self.place.keys):
            self.problems.append("a key is on the page")
