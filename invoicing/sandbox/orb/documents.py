"""Documents behind keyless links: PDFs of invoices, receipts and credit notes, and the customer's page.

Orb serves these from hosts of their own; here they are below the same mount. Older versions stay readable.
"""

import html

from ..core import Request, Response, route
from ..pdf import small_pdf


def nothing() -> Response:
    return Response(404, b"Not found\n", content_type="text/plain; charset=utf-8")


class Documents:
    """What the links in invoices, payment attempts and credit notes lead to."""

    def _version(self, record: dict | None, kind: str, token: str) -> int | None:
        """Which drawing of an invoice's document a token opens."""
        if record is None:
            return None
        private, identify = record["private"], self.book.data.identify
        drawn = range(1, private[kind] + 1)
        return next((one for one in drawn if identify(kind, record["head"]["id"], one) == token), None)

    @route("GET", "/assets/invoice/{invoice_id}/{token}", public=True)
    def invoice_pdf(self, request: Request) -> Response:
        record = self.book.read(request.params["invoice_id"])
        version = self._version(record, "pdf", request.params["token"])
        if version is None or record["head"]["invoice_pdf"] is None:
            return nothing()
        head, unit = record["head"], record["head"]["currency"]
        words = [
            f"Status: {head['status']}",
            f"Customer: {self._name(record)}",
            f"Invoice date: {head['invoice_date']}",
            f"Due: {head['due_date'] or '-'}",
            "",
            *(f"{line['name']}    {line['quantity']}    {line['amount']} {unit}" for line in record["lines"]),
            "",
            f"Subtotal: {head['subtotal']} {unit}",
            f"Total: {head['total']} {unit}",
            f"Amount due: {head['amount_due']} {unit}",
            f"Drawing {version}",
        ]
        return pdf(f"Invoice {head['invoice_number']}", words)

    @route("GET", "/assets/receipt/{invoice_id}/{token}", public=True)
    def receipt_pdf(self, request: Request) -> Response:
        record = self.book.read(request.params["invoice_id"])
        version = self._version(record, "receipt", request.params["token"])
        if version is None or not any(made["receipt_pdf"] for made in record["head"]["payment_attempts"]):
            return nothing()
        head = record["head"]
        paid = next(made for made in head["payment_attempts"] if made["receipt_pdf"])
        words = [
            f"Customer: {self._name(record)}",
            f"Received: {head['payment_received_at'] or '-'}",
            f"Amount: {paid['amount']} {head['currency']}",
            f"Drawing {version}",
        ]
        return pdf(f"Receipt for invoice {head['invoice_number']}", words)

    @route("GET", "/assets/credit_note/{credit_note_id}/{token}", public=True)
    def note_pdf(self, request: Request) -> Response:
        note = self.book.note(request.params["credit_note_id"])
        if note is None or not note["credit_note_pdf"].endswith("/" + request.params["token"]):
            return nothing()
        words = [f"Reason: {note['reason']}", f"Memo: {note['memo'] or '-'}", ""]
        words += [f"{line['name']}    {line['amount']}" for line in note["line_items"]]
        return pdf(f"Credit note {note['credit_note_number']}", [*words, "", f"Total: {note['total']}"])

    @route("GET", "/assets/view/{invoice_id}/{token}", public=True)
    def hosted_page(self, request: Request) -> Response:
        record = self.book.read(request.params["invoice_id"])
        known = record and record["head"]["hosted_invoice_url"]
        if not known or not known.endswith("/" + request.params["token"]):
            return nothing()
        head = record["head"]
        due = f"{head['amount_due']} {head['currency']}"
        return page(f"Invoice {head['invoice_number']}", f"{self._name(record)}: {due}, {head['status']}")

    @route("GET", "/assets/portal/{customer_id}", public=True)
    def portal(self, request: Request) -> Response:
        number = self.book.data.customers.numbers.get(request.params["customer_id"])
        return nothing() if number is None else page("Customer portal", self.book.data.customers.get(number).name)

    def _name(self, record: dict) -> str:
        return self.book.customer_of(record).name


def pdf(title: str, words: list[str]) -> Response:
    return Response(200, small_pdf(title, words), content_type="application/pdf")


def page(title: str, words: str) -> Response:
    title, words = html.escape(title), html.escape(words)
    body = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><h1>{title}</h1><p>{words}</p></html>"
    )
    return Response(200, body.encode(), content_type="text/html; charset=utf-8")
