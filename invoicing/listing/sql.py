"""The WHERE of a list, as SQL both databases read. Below the ORM because SQLite must be told which index to walk: it keeps
no statistics that would let it choose. A test compares every answer with the ORM's plain one.
"""

from datetime import date, datetime, time, timedelta

from django.db import connection
from django.utils import timezone

from invoicing.listing.criteria import Criteria, Span
from invoicing.listing.search import Found, containing, matching
from invoicing.money import MAX_MICROS, micros
from invoicing.vocabulary import Direction

TABLE = "invoicing_invoice"


class Where:
    """Conditions joined by AND, with their parameters. Column names are ours, values always parameters."""

    def __init__(self, sql: str = "", *parameters):
        self.parts: list[str] = [sql] if sql else []
        self.parameters: list = [*parameters]

    def add(self, sql: str, *parameters) -> "Where":
        self.parts.append(sql)
        self.parameters.extend(parameters)
        return self

    def join(self, other: "Where") -> "Where":
        self.parts.extend(other.parts)
        self.parameters.extend(other.parameters)
        return self

    def any_of(self, column: str, values) -> "Where":
        if len(values) == 1:
            self.add(f"{column} = %s", values[0])
        elif values:
            self.add(f"{column} IN ({', '.join(['%s'] * len(values))})", *values)
        return self

    def between(self, column: str, span: Span) -> "Where":
        if span.first is not None:
            self.add(f"{column} >= %s", span.first)
        if span.last is not None:
            self.add(f"{column} <= %s", span.last)
        return self

    def text(self) -> str:
        return " AND ".join(self.parts) or "1 = 1"


def conditions(criteria: Criteria, found: Found | None, *, skip: frozenset[str] = frozenset()) -> Where:
    """Everything but the book and order. `skip` names the columns and filters that are already kept to."""
    where = Where()
    if criteria.impossible or (found is not None and not found):
        where.add("1 = 0")
        return where
    for column, values in (
        ("connection_id", criteria.connections),
        ("status", criteria.statuses),
        ("payment_status", criteria.payments),
        ("customer_id", criteria.customers),
    ):
        if column not in skip:
            where.any_of(column, values)
    if criteria.without_customers:
        where.add(f"customer_id NOT IN ({ids_text(criteria.without_customers)})")
    where.between("listed_on", criteria.listed)
    for column, span in (("finalized_on", criteria.finalized), ("voided_on", criteria.voided)):
        if column not in skip:
            where.between(column, span)
    if criteria.synced and "read_at" not in skip:
        where.join(read_within(criteria.synced))
    if criteria.due and "due" not in skip:
        where.join(due_within(criteria.due))
    first, last = criteria.period.first, criteria.period.last
    if first is not None and "period_first" not in skip:
        where.join(period_ends_after(first))
    if last is not None and "period_last" not in skip:
        where.join(period_begins_by(last))
    if criteria.overdue and "overdue" not in skip:
        where.add("outstanding").add("due_sort < %s", criteria.today)
    if criteria.unrecognized and "unrecognized" not in skip:
        where.add("unrecognized")
    if criteria.differing and "differing" not in skip:
        where.add("line_difference IS NOT NULL")
    _amounts(where, criteria, skip)
    if found is not None and "search" not in skip:
        _search(where, found)
    return where


def _amounts(where: Where, criteria: Criteria, skip: frozenset[str]) -> None:
    """Unit and amount range, for the first total and, of payables, the further ones alike."""
    if criteria.without_currencies:
        none = Where().any_of("f.unit", criteria.without_currencies)
        further = f"SELECT f.invoice_id FROM invoicing_invoicetotal f WHERE {none.text()}"
        own = Where().any_of("currency", criteria.without_currencies)
        where.add(f"NOT ({own.text()})", *own.parameters).add(f"id NOT IN ({further})", *none.parameters)
    if not criteria.currencies:
        return
    first = Where()
    if not skip & {"currency", "amounts"}:
        first.any_of("currency", criteria.currencies)
    if criteria.least is not None or criteria.most is not None:
        if "amounts" not in skip:
            first.join(amount_bounds("total_micros", criteria))
        if (criteria.least or 0) <= 0 <= (criteria.most or 0):  # the shadow of no total is nought
            first.add("total IS NOT NULL")
    if criteria.book.direction != Direction.PAYABLE:
        where.join(first)
        return
    further = Where().any_of("f.unit", criteria.currencies).join(amount_bounds("f.total_micros", criteria))
    where.add(
        f"(({first.text()}) OR id IN (SELECT f.invoice_id FROM invoicing_invoicetotal f WHERE {further.text()}))",
        *first.parameters,
        *further.parameters,
    )


