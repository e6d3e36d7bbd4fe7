"""A batch before it runs: why and with what, then the rehearsal that is confirmed, thinned out, or set aside."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from invoicing.access import rights, scopes
from invoicing.bulk import approval, caps, confirming, rehearsing
from invoicing.bulk.collecting import CannotBatch
from invoicing.bulk.verbs import bulk_verb
from invoicing.models import Batch
from invoicing.operations.arguments import Arguments
from invoicing.operations.verb import Effect
from invoicing.web.actions import EFFECTS, OTHERWISE, SUGGESTED
from invoicing.web.finding import address_of, must_see
from invoicing.web.formats import money_text
from invoicing.web.sentences import in_words
from invoicing.web.stepping_up import confirmed
from invoicing.web.waiting import worker_is_there

UNITS_ON_BUTTON = 3


def rows_seen(request: HttpRequest, batch: Batch):
    """The rows this person may see."""
    related = ("invoice__connection", "invoice__customer", "operation")
    rows = batch.rows.select_related(*related).order_by("position")
    return scopes.visible(rows, request.user, "invoice__connection")


def about(request: HttpRequest, batch: Batch) -> dict:
    verb = bulk_verb(batch.verb)
    money = rights.can(request.user, "view_money")
    return {"batch": batch, "verb": verb, "parent": batch.parent, "sees_money": money}


def batch_for(request: HttpRequest, pk: uuid.UUID) -> Batch:
    """Errors: Http404, also when this person may see nothing of it."""
    must_see(request)
    batch = get_object_or_404(Batch.objects.select_related("requester", "stopped_by", "parent"), pk=pk)
    if batch.requester_id != request.user.pk and not rows_seen(request, batch).exists():
        raise Http404
    return batch


# Why, and with what


class WhyForm(forms.Form):
    """The reason of a whole batch. Its rows are frozen already, so that there is nothing else to carry along."""

    suggested = forms.CharField(required=False, max_length=200)
    reason = forms.CharField(required=False, max_length=2000)
    reference = forms.CharField(required=False, max_length=200)

    def __init__(self, *given, suggestions: Sequence[str] = (), **named):
        super().__init__(*given, **named)
        self.suggestions = suggestions

    def clean(self):
        cleaned = super().clean()
        chosen = cleaned.get("suggested", "")
        chosen = chosen if chosen in self.suggestions else ""
        written = cleaned.get("reason", "").strip()
        cleaned["why"] = ": ".join(text for text in (chosen, written) if text)
        if not cleaned["why"] and "reason" not in self.errors:
            self.add_error("reason", _("Say why. The reason stays in the audit trail."))
        return cleaned


def forms_of(batch: Batch, given=None) -> tuple[WhyForm, Arguments | None]:
    verb = bulk_verb(batch.verb)
    about = rehearsing.common_arguments(batch)
    make = verb.form_for(about) if about else None
    suggestions = SUGGESTED.get(verb.key, OTHERWISE)
    first = {"reason": batch.reason, "reference": batch.reference}
    if given is None:
        form = WhyForm(initial=first, suggestions=suggestions)
        return form, in_words(make(initial=batch.arguments)) if make else None
    return WhyForm(given, suggestions=suggestions), in_words(make(given)) if make else None


def prepare(request: HttpRequest, batch: Batch) -> HttpResponse:
    form, arguments = forms_of(batch, request.POST)
    if not form.is_valid() or not (arguments is None or arguments.is_valid()):
        return preparing_page(request, batch, form, arguments, status=422)
    try:
        rehearsing.prepare(
            batch,
            by=request.user,
            reason=form.cleaned_data["why"],
            reference=form.cleaned_data["reference"],
            arguments=arguments.given() if arguments is not None else {},
            ip=address_of(request),
        )
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    except CannotBatch as refusal:
        return preparing_page(request, batch, form, arguments, problem=str(refusal), status=422)
    return redirect("batch", batch.pk)


def preparing_page(request, batch, form, arguments, *, problem="", status=200) -> HttpResponse:
    rows = list(rows_seen(request, batch))
    context = {
        **about(request, batch),
        "form": form,
        "arguments": arguments,
        "suggestions": form.suggestions,
        "problem": problem,
        "rows": rows,
        "totals": rehearsing.totals_of(rows),
        "at_work": rehearsing.being_rehearsed(batch),
        "no_worker": not worker_is_there(),
    }
    return render(request, "batches/prepare.html", context, status=status)


# The rehearsal


@dataclass(frozen=True)
class Group:
    """Consequences of one kind."""

    effect: Effect
    heading: str
    icon: str
    summed: list[rehearsing.Summed]


def rehearsal_page(
    request: HttpRequest, batch: Batch, *, problem: str = "", wrong: str = "", typed: str = "", status=200
):
    rehearsal = rehearsing.rehearsal_of(batch)
    found = rehearsal.consequences
    groups = [
        Group(effect, heading, icon, [s for s in found if s.effect is effect]) for effect, heading, icon in EFFECTS
    ]
    totals, count = rehearsal.totals, len(rehearsal.eligible)
    context = {
        **about(request, batch),
        "rehearsal": rehearsal,
        "totals": totals,
        "effects": [group for group in groups if group.summed],
        "refusals": [each for each in (caps.too_many(count), *caps.too_much(totals)) if each],
        "must_type": caps.count_to_type(count),
        "typed": typed,
        "wrong": wrong,
        "problem": problem,
        "mine": batch.requester_id == request.user.pk,
        "restated": _restated(totals),
        "duration": duration_text(rehearsal.seconds),
        "pacing": [(each, duration_text(each.seconds)) for each in rehearsal.pacing],
        "needs": approval.needed(batch, [row.invoice for row in rehearsal.eligible]),
        "cancel_seconds": settings.DESK_BATCH_CANCEL_SECONDS,
    }
    return render(request, "batches/rehearsal.html", context, status=status)


def _restated(totals: dict[str, Decimal]) -> str:
    """The totals as the button says them again: each unit apart."""
    texts = [money_text(total, unit) for unit, total in totals.items()]
    further = len(texts) - UNITS_ON_BUTTON
    if further > 0:
        words = ngettext("%(count)s more unit", "%(count)s more units", further) % {"count": further}
        texts = [*texts[:UNITS_ON_BUTTON], words]
    return ", ".join(texts)


def duration_text(seconds: int) -> str:
    if seconds < 60:
        return _("less than a minute")
    minutes = round(seconds / 60)
    if minutes < 90:
        return ngettext("about %(count)s minute", "about %(count)s minutes", minutes) % {"count": minutes}
    hours = round(minutes / 60)
    return ngettext("about %(count)s hour", "about %(count)s hours", hours) % {"count": hours}


@require_POST
def rehearse(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The same ids once more, as the invoices are now."""
    batch = batch_for(request, pk)
    try:
        rehearsing.begin(batch, by=request.user, anew=True, ip=address_of(request))
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    except CannotBatch as refusal:
        messages.warning(request, str(refusal))
    return redirect("batch", batch.pk)


