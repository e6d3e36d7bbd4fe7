"""Credit notes: an adjustment lowers what an unpaid invoice asks, a refund credits the customer's wallet."""

from decimal import Decimal

from ..core import Request, Response, route
from .amounts import settle
from .units import ZERO, fresh_id, number, text

REASONS = ("DUPLICATE", "FRAUDULENT", "ORDER_CHANGE", "UNSATISFACTORY", "SERVICE_ISSUE", "BILLING_ERROR",
           "SUBSCRIPTION_CANCELLATION")  # fmt: skip
KINDS = {"SUCCEEDED": "REFUND", "PARTIALLY_REFUNDED": "REFUND", "FAILED": "ADJUSTMENT", "PENDING": "ADJUSTMENT",
         "PROCESSING": "ADJUSTMENT"}  # fmt: skip


class CreditNotes:
    """The part of the simulator that credits."""

    def credit_notes_of(self, invoice_id: str) -> list[dict]:
        index = self.book.invoice_index(invoice_id)
        generated = self.book.credit_note(index) if index is not None else None
        stored = self.world.view(self.name, "credit_note")
        found = {generated["id"]: generated} if generated else {}
        return list((found | {k: note for k, note in stored.items() if note["invoice_id"] == invoice_id}).values())

    def credit_note(self, identity: str) -> dict:
        note = self.world.get(self.name, "credit_note", identity)
        if note is None:
            index = self.book.credit_note_index(identity)
            note = self.book.credit_note(index) if index is not None else None
        if note is None or note["id"] != identity:
            self.no_such("credit note", identity)
        return note

    @route("POST", "/creditnotes")
    def create_credit_note(self, request: Request) -> Response:
        given = self.fields(request, "Invalid request format")
        self.typed(given, "Invalid request format", invoice_id="text", reason="text", line_items="list", memo="text",
                   metadata="texts", process_credit_note="flag", idempotency_key="text",
                   credit_note_number="text")  # fmt: skip
        self.required(given, invoice_id="InvoiceID", reason="Reason", line_items="LineItems")
        if given["reason"] not in REASONS:
            self.refuse("invalid credit note reason", allowed_values=list(REASONS))
        for line in given["line_items"]:
            if not isinstance(line, dict):
                self.refuse("Invalid request format")
            self.typed(
                line, "Invalid request format", amount="number", invoice_line_item_id="text", display_name="text"
            )
            self.required(line, invoice_line_item_id="InvoiceLineItemID", amount="Amount")
        invoice = self.held(given["invoice_id"])
        kind, total = self._creditable(invoice, given["line_items"])
        for same in self.world.view(self.name, "credit_note").values():
            if given.get("idempotency_key") and same["idempotency_key"] == given["idempotency_key"]:
                return Response(201, same)
        note = self._new_note(invoice, kind, total, given)
        self.world.put(self.name, "credit_note", note["id"], note)
        self.effect("create_credit_note", note["id"], given.get("idempotency_key"))
        self.publish("credit_note.created", note["id"])
        if given.get("process_credit_note"):
            self._finalize(note)
        return Response(201, note)

    def _creditable(self, invoice: dict, lines: list[dict]) -> tuple[str, Decimal]:
        """What kind of note the invoice takes, and the lines' sum. Errors: refused when it takes none, or not so much."""
        status, payment = invoice["invoice_status"], invoice["payment_status"]
        if status != "FINALIZED":
            self.refuse("You can only create credit notes for finalized invoices. "
                        f"This invoice is currently {status}.", invoice_status=status)  # fmt: skip
        if payment == "REFUNDED":
            self.refuse("This invoice has already been fully refunded, so no additional credit notes can be created.",
                        invoice_payment_status=payment)  # fmt: skip
        kind = KINDS.get(payment)
        if kind is None:
            self.refuse(f"Unknown payment status - {payment}", payment_status=payment)
        charged = {line["id"]: Decimal(line["amount"]) for line in invoice["line_items"]}
        total = ZERO
        for line in lines:
            identity, amount = line["invoice_line_item_id"], number(line["amount"])
            if identity not in charged:
                self.refuse(f"The line item you're trying to credit ({identity}) doesn't exist on this invoice.")
            if amount > charged[identity]:
                self.refuse(f"You're trying to credit {text(amount)} for this line item, but it was only charged "
                            f"{text(charged[identity])} on the original invoice.")  # fmt: skip
            total += amount
        paid = Decimal(invoice["amount_paid"])
        if kind == "REFUND":
            most, verb = paid - Decimal(invoice["refunded_amount"]), "refund"
        else:
            most, verb = Decimal(invoice["total"]) - Decimal(invoice["adjustment_amount"]) - paid, "credit"
        if total > max(ZERO, most):
            self.refuse(f"You can only {verb} up to {text(most)} for this invoice. You're trying to {verb} {text(total)}.",
                        requested_amount=text(total), maximum_allowed=text(most), credit_note_type=kind)  # fmt: skip
        return kind, total

    def _new_note(self, invoice: dict, kind: str, total: Decimal, given: dict) -> dict:
        now, identity = self.now(), fresh_id("cn", self.world.now())
        lines = {line["id"]: line for line in invoice["line_items"]}
        note = {
            "id": identity,
            "credit_note_number": given.get("credit_note_number") or f"CN-{identity[-8:]}",
            "invoice_id": invoice["id"],
            "customer_id": invoice["customer_id"],
            "subscription_id": invoice["subscription_id"],
            "credit_note_status": "DRAFT",
            "credit_note_type": kind,
            "reason": given["reason"],
            "memo": given.get("memo") or "",
            "currency": invoice["currency"],
            "total_amount": text(total),
            "idempotency_key": given.get("idempotency_key") or f"credit_note-{identity[-16:].lower()}",
            "metadata": given.get("metadata") or {},
            "environment_id": self.book.environment,
            "line_items": [
                self.book.note_line(identity, place, lines[line["invoice_line_item_id"]], number(line["amount"]), now,
                                    line.get("display_name") or "")
                for place, line in enumerate(given["line_items"])
            ],
            **self.book.base(now),
        }  # fmt: skip
        return {name: value for name, value in note.items() if value is not None}

    @route("GET", "/creditnotes")
    def list_credit_notes(self, request: Request) -> Response:
        given = self.query(request, ("credit_note_ids",))
        limit, offset = self.page_of(given)
        if given.get("invoice_id"):
            rows = self.credit_notes_of(given["invoice_id"])
        else:
            generated = [self.book.credit_note(index) for index in range(min(self.book.count, 2000))]
            rows = {note["id"]: note for note in generated if note} | dict(self.world.view(self.name, "credit_note"))
            rows = list(rows.values())
        for name in ("credit_note_status", "credit_note_type"):
            rows = [row for row in rows if row[name] == given[name]] if given.get(name) else rows
        if given.get("credit_note_ids"):
            rows = [row for row in rows if row["id"] in given["credit_note_ids"]]
        rows.sort(key=lambda row: row["created_at"], reverse=given.get("order") != "asc")
        return self.paged(rows[offset : offset + limit], len(rows), limit, offset)

    @route("GET", "/creditnotes/{id}")
    def get_credit_note(self, request: Request) -> Response:
        note = self.credit_note(request.params["id"])
        shown = note | {"invoice": self.alone(self.held(note["invoice_id"]))}
        if note.get("subscription_id"):
            shown["subscription"] = self.subscription_by_id(note["subscription_id"])
        return Response(200, shown | {"customer": self.customer_by_id(note["customer_id"])})

    @route("POST", "/creditnotes/{id}/finalize")
    def finalize_credit_note(self, request: Request) -> Response:
        """The document promises the note, the server sends a message: both are answered."""
        note = self.credit_note(request.params["id"])
        if note["credit_note_status"] != "DRAFT":
            self.refuse(f"This credit note is {note['credit_note_status']} and cannot be processed again. "
                        "Only draft credit notes can be finalized.", current_status=note["credit_note_status"])  # fmt: skip
        if Decimal(note["total_amount"]) <= 0:
            self.refuse(f"This credit note has an amount of {note['total_amount']}, but credit notes must have a "
                        "positive amount to be processed.", total_amount=note["total_amount"])  # fmt: skip
        self._finalize(note)
        return Response(200, {"message": "Adjustment credit note processed successfully"} | note)

    def _finalize(self, note: dict) -> None:
        total = Decimal(note["total_amount"])
        note.update(credit_note_status="FINALIZED", finalized_at=self.now(), updated_at=self.now())
        invoice = self.held(note["invoice_id"])
        if note["credit_note_type"] == "REFUND":
            note["refund_status"] = "SUCCEEDED"
            self.refund(invoice, total, "CREDIT_NOTE", note["id"])
            refunded = Decimal(invoice["refunded_amount"]) + total
            whole = refunded == Decimal(invoice["amount_paid"])
            invoice.update(refunded_amount=text(refunded), payment_status="REFUNDED" if whole else "PARTIALLY_REFUNDED")
        else:
            self._adjust(invoice, total)
        self._keep(note, invoice, "finalize_credit_note")

    def _adjust(self, invoice: dict, amount: Decimal) -> None:
        invoice["adjustment_amount"] = text(Decimal(invoice["adjustment_amount"]) + amount)
        settle(invoice)
        if invoice["amount_remaining"] == "0":
            invoice["payment_status"] = "SUCCEEDED"
        elif invoice["payment_status"] == "SUCCEEDED":
            invoice["payment_status"] = "PENDING"

    def _keep(self, note: dict, invoice: dict, verb: str) -> None:
        self.world.put(self.name, "credit_note", note["id"], note)
        self.save(invoice)
        self.effect(verb, note["id"])
        self.publish("credit_note.updated", note["id"])

    @route("POST", "/creditnotes/{id}/void")
    def void_credit_note(self, request: Request) -> Response:
        note = self.credit_note(request.params["id"])
        status = note["credit_note_status"]
        if status not in ("DRAFT", "FINALIZED"):
            self.refuse(f"This credit note is {status} and cannot be voided. "
                        "You can only void draft or finalized credit notes.",
                        current_status=status, allowed_statuses=["DRAFT", "FINALIZED"])  # fmt: skip
        if status == "FINALIZED" and note["credit_note_type"] == "REFUND":
            self.refuse("This refund has already been processed and money has been added to the customer's wallet. "
                        "Refunds cannot be voided once completed.", credit_note_status=status)  # fmt: skip
        note.update(credit_note_status="VOIDED", voided_at=self.now(), updated_at=self.now())
        invoice = self.held(note["invoice_id"])
        if status == "FINALIZED":
            self._adjust(invoice, -Decimal(note["total_amount"]))
        self._keep(note, invoice, "void_credit_note")
        return Response(200, {"message": "Credit note voided successfully"} | note)
