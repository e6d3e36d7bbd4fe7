"""A provider in memory whose every answer the test decides: what the ledger's state machine is walked against.

It keeps to the assumptions the ledger is built on and to nothing more: within Q a written request has taken effect, or
never will, and reads know of it; a key is remembered for its window. One endpoint, five ways of being guarded.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from invoicing.operations.verb import Call, Proof, Reading, Verb, Verdict
from invoicing.providers.base import Answer, Endpoint, Provider, Request, Said
from invoicing.providers.errors import Missing, Refused
from invoicing.providers.snapshots import CustomerSnapshot, InvoiceSnapshot
from invoicing.vocabulary import CallClass, ListedBy, Payment, Status

WINDOW = timedelta(hours=3)


class Fake(Provider):
    key = "fake"
    name = "Fake"
    base_url = "http://127.0.0.1:1"
    hosts = ("127.0.0.1",)
    endpoints = {"get": Endpoint("GET", "/{id}", True), "do": Endpoint("POST", "/{id}/do", False)}

    def fetch_invoice(self, http, external_id, handles):
        return http.call(self.endpoints["get"], path={"id": external_id}).json()

    def identity(self, record):
        return json.loads(record)["id"]

    def request(self, name, external_id, arguments):
        return Request(path={"id": external_id}, body=dict(arguments))

    def said(self, name, answer, external_id):
        return Said(outcome="done")

    def invoice(self, payload, context):
        return InvoiceSnapshot(
            provider="fake",
            external_id=payload["id"],
            status=Status.FINALIZED,
            payment_status=Payment.NOT_TRACKED,
            provider_status="open",
            customer=CustomerSnapshot(external_id="someone", name="Someone"),
            currency="USD",
            total=Decimal(payload["total"]),
            memo=json.dumps(payload["effects"]),
            listed_on=date(2026, 10, 1),
            listed_by=ListedBy.CREATED,
        )


class Doing(Verb):
    """The fake's one verb, once for each way in which doubling is or is not guarded against."""

    def __init__(self, key: str, call_class: CallClass, *, replays_errors: bool = False, answer_proves: bool = False):
        self.key, self.name, self.done, self.summary = key, key, f"done by {key}", "For tests."
        self.answer_proves = answer_proves
        window = WINDOW if call_class == CallClass.KEYED else None
        self.calls = {
            "fake": Call(endpoint="do", call_class=call_class, key_window=window, replays_errors=replays_errors)
        }

    def __repr__(self):
        return self.key

    def proof(self, reading: Reading):
        payload = reading.provider.fetch_invoice(reading.http, reading.operation.external_id, {})
        if reading.operation.call_class == CallClass.INVISIBLE:
            return Proof(verdict=Verdict.UNCLEAR, saw="This effect leaves no trace.")
        verdict = Verdict.APPLIED if payload["effects"] else Verdict.ABSENT
        return Proof(verdict=verdict, saw=f"{payload['effects']} effects")


FAKE_VERBS = [
    Doing("by_key", CallClass.KEYED),
    Doing("by_key_once_answered", CallClass.KEYED, replays_errors=True),
    Doing("by_guard", CallClass.GUARDED),
    Doing("by_value", CallClass.SETTING),
    Doing("by_value_unread", CallClass.SETTING, answer_proves=True),
    Doing("unguarded", CallClass.UNGUARDED),
    Doing("unguarded_and_unseen", CallClass.INVISIBLE, answer_proves=True),
]


def answer(payload) -> Answer:
    return Answer(status=200, body=json.dumps(payload).encode(), headers={"Content-Type": "application/json"})


@dataclass
class World:
    """The provider's side: one invoice, what was done to it, and what is still on its way."""

    external_id: str
    call_class: CallClass
    replays_errors: bool
    clock: object  # () → datetime
    quiet: timedelta
    applied: list[datetime] = field(default_factory=list)
    coming: list[tuple[datetime, str]] = field(default_factory=list)  # written, not processed yet: (when, key)
    keys: dict[str, tuple[datetime, Exception | None]] = field(default_factory=dict)  # key → first seen, stored error
    edits: int = 0

    def payload(self, at: datetime) -> dict:
        """The invoice as a read sees it that knows everything up to `at`. Only edits by others show in the total."""
        effects = [moment for moment in self.applied if moment <= at]
        shown = 0 if self.call_class == CallClass.INVISIBLE else len(effects)
        return {"id": self.external_id, "total": str(Decimal("10.00") + self.edits), "effects": shown}

    def process(self, key: str, at: datetime | None = None) -> None:
        """The request arrives, now or `at`. Errors: Refused, by a state guard; what is stored under the key."""
        now = at or self.clock()
        if self.call_class == CallClass.KEYED:
            known = self.keys.get(key)
            if known and now - known[0] < WINDOW:
                if known[1]:
                    raise known[1]
                return
            self.keys[key] = (now, None)
        if self.applied and self.call_class == CallClass.GUARDED:
            raise Refused("Refused", status=400, said="It is so already.")
        if self.applied and self.call_class == CallClass.SETTING:
            return  # the same value once more
        self.applied.append(now)

    def fail(self, key: str, error: Exception) -> Exception:
        """Answer with an error that a provider with a memory for errors keeps under the key."""
        if self.call_class == CallClass.KEYED and self.replays_errors and key not in self.keys:
            self.keys[key] = (self.clock(), error)
        return error

    def later(self, after: timedelta, key: str) -> None:
        self.coming.append((self.clock() + min(after, self.quiet * 0.45), key))

    def catch_up(self) -> None:
        """What was on its way and is due by now took effect when it was due, however far time leapt."""
        now = self.clock()
        due = sorted(each for each in self.coming if each[0] <= now)
        self.coming = [each for each in self.coming if each[0] > now]
        for at, key in due:
            try:
                self.process(key, at)
            except Refused:
                pass


class Reads:
    """A wire for reading back. `how`: fresh, stale (knows nothing of the last while), missing, or an error to raise."""

    def __init__(self, world: World, how: object = "fresh"):
        self.world, self.how = world, how

    def call(self, endpoint, *, path=None, query=(), body=None, key=""):
        assert endpoint.safe, "A read-back may only read"
        if isinstance(self.how, Exception):
            raise self.how
        if self.how == "missing":
            raise Missing("No such invoice", status=404)
        now = self.world.clock()
        return answer(self.world.payload(now - self.world.quiet * 0.45 if self.how == "stale" else now))

    def fetch_document(self, url):
        raise NotImplementedError


def utc(year=2026, month=11, day=20) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)