@require_POST
def remove(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take rows out before it is confirmed."""
    batch = batch_for(request, pk)
    ids = [int(text) for text in request.POST.getlist("row") if text.isdecimal() and len(text) < 19]
    try:
        count = rehearsing.remove(batch, ids, by=request.user, ip=address_of(request))
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    except CannotBatch as refusal:
        messages.warning(request, str(refusal))
    else:
        said = ngettext("%(count)s row was taken out.", "%(count)s rows were taken out.", count) % {"count": count}
        messages.info(request, said)
    return redirect("batch", batch.pk)


@require_POST
@confirmed
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Let it run. Sent twice, it runs once."""
    batch = batch_for(request, pk)
    typed = request.POST.get("typed", "")[:20]
    try:
        confirming.confirm(
            batch,
            by=request.user,
            digest=request.POST.get("digest", ""),
            typed=typed,
            ip=address_of(request),
        )
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    except CannotBatch as refusal:
        batch.refresh_from_db()
        if batch.state != Batch.State.REHEARSED:
            messages.warning(request, str(refusal))
            return redirect("batch", batch.pk)
        said = {"wrong": str(refusal)} if refusal.field == "typed" else {"problem": str(refusal)}
        return rehearsal_page(request, batch, typed=typed, status=422, **said)
    return redirect("batch", batch.pk)


@require_POST
def discard(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Set it aside; nothing was asked for."""
    batch = batch_for(request, pk)
    try:
        if confirming.discard(batch, by=request.user, ip=address_of(request)):
            messages.info(request, _("The batch was discarded. Nothing was asked for."))
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    return redirect("batches")
