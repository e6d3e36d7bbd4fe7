"""The summary tables, kept with the rows: what each invoice adds to them, and how a page's changes are written.

Every invoice counts, those gone at the provider in a book of their own. What another invoice contains counts under
in_totals = false, so that a list counts it and a total leaves it out. Outstanding invoices without a due date stand at
9999-12-31. A second table says the same by customer, of all time.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, models

from invoicing.models import CustomerCell, SummaryCell
from invoicing.money import EXACT, exact_text, joined, split

ALL_TIME = date(1, 1, 1)
AXIS, GRAIN = SummaryCell.Axis, SummaryCell.Grain
NONE = Decimal(0)

KEY = ("book", "axis", "grain", "period", "connection_id", "status", "payment_status", "currency", "in_totals")
CUSTOMER_KEY = ("customer_id", "book", "status", "payment_status", "currency", "in_totals")
COUNTERS = ("invoices", "amounts", "total_units", "total_millionths", "due_units", "due_millionths")


class Counted(NamedTuple):
    """What the table needs to know of one invoice."""

    book: int
    connection_id: int
    customer_id: int
    status: str
    payment_status: str
    currency: str
    in_totals: bool
    listed_on: date
    due_sort: date
    outstanding: bool
    total: Decimal | None
    due: Decimal | None
    further: tuple[tuple[str, Decimal], ...] = ()


class Sums:
    """What a cell holds, or changes by. Exact."""

    __slots__ = ("amounts", "due", "invoices", "total")

    def __init__(self, invoices: int = 0, amounts: int = 0, total: Decimal = NONE, due: Decimal = NONE):
        self.invoices, self.amounts, self.total, self.due = invoices, amounts, total, due

    def add(self, other: "Sums") -> None:
        self.invoices += other.invoices
        self.amounts += other.amounts
        self.total = EXACT.add(self.total, other.total)
        self.due = EXACT.add(self.due, other.due)

    def __bool__(self) -> bool:
        return bool(self.invoices or self.amounts or self.total or self.due)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sums) and all(getattr(self, n) == getattr(other, n) for n in self.__slots__)

    def __repr__(self) -> str:
        return f"Sums({self.invoices}, {self.amounts}, {self.total}, {self.due})"


class Cells:
    """Sums by day, rolled up to months and all time only when they are read; and sums by customer."""

    def __init__(self):
        self.days: dict[tuple, Sums] = {}
        self.customers: dict[tuple, Sums] = {}

    def add(self, counted: Counted, sign: int = 1) -> None:
        """Count one invoice in (1) or out (-1)."""
        due = counted.due if counted.outstanding and counted.due is not None else NONE
        own = Sums(sign, sign * (counted.total is not None), sign * (counted.total or NONE), sign * due)
        parts = [(counted.currency, own)]
        parts += [(unit, Sums(0, sign, sign * total, NONE)) for unit, total in counted.further]
        words = (counted.connection_id, counted.status, counted.payment_status)
        for unit, sums in parts:
            _put(self.days, (counted.book, AXIS.LISTED.value, counted.listed_on, *words, unit, counted.in_totals), sums)
            if counted.outstanding:
                _put(self.days, (counted.book, AXIS.DUE.value, counted.due_sort, *words, unit, counted.in_totals), sums)
            _put(self.customers, (counted.customer_id, counted.book, *words[1:], unit, counted.in_totals), sums)

    def all(self) -> dict[tuple, Sums]:
        """Every cell of every grain by its KEY; those of nothing are left out."""
        cells: dict[tuple, Sums] = {}
        for (book, axis, day, *words), sums in self.days.items():
            if not sums:
                continue
            for grain, period in (
                (GRAIN.ALL.value, ALL_TIME),
                (GRAIN.MONTH.value, day.replace(day=1)),
                (GRAIN.DAY.value, day),
            ):
                _put(cells, (book, axis, grain, period, *words), sums)
        return {key: sums for key, sums in cells.items() if sums}

    def by_customer(self) -> dict[tuple, Sums]:
        """Every customer's cells by their CUSTOMER_KEY; those of nothing are left out."""
        return {key: sums for key, sums in self.customers.items() if sums}


