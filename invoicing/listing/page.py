"""One page of a list: ids first, found by walking an index in order, then those few rows hydrated.

A page is named by the row it starts after (or before), never by a number, so page 1000 costs what page 1 does and rows
that arrive meanwhile shift nothing.
"""

import base64
import json
from dataclasses import dataclass
from datetime import date

from django.db import connection

from invoicing.listing.criteria import SORTS, Sort
from invoicing.listing.rows import Row, listed
from invoicing.listing.sql import Where
from invoicing.listing.ways import GOOD, Asked, Way, gathered, weighed
from invoicing.models import Invoice
from invoicing.vocabulary import Direction

MAX_ID = 2**63 - 1


class BadCursor(ValueError):
    """The page mark in the URL is not one of ours."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A row's place in an order: its sort values and id."""

    values: tuple
    pk: int

    def text(self) -> str:
        plain = [*(v.isoformat() if isinstance(v, date) else v for v in self.values), self.pk]
        return base64.urlsafe_b64encode(json.dumps(plain, ensure_ascii=False).encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str, sort: Sort) -> "Mark":
        """Errors: BadCursor."""
        try:
            *values, pk = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if len(values) != len(sort.columns) or not _is_whole(pk):
                raise BadCursor(text)
            for column, value in zip(sort.columns, values, strict=True):
                whole = column.endswith("_micros") or column == "connection_id"
                if not (_is_whole(value) if whole else isinstance(value, str) and "\x00" not in value):
                    raise BadCursor(text)
                if column in ("listed_on", "due_sort"):
                    date.fromisoformat(value)
        except (ValueError, TypeError, RecursionError) as error:
            raise BadCursor(text) from error
        return cls(tuple(values), pk)


def _is_whole(value) -> bool:
    return type(value) is int and -MAX_ID <= value <= MAX_ID


@dataclass(slots=True)
class Page:
    rows: list[Row]
    newer: str = ""  # mark to go back before; empty on the first page
    older: str = ""  # mark to go on after; empty on the last


def page(asked: Asked, *, size: int = 50, after: str = "", before: str = "", reads: tuple[str, ...] = ()) -> Page:
    """The rows after (or before) a mark. `reads`: as rows.listed has it.

    Errors: BadCursor.
    """
    criteria = asked.criteria
    sort = SORTS[criteria.sort]
    backwards = bool(before)
    mark = Mark.parse(before or after, sort) if before or after else None
    if criteria.impossible or (asked.found is not None and not asked.found):
        return Page([])
    ids = _ids(asked, sort, mark, backwards=backwards, limit=size + 1)
    if backwards and len(ids) < size:  # the way back ended early: the first page, whole
        return page(asked, size=size, reads=reads)
    more = len(ids) > size
    ids = ids[:size]
    if backwards:
        ids.reverse()
    rows = listed(ids, further=criteria.book.direction == Direction.PAYABLE, reads=reads)
    if not rows:
        return Page([])
    first, last = _mark(rows[0], sort), _mark(rows[-1], sort)
    has_newer = more if backwards else mark is not None
    has_older = True if backwards else more
    return Page(rows, newer=first.text() if has_newer else "", older=last.text() if has_older else "")


def beside(asked: Asked, invoice: Invoice) -> tuple[int | None, int | None]:
    """Our ids of the invoices just before and just after one in the list's order, whether or not it is still listed."""
    criteria, sort = asked.criteria, SORTS[asked.criteria.sort]
    if criteria.impossible or (asked.found is not None and not asked.found):
        return None, None
    mark = Mark(tuple(getattr(invoice, column) for column in sort.columns), invoice.pk)
    former, latter = (_ids(asked, sort, mark, backwards=backwards, limit=1) for backwards in (True, False))
    return (former[0] if former else None), (latter[0] if latter else None)


def hydrate(ids: list[int]) -> list[Invoice]:
    """Whole invoices in the order of `ids`, with customer; one query."""
    by_id = Invoice.objects.select_related("customer").defer("handles", "wire_hash", "content_hash").in_bulk(ids)
    return [by_id[pk] for pk in ids if pk in by_id]


def _mark(row: Row, sort: Sort) -> Mark:
    return Mark(tuple(getattr(row, column) for column in sort.columns), row.pk)


