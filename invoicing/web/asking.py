"""What starts from a customer or a subscription, and what is only read: choosing it, asking it, its answer.

No provider is called from here: a question goes to the workers, and its page waits for the answer.
"""

import uuid
from dataclasses import dataclass, field

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from invoicing.access import rights
from invoicing.mirror.snapshots import snapshot_of, snapshots_of
from invoicing.models import Invoice, Job
from invoicing.operations import questions
from invoicing.operations.arguments import Arguments
from invoicing.operations.asking import has_effects, why_not_asked
from invoicing.operations.registry import VERBS, why_not
from invoicing.operations.requesting import CannotRequest
from invoicing.operations.targets import KINDS, About, Start, kind_of, starting
from invoicing.operations.verb import Availability, Verb
from invoicing.providers.errors import NotUnderstood, PayloadNotUnderstood
from invoicing.providers.snapshots import InvoiceSnapshot
from invoicing.web import side_by_side
from invoicing.web.action_menu import Refused
from invoicing.web.actions import TOKEN, consequence_card, start_action
from invoicing.web.finding import address_of, asked_by_htmx, connection_for, invoice_for
from invoicing.web.sentences import in_words
from invoicing.web.waiting import worker_is_there

LOOKED_THROUGH = 30
"""So many of a customer's newest invoices are looked through for their subscriptions."""


@dataclass(frozen=True)
class Offers:
    """What can be started from here, what cannot and why."""

    offered: list[Verb]
    refused: list[Refused] = field(default_factory=list)


@require_GET
def start(request: HttpRequest, connection_id: int, kind: str, external_id: str) -> HttpResponse:
    """Everything that starts from a customer or a subscription."""
    about = _start(request, connection_id, kind, external_id)
    context = {
        "about": about,
        "kind": kind,
        "offers": _offers(request, about),
        "subscriptions": _subscriptions(about) if about.customer else [],
    }
    return render(request, "asking/start.html", context)


def _start(request: HttpRequest, connection_id: int, kind: str, external_id: str) -> Start:
    """Errors: Http404, also for a customer that was never mirrored."""
    if kind not in KINDS[1:] or len(external_id) > 255:
        raise Http404
    about = starting(kind, connection_for(request, connection_id), external_id)
    if kind == "customer" and about.customer is None:
        raise Http404
    return about


def _offers(request: HttpRequest, about: Start) -> Offers:
    verbs = [verb for verb in VERBS.values() if verb.starts_from == about.kind]
    found = [Availability(verb=verb, refusal=_refusal(request, verb, about)) for verb in verbs]
    refused: dict[str, Refused] = {}
    for each in found:
        if each.refusal:
            refused.setdefault(each.refusal, Refused(each.refusal)).verbs.append(each.verb)
    return Offers([each.verb for each in found if each.offered], list(refused.values()))


def _refusal(request: HttpRequest, verb: Verb, about: About) -> str:
    refusal = why_not_asked(verb, about) if verb.reads_only else why_not(verb, about)
    if refusal:
        return refusal
    try:
        rights.require(request.user, verb.right, about)
    except rights.NotAllowed as missing:
        return str(missing)
    return ""


def _subscriptions(about: Start) -> list[tuple[str, Invoice]]:
    """The subscriptions that the customer's newest invoices name, each with the newest of them."""
    invoices = Invoice.objects.filter(customer=about.customer).select_related("connection", "customer")
    found: dict[str, Invoice] = {}
    for invoice, snapshot in snapshots_of(invoices.order_by("-listed_on", "-pk")[:LOOKED_THROUGH]):
        if snapshot is not None and snapshot.subscription_id:
            found.setdefault(snapshot.subscription_id, invoice)
    return list(found.items())


class QuestionForm(forms.Form):
    """Why it is asked, where that must be said, and a token so that one form is one question."""

    token = forms.CharField(max_length=32, validators=[TOKEN], widget=forms.HiddenInput)
    reason = forms.CharField(required=False, max_length=2000)

    def __init__(self, *given, must_say_why: bool, **named):
        super().__init__(*given, **named)
        self.must_say_why = must_say_why

    def clean_reason(self):
        reason = self.cleaned_data["reason"].strip()
        if self.must_say_why and not reason:
            raise forms.ValidationError(_("Say why. The reason stays in the audit trail."))
        return reason


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, connection_id: int, kind: str, verb: str, external_id: str) -> HttpResponse:
    """The form of a verb that starts here. One that only reads leads to its answer, another to its operation."""
    if verb not in VERBS:
        raise Http404
    about = _about(request, connection_id, kind, external_id)
    if VERBS[verb].starts_from != kind:
        raise Http404
    if not VERBS[verb].reads_only:
        return start_action(request, about, VERBS[verb])
    return _Asking(request, about, VERBS[verb]).answered()


def _about(request: HttpRequest, connection_id: int, kind: str, external_id: str) -> About:
    """Errors: Http404."""
    if kind != "invoice":
        return _start(request, connection_id, kind, external_id)
    found = get_object_or_404(Invoice.objects.only("pk"), connection_id=connection_id, external_id=external_id)
    return invoice_for(request, found.pk)


