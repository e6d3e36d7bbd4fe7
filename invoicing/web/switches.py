"""Holding back on purpose: a verb at a provider switched off, the whole desk on a dry run. One person sets it, two lift it."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from invoicing.access import rights
from invoicing.access.rights import Agreement
from invoicing.models import Brake
from invoicing.operations import brakes
from invoicing.operations.registry import VERBS
from invoicing.providers.registry import PROVIDERS
from invoicing.web.finding import address_of, must_see
from invoicing.web.sentences import said

LIFTED = 20
LIFT_SAID = {
    Agreement.ASKED: gettext_lazy("You asked to lift it. Somebody else has to agree."),
    Agreement.AGREED: gettext_lazy("You both agree: it is lifted."),
    Agreement.SOLO: gettext_lazy("It is lifted by your word alone, because nobody else may. That is on record."),
}
WHY = {"required": gettext_lazy("Say why. The reason stays in the audit trail.")}


class StopForm(forms.Form):
    """What is to be switched off: one verb or every one, at one provider or at every one."""

    provider = forms.ChoiceField(required=False, label=gettext_lazy("Provider"))
    verb = forms.ChoiceField(required=False, label=gettext_lazy("Action"))
    reason = forms.CharField(max_length=1000, error_messages=WHY)

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        every = (("provider", _("Every provider"), PROVIDERS), ("verb", _("Every action"), VERBS))
        for name, label, known in every:
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", label), *((key, each.name) for key, each in known.items())]

    def clean(self):
        provider, verb = self.cleaned_data.get("provider"), self.cleaned_data.get("verb")
        if provider and verb and provider not in VERBS[verb].calls:
            why = PROVIDERS[provider].not_offered.get(verb) or _("It does not offer this.")
            self.add_error("verb", _("There is nothing to switch off here. %(why)s") % {"why": why})


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=1000, error_messages=WHY)


@dataclass(frozen=True)
class Held:
    """One brake as the page shows it, with what this person can do about it."""

    brake: Brake
    alone: bool
    mine: bool
    form: ReasonForm

    @property
    def title(self) -> str:
        return title(self.brake)


def title(brake: Brake) -> str:
    """What is held back, in words."""
    if brake.kind == Brake.Kind.DRY_RUN:
        return _("Dry run: nothing is sent")
    if brake.kind == Brake.Kind.RESTORED:
        return _("Sending is closed: the database is older than what was sent")
    verb = said(VERBS[brake.verb].name) if brake.verb in VERBS else brake.verb or _("Every action")
    place = PROVIDERS[brake.provider].name if brake.provider in PROVIDERS else brake.provider or _("every provider")
    return _("%(verb)s at %(provider)s is switched off") % {"verb": verb, "provider": place}


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    must_see(request)
    return _page(request)


@require_POST
def switch_off(request: HttpRequest) -> HttpResponse:
    """One person is enough to hold something back."""
    must_see(request)
    rights.require(request.user, "stop")
    form = StopForm(request.POST)
    if not form.is_valid():
        return _page(request, stop=form, status=422)
    given = form.cleaned_data
    return _put_on(
        request, form, "stop", Brake.Kind.STOP, given["reason"], provider=given["provider"], verb=given["verb"]
    )


@require_POST
def dry_run(request: HttpRequest) -> HttpResponse:
    must_see(request)
    rights.require(request.user, "stop")
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, dry=form, status=422)
    return _put_on(request, form, "dry", Brake.Kind.DRY_RUN, form.cleaned_data["reason"])


def _put_on(request, form, name: str, kind: Brake.Kind, reason: str, **where: str) -> HttpResponse:
    try:
        brake = brakes.put_on(kind, by=request.user, reason=reason, ip=address_of(request), **where)
    except (brakes.CannotBrake, rights.NotAllowed) as refusal:
        return _page(request, problem=str(refusal), status=422, **{name: form})
    messages.success(request, title(brake) + ".")
    return redirect("switches")


@require_POST
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    """The first person asks, the second one agrees."""
    must_see(request)
    rights.require(request.user, "lift")
    brake, form = get_object_or_404(Brake, pk=pk), ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, lifting=(brake, form), status=422)
    try:
        found = brakes.lift(brake, by=request.user, reason=form.cleaned_data["reason"], ip=address_of(request))
    except (brakes.CannotBrake, rights.NotAllowed) as refusal:
        return _page(request, problem=str(refusal), lifting=(brake, form), status=422)
    (messages.info if found is Agreement.ASKED else messages.success)(request, LIFT_SAID[found])
    return redirect("switches")


def _page(request, *, stop=None, dry=None, lifting=None, problem: str = "", status: int = 200) -> HttpResponse:
    may_lift = rights.can(request.user, "lift")
    active = brakes.active()
    context = {
        "held": [_held(request, brake, may_lift, lifting) for brake in active],
        "lifted": [
            (title(brake), brake)
            for brake in Brake.objects.filter(lifted_at__isnull=False)
            .select_related("set_by", "lifted_by", "lift_asked_by")
            .order_by("-lifted_at")[:LIFTED]
        ],
        "stop": stop or StopForm(auto_id="stop_%s"),
        "dry": dry or ReasonForm(auto_id="dry_%s"),
        "on_dry_run": any(brake.kind == Brake.Kind.DRY_RUN for brake in active),
        "may_stop": rights.can(request.user, "stop"),
        "may_lift": may_lift,
        "problem": problem,
    }
    return render(request, "switches/page.html", context, status=status)


def _held(request: HttpRequest, brake: Brake, may_lift: bool, lifting) -> Held:
    asked = brake.lift_asked_by_id
    alone = may_lift and rights.agreement("lift", asked_by=asked, by=request.user) is Agreement.SOLO
    form = lifting[1] if lifting and lifting[0].pk == brake.pk else ReasonForm()
    return Held(brake, alone, asked == request.user.pk, form)
