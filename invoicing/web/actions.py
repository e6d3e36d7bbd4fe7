"""Asking for a verb: a page that says what will happen, then one request that stores the wish. Nothing is sent from here."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from invoicing.access import rights
from invoicing.models import Invoice
from invoicing.operations import brakes
from invoicing.operations.arguments import Arguments
from invoicing.operations.incidents import open_of
from invoicing.operations.outage import outage
from invoicing.operations.registry import VERBS, availability, open_operation, why_not
from invoicing.operations.requesting import CannotRequest, Wish, request_operation
from invoicing.operations.targets import About, Start, kind_of, start_from
from invoicing.operations.verb import Consequence, Effect, Verb
from invoicing.providers.snapshots import InvoiceSnapshot
from invoicing.vocabulary import Payment
from invoicing.web.finding import address_of, invoice_for
from invoicing.web.invoice_tabs.history import changes_since, hidden_from
from invoicing.web.invoice_tabs.shown import shown_version
from invoicing.web.sentences import in_words
from invoicing.web.stepping_up import asked_to_confirm

SUGGESTED = {
    "void": (
        gettext_lazy("Duplicate of another invoice"),
        gettext_lazy("Wrong amount"),
        gettext_lazy("Wrong customer or billing details"),
        gettext_lazy("Agreed with the customer"),
    ),
    "finalize": (gettext_lazy("Checked against the contract"), gettext_lazy("Period closed, usage complete")),
    "regenerate_invoice": (gettext_lazy("Usage was corrected"), gettext_lazy("Rates or discounts were corrected")),
    "regenerate_pdf": (gettext_lazy("Billing details were corrected"), gettext_lazy("PO number was added")),
    "recalculate": (gettext_lazy("Late usage arrived"), gettext_lazy("Prices were corrected")),
    "update": (gettext_lazy("Asked for by the customer"), gettext_lazy("Billing details were incomplete")),
    "add_line": (gettext_lazy("Charge was missing"), gettext_lazy("Credit agreed with the customer")),
    "remove_line": (gettext_lazy("Charged by mistake"), gettext_lazy("Agreed with the customer")),
    "move_issue_date": (gettext_lazy("Usage is not complete yet"), gettext_lazy("Asked for by the customer")),
    "record_payment_status": (gettext_lazy("Paid outside of the provider"), gettext_lazy("Payment was returned")),
    "mark_paid": (gettext_lazy("Paid by bank transfer"), gettext_lazy("Paid outside of the provider")),
    "attempt_payment": (
        gettext_lazy("The customer renewed the payment method"),
        gettext_lazy("Asked for by the customer"),
    ),
    "pay": (gettext_lazy("The customer renewed the payment method"), gettext_lazy("Asked for by the customer")),
    "trigger_communication": (
        gettext_lazy("Asked for by the customer"),
        gettext_lazy("The first message was not received"),
    ),
    "create_invoice": (gettext_lazy("Agreed with the customer"), gettext_lazy("Replaces a voided invoice")),
}
TOKEN = RegexValidator(r"\A[0-9a-f]{32}\Z")
OTHERWISE = (gettext_lazy("Asked for by the customer"), gettext_lazy("Correction"))
MONEY_MOVED = (Payment.PAID, Payment.OVERPAID, Payment.PARTLY_PAID, Payment.PARTLY_REFUNDED)
EFFECTS = (
    (Effect.MONEY, gettext_lazy("Money"), "banknote"),
    (Effect.CHANGE, gettext_lazy("What changes"), "check"),
    (Effect.OUTSIDE, gettext_lazy("Outside of this provider"), "external-link"),
    (Effect.NOT, gettext_lazy("What will not happen"), "ban"),
)


class WishForm(forms.Form):
    """Why, under which reference, and that the person looked. What is sent is no field of it."""

    token = forms.CharField(max_length=32, validators=[TOKEN], widget=forms.HiddenInput)
    seen = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)
    suggested = forms.CharField(required=False, max_length=200)
    reason = forms.CharField(required=False, max_length=2000)
    reference = forms.CharField(required=False, max_length=200)
    typed = forms.CharField(required=False, max_length=255)

    def __init__(
        self, *arguments, must_type: str = "", suggestions: Sequence[str] = (), of_invoice: bool = True, **named
    ):
        super().__init__(*arguments, **named)
        self.must_type, self.suggestions = must_type, suggestions
        self.fields["seen"].required = of_invoice

    def clean(self):
        cleaned = super().clean()
        chosen = cleaned.get("suggested", "")
        chosen = chosen if chosen in self.suggestions else ""
        why = ": ".join(text for text in (chosen, cleaned.get("reason", "").strip()) if text)
        if not why and "reason" not in self.errors:
            self.add_error("reason", _("Say why. The reason stays in the audit trail."))
        cleaned["why"] = why
        if self.must_type and cleaned.get("typed", "").strip() != self.must_type:
            self.add_error("typed", _("Type %(must_type)s exactly as it stands here.") % {"must_type": self.must_type})
        return cleaned

    @property
    def is_broken(self) -> bool:
        """Its hidden part is not what we put there: only opening it anew helps."""
        return bool({"token", "seen"} & self.errors.keys())


@dataclass(frozen=True)
class EffectGroup:
    effect: Effect
    heading: str
    icon: str
    consequences: list[Consequence]


def consequence_card(verb: Verb, about: About, snapshot: InvoiceSnapshot | None) -> list[EffectGroup]:
    """What it will do, in the order one should read it; drawn from the verb's own data."""
    found = list(verb.consequences(about, snapshot))
    groups = [
        EffectGroup(effect, heading, icon, [each for each in found if each.effect is effect])
        for effect, heading, icon in EFFECTS
    ]
    return [group for group in groups if group.consequences]


