"""Ways to reach the invoices of a list, and which of them touches the fewest index entries.

The choice is made from the summary's counts and from short probes, and pinned on SQLite, which keeps no statistics to
choose by. So no filter makes a page read everything.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import inf, prod

from django.db import connection

from invoicing.listing.criteria import Criteria, Sort
from invoicing.listing.search import Found
from invoicing.listing.sql import (
    TABLE,
    Where,
    amount_bounds,
    candidates,
    conditions,
    due_within,
    ids_text,
    period_begins_by,
    period_ends_after,
    read_within,
)
from invoicing.listing.summary import BookSummary, Cell
from invoicing.vocabulary import Direction

PROBE = 20_000
"""Up to so many index entries are counted to learn how much a filter leaves."""
GATHERED = 20_000
"""Up to so many rows are read and sorted where walking along the order turns out to be no better."""
GATHERING = 2
"""What a row met out of order costs, against one in order: the rows are sorted."""
OPENING = 40
"""What one more way costs, in entries: its part of the SQL must be read and planned."""
MOST_WAYS = 24
GOOD = 500
"""So few entries are not worth looking for fewer."""
DATED = frozenset({"inv_listed", "inv_status", "inv_payment", "inv_provider", "inv_words"})
WORDS = {"connection_id": 0, "status": 1, "payment_status": 2, "currency": 3}
"""Column → its place in a cell."""
ASKED = (
    *(
        "id",
        "connection_id",
        "customer_id",
        "status",
        "payment_status",
        "currency",
        "total",
        "total_micros",
        "outstanding",
    ),
    *("listed_on", "due_sort", "period_start", "period_end", "unrecognized", "line_difference", "search_text"),
    *("finalized_on", "voided_on", "read_at"),
)
"""The columns conditions ask of."""


@dataclass(frozen=True, slots=True)
class Way:
    """An index, and the part of it that holds matches. `ordered`: in the list's order, so that a page is its beginning."""

    index: str
    fixed: dict  # words its prefix keeps to
    reach: Where  # how the index is bounded, besides the words
    entries: float
    ordered: bool = False
    filter: str = ""  # the filter it stands for, where that is one the summary does not know
    candidates: Where | None = None  # a query of ids, perhaps repeated, instead of an index

    @property
    def of_book(self) -> bool:
        """Whether its entries are of the one book, each once."""
        return self.candidates is None and self.index != "inv_customer"

    def select(self, columns: str, criteria: Criteria, found: Found | None, *, beyond: Where | None = None) -> Where:
        """SELECT … WHERE … of the matches met this way; `beyond` is one more condition of the way itself."""
        head = Where()
        if self.candidates is not None:
            head.add(
                f"SELECT {columns} FROM (SELECT DISTINCT candidate FROM ({self.candidates.text()}) AS each_way) AS once "
                f"CROSS JOIN {TABLE} WHERE id = candidate",
                *self.candidates.parameters,
            )
        else:
            head.add(f"SELECT {columns} FROM {TABLE}{pinned(self.index)} WHERE 1 = 1")
        return head.join(self.bounds(criteria)).join(self.rest(criteria, found)).join(beyond or Where())

    def bounds(self, criteria: Criteria) -> Where:
        """The part of the index."""
        where = Where("book = %s", int(criteria.book))
        for column, value in self.fixed.items():
            where.add(f"{column} = %s", value)
        return where.join(self.reach)

    def begin(self, columns: str, asked: "Asked", sort: Sort, order: str, number: int, beyond: Where) -> Where:
        """SELECT … of the matches among the first `number` entries: in the list's order, if the way has that."""
        where, rest = self.bounds(asked.criteria).join(beyond), self.rest(asked.criteria, asked.found)
        needed = [column for column in ASKED if column in rest.text()]  # SQLite would decode every column named
        named = ", ".join(dict.fromkeys(["id", *needed, *sort.columns]))
        ordered = f" ORDER BY {order}" if self.ordered else ""
        inner = f"SELECT {named} FROM {TABLE}{pinned(self.index)} WHERE {where.text()}{ordered} LIMIT {number}"
        return Where(
            f"SELECT {columns} FROM ({inner}) AS {TABLE} WHERE {rest.text()}", *where.parameters, *rest.parameters
        )

    def rest(self, criteria: Criteria, found: Found | None) -> Where:
        """What is asked beyond that."""
        kept = {*self.fixed, self.filter}
        if _payable(criteria):
            kept -= {"currency"}  # it may be that of a further total
        return conditions(criteria, found, skip=frozenset(kept))

    def some(self, asked: "Asked", sort: Sort, number: int) -> Where:
        """SELECT of how many match among the first `number` entries."""
        if self.candidates is None:
            few = self.begin("id", asked, sort, sort.order(descending=asked.criteria.descending), number, Where())
        else:
            where, rest = self.bounds(asked.criteria), self.rest(asked.criteria, asked.found)
            few = Where(
                f"SELECT id FROM (SELECT DISTINCT candidate FROM (SELECT candidate FROM ({self.candidates.text()}) AS each_way "
                f"LIMIT {number}) AS few) AS once CROSS JOIN {TABLE} WHERE id = candidate AND {where.text()} AND {rest.text()}",
                *self.candidates.parameters,
                *where.parameters,
                *rest.parameters,
            )
        return Where(f"SELECT COUNT(*) FROM ({few.text()}) AS met", *few.parameters)


