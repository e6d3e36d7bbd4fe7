"""One invoice: what the provider said, what was done with it, what may be done. Looking never calls a provider."""

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from invoicing.access import rights
from invoicing.jobs.api import enqueue
from invoicing.mirror.tasks import refresh_invoice_job
from invoicing.models import Document, Invoice, Operation
from invoicing.providers.registry import PROVIDERS
from invoicing.web.action_menu import actions_of
from invoicing.web.documents import of_tab as documents_tab
from invoicing.web.finding import asked_by_htmx, invoice_for
from invoicing.web.invoice_tabs import activity, history, lines, raw, summary
from invoicing.web.invoice_tabs.shown import Shown, shown_version
from invoicing.web.waiting import Waiting, answer_with_job, waiting_for

TABS = (
    ("summary", "Summary", "receipt-text"),
    ("lines", "Lines", "list"),
    ("documents", "Documents", "file-text"),
    ("history", "History", "history"),
    ("activity", "Activity", "activity"),
    ("raw", "Raw", "code"),
    ("provider", "Provider", "plug"),
)
NEEDS_SNAPSHOT = {"summary", "lines"}


@dataclass(frozen=True)
class Tab:
    key: str
    label: str
    icon: str
    url: str
    here: bool
    tally: int | None = None


@require_GET
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """The invoice with one of its tabs. htmx asks the same address and gets the tabs alone."""
    invoice = invoice_for(request, pk)
    shown = shown_version(invoice, request.GET.get("version", ""))
    tab = request.GET.get("tab", "summary")
    if tab not in (key for key, *_ in TABS):
        raise Http404
    context = {
        "invoice": invoice,
        "connection": invoice.connection,
        "shown": shown,
        "snapshot": shown.snapshot,
        "tab": tab,
        "waiting": _waiting(request, invoice),
        "may_see_raw": rights.can(request.user, "view_raw", invoice),
        "may_refresh": rights.can(request.user, "refresh", invoice),
    }
    context |= {"tabs": _tabs(shown, tab, context), "here": _address(shown, tab)}
    if tab not in NEEDS_SNAPSHOT or shown.snapshot is not None:
        context |= _of_tab(request, tab, shown, context)
    if asked_by_htmx(request, "tabs"):
        return render(request, "invoice/_tabs.html", context)
    newest = Document.objects.filter(invoice=invoice).order_by("-origin", "-last_fetched_at").first()  # theirs first
    context |= {
        "actions": actions_of(request, invoice),
        "newest_document": newest,
        "ended": _ended(request, invoice),
    }
    return render(request, "invoice/page.html", context)


def _address(shown: Shown, tab: str) -> str:
    """The page with this tab, on the version that is looked at."""
    query = {"tab": tab} if tab != "summary" else {}
    if not shown.is_current:
        query["version"] = str(shown.version.number)
    address = reverse("invoice", args=[shown.invoice.pk])
    return f"{address}?{urlencode(query)}" if query else address


def _tabs(shown: Shown, here: str, context: dict) -> list[Tab]:
    tallies = {
        "lines": len(shown.snapshot.lines) if shown.snapshot else shown.invoice.line_count,
        "history": shown.invoice.version,
    }
    return [
        Tab(key, label, icon, _address(shown, key), key == here, tallies.get(key))
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
        return documents_tab(request, shown)
    if tab == "history":
        return {"versions": history.versions(invoice)}
    if tab == "activity":
        before = request.GET.get("before", "")
        found = activity.of_tab(invoice, before=int(before) if before.isdecimal() and len(before) < 19 else None)
        return found | {"may_audit": rights.can(request.user, "audit", invoice)}
    if tab == "raw":
        if not context["may_see_raw"]:
            raise PermissionDenied("Seeing what the provider sent, as it was sent, needs another role.")
        return raw.of_tab(shown, everything=everything)
    return {
        "verbs": actions_of(request, invoice),
        "provider": PROVIDERS[invoice.connection.provider],
        "links": [(label, url) for label, url in shown.snapshot.links if url.startswith("https://")]
        if shown.snapshot
        else [],
    }


def _waiting(request: HttpRequest, invoice: Invoice) -> Waiting | None:
    """The background work that this page was left with, if its address names one of this invoice."""
    named = request.GET.get("job", "")
    return waiting_for(named, invoice, was=request.GET.get("was", "")) if named else None


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
        messages.error(request, f"The connection {invoice.connection} is switched off; nothing is read from it.")
        return redirect("invoice", pk)
    job_id = enqueue(refresh_invoice_job, by=request.user, invoice_id=invoice.pk)
    return answer_with_job(request, invoice, job_id)


@require_GET
def job(request: HttpRequest, pk: int, job_id) -> HttpResponse:
    """The waiting strip, polled while the job is under way."""
    invoice = invoice_for(request, pk)
    waiting = waiting_for(str(job_id), invoice, was=request.GET.get("was", ""), tab=request.GET.get("tab", ""))
    if waiting is None:
        raise Http404
    if not request.htmx:
        return redirect(waiting.page_url)
    return render(request, "invoice/_waiting.html", {"invoice": invoice, "waiting": waiting, "reload": True})
