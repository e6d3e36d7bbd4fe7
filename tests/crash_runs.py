"""`python -m tests.crash_runs [--runs 200] [--first 0] [--seed 1] [--lanes 2] [--json]`: kill -9 at any moment, and count
what it cost. `--first` begins at a later number, so that 200 runs can be done in pieces.

Each run asks for a random verb through a random door (the page, the command, a worker), while the wire fails in a random
way, and kills the process at a random moment or at an exact one: before or after a commit, before or after the effect at
the provider. Then everything is mended and other workers take over. Nothing may be doubled, lost or called what it is
not, and nothing may stay open but what a person must decide.
"""

import argparse
import io
import json
import os
import platform
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

MOMENTS = {  # where a process kills itself: module, what it calls there, and whether before or after that call
    "before the intent": ("requesting", "_stored", "before"),
    "inside the intent": ("requesting", "audit", "before"),
    "after the intent": ("requesting", "_stored", "after"),
    "before the claim": ("sending", "claim", "before"),
    "inside the claim": ("sending", "audit", "before"),
    "after the claim": ("sending", "claim", "after"),
    "after the answer": ("sending", "record_outcome", "before"),
    "inside the outcome": ("recording", "audit", "before"),
    "after the outcome": ("sending", "record_outcome", "after"),
    "after reading back": ("settling", "conclude", "before"),
    "inside the conclusion": ("settling", "audit", "before"),
    "after the conclusion": ("settling", "conclude", "after"),
}
BY_WEIGHT = {"at random": 5, "heard, not done yet": 5, "done, not answered yet": 5, **dict.fromkeys(MOMENTS, 1)}
BY_WEIGHT |= {"after the claim": 3, "after the answer": 3, "inside the outcome": 2}
HEARD, DONE = "heard, not done yet", "done, not answered yet"
FAULTS = [
    *[{}] * 6,
    {"fault": "drop_before"},
    {"fault": "drop_after"},
    {"fault": "status", "status": 503},
    {"fault": "status", "status": 503, "apply": True},
    {"fault": "status", "status": 429, "headers": {"Retry-After": "1"}},
    {"fault": "malformed"},
    {"fault": "truncated"},
    {"fault": "delay", "seconds": 1.8},
    {"fault": "delay", "seconds": 1.8, "late": True},
]
DOORS = ["page", "command", "worker", "worker"]
KILLS_INSIDE = 0.2  # the share of kills that must hit between claim and outcome, for the figures to mean something


@dataclass
class Counts:
    runs: int = 0
    killed: int = 0
    inside: int = 0  # killed between claim and outcome
    doubled: list = field(default_factory=list)
    lost: list = field(default_factory=list)
    lies: list = field(default_factory=list)
    open: list = field(default_factory=list)
    by_class: Counter = field(default_factory=Counter)
    by_moment: Counter = field(default_factory=Counter)
    by_end: Counter = field(default_factory=Counter)
    slowest: float = 0.0  # seconds from mending to the end

    def add(self, other: dict) -> None:
        for name, value in other.items():
            mine = getattr(self, name)
            if name == "slowest":
                self.slowest = max(mine, value)
            elif isinstance(mine, Counter):
                mine.update(value)
            else:
                setattr(self, name, mine + value)

    @property
    def wrong(self) -> list:
        return [*self.doubled, *self.lost, *self.lies, *self.open]


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.crash_runs", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="the number of the first run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=2, help="desks side by side, each with a database of its own")
    parser.add_argument("--verbs", default="")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--lane", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.lane is not None:
        return lane(options)
    begun, counts = time.monotonic(), Counts()
    command = [sys.executable, "-m", "tests.crash_runs", *sys.argv[1:]]
    running = [
        subprocess.Popen([*command, "--lane", str(n)], stdout=subprocess.PIPE, text=True) for n in range(options.lanes)
    ]
    database = ""
    for process in running:
        for line in process.stdout:
            told = json.loads(line)
            if "counts" in told:
                counts.add(told["counts"])
                database = told["database"]
            elif not options.json:
                print(told["run"], flush=True)
    if any(process.wait() for process in running):
        print("A lane did not come to its end.", file=sys.stderr)
        return 2
    figures = {
        "runs": counts.runs,
        "first": options.first,
        "killed": counts.killed,
        "killed_inside_claim_to_outcome": counts.inside,
        "doubled": counts.doubled,
        "lost": counts.lost,
        "lies": counts.lies,
        "open": counts.open,
        "by_class": dict(counts.by_class),
        "by_moment": dict(counts.by_moment),
        "by_end": dict(counts.by_end),
        "slowest_settled_seconds": round(counts.slowest, 1),
        "seed": options.seed,
        "lanes": options.lanes,
        "database": database,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "seconds": round(time.monotonic() - begun, 1),
    }
    print(json.dumps(figures, indent=None if options.json else 2), flush=True)
    return 1 if counts.wrong or counts.inside < KILLS_INSIDE * counts.killed else 0


