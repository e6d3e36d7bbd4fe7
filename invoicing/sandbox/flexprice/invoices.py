"""Reading and changing one invoice: read, update, finalize, void."""

from decimal import Decimal

from ..core import Request, Response, route
from .amounts import creditable
from .units import ZERO, instant, number, rounded, stamp, text

EXPANDABLE = {"tax_applied", "tax_applied.tax_rate", "customer", "subscription", "line_items", "coupon_applications"}
VOIDABLE = ["DRAFT", "FINALIZED", "SKIPPED"]
VOIDABLE_WHEN_PAID = ["PENDING", "FAILED", "SUCCEEDED", "PARTIALLY_REFUNDED", "OVERPAID"]


class Invoices:
    """The part of the simulator that reads and changes single invoices."""

    # ---- read

    @route("GET", "/invoices/{id}")
    def get_invoice(self, request: Request) -> Response:
        invoice = self.held(request.params["id"])
        tokens = {token for value in request.args("expand") for token in value.split(",") if token}
        for token in tokens - EXPANDABLE:
            self.refuse(f"field {token} is not allowed to be expanded", field=token)
        groups = [group for value in request.args("group_by") for group in value.split(",") if group]
        if groups and request.arg("force_runtime_recalculation") == "true":
            self._count_again(invoice)
        shown = self.alone(invoice)
        if "tax_applied.tax_rate" in tokens and "taxes" in shown:
            rates = self.book.tax_rates
            shown["taxes"] = [tax | {"tax_rate": rates[tax["tax_rate_id"]]} for tax in shown["taxes"]]
        if groups:
            self._break_down(shown, groups)
        elif self.early and request.arg("expand_by_source") == "true":
            for line in shown.get("line_items", ()):
                if line.get("price_type") == "USAGE":
                    line["usage_analytics"] = [{"source": one.pop("grouped_by")["source"], **one}
                                               for one in _parts(line, ["source"])]  # fmt: skip
        return Response(200, shown)

    def _count_again(self, invoice: dict) -> None:
        """Usage that came late, in this answer alone: one percent more."""
        for line in invoice["line_items"]:
            if line["price_type"] == "USAGE":
                line["amount"] = text(rounded(Decimal(line["amount"]) * Decimal("1.01"), invoice["currency"]))
                line["quantity"] = text(Decimal(line["quantity"]) * Decimal("1.01"))
        self.recompute(invoice)

    def _break_down(self, shown: dict, groups: list[str]) -> None:
        """What usage lines are made of; the quantity becomes the metered usage."""
        for line in shown.get("line_items", ()):
            if line.get("price_type") == "USAGE":
                parts = line["usage_breakdown"] = _parts(line, groups)
                line["quantity"] = text(sum((Decimal(part["usage"]) for part in parts), ZERO))

    # ---- amounts

    def recompute(self, invoice: dict, subtotal: Decimal | None = None) -> None:
        """Amounts from the lines (or the subtotal given), the coupons and the tax rates that apply."""
        if subtotal is None:
            subtotal = sum((Decimal(line["amount"]) for line in invoice["line_items"]), ZERO)
        self.book.compute(invoice, self.world.now(), subtotal)
        invoice["last_computed_at"] = self.now()

    def apply_credits(self, invoice: dict) -> None:
        """Debit prepaid credits for what usage lines still cost. The server of January 2026 has no such thing."""
        if self.early or not invoice["line_items"]:
            return
        room = creditable(invoice["line_items"])
        for wallet in self.wallets_with_money(invoice["customer_id"], invoice["currency"], "PRE_PAID"):
            amount = rounded(min(room, Decimal(wallet["balance"])), invoice["currency"])
            if amount > 0:
                self.debit(wallet, amount, "CREDIT_ADJUSTMENT", "INVOICE", invoice["id"])
                room -= amount
                applied = Decimal(invoice["total_prepaid_credits_applied"]) + amount
                invoice["total_prepaid_credits_applied"] = text(applied)
        self.recompute(invoice, Decimal(invoice["subtotal"]))

    def check(self, invoice: dict) -> None:
        """The invariants the server checks on every manual write."""
        due, paid, left = (Decimal(invoice[f"amount_{name}"]) for name in ("due", "paid", "remaining"))
        overpaid = invoice["payment_status"] == "OVERPAID"
        for name, amount in (("amount_due", due), ("amount_paid", paid), ("amount_remaining", left)):
            if amount < 0:
                self.refuse(f"{name} must be non negative", **{name: text(amount)})
        if overpaid and left:
            self.refuse("amount_remaining must be zero for overpaid invoices", amount_remaining=text(left))
        if not overpaid and paid > due:
            self.refuse("amount_paid cannot be greater than amount_due", amount_paid=text(paid), amount_due=text(due))
        if not overpaid and paid + left != due:
            self.refuse("amount_paid plus amount_remaining must equal amount_due")

    # ---- update

    @route("PUT", "/invoices/{id}")
    def update_invoice(self, request: Request) -> Response:
        given = self.fields(request, "invalid request")
        self.typed(given, "invalid request", due_date="instant", invoice_pdf_url="text", metadata="texts",
                   apply_discount="flag")  # fmt: skip
        invoice = self.find(request.params["id"])
        if invoice is None:
            identity = request.params["id"]
            self.refuse(f"invoice not found: {identity}", "not_found", id=identity)
        if given.get("due_date") and instant(given["due_date"]) <= self.world.now():
            self.refuse("Due date must be in the future", due_date=given["due_date"])
        if given.get("invoice_pdf_url") and not given["invoice_pdf_url"].startswith("https://"):
            self.refuse("invalid invoice_pdf_url", invoice_pdf_url=given["invoice_pdf_url"])
        status = invoice["invoice_status"]
        if status not in ("DRAFT", "FINALIZED"):
            self.refuse("Invoice can only be updated when in draft or finalized status",
                        invoice_id=invoice["id"], current_status=status)  # fmt: skip
        if self.early and invoice["payment_status"] == "SUCCEEDED" and given.get("metadata") is not None:
            self.refuse("Only PDF URL and due date can be updated for paid invoices", invoice_id=invoice["id"])
        held_before = {name: invoice[name] for name in ("version", "updated_at")}
        if given.get("apply_discount") and not self.early:
            if status != "DRAFT":
                self.refuse("Only draft invoices can have their discount recalculated", current_status=status)
            self.recompute(invoice, Decimal(invoice["subtotal"]))
        if given.get("due_date"):
            invoice["due_date"] = stamp(instant(given["due_date"]))
        if given.get("invoice_pdf_url") is not None:
            invoice["invoice_pdf_url"] = given["invoice_pdf_url"] or None
        if given.get("metadata") is not None:
            invoice["metadata"] = given["metadata"]
        self.save(invoice)
        self.effect("update", invoice["id"])
        self.publish("invoice.update", invoice["id"])
        return Response(200, self.written(invoice | held_before))  # the server answers from what it held before

    # ---- finalize

    @route("POST", "/invoices/{id}/finalize")
    def finalize_invoice(self, request: Request) -> Response:
        invoice = self.held(request.params["id"])
        if invoice["invoice_status"] == "SKIPPED":
            return Response(200, {"message": "invoice finalized successfully"})
        if invoice["invoice_status"] != "DRAFT":
            self.refuse("invoice must be in draft status to be finalized", current_status=invoice["invoice_status"])
        self.finalize(invoice)
        return Response(200, {"message": "invoice finalized successfully"})

    def finalize(self, invoice: dict) -> None:
        """Credits, taxes, the number: from here on it is owed. No payment is attempted."""
        if invoice["invoice_type"] == "SUBSCRIPTION":
            self.apply_credits(invoice)
        self.seal(invoice)
        self.save(invoice)
        self.effect("finalize", invoice["id"])
        self.publish("invoice.update.finalized", invoice["id"])

    def seal(self, invoice: dict) -> None:
        """Give the invoice its number and its status."""
        now = self.world.now()
        if not invoice["invoice_number"]:
            kept = self.world.get(self.name, "counter", "invoice") or {"value": self.book.count}
            kept["value"] += 1
            self.world.put(self.name, "counter", "invoice", kept)
            invoice["invoice_number"] = f"INV-{now:%Y%m}-{kept['value']:05d}"
        invoice.update(invoice_status="FINALIZED", finalized_at=stamp(now))
        free = Decimal(invoice["total"]) == 0 and invoice["billing_reason"] != "SUBSCRIPTION_TRIAL_START"
        if free or (invoice["metadata"] or {}).get("auto_completed") == "true":
            invoice.update(payment_status="SUCCEEDED", amount_paid=invoice["amount_due"], amount_remaining="0",
                           paid_at=stamp(now))  # fmt: skip

    # ---- void

    @route("POST", "/invoices/{id}/void")
    def void_invoice(self, request: Request) -> Response:
        given = self.fields(request, "failed to parse request body", empty={})
        self.typed(given, "failed to parse request body", metadata="texts")
        invoice = self.held(request.params["id"])
        self.refuse_unless_voidable(invoice)
        self.void(invoice, given.get("metadata") or {})
        return Response(200, {"message": "invoice voided successfully"})

    def refuse_unless_voidable(self, invoice: dict) -> None:
        statuses = VOIDABLE[:2] if self.early else VOIDABLE
        if invoice["invoice_status"] not in statuses:
            self.refuse(f"invoice status - {invoice['invoice_status']} is not allowed", allowed_statuses=statuses)
        statuses = VOIDABLE_WHEN_PAID[:2] if self.early else VOIDABLE_WHEN_PAID
        if invoice["payment_status"] not in statuses:
            self.refuse(f"invoice payment status - {invoice['payment_status']} is not allowed",
                        allowed_statuses=statuses)  # fmt: skip

    def void(self, invoice: dict, metadata: dict) -> None:
        """Void it; what was paid and what credits bore goes to the customer's wallet, nothing to the card or bank."""
        invoice.update(invoice_status="VOIDED", voided_at=self.now())
        if metadata:
            invoice["metadata"] = (invoice["metadata"] or {}) | metadata
        paid, credits, refunded = (
            Decimal(invoice[name]) for name in ("amount_paid", "total_prepaid_credits_applied", "refunded_amount")
        )
        refund = max(ZERO, paid + credits - refunded)
        if refund and not self.early:
            self.refund(invoice, refund, "INVOICE_VOID_REFUND", invoice["id"])
            invoice["refunded_amount"] = text(refunded + refund)
            invoice["payment_status"] = "REFUNDED"  # all that was put in is back
        self.save(invoice)
        self.effect("void", invoice["id"])
        self.publish("invoice.update.voided", invoice["id"])


def _parts(line: dict, groups: list[str]) -> list[dict]:
    """A usage line's cost and usage by group, always with two decimals: seven tenths and the rest."""
    cost, usage = Decimal(line["amount"]), number(line["quantity"])
    parts = []
    for place, share in enumerate((Decimal("0.7"), Decimal("0.3"))):
        parts.append({
            "cost": f"{cost * share:.2f}",
            "usage": f"{usage * share:.2f}",
            "percentage": f"{share * 100:.2f}",
            "event_count": int(usage * share) % 100_000,
            "grouped_by": {group: f"{group.removeprefix('properties.')}-{place + 1}" for group in groups},
        })  # fmt: skip
    return parts