def _ids(asked: Asked, sort: Sort, mark: Mark | None, *, backwards: bool, limit: int) -> list[int]:
    descending = asked.criteria.descending != backwards
    ways, cost = weighed(asked, sort, limit=limit)
    if cost > GOOD and len(ways) == 1 and ways[0].ordered and (rescue := gathered(asked, sort)):
        # Filters may hang together with the order, so that matches stand far from its beginning: drafts have no due date.
        if mark is None or not _ties(sort):
            found = _first(ways, asked, sort, mark, descending, limit, patience(cost))
            if len(found) == limit:
                return found
        ways = rescue
    return _first(ways, asked, sort, mark, descending, limit)


def _ties(sort: Sort) -> bool:
    """Whether very many rows may share a place in the order: a day has hundreds, but half of all may have no due date."""
    return sort.columns[-1] != "listed_on"


def patience(cost: float) -> int:
    """After how many entries a walk that should have cost so many is given up."""
    return int(2 * cost) + 1000


def _first(
    ways: list[Way],
    asked: Asked,
    sort: Sort,
    mark: Mark | None,
    descending: bool,
    limit: int,
    entries: int | None = None,
) -> list[int]:
    """The first ids after the mark; with `entries`, those met among so many."""
    order, columns = (
        sort.order(descending=descending),
        ", ".join(f"{column} AS k{at}" for at, column in enumerate(sort.columns)),
    )
    direction = "DESC" if descending else "ASC"
    keys = ", ".join([*(f"k{at} {direction}" for at in range(len(sort.columns))), f"id {direction}"])
    parts, selects = [], []
    for way, beyond in (
        (w, b) for w in ways for b in ([Where()] if mark is None else _beyond(mark, sort, w, descending))
    ):
        if entries is None:
            part = way.select(f"id, {columns}", asked.criteria, asked.found, beyond=beyond)
        else:
            part = way.begin(f"id, {columns}", asked, sort, order, entries, beyond)
        parts.append(part)
        if entries is not None and connection.vendor == "sqlite":
            selects.append(
                f"{part.text()} LIMIT {limit}"
            )  # in the order of what it selects from, which it would sort again
        elif way.ordered or connection.vendor == "sqlite":
            selects.append(f"{part.text()} ORDER BY {order} LIMIT {limit}")
        else:  # PostgreSQL would rather walk along the order than sort, and meet nothing for long
            selects.append(f"SELECT * FROM ({part.text()} OFFSET 0) AS gathered ORDER BY {keys} LIMIT {limit}")
    if not parts:
        return []
    sql = selects[0]
    if len(selects) > 1:
        union = " UNION ALL ".join(f"SELECT * FROM ({select}) AS part{at}" for at, select in enumerate(selects))
        sql = f"SELECT id FROM ({union}) AS merged ORDER BY {keys} LIMIT {limit}"
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for part in parts for value in part.parameters])
        return [row[0] for row in cursor.fetchall()]


def _beyond(mark: Mark, sort: Sort, way: Way, descending: bool) -> list[Where]:
    """What lies after the mark on a way, in parts that share no row. Words the way keeps to are not compared: no database
    would seek to the mark by them.
    """
    columns, values, sign = [*sort.columns], [*mark.values], "<" if descending else ">"
    while columns and columns[0] in way.fixed:
        if way.fixed[columns[0]] != values[0]:
            if connection.vendor != "sqlite":
                break  # only the database knows how its words sort
            after = way.fixed[columns[0]] < values[0] if descending else way.fixed[columns[0]] > values[0]
            return [Where()] if after else []
        del columns[0], values[0]
    if (
        columns and connection.vendor == "sqlite" and way.ordered and _ties(sort)
    ):  # it does not seek by the id of a row value
        same = Where(" AND ".join(f"{column} = %s" for column in columns), *values).add(f"id {sign} %s", mark.pk)
        return [same, _row_beyond(columns, values, sign)]
    return [_row_beyond([*columns, "id"], [*values, mark.pk], sign)]


def _row_beyond(columns: list[str], values: list, sign: str) -> Where:
    return Where(f"({', '.join(columns)}) {sign} ({', '.join(['%s'] * len(columns))})", *values)
