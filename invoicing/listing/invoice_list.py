"""The one query object of a list: its rows, count, totals, facets, and its whole set for export and bulk."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from django.db import connection

from invoicing.listing import facets, search
from invoicing.listing import page as paging
from invoicing.listing.criteria import SORTS, Criteria
from invoicing.listing.facets import Facets
from invoicing.listing.summary import BookSummary, Cell, summary_cells
from invoicing.listing.ways import Asked, cheapest
from invoicing.models import Connection, Invoice


class InvoiceList:
    """Everything a list shows comes from here, so that rows, count, totals and export are always of the same set."""

    def __init__(self, criteria: Criteria, summary: BookSummary | None = None):
        self.summary = summary or BookSummary(criteria.book, criteria.today)
        self.criteria = criteria.among(self.summary.units) if criteria.without_currencies else criteria

    @cached_property
    def found(self) -> search.Found | None:
        return search.find(self.criteria.search) if self.criteria.search and not self.criteria.impossible else None

    @cached_property
    def cells(self) -> list[Cell]:
        """The summary's cells under the list's dates: they choose the walk, and count what they can."""
        if self.criteria.impossible:
            return []
        return self.summary.overdue if self.criteria.overdue else self._dated

    @cached_property
    def _dated(self) -> list[Cell]:
        criteria = replace(self.criteria, overdue=False)
        return summary_cells(criteria) if criteria.listed else self.summary.cells

    @cached_property
    def asked(self) -> Asked:
        return Asked(self.criteria, self.found, self.cells, self.summary, self._dated)

    @cached_property
    def facets(self) -> Facets:
        if self.criteria.impossible:
            return Facets()
        if self.criteria.by_summary:
            return facets.from_summary(self.criteria, self.cells)
        return self._counted(cap=facets.CAP)

    @cached_property
    def exact_facets(self) -> Facets:
        """Without a cap: what a person asked to count, and what a bulk action acts on."""
        if self.criteria.impossible or self.criteria.by_summary:
            return self.facets
        return self._counted(cap=None)

    def _counted(self, *, cap: int | None) -> Facets:
        return facets.from_customers(self.asked, cap=cap) or facets.from_rows(self.asked, cap=cap)

    def page(self, *, size: int = 50, after: str = "", before: str = "", reads: tuple[str, ...] = ()) -> paging.Page:
        """Errors: paging.BadCursor."""
        return paging.page(self.asked, size=size, after=after, before=before, reads=reads)

    def ids(self) -> Iterator[int]:
        """Our ids of the whole set, in the list's order."""
        if self.criteria.impossible:
            return
        sort = SORTS[self.criteria.sort]
        direction = "DESC" if self.criteria.descending else "ASC"
        keys = ", ".join(f"{column} AS k{at}" for at, column in enumerate(sort.columns))
        order = ", ".join(f"k{at} {direction}" for at in range(len(sort.columns))) + f", id {direction}"
        parts = [way.select(f"id, {keys}", self.criteria, self.found) for way in cheapest(self.asked, sort, limit=None)]
        sql = f"{' UNION ALL '.join(part.text() for part in parts)} ORDER BY {order}"
        with connection.cursor() as cursor:
            cursor.execute(sql, [value for part in parts for value in part.parameters])
            while rows := cursor.fetchmany(2000):
                yield from (row[0] for row in rows)

    def rows(self, *, batch: int = 500) -> Iterator[Invoice]:
        """The whole set in the list's order, a batch in memory at a time."""
        waiting: list[int] = []
        for pk in self.ids():
            waiting.append(pk)
            if len(waiting) == batch:
                yield from paging.hydrate(waiting)
                waiting = []
        yield from paging.hydrate(waiting)

    def exact_match(self) -> Invoice | None:
        """The one invoice whose provider id, or whose number in this book, is exactly what was searched for."""
        if self.found is None or not self.found.invoices:
            return None  # what is equal is also contained
        text, among = self.criteria.search, self.criteria.connections
        everywhere = among or tuple(Connection.objects.values_list("pk", flat=True))
        found = list(Invoice.objects.filter(connection__in=everywhere, external_id=text)[:2])
        if not found:
            numbered = Invoice.objects.filter(book=self.criteria.book, number=text)
            found = list((numbered.filter(connection__in=among) if among else numbered)[:2])
        return found[0] if len(found) == 1 else None