def pinned(index: str) -> str:
    return f" INDEXED BY {index}" if index and connection.vendor == "sqlite" else ""


@dataclass(frozen=True)
class Asked:
    """What is asked, with what is known about its size."""

    criteria: Criteria
    found: Found | None
    cells: list[Cell]  # the summary's, under the dates asked for
    summary: BookSummary
    dated: list[Cell]  # of the days listed on that are asked for, whether overdue or not

    @cached_property
    def left(self) -> dict[str, int]:
        """Filter the summary does not know → how many entries it leaves, counted up to PROBE + 1."""
        return {
            way.filter: _probe(way, self.criteria, self.found) for way in _beyond_summary(self.criteria, self.found)
        }

    @cached_property
    def size(self) -> int:
        return sum(cell.invoices for cell in self.summary.cells) or 1

    @cached_property
    def fitting(self) -> list[Cell]:
        """The cells with the words asked for."""
        if not any(self.criteria.words):
            return self.cells
        return [cell for cell in self.cells if _fits(cell, self.criteria)]

    @cached_property
    def _share(self) -> dict[str, float]:
        """Filter the summary does not know → about which share of the others it leaves."""
        shares = {name: min(1, entries / self.size) for name, entries in self.left.items()}
        if "amounts" in shares:  # of one currency, which the cells keep to already
            cells = [cell.invoices for cell in self.summary.cells if cell.currency in self.criteria.currencies]
            shares["amounts"] = min(1, self.left["amounts"] / (sum(cells) or 1))
        if self.criteria.overdue and self.criteria.listed:  # the cells are of all that is overdue
            shares["listed"] = sum(cell.invoices for cell in self.dated) / self.size
        return shares

    def under(self, criteria: Criteria) -> "Asked":
        """The same dates, search and bounds, with other words asked."""
        other = replace(self, criteria=criteria)
        other.__dict__["left"] = self.left
        return other

    def matches(self, fixed: dict, *, but: str = "") -> float:
        """About how many match among those with the `fixed` words; `but` is a filter that is already kept to."""
        share = prod(share for name, share in self._share.items() if name != but)
        return share * sum(cell.invoices for cell in self.fitting if not fixed or _has(cell, fixed))


def cheapest(asked: Asked, sort: Sort | None = None, *, limit: int | None) -> list[Way]:
    """See `weighed`."""
    return weighed(asked, sort, limit=limit)[0]