def due_within(span: Span) -> Where:
    """Due on these days; what has no due date stands at the end of time."""
    where = Where().between("due_sort", span)
    return where if span.last else where.add("due_sort < '9999-12-31'")


def period_ends_after(day: date) -> Where:
    """A billing period that is not over before the day: its end is not in it. In the very words of the index."""
    return Where("COALESCE(period_end, period_start) > %s", day)


def period_begins_by(day: date) -> Where:
    return Where("COALESCE(period_start, period_end) <= %s", day)


def read_within(span: Span) -> Where:
    """Facts read on these days of the accounting time zone."""
    where = Where()
    if span.first is not None and span.first.year > date.min.year:
        where.add("read_at >= %s", _midnight(span.first))
    if span.last is not None and span.last.year < date.max.year:
        where.add("read_at < %s", _midnight(span.last + timedelta(days=1)))
    return where


def _midnight(day: date):
    moment = timezone.make_aware(datetime.combine(day, time.min))
    return connection.ops.adapt_datetimefield_value(moment)


def amount_bounds(column: str, criteria: Criteria) -> Where:
    """The amount range asked of a column of millionths."""
    where = Where()
    for bound, sign in ((criteria.least, ">="), (criteria.most, "<=")):
        if bound is not None:
            shadow = micros(bound)
            # a shadow is rounded down, so a bound with finer digits begins one millionth up
            if sign == ">=" and bound * 1_000_000 != shadow:
                shadow = min(shadow + 1, MAX_MICROS)
            where.add(f"{column} {sign} %s", shadow)
    return where


def _search(where: Where, found: Found) -> None:
    """A number, an id, a customer or a line text contains the needle: asked row by row, so that a walk which meets
    matches soon also ends soon.
    """
    has, needle = containing(found.needle)
    either = Where()
    if found.customers_many:
        either.add(f"EXISTS (SELECT 1 FROM invoicing_customer c WHERE c.id = customer_id AND c.{has})", *needle)
    elif found.customers:
        either.add(f"customer_id IN ({ids_text(found.customers)})")
    if found.invoices_many:
        either.add(has, *needle)
    elif found.invoices:
        either.add(f"id IN ({ids_text(found.invoices)})")
    # the plus keeps SQLite from looking up every text for every row: an invoice has a few lines, a search many texts
    lines = f"SELECT 1 FROM invoicing_lineitem l WHERE l.invoice_id = {TABLE}.id AND +l.text_id IN"
    if found.texts_many:
        sql, given = matching("invoicing_linetext", found.needle)
        either.add(f"EXISTS ({lines} ({sql}))", *given)
    elif found.texts:
        either.add(f"EXISTS ({lines} ({ids_text(found.texts)}))")
    where.add(f"({' OR '.join(either.parts)})", *either.parameters)


def ids_text(ids: tuple[int, ...]) -> str:
    return ", ".join(map(str, ids))


def candidates(found: Found) -> Where:
    """The ids, perhaps more than once, of all invoices a search found, by the shortest way to each."""
    parts = []
    if found.customers_many:
        sql, given = matching("invoicing_customer", found.needle)
        parts.append(Where(f"SELECT id AS candidate FROM {TABLE} WHERE customer_id IN ({sql})", *given))
    elif found.customers:
        parts.append(Where(f"SELECT id AS candidate FROM {TABLE} WHERE customer_id IN ({ids_text(found.customers)})"))
    if found.invoices_many:
        sql, given = matching(TABLE, found.needle)
        parts.append(Where(sql, *given))
    elif found.invoices:
        parts.append(Where(f"SELECT id AS candidate FROM {TABLE} WHERE id IN ({ids_text(found.invoices)})"))
    lines = "SELECT invoice_id AS candidate FROM invoicing_lineitem WHERE text_id IN"
    if found.texts_many:
        sql, given = matching("invoicing_linetext", found.needle)
        parts.append(Where(f"{lines} ({sql})", *given))
    elif found.texts:
        parts.append(Where(f"{lines} ({ids_text(found.texts)})"))
    every = Where(
        " UNION ALL ".join(part.text() for part in parts) or f"SELECT id AS candidate FROM {TABLE} WHERE 1 = 0"
    )
    every.parameters += [value for part in parts for value in part.parameters]
    return every
