"""A provider as simple as one can be, for tests of what the mirror does whoever the provider is."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

from invoicing.providers import strict_json
from invoicing.providers.base import Page, Provider, Slice
from invoicing.providers.errors import Missing, PayloadNotUnderstood, ProviderError, Unsupported
from invoicing.providers.snapshots import CustomerSnapshot, InvoiceSnapshot, LineSnapshot, UnitTotal
from invoicing.vocabulary import ListedBy, Payment, Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def told(identity, **more):
    """An invoice as this provider tells it."""
    facts = {"id": identity, "status": "finalized", "paid": "unpaid", "total": "10.00", "currency": "USD",
             "customer": {"id": "acme", "name": "Acme"}, "listed": "2026-03-01",
             "lines": [["Seats", "10.00"]]}  # fmt: skip
    return facts | more


def sent(*records):
    """A page's records as bytes."""
    return [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]


class Plain(Provider):
    key, name = "plain", "Plain"
    base_url, hosts = "https://plain.example", ("plain.example",)
    by_id = True

    def slices(self, *, customers, since):
        yield Slice(kind="customers", key="customers")
        yield Slice(kind="invoices", key="invoices", params={"since": since.isoformat()} if since else {})

    def page(self, http, part, cursor, *, size=None):
        return http.page(part, cursor)

    def identity(self, record):
        try:
            found = json.loads(record)
        except ValueError:
            return ""
        return str(found.get("id") or "") if isinstance(found, dict) else ""

    def complete(self, http, payload):
        return http.completed(payload)

    def canonical(self, payload):
        return {name: value for name, value in payload.items() if name != "noise"}

    def fetch_invoice(self, http, external_id, handles):
        if not self.by_id:
            raise Unsupported("Plain reads no single invoice today.")
        return http.invoice(external_id)

    def fetch_customer(self, http, external_id):
        return http.customer(external_id)

    def unit(self, payload):
        return payload["id"], {"name": payload["name"], "is_currency": payload["is_currency"]}

    def customer(self, payload):
        if "name" not in payload:
            raise PayloadNotUnderstood("Plain customer", "name", "is missing")
        return CustomerSnapshot(external_id=payload["id"], name=payload["name"], email=payload.get("email", ""))

    def invoice(self, payload, context):
        for name in ("id", "total", "status"):
            if name not in payload:
                raise PayloadNotUnderstood("Plain invoice", name, "is missing")
        if not isinstance(payload["total"], str | None):
            raise PayloadNotUnderstood("Plain invoice", "total", "is not text")
        who = payload["customer"]
        embedded = CustomerSnapshot(external_id=who["id"], name=who.get("name", ""))
        total = None if payload["total"] is None else Decimal(payload["total"])
        return InvoiceSnapshot(
            provider="plain",
            external_id=payload["id"],
            number=payload.get("number", ""),
            status=Status(payload["status"]),
            payment_status=Payment(payload.get("paid", "not_tracked")),
            provider_status=payload["status"],
            customer=context.customers.get(who["id"]) or embedded,
            currency=payload["currency"],
            total=total,
            subtotal=_amount(payload.get("subtotal")),
            amount_due=_amount(payload.get("due", payload["total"])),
            listed_on=date.fromisoformat(payload["listed"]),
            listed_by=ListedBy.ISSUED,
            due_date=date.fromisoformat(payload["due_date"]) if "due_date" in payload else None,
            period_start=_moment(payload, "from"),
            period_end=_moment(payload, "to"),
            updated_at=_moment(payload, "updated"),
            livemode=payload.get("live", True),
            lines=tuple(
                LineSnapshot(position=place, text=text, unit=payload["currency"], amount=_amount(amount))
                for place, (text, amount) in enumerate(payload.get("lines", ()))
            ),
            further_totals=tuple(
                UnitTotal(unit=unit, amount=Decimal(amount)) for unit, amount in payload.get("further", {}).items()
            ),
            constituents=tuple(payload.get("contains", ())),
        )


def _amount(text):
    return None if text is None else Decimal(text)


def _moment(payload, name):
    return datetime.fromisoformat(payload[name]) if name in payload else None


class World:
    """What stands behind Plain: pages to be listed, invoices to be asked for by id, customers."""

    def __init__(self):
        self.invoices, self.customers = {}, {}
        self.asked = []
        self.page_size = 3
        self.trouble = []  # errors to raise instead of the next pages
        self.completes = {}
        self.listed = None  # lists these records, whatever there is by id

    def put(self, *records):
        self.invoices |= {record["id"]: record for record in records}

    def page(self, part, cursor):
        self.asked.append((part.key, cursor))
        if self.trouble:
            trouble = self.trouble.pop(0)
            if isinstance(trouble, ProviderError):
                raise trouble
            if trouble is not None:
                return trouble
        source = self.customers if part.kind == "customers" else self.invoices
        records = list(source.values()) if self.listed is None or part.kind == "customers" else self.listed
        start = int(cursor or 0)
        following = start + self.page_size
        return Page(
            records=tuple(sent(*records[start:following])),
            next_cursor=str(following) if following < len(records) else None,
            total=len(records),
        )

    def invoice(self, external_id):
        self.asked.append(("one", external_id))
        if external_id not in self.invoices:
            raise Missing("Plain has no such invoice.", status=404)
        return strict_json.loads(json.dumps(self.invoices[external_id]).encode())

    def customer(self, external_id):
        self.asked.append(("customer", external_id))
        return self.customers.get(external_id)

    def completed(self, payload):
        outcome = self.completes.get(payload.get("id"))
        if isinstance(outcome, Exception):
            raise outcome
        return {**payload, **outcome} if outcome else payload