def weighed(asked: Asked, sort: Sort | None = None, *, limit: int | None) -> tuple[list[Way], float]:
    """The ways that together meet every match once. With a `sort`, the first `limit` of the order are wanted; without, any.

    A way of n entries of which m match has shown `limit` of them after about limit·n/m; out of order it is gone to its end.
    With them what they cost, in entries.
    """

    def cost(way: Way) -> float:
        if sort is not None and not way.ordered:
            return way.entries * GATHERING
        met = asked.matches(way.fixed, but=way.filter)
        return min(way.entries, limit * way.entries / met) if limit and met else way.entries

    best, least = [], inf
    for option in _options(asked, sort):
        total = sum(OPENING + cost(way) for way in option)
        if total < least:
            best, least = option, total
        if least <= GOOD:
            break
    return best, least


def gathered(asked: Asked, sort: Sort) -> list[Way]:
    """The ways of fewest entries, whatever their order; none where all have too many to be read and sorted."""
    fewest = min(_options(asked, sort), key=lambda option: sum(way.entries for way in option))
    return fewest if sum(way.entries for way in fewest) <= GATHERED else []


def surely(asked: Asked) -> float:
    """How many match, as far as the entries of a way that leads to nothing but matches tell; else 0."""
    for option in _options(asked, None):
        if all(way.of_book and not way.rest(asked.criteria, asked.found).parts for way in option):
            return sum(way.entries for way in option)
    return 0


def _options(asked: Asked, sort: Sort | None) -> Iterator[list[Way]]:
    """Every set of ways that together meets every match."""
    criteria = asked.criteria
    key = sort.key if sort else ""

    def along(index: str, *, ordered: bool, **words) -> list[Way]:
        """The index's parts, one for each combination of the words."""
        parts = [dict(zip(words, values, strict=True)) for values in product(*words.values())]
        return [Way(index, fixed, Where(), _entries(asked, index, fixed), ordered) for fixed in parts]

    by_date = key == "listed"
    if criteria.listed and sort and len(sort.columns) == 2 and sort.columns[1] == "listed_on":
        place = WORDS[sort.columns[0]]  # the days are bounded within each word
        asked_for = criteria.words[place] or sorted({cell[place] for cell in asked.summary.cells})
        yield along(sort.index, ordered=True, **{sort.columns[0]: asked_for})
    else:
        yield along(sort.index if sort else "inv_listed", ordered=True)
    if criteria.listed and not by_date:
        yield along("inv_listed", ordered=False)
    if key in ("total", "left") and criteria.currencies and not _payable(criteria):
        yield along(sort.index, ordered=True, currency=criteria.currencies)
    for index, column, values, own in (
        ("inv_status", "status", criteria.statuses, "status"),
        ("inv_payment", "payment_status", criteria.payments, "payment"),
        ("inv_provider", "connection_id", criteria.connections, "provider"),
    ):
        if values:
            yield along(index, ordered=by_date or key == own, **{column: values})
    if any(criteria.words):
        exactly = _exactly(asked)
        if by_date and 0 < len(words := {cell[:4] for cell in exactly.fitting if cell.invoices}) <= MOST_WAYS:
            fixed = [dict(zip(WORDS, each, strict=True)) for each in sorted(words)]
            yield [Way("inv_words", each, Where(), _entries(asked, "inv_words", each), ordered=True) for each in fixed]
        entries = sum(cell.invoices for cell in asked.dated if _fits(cell, exactly.criteria))
        yield [Way("inv_words", {}, _words(exactly), entries)]
    if criteria.overdue:
        reach = Where("outstanding").add("due_sort < %s", criteria.today)
        entries = sum(cell.invoices for cell in asked.summary.overdue)
        yield [Way("inv_outstanding", {}, reach, entries, ordered=key == "due", filter="overdue")]
    for way in _beyond_summary(criteria, asked.found):
        entries = asked.left[way.filter]
        ordered = by_date and (
            way.filter in ("unrecognized", "differing")
            or (way.filter == "customer_id" and len(criteria.customers) == 1)
        )
        yield [replace(way, entries=asked.size if entries > PROBE else entries, ordered=ordered)]


