"""The rules that ask for reviews and the checklists: the version in force, changing them, and the versions before."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from invoicing.access import rights
from invoicing.jobs.api import enqueue
from invoicing.models import AnomalyKind, Rulebook
from invoicing.providers.registry import PROVIDERS
from invoicing.reviews import checklists, rulebooks, rules
from invoicing.reviews.moving import CannotReview
from invoicing.reviews.tasks import apply_review_rules
from invoicing.vocabulary import Direction, Status
from invoicing.web.finding import address_of, must_see

MANY = forms.CheckboxSelectMultiple
PROVIDER_CHOICES = [(key, each.name) for key, each in PROVIDERS.items()]


class RuleForm(forms.Form):
    """One rule. What is left empty holds for all; without a name it is no rule."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120, required=False)
    direction = forms.ChoiceField(
        label=gettext_lazy("Direction"), required=False, choices=[("", gettext_lazy("Both")), *Direction.choices]
    )
    statuses = forms.MultipleChoiceField(
        label=gettext_lazy("Status"), required=False, choices=Status.choices, widget=MANY
    )
    providers = forms.MultipleChoiceField(
        label=gettext_lazy("Provider"), required=False, choices=PROVIDER_CHOICES, widget=MANY
    )
    customer = forms.CharField(label=gettext_lazy("Customer, by name or id"), max_length=255, required=False)
    unit = forms.CharField(label=gettext_lazy("Currency"), max_length=64, required=False)
    above = forms.CharField(label=gettext_lazy("Above the amount"), max_length=40, required=False)
    anomalies = forms.MultipleChoiceField(
        label=gettext_lazy("Only with something unusual"),
        required=False,
        choices=[(rules.ANY, gettext_lazy("Anything unusual")), *AnomalyKind.choices],
        widget=MANY,
    )
    people = forms.CharField(label=gettext_lazy("People who approve"), max_length=2, required=False)
    due_days = forms.CharField(label=gettext_lazy("Due in business days"), max_length=3, required=False)
    drop = forms.BooleanField(label=gettext_lazy("Remove this rule"), required=False)

    def as_rule(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.fields if name != "drop"}


class ListForm(forms.Form):
    """One checklist. Without points it is none."""

    provider = forms.ChoiceField(
        label=gettext_lazy("Provider"), required=False, choices=[("", gettext_lazy("All")), *PROVIDER_CHOICES]
    )
    kind = forms.CharField(label=gettext_lazy("Kind, in the provider's word"), max_length=64, required=False)
    points = forms.CharField(
        label=gettext_lazy("Points, one a line"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def as_list(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {"provider": given["provider"], "kind": given["kind"], "points": checklists.points_from(given["points"])}


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """What asks for reviews now. Who may sees it as a form; what they send is a new version, in force at once."""
    must_see(request)
    book = rulebooks.newest()
    if request.method != "POST":
        return _page(request, book, *_forms_of(book))
    if not rights.can(request.user, "review_rules"):
        raise PermissionDenied(_("Changing what has to be reviewed needs the role controller."))
    rule_forms, list_forms = _forms_sent(request)
    reason, based_on = request.POST.get("reason", "")[:2000], request.POST.get("based_on", "0")
    context = {"reason": reason}
    wrong_forms = [each for each in (*rule_forms, *list_forms) if not each.is_valid()]  # every one says what is wrong
    if wrong_forms:
        return _page(request, book, rule_forms, list_forms, status=422, **context)
    kept = [each for each in rule_forms if each.cleaned_data["name"].strip() and not each.cleaned_data["drop"]]
    lists = [each for each in list_forms if each.cleaned_data["points"].strip()]
    try:
        rulebooks.publish(
            [each.as_rule() for each in kept], [each.as_list() for each in lists], by=request.user, reason=reason,
            based_on=int(based_on) if based_on.isdecimal() and len(based_on) < 9 else 0, ip=address_of(request),
        )  # fmt: skip
    except rules.NotRules as wrong:
        of = (lists if wrong.field in ("points", "kind") else kept)[wrong.rule - 1 : wrong.rule]
        for each in of:
            each.add_error(wrong.field if wrong.field in each.fields else None, str(wrong))
        return _page(request, book, rule_forms, list_forms, status=422, problem="" if of else str(wrong), **context)
    except CannotReview as refusal:
        wrong_reason = str(refusal) if refusal.field == "reason" else ""
        problem = "" if wrong_reason else str(refusal)
        return _page(
            request, book, rule_forms, list_forms, status=422, wrong_reason=wrong_reason, problem=problem, **context
        )
    return _published(request)


@require_POST
def starters(request: HttpRequest) -> HttpResponse:
    """Put the rules in force that come with the desk."""
    must_see(request)
    try:
        rulebooks.switch_on_starters(by=request.user, ip=address_of(request))
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    except CannotReview as refusal:
        messages.error(request, str(refusal))
        return redirect("review_rules")
    return _published(request)


def _published(request: HttpRequest) -> HttpResponse:
    enqueue(apply_review_rules, by=request.user, after=0)
    messages.success(request, _("In force. The invoices that are there are held against it now."))
    return redirect("review_rules")


def _forms_of(book: Rulebook | None) -> tuple[list[RuleForm], list[ListForm]]:
    stored = book.rules if book else []
    lists = checklists.checklists_in(book.checklists) if book else []
    shown = [{name: "" if value is None else value for name, value in each.items()} for each in stored]
    rule_forms = [RuleForm(prefix=f"rule-{at}", initial=each) for at, each in enumerate([*shown, {"people": 1}])]
    given = [
        {"provider": each.provider, "kind": each.kind, "points": "\n".join(t for _k, t in each.points)}
        for each in lists
    ]
    return rule_forms, [ListForm(prefix=f"list-{at}", initial=each) for at, each in enumerate([*given, {}])]


def _forms_sent(request: HttpRequest) -> tuple[list[RuleForm], list[ListForm]]:
    def number(name: str, most: int) -> int:
        text = request.POST.get(name, "")
        return min(int(text), most) if text.isdecimal() and len(text) < 5 else 0

    return (
        [RuleForm(request.POST, prefix=f"rule-{at}") for at in range(number("rules", rules.MOST_RULES + 1))],
        [ListForm(request.POST, prefix=f"list-{at}") for at in range(number("lists", checklists.MOST_LISTS + 1))],
    )


def _page(request, book, rule_forms, list_forms, *, status: int = 200, **more) -> HttpResponse:
    context = {
        "book": book,
        "rule_forms": rule_forms,
        "list_forms": list_forms,
        "may_rule": rights.can(request.user, "review_rules"),
        "starters": rules.starters() if book is None else [],
        "in_force": rules.rules_in(book.rules) if book else [],
        "lists": checklists.checklists_in(book.checklists) if book else [],
        "versions": Rulebook.objects.select_related("made_by")[:20],
        **more,
    }
    return render(request, "reviews/rules.html", context, status=status)
