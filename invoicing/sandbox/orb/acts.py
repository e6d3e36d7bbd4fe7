"""What happens at Orb without the API: in its dashboard, at the payment provider, by the passing of time."""

from decimal import Decimal

from ..wire import clone
from .amounts import number, text
from .book import NAME
from .lines import line_id, settle
from .lines_api import is_one_off
from .rating import rate


class Acts:
    """POST /_sandbox/act, one method an act. Errors: ValueError for what cannot be, LookupError for an unknown id."""

    ACTS = (
        "customer_pays", "payment_failed", "payment_starts", "next_payment", "void_at_provider", "undo_paid", "issue",
        "issue_failed", "next_issue_fails", "sync", "sync_failed", "edit", "add_line", "replace_draft", "vanish",
        "too_large", "void_credit_note", "edit_customer",
    )  # fmt: skip

    def act(self, what: str, external_id: str, **arguments) -> dict:
        if what not in self.ACTS:
            raise ValueError(f"Known acts: {', '.join(self.ACTS)}")
        return getattr(self, f"act_{what}")(external_id, **arguments)

    def _editing(self, identity: str, *legal: str, lines: bool = False) -> dict:
        record = self.book.edit(identity, lines=lines)
        if record is None:
            raise LookupError(f"No invoice {identity}")
        if legal and record["head"]["status"] not in legal:
            raise ValueError(f"Invoice {identity} is {record['head']['status']}, not {' or '.join(legal)}")
        return record

    def _saved(self, record: dict) -> dict:
        return self.wire(self.book.save(record))

    # ---- payment

    def act_customer_pays(self, identity: str) -> dict:
        """The customer pays: by the attempt under way when there is one, by card, or by a transfer marked by hand."""
        record = self._editing(identity, "issued", "synced")
        if self.in_flight(record["head"]):
            self.payment_arrived(record)
        elif record["head"]["status"] == "issued" and self.book.customer_of(record).charges:
            self.collect(record, "succeeded")
        else:
            self.mark_paid(record)
        return self._saved(record)

    def act_payment_failed(self, identity: str) -> dict:
        record = self._editing(identity, "issued")
        if self.in_flight(record["head"]):
            record["head"]["payment_failed_at"] = self.stamp_now()
        else:
            self.collect(record, "declined")
        return self._saved(record)

    def act_payment_starts(self, identity: str) -> dict:
        record = self._editing(identity, "issued")
        self.collect(record, "pending")
        return self._saved(record)

    def act_next_payment(self, identity: str, outcome: str) -> dict:
        """How the next `pay` will end: succeeded, declined or pending."""
        if outcome not in ("succeeded", "declined", "pending"):
            raise ValueError("outcome is succeeded, declined or pending")
        record = self._editing(identity)
        record["private"]["next_payment"] = outcome
        return self._saved(record)

    def act_undo_paid(self, identity: str) -> dict:
        record = self._editing(identity, "paid")
        self.undo_paid(record)
        return self._saved(record)

    # ---- issue, void, sync

    def act_issue(self, identity: str) -> dict:
        record = self._editing(identity, "draft")
        self.issue(record)
        return self._saved(record)

    def act_issue_failed(self, identity: str) -> dict:
        record = self._editing(identity, "draft")
        record["head"]["issue_failed_at"] = self.stamp_now()
        return self._saved(record)

    def act_next_issue_fails(self, identity: str) -> dict:
        """The next issue without waiting is accepted, and fails a moment later."""
        record = self._editing(identity, "draft")
        record["private"]["issue_fails"] = True
        return self._saved(record)

    def act_void_at_provider(self, identity: str) -> dict:
        record = self._editing(identity, "issued")
        self.void(record)
        return self._saved(record)

    def act_sync(self, identity: str) -> dict:
        record = self._editing(identity, "issued")
        self.sync(record)
        return self._saved(record)

    def act_sync_failed(self, identity: str) -> dict:
        record = self._editing(identity, "issued")
        record["head"]["sync_failed_at"] = self.stamp_now()
        return self._saved(record)

    # ---- drafts move

    def act_edit(self, identity: str, quantity: str = "1000") -> dict:
        """Usage flows into a draft: more of its first line that can have more, and the sums follow."""
        record = self._editing(identity, "draft", lines=True)
        currency = record["head"]["currency"]
        for line in record["lines"]:
            price = line["price"]
            if price["model_type"] in ("unit", "tiered", "bulk", "package") and price["currency"] == currency:
                total = Decimal(line["quantity"]) + Decimal(quantity)
                subtotal, shares = rate(price, total)
                line |= {"quantity": number(total), "subtotal": text(subtotal), "sub_line_items": shares}
                settle(line, currency)
                self.recompute(record)
                return self._saved(record)
        raise ValueError(f"Invoice {identity} has no line whose quantity could grow")

    def act_add_line(self, identity: str, amount: str = "10.00", name: str = "Added in the dashboard") -> dict:
        record = self._editing(identity, "draft", lines=True)
        number, customer = self.book.next_number("line"), self.book.customer_of(record)
        make = self._maker(customer, record["head"]["currency"], self.world.now(), identity, f"act {number}")
        record["lines"].append(make.charge(name, 1, amount))
        self.recompute(record)
        return self._saved(record)

    def act_replace_draft(self, identity: str) -> dict:
        """A subscription's draft makes way for a new one with another id; lines added by hand are lost."""
        old = self._editing(identity, "draft")
        if old["head"]["invoice_source"] == "one_off":
            raise ValueError(f"Invoice {identity} is one-off; only a subscription's draft is replaced")
        number = self.book.next_number("invoice")
        new = clone({"head": old["head"], "private": old["private"]})
        new["lines"] = clone([line for line in old["lines"] if not is_one_off(line)])
        new["own_lines"] = True
        new["head"] |= {"id": self.book.data.identify("new invoice", number), "created_at": self.stamp_now()}
        new["private"] |= {"index": self.book.data.count + number, "issuing": False}
        for line in new["lines"]:
            line["id"] = line_id(new["head"]["id"], line["id"][8:])
        self.recompute(new)
        self.book.remove(identity)
        self.schedule(new)
        return self._saved(new)

    def act_vanish(self, identity: str) -> dict:
        """The invoice is there no more, and nobody is told."""
        self._editing(identity)
        self.book.remove(identity)
        return {"id": identity, "vanished": True}

    def act_too_large(self, identity: str) -> dict:
        """From now on reading the invoice by its id is refused: too large to be rendered."""
        record = self._editing(identity)
        record["private"]["too_large"] = True
        return self._saved(record)

    # ---- around

    def act_void_credit_note(self, identity: str) -> dict:
        return self.note_wire(self.void_note(identity))

    def act_edit_customer(self, identity: str, **changes) -> dict:
        """Change a customer: name, email, or any other key it has on the wire."""
        number = self.book.data.customers.numbers.get(identity)
        if number is None or self.gone_customer(number):
            raise LookupError(f"No customer {identity}")
        unknown = set(changes) - set(self.book.data.customers.full(number)) | set(changes) & {"id", "balance"}
        if unknown or not changes:
            raise ValueError(f"Cannot change {', '.join(sorted(unknown)) or 'nothing'}")
        edited = (self.world.get(NAME, "customer", str(number)) or {}) | changes
        self.world.put(NAME, "customer", str(number), edited)
        return self.customer_wire(number)
