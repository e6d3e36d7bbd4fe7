"""What the summary table says: a few hundred cells instead of a million rows."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from django.db import connection

from invoicing.listing.criteria import Criteria
from invoicing.models import Book, SummaryCell
from invoicing.money import total_of

TABLE = "invoicing_summarycell"
WORDS = ("connection_id", "status", "payment_status", "currency", "in_totals")
COUNTERS = ("invoices", "amounts", "total_units", "total_millionths", "due_units", "due_millionths")
AXIS, GRAIN = SummaryCell.Axis, SummaryCell.Grain


class Cell(NamedTuple):
    """Invoices that share these words: how many, and what they come to to the millionth. `finer`: some digits are smaller."""

    connection: int
    status: str
    payment: str
    currency: str
    in_totals: bool
    invoices: int  # by the invoice's first unit
    amounts: int  # totals in this unit, first or further
    total_units: int
    total_millionths: int
    due_units: int
    due_millionths: int
    finer: int = 0


class BookSummary:
    """A whole book: everything in it, and what is overdue in it. One query, asked at most once.

    `reach`: our ids of the connections a person may see, as from access.scopes.connection_ids; None is all.
    """

    def __init__(self, book: Book, today: date, reach: frozenset[int] | None = None):
        self.book, self.today, self.reach = book, today, reach

    @cached_property
    def _parts(self) -> tuple[list[Cell], list[Cell]]:
        parts: tuple[list[Cell], list[Cell]] = ([], [])
        for part, cell in _read(self.book, EVERYTHING, _overdue(self.today)):
            if self.reach is None or cell.connection in self.reach:
                parts[part].append(cell)
        return parts

    @property
    def cells(self) -> list[Cell]:
        return self._parts[0]

    @property
    def overdue(self) -> list[Cell]:
        return self._parts[1]

    @cached_property
    def units(self) -> list[str]:
        """The units of the book, those of most amounts first."""
        counts: dict[str, int] = defaultdict(int)
        for cell in self.cells:
            counts[cell.currency] += cell.amounts or cell.invoices
        return sorted(counts, key=lambda unit: (-counts[unit], unit))


def summary_cells(criteria: Criteria) -> list[Cell]:
    """The cells of the book under the date filter, other filters lifted; whole months, and days at the edges."""
    return [cell for _, cell in _read(criteria.book, covering(criteria))]


def _read(book: Book, *parts: list["Stretch"]) -> Iterator[tuple[int, Cell]]:
    """The cells of each part, summed over its stretches, with the part's place; one query."""
    selects, parameters = [], []
    words, counters = ", ".join(WORDS), [*COUNTERS, "CASE WHEN total_rest <> '0' OR due_rest <> '0' THEN 1 ELSE 0 END"]
    for at, part in enumerate(parts):
        for stretch in part:
            where, given = stretch.condition()
            if stretch.grain == GRAIN.ALL:  # one cell for each combination of words
                sums, grouped = counters, ""
            else:
                sums, grouped = [f"SUM({each})" for each in counters], f" GROUP BY {words}"
            selects.append(f"SELECT {at}, {words}, {', '.join(sums)} FROM {TABLE} WHERE book = %s AND {where}{grouped}")
            parameters += [int(book), *given]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(selects), parameters)
        decimal = connection.vendor == "postgresql"  # it sums integers into decimals
        for at, *values in cursor.fetchall():
            if values[5] or values[6]:
                yield at, Cell(*values[:5], *map(int, values[5:])) if decimal else Cell._make(values)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Cells of one axis and grain whose periods lie between two days, both included."""

    axis: int
    grain: int
    first: date | None = None
    last: date | None = None

    def condition(self) -> tuple[str, list]:
        sql, given = "axis = %s AND grain = %s", [int(self.axis), int(self.grain)]
        for bound, sign in ((self.first, ">="), (self.last, "<=")):
            if bound is not None:
                sql += f" AND period {sign} %s"
                given.append(bound)
        return sql, given


EVERYTHING = [Stretch(AXIS.LISTED, GRAIN.ALL)]


def covering(criteria: Criteria) -> list[Stretch]:
    """Stretches that hold each invoice of the criteria's dates exactly once."""
    if criteria.overdue:
        return _overdue(criteria.today)
    if criteria.listed:
        return _stretches(AXIS.LISTED, criteria.listed.first, criteria.listed.last)
    return EVERYTHING


def _overdue(today: date) -> list[Stretch]:
    return _stretches(AXIS.DUE, None, today - timedelta(days=1))


def _stretches(axis: int, first: date | None, last: date | None) -> list[Stretch]:
    """Together the days first..last exactly once: months inside, days at ragged ends."""
    months, days = [first, last], []
    if first and first.day != 1:
        end = _month_end(first)
        days.append(Stretch(axis, GRAIN.DAY, first, min(end, last or end)))
        months[0] = end  # months are named by their first day, so this one is not among those after it
    if last and last != _month_end(last):
        start = last.replace(day=1)
        if not first or first <= start:
            days.append(Stretch(axis, GRAIN.DAY, start, last))
        months[1] = start - timedelta(days=1) if start > date.min else None
        if start == date.min:
            return days
    return [Stretch(axis, GRAIN.MONTH, *months), *days]


def _month_end(day: date) -> date:
    if day.month == 12:
        return day.replace(day=31)
    return day.replace(month=day.month + 1, day=1) - timedelta(days=1)


def rests(criteria: Criteria) -> dict[str, tuple[Decimal, Decimal]]:
    """Unit → the digits below a millionth of total and due. Hardly any cell has some, so they are asked for apart."""
    sums: dict[str, list] = defaultdict(list)
    for stretch in covering(criteria):
        where, given = stretch.condition()
        sql = (
            f"SELECT {', '.join(WORDS)}, total_rest, due_rest FROM {TABLE} "
            f"WHERE book = %s AND {where} AND (total_rest <> '0' OR due_rest <> '0')"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [int(criteria.book), *given])
            for *words, in_totals, total, due in cursor.fetchall():
                wanted = all(not wish or word in wish for wish, word in zip(criteria.words, words, strict=True))
                if in_totals and wanted:
                    sums[words[3]].append((Decimal(total), Decimal(due)))
    return {unit: (total_of(t for t, _ in pairs), total_of(d for _, d in pairs)) for unit, pairs in sums.items()}