def number_to_type(verb: Verb, invoice: Invoice) -> str:
    """What must be typed to confirm: of a large amount, or where voiding gives money back. Empty when nothing must be."""
    if not verb.destructive:
        return ""
    totals = [invoice.total, *invoice.further_totals.values_list("total", flat=True)]
    large = any(total is not None and abs(total) >= Decimal(settings.DESK_TYPED_CONFIRMATION) for total in totals)
    gives_back = verb.key == "void" and invoice.payment_status in MONEY_MOVED
    return (invoice.number or invoice.external_id) if large or gives_back else ""


@require_http_methods(["GET", "HEAD", "POST"])
def action(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """The form of one verb, and its answer: the operation's page, or the form again with what was typed.

    Verbs that only read are no operations; their page asks for an answer and shows it.
    """
    invoice = invoice_for(request, pk)
    if verb not in VERBS:
        raise Http404
    chosen = VERBS[verb]
    about = invoice if chosen.starts_from == "invoice" else start_from(chosen.starts_from, invoice)
    if chosen.reads_only and about is not None:
        address = reverse("ask", args=[invoice.connection_id, kind_of(about), verb, about.external_id])
        return redirect(f"{address}?{urlencode({'invoice': invoice.pk})}")
    asked = _Asked(request, chosen, about, invoice)
    return asked.requested() if request.method == "POST" else asked.looked_at()


def start_action(request: HttpRequest, about: Start, verb: Verb) -> HttpResponse:
    """The same of a verb that starts from a customer or a subscription, without an invoice to come from."""
    asked = _Asked(request, verb, about, None)
    return asked.requested() if request.method == "POST" else asked.looked_at()


def _written(form: WishForm, arguments: Arguments | None) -> list[tuple[str, str]]:
    """What was typed into a form that cannot be shown again, so that it is not lost."""
    fields = [form[name] for name in ("suggested", "reason", "reference")]
    fields += list(arguments) if arguments is not None and arguments.is_bound else []
    found = [(str(field.label), str(field.value())) for field in fields if form.is_bound and field.value()]
    return [(label, text) for label, text in found if text.strip()]


class _Asked:
    """One request about one verb: of an invoice, of the customer or subscription it belongs to, or of one of those alone."""

    def __init__(self, request: HttpRequest, verb: Verb, about: About | None, invoice: Invoice | None):
        self.request, self.verb, self.about, self.invoice = request, verb, about, invoice
        self.shown = shown_version(invoice, "") if invoice else None
        self.of_invoice = verb.starts_from == "invoice"
        self.must_type = number_to_type(verb, invoice) if invoice and self.of_invoice else ""
        self.suggestions = SUGGESTED.get(verb.key, OTHERWISE)

    @property
    def can_be_shown(self) -> bool:
        """Whether the invoice that one came from can be read; what starts without one needs none."""
        return self.shown is None or self.shown.snapshot is not None

    @property
    def refusal(self) -> str:
        if self.about is None or self.verb.reads_only:
            return _("This invoice belongs to no %(starts_from)s.") % {"starts_from": self.verb.starts_from}
        return why_not(self.verb, self.about) or outage(self.about)

    def looked_at(self) -> HttpResponse:
        try:
            rights.require(self.request.user, self.verb.right, self.about or self.invoice)
        except rights.NotAllowed as missing:
            return self._forbidden(missing)
        seen = self.invoice.version if self.invoice else None
        return self._page(self._form(initial={"token": uuid.uuid4().hex, "seen": seen}), self._arguments())

    def requested(self) -> HttpResponse:
        form, arguments = self._form(self.request.POST), self._arguments(self.request.POST)
        allowed = rights.can(self.request.user, self.verb.right, self.about or self.invoice)
        complete = form.is_valid() & (arguments is None or arguments.is_valid())
        if self.about is None:
            return self._page(form, arguments, problem=self.refusal)
        if allowed and not self.can_be_shown:
            return self._page(
                form, arguments, problem=_("What this would do cannot be shown, so it cannot be asked for.")
            )
        if allowed and not complete and not self.refusal:
            broken = _("This form is no longer valid. Open it again.") if form.is_broken else ""
            return self._page(form, arguments, problem=broken)
        if allowed and self.verb.destructive and (question := asked_to_confirm(self.request)):
            return question
        try:
            operation = request_operation(self._wish(form, arguments))
        except rights.NotAllowed as missing:
            return self._forbidden(missing)
        except CannotRequest as refusal:
            return self._refused(form, arguments, refusal)
        wanted = (self.invoice.pk if self.invoice and self.of_invoice else None, self.about.external_id, self.verb.key)
        if (operation.invoice_id, operation.external_id, operation.verb) != wanted:
            return self._page(
                form, arguments, problem=_("This form was used for something else already. Open it again.")
            )
        return redirect("operation", operation.pk)

    def _wish(self, form: WishForm, arguments: Arguments | None) -> Wish:
        cleaned = form.cleaned_data
        return Wish(
            verb=self.verb.key,
            invoice=self.invoice if self.of_invoice else None,
            start=None if self.of_invoice else self.about,
            by=self.request.user,
            reason=cleaned.get("why", ""),
            reference=cleaned.get("reference", ""),
            token=cleaned.get("token") or uuid.uuid4().hex,
            arguments=arguments.given() if arguments is not None and arguments.is_valid() else {},
            seen_version=cleaned.get("seen") if self.of_invoice else None,
            ip=address_of(self.request),
        )

    def _refused(self, form: WishForm, arguments: Arguments | None, refusal: CannotRequest) -> HttpResponse:
        """Everything typed is kept. A form that was overtaken shows what changed, and then stands for what is shown now."""
        for each in (form, arguments):
            if each is not None and refusal.field in each.fields:
                each.add_error(refusal.field, str(refusal))
                return self._page(form, arguments)
        changed = []
        seen = form.cleaned_data.get("seen")
        if self.invoice and seen is not None and seen != self.invoice.version:
            hidden = hidden_from(self.request.user, self.invoice)
            changed = changes_since(self.invoice, seen, hidden=hidden)
            form.data = form.data.copy()
            form.data["seen"] = str(self.invoice.version)
        return self._page(form, arguments, problem=str(refusal), existing=refusal.existing, changed=changed)

    def _form(self, *given, **named) -> WishForm:
        return WishForm(
            *given, must_type=self.must_type, suggestions=self.suggestions, of_invoice=self.of_invoice, **named
        )

    def _arguments(self, *given) -> Arguments | None:
        make = self.verb.form_for(self.about) if self.about is not None else None
        return in_words(make(*given)) if make else None

    def _page(self, form: WishForm, arguments, *, problem: str = "", existing=None, changed=()) -> HttpResponse:
        refusal = self.refusal
        running = existing or (open_operation(self.invoice) if self.invoice and self.of_invoice else None)
        answerable = not refusal and running is None and self.can_be_shown
        context = {
            **self._shown(),
            "form": form,
            "arguments": arguments,
            "suggestions": self.suggestions,
            "must_type": self.must_type,
            "refusal": refusal,
            "running": running,
            "answerable": answerable,
            "problem": "" if problem == refusal else problem,
            "changed": changed,
            "effects": self._effects() if answerable else [],
            "kept": [] if answerable else _written(form, arguments),
            "alternatives": [] if answerable else self._alternatives(),
            "cancel_seconds": settings.DESK_CANCEL_SECONDS,
            "holding": brakes.of_the_desk() if answerable else [],
            "incident": open_of(self.invoice) if refusal and self.invoice else None,
        }
        status = 422 if self.request.method == "POST" else 200
        return render(self.request, "action/page.html", context, status=status)

    def _effects(self) -> list[EffectGroup]:
        assert self.about is not None
        return consequence_card(self.verb, self.about, self.shown.snapshot if self.shown else None)

    def _alternatives(self) -> list:
        if self.invoice is None:
            return []
        return [each for each in availability(self.invoice) if each.offered and each.verb is not self.verb]

    def _forbidden(self, missing: rights.NotAllowed) -> HttpResponse:
        return render(self.request, "action/forbidden.html", {**self._shown(), "missing": missing}, status=403)

    def _shown(self) -> dict:
        about, invoice = self.about, self.invoice
        if invoice is not None:
            connection, back = invoice.connection, reverse("invoice", args=[invoice.pk])
            whom = invoice.customer
        else:
            assert isinstance(about, Start)
            connection, whom = about.connection, about.customer or about.external_id
            back = reverse("start_from", args=[connection.pk, about.kind, about.external_id])
        return {
            "invoice": invoice,
            "connection": connection,
            "shown": self.shown,
            "snapshot": self.shown.snapshot if self.shown else None,
            "verb": self.verb,
            "of_invoice": self.of_invoice,
            "about": about,
            "whom": whom,
            "back": back,
        }
