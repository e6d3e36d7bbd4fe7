"""The PDF: drawn on each call, or stored once and linked to for an hour; and what is said to the customer."""

import hashlib
import hmac
from datetime import timedelta
from decimal import Decimal

from ..core import Request, Response, route
from ..pdf import small_pdf
from .units import instant, stamp

LINK_LIVES = 3600  # seconds
EXPIRED = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>'


class Documents:
    """The part of the simulator that draws and sends."""

    @route("GET", "/invoices/{id}/pdf")
    def invoice_pdf(self, request: Request) -> Response:
        invoice = self.held(request.params["id"])
        if request.arg("url") != "true":
            return Response(200, self._drawn(self._words_of(invoice)), content_type="application/pdf")
        if invoice["invoice_pdf_url"]:
            return Response(200, {"presigned_url": invoice["invoice_pdf_url"]})
        if self.option("storage_disabled"):
            self.refuse("s3 is not enabled but is required to generate invoice pdf url.", "system_error")
        anew = request.arg("force_generate") == "true" and not self.early
        if anew or self.world.get(self.name, "file", invoice["id"]) is None:
            self.world.put(self.name, "file", invoice["id"], {"words": self._words_of(invoice)})
            self.effect("generate_pdf", invoice["id"])
        return Response(200, {"presigned_url": self._link(request, invoice["id"])})

    @route("GET", "/storage/{tenant}/{file}", public=True)
    def stored_file(self, request: Request) -> Response:
        """What a presigned link leads to; it needs no key, and dies."""
        identity = request.params["file"].removesuffix(".pdf")
        date, signature = request.arg("X-Amz-Date", ""), request.arg("X-Amz-Signature", "")
        kept = self.world.get(self.name, "file", identity)
        if kept is None or not hmac.compare_digest(signature, self._signature(identity, date)):
            return Response(
                403, EXPIRED.replace(b"Request has expired", b"Access Denied"), content_type="application/xml"
            )
        if self.world.now() >= instant(date) + timedelta(seconds=LINK_LIVES):
            return Response(403, EXPIRED, content_type="application/xml")
        return Response(200, self._drawn(kept["words"]), content_type="application/pdf")

    def _link(self, request: Request, identity: str) -> str:
        date = stamp(self.world.now().replace(microsecond=0))
        signature = self._signature(identity, date)
        tenant = self.book.environment
        return (
            f"{request.base_url}/storage/{tenant}/{identity}.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256"
            f"&X-Amz-Date={date}&X-Amz-Expires={LINK_LIVES}&X-Amz-Signature={signature}"
        )

    def _signature(self, identity: str, date: str) -> str:
        key = self.world.hex(64, self.name, "storage").encode()
        return hmac.new(key, f"{identity}:{date}".encode(), hashlib.sha256).hexdigest()

    def _words_of(self, invoice: dict) -> list[str]:
        """What the document says. Lines of zero amount are hidden; dates are days."""
        metadata, currency = invoice["metadata"] or {}, invoice["currency"].upper()
        customer = self.customer_by_id(invoice["customer_id"])
        words = [
            f"Invoice {invoice['invoice_number'] or '(draft)'}   {invoice['invoice_status']} / {invoice['payment_status']}",
            f"Issued {(invoice['issue_date'] or invoice['created_at'])[:10]}   Due {(invoice['due_date'] or '-')[:10]}",
            f"To: {customer['name']}",
            f"{customer['address_line1']}, {customer['address_postal_code']} {customer['address_city']}",
            *([f"VAT {metadata['vat']}"] if metadata.get("vat") else []),
            "",
            *(f"{line['display_name'] or ''}   {line['quantity']}   {line['amount']} {currency}"
              for line in invoice["line_items"] if Decimal(line["amount"])),
            "",
        ]  # fmt: skip
        for label, name in (("Subtotal", "subtotal"), ("Discount", "total_discount"), ("Tax", "total_tax"),
                            ("Total", "total"), ("Amount due", "amount_due"), ("Paid", "amount_paid"),
                            ("Remaining", "amount_remaining")):  # fmt: skip
            words.append(f"{label}: {invoice[name]} {currency}")
        return words + ([metadata["notes"]] if metadata.get("notes") else [])

    @staticmethod
    def _drawn(words: list[str]) -> bytes:
        return small_pdf(words[0], words[1:])

    # ---- what is sent

    @route("POST", "/invoices/{id}/comms/trigger")
    def trigger_communication(self, request: Request) -> Response:
        """Sends nothing by itself: it publishes an event. Any status."""
        invoice = self.held(request.params["id"])
        self.publish("invoice.communication.triggered", invoice["id"])
        self.effect("trigger_communication", invoice["id"])
        return Response(200, {"message": "communication triggered successfully"})


class Triggers:
    """Today's server can be told to publish any event."""

    @route("POST", "/invoices/{id}/webhook/trigger")
    def trigger_webhook(self, request: Request) -> Response:
        invoice, event = self.held(request.params["id"]), request.arg("event_name")
        if not event or not event.startswith("invoice."):
            self.refuse("invalid event_name", event_name=event or "")
        self.publish(event, invoice["id"])
        self.effect("trigger_webhook", invoice["id"])
        return Response(200, {"message": "webhook triggered successfully"})