def _put(cells: dict[tuple, Sums], key: tuple, sums: Sums) -> None:
    found = cells.get(key)
    if found is None:
        found = cells[key] = Sums()
    found.add(sums)


def change(cells: Cells) -> None:
    """Add the changes to the tables, in the caller's transaction and in one order, so that two writers never cross."""
    _change(SummaryCell, KEY, cells.all())
    _change(CustomerCell, CUSTOMER_KEY, cells.by_customer())


def _change(model: type[models.Model], names: tuple[str, ...], deltas: dict[tuple, Sums]) -> None:
    rows, rests = [], []
    for key, sums in sorted(deltas.items()):
        total_units, total_millionths, total_rest = _parts(sums.total)
        due_units, due_millionths, due_rest = _parts(sums.due)
        rows.append((*key, sums.invoices, sums.amounts, total_units, total_millionths, due_units, due_millionths))
        if total_rest or due_rest:
            rests.append((key, total_rest, due_rest))
    _add(model, names, rows)
    for key, total_rest, due_rest in rests:  # beyond a millionth: rare, and text does not add in SQL
        cell = model.objects.get(**dict(zip(names, key, strict=True)))
        cell.total_rest = EXACT.add(cell.total_rest, total_rest) or NONE
        cell.due_rest = EXACT.add(cell.due_rest, due_rest) or NONE
        cell.save(update_fields=["total_rest", "due_rest"])


def _parts(amount: Decimal) -> tuple[int, int, Decimal]:
    """As money.split, but a taking away is the exact opposite of the adding."""
    units, millionths, rest = split(amount.copy_abs())
    return (units, millionths, rest) if amount >= 0 else (-units, -millionths, EXACT.minus(rest))


def _add(model: type[models.Model], key: tuple[str, ...], rows: list[tuple]) -> None:
    if not rows:
        return
    table = connection.ops.quote_name(model._meta.db_table)
    names = [*key, *COUNTERS, "total_rest", "due_rest"]
    sums = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in COUNTERS)
    tail = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sums}"
    head = f"INSERT INTO {table} ({', '.join(names)}) VALUES "
    marks = f"({', '.join(['%s'] * (len(names) - 2))}, '0', '0')"
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executemany(f"{head}{marks} {tail}", (tuple(map(_plain, row)) for row in rows))
            return
        for start in range(0, len(rows), 1000):
            part = rows[start : start + 1000]
            cursor.execute(f"{head}{', '.join([marks] * len(part))} {tail}", [v for row in part for v in row])


def _plain(value):
    return value.isoformat() if isinstance(value, date) else value


def stored(rows: Iterable[SummaryCell | CustomerCell]) -> Iterator[tuple[tuple, Sums]]:
    """A table's own cells in the same shape; those of nothing are left out."""
    for cell in rows:
        sums = Sums(
            cell.invoices,
            cell.amounts,
            joined(cell.total_units, cell.total_millionths, cell.total_rest),
            joined(cell.due_units, cell.due_millionths, cell.due_rest),
        )
        if sums:
            yield tuple(getattr(cell, name) for name in _key_of(cell)), sums


def _key_of(cell: SummaryCell | CustomerCell) -> tuple[str, ...]:
    return KEY if isinstance(cell, SummaryCell) else CUSTOMER_KEY


def described(key: tuple) -> str:
    """A key for a person to read."""
    names = KEY if len(key) == len(KEY) else CUSTOMER_KEY
    return ", ".join(f"{name}={value}" for name, value in zip(names, key, strict=True))


__all__ = ["Cells", "Counted", "Sums", "change", "described", "exact_text", "stored"]
