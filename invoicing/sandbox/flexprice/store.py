"""Where the simulator finds an invoice: what changed is stored, everything else is generated when asked for."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from .data import Book
from .scenarios import Facts
from .units import instant, stamp

REMEMBERED = timedelta(hours=1)  # how far behind the search's replica may lag


class Store:
    """The part of the simulator that holds invoices."""

    def open_books(self, book: type[Book]) -> None:
        self.book = book(self.world.seed, self.world.count, self.world.anchor, self.early)
        self._live = self.world.view(self.name, "invoice")
        self._generated: list[Facts] = []
        self._history: deque[tuple[datetime, str, dict | None]] = deque()
        self.changes = 0

    def now(self) -> str:
        """This instant of the world as FlexPrice writes it."""
        return stamp(self.world.now())

    # ---- one invoice

    def find(self, identity: str) -> dict | None:
        """An invoice as held now, yours to change and `save`; None when there is none (any more)."""
        stored = self.world.get(self.name, "invoice", identity)
        if stored is not None:
            return None if stored.get("_gone") else stored
        index = self.book.invoice_index(identity)
        return None if index is None else self.book.invoice(index)

    def held(self, identity: str) -> dict:
        """The same, refusing an unknown id."""
        invoice = self.find(identity)
        if invoice is None:
            self.no_such("invoice", identity)
        return invoice

    def save(self, invoice: dict, *, touch: bool = True) -> dict:
        """Store an invoice after a change; `touch` counts its version and moves its `updated_at`."""
        now = self.world.now()
        if touch:
            invoice["version"] += 1
            invoice["updated_at"] = stamp(now)
        while self._history and self._history[0][0] < now - REMEMBERED:
            self._history.popleft()
        self._history.append((now, invoice["id"], self._live.get(invoice["id"])))
        self.changes += 1
        self.world.put(self.name, "invoice", invoice["id"], invoice)
        return invoice

    # ---- all of them

    def searched(self) -> Mapping[str, dict]:
        """The stored invoices as the search sees them: its database replica may lag behind."""
        view = self.world.view(self.name, "invoice")
        lag = float(self.option("replica_lag"))
        if not lag:
            return view
        since, view = self.world.now() - timedelta(seconds=lag), dict(view)
        for at, identity, before in reversed(self._history):
            if at < since:
                break
            if before is not None:
                view[identity] = before
            elif view.pop(identity, None) is not None and (index := self.book.invoice_index(identity)) is not None:
                view[identity] = self.book.invoice(index)  # it was as generated
        return view

    def rows(self, view: Mapping[str, dict]) -> list[Facts]:
        """Facts of every invoice, generated and stored."""
        if not self._generated:
            self._generated = [self.book.facts(index) for index in range(self.book.count)]
        rows = [facts for facts in self._generated if facts.id not in view] if view else self._generated
        return rows + [self.facts_of(record) for record in view.values() if not record.get("_gone")]

    def record(self, facts: Facts, view: Mapping[str, dict]) -> dict:
        """The whole invoice behind its facts. Not a copy: not to be changed."""
        return view[facts.id] if facts.index < 0 else self.book.invoice(facts.index)

    def facts_of(self, record: dict) -> Facts:
        """A stored invoice in the form the search reads."""

        def at(name: str) -> datetime | None:
            return instant(record[name]) if record[name] else None

        book = self.book
        subscription = record["subscription_id"] and book.subscription_index(record["subscription_id"])
        customer = book.customer_index(record["customer_id"])
        owner = record["subscription_customer_id"]
        return Facts(
            -1, record["id"], record["invoice_type"], "", "", customer, book.customer_index(owner) if owner else customer,
            subscription, record["billing_sequence"] or 0, record["invoice_status"], record["payment_status"],
            record["status"], record["currency"], record["billing_reason"], at("created_at"), at("finalized_at"),
            at("paid_at"), at("voided_at"), at("updated_at"), at("period_start"), at("period_end"), at("due_date"),
            record["invoice_number"],
        )  # fmt: skip

    def of_customer(self, customer: int) -> list[dict]:
        """Every published invoice of a customer, whole."""
        view = self.world.view(self.name, "invoice")
        found = [row for row in self.rows(view) if row.customer == customer and row.row == "published"]
        return [self.record(row, view) for row in found]
