"""Who stands in for whom, from when to when; naming somebody for oneself, and ending it."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from invoicing.access import rights
from invoicing.approvals import delegations
from invoicing.approvals.delegations import CannotDelegate
from invoicing.models import Delegation, User
from invoicing.operations.arguments import DayField
from invoicing.web.finding import address_of, must_see
from invoicing.web.stepping_up import confirmed

SHOWN = 100


class DelegationForm(forms.Form):
    """To whom, from when to when, and why. From whom is no field of it: only for oneself."""

    taker = forms.ModelChoiceField(User.objects.none(), label=gettext_lazy("Who stands in"), empty_label="—")
    starts_on = DayField(label=gettext_lazy("First day"))
    ends_on = DayField(label=gettext_lazy("Last day"))
    reason = forms.CharField(max_length=500, label=gettext_lazy("Reason"))

    def __init__(self, *given, giver: User, **named):
        super().__init__(*given, **named)
        able = [each.pk for each in rights.people_with("approve") if each.pk != giver.pk]
        self.fields["taker"].queryset = User.objects.filter(pk__in=able).order_by("first_name", "last_name", "email")


@require_http_methods(["GET", "HEAD", "POST"])
@confirmed
def page(request: HttpRequest) -> HttpResponse:
    """Everybody sees who stands in for whom; whoever may, names somebody."""
    must_see(request)
    may = rights.can(request.user, "delegate")
    if request.method != "POST":
        start = {"starts_on": timezone.localdate(), "ends_on": timezone.localdate()}
        return _page(request, DelegationForm(giver=request.user, initial=start) if may else None)
    rights.require(request.user, "delegate")
    form = DelegationForm(request.POST, giver=request.user)
    if form.is_valid():
        try:
            delegations.delegate(giver=request.user, by=request.user, ip=address_of(request), **form.cleaned_data)
        except CannotDelegate as refusal:
            form.add_error(refusal.field or None, str(refusal))
        else:
            messages.success(request, _("%(person)s stands in for you.") % {"person": form.cleaned_data["taker"]})
            return redirect("delegations")
    return _page(request, form, status=422)


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """End it before its last day. Errors: Http404 for what is between others."""
    found = Delegation.objects.select_related("giver", "taker").filter(pk=pk).first()
    if found is None or request.user.pk not in (found.giver_id, found.taker_id):
        raise Http404
    delegations.end(found, by=request.user, ip=address_of(request))
    return redirect("delegations")


def _page(request: HttpRequest, form: DelegationForm | None, *, status: int = 200) -> HttpResponse:
    today = timezone.localdate()
    rows = Delegation.objects.select_related("giver", "taker", "ended_by")
    coming = rows.filter(ended_at=None, ends_on__gte=today).order_by("starts_on", "pk")
    over = rows.exclude(pk__in=coming)[:SHOWN]
    context = {"form": form, "coming": coming[:SHOWN], "over": over, "today": today}
    return render(request, "delegations/page.html", context, status=status)
