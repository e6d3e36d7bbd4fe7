"""What providers show and no operation explains: the list, one of them, and closing it with a reason."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from invoicing.access import rights
from invoicing.access.scopes import visible
from invoicing.models import Incident
from invoicing.operations import incidents
from invoicing.web.finding import address_of, incident_for, must_see

MOST = 200
MEANINGS = {
    Incident.Kind.FOREIGN: gettext_lazy("Somebody did this at the provider, or another system did. No operation here asked for it."),
    Incident.Kind.LATE: gettext_lazy("We called an operation not done, and its effect is there. It may have come late, or somebody else did the same."),
    Incident.Kind.DOUBLE: gettext_lazy("An effect is there more often than it was asked for. Look at the money first."),
}  # fmt: skip
STEPS = {
    Incident.Kind.FOREIGN: (
        gettext_lazy("Ask in the provider's own log who did it, and whether it was meant."),
        gettext_lazy("Compare the invoice's newest version with the one before it."),
        gettext_lazy("Close this with what you found. Then the invoice takes operations again."),
    ),
    Incident.Kind.LATE: (
        gettext_lazy("Open the operation: it shows what was sent, and what was read back."),
        gettext_lazy("Make sure that nobody did the same again by hand meanwhile."),
        gettext_lazy("Close this with what you found. The operation stays as it ended; this stands beside it."),
    ),
    Incident.Kind.DOUBLE: (
        gettext_lazy("Find both effects at the provider."),
        gettext_lazy("Undo one of them there, or void the second invoice from here."),
        gettext_lazy("Close this with what you did."),
    ),
}
"""What to do, by kind."""


class CloseForm(forms.Form):
    reason = forms.CharField(
        max_length=2000, error_messages={"required": gettext_lazy("Say what it was. It stays in the audit trail.")}
    )


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The open ones, or those that were closed."""
    must_see(request)
    closed = "closed" in request.GET
    rows = Incident.objects.select_related("connection", "invoice__customer", "operation", "closed_by")
    seen = visible(rows, request.user)
    context = {
        "closed": closed,
        "rows": seen.filter(closed_at__isnull=not closed).order_by("-closed_at", "-seen_at", "-pk")[:MOST],
        "open_count": seen.filter(closed_at=None).count(),
        "most": MOST,
    }
    return render(request, "incidents/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """One incident, and closing it."""
    incident = incident_for(request, pk)
    form, problem, status = CloseForm(), "", 200
    if request.method == "POST":
        rights.require(request.user, "settle", incident)
        form, status = CloseForm(request.POST), 422
        if form.is_valid():
            try:
                reason = form.cleaned_data["reason"]
                incidents.close(incident, by=request.user, reason=reason, ip=address_of(request))
            except incidents.CannotClose as refusal:
                problem = str(refusal)
            else:
                messages.success(request, _("It is closed. The invoice takes operations again."))
                return redirect("incident", incident.pk)
    context = {
        "incident": incident,
        "invoice": incident.invoice,
        "operation": incident.operation,
        "meaning": MEANINGS[Incident.Kind(incident.kind)],
        "todo": STEPS[Incident.Kind(incident.kind)],
        "form": form,
        "problem": problem,
        "may_close": rights.can(request.user, "settle", incident),
    }
    return render(request, "incidents/page.html", context, status=status)