def lane(options) -> int:
    from tests.matrix.place import own_desk, whichever_database

    with own_desk(quiet=1.2, deadline=1.5):
        from tests.matrix.place import Place

        place, counts = Place(invoices=300, seed=options.seed), Counts()
        try:
            place.sync()
            numbers = range(options.first + options.lane, options.first + options.runs, options.lanes)
            crash(place, numbers, options.seed, counts, options.verbs, tell)
        finally:
            place.close()
        counted = {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(counts).items()}
        print(json.dumps({"counts": counted, "database": whichever_database()}), flush=True)
    return 0


def tell(text: str) -> None:
    print(json.dumps({"run": text}), flush=True)


def crash(place, numbers, seed: int, counts: Counts, verbs: str = "", say=lambda text: None) -> None:
    """The runs of these numbers. What each does depends on the seed and its number alone."""
    from tests.matrix.cases import NotYet, Supply, UsedUp, all_cases

    cases = [case for case in all_cases(place) if not verbs or case.verb.key in verbs.split(",")]
    supply = Supply(place, cases)
    cases = [case for case in cases if case.name not in supply.never]
    for number in numbers:
        run = Run(place, number, random.Random(f"{seed}:{number}"), cases)
        try:
            run.target = supply.target(run.case)
        except (NotYet, UsedUp):
            place.begin_anew()
            supply.refill()
            run.target = supply.target(run.case)
        run.go()
        supply.give_back(run.target)
        run.count(counts)
        say(run.told())


