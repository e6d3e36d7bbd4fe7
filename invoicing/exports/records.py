"""One invoice as a JSON-ready record: every field, amounts as text with every digit, days and instants in ISO 8601."""

from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from invoicing.models import Book, Invoice
from invoicing.money import exact_text
from invoicing.providers.snapshots import InvoiceSnapshot

LEFT_OUT = {
    "provider",
    "external_id",
    "customer",
    "handles",
    "lines",
    "status",
    "payment_status",
    "provider_status",
    "number",
}
COLUMNS = (
    *("currency", "subtotal", "total", "amount_paid", "amount_due", "listed_on", "listed_by", "due_date"),
    *("period_start", "period_end", "issued_at", "finalized_at", "voided_at", "paid_at", "po_number", "kind"),
)


def record(invoice: Invoice, snapshot: InvoiceSnapshot) -> dict[str, Any]:
    """Our id and where it comes from first, then all the provider says, then its lines."""
    return {
        **_ours(invoice),
        "customer": plain(snapshot.customer),
        **_words(invoice),
        **{f.name: plain(getattr(snapshot, f.name)) for f in fields(snapshot) if f.name not in LEFT_OUT},
        "lines": plain(snapshot.lines),
    }


def of_columns(invoice: Invoice) -> dict[str, Any]:
    """What our columns know of an invoice whose stored payload can no longer be read. It says so."""
    return {
        **_ours(invoice),
        "customer": {"external_id": invoice.customer.external_id, "name": invoice.customer.name},
        **_words(invoice),
        "unreadable": True,
        **{name: plain(getattr(invoice, name)) for name in COLUMNS},
        "lines": [],
    }


def _ours(invoice: Invoice) -> dict[str, Any]:
    book = Book(invoice.book)
    return {
        "id": invoice.pk,
        "connection": invoice.connection.name,
        "provider": invoice.connection.provider,
        "external_id": invoice.external_id,
        "number": invoice.number,
        "direction": book.direction.value,
        "environment": book.environment.value,
    }


def _words(invoice: Invoice) -> dict[str, Any]:
    return {
        "status": invoice.status,
        "payment_status": invoice.payment_status,
        "provider_status": invoice.provider_status,
        "version": invoice.version,
        "in_totals": invoice.in_totals,
    }


def plain(value: Any) -> Any:
    """A snapshot's value in JSON's own types. Absent stays null."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Decimal):
        return exact_text(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, str):
        return str(value)
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    return [plain(each) for each in value]