class _Asking:
    """One request about one question. `beside` is the invoice it was asked from, which its answer is laid beside."""

    def __init__(self, request: HttpRequest, about: About, verb: Verb):
        self.request, self.about, self.verb = request, about, verb
        self.beside = about if isinstance(about, Invoice) else _invoice_named(request, about)
        self.has_effects = has_effects(verb, about.connection)

    def answered(self) -> HttpResponse:
        try:
            rights.require(self.request.user, self.verb.right, self.about)
        except rights.NotAllowed as missing:
            return render(self.request, "asking/forbidden.html", self._shown() | {"missing": missing}, status=403)
        if self.request.method != "POST":
            return self._page(self._form(initial={"token": uuid.uuid4().hex}), self._arguments(), status=200)
        form, arguments = self._form(self.request.POST), self._arguments(self.request.POST)
        if not form.is_valid() & (arguments is None or arguments.is_valid()):
            return self._page(form, arguments)
        try:
            job_id = questions.pose(
                self.verb.key,
                self.about,
                by=self.request.user,
                token=form.cleaned_data["token"],
                reason=form.cleaned_data["reason"],
                arguments=arguments.given() if arguments else {},
                ip=address_of(self.request),
            )
        except CannotRequest as refusal:
            return self._page(form, arguments, problem=str(refusal))
        beside = f"?{urlencode({'invoice': self.beside.pk})}" if self.beside else ""
        return redirect(reverse("asked", args=[job_id]) + beside)

    def _form(self, *given, **named) -> QuestionForm:
        return QuestionForm(*given, must_say_why=self.has_effects, **named)

    def _arguments(self, *given) -> Arguments | None:
        make = self.verb.form_for(self.about)
        return in_words(make(*given)) if make else None

    def _page(self, form, arguments, *, problem: str = "", status: int = 422) -> HttpResponse:
        refusal = why_not_asked(self.verb, self.about)
        broken = _("This form is no longer valid. Open it again.") if "token" in form.errors else ""
        context = self._shown() | {
            "form": form,
            "arguments": arguments,
            "refusal": refusal,
            "problem": broken or ("" if problem == refusal else problem),
            "effects": [] if refusal else consequence_card(self.verb, self.about, None),
            "has_effects": self.has_effects,
        }
        return render(self.request, "asking/page.html", context, status=status)

    def _shown(self) -> dict:
        return shown(self.verb, self.about, self.beside)


def shown(verb: Verb, about: About, beside: Invoice | None) -> dict:
    """What the heads of these pages say: what is asked, of whom, and where one came from."""
    kind = kind_of(about)
    back = (
        reverse("invoice", args=[beside.pk])
        if beside
        else reverse("start_from", args=[about.connection.pk, kind, about.external_id])
    )
    whom = about.customer if isinstance(about, Start) and about.customer else about.external_id
    return {
        "verb": verb,
        "about": about,
        "kind": kind,
        "whom": (about.number or about.external_id) if isinstance(about, Invoice) else whom,
        "connection": about.connection,
        "beside": beside,
        "back": back,
    }


def _invoice_named(request: HttpRequest, about: About) -> Invoice | None:
    """The invoice in the address, if it is one of the same connection."""
    named = request.GET.get("invoice", "")
    if not named.isdecimal() or len(named) > 18:
        return None
    found = Invoice.objects.select_related("connection", "customer")
    return found.filter(pk=int(named), connection=about.connection).first()


@require_GET
def asked(request: HttpRequest, job_id) -> HttpResponse:
    """The answer; until there is one, that it is waited for. htmx asks the same address for this part alone."""
    job = get_object_or_404(Job.objects.filter(task=questions.TASK), pk=job_id)
    question = questions.question(job)
    if question is None or not rights.can(request.user, "view", question.about):
        raise Http404
    about = question.about
    if not rights.can(request.user, question.verb.right, about):
        raise Http404
    told = questions.answer(question)
    beside = about if isinstance(about, Invoice) else _invoice_named(request, about)
    waits = told is None and job.state in (Job.State.QUEUED, Job.State.RUNNING)
    context = shown(question.verb, about, beside) | {
        "question": question,
        "job": job,
        "told": told,
        "waits": waits,
        "every": _seconds(job),
        "no_worker": waits and job.state == Job.State.QUEUED and not worker_is_there(),
        "here": request.get_full_path(),
        "again": reverse("ask", args=[about.connection.pk, kind_of(about), question.verb.key, about.external_id]),
    }
    context |= _compared(told.snapshot if told else None, beside)
    return render(request, "asking/_answer.html" if asked_by_htmx(request, "answer") else "asking/answer.html", context)


def _seconds(job: Job) -> int:
    """Between two polls: soon at first, then more patient."""
    age = (timezone.now() - job.created_at).total_seconds()
    return 1 if age < 15 else 3 if age < 120 else 15


def _compared(answer: InvoiceSnapshot | None, beside: Invoice | None) -> dict:
    """The answer beside the invoice as it was mirrored, where it can be laid beside it."""
    if answer is None or beside is None or answer.external_id == beside.external_id:
        return {}
    try:
        now = snapshot_of(beside)
    except (PayloadNotUnderstood, NotUnderstood):
        return {}
    pairs = side_by_side.lines(now, answer)
    return {
        "pairs": pairs,
        "sums": side_by_side.sums(now, answer),
        "changed": sum(pair.differs for pair in pairs),
        "now": now,
    }
