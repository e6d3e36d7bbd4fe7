"""What one row of the list shows: a few columns of the invoice and its customer's name, read straight into a tuple.

Fifty model instances of forty columns would cost more than everything else a page does.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from invoicing.listing.sql import TABLE


class Row(NamedTuple):
    """One invoice as the list shows it. Units: amounts are major units of `currency`."""

    pk: int
    connection_id: int
    external_id: str
    number: str
    customer: str
    customer_sort: str
    status: str
    payment_status: str
    provider_status: str
    currency: str
    total: Decimal | None
    amount_due: Decimal | None
    total_micros: int
    due_micros: int
    outstanding: bool
    listed_on: date
    listed_by: str
    due_date: date | None
    due_sort: date
    period_start: date | None
    period_end: date | None
    replaced: bool
    differing: bool
    gone_on: date | None
    further: list[tuple[str, Decimal]]  # totals in further units
    more: dict[str, Any]  # what a further column of the list reads, by its name in SQL


_COLUMNS = (
    "i.id, i.connection_id, i.external_id, i.number, COALESCE(NULLIF(c.name, ''), NULLIF(c.email, ''), c.external_id), "
    "i.customer_sort, i.status, i.payment_status, i.provider_status, i.currency, i.total, i.amount_due, i.total_micros, "
    "i.due_micros, i.outstanding, i.listed_on, i.listed_by, i.due_date, i.due_sort, i.period_start, i.period_end, "
    "i.replaced_by <> '', i.line_difference IS NOT NULL, i.gone_at"
)


def listed(ids: list[int], *, further: bool, reads: tuple[str, ...] = ()) -> list[Row]:
    """The rows with these ids, in their order; one query, and one more where `further` totals may exist. `reads`: what
    columns.Column.reads asks for.
    """
    if not ids:
        return []
    marks = ", ".join(["%s"] * len(ids))
    columns = ", ".join([_COLUMNS, *reads])
    sql = f"SELECT {columns} FROM {TABLE} i JOIN invoicing_customer c ON c.id = i.customer_id WHERE i.id IN ({marks})"
    totals: dict[int, list[tuple[str, Decimal]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql, ids)
        found = {row[0]: row for row in cursor.fetchall()}
        if further:
            sql = (
                f"SELECT invoice_id, unit, total FROM invoicing_invoicetotal WHERE invoice_id IN ({marks}) ORDER BY id"
            )
            cursor.execute(sql, ids)
            for pk, unit, total in cursor.fetchall():
                totals.setdefault(pk, []).append((unit, Decimal(total)))
    width = len(Row._fields) - 2
    return [_row(found[pk][:width], totals.get(pk, []), _more(reads, found[pk][width:])) for pk in ids if pk in found]


def _more(reads: tuple[str, ...], values: tuple) -> dict[str, Any]:
    return {
        name: _READ[name](value) if name in _READ and value is not None else value
        for name, value in zip(reads, values, strict=True)
    }


def _row(values: tuple, further: list, more: dict[str, Any]) -> Row:
    (*head, total, due, total_micros, due_micros, outstanding, listed_on, listed_by, due_date, due_sort, start, end,
     replaced, differing, gone_at) = values  # fmt: skip
    return Row(
        *head,
        None if total is None else Decimal(total),
        None if due is None else Decimal(due),
        total_micros,
        due_micros,
        bool(outstanding),
        _day(listed_on),
        listed_by,
        _day(due_date),
        _day(due_sort),
        _day(start),
        _day(end),
        bool(replaced),
        bool(differing),
        None if gone_at is None else date.fromisoformat(str(gone_at)[:10]),
        further,
        more,
    )


def _moment(value: datetime | str) -> datetime:
    """SQLite keeps moments without their zone, which is UTC."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(value: date | str | None) -> date | None:
    """SQLite keeps days as text."""
    return date.fromisoformat(value) if isinstance(value, str) else value


_READ = {
    "i.subtotal": Decimal,
    "i.tax": Decimal,
    "i.amount_paid": Decimal,
    "i.line_difference": Decimal,
    "i.finalized_on": _day,
    "i.voided_on": _day,
    "i.paid_at": _moment,
    "i.read_at": _moment,
}
