"""What happens to Checkout Page invoices without any client: customers pay, the store refunds, edits and sells."""

from datetime import timedelta

from .data import stamp

# act -> (the statuses it starts from, the status it leads to)
MOVES = {
    "finalize": (("draft",), "open"),
    "customer_pays": (("open", "uncollectible"), "paid"),
    "mark_uncollectible": (("open",), "uncollectible"),
    "void_at_provider": (("draft", "open"), "void"),
}
HIDDEN = ("vanished", "revision")  # kept beside the changed fields, never shown


class Acts:
    """Mixed into the simulator; each act is a method named as in POST /_sandbox/act."""

    def act(self, what: str, external_id: str, **arguments) -> dict:
        """finalize, customer_pays, mark_uncollectible, void_at_provider, refund, edit, edit_payment, edit_customer,
        vanish (external_id: an invoice or, for edit_customer, a customer) and purchase (no id)."""
        if what in MOVES:
            return self._move(what, external_id)
        acts = {"refund": self._refund, "edit": self._edit, "edit_payment": self._edit_payment,
                "edit_customer": self._edit_customer, "vanish": self._vanish, "purchase": self._purchase}  # fmt: skip
        if what not in acts:
            raise ValueError(f"Acts here: {', '.join([*MOVES, *acts])}")
        return acts[what](external_id, **arguments)

    def change(self, invoice_id: str, **fields) -> None:
        """Keep changed fields of an invoice beside those changed before."""
        self.changes += 1
        self.world.put(
            self.name, "invoice", invoice_id, {**(self.world.get(self.name, "invoice", invoice_id) or {}), **fields}
        )

    def _moved(self, external_id: str, **fields) -> dict:
        now = stamp(self.world.now())
        self.change(external_id, **fields, updatedAt=now)
        index = self._index(external_id)
        self._change_payment(index, updatedAt=now)
        return self.current(index)

    def _index(self, external_id: str) -> int:
        index = self.store.index("invoice", external_id) if len(external_id) == 24 else None
        if index is None:
            raise LookupError(f"No invoice {external_id}")
        return index

    def _change_payment(self, index: int, **fields) -> None:
        identity = self.store.payment_id(index)
        self.world.put(
            self.name, "payment", identity, {**(self.world.get(self.name, "payment", identity) or {}), **fields}
        )

    def _move(self, what: str, external_id: str) -> dict:
        starts, end = MOVES[what]
        invoice = self.current(self._index(external_id))
        if invoice["status"] not in starts:
            raise ValueError(f"{what} needs {' or '.join(starts)}; this one is {invoice['status']}")
        fields = {"status": end}
        if end == "paid":
            fields |= {"amountPaid": invoice["amount"], "amountDue": 0}
        if end == "open" and "invoiceUrl" not in invoice:
            fields["invoiceUrl"] = ""
        return self._moved(external_id, **fields)

    def _refund(self, external_id: str, amount: int | None = None) -> dict:
        """Money back, all that is left when no amount (minor units) is given."""
        invoice = self.current(self._index(external_id))
        left = invoice["amountPaid"] - invoice["amountRefunded"]
        amount = left if amount is None else amount
        if invoice["status"] not in ("paid", "partially_refunded") or not 0 < amount <= left:
            raise ValueError(f"Cannot refund {amount}: {invoice['status']}, {left} left")
        status = "refunded" if amount == left else "partially_refunded"
        return self._moved(external_id, status=status, amountRefunded=invoice["amountRefunded"] + amount)

    def _edit(self, external_id: str, **fields) -> dict:
        """Any fields of the invoice, as given; what depends on them is left alone."""
        self._index(external_id)
        return self._moved(external_id, **fields)

    def _edit_payment(self, external_id: str, po_number: str | None = None, **fields) -> dict:
        """The payment of an invoice: `billing`, ...; the invoice shows it only after its PDF was drawn again."""
        index = self._index(external_id)
        if po_number:
            fields["fields"] = [{"fieldId": "po", "label": "PO number", "value": po_number, "element": "po-number",
                                 "type": "po-number"}]  # fmt: skip
        self._change_payment(index, **fields, updatedAt=stamp(self.world.now()))
        return self.current_payment((0, "payment", index))

    def _edit_customer(self, external_id: str, **fields) -> dict:
        index = self.store.index("customer", external_id)
        if index is None:
            raise LookupError(f"No customer {external_id}")
        kept = {
            **(self.world.get(self.name, "customer", external_id) or {}),
            **fields,
            "updatedAt": stamp(self.world.now()),
        }
        self.world.put(self.name, "customer", external_id, kept)
        return self.current_customer(index)

    def _vanish(self, external_id: str) -> dict:
        self._index(external_id)
        self.change(external_id, vanished=True)
        return {"vanished": external_id}

    def _purchase(self, external_id: str = "", status: str = "paid") -> dict:
        """A new payment with its invoice, before all others in every list."""
        index = self.store.total()
        now = max(self.world.now(), self.store.created(index - 1) + timedelta(milliseconds=1))
        self.changes += 1
        self.world.put(self.name, "purchase", str(index), {"at": now.isoformat(), "status": status})
        return self.current(index)
