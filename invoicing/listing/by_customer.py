"""Count, totals and values of what a search or a customer filter finds, from the cells kept by customer: a name that half
of all invoices bear is counted as fast as one that nobody bears.
"""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from django.db import connection

from invoicing.listing.search import Found
from invoicing.listing.sql import Where, ids_text
from invoicing.listing.summary import COUNTERS, Cell
from invoicing.listing.ways import Asked
from invoicing.money import total_of
from invoicing.vocabulary import Direction

TABLE = "invoicing_customercell"
FINER = "(total_rest <> '0' OR due_rest <> '0')"


def people(asked: Asked) -> tuple[int, ...] | None:
    """The customers whose invoices are all that is asked for, words aside; None where there is more to it."""
    criteria, found = asked.criteria, asked.found
    beyond = (
        criteria.listed,
        *criteria.spans,
        *criteria.without,
        criteria.overdue,
        criteria.unrecognized,
        criteria.differing,
    )
    if any(beyond) or criteria.least is not None or criteria.most is not None:
        return None
    if criteria.currencies and criteria.book.direction == Direction.PAYABLE:
        return None  # a bill has several units, and counts once
    if found is None:
        return criteria.customers or None
    if criteria.customers or found.customers_many:
        return None
    return found.customers


def others(found: Found | None) -> Found | None:
    """What a search found beside customers: numbers and line texts."""
    return replace(found, customers=()) if found is not None and (found.invoices or found.texts) else None


def cells(asked: Asked, customers: tuple[int, ...]) -> list[Cell]:
    """Their invoices by words, the words asked for lifted."""
    where = _of(asked, customers)
    sums = ", ".join(f"SUM({name})" for name in COUNTERS)
    words = "connection_id, status, payment_status, currency, in_totals"
    sql = (
        f"SELECT {words}, {sums}, SUM(CASE WHEN {FINER} THEN 1 ELSE 0 END) "
        f"FROM {TABLE} JOIN invoicing_customer ON id = customer_id WHERE {where.text()} GROUP BY {words}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, where.parameters)
        return [Cell(*row[:4], bool(row[4]), *map(int, row[5:])) for row in cursor.fetchall()]


def rests(asked: Asked, customers: tuple[int, ...]) -> dict[str, tuple[Decimal, Decimal]]:
    """Unit → the digits below a millionth of total and due, of the words asked for."""
    criteria, where = asked.criteria, _of(asked, customers).add(f"in_totals AND {FINER}")
    for column, values in (
        ("connection_id", criteria.connections),
        ("status", criteria.statuses),
        ("payment_status", criteria.payments),
        ("currency", criteria.currencies),
    ):
        where.any_of(column, values)
    sql = (
        f"SELECT currency, total_rest, due_rest FROM {TABLE} JOIN invoicing_customer ON id = customer_id "
        f"WHERE {where.text()}"
    )
    sums: dict[str, list] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(sql, where.parameters)
        for unit, total, due in cursor.fetchall():
            sums[unit].append((Decimal(total), Decimal(due)))
    return {unit: (total_of(t for t, _ in pairs), total_of(d for _, d in pairs)) for unit, pairs in sums.items()}


def not_of(customers: tuple[int, ...]) -> Where:
    return Where(f"customer_id NOT IN ({ids_text(customers)})")


def _of(asked: Asked, customers: tuple[int, ...]) -> Where:
    return Where("book = %s", int(asked.criteria.book)).add(f"customer_id IN ({ids_text(customers)})")
