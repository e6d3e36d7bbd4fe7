"""What happens at FlexPrice without us: customers pay, colleagues void, finalize, edit and archive."""

from decimal import Decimal

from ..core import Refusal
from .units import number, rounded, text


class Acts:
    """The part of the simulator that the world moves."""

    def act(self, what: str, external_id: str, **arguments) -> dict:
        """Let the world act; answers with the invoice as it is then. Errors: ValueError, LookupError."""
        switch = SWITCHES.get(what)
        if switch:
            value = arguments.get("seconds", arguments.get("enabled", True))
            self.world.put(self.name, "option", switch, {"value": value})
            return {switch: value}
        happening = HAPPENINGS.get(what)
        if happening is None:
            raise ValueError(f"{self.name} knows {', '.join([*HAPPENINGS, *SWITCHES])}, not {what!r}")
        invoice = self.find(external_id)
        if invoice is None:
            raise LookupError(f"{self.name} has no invoice {external_id!r}")
        try:
            happening(self, invoice, **arguments)
        except Refusal as refusal:
            raise ValueError(str(refusal.response.body)) from None
        return {"id": external_id} if what == "vanish" else self.alone(self.find(external_id))

    def _customer_pays(self, invoice: dict, amount=None, method: str = "CARD") -> None:
        """Through a payment provider; all that remains unless an amount is given."""
        if invoice["invoice_status"] != "FINALIZED":
            raise ValueError("only a finalized invoice is paid")
        paid = number(amount, None)
        payment = self._new_payment(invoice, method, Decimal(invoice["amount_remaining"]) if paid is None else paid,
                                    {"payment_gateway": "stripe", "gateway_payment_id": "pi_sandbox"})  # fmt: skip
        self.succeed(payment, invoice)
        self.effect("customer_pays", invoice["id"])

    def _payment_fails(self, invoice: dict) -> None:
        payment = self._new_payment(
            invoice, "CARD", Decimal(invoice["amount_remaining"]), {"payment_gateway": "stripe"}
        )
        payment.update(payment_status="FAILED", failed_at=self.now(), error_message="Your card was declined.")
        self.world.put(self.name, "payment", payment["id"], payment)
        invoice["payment_status"] = "FAILED"
        self.save(invoice)
        self.effect("payment_fails", invoice["id"])
        self.publish("invoice.update.payment", invoice["id"])

    def _void_at_provider(self, invoice: dict, reason: str = "") -> None:
        self.refuse_unless_voidable(invoice)
        self.void(invoice, {"reason": reason} if reason else {})

    def _finalize_draft(self, invoice: dict) -> None:
        if invoice["invoice_status"] != "DRAFT":
            raise ValueError("only a draft is finalized")
        self.finalize(invoice)

    def _edit(self, invoice: dict, amount="10", metadata: dict | None = None) -> None:
        """An amount is added to the first line (which may take it away), or metadata changes."""
        if metadata is not None:
            invoice["metadata"] = metadata
        elif invoice["line_items"]:
            line = invoice["line_items"][0]
            more = rounded(number(amount), invoice["currency"])
            line["amount"] = text(Decimal(line["amount"]) + more)
            self.recompute(invoice, Decimal(invoice["subtotal"]) + more)
            invoice["is_manually_edited"] = True
        self.save(invoice)
        self.effect("edit", invoice["id"])
        self.publish("invoice.update", invoice["id"])

    def _vanish(self, invoice: dict) -> None:
        """It is gone, as if it had never been; reading it answers 404."""
        self.save(invoice | {"_gone": True})
        self.effect("vanish", invoice["id"])

    def _archive(self, invoice: dict, status: str = "archived") -> None:
        """It leaves the default list, and can still be read."""
        self.save(invoice | {"status": status})
        self.effect("archive", invoice["id"])


SWITCHES = {
    "replica_lag": "replica_lag", "storage_disabled": "storage_disabled", "workflow_engine_down": "workflow_engine_down",
    "tenant_suspended": "tenant_suspended",
}  # fmt: skip
HAPPENINGS = {
    "customer_pays": Acts._customer_pays,
    "payment_fails": Acts._payment_fails,
    "void_at_provider": Acts._void_at_provider,
    "finalize": Acts._finalize_draft,
    "edit": Acts._edit,
    "vanish": Acts._vanish,
    "archive": Acts._archive,
}
