"""The PDFs of an invoice: those we keep, and getting more. Every byte comes from our own server."""

import re
from typing import Any

from csp.constants import SELF
from csp.decorators import csp_replace
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST

from invoicing.access import rights
from invoicing.documents import vault
from invoicing.documents.tasks import fetch_pdf_job
from invoicing.jobs.api import enqueue
from invoicing.models import Document, Invoice, InvoiceVersion
from invoicing.providers.errors import NotUnderstood, PayloadNotUnderstood
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import Origin
from invoicing.web.finding import document_for, invoice_for
from invoicing.web.waiting import answer_with_job


def of_tab(request: HttpRequest, shown) -> dict[str, Any]:
    """Every kept PDF, newest first, and the one looked at."""
    kept = list(
        Document.objects.filter(invoice=shown.invoice).select_related("fetched_by").order_by("-last_fetched_at")
    )
    for document in kept:
        document.invoice = shown.invoice
        document.is_stale = vault.is_stale(document)
    wanted = request.GET.get("show", "")
    return {
        "documents": kept,
        "looked_at": next((document for document in kept if str(document.pk) == wanted), None),
        "why_no_pdf": _why_no_pdf(shown.invoice),
    }


def _why_no_pdf(invoice: Invoice) -> str:
    """Why the provider has no PDF to give now; empty when it may have one."""
    if invoice.has_pdf:
        return ""
    name = PROVIDERS[invoice.connection.provider].name
    return _("%(name)s says nothing of a PDF for this invoice. Asking may still find one.") % {"name": name}


@require_POST
def fetch(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the worker fetch the provider's own PDF. Errors: PermissionDenied."""
    invoice = _for_keeping(request, pk)
    if not invoice.connection.enabled:
        messages.error(
            request,
            _("The connection %(connection)s is switched off; nothing is read from it.")
            % {"connection": invoice.connection},
        )
        return redirect(_tab(invoice))
    return answer_with_job(request, invoice, enqueue(fetch_pdf_job, by=request.user, invoice_id=invoice.pk))


@require_POST
def draw(request: HttpRequest, pk: int) -> HttpResponse:
    """Draw our copy of the current version and keep it. Errors: PermissionDenied."""
    invoice = _for_keeping(request, pk)
    try:
        document = vault.drawn_copy(invoice.versions.get(number=invoice.version), by=request.user)
    except InvoiceVersion.DoesNotExist:
        messages.error(request, _("Our copy cannot be drawn: what the provider sent is not kept."))
        return redirect(_tab(invoice))
    except (PayloadNotUnderstood, NotUnderstood) as error:
        messages.error(request, _("Our copy cannot be drawn: %(error)s") % {"error": error})
        return redirect(_tab(invoice))
    return redirect(f"{_tab(invoice)}&show={document.pk}")


def _for_keeping(request: HttpRequest, pk: int) -> Invoice:
    invoice = invoice_for(request, pk)
    try:
        rights.require(request.user, "refresh", invoice)
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    return invoice


def _tab(invoice: Invoice) -> str:
    return f"{reverse('invoice', args=[invoice.pk])}?tab=documents"


@require_GET
@xframe_options_sameorigin
@csp_replace({"frame-ancestors": [SELF]})
def file(request: HttpRequest, pk: int) -> HttpResponse:
    """A kept PDF: to look at, framed by our own pages alone, or to take away with `?download`."""
    document = document_for(request, pk)
    rights.require(request.user, "view_money", document.invoice)
    try:
        data = vault.read(document)
    except vault.Damaged as damage:
        return render(request, "invoice/damaged.html", {"document": document, "damage": damage}, status=410)
    response = HttpResponse(data, content_type="application/pdf")
    manner = "attachment" if "download" in request.GET else "inline"
    response["Content-Disposition"] = f'{manner}; filename="{file_name(document)}"'
    return response


def file_name(document: Document) -> str:
    """Letters, digits and dashes only, whatever the provider calls the invoice."""
    invoice = document.invoice
    plain = re.sub(r"[^A-Za-z0-9]+", "-", invoice.number or invoice.external_id).strip("-")[:80] or str(invoice.pk)
    ours = "-our-copy" if document.origin == Origin.DRAWN else ""
    return f"{invoice.connection.provider.replace('_', '-')}-{plain}{ours}-{document.sha256[:8]}.pdf"
