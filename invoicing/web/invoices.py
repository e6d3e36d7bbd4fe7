"""The lists of invoices: one address, one query, one page."""

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from invoicing.access import rights, scopes
from invoicing.listing.columns import Column, columns_named
from invoicing.listing.filters import InvoiceFilters
from invoicing.listing.invoice_list import InvoiceList
from invoicing.listing.page import BadCursor, Page
from invoicing.listing.summary import BookSummary
from invoicing.listing.tabs import tabs_of
from invoicing.models import Book, User, preferences_of
from invoicing.vocabulary import Direction
from invoicing.web import columns, saved_views
from invoicing.web.context import shell_of
from invoicing.web.filter_menus import FilterMenus
from invoicing.web.finding import asked_by_htmx
from invoicing.web.invoice_rows import invoice_address, rows_html
from invoicing.web.links import LOOK, Here
from invoicing.web.rendering import render_pair
from invoicing.web.review_signs import signs_of

PART = "invoices"
"""The id of the element that holds the list, which htmx swaps."""
COUNTS = "list-counts"
"""The id of the element that asks for the counts and totals from time to time."""
SETS = (("live", gettext_lazy("Live")), ("test", gettext_lazy("Test")), ("gone", gettext_lazy("Gone")))
TILES = 6
SIZES = [value for value, _ in InvoiceFilters.base_fields["rows"].choices]


@require_GET
def receivables(request: HttpRequest) -> HttpResponse:
    """What customers owe us, as their providers bill it."""
    return _list(request, Direction.RECEIVABLE)


@require_GET
def payables(request: HttpRequest) -> HttpResponse:
    """What we owe: CockroachDB Cloud's bills to us."""
    return _list(request, Direction.PAYABLE)


def _list(request: HttpRequest, direction: Direction) -> HttpResponse:
    """The filtered invoices. htmx asks the same address and gets the list alone, or the counts alone."""
    rights.require(request.user, "view")
    views = saved_views.shelf(request.user, direction)
    if address := saved_views.leads_to(request, views):
        return redirect(address)
    here = Here(request.path, request.GET, opens_view=views.default is not None)
    if "arrange" in request.GET:
        return redirect(columns.arranged(here, request.GET, direction))
    shell, today = shell_of(request), timezone.localdate()
    data = request.GET.get("data", "live")
    reach = scopes.connection_ids(request.user)
    summary = BookSummary(Book.of(direction, live=data != "test", gone=data == "gone"), today, reach)
    money = rights.can(request.user, "view_money")
    own = {"connections": shell.connections, "reach": reach, "currencies": summary.units, "money": money}
    filters = InvoiceFilters(request.GET, direction=direction, **own)
    found = InvoiceList(filters.criteria(today=today), summary)
    match = found.exact_match()
    if match and _asked_for_one(request, here):
        return _go_to(request, invoice_address(match.pk))
    facets = found.exact_facets if "exact" in request.GET else found.facets
    counts = {
        "tabs": _tabs(found, here),
        "unreadable": sum(each.unreadable_records for each in shell.connections if each.direction == direction),
        "facets": facets,
        "totals": sorted(facets.totals, key=lambda each: -each.amounts) if money else [],
        "tiles": TILES,
    }
    if asked_by_htmx(request, COUNTS):
        return render(request, "invoices/_counts.html", counts)
    likes, asked = preferences_of(request.user), filters.cleaned_data
    size, group = asked.get("rows") or _offered(likes.rows), asked.get("group", "")
    shown = _allowed(request.user, asked.get("columns") or columns_named("", direction))
    reads = tuple(dict.fromkeys(name for column in shown for name in column.reads))
    page, misplaced = _page(found, request, size=int(size), reads=reads)
    menus = FilterMenus(filters, found.criteria, here, facets, summary.units)
    context = counts | {
        "direction": direction,
        "path": request.path,
        "filters": filters,
        "menus": menus,
        "search_text": filters["q"].value() or "",
        "search_attributes": request.path,
        "sets": _sets(here, data),
        "columns": columns.headers(found, here, shown),
        "places": columns.places_html(",".join(c.key for c in shown), direction, get_language() or "", money=money),
        "arranging": here.hidden("columns", "group", "density"),
        "first_choice": here.but(columns=None),
        "groups": [
            {"key": key, "label": label, "here": key == group} for key, label in columns.group_labels(money=money)
        ],
        "densities": columns.DENSITIES,
        "density": asked.get("density") or likes.density,
        "count_exactly": here.but(exact="1"),
        "page": page,
        "rows": _rows(page, shown, shell.connections, direction, today, here.but(**_marks(request)), group),
        "misplaced": misplaced,
        "pager": _pager(found, here, page),
        "sizes": [{"rows": rows, "url": here.but(rows=rows), "here": rows == size} for rows in SIZES],
        "clear": here.only("data", *LOOK),
        "here": here,
        "address": here.but(**_marks(request)),
        "views": saved_views.menu(request, views, here, sound=not filters.errors),
        "as_of": [each for each in shell.enabled if each.direction == direction],
        "book_empty": not summary.cells,
    }
    response = render_pair(request, "invoices/list.html", "invoices/_list.html", context, target=PART)
    if request.headers.get("HX-Request") == "true":
        # an exact number that was only typed stays a list, also when one comes back to it
        response["HX-Push-Url"] = here.but(**_marks(request), **({"jump": "no"} if match else {}))
    return response


