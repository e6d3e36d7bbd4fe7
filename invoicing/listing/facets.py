"""How many, how much, and how that splits: one pass over a few hundred summary cells, or over the rows up to a cap."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from django.db import connection

from invoicing.listing import by_customer
from invoicing.listing.criteria import SORTS, Criteria
from invoicing.listing.sql import Where
from invoicing.listing.summary import Cell, rests
from invoicing.listing.ways import Asked, Way, cheapest, surely
from invoicing.money import EXACT, MAX_MICROS, MICRO, joined, micros
from invoicing.vocabulary import Direction

CAP = 10_000
"""Up to so many rows are read to be counted and added up."""
SAMPLE = 4_000
"""Of more, so many, to say how many there are at least."""
NONE = Decimal(0)
INEXACT = f"(sub_micro OR ABS(total_micros) >= {MAX_MICROS} OR ABS(due_micros) >= {MAX_MICROS})"
"""Rows whose integer shadows are not their amounts."""
DIMENSIONS = ("connection", "status", "payment", "currency")


@dataclass(slots=True)
class UnitSum:
    """What a set comes to in one unit. `due` is what is outstanding."""

    unit: str
    amounts: int
    total: Decimal
    due: Decimal


@dataclass(slots=True)
class Facets:
    """Counts and totals of exactly the filtered set. `capped`: there are at least `count`, and no totals."""

    count: int = 0
    capped: bool = False
    totals: list[UnitSum] = field(default_factory=list)
    by: dict[str, dict[str | int, int]] = field(
        default_factory=dict
    )  # dimension → value → count, its own filter lifted
    left_out: int = 0  # invoices shown whose amounts stand in another invoice

    @property
    def count_text(self) -> str:
        if self.capped:
            return f"{self.count:,}+" if self.count else "some"
        return f"{self.count:,}"


def from_summary(criteria: Criteria, cells: list[Cell]) -> Facets:
    """Exact counts, totals and facets for a set the summary knows. `cells` as from `summary_cells`."""
    facets = from_cells(criteria, cells)
    if any(cell.finer for cell in cells):
        _add(facets, rests(criteria))
    return facets


def from_cells(criteria: Criteria, cells: Iterable[Cell]) -> Facets:
    """Each dimension ignores its own filter, so that a person sees what choosing otherwise would give.

    Every invoice counts once, under its first unit; but beside a payable's units stands how many have such an amount.
    """
    wanted = tuple(frozenset(values) for values in criteria.words)
    per_unit = Cell._fields.index("amounts" if criteria.book.direction == Direction.PAYABLE else "invoices")
    by: list[dict] = [defaultdict(int) for _ in DIMENSIONS]
    sums: dict[str, list[int]] = {}
    facets = Facets()
    for cell in cells:
        fits = [not wish or value in wish for wish, value in zip(wanted, cell[:4], strict=True)]
        misses = 4 - sum(fits)
        if misses > 1:
            continue
        for position in range(4):
            if misses == 0 or not fits[position]:
                by[position][cell[position]] += cell[per_unit] if position == 3 else cell.invoices
        if misses:
            continue
        facets.count += cell.invoices
        if not cell.in_totals:
            facets.left_out += cell.invoices
        elif cell.amounts:
            entry = sums.setdefault(cell.currency, [0, 0, 0, 0, 0])
            for at, value in enumerate(cell[6:11]):
                entry[at] += value
    facets.by = {name: dict(counts) for name, counts in zip(DIMENSIONS, by, strict=True)}
    facets.totals = [UnitSum(unit, s[0], joined(s[1], s[2]), joined(s[3], s[4])) for unit, s in sorted(sums.items())]
    return facets


def from_customers(asked: Asked, *, cap: int | None = CAP) -> Facets | None:
    """The same for a set of customers, exactly: their cells, and what else a search found. None where that is not the set."""
    customers = by_customer.people(asked)
    if not customers:
        return None
    criteria, cells = asked.criteria, by_customer.cells(asked, customers)
    finer = [by_customer.rests(asked, customers)] if any(cell.finer for cell in cells) else []
    if others := by_customer.others(asked.found):
        lifted = replace(criteria, connections=(), statuses=(), payments=(), currencies=())
        wider = replace(asked, criteria=lifted, found=others)
        ways, not_theirs = cheapest(wider, limit=None), by_customer.not_of(customers)
        if cap is not None and sum(way.entries for way in ways) > cap:
            return None
        own, further = _grouped(wider, ways, beyond=not_theirs)
        cells += own + further
        if any(cell.finer for cell in own + further):
            finer.append(_finer(replace(wider, criteria=criteria), ways, beyond=not_theirs))
    facets = from_cells(criteria, cells)
    for digits in finer:
        _add(facets, digits)
    return facets


def from_rows(asked: Asked, *, cap: int | None = CAP) -> Facets:
    """The same for a set the summary does not know, from its rows.

    First with the four dimensions lifted, so that the choices show what they would give; where more than `cap` rows would be
    read for that, of the filtered set itself; and where even those are too many, at least how many there are.
    """
    criteria = asked.criteria
    kept = criteria.currencies if criteria.least is not None or criteria.most is not None or _payable(criteria) else ()
    lifted = replace(criteria, connections=(), statuses=(), payments=(), currencies=kept)
    for wider in (asked.under(lifted), asked):
        ways = cheapest(wider, limit=None)
        if cap is None or sum(way.entries for way in ways) <= cap:
            break
    else:
        return Facets(count=_at_least(asked, cap), capped=True)
    cells, amounts = _grouped(wider, ways)
    facets = from_cells(replace(criteria, currencies=() if kept else criteria.currencies), cells + amounts)
    if any(cell.finer for cell in cells + amounts):
        _add(facets, _finer(asked, ways if wider is asked else cheapest(asked, limit=None)))
    return facets


def _at_least(asked: Asked, cap: int) -> int:
    """How many there are of more than `cap`, as far as an index alone tells, or the first entries of the list."""
    if known := surely(asked):
        return int(min(cap, known))
    met, left, sort = 0, SAMPLE, SORTS[asked.criteria.sort]
    for way in cheapest(asked, sort, limit=SAMPLE):
        where = way.some(asked, sort, left)
        with connection.cursor() as cursor:
            cursor.execute(where.text(), where.parameters)
            met += cursor.fetchone()[0]
        left -= int(min(left, way.entries))
        if not left:
            break
    return met


def _payable(criteria: Criteria) -> bool:
    return criteria.book.direction == Direction.PAYABLE


def _grouped(asked: Asked, ways: list[Way], *, beyond: Where | None = None) -> tuple[list[Cell], list[Cell]]:
    """The matching rows as cells: by their first unit, and those of their further units."""
    words = "connection_id, status, payment_status, currency, in_totals"
    columns = (
        f"id, {words}, total_micros, due_micros, outstanding, {INEXACT} AS inexact, total IS NOT NULL AS has_total"
    )
    parts = [way.select(columns, asked.criteria, asked.found, beyond=beyond) for way in ways]
    inner = " UNION ALL ".join(part.text() for part in parts)
    parameters = [value for part in parts for value in part.parameters]
    sql = (
        f"SELECT {words}, COUNT(*), SUM(CASE WHEN has_total THEN 1 ELSE 0 END), {_whole_and_rest('total_micros')}, "
        f"{_whole_and_rest('CASE WHEN outstanding THEN due_micros ELSE 0 END')}, "
        f"SUM(CASE WHEN inexact THEN 1 ELSE 0 END) FROM ({inner}) AS matched GROUP BY 1, 2, 3, 4, 5"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        cells = [_cell(row) for row in cursor.fetchall()]
        if not _payable(asked.criteria):
            return cells, []
        sql = (
            "SELECT m.connection_id, m.status, m.payment_status, f.unit, m.in_totals, 0, COUNT(*), "
            f"{_whole_and_rest('f.total_micros')}, 0, 0, 1 "
            f"FROM ({inner}) AS m JOIN invoicing_invoicetotal f ON f.invoice_id = m.id GROUP BY 1, 2, 3, 4, 5"
        )
        cursor.execute(sql, parameters)
        return cells, [_cell(row) for row in cursor.fetchall()]


def _cell(row: tuple) -> Cell:
    return Cell(*row[:4], bool(row[4]), *map(int, row[5:]))


def _whole_and_rest(column: str) -> str:
    """Two sums that cannot overflow: whole units and millionths. Both databases cut towards zero."""
    return f"SUM(({column}) / 1000000), SUM(({column}) %% 1000000)"


def _add(facets: Facets, finer: dict[str, tuple[Decimal, Decimal]]) -> None:
    for each in facets.totals:
        total, due = finer.get(each.unit, (NONE, NONE))
        each.total, each.due = EXACT.add(each.total, total), EXACT.add(each.due, due)


def _finer(asked: Asked, ways: list[Way], *, beyond: Where | None = None) -> dict[str, tuple[Decimal, Decimal]]:
    """Unit → what the integer shadows of these amounts left out: digits below a millionth, and what 64 bits cannot hold."""
    columns = "id, currency, total, amount_due, outstanding"
    inexact = Where(f"in_totals AND {INEXACT}").join(beyond or Where())
    parts = [way.select(columns, asked.criteria, asked.found, beyond=inexact) for way in ways]
    matched = " UNION ALL ".join(part.text() for part in parts)
    parameters = [value for part in parts for value in part.parameters]
    dropped: dict[str, list[Decimal]] = defaultdict(lambda: [NONE, NONE])

    def drop(unit: str, at: int, text: str | None) -> None:
        if text is not None:
            amount = Decimal(text)
            seen = EXACT.multiply(Decimal(micros(amount)), MICRO)
            dropped[unit][at] = EXACT.add(dropped[unit][at], EXACT.subtract(amount, seen))

    with connection.cursor() as cursor:
        cursor.execute(matched, parameters)
        for _, unit, total, due, outstanding in cursor.fetchall():
            drop(unit, 0, total)
            drop(unit, 1, due if outstanding else None)
        if _payable(asked.criteria):
            counted = Where("in_totals").join(beyond or Where())
            parts = [way.select("id", asked.criteria, asked.found, beyond=counted) for way in ways]
            matched = " UNION ALL ".join(part.text() for part in parts)
            further = f"SELECT unit, total FROM invoicing_invoicetotal WHERE invoice_id IN ({matched})"
            cursor.execute(further, [value for part in parts for value in part.parameters])
            for unit, total in cursor.fetchall():
                drop(unit, 0, total)
    return {unit: (total, due) for unit, (total, due) in dropped.items()}
