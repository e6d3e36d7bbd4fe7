"""What is done with the rows that are ticked in a list: what they come to, a batch of them, reading them again."""

import hashlib
import uuid
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from invoicing.access import rights, scopes
from invoicing.bulk import caps
from invoicing.bulk.collecting import CannotBatch, collect
from invoicing.jobs.api import enqueue
from invoicing.listing.filters import InvoiceFilters
from invoicing.listing.invoice_list import InvoiceList
from invoicing.listing.summary import BookSummary
from invoicing.mirror.tasks import refresh_invoice_job
from invoicing.models import Book, Invoice, InvoiceTotal
from invoicing.money import total_of
from invoicing.vocabulary import Direction
from invoicing.web.context import shell_of
from invoicing.web.finding import address_of

MOST_TICKED = 20_000
AT_ONCE = 500


@dataclass(frozen=True)
class Selection:
    """What was ticked: single rows, or everything that matches the list's filter, counted now."""

    address: str  # the list's path and query
    ticked: tuple[int, ...] = ()
    found: InvoiceList | None = None  # the list itself, where all of it is meant
    shown: int | None = None  # how many the page said there were

    @property
    def count(self) -> int:
        return len(self.ticked) if self.found is None else self.found.exact_facets.count

    def ids(self) -> list[int]:
        """Errors: CannotBatch, naming the cap."""
        refusal = caps.too_many(self.count)
        if refusal:
            raise CannotBatch(refusal)
        return list(self.ticked) if self.found is None else list(islice(self.found.ids(), caps.most_rows() + 1))


def selection_of(request: HttpRequest) -> Selection:
    """Errors: CannotBatch, where what was sent is no selection of a list of ours."""
    address = request.POST.get("list", "")
    parts = urlsplit(address)
    lists = {reverse(name): direction for name, direction in LISTS.items()}
    if parts.path not in lists:
        raise CannotBatch(_("This selection belongs to no list. Select again."))
    if "all" in request.POST:
        shown = request.POST.get("shown", "")
        found = _listed(request, lists[parts.path], QueryDict(parts.query))
        return Selection(address, found=found, shown=int(shown) if shown.isdecimal() and len(shown) < 10 else None)
    written = [*request.POST.getlist("pk"), *request.POST.get("others", "").split(",")]
    numbers = [int(text) for text in written if text.isdecimal() and len(text) < 19]
    ticked = tuple(dict.fromkeys(numbers))
    if len(ticked) > MOST_TICKED:
        raise CannotBatch(_("Too many rows are ticked one by one. Narrow the list instead."))
    return Selection(address, ticked)


LISTS = {"receivables": Direction.RECEIVABLE, "payables": Direction.PAYABLE}


def _listed(request: HttpRequest, direction: Direction, query: QueryDict) -> InvoiceList:
    """The list of that address as it is now. Errors: CannotBatch, where a filter is not understood: then nothing is listed."""
    reach, today = scopes.connection_ids(request.user), timezone.localdate()
    data = query.get("data", "live")
    summary = BookSummary(Book.of(direction, live=data != "test", gone=data == "gone"), today, reach)
    connections = shell_of(request).connections
    own = {"reach": reach, "currencies": summary.units, "money": rights.can(request.user, "view_money")}
    filters = InvoiceFilters(query, direction=direction, connections=connections, **own)
    criteria = filters.criteria(today=today)
    if filters.errors:
        raise CannotBatch(_("A filter of this list is not understood, so nothing matches it."))
    return InvoiceList(criteria, summary)


@require_POST
def totals(request: HttpRequest) -> HttpResponse:
    """What the selection comes to, a figure a unit."""
    rights.require(request.user, "view")
    try:
        selection = selection_of(request)
    except CannotBatch as refusal:
        return render(request, "batches/_selected.html", {"refusal": refusal})
    if selection.found is not None:
        facets = selection.found.exact_facets
        sums = {each.unit: each.total for each in facets.totals}
        contained = facets.left_out
    else:
        sums, contained = _sums(selection.ticked, request)
    if not rights.can(request.user, "view_money"):
        sums = {}
    refusal = caps.too_many(selection.count)
    context = {"count": selection.count, "sums": list(sums.items()), "contained": contained, "refusal": refusal}
    return render(request, "batches/_selected.html", context)


def _sums(ticked: tuple[int, ...], request: HttpRequest) -> tuple[dict[str, Decimal], int]:
    """Unit → exact total, and how many stand in another invoice and are not counted twice."""
    amounts: dict[str, list[Decimal]] = defaultdict(list)
    contained = 0
    for at in range(0, len(ticked), AT_ONCE):
        part = ticked[at : at + AT_ONCE]
        rows = scopes.visible(Invoice.objects.filter(pk__in=part), request.user)
        counted = []
        for pk, total, unit, in_totals in rows.values_list("pk", "total", "currency", "in_totals"):
            contained += not in_totals
            if in_totals:
                counted.append(pk)
                if total is not None:
                    amounts[unit].append(total)
        further = InvoiceTotal.objects.filter(invoice__in=counted).values_list("unit", "total")
        for unit, total in further:
            amounts[unit].append(total)
    return {unit: total_of(amounts[unit]) for unit in sorted(amounts)}, contained


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Freeze the selection as a batch, and go to it."""
    rights.require(request.user, "batch")
    try:
        selection = selection_of(request)
        ids = selection.ids()
        source = {"address": selection.address, "all": selection.found is not None, "count": len(ids)}
        if selection.shown is not None:
            source["shown"] = selection.shown
        batch = collect(
            request.POST.get("verb", ""),
            ids,
            by=request.user,
            token=_token(request, ids),
            source=source,
            ip=address_of(request),
        )
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    except CannotBatch as refusal:
        return _refused(request, refusal)
    return redirect("batch", batch.pk)


@require_POST
def refresh(request: HttpRequest) -> HttpResponse:
    """Have every selected invoice read again from its provider."""
    try:
        rights.require(request.user, "refresh")
        selection = selection_of(request)
        ids = selection.ids()
        if not ids:
            raise CannotBatch(_("Nothing is selected."))
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    except CannotBatch as refusal:
        return _refused(request, refusal)
    seen = list(scopes.visible(Invoice.objects.filter(pk__in=ids), request.user).values_list("pk", flat=True))
    for pk in seen:
        enqueue(refresh_invoice_job, by=request.user, invoice_id=pk)
    said = ngettext("%(count)s invoice is being read again.", "%(count)s invoices are being read again.", len(seen))
    messages.success(request, said % {"count": f"{len(seen):,}"})
    return redirect(selection.address)


def _token(request: HttpRequest, ids: list[int]) -> str:
    """The same form with the same rows twice is one batch; with other rows, after going back, it is another."""
    form = request.POST.get("token", "") or uuid.uuid4().hex
    content = ",".join([form, request.POST.get("verb", ""), *map(str, ids)])
    return hashlib.sha256(content.encode()).hexdigest()


def _refused(request: HttpRequest, refusal: CannotBatch) -> HttpResponse:
    address = request.POST.get("list", "")
    known = urlsplit(address).path in {reverse(name) for name in LISTS}
    back = address if known and not urlsplit(address).netloc else reverse("receivables")
    return render(request, "batches/refused.html", {"refusal": refusal, "back": back}, status=422)