def _allowed(user: User, shown: tuple[Column, ...]) -> tuple[Column, ...]:
    """Without the columns this person may not see."""
    return tuple(column for column in shown if not column.needs or rights.can(user, column.needs))


def _offered(rows: int) -> str:
    """The page size a person likes, as the list offers it."""
    return str(rows) if str(rows) in SIZES else SIZES[1]


def _marks(request: HttpRequest) -> dict:
    return {name: request.GET[name] for name in ("after", "before", "exact") if request.GET.get(name)}


def _asked_for_one(request: HttpRequest, here: Here) -> bool:
    """Whether a person sent a search and nothing else; typing alone filters."""
    typing = request.headers.get("HX-Trigger") == "search"
    return not typing and "jump" not in request.GET and set(here.filters) <= {"q", "data", *LOOK}


def _go_to(request: HttpRequest, address: str) -> HttpResponse:
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(status=204)
        response["HX-Redirect"] = address
        return response
    return redirect(address)


def _page(found: InvoiceList, request: HttpRequest, *, size: int, reads: tuple[str, ...]) -> tuple[Page, bool]:
    """The page, and whether its mark in the address was none of ours, so that this is the first."""
    try:
        marks = {"after": request.GET.get("after", ""), "before": request.GET.get("before", "")}
        return found.page(size=size, reads=reads, **marks), False
    except BadCursor:
        return found.page(size=size, reads=reads), True


def _rows(
    page: Page,
    shown: tuple[Column, ...],
    connections: list,
    direction: Direction,
    today: date,
    listed_at: str,
    group: str,
) -> SafeString:
    own = [each for each in connections if each.direction == direction]
    return rows_html(
        page.rows,
        connections,
        shown,
        direction=direction,
        today=today,
        named=len({each.provider for each in own}) < len(own),
        listed_at=listed_at,
        group=group,
        signs=signs_of(row.pk for row in page.rows),
    )


def _sets(here: Here, data: str) -> list[dict]:
    """Live data, test data, and what its provider no longer has: three books that never mix."""
    return [
        {
            "label": label,
            "url": here.only(*LOOK, data=None if key == "live" else key),
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
            "url": here.only("data", *LOOK, **tab.filters),
            "here": not found.criteria.impossible and tab.shows(found.criteria),
        }
        for tab in tabs_of(found.criteria.book.direction)
    ]


def _pager(found: InvoiceList, here: Here, page: Page) -> dict:
    by_date = found.criteria.sort == "listed" and found.criteria.descending
    return {
        "back": here.but(before=page.newer) if page.newer else "",
        "on": here.but(after=page.older) if page.older else "",
        "back_label": _("Newer") if by_date else _("Previous"),
        "on_label": _("Older") if by_date else _("Next"),
    }
