"""Batches: all of them, one at work, and what it leaves behind."""

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from invoicing.access import rights
from invoicing.bulk import collecting, confirming, receipt, rehearsing
from invoicing.bulk.collecting import CannotBatch
from invoicing.bulk.outcomes import Outcome, Standing, having, outcome_of, standing_of, standings
from invoicing.bulk.verbs import bulk_verb
from invoicing.models import Batch, BatchRow
from invoicing.web.finding import address_of, must_see
from invoicing.web.rehearsals import about, batch_for, forms_of, prepare, preparing_page, rehearsal_page, rows_seen
from invoicing.web.waiting import worker_is_there

PAGE = 50
ROWS = 100


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Every batch, newest first; one's own at first."""
    must_see(request)
    whose = request.GET.get("whose", "mine")
    rows = Batch.objects.select_related("requester", "parent").order_by("-created_at", "-pk")
    rows = rows.exclude(state=Batch.State.DISCARDED) if whose != "discarded" else rows.filter(state="discarded")
    if whose != "all":
        rows = rows.filter(requester=request.user)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    known = standings(list(page))
    told = [{"batch": each, "standing": known[each.pk], "verb": bulk_verb(each.verb)} for each in page]
    return render(request, "batches/list.html", {"told": told, "page": page, "whose": whose})


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One batch as far as it has come: why and with what, the rehearsal, or how it runs. A post says why."""
    batch = batch_for(request, pk)
    if request.method == "POST":
        rights.require(request.user, "batch")
        return prepare(request, batch)
    if batch.state == Batch.State.REHEARSED and "edit" not in request.GET:
        return rehearsal_page(request, batch)
    if batch.preparing:
        return preparing_page(request, batch, *forms_of(batch))
    return render(request, "batches/page.html", _running(request, batch) | {"took": _took(request, batch)})


@require_GET
def progress(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The live part, polled while rows are open. Nothing new is answered with nothing, so that nothing moves on the page."""
    batch = batch_for(request, pk)
    if not request.htmx:
        return redirect("batch", batch.pk)
    if batch.preparing:
        response = HttpResponse(status=204)
        if not rehearsing.being_rehearsed(batch):
            response["HX-Refresh"] = "true"
        return response
    context = _running(request, batch)
    if request.GET.get("was") == context["stamp"] and request.GET.get("every") == str(context["every"]):
        return HttpResponse(status=204)
    return render(request, "batches/_progress.html", context)


def _running(request: HttpRequest, batch: Batch) -> dict:
    standing = standing_of(batch)
    every = _poll_seconds(batch, standing)
    show = request.GET.get("show", "")
    chosen = next((each for each in Outcome if each.value == show), None)
    rows = rows_seen(request, batch)
    if chosen:
        rows = rows.filter(having(chosen))
    pages = Paginator(rows, ROWS).get_page(request.GET.get("page"))
    return {
        **about(request, batch),
        "standing": standing,
        "stamp": "-".join([batch.state, *(f"{outcome.value}{count}" for outcome, count in standing.parts)]),
        "every": every,
        "told": [_told(row) for row in pages],
        "rows": pages,
        "show": chosen.value if chosen else "",
        "shown_as": chosen.label if chosen else "",
        "rate": _rate(batch, standing),
        "may_stop": rights.can(request.user, "cancel") and batch.can_be_stopped,
        "may_retry": rights.can(request.user, "batch") and batch.state == Batch.State.ENDED and standing.failed,
        "may_export": rights.can(request.user, "export"),
        "retries": batch.retries.order_by("created_at"),
        "no_worker": batch.going_on and standing.open and not worker_is_there(),
        "retry_token": uuid.uuid4().hex,
        "now": timezone.now(),
    }


def _took(request: HttpRequest, batch: Batch) -> str:
    """The invoices it began with, for the lists of who ticked them."""
    if not batch.going_on or batch.requester_id != request.user.pk:
        return ""
    return ",".join(map(str, batch.rows.values_list("invoice_id", flat=True)))


def _told(row: BatchRow) -> dict:
    operation = row.operation
    outcome = outcome_of(row.state, operation.state if operation else None)
    return {"row": row, "outcome": outcome, "why": receipt.why_of(row)}


def _rate(batch: Batch, standing: Standing) -> float | None:
    """Rows ended a minute, once there is something to say."""
    if not batch.not_before or batch.state == Batch.State.CONFIRMED or not standing.ended:
        return None
    seconds = ((batch.finished_at or timezone.now()) - batch.not_before).total_seconds()
    return 60 * standing.ended / seconds if seconds >= 5 else None


def _poll_seconds(batch: Batch, standing: Standing) -> int:
    """How often the page asks again: soon at first, then more patiently; 0 once every row has ended."""
    if not batch.going_on:
        return 0
    age = (timezone.now() - (batch.not_before or batch.created_at)).total_seconds()
    if standing.open == standing.person and standing.open:
        return 30  # only people or time can move these
    return 1 if age < 60 else 3 if age < 600 else 15


@require_POST
def stop(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Nothing that was not sent yet is sent any more."""
    batch = batch_for(request, pk)
    try:
        stopped = confirming.stop(batch, by=request.user, ip=address_of(request))
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    if not stopped:
        messages.warning(request, _("There was nothing left to stop. This is how it stands."))
    return redirect("batch", batch.pk)


@require_POST
def retry(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A new batch of the rows that came to nothing."""
    batch = batch_for(request, pk)
    token = f"again-{batch.pk.hex[:20]}-{request.POST.get('token', '')[:32] or uuid.uuid4().hex}"
    try:
        again = collecting.collect_again(batch, by=request.user, token=token, ip=address_of(request))
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    except CannotBatch as refusal:
        messages.warning(request, str(refusal))
        return redirect("batch", batch.pk)
    return redirect("batch", again.pk)


@require_GET
def receipt_page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Every row with its outcome, to print or keep."""
    batch = batch_for(request, pk)
    context = {
        **about(request, batch),
        "standing": standing_of(batch),
        "told": [_told(row) for row in rows_seen(request, batch)],
    }
    return render(request, "batches/receipt.html", context)


@require_GET
def receipt_file(request: HttpRequest, pk: uuid.UUID, kind: str) -> HttpResponse:
    """The same as a file."""
    batch = batch_for(request, pk)
    make, media = {
        "csv": (receipt.as_csv, "text/csv; charset=utf-8"),
        "json": (receipt.as_json, "application/json"),
    }[kind]
    try:
        rights.require(request.user, "export")
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    response = HttpResponse(make(batch, by=request.user), content_type=media)
    response["Content-Disposition"] = f'attachment; filename="batch-{batch.pk}.{kind}"'
    collecting.audit(batch, "receipt", actor=request.user, ip=address_of(request), format=kind)
    return response
