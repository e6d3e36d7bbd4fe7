"""From a snapshot to the columns of an invoice. Pure: no database, no clock.

Errors: OverflowError and ValueError for what no database holds; the caller sets such a record aside.
"""

import unicodedata
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from invoicing.models import Book, Connection, Invoice
from invoicing.models.search import fold
from invoicing.money import EXACT, exact_text, micros, split
from invoicing.providers.normalizing import day_in
from invoicing.providers.snapshots import InvoiceSnapshot
from invoicing.vocabulary import OWED, Environment, Status

NEVER = date(9999, 12, 31)
SORT_WIDTH = 80

SAID = (  # columns that come from the snapshot alone
    *("book", "number", "po_number", "kind", "status", "payment_status", "provider_status"),
    *("currency", "subtotal", "tax", "total", "amount_due", "amount_paid", "total_micros", "due_micros", "outstanding"),
    *("listed_on", "listed_by", "due_date", "due_sort", "issued_at", "planned_issue_at", "finalized_at", "voided_at"),
    *("paid_at", "period_start", "period_end", "provider_created_at", "provider_updated_at"),
    *("replaces", "replaced_by", "handles", "has_pdf", "unrecognized", "line_count", "line_difference"),
    *("sub_micro", "search_text"),
)
KEPT = (
    *("customer_id", "customer_sort", "in_totals", "version", "wire_hash", "content_hash", "read_at", "gone_at"),
    *("finalized_on", "finalized_seen", "voided_on", "voided_seen"),
)
NEW = ("connection_id", "external_id", *SAID, *KEPT)


def said(snapshot: InvoiceSnapshot, connection: Connection) -> dict[str, Any]:
    """The values of SAID.

    Units: amounts in major units of `currency`; *_micros are millionths. Days are days of the provider's time zone.
    """
    due = snapshot.amount_due
    owed = snapshot.status == Status.FINALIZED and snapshot.payment_status in OWED
    if any(len(unit) > 64 for unit in (snapshot.currency, *(total.unit for total in snapshot.further_totals))):
        raise ValueError("The unit's name is too long.")
    return {
        "book": Book.of(
            connection.direction, live=connection.environment == Environment.LIVE and snapshot.livemode
        ).value,
        "number": snapshot.number[:200],
        "po_number": snapshot.po_number[:200],
        "kind": snapshot.kind[:64],
        "status": snapshot.status.value,
        "payment_status": snapshot.payment_status.value,
        "provider_status": snapshot.provider_status[:120],
        "currency": snapshot.currency,
        "subtotal": snapshot.subtotal,
        "tax": snapshot.tax,
        "total": snapshot.total,
        "amount_due": due,
        "amount_paid": snapshot.amount_paid,
        "total_micros": 0 if snapshot.total is None else micros(snapshot.total),
        "due_micros": 0 if due is None else micros(due),
        "outstanding": owed and due is not None and due > 0,
        "listed_on": snapshot.listed_on,
        "listed_by": snapshot.listed_by.value,
        "due_date": snapshot.due_date,
        "due_sort": snapshot.due_date or NEVER,
        "issued_at": snapshot.issued_at,
        "planned_issue_at": snapshot.planned_issue_at,
        "finalized_at": snapshot.finalized_at,
        "voided_at": snapshot.voided_at,
        "paid_at": snapshot.paid_at,
        "period_start": _day(snapshot.period_start, snapshot.timezone),
        "period_end": _day(snapshot.period_end, snapshot.timezone),
        "provider_created_at": snapshot.created_at,
        "provider_updated_at": snapshot.updated_at,
        "replaces": snapshot.replaces,
        "replaced_by": snapshot.replaced_by,
        "handles": dict(snapshot.handles),
        "has_pdf": snapshot.has_pdf,
        "unrecognized": bool(snapshot.unrecognized),
        "line_count": len(snapshot.lines),
        "line_difference": line_difference(snapshot),
        "sub_micro": any(amount is not None and split(amount)[2] != 0 for amount in (snapshot.total, due)),
        "search_text": fold(snapshot.number, snapshot.external_id, snapshot.po_number),
    }


def _day(instant: datetime | None, zone: str) -> date | None:
    return None if instant is None else day_in(instant, zone)


def milestones(
    snapshot: InvoiceSnapshot, row: Invoice | None, read_on: date
) -> tuple[date | None, bool, date | None, bool]:
    """When it was finalized and when voided, each with whether that is only the day we first saw it so.

    `row` is what was known before; `read_on` the day of this read. What was first seen stays, until the provider says.
    """
    final, void = snapshot.status == Status.FINALIZED, snapshot.status == Status.VOID
    told = (snapshot.finalized_at or snapshot.issued_at) if final or void else None
    known = row.finalized_on if row and (final or void) else None
    finalized = _day(told, snapshot.timezone) or known or (read_on if final else None)
    voided = None
    if void:
        voided = _day(snapshot.voided_at, snapshot.timezone) or (row.voided_on if row else None) or read_on
    return finalized, finalized is not None and told is None, voided, void and snapshot.voided_at is None


def line_difference(snapshot: InvoiceSnapshot) -> Decimal | None:
    """What the lines that count come to, less the subtotal; None when they agree or cannot be compared.

    Lines of another unit are left out: they reach the subtotal through a conversion line, if at all. Providers differ in
    whether a line's amount is meant before or after its own discounts, so both are tried and the nearer one is told.
    Shown as a warning, never corrected.
    """
    if snapshot.subtotal is None:
        return None
    after = before = Decimal(0)
    for line in snapshot.lines:
        if not line.counts or line.unit != snapshot.currency:
            continue
        if line.amount is None:
            return None
        after = EXACT.add(after, line.amount)
        before = EXACT.add(before, line.amount)
        for adjustment in line.adjustments:
            if adjustment.amount is None or adjustment.unit != line.unit:
                return None
            before = EXACT.subtract(before, adjustment.amount)
    nearest = min(EXACT.subtract(after, snapshot.subtotal), EXACT.subtract(before, snapshot.subtotal), key=abs)
    return nearest if nearest else None


def sort_name(name: str) -> str:
    """The start of a customer's name as it sorts: "Ärzte GmbH" beside "arzte gmbh"."""
    return unicodedata.normalize("NFKD", name).casefold()[:SORT_WIDTH]


def json_ready(value: Any) -> Any:
    """A snapshot's value for a JSON column: amounts as text with every digit, instants in ISO 8601."""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return exact_text(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [json_ready(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {
            name: json_ready(item)
            for name in value.__dataclass_fields__
            if (item := getattr(value, name)) not in (None, "", ())
        }
    return value
