"""An invoice that is at its provider and not mirrored yet: read by its id, on request, by the worker."""

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from invoicing.access import rights, scopes
from invoicing.jobs.api import enqueue
from invoicing.mirror.tasks import fetch_invoice_job
from invoicing.models import Connection, Invoice, Job
from invoicing.web.finding import must_see
from invoicing.web.invoice_tabs.remedies import kind_of, told
from invoicing.web.waiting import last_error, worker_is_there

BY_ID = ("orb", "flexprice", "cockroachdb", "metronome")
"""Providers that give an invoice by its id; Metronome asks for its customer beside it. Checkout Page gives lists alone."""


class Wanted(forms.Form):
    connection = forms.ModelChoiceField(
        Connection.objects.none(), label=gettext_lazy("Connection"), to_field_name="name"
    )
    external_id = forms.CharField(label=gettext_lazy("The invoice's id at its provider"), max_length=150)
    customer_id = forms.CharField(label=gettext_lazy("The customer's id, at Metronome"), max_length=255, required=False)

    def __init__(self, *given, person, **options):
        super().__init__(*given, **options)
        known = Connection.objects.filter(enabled=True, provider__in=BY_ID)
        self.fields["connection"].queryset = scopes.visible(known, person, "pk")

    def clean(self):
        given = super().clean()
        connection = given.get("connection")
        if connection and connection.provider == "metronome" and not given.get("customer_id"):
            self.add_error("customer_id", _("Metronome finds an invoice by its customer's id and its own."))
        return given


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """The form, and once it was sent, how its job stands. What is mirrored already leads to its page."""
    must_see(request)
    if not rights.can(request.user, "refresh"):
        raise PermissionDenied(_("Reading from a provider needs another role."))
    asked = request.POST if request.method == "POST" else request.GET
    form = Wanted(asked if "connection" in asked else None, person=request.user, initial=request.GET.dict())
    if not form.is_bound or not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "invoice/fetch.html", {"form": form}, status=status)
    connection, external_id = form.cleaned_data["connection"], form.cleaned_data["external_id"]
    found = Invoice.objects.filter(connection=connection, external_id=external_id).first()
    if found:
        return redirect("invoice", found.pk)
    if request.method == "POST":
        rights.require(request.user, "refresh", connection)
        customer_id = form.cleaned_data["customer_id"]
        enqueue(
            fetch_invoice_job,
            by=request.user,
            connection_id=connection.pk,
            external_id=external_id,
            customer_id=customer_id,
        )
        query = {"connection": connection.name, "external_id": external_id, "customer_id": customer_id}
        return redirect(f"{reverse('invoice_fetch')}?{urlencode(query)}")
    return render(request, "invoice/fetch.html", {"form": form} | _standing(connection, external_id))


def _standing(connection: Connection, external_id: str) -> dict:
    """How the newest job that was to read it stands."""
    jobs = Job.objects.filter(task__endswith=".fetch_invoice_job").order_by("-created_at")[:200]
    wanted = {"connection_id": connection.pk, "external_id": external_id}
    job = next((each for each in jobs if wanted.items() <= each.arguments.items()), None)
    if job is None:
        return {}
    failed = job.state == Job.State.FAILED
    meaning, remedy = told(connection.provider, kind_of(last_error(job))) if failed else ("", "")
    open_ = job.state in (Job.State.QUEUED, Job.State.RUNNING)
    return {
        "job": job,
        "open": open_,
        "failed": failed,
        "meaning": meaning,
        "remedy": remedy,
        "said": last_error(job),
        "no_worker": open_ and not worker_is_there(),
        "here": f"{reverse('invoice_fetch')}?{urlencode({'connection': connection.name, 'external_id': external_id})}",
    }
