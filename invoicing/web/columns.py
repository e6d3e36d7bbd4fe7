"""Which columns a list shows, in which order and how close: a form whose answer is an address."""

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from invoicing.listing import columns as known
from invoicing.listing.columns import Column
from invoicing.listing.criteria import BY_AMOUNT, GROUPS, SORTS
from invoicing.listing.invoice_list import InvoiceList
from invoicing.vocabulary import Direction
from invoicing.web.links import Here

GROUP_LABELS = {
    "": _("Nothing"),
    "month": _("Month of issue"),
    "customer": _("Customer"),
    "provider": _("Provider"),
    "status": _("Status"),
    "payment": _("Payment"),
    "currency": _("Currency"),
}
DENSITIES = {"comfortable": _("Comfortable"), "compact": _("Compact")}


@dataclass(frozen=True, slots=True)
class Place:
    """One column in the form. `first` and `last` cannot be moved up or down."""

    column: Column
    label: str
    shown: bool
    fixed: bool
    first: bool
    last: bool


@lru_cache(maxsize=256)
def places_html(keys: str, direction: Direction, language: str, *, money: bool) -> SafeString:
    """The form's list of columns: dozens of fields on every page, the same for everybody who chose alike."""
    shown = known.columns_named(keys, direction)
    return render_to_string("invoices/_places.html", {"places": places(shown, direction, money=money)})


def group_labels(*, money: bool) -> list[tuple[str, str]]:
    """What rows can stand under headings by. One heading's rows are in an order; one by amounts is not for everybody."""
    return [(key, label) for key, label in GROUP_LABELS.items() if money or GROUPS.get(key) not in BY_AMOUNT]


def places(shown: tuple[Column, ...], direction: Direction, *, money: bool) -> list[Place]:
    return [
        Place(
            column=column,
            label=label_of(column, direction),
            shown=column in shown,
            fixed=column.key == known.HEADER,
            first=at <= 1,
            last=at >= len(shown) - 1,
        )
        for at, column in enumerate(known.offered(direction, shown))
        if money or column.needs != "view_money"
    ]


def label_of(column: Column, direction: Direction) -> str:
    return column.bill_label if column.bill_label and direction == Direction.PAYABLE else column.label


def arranged(here: Here, query: QueryDict, direction: Direction) -> str:
    """The list's address with what the form asks for. A name nobody knows stays in it, so that the list refuses it."""
    keys = [key for key in query.getlist("col") if key != known.HEADER]
    moved, _colon, way = query.get("move", "").partition(":")
    if moved in keys and way in ("up", "down"):
        at = keys.index(moved)
        to = max(at - 1, 0) if way == "up" else min(at + 1, len(keys) - 1)
        keys.insert(to, keys.pop(at))
    named = ",".join([known.HEADER, *keys])
    with suppress(known.UnknownColumns):
        named = known.named(known.columns_named(named, direction), direction)
    group, density = query.get("group", ""), query.get("density", "")
    changes = {"columns": named or None, "group": group or None, "density": density or None}
    if group and GROUPS.get(group) != (here.filters.get("sort") or [""])[-1]:
        changes |= {"sort": None, "order": None}
    return here.but(**changes)


def headers(found: InvoiceList, here: Here, shown: tuple[Column, ...]) -> list[dict]:
    """The heads of the columns, each with the address that sorts by it."""
    direction = found.criteria.book.direction
    heads = []
    for column in shown:
        head = {"label": label_of(column, direction), "css": column.css, "sort": column.sort, "order": ""}
        if column.sort:
            sorted_now = found.criteria.sort == column.sort
            descending = not found.criteria.descending if sorted_now else SORTS[column.sort].descending_first
            order = "desc" if descending else "asc"
            kept = None if GROUPS.get((here.filters.get("group") or [""])[-1]) != column.sort else here.filters["group"]
            head["url"] = here.but(sort=column.sort, order=order, group=kept)
            head["order"] = ("descending" if found.criteria.descending else "ascending") if sorted_now else ""
        heads.append(head)
    return heads
