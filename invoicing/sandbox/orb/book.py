"""The account as it is now: what was generated, and over it what changed since."""

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal

from ..wire import clone
from ..world import World
from .amounts import ZERO, money, stamp, text
from .customers import Customer
from .data import Data, Row

NAME = "orb"
STATUSES = ("draft", "issued", "paid", "synced", "void")


class Book:
    """Invoices in the order Orb lists them, balances, credit notes and credit blocks; every change is stored."""

    def __init__(self, world: World):
        self.world = world
        self.data = Data(world)
        self.rows: dict[str, Row] = {row.id: row for row in self.data.rows}
        stored = world.view(NAME, "invoice")
        for identity, kept in stored.items():
            if kept.get("gone"):
                self.rows.pop(identity, None)
            else:
                self.rows[identity] = self._row(kept)
        self.order: dict[str, list[tuple[str, int, str]]] = {status: [] for status in STATUSES}
        self.of_customer: dict[int, set[str]] = {}
        self.by_head = {identity[:8]: identity for identity in self.rows}
        for row in self.rows.values():
            self.order[row.status].append((row.date, row.index, row.id))
            self.of_customer.setdefault(row.customer, set()).add(row.id)
        for listed in self.order.values():
            listed.sort()

    @staticmethod
    def _row(kept: dict) -> Row:
        head, private = kept["head"], kept["private"]
        return Row(
            head["id"],
            head["invoice_date"],
            head["status"],
            private["customer"],
            head["invoice_source"],
            private["index"],
        )

    # ---- invoices

    def read(self, identity: str) -> dict | None:
        """An invoice's `head`, `lines` and `private`, not to be changed; None when there is none."""
        kept = self.world.get(NAME, "invoice", identity)
        if kept is None:
            index = self.data.index.get(identity)
            return None if index is None else self.data.base(index)
        if kept.get("gone"):
            return None
        if "lines" not in kept:
            kept["lines"] = self.data.lines(kept["private"]["index"])
        else:
            kept["own_lines"] = True
        return kept

    def edit(self, identity: str, *, lines: bool = False) -> dict | None:
        """The same, to be changed and saved; `lines` when they will change as well."""
        found = self.read(identity)
        if found is None:
            return None
        record = {**found, "head": clone(found["head"]), "private": clone(found["private"])}
        if lines:
            record |= {"lines": clone(found["lines"]), "own_lines": True}
        return record

    def save(self, record: dict) -> dict:
        """Store an edited or a new invoice, and list it where it now belongs."""
        kept = {"head": record["head"], "private": record["private"]}
        if record.get("own_lines"):
            kept["lines"] = record["lines"]
        identity = record["head"]["id"]
        self._unlist(identity)
        self.world.put(NAME, "invoice", identity, kept)
        row = self.rows[identity] = self._row(kept)
        insort(self.order[row.status], (row.date, row.index, row.id))
        self.of_customer.setdefault(row.customer, set()).add(row.id)
        self.by_head[identity[:8]] = identity
        return record

    def remove(self, identity: str) -> None:
        """The invoice is gone: it was a draft that Orb replaced, or bought a deleted credit block."""
        self._unlist(identity)
        self.rows.pop(identity, None)
        self.world.put(NAME, "invoice", identity, {"gone": True})

    def _unlist(self, identity: str) -> None:
        row = self.rows.get(identity)
        if row is not None:
            listed = self.order[row.status]
            del listed[bisect_left(listed, (row.date, row.index, row.id))]
            self.of_customer[row.customer].discard(identity)

    def next_number(self, kind: str) -> int:
        """Counts what is made here; continues after a restart."""
        kept = self.world.get(NAME, "counter", kind) or {"value": 0}
        self.world.put(NAME, "counter", kind, {"value": kept["value"] + 1})
        return kept["value"] + 1

    def listed(self, statuses, customer: int | None, before: tuple | None, newest: str | None) -> Iterator[Row]:
        """Invoices from the most recent invoice date on. `before` is a position (date, index); `newest` a last date."""
        ends = [bound for bound in (before, newest and (newest, 10**12)) if bound]
        end = min(ends) if ends else None
        if customer is not None:
            mine = (self.rows[identity] for identity in self.of_customer.get(customer, ()))
            found = sorted(((row.date, row.index, row.id) for row in mine if row.status in statuses), reverse=True)
            places = (place for place in found if end is None or place[:2] < end)
        else:
            places = heapq.merge(*(self._backwards(self.order[status], end) for status in statuses), reverse=True)
        return (self.rows[identity] for _, _, identity in places)

    @staticmethod
    def _backwards(listed: list, end: tuple | None) -> Iterator[tuple]:
        place = len(listed) if end is None else bisect_left(listed, end)
        while place:
            place -= 1
            yield listed[place]

    def of_line(self, line_id: str) -> str | None:
        """The id of the invoice that has the line; None when none has."""
        identity = self.by_head.get(line_id[:8])
        record = identity and self.read(identity)
        return identity if record and any(line["id"] == line_id for line in record["lines"]) else None

    def customer_of(self, record: dict) -> Customer:
        return self.data.customers.get(record["private"]["customer"])

    # ---- balances

    def transactions(self, number: int) -> list[dict]:
        """A customer's balance transactions, oldest first."""
        kept = self.world.get(NAME, "balance", str(number)) or {"rows": []}
        return self.data.ledger(number) + kept["rows"]

    def balance(self, number: int) -> Decimal:
        rows = self.transactions(number)
        return Decimal(rows[-1]["ending_balance"]) if rows else money(ZERO, self.data.customers.get(number).currency)

    def change_balance(self, number: int, action: str, change: Decimal, record: dict | None = None, **facts) -> dict:
        """Add to (or, negative, take from) a balance; the row goes to the customer and to the invoice it touches."""
        currency = self.data.customers.get(number).currency
        starting, ending = self.balance(number), self.balance(number) + change
        row = {
            "id": self.data.identify("new transaction", self.next_number("transaction")),
            "created_at": stamp(self.world.now()),
            "starting_balance": text(money(starting, currency)),
            "ending_balance": text(money(ending, currency)),
            "amount": text(money(abs(change), currency)),
            "action": action,
            "description": None,
            "invoice": record and {"id": record["head"]["id"]},
            "type": "increment" if change > 0 else "decrement",
            "credit_note": None,
            **facts,
        }
        kept = self.world.get(NAME, "balance", str(number)) or {"rows": []}
        self.world.put(NAME, "balance", str(number), {"rows": [*kept["rows"], row]})
        if record is not None:
            record["head"]["customer_balance_transactions"].append(row)
        return row

    # ---- credit notes

    def notes(self) -> Iterator[dict]:
        """All credit notes."""
        kept = self.world.view(NAME, "credit_note")
        yield from (self.data.note(*place) for identity, place in self.data.notes.items() if identity not in kept)
        yield from kept.values()

    def note(self, identity: str) -> dict | None:
        kept = self.world.get(NAME, "credit_note", identity)
        if kept is None and identity in self.data.notes:
            return clone(self.data.note(*self.data.notes[identity]))
        return kept

    # ---- credit blocks: bought with the invoice of the same index, so their state follows from its

    def block(self, identity: str) -> dict | None:
        """A credit block and the id of the invoice that bought it; None when there is none, or none any more."""
        index = self.data.blocks.get(identity)
        if index is None or (self.world.get(NAME, "block", identity) or {}).get("deleted"):
            return None
        invoice = self.read(self.data.rows[index].id)
        blueprint, line = self.data.blueprint(index), self.data.lines(index)[0]
        status = invoice["head"]["status"] if invoice else "void"
        quantity = int(line["quantity"])
        return {
            "invoice": self.data.rows[index].id,
            "customer": blueprint.customer,
            "void": status == "void",
            "wire": {
                "metadata": {},
                "id": identity,
                "balance": 0 if status == "void" else quantity,
                "effective_date": line["start_date"],
                "expiry_date": None,
                "per_unit_cost_basis": line["price"]["unit_config"]["unit_amount"],
                "status": "active" if status == "paid" else "pending_payment",
                "maximum_initial_balance": quantity,
                "filters": [],
                "credit_block_source": blueprint.block,
                "credit_allocation": None,
                "credit_commitment": None,
            },
        }

    def block_of(self, record: dict) -> str | None:
        """The credit block that an invoice bought."""
        identity = self.data.identify("block", record["private"]["index"])
        return identity if identity in self.data.blocks and self.block(identity) else None

    def top_ups(self, number: int) -> list[dict]:
        """A customer's automatic top-ups. One is disabled, that is gone, once an invoice it made was voided."""
        found = []
        for index in self.data.blocks.values():
            blueprint = self.data.blueprint(index)
            disabled = self.world.get(NAME, "top_up", self.data.identify("top up", index))
            if blueprint.block == "top_up" and blueprint.customer == number and not disabled:
                line = self.data.lines(index)[0]
                found.append({
                    "id": self.data.identify("top up", index),
                    "currency": "credits",
                    "threshold": "50.00",
                    "amount": text(Decimal(line["quantity"])),
                    "per_unit_cost_basis": line["price"]["unit_config"]["unit_amount"],
                    "invoice_settings": {"auto_collection": True, "net_terms": 0, "memo": None,
                                         "require_successful_payment": False},
                    "expires_after": 12,
                    "expires_after_unit": "month",
                })  # fmt: skip
        return found
