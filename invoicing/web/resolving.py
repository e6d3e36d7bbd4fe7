"""Settling by hand what reading back cannot, and going on with a void whose replacement is missing."""

from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from invoicing.access import rights
from invoicing.access.rights import Agreement
from invoicing.models import Operation
from invoicing.operations import resolving, steps
from invoicing.operations.registry import VERBS
from invoicing.operations.void_and_replace import MISSING, PAUSED
from invoicing.vocabulary import OPEN_STATES, OperationState
from invoicing.web.finding import address_of, operation_for
from invoicing.web.operation_standing import told
from invoicing.web.operation_story import story
from invoicing.web.sentences import said

APPLIED, ABSENT, RESUME = "applied", "absent", "resume"
MAKES = ("void_and_replace", "regenerate_invoice", "create_invoice")
"""Verbs whose effect is an invoice with an id of its own."""
SAID = {
    Agreement.ASKED: gettext_lazy("It is proposed. Somebody else has to say the same before it counts."),
    Agreement.AGREED: gettext_lazy("You both say the same, so it is settled."),
    Agreement.SOLO: gettext_lazy(
        "It is settled by your word alone, because nobody else may. That stands in the audit trail."
    ),
}


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    meaning: str


@dataclass(frozen=True)
class Proposal:
    """What the first person said. `mine`: it was the one who looks at it now."""

    name: str
    applied: bool
    reason: str
    evidence: str
    created: str
    at: datetime | None
    mine: bool

    @property
    def choice(self) -> str:
        return APPLIED if self.applied else ABSENT


class SettleForm(forms.Form):
    what = forms.ChoiceField(choices=(), error_messages={"required": gettext_lazy("Say which of these it is.")})
    reason = forms.CharField(
        max_length=2000,
        error_messages={"required": gettext_lazy("Say what you saw. It stays in the audit trail.")},
    )
    evidence = forms.CharField(required=False, max_length=500)
    created = forms.CharField(required=False, max_length=255)

    def __init__(self, *given, choices: list[Choice], **named):
        super().__init__(*given, **named)
        what = self.fields["what"]
        assert isinstance(what, forms.ChoiceField)
        what.choices = [(each.value, each.label) for each in choices]

    def clean(self):
        if self.cleaned_data.get("created") and self.cleaned_data.get("what") != APPLIED:
            self.add_error("created", _("Something was only made if it happened."))


@require_http_methods(["GET", "HEAD", "POST"])
def settle(request: HttpRequest, pk) -> HttpResponse:
    """Say what became of an operation. The first person proposes, the second sees what was proposed and agrees or not."""
    operation = operation_for(request, pk)
    choices = _choices(request, operation)
    if not choices:
        return _page(request, operation, None, choices, status=_status(request, operation))
    if request.method != "POST":
        proposal = proposal_of(operation, request.user)
        initial = {"what": proposal.choice, "created": proposal.created} if proposal and not proposal.mine else {}
        return _page(request, operation, SettleForm(initial=initial, choices=choices), choices, status=200)
    form = SettleForm(request.POST, choices=choices)
    if not form.is_valid():
        return _page(request, operation, form, choices, status=422)
    given, ip = form.cleaned_data, address_of(request)
    try:
        if given["what"] == RESUME:
            steps.resume(operation, by=request.user, reason=given["reason"], ip=ip)
            messages.success(request, _("It goes on: the replacement is being made."))
            return redirect("operation", operation.pk)
        agreed = resolving.resolve(
            operation,
            applied=given["what"] == APPLIED,
            by=request.user,
            reason=given["reason"],
            evidence=given["evidence"],
            created=given["created"],
            ip=ip,
        )
    except (resolving.CannotResolve, steps.CannotGoOn, rights.NotAllowed) as refusal:
        return _page(request, operation, form, choices, problem=str(refusal), status=422)
    (messages.info if agreed is Agreement.ASKED else messages.success)(request, SAID[agreed])
    return redirect("operation", operation.pk)


def _status(request: HttpRequest, operation: Operation) -> int:
    """Of the page without a form: posting to it is forbidden, or there is nothing to settle."""
    if request.method != "POST":
        return 200
    return 403 if needs_word(operation) else 409


def _choices(request: HttpRequest, operation: Operation) -> list[Choice]:
    """What this person may say of it now; none where it needs no person, or not this one."""
    if not needs_word(operation):
        return []
    stage, found = operation.outcome.get("stage"), []
    if stage in (MISSING, PAUSED):
        if rights.can(request.user, "request", operation):
            found.append(Choice(RESUME, _("Go on: make the replacement"), _("A new step is sent to the provider.")))
        if rights.can(request.user, "settle", operation):
            found += [
                Choice(ABSENT, _("Let it be: it stays void, nothing replaces it"), _("This operation ends.")),
                Choice(APPLIED, _("It was replaced some other way"), _("This operation ends as done.")),
            ]
        return found
    if rights.can(request.user, "settle", operation):
        done = said(VERBS[operation.verb].done)
        found = [
            Choice(APPLIED, _("It happened"), _("You saw at the provider that it was %(done)s.") % {"done": done}),
            Choice(ABSENT, _("It did not happen"), _("You saw at the provider that nothing came of it.")),
        ]
    return found


def needs_word(operation: Operation) -> bool:
    """Whether a person settles it, and not one of its steps first."""
    waits = operation.state == OperationState.NEEDS_PERSON
    return waits and not operation.steps.filter(state__in=OPEN_STATES).exists()


def proposal_of(operation: Operation, user) -> Proposal | None:
    said = operation.outcome.get("proposal")
    if not said:
        return None
    return Proposal(
        name=said["name"],
        applied=said["applied"],
        reason=said["reason"],
        evidence=said.get("evidence", ""),
        created=said.get("created", ""),
        at=parse_datetime(said["at"]),
        mine=said["by"] == user.pk,
    )


def _page(request, operation, form, choices, *, problem: str = "", status: int) -> HttpResponse:
    may, money = (rights.can(request.user, right, operation) for right in ("settle", "view_money"))
    context = {
        "operation": operation,
        "invoice": operation.invoice,
        "verb": VERBS[operation.verb],
        "told": told(operation, money=money),
        "story": story(operation, money=money),
        "form": form,
        "choices": choices,
        "problem": problem,
        "proposal": proposal_of(operation, request.user),
        "alone": may and resolving.expects(operation, request.user) is Agreement.SOLO,
        "makes": operation.verb in MAKES,
        "needs_word": needs_word(operation),
        "stage": operation.outcome.get("stage"),
    }
    return render(request, "resolving/page.html", context, status=status)
