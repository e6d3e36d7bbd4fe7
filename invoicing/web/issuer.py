"""Who bills through a connection: the form whose answer our copies print."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from invoicing.access import rights
from invoicing.documents.issuing import FIELDS, set_issuer
from invoicing.models import Issuer
from invoicing.web.finding import address_of, connection_for


class IssuerForm(forms.Form):
    name = forms.CharField(max_length=200, required=False, label=gettext_lazy("Name"))
    address = forms.CharField(
        max_length=600, required=False, widget=forms.Textarea(attrs={"rows": 4}), label=gettext_lazy("Address")
    )
    tax_id = forms.CharField(max_length=100, required=False, label=gettext_lazy("Tax id"))
    email = forms.EmailField(max_length=320, required=False, label=gettext_lazy("E-mail"))
    phone = forms.CharField(max_length=60, required=False, label=gettext_lazy("Phone"))

    def clean(self):
        given = super().clean()
        if not given.get("name") and any(given.get(name) for name in FIELDS[1:]):
            self.add_error("name", _("Say who bills, or leave all fields empty."))
        return given


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Errors: Http404, NotAllowed."""
    connection = connection_for(request, pk)
    rights.require(request.user, "connect", connection)
    known = Issuer.objects.filter(connection=connection).values(*FIELDS).first()
    form = IssuerForm(request.POST or None, initial=known)
    if request.method == "POST" and form.is_valid():
        set_issuer(connection, by=request.user, ip=address_of(request), **form.cleaned_data)
        messages.success(request, _("Our copies drawn from now on say so. Those kept before stay as they are."))
        return redirect("connections")
    status = 422 if form.errors else 200
    return render(request, "connections/issuer.html", {"connection": connection, "form": form}, status=status)
