"""One invoice: what the provider said, what was done with it, what may be done. Looking never calls a provider."""

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from invoicing.access import rights
from invoicing.jobs.api import enqueue
from invoicing.mirror.tasks import refresh_invoice_job
from invoicing.models import Document, Invoice, Operation
from invoicing.providers.registry import PROVIDERS
from invoicing.web.action_menu import actions_of
from invoicing.web.documents import of_tab as documents_tab
from invoicing.web.finding import asked_by_htmx, invoice_for
from invoicing.web.history import of_tab as history_tab
from invoicing.web.invoice_tabs import activity, lines, raw, remedies, summary
from invoicing.web.invoice_tabs.shown import BadMoment, Shown, shown_as_of, shown_version
from invoicing.web.neighbors import beside, listed_in
from invoicing.web.provider_homes import home_of
from invoicing.web.reviews import of_tab as review_tab
from invoicing.web.waiting import Waiting, answer_with_job, waiting_for

TABS = (
    ("summary", gettext_lazy("Summary"), "receipt-text"),
    ("lines", gettext_lazy("Lines"), "list"),
    ("documents", gettext_lazy("Documents"), "file-text"),
    ("review", gettext_lazy("Review"), "eye"),
    ("history", gettext_lazy("History"), "history"),
    ("activity", gettext_lazy("Activity"), "activity"),
    ("raw", gettext_lazy("Raw"), "code"),
    ("provider", gettext_lazy("Provider"), "plug"),
)
NEEDS_SNAPSHOT = {"summary", "lines"}
DIGITS = ("summary", "lines", "documents", "review", "history", "activity", "raw", "provider")
"""Each tab keeps its key, 1 to 8, also where another one is not shown."""


@dataclass(frozen=True)
class Tab:
    key: str
    label: str
    icon: str
    url: str
    here: bool
    tally: int | None = None

    @property
    def digit(self) -> str:
        return str(DIGITS.index(self.key) + 1) if self.key in DIGITS else ""


@require_GET
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """The invoice with one of its tabs, as it is or as it was. htmx asks the same address and gets the tabs alone."""
    invoice = invoice_for(request, pk)
    tab = request.GET.get("tab", "summary")
    if tab not in (key for key, *_ in TABS):
        raise Http404
    shown, misdated = _shown(request, invoice)
    listed = request.GET.get("list", "")
    carried = shown.place | ({"list": listed} if listed_in(listed) else {})
    context = {
        "invoice": invoice,
        "connection": invoice.connection,
        "shown": shown,
        "snapshot": shown.snapshot,
        "tab": tab,
        "misdated": misdated,
        "waiting": _waiting(request, invoice),
        "may_see_raw": rights.can(request.user, "view_raw", invoice),
        "bare": not all(rights.can(request.user, each) for each in ("view_money", "view_personal")),
        "may_refresh": not shown.is_past and rights.can(request.user, "refresh", invoice),
        "carried": carried,
        "tail": f"&{urlencode(carried)}" if carried else "",  # for addresses that have a query already
        "now_url": _address(invoice, tab, {name: value for name, value in carried.items() if name == "list"}),
    }
    context |= {"tabs": _tabs(shown, tab, context), "here": _address(invoice, tab, carried)}
    if tab not in NEEDS_SNAPSHOT or shown.snapshot is not None:
        context |= _of_tab(request, tab, shown, context)
    status, part = 422 if misdated else 200, asked_by_htmx(request, "tabs")
    if not part or tab == "provider":
        context |= {
            "actions": None if shown.is_past else actions_of(request, invoice),
            "failures": remedies.of_invoice(invoice, until=shown.until),
        }
    if part:
        return render(request, "invoice/_tabs.html", context, status=status)
    newest = Document.objects.filter(invoice=invoice).order_by("-origin", "-last_fetched_at")  # theirs first
    context |= {
        "newest_document": (newest.filter(fetched_at__lte=shown.until) if shown.until else newest).first(),
        "ended": _ended(request, invoice),
        "beside": beside(request, invoice, tab=tab),
        "trouble": None if shown.is_past else remedies.of_connection(invoice.connection),
    }
    return render(request, "invoice/page.html", context, status=status)