def _words(asked: Asked) -> Where:
    """What is asked of each word, or all there is, as far as words are asked: an index seeks every combination."""
    where, words = Where(), asked.criteria.words
    for column, place in WORDS.items():
        if any(words[place:]):
            where.any_of(column, words[place] or sorted({cell[place] for cell in asked.summary.cells}))
    return where


def _exactly(asked: Asked) -> Asked:
    """A payable's unit may be that of a further total, so it is not asked of the invoice's own."""
    return replace(asked, criteria=replace(asked.criteria, currencies=())) if _payable(asked.criteria) else asked


def _beyond_summary(criteria: Criteria, found: Found | None) -> Iterator[Way]:
    """One way for each filter the summary does not know but an index does; their sizes are to be probed."""
    if criteria.customers:
        yield Way("inv_customer", {}, Where().any_of("customer_id", criteria.customers), 0, filter="customer_id")
    if found is not None:
        yield _through(found)
    if (criteria.least is not None or criteria.most is not None) and not _payable(criteria):
        reach = Where().any_of("currency", criteria.currencies).join(amount_bounds("total_micros", criteria))
        yield Way("inv_total", {}, reach, 0, filter="amounts")
    if criteria.due:
        yield Way("inv_due", {}, due_within(criteria.due), 0, filter="due")
    first, last = criteria.period.first, criteria.period.last
    if first is not None:
        yield Way("inv_period_end", {}, period_ends_after(first), 0, filter="period_first")
    if last is not None:
        yield Way("inv_period_start", {}, period_begins_by(last), 0, filter="period_last")
    if criteria.finalized:
        yield Way("inv_finalized", {}, Where().between("finalized_on", criteria.finalized), 0, filter="finalized_on")
    if criteria.voided:
        yield Way("inv_voided", {}, Where().between("voided_on", criteria.voided), 0, filter="voided_on")
    if criteria.synced:
        yield Way("inv_read", {}, read_within(criteria.synced), 0, filter="read_at")
    if criteria.unrecognized:
        yield Way("inv_unrecognized", {}, Where("unrecognized"), 0, filter="unrecognized")
    if criteria.differing:
        yield Way("inv_differing", {}, Where("line_difference IS NOT NULL"), 0, filter="differing")


def _through(found: Found) -> Way:
    """By the customers a search found, where it found nothing else; otherwise by the ids of all it found."""
    if found.customers and not found.customers_many and not found.invoices and not found.texts:
        reach = Where(f"customer_id IN ({ids_text(found.customers)})")
        return Way("inv_customer", {}, reach, 0, filter="search")
    return Way("", {}, Where(), 0, filter="search", candidates=candidates(found))


def _probe(way: Way, criteria: Criteria, found: Found | None) -> int:
    if way.filter == "search" and found is not None and found.many:
        return PROBE + 1
    if way.candidates is not None:
        inner = way.candidates
    else:
        where = Where() if way.index == "inv_customer" else Where("book = %s", int(criteria.book))
        where.join(way.reach)
        inner = Where(f"SELECT 1 FROM {TABLE}{pinned(way.index)} WHERE {where.text()}", *where.parameters)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM ({inner.text()} LIMIT {PROBE + 1}) AS probe", inner.parameters)
        return cursor.fetchone()[0]


def _entries(asked: Asked, index: str, fixed: dict) -> int:
    """How many entries the part of an index has: of the dates asked for, where it is one by date."""
    cells = asked.dated if index in DATED else asked.summary.cells
    return sum(cell.invoices for cell in cells if not fixed or _has(cell, fixed))


def _has(cell: Cell, fixed: dict) -> bool:
    return all(cell[WORDS[column]] == value for column, value in fixed.items())


def _fits(cell: Cell, criteria: Criteria) -> bool:
    connections, statuses, payments, currencies = criteria.words
    return (
        (not connections or cell.connection in connections)
        and (not statuses or cell.status in statuses)
        and (not payments or cell.payment in payments)
        and (not currencies or cell.currency in currencies)
    )


def _payable(criteria: Criteria) -> bool:
    """Payables may hold a unit as a further total, which the invoice's own indexes do not know."""
    return criteria.book.direction == Direction.PAYABLE