class Run:
    """One crash, and what came of it."""

    def __init__(self, place, number: int, rng: random.Random, cases):
        self.place, self.number, self.rng = place, number, rng
        classes = sorted({case.call_class for case in cases})
        wanted = rng.choice(classes)  # each class as often as the others
        self.case = rng.choice([case for case in cases if case.call_class == wanted])
        self.door = rng.choice(DOORS if self.case.verb.starts_from == "invoice" else DOORS[1:])
        self.moment = rng.choices(list(BY_WEIGHT), BY_WEIGHT.values())[0]
        self.fault = {} if self.moment in (HEARD, DONE) else rng.choice(FAULTS)
        self.target, self.operation, self.problems = None, None, {}
        self.was = ""  # the operation's state when the process died
        self.killed = False
        self.settled_in = 0.0

    def go(self) -> None:
        self.effects_before = len(self.place.sandbox.effects())
        self._strike()
        if self.door == "worker":
            self._ask()
        pid = self._process()
        self._kill(pid)
        self._found()
        if self.operation is None and self.door != "worker":
            self._ask()  # nothing was promised: the person asks once more
        if self.rng.random() < 0.25 and self.operation and self.operation.open:
            self._second_crash()
        self.place.sandbox.delete("/_sandbox/faults")
        self._settle()
        self._judge()

    # ---- doing it

    def _strike(self) -> None:
        rule = self.fault
        if self.moment in (HEARD, DONE):
            rule = {"fault": "delay", "seconds": 0.8, "late": self.moment == HEARD}
        if rule:
            path = {"method": self.case.endpoint.method, "path": self.case.path}
            self.place.sandbox.fault(
                id="rule", connection=self.case.connection, contains=self.target.external_id, **path, **rule
            )

    @property
    def reason(self) -> str:
        return f"Crash run {self.number} of {self.place.operator.pk}"

    def _ask(self):
        from invoicing.operations.requesting import Wish, request_operation

        target = self.target
        self.operation = request_operation(
            Wish(
                verb=self.case.verb.key,
                by=self.place.operator,
                reason=self.reason,
                token=f"{self.reason} {time.monotonic_ns()}"[:64],
                invoice=target.invoice,
                start=target.start,
                arguments=target.arguments,
            )
        )

    def _process(self) -> int:
        from tests.matrix.processes import forked

        def work():
            if self.moment in MOMENTS:
                arm(*MOMENTS[self.moment])
            {"worker": work_on, "command": self._command, "page": self._page}[self.door]()

        return forked(work)

    def _command(self) -> None:
        from django.core.management import call_command

        target, connection = self.target, self.target.connection
        kind = "invoice" if target.invoice else target.start.kind
        named = [
            f"{name}={value if isinstance(value, str) else json.dumps(value)}"
            for name, value in target.arguments.items()
        ]
        about = f"{connection.name}:{kind}:{target.external_id}"
        who = ["--reason", self.reason, "--as", self.place.operator.email, "--wait", "20"]
        call_command("act", self.case.verb.key, about, *named, *who, stdout=io.StringIO())

    def _page(self) -> None:
        """The form is sent; then a worker of the same process takes what the page left to it."""
        from django.test import Client

        from invoicing.web.actions import number_to_type

        client = Client(SERVER_NAME="localhost", raise_request_exception=False)
        client.force_login(self.place.operator)
        invoice, verb = self.target.invoice, self.case.verb
        form = {"token": self.rng.randbytes(16).hex(), "seen": invoice.version, "reason": self.reason}
        form |= {"typed": number_to_type(verb, invoice), **self.target.arguments}
        client.post(f"/invoices/{invoice.pk}/actions/{verb.key}/", form)
        work_on()

    def _kill(self, pid: int) -> None:
        """Wait for the moment; kill, unless the process kills itself or ends."""
        at = time.monotonic() + (self.rng.uniform(0, 1.5) if self.moment == "at random" else 6)
        while time.monotonic() < at:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self.killed = os.WIFSIGNALED(status)
                return
            if self.moment == HEARD and self._rule_struck():
                break
            if self.moment == DONE and self._effects():
                break
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.killed = True

    def _rule_struck(self) -> bool:
        return any(rule["hits"] for rule in self.place.sandbox.get("/_sandbox/faults"))

    def _found(self) -> None:
        from invoicing.models import Operation

        self.operation = Operation.objects.filter(reason=self.reason, parent=None).first()
        self.was = self.operation.state if self.operation else "never asked"
        steps = list(self.operation.steps.all()) if self.operation else []
        self.inside = self.killed and "sending" in ([step.state for step in steps] or [self.was])

    def _second_crash(self) -> None:
        from tests.matrix.processes import forked

        after = self.rng.uniform(0, 1.0)
        pid = forked(work_on)
        time.sleep(after)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def _settle(self) -> None:
        """Mended. The dead worker's lease is over as soon as nobody is there who could still hold it."""
        from django.utils import timezone

        from invoicing.jobs import running
        from invoicing.models import Operation
        from invoicing.operations.tasks import reconcile

        begun = time.monotonic()
        while self.operation and time.monotonic() < begun + 45:
            now = timezone.now()
            Operation.objects.filter(state="sending", lease_until__gt=now).update(lease_until=now)
            reconcile()
            while job := running.claim("settling"):
                running.execute(job)
            self.operation.refresh_from_db()
            if not self.operation.open or (self.operation.state == "needs_person" and self._may_need_a_person()):
                break
            time.sleep(0.05)
        self.settled_in = time.monotonic() - begun

    def _may_need_a_person(self) -> bool:
        return self.case.call_class == "V" or (self.case.call_class == "U" and bool(self.case.call.patience))

    # ---- what came of it

    def _effects(self) -> list[dict]:
        new = self.place.sandbox.effects()[self.effects_before :]
        keys = {self.operation.key} if self.operation else set()
        return [
            e
            for e in new
            if e["connection"] == self.case.connection
            and (
                e["external_id"] == self.target.external_id
                or (e["key"] in keys)
                or not self.target.invoice
                and e["verb"] == "create"
            )
        ]

    def _judge(self) -> None:
        effects = self._effects()
        most = max(Counter(effect["verb"] for effect in effects).values(), default=0)
        state = self.operation.state if self.operation else "never asked"
        if most > 1 and self.case.call_class != "S":
            self.problems["doubled"] = [effect["verb"] for effect in effects]
        if self.operation is None and effects:
            self.problems["lost"] = "done at the provider, and no operation knows of it"
        if state == "succeeded" and not effects:
            self.problems["lies"] = "succeeded, and nothing happened"
        if state in ("refused", "not_done", "cancelled") and effects:
            self.problems["lies"] = f"{state}, and it happened"
        if self.operation and self.operation.open and not (state == "needs_person" and self._may_need_a_person()):
            self.problems["open"] = f"{state} after {self.settled_in:.0f} s"

    def count(self, counts: Counts) -> None:
        counts.runs += 1
        counts.killed += self.killed
        counts.inside += self.inside
        counts.by_class[str(self.case.call_class)] += 1
        counts.by_moment[self.moment] += 1
        counts.by_end[self.operation.state if self.operation else "never asked"] += 1
        counts.slowest = max(counts.slowest, self.settled_in)
        for name, what in self.problems.items():
            getattr(counts, name).append(f"{self.told()}: {what}")

    def told(self) -> str:
        end = self.operation.state if self.operation else "never asked"
        fault = self.fault.get("fault", "none")
        return f"{self.number} {self.case.name} by {self.door}, killed {self.moment} ({self.was}), wire {fault} → {end} {self.problems or ''}"


def arm(module: str, function: str, when: str) -> None:
    """This process kills itself, as a power cut would, when it comes to that call for the first time."""
    import importlib

    place = importlib.import_module(f"invoicing.operations.{module}")
    original = getattr(place, function)

    def deadly(*arguments, **named):
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(place, function, deadly)


def work_on() -> None:
    """What a worker does, until it is killed or nothing is left to do for a while."""
    from invoicing.jobs import running
    from invoicing.operations.tasks import reconcile

    idle = 0
    while idle < 40:
        job = running.claim(f"worker {os.getpid()}")
        if job:
            running.execute(job)
        else:
            idle += 1
            if idle % 10 == 0:
                reconcile()
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
