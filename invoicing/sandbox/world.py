"""The sandbox's world: its seed, its clock, what changed in it, and what was done to it.

Invoices are computed from (seed, index), so only changes are stored. With a state file every change is on disk
before it is answered, whole or not at all: a transaction is one line, and a torn last line is dropped at start.
"""

import hashlib
import heapq
import os
import random
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from .wire import clone, from_journal, to_journal

MISSING = object()
UNSEEN = {"idempotency", "option", "timer"}  # kept for the simulator alone; no read shows them


class StateMismatch(Exception):
    """The state file was begun with another seed, count or anchor than asked for now."""


class Transaction:
    """What one request, one act or one timer changed."""

    def __init__(self):
        self.puts: list[list] = []
        self.before: dict[tuple[str, str, str], dict | None] = {}
        self.effects: list[str] = []


class World:
    """Shared by all simulators. Units: instants are aware UTC datetimes; `anchor` is the day data is spread around."""

    def __init__(self, *, seed: int | None = None, count: int | None = None, anchor: date | None = None, state=None):
        self.lock = threading.RLock()
        self.wake = threading.Condition(self.lock)
        self._store: dict[tuple[str, str], dict[str, dict]] = {}
        self._before: dict[str, dict] = {}  # simulator -> what its last transaction replaced
        self._timers: list[tuple[datetime, int, str]] = []
        self._timer_number = 0
        self._local = threading.local()
        self._offset = timedelta()
        self.simulators: dict[str, object] = {}
        self._journal = None
        self.origin = ""  # scheme://host:port, once a server listens
        found = self._load(Path(state)) if state else None
        self.seed, self.count, self.anchor = self._settle(found, seed, count, anchor)
        if state:
            self._journal = open(state, "ab", buffering=0)  # noqa: SIM115 - open as long as the world lasts
            if found is None:
                self._write({"begin": self._beginning(), "offset": self._offset.total_seconds()})

    # ---- beginning, and beginning again

    def _beginning(self) -> dict:
        return {"seed": self.seed, "count": self.count, "anchor": self.anchor.isoformat()}

    def _settle(self, found: dict | None, seed, count, anchor) -> tuple[int, int, date]:
        if found is None:
            if anchor is not None:  # a world of another day starts at that day's noon
                self._offset = datetime.combine(anchor, time(12), UTC) - datetime.now(UTC)
            chosen = anchor or datetime.now(UTC).date()
            return (1 if seed is None else seed), (60 if count is None else count), chosen
        kept = (found["seed"], found["count"], date.fromisoformat(found["anchor"]))
        for name, asked, had in zip(("seed", "invoices", "anchor"), (seed, count, anchor), kept, strict=True):
            if asked is not None and asked != had:
                raise StateMismatch(f"The state file was begun with {name} {had}, not {asked}.")
        return kept

    def _load(self, path: Path) -> dict | None:
        if not path.exists():
            return None
        begin, good = None, 0
        with open(path, "rb") as lines:
            for line in lines:
                try:
                    entry = from_journal(line.decode())
                except ValueError:
                    break  # torn by a kill; what was answered is before it
                if not line.endswith(b"\n"):
                    break
                good += len(line)
                begin = entry.get("begin", begin)
                if "offset" in entry:
                    self._offset = timedelta(seconds=entry["offset"])
                for simulator, kind, identity, value in entry.get("puts", ()):
                    self._set(simulator, kind, identity, value)
        os.truncate(path, good)
        return begin

    def _write(self, entry: dict) -> None:
        if self._journal is not None:
            self._journal.write(to_journal(entry).encode() + b"\n")
            os.fsync(self._journal.fileno())

    # ---- time

    def now(self) -> datetime:
        """The world's time: the real clock plus what was advanced."""
        return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> datetime:
        """Move the clock forward, and let everything that fell due happen, in order."""
        with self.lock:
            self._offset += timedelta(seconds=seconds)
            self._write({"offset": self._offset.total_seconds()})
        self.run_due()
        return self.now()

    def later(self, seconds: float, fn, *args) -> None:
        """Run a simulator's method once the world's clock has passed; kept over a restart by its name.

        `fn` is a bound method of a simulator, `args` are JSON. It runs under the simulator's lock, in a transaction.
        """
        simulator = fn.__self__.name
        at = self.now() + timedelta(seconds=seconds)
        with self.lock:
            identity = f"t{self._timer_number + 1:09d}"
            self.put(simulator, "timer", identity, {"at": at.isoformat(), "method": fn.__name__, "args": list(args)})
            self._arm(at, identity, simulator)
            self.wake.notify_all()

    def _arm(self, at: datetime, identity: str, simulator: str) -> None:
        self._timer_number = max(self._timer_number, int(identity[1:]))
        heapq.heappush(self._timers, (at, int(identity[1:]), simulator))

    def rearm(self) -> None:
        """After a restart: take up the timers that were pending. Needs the simulators."""
        for name in self.simulators:
            for identity, timer in self.items(name, "timer"):
                self._arm(datetime.fromisoformat(timer["at"]), identity, name)

    def run_due(self) -> None:
        """Let happen what is due. Called before each request, when the clock is advanced, and by the clock's thread."""
        while (due := self._due()) is not None:
            _, number, name = due
            simulator = self.simulators[name]
            with simulator.lock, self.transaction(name):
                with self.lock:  # another thread may have been faster; it is done by now
                    if self._due() != due:
                        continue
                    heapq.heappop(self._timers)
                timer = self.get(name, "timer", f"t{number:09d}")
                if timer is not None:
                    self.put(name, "timer", f"t{number:09d}", None)
                    getattr(simulator, timer["method"])(*timer["args"])

    def _due(self) -> tuple | None:
        with self.lock:
            return self._timers[0] if self._timers and self._timers[0][0] <= self.now() else None

    def wait_for_next_timer(self) -> None:
        """Sleep until a timer may be due, at most a minute."""
        with self.lock:
            pause = (self._timers[0][0] - self.now()).total_seconds() if self._timers else 60
            self.wake.wait(min(max(pause, 0.01), 60))

    # ---- chance, always the same

    def rng(self, *key) -> random.Random:
        """Chance that depends on the seed and `key` alone."""
        return random.Random(":".join(map(str, (self.seed, *key))))

    def hex(self, length: int, *key) -> str:
        """`length` (at most 64) hexadecimal characters that depend on the seed and `key` alone."""
        return hashlib.sha256(":".join(map(str, (self.seed, *key))).encode()).hexdigest()[:length]

    def uuid(self, *key) -> str:
        """A version 4 UUID that depends on the seed and `key` alone."""
        return str(uuid.UUID(self.hex(32, *key), version=4))

    # ---- what changed

    def _set(self, simulator: str, kind: str, identity: str, value: dict | None) -> dict | None:
        records = self._store.setdefault((simulator, kind), {})
        old = records.get(identity)
        if value is None:
            records.pop(identity, None)
        else:
            records[identity] = value
        return old

    def put(self, simulator: str, kind: str, identity: str, value: dict | None) -> None:
        """Store what changed, replacing the record whole; None forgets it. JSON data and Raw only."""
        kept = None if value is None else from_journal(to_journal(value))  # exactly what a restart would read
        with self.lock:
            old = self._set(simulator, kind, identity, kept)
            transaction = getattr(self._local, "transaction", None)
            if transaction is None:
                self._write({"puts": [[simulator, kind, identity, kept]]})
            else:
                transaction.puts.append([simulator, kind, identity, kept])
                transaction.before.setdefault((simulator, kind, identity), old)

    def get(self, simulator: str, kind: str, identity: str) -> dict | None:
        """A copy of the stored record, yours to change and `put` back; None when nothing was stored."""
        stale = getattr(self._local, "stale", None)
        if stale:
            old = stale.get((simulator, kind, identity), MISSING)
            if old is not MISSING:
                return clone(old)
        return clone(self._store.get((simulator, kind), {}).get(identity))

    def items(self, simulator: str, kind: str) -> Iterator[tuple[str, dict]]:
        """Copies of all stored records of a kind, in the order they were first stored."""
        return ((identity, clone(value)) for identity, value in list(self.view(simulator, kind).items()))

    def view(self, simulator: str, kind: str) -> Mapping[str, dict]:
        """All stored records of a kind without copying, for looking through many. Never change what is in it."""
        records = self._store.setdefault((simulator, kind), {})
        stale = getattr(self._local, "stale", None)
        if not stale:
            return records
        old = {identity: value for (owner, k, identity), value in stale.items() if (owner, k) == (simulator, kind)}
        return {identity: value for identity, value in {**records, **old}.items() if value is not None}

    @contextmanager
    def transaction(self, simulator: str):
        """Everything put inside is on disk as one line at the end, and `stale` looks behind it. Nests into one."""
        if getattr(self._local, "transaction", None) is not None:
            yield self._local.transaction
            return
        transaction = self._local.transaction = Transaction()
        try:
            yield transaction
        finally:
            self._local.transaction = None
            if transaction.puts:
                with self.lock:
                    self._write({"puts": transaction.puts})
                seen = {key: old for key, old in transaction.before.items() if key[0] and key[1] not in UNSEEN}
                self._before[simulator] = seen or self._before.get(simulator, {})

    @property
    def looking_back(self) -> bool:
        """Whether this read must not know the last change; what a simulator computed before is then of no use."""
        return bool(getattr(self._local, "stale", None))

    @contextmanager
    def as_before_the_last_change(self, simulator: str):
        """Reads inside answer as if the simulator's last change had not happened yet, as a lagging replica does."""
        self._local.stale = self._before.get(simulator, {})
        try:
            yield
        finally:
            self._local.stale = None

    def effect(self, simulator: str, verb: str, external_id: str, key: str | None = None) -> str:
        """Record one change that was really applied to an invoice or what stands beside it; returns its id."""
        with self.lock:
            identity = f"effect-{len(self.view('', 'effect')) + 1:06d}"
            self.put("", "effect", identity, {
                "id": identity, "provider": self.simulators[simulator].provider, "connection": simulator,
                "verb": verb, "external_id": external_id, "key": key, "time": self.now().isoformat(),
            })  # fmt: skip
        transaction = getattr(self._local, "transaction", None)
        if transaction is not None:
            transaction.effects.append(identity)
        return identity
