from dataclasses import dataclass
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET

from invoicing.access import rights, scopes
from invoicing.listing.criteria import SORTS
from invoicing.listing.facets import Facets
from invoicing.listing.filters import InvoiceFilters
from invoicing.listing.invoice_list import InvoiceList
from invoicing.listing.page import BadCursor, Page
from invoicing.listing.summary import BookSummary
from invoicing.listing.tabs import tabs_of
from invoicing.models import Book, preferences_of
from invoicing.vocabulary import Direction
from invoicing.web.context import shell_of
from invoicing.web.filter_menus import FilterMenus
from invoicing.web.invoice_rows import invoice_address, rows_html
from invoicing.web.links import Here
from invoicing.web.rendering import render_pair

PART = "invoices"
"""The id of the element that holds the list, which htmx swaps."""
SETS = (("live", "Live"), ("test", "Test"), ("gone", "Gone"))
TILES = 6
SIZES = [value for value, _ in InvoiceFilters.base_fields["rows"].choices]


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    sort: str = ""
    css: str = ""


RECEIVABLE_COLUMNS = (
    Column("Number", "number"),
    Column("Customer", "customer"),
    Column("Provider", "provider"),
    Column("Status", "status"),
    Column("Payment", "payment"),
    Column("Issued", "listed"),
    Column("Due", "due"),
    Column("Total", "total", "number"),
    Column("Left to pay", "left", "number left"),
)
PAYABLE_COLUMNS = (
    Column("Number", "number"),
    Column("Account", "customer"),
    Column("Provider", "provider"),
    Column("Status", "status"),
    Column("Period"),
    Column("Issued", "listed"),
    Column("Total", "total", "number"),
    Column("Further units", "", "number"),
)


@require_GET
def receivables(request: HttpRequest) -> HttpResponse:
    """What customers owe us, as their providers bill it."""
    return _list(request, Direction.RECEIVABLE)


@require_GET
def payables(request: HttpRequest) -> HttpResponse:
    """What we owe: CockroachDB Cloud's bills to us."""
    return _list(request, Direction.PAYABLE)


def _list(request: HttpRequest, direction: Direction) -> HttpResponse:
    """The filtered invoices. htmx asks the same address and gets the list alone."""
    rights.require(request.user, "view")
    shell, today = shell_of(request), timezone.localdate()
    here = Here(request.path, request.GET)
    data = request.GET.get("data", "live")
    reach = scopes.connection_ids(request.user)
    summary = BookSummary(Book.of(direction, live=data != "test", gone=data == "gone"), today, reach)
    filters = InvoiceFilters(
        request.GET, direction=direction, connections=shell.connections, reach=reach, currencies=summary.units
    )
    found = InvoiceList(filters.criteria(today=today), summary)
    match = found.exact_match()
    if match and _asked_for_one(request, here):
        return _go_to(request, invoice_address(match.pk))
    size = filters.cleaned_data.get("rows") or str(preferences_of(request.user).rows)
    page, misplaced = _page(found, request, size=int(size))
    facets = found.exact_facets if "exact" in request.GET else found.facets
    menus = FilterMenus(filters, here, facets, summary.units)
    context = {
        "direction": direction,
        "path": request.path,
        "filters": filters,
        "menus": menus,
        "search_text": filters["q"].value() or "",
        "search_attributes": request.path,
        "sets": _sets(here, data),
        "tabs": _tabs(found, here),
        "unreadable": sum(each.unreadable_records for each in shell.connections if each.direction == direction),
        "columns": _columns(found, here),
        "facets": facets,
        "totals": sorted(facets.totals, key=lambda each: -each.amounts),
        "tiles": TILES,
        "count_exactly": here.but(exact="1"),
        "page": page,
        "rows": _rows(page, shell.connections, direction, today, here.but(**_marks(request))),
        "misplaced": misplaced,
        "pager": _pager(found, here, page),
        "sizes": [{"rows": rows, "url": here.but(rows=rows), "here": rows == size} for rows in SIZES],
        "clear": here.only("data", "sort", "order", "rows"),
        "here": here,
        "as_of": [each for each in shell.enabled if each.direction == direction],
        "book_empty": not summary.cells,
    }
    response = render_pair(request, "invoices/list.html", "invoices/_list.html", context, target=PART)
    if request.headers.get("HX-Request") == "true":
        # an exact number that was only typed stays a list, also when one comes back to it
        response["HX-Push-Url"] = here.but(**_marks(request), **({"jump": "no"} if match else {}))
    return response


def _marks(request: HttpRequest) -> dict:
    return {name: request.GET[name] for name in ("after", "before", "exact") if request.GET.get(name)}


def _asked_for_one(request: HttpRequest, here: Here) -> bool:
    """Whether a person sent a search and nothing else; typing alone filters."""
    typing = request.headers.get("HX-Trigger") == "search"
    return not typing and "jump" not in request.GET and set(here.filters) <= {"q", "data", "sort", "order", "rows"}


def _go_to(request: HttpRequest, address: str) -> HttpResponse:
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(status=204)
        response["HX-Redirect"] = address
        return response
    return redirect(address)


def _page(found: InvoiceList, request: HttpRequest, *, size: int) -> tuple[Page, bool]:
    """The page, and whether its mark in the address was none of ours, so that this is the first."""
    try:
        return found.page(size=size, after=request.GET.get("after", ""), before=request.GET.get("before", "")), False
    except BadCursor:
        return found.page(size=size), True


def _rows(page: Page, connections: list, direction: Direction, today: date, listed_at: str):
    own = [each for each in connections if each.direction == direction]
    several = len({each.provider for each in own}) < len(own)
    return rows_html(page.rows, connections, direction=direction, today=today, named=several, listed_at=listed_at)


def _sets(here: Here, data: str) -> list[dict]:
    """Live data, test data, and what its provider no longer has: three books that never mix."""
    return [
        {
            "label": label,
            "url": here.only("sort", "order", "rows", data=None if key == "live" else key),
            "here": key == data,
        }
        for key, label in SETS
    ]


def _tabs(found: InvoiceList, here: Here) -> list[dict]:
    return [
        {
            "key": tab.key,
            "label": tab.label,
            "count": tab.count(found.summary),
            "url": here.only("data", "sort", "order", "rows", **tab.filters),
            "here": not found.criteria.impossible and tab.shows(found.criteria),
        }
        for tab in tabs_of(found.criteria.book.direction)
    ]


def _columns(found: InvoiceList, here: Here) -> list[dict]:
    columns = RECEIVABLE_COLUMNS if found.criteria.book.direction == Direction.RECEIVABLE else PAYABLE_COLUMNS
    shown = []
    for column in columns:
        entry = {"label": column.label, "css": column.css, "sort": column.sort, "order": ""}
        if column.sort:
            sorted_now = found.criteria.sort == column.sort
            descending = not found.criteria.descending if sorted_now else SORTS[column.sort].descending_first
            entry["url"] = here.but(sort=column.sort, order="desc" if descending else "asc")
            entry["order"] = ("descending" if found.criteria.descending else "ascending") if sorted_now else ""
        shown.append(entry)
    return shown


def _pager(found: InvoiceList, here: Here, page: Page) -> dict:
    by_date = found.criteria.sort == "listed" and found.criteria.descending
    return {
        "back": here.but(before=page.newer) if page.newer else "",
        "on": here.but(after=page.older) if page.older else "",
        "back_label": "Newer" if by_date else "Previous",
        "on_label": "Older" if by_date else "Next",
    }


__all__ = ["Facets", "payables", "receivables"]
