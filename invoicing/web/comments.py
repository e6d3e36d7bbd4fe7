"""Saying something about an invoice, one of its lines, or an operation. What was typed is kept where it is refused."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from invoicing.access import rights
from invoicing.models import Invoice, Operation
from invoicing.reviews import commenting
from invoicing.reviews.moving import CannotReview
from invoicing.web.finding import address_of, invoice_for, operation_for
from invoicing.web.review_thread import thread_of


@require_http_methods(["GET", "HEAD", "POST"])
def of_invoice(request: HttpRequest, pk: int) -> HttpResponse:
    invoice = invoice_for(request, pk)
    return _thread(request, invoice, f"{reverse('invoice', args=[pk])}?tab=review#comments")


@require_http_methods(["GET", "HEAD", "POST"])
def of_operation(request: HttpRequest, pk) -> HttpResponse:
    return _thread(request, operation_for(request, pk), reverse("operation_comments", args=[pk]))


def _thread(request: HttpRequest, about: Invoice | Operation, way_on: str) -> HttpResponse:
    if request.method != "POST":
        return render(request, "comments/page.html", {"thread": thread_of(about, request.user), "about": about})
    text, line = request.POST.get("text", ""), request.POST.get("line", "")
    try:
        commenting.comment_on(
            about, text, by=request.user, ip=address_of(request),
            line=int(line) if line.isdecimal() and len(line) < 7 else None,
        )  # fmt: skip
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    except CannotReview as refusal:
        thread = thread_of(about, request.user, given={"text": text, "line": line}, wrong={refusal.field: str(refusal)})
        return render(request, "comments/page.html", {"thread": thread, "about": about}, status=422)
    messages.success(request, _("Kept."))
    return redirect(way_on)