def _shown(request: HttpRequest, invoice: Invoice) -> tuple[Shown, str]:
    """What of the invoice is shown: a version, a moment, else now; and what is wrong with the moment asked for."""
    moment = request.GET.get("as_of", "").strip()
    try:
        if moment:
            return shown_as_of(invoice, moment), ""
    except BadMoment as error:
        return shown_version(invoice, ""), str(error)
    return shown_version(invoice, request.GET.get("version", "")), ""


def _address(invoice: Invoice, tab: str, carried: dict) -> str:
    """The page with this tab, on the version that is looked at."""
    query = ({"tab": tab} if tab != "summary" else {}) | carried
    address = reverse("invoice", args=[invoice.pk])
    return f"{address}?{urlencode(query)}" if query else address


def _tabs(shown: Shown, here: str, context: dict) -> list[Tab]:
    tallies = {
        "lines": len(shown.snapshot.lines) if shown.snapshot else shown.invoice.line_count,
        "history": shown.invoice.version,
    }
    return [
        Tab(key, label, icon, _address(shown.invoice, key, context["carried"]), key == here, tallies.get(key))
        for key, label, icon in TABS
        if key != "raw" or context["may_see_raw"]
    ]


def _of_tab(request: HttpRequest, tab: str, shown: Shown, context: dict) -> dict:
    invoice, everything = shown.invoice, "all" in request.GET
    if tab == "summary":
        return summary.of_tab(shown)
    if tab == "lines":
        return {"lines": lines.of_tab(shown, find=request.GET.get("find", "")[:200], everything=everything)}
    if tab == "documents":
        found = documents_tab(request, shown)
        kept = [each for each in found["documents"] if shown.until is None or each.fetched_at <= shown.until]
        return found | {"documents": kept}
    if tab == "review":
        return review_tab(request, invoice)
    if tab == "history":
        return history_tab(request, shown)
    if tab == "activity":
        before = request.GET.get("before", "")
        number = int(before) if before.isdecimal() and len(before) < 19 else None
        found = activity.of_tab(invoice, before=number, until=shown.until)
        return found | {"may_audit": rights.can(request.user, "audit", invoice)}
    if tab == "raw":
        if not context["may_see_raw"]:
            raise PermissionDenied(_("Seeing what the provider sent, as it was sent, needs another role."))
        return raw.of_tab(shown, everything=everything, bare=context["bare"])
    return {
        "provider": PROVIDERS[invoice.connection.provider],
        "home": home_of(invoice.connection),
        "state_there": remedies.of_connection(invoice.connection),
        "links": [(label, url) for label, url in shown.snapshot.links if url.startswith("https://")]
        if shown.snapshot
        else [],
    }


def _waiting(request: HttpRequest, invoice: Invoice) -> Waiting | None:
    """The background work that this page was left with, if its address names one of this invoice."""
    named = request.GET.get("job", "")
    return waiting_for(named, invoice, request.user, was=request.GET.get("was", "")) if named else None


def _ended(request: HttpRequest, invoice: Invoice) -> Operation | None:
    """The operation that ended while the page was looked at, if its address names one of this invoice."""
    try:
        named = uuid.UUID(request.GET.get("ended", ""))
    except ValueError:
        return None
    operation = Operation.objects.filter(pk=named, invoice=invoice).select_related("requester").first()
    return operation if operation and not operation.open else None


@require_POST
def refresh(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the worker read this invoice again. Errors: PermissionDenied."""
    invoice = invoice_for(request, pk)
    try:
        rights.require(request.user, "refresh", invoice)
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    if not invoice.connection.enabled:
        messages.error(
            request,
            _("The connection %(connection)s is switched off; nothing is read from it.")
            % {"connection": invoice.connection},
        )
        return redirect("invoice", pk)
    job_id = enqueue(refresh_invoice_job, by=request.user, invoice_id=invoice.pk)
    return answer_with_job(request, invoice, job_id)


@require_GET
def job(request: HttpRequest, pk: int, job_id) -> HttpResponse:
    """The waiting strip, polled while the job is under way."""
    invoice = invoice_for(request, pk)
    waiting = waiting_for(
        str(job_id), invoice, request.user, was=request.GET.get("was", ""), tab=request.GET.get("tab", "")
    )
    if waiting is None:
        raise Http404
    if not request.htmx:
        return redirect(waiting.page_url)
    return render(request, "invoice/_waiting.html", {"invoice": invoice, "waiting": waiting, "reload": True})
