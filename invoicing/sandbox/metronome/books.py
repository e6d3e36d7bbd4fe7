"""The invoices as they stand: what was composed, what was done to it since, and what the clock did.

Drafts finalize by the clock alone: a usage invoice 24 hours after its period, a scheduled one at its issue date. Only
changes are stored: `invoice` holds what differs, `regenerated` and `scheduled` the invoices that came into being,
`later` their ids by customer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from . import lines
from .accounts import Account, Accounts
from .data import GRACE, Base, Data
from .external import QUEUE, external_invoice
from .figures import midnight, moment
from .lines import Sheet

DRAFT, FINALIZED, VOID = "DRAFT", "FINALIZED", "VOID"
STATUSES = (DRAFT, FINALIZED, VOID)


@dataclass
class Held:
    """One invoice as it stands. `body` is the wire shape with decimals and instants; its lines are shared: copy first."""

    base: Base
    account: Account
    body: dict
    change: dict = field(default_factory=dict)
    source: str | None = None  # the invoice it was regenerated from since the sandbox began

    @property
    def id(self) -> str:
        return self.body["id"]

    @property
    def status(self) -> str:
        return self.body["status"]

    @property
    def listed_at(self) -> datetime:
        """What lists are ordered by: the date of issue, planned or past, else the end of the period."""
        return self.body.get("issued_at") or self.body["end_timestamp"]

    @property
    def voided_at(self) -> datetime | None:
        """When it was voided; those voided from the start, a day after issue."""
        if self.status != VOID:
            return None
        return moment(self.change["voided_at"]) if "voided_at" in self.change else self.listed_at + GRACE

    @property
    def cancelled(self) -> bool:
        """A draft that was cancelled into VOID: it never took anything from a balance."""
        return bool(self.change.get("cancelled"))

    @property
    def place(self) -> tuple[int, int]:
        """Its contract: customer and place."""
        return self.account.index, self.base.slot.contract


class Books:
    """Reading and changing invoices."""

    def __init__(self, accounts: Accounts, data: Data, name: str):
        self.accounts = accounts
        self.data = data
        self.world = accounts.world
        self.name = name
        self.origin = "https://invoices.example.test"  # where the billing provider's documents are; set by requests

    # ---- reading

    def now(self) -> datetime:
        return self.world.now().replace(microsecond=0)

    def find(self, invoice_id: str) -> Held | None:
        """An invoice by id; None when there is none, or it is gone."""
        number = self.data.ids.number("invoice", invoice_id)
        if number is not None and number < self.accounts.total:
            return self._held(self.data.base(number), None, invoice_id.lower())
        if self.data.ids.number("historical invoice", invoice_id) == 0:
            return self.historical(self.accounts.account(0))[0]
        return self._regenerated(invoice_id.lower()) or self._scheduled(invoice_id.lower())

    def of(self, customer: int) -> Iterator[Held]:
        """A customer's invoices, in no order."""
        for number in self.accounts.range(customer):
            base = self.data.base(number)
            held = self._held(base, None, base.invoice["id"])
            if held is not None:
                yield held
        later = self.world.get(self.name, "later", str(customer)) or {"ids": []}
        yield from filter(None, map(self.find, later["ids"]))

    def all(self) -> Iterator[Held]:
        """Every invoice, customer by customer."""
        for customer in range(self.accounts.count):
            yield from self.of(customer)

    def historical(self, account: Account) -> list[Held]:
        """What is listed only on request: how the commit of the year before the sandbox's data was paid for."""
        if account.index != 0:
            return []
        base = self.data.historical()
        return [self._held(base, None, base.invoice["id"])]

    def _regenerated(self, invoice_id: str) -> Held | None:
        record = self.world.get(self.name, "regenerated", invoice_id)
        source = self.find(record["from"]) if record else None
        return None if source is None else self._held(source.base, record | {"source": source}, invoice_id)

    def _scheduled(self, invoice_id: str) -> Held | None:
        record = self.world.get(self.name, "scheduled", invoice_id)
        if record is None:
            return None
        base = self.data.scheduled(record["customer"], invoice_id, moment(record["issued_at"]), record["amount"])
        return self._held(base, None, invoice_id)

    def _held(self, base: Base, record: dict | None, invoice_id: str) -> Held | None:
        change = self.world.get(self.name, "invoice", invoice_id) or {}
        if change.get("gone"):
            return None
        body = dict(base.invoice)
        if record is not None:
            source = record["source"].body
            body = {k: v for k, v in source.items() if k != "external_invoice"}
            body |= {"id": invoice_id, "issued_at": moment(record["issued_at"])}
            body["line_items"] = lines.recalculated(source["line_items"], Decimal(record["factor"]))
        if "issued_at" in change:
            body["issued_at"] = moment(change["issued_at"])
        if "lines" in change:
            body["line_items"] = body["line_items"] + self._added(base, change["lines"])
        held = Held(base, base.account, body, change, record["from"] if record else None)
        body["status"] = self._status(held, record)
        body["subtotal"], body["total"] = lines.total(body)
        if base.total is not None and record is None and "lines" not in change:
            body["subtotal"] = body["total"] = base.total
        external = self._external(held, record)
        revenue = body.pop("revenue_system_invoices", None)
        body["external_invoice"] = external
        if revenue is not None and record is None:
            body["revenue_system_invoices"] = revenue
        body.pop("regenerated_from_invoice_id", None)
        origin = record["from"] if record else base.invoice.get("regenerated_from_invoice_id")
        if origin:
            body["regenerated_from_invoice_id"] = origin
        return held

    def _added(self, base: Base, added: list[dict]) -> list[dict]:
        """Lines that came later: usage that arrived, a contract edit, a plan's one-time charge."""
        period = base.invoice.get("start_timestamp"), base.invoice.get("end_timestamp")
        sheet = Sheet(self.data.ids, base.invoice["credit_type"], *period)
        for line in added:
            if line["type"] == "usage":
                sheet.usage(lines.API, line["quantity"], line["price"], pricing_group_values={"region": "us-east-1"})
            elif line["type"] == "charge":
                sheet.charge(line["name"], line["quantity"], line["price"], line["charge_id"])
            else:
                sheet.scheduled(line["name"], line["quantity"], line["price"], line["charge_id"])
        return sheet.lines

    def due(self, held: Held) -> datetime:
        """When a draft finalizes by itself: not before its period has ended."""
        return max(held.listed_at, held.body.get("end_timestamp") or held.listed_at)

    def _status(self, held: Held, record: dict | None) -> str:
        if "status" in held.change:
            return held.change["status"]
        if held.base.slot.void and record is None:
            return VOID
        return FINALIZED if record is not None or self.due(held) <= self.now() else DRAFT

    def _external(self, held: Held, record: dict | None) -> dict | None:
        slot, account = held.base.slot, held.account
        if held.status == DRAFT or held.cancelled or not account.story.provider or slot.external is None:
            return None
        due = held.listed_at if record else self.due(held)
        if record or "issued_at" in held.change or due >= midnight(self.world.anchor, 1):  # finalized while we watch
            at = held.voided_at or self.now()  # a void leaves the copy as it is
            status = "QUEUED" if at - due < QUEUE else "FINALIZED"
        else:
            status = slot.external
        status = held.change.get("external_status", status)
        digits = self.world.hex(40, self.name, "external", held.id)
        return external_invoice(account, status, held.body, digits, self.origin)

    # ---- changing: each says what it stores, and nothing of who may

    def change(self, held: Held, **facts) -> None:
        """Store what differs now."""
        self.world.put(self.name, "invoice", held.id, held.change | facts)

    def void(self, held: Held, **facts) -> None:
        """VOID from now on; lines and the billing provider's copy stay as they are."""
        self.change(held, status=VOID, voided_at=self.now().isoformat(), **facts)

    def cancel(self, held: Held, disappear: bool) -> None:
        """A draft's end: it disappears, or stays on record as VOID."""
        if disappear:
            self.change(held, gone=True)
        else:
            self.void(held, cancelled=True)

    def add_line(self, held: Held, line: dict) -> None:
        """A line more, and so another total."""
        self.change(held, lines=[*held.change.get("lines", []), line])

    def regenerated_from(self, held: Held) -> str | None:
        """The invoice that already took a voided one's place."""
        for other in self.of(held.account.index):
            if other.body.get("regenerated_from_invoice_id") == held.id:
                return other.id
        return None

    def regenerate(self, held: Held, factor: Decimal) -> str:
        """A new invoice from a voided one, at rates `factor` times the old; returns its id."""
        new = self.world.uuid(self.name, "regenerated", held.id)
        record = {"from": held.id, "issued_at": self.now().isoformat(), "factor": str(factor)}
        self.world.put(self.name, "regenerated", new, record)
        self._listed(held.account, new)
        return new

    def schedule(self, account: Account, issued_at: datetime, amount: Decimal) -> str:
        """A new scheduled invoice, as a charge added to the contract brings it forth; returns its id."""
        new = self.world.uuid(self.name, "scheduled", len(self.world.view(self.name, "scheduled")))
        record = {"customer": account.index, "issued_at": issued_at.isoformat(), "amount": str(amount)}
        self.world.put(self.name, "scheduled", new, record)
        self._listed(account, new)
        return new

    def _listed(self, account: Account, invoice_id: str) -> None:
        others = self.world.get(self.name, "later", str(account.index)) or {"ids": []}
        self.world.put(self.name, "later", str(account.index), {"ids": [*others["ids"], invoice_id]})

    # ---- customers and contracts

    def archived_at(self, account: Account) -> datetime | None:
        """When a customer was archived."""
        kept = self.world.get(self.name, "customer", account.id)
        return moment(kept["archived_at"]) if kept else account.archived_at

    def contract_archived_at(self, account: Account, contract: int) -> datetime | None:
        """When a contract was archived: with its customer, or by itself."""
        kept = self.world.get(self.name, "contract", self.accounts.contract_id(account.index, contract))
        return moment(kept["archived_at"]) if kept else self.archived_at(account)

    def archive_contract(self, account: Account, contract: int, *, void_invoices: bool, disappear: bool) -> None:
        """End a contract: drafts are cancelled, planned invoices voided, finalized ones if asked for."""
        for held in list(self.of(account.index)):
            if held.base.slot.contract != contract or held.status == VOID:
                continue
            if held.status == FINALIZED:
                if void_invoices:
                    self.void(held)
            else:
                self.cancel(held, disappear and held.body["type"] != "SCHEDULED")
        contract_id = self.accounts.contract_id(account.index, contract)
        self.world.put(self.name, "contract", contract_id, {"archived_at": self.now().isoformat()})

    def archive_customer(self, account: Account, *, disappear: bool) -> None:
        """End a customer: all contracts, all invoices."""
        for contract in range(account.contracts):
            self.archive_contract(account, contract, void_invoices=True, disappear=disappear)
        self.world.put(self.name, "customer", account.id, {"archived_at": self.now().isoformat()})
