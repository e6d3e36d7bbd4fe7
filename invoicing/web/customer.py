"""One customer over all providers: who they are at each, what they owe, what happened, and which identities are theirs."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from invoicing.access import rights, scopes
from invoicing.listing.customers import Suggestion, UnitSum, suggestions, sums_of
from invoicing.mirror.customers import snapshot_of_row
from invoicing.models import Book, Customer
from invoicing.operations import customer_links
from invoicing.operations.customer_links import CannotLink
from invoicing.providers.registry import PROVIDERS
from invoicing.providers.snapshots import Address
from invoicing.vocabulary import Direction
from invoicing.web.context import shell_of
from invoicing.web.customer_timeline import timeline
from invoicing.web.finding import address_of, asked_by_htmx

WHY = {
    "tax_id": gettext_lazy("same tax id"),
    "reference": gettext_lazy("same id in our systems"),
    "email": gettext_lazy("same e-mail address"),
    "domain": gettext_lazy("same e-mail domain"),
    "name": gettext_lazy("same name"),
}


SETS = {
    Book.RECEIVABLE_TEST: "test",
    Book.PAYABLE_TEST: "test",
    Book.RECEIVABLE_GONE: "gone",
    Book.PAYABLE_GONE: "gone",
}
"""The books that a list shows only when asked for, by their name in its address."""


@dataclass(frozen=True)
class Identity:
    """One provider's record of the customer."""

    customer: Customer
    address: Address | None
    here: bool

    @property
    def start_url(self) -> str:
        """Where what starts from this customer is listed; empty for an id that no address holds."""
        try:
            return reverse("start_from", args=[self.customer.connection_id, "customer", self.customer.external_id])
        except NoReverseMatch:
            return ""


@dataclass(frozen=True)
class BookSums:
    label: str
    direction: Direction
    data: str  # as the list's address names the book: "", "test", "gone"
    named: bool  # there is more than one book, or not the one that everybody means
    sums: list[UnitSum]


@require_GET
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """The customer. htmx asks the same address for the next part of the timeline alone."""
    customer = _customer_for(request, pk)
    members, hidden = _members(request, customer)
    if asked_by_htmx(request, "timeline"):
        return render(request, "customer/_timeline.html", _timeline(request, customer, members))
    return render(request, "customer/page.html", _context(request, customer, members, hidden))


@require_POST
def link(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that another identity is the same customer. Errors: PermissionDenied."""
    customer = _customer_for(request, pk)
    rights.require(request.user, "link_customers", customer)
    try:
        other = _meant(request)
        customer_links.link(
            customer, other, by=request.user, reason=request.POST.get("reason", ""), ip=address_of(request)
        )
    except CannotLink as refusal:
        return _refused(request, customer, "link", refusal)
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    return redirect("customer", pk)


@require_POST
def unlink(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that this identity is a customer apart. Errors: PermissionDenied."""
    customer = _customer_for(request, pk)
    kept = request.POST.get("stay", "")
    try:
        customer_links.unlink(customer, by=request.user, reason=request.POST.get("reason", ""), ip=address_of(request))
    except CannotLink as refusal:
        return _refused(request, customer, "unlink", refusal)
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    return redirect("customer", int(kept) if kept.isdecimal() and len(kept) < 19 else pk)


def _refused(request: HttpRequest, customer: Customer, what: str, refusal: CannotLink) -> HttpResponse:
    """The page again with what was typed and what is wrong with it."""
    members, hidden = _members(request, customer)
    context = _context(request, customer, members, hidden) | {
        "wrong": {"what": what, "field": refusal.field, "text": str(refusal)},
        "typed": {name: request.POST.get(name, "") for name in ("other", "other_id", "reason")},
    }
    return render(request, "customer/page.html", context, status=422)


def _customer_for(request: HttpRequest, pk: int) -> Customer:
    """Errors: Http404, also when this person may not see it."""
    customer = get_object_or_404(Customer.objects.select_related("connection"), pk=pk)
    if not rights.can(request.user, "view", customer):
        raise Http404
    shell_of(request).shows = ""
    return customer


def _meant(request: HttpRequest) -> Customer:
    """The identity that was typed, by its id at its provider or ours, else the one that was chosen. Errors: CannotLink."""
    typed, chosen = request.POST.get("other_id", "").strip(), request.POST.get("other", "")
    rows = scopes.visible(Customer.objects.select_related("connection"), request.user)
    found = list(rows.filter(external_id=typed[:255])[:2]) if typed else []
    number = typed or chosen
    if not found and number.isdecimal() and len(number) < 19:
        found = list(rows.filter(pk=int(number)))
    if len(found) > 1:
        problem = _(
            "Several connections have a customer with this id. Open the right one: the number in its address is ours."
        )
        raise CannotLink(problem, field="other")
    if not found:
        problem = _("There is no customer with this id here.") if number else _("Choose one, or give an id.")
        raise CannotLink(problem, field="other")
    return found[0]


def _members(request: HttpRequest, customer: Customer) -> tuple[list[Customer], int]:
    """Everybody linked with this one whom the person may see, this one first; and how many they may not see."""
    if customer.group_id is None:
        return [customer], 0
    every = Customer.objects.filter(group=customer.group_id)
    seen = scopes.visible(every, request.user).exclude(pk=customer.pk).select_related("connection").order_by("pk")
    members = [customer, *seen]
    return members, every.count() - len(members)


def _context(request: HttpRequest, customer: Customer, members: list[Customer], hidden: int) -> dict[str, Any]:
    may_link = rights.can(request.user, "link_customers", customer)
    return {
        "customer": customer,
        "identities": [_identity(each, here=each.pk == customer.pk) for each in members],
        "hidden": hidden,
        "books": _books(members),
        "may_link": may_link,
        "may_see_personal": rights.can(request.user, "view_personal", customer),
        "suggested": [_told(each) for each in suggestions(members, request.user)] if may_link else [],
        "typed": {},
        "wrong": {},
    } | _timeline(request, customer, members)


def _timeline(request: HttpRequest, customer: Customer, members: list[Customer]) -> dict[str, Any]:
    before = request.GET.get("before", "")[:100]
    return {
        "customer": customer,
        "timeline": timeline(members, before=before),
        "before": before,
        "several": len(members) > 1,
        "may_see_money": rights.can(request.user, "view_money", customer),
    }


def _identity(row: Customer, *, here: bool) -> Identity:
    return Identity(row, snapshot_of_row(row, PROVIDERS[row.connection.provider]).address, here)


def _books(members: list[Customer]) -> list[BookSums]:
    found = sums_of([member.pk for member in members], today=timezone.localdate())
    books = list(dict.fromkeys(each.book for each in found))
    return [
        BookSums(
            label=str(book.label),
            direction=book.direction,
            data=SETS.get(book, ""),
            named=len(books) > 1 or book != Book.RECEIVABLE,
            sums=[each for each in found if each.book == book],
        )
        for book in books
    ]


def _told(suggestion: Suggestion) -> dict[str, Any]:
    return {"customer": suggestion.customer, "because": [str(WHY[name]) for name in suggestion.because]}
