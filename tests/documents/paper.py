"""Invoices to draw, made by hand, and the text of a PDF read back by an independent reader."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pypdf

from invoicing.documents.drawing import draw
from invoicing.providers.snapshots import Address, CustomerSnapshot, InvoiceSnapshot, LineSnapshot
from invoicing.vocabulary import ListedBy, Payment, Status

ISSUER = Address(
    name="Northwind Robotics GmbH", lines=("Hafenstraße 12", "20457 Hamburg", "Germany"), tax_id="DE123456789"
)
AS_OF = datetime(2026, 7, 2, 14, 3, tzinfo=UTC)


def a_line(position=0, **changes):
    facts = {
        "position": position,
        "text": f"Service {position + 1}",
        "unit": "USD",
        "amount": Decimal("96.30"),
        "quantity": Decimal(150000),
        "unit_price": Decimal("0.000642"),
    }
    return LineSnapshot(**(facts | changes))


def an_invoice(**changes):
    facts = {
        "provider": "orb",
        "external_id": "iNv0iceIssued001",
        "status": Status.FINALIZED,
        "payment_status": Payment.UNPAID,
        "provider_status": "issued",
        "customer": CustomerSnapshot(external_id="Kq7TzP2mXw9RbNd4", name="Acme Robotics"),
        "currency": "USD",
        "total": Decimal("196.20"),
        "amount_due": Decimal("159.20"),
        "listed_on": date(2026, 7, 1),
        "listed_by": ListedBy.ISSUED,
        "number": "NWRBT-00042",
        "issued_at": datetime(2026, 7, 1, 2, 30, tzinfo=UTC),
        "due_date": date(2026, 7, 31),
        "lines": (a_line(),),
    }
    return InvoiceSnapshot(**(facts | changes))


def drawn(snapshot, **changes):
    return draw(snapshot, **({"issuer": ISSUER, "version": 3, "as_of": AS_OF, "note": ""} | changes))


def pages_of(pdf):
    """The text of each page, as a strict reader finds it."""
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf), strict=True).pages]


def text_of(snapshot, **changes):
    """The text of the whole drawing, with single spaces: where lines are broken does not matter."""
    return " ".join(" ".join(pages_of(drawn(snapshot, **changes))).split())
