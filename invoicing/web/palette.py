"""Everything one can go to or do, found by a few letters: actions on the invoice at hand, places, invoices, customers."""

from dataclasses import dataclass

from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from invoicing.access import scopes
from invoicing.listing.filters import InvoiceFilters
from invoicing.listing.invoice_list import InvoiceList
from invoicing.listing.search import matching
from invoicing.listing.summary import BookSummary
from invoicing.models import Book, Customer
from invoicing.models.search import fold
from invoicing.vocabulary import Direction
from invoicing.web import marks
from invoicing.web.action_menu import actions_of
from invoicing.web.context import address, shell_of
from invoicing.web.finding import invoice_for, must_see
from invoicing.web.invoice_rows import invoice_address
from invoicing.web.sentences import said

MOST = 6
LOOKED_AT = 200
SHORTEST = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """One line. With `refusal` it cannot be chosen, and says why."""

    title: str
    about: str = ""
    url: str = ""
    icon: str = "arrow-right"
    key: str = ""
    refusal: str = ""


@require_GET
def palette(request: HttpRequest) -> HttpResponse:
    """The choices for what was typed (`q`) on the page one is on (`at`)."""
    must_see(request)
    text = " ".join(request.GET.get("q", "")[:200].split())
    groups = [
        (_("This invoice"), _actions(request, text)),
        (_("Go to"), _places(request, text)),
        *((label, _invoices(request, text, direction)) for direction, label in _lists()),
        (_("Customers"), _customers(request, text)),
    ]
    shown = [{"heading": heading, "choices": choices} for heading, choices in groups if choices]
    context = {"groups": shown, "text": text, "many": sum(len(group["choices"]) for group in shown)}
    return render(request, "palette/_results.html", context)


def _lists():
    return (Direction.RECEIVABLE, _("Receivables")), (Direction.PAYABLE, _("Payables"))


def _actions(request: HttpRequest, text: str) -> list[Choice]:
    """Actions on the invoice whose page one is on: those that can be asked first, the others with the reason."""
    pk = _invoice_at(request.GET.get("at", ""))
    if pk is None:
        return []
    try:
        actions = actions_of(request, invoice_for(request, pk))
    except Http404:
        return []
    offered = [
        Choice(said(each.verb.name), said(each.verb.summary), reverse("action", args=[pk, each.verb.key]), "send")
        for each in actions.offered
    ]
    refused = [Choice(said(each.verb.name), icon="ban", refusal=said(each.refusal)) for each in actions.unavailable]
    return _named(offered, text) + (_named(refused, text) if text else [])


def _invoice_at(path: str) -> int | None:
    try:
        match = resolve(path)
    except Resolver404:
        return None
    return match.kwargs.get("pk") if match.url_name in ("invoice", "action") else None


def _places(request: HttpRequest, text: str) -> list[Choice]:
    links = [link for group in shell_of(request).places for link in group["links"]]
    places = [Choice(link["label"], url=link["url"], icon=link["icon"], key=link["key"]) for link in links]
    places += [
        Choice(label, url=address(name), icon=icon)
        for name, label, icon in (
            ("preferences", _("Preferences"), "settings"),
            ("keys", _("Keys"), "keyboard"),
            ("account_change_password", _("Password"), "lock"),
            ("mfa_index", _("Two-factor sign-in"), "shield-check"),
            ("usersessions_list", _("Signed-in devices"), "monitor"),
        )
    ]
    return _named(places, text)[: MOST if text else None]


def _named(choices: list[Choice], text: str) -> list[Choice]:
    """Those in whose name a word begins with what was typed; then those that hold it anywhere."""
    needle = fold(text)
    if not needle:
        return choices
    found = [(f" {fold(str(each.title))}".find(f" {needle}"), fold(str(each.title)), each) for each in choices]
    return [each for at, _title, each in found if at >= 0] + [
        each for at, title, each in found if at < 0 and needle in title
    ]


def _invoices(request: HttpRequest, text: str, direction: Direction) -> list[Choice]:
    """The first of what the list itself would show for this search."""
    if len(text) < SHORTEST:
        return []
    shell, today = shell_of(request), timezone.localdate()
    reach = scopes.connection_ids(request.user)
    summary = BookSummary(Book.of(direction, live=True), today, reach)
    query = QueryDict(mutable=True)
    query["q"] = text
    filters = InvoiceFilters(
        query, direction=direction, connections=shell.connections, reach=reach, currencies=summary.units
    )
    rows = InvoiceList(filters.criteria(today=today), summary).page(size=MOST).rows
    at = {each.pk: each for each in shell.connections}
    return [
        Choice(
            row.number or row.external_id,
            f"{row.customer} · {at[row.connection_id].name}",
            invoice_address(row.pk),
            "receipt-text",
        )
        for row in rows
    ]


def _customers(request: HttpRequest, text: str) -> list[Choice]:
    if len(text) < SHORTEST:
        return []
    sql, given = matching("invoicing_customer", fold(text))
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} LIMIT {LOOKED_AT}", given)
        ids = [row[0] for row in cursor.fetchall()]
    found = scopes.visible(Customer.objects.filter(pk__in=ids), request.user).select_related("connection")
    return [
        Choice(
            each.name or each.external_id,
            f"{marks.provider_name(each.connection.provider)} · {each.connection.name}",
            _customer_page(each),
            "users",
        )
        for each in found.order_by("name", "pk")[:MOST]
    ]


def _customer_page(customer: Customer) -> str:
    """Their page, or where there is none their invoices."""
    try:
        return reverse("customer", args=[customer.pk])
    except NoReverseMatch:
        return f"{address(f'{customer.connection.direction}s')}?customer={customer.pk}"
