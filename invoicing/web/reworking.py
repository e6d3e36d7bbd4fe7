"""Changing what waits for approval, or asking anew for what was turned down."""

import uuid

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from invoicing.access import rights
from invoicing.approvals.deciding import CannotDecide
from invoicing.models import Approval
from invoicing.operations import approving
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import CannotRequest
from invoicing.web.approvals import approval_for
from invoicing.web.finding import address_of


class ReworkForm(forms.Form):
    """Why and under which reference; the arguments are the verb's own form."""

    seal = forms.RegexField(r"\A[0-9a-f]{64}\Z", widget=forms.HiddenInput)
    token = forms.RegexField(r"\A[0-9a-f]{32}\Z", widget=forms.HiddenInput)
    reason = forms.CharField(max_length=2000)
    reference = forms.CharField(required=False, max_length=200)


@require_http_methods(["GET", "HEAD", "POST"])
def rework(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what waits, or ask anew for what was turned down."""
    asked = approval_for(request, pk)
    operation = asked.operation
    if operation is None:
        raise Http404
    verb = VERBS[operation.verb]
    rights.require(request.user, verb.right, operation)
    about = verb.about(operation)
    make = verb.form_for(about)
    if request.method != "POST":
        start = {
            "seal": asked.seal,
            "token": uuid.uuid4().hex,
            "reason": operation.reason,
            "reference": operation.reference,
        }
        arguments = make(initial=operation.arguments) if make else None
        return _rework_page(request, asked, ReworkForm(initial=start), arguments)
    form, arguments = ReworkForm(request.POST), make(request.POST) if make else None
    if not form.is_valid() or (arguments is not None and not arguments.is_valid()):
        return _rework_page(request, asked, form, arguments)
    given = form.cleaned_data
    try:
        changed = approving.rework(
            asked,
            by=request.user,
            seal=given["seal"],
            reason=given["reason"],
            reference=given["reference"],
            arguments=arguments.given() if arguments is not None else {},
            token=given["token"],
            ip=address_of(request),
        )
    except (CannotDecide, CannotRequest) as refusal:
        return _rework_page(request, asked, form, arguments, problem=str(refusal))
    return redirect("operation", changed.pk)


def _rework_page(request, asked, form, arguments, *, problem: str = "") -> HttpResponse:
    operation = asked.operation
    context = {
        "asked": asked,
        "operation": operation,
        "verb": VERBS[operation.verb],
        "invoice": operation.invoice,
        "form": form,
        "arguments": arguments,
        "problem": problem,
        "approvals_lost": asked.decisions.filter(round=asked.round, decision=Approval.Decision.APPROVED).count(),
    }
    return render(request, "approvals/rework.html", context, status=422 if request.method == "POST" else 200)
