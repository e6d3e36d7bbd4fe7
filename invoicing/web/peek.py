"""One invoice beside the list: enough to decide whether to open it."""

from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from invoicing.access import rights
from invoicing.listing.filters import NOT
from invoicing.models import Invoice
from invoicing.vocabulary import Direction
from invoicing.web.finding import invoice_for

LINES = 6


@require_GET
def panel(request: HttpRequest, pk: int) -> HttpResponse:
    """The panel alone: without a script the row's link leads to the whole page instead."""
    invoice = invoice_for(request, pk)
    money = rights.can(request.user, "view_money", invoice)
    lines = invoice.lines.select_related("text").order_by("position")[:LINES]
    context = {
        "invoice": invoice,
        "lines": lines if money else [],
        "further_lines": max(invoice.line_count - LINES, 0) if money else 0,
        "amounts": _amounts(invoice) if money else [],
        "address": f"{reverse('invoice', args=[pk])}?{urlencode({'list': request.GET['list']})}"
        if request.GET.get("list")
        else reverse("invoice", args=[pk]),
        "payable": invoice.connection.direction == Direction.PAYABLE,
        "only": _narrowed(invoice, "customer"),
        "without": _narrowed(invoice, f"customer{NOT}"),
        "latest": invoice.operations.filter(parent=None).order_by("-created_at").first(),
        "money": money,
    }
    return render(request, "invoices/_peek.html", context)


def _amounts(invoice: Invoice) -> list[tuple[str, Decimal, str]]:
    """(which, amount, unit) of the totals there are."""
    return [(str(each.unit), each.total, each.unit) for each in invoice.further_totals.order_by("pk")]


def _narrowed(invoice: Invoice, name: str) -> str:
    place = "payables" if invoice.connection.direction == Direction.PAYABLE else "receivables"
    return f"{reverse(place)}?{urlencode({name: invoice.customer_id})}"
