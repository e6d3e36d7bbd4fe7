"""What was asked of providers: every operation, one in full, and calling one back."""

import uuid
from datetime import datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from invoicing.access import rights
from invoicing.access.scopes import visible
from invoicing.models import Attempt, Invoice, Operation
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import cancel as call_back
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import OPEN_STATES, OperationState
from invoicing.web.finding import address_of, must_see, operation_for
from invoicing.web.operation_standing import CLASSES, told
from invoicing.web.operation_story import story
from invoicing.web.resolving import needs_word, proposal_of
from invoicing.web.waiting import worker_is_there

PAGE = 50
MOST_OPEN = 200


@require_GET
def page(request: HttpRequest, pk) -> HttpResponse:
    """One operation: how it stands, its story, what it made."""
    operation = operation_for(request, pk)
    return render(request, "operation/page.html", _context(request, operation))


@require_GET
def state(request: HttpRequest, pk) -> HttpResponse:
    """The live part, polled while it is open. Nothing new is answered with nothing, so that nothing moves on the page."""
    operation = operation_for(request, pk)
    if not request.htmx:
        return redirect("operation", operation.pk)
    every = poll_seconds(operation)
    if "strip" in request.GET:
        return _strip(request, operation)
    if request.GET.get("was") == str(operation.version) and request.GET.get("every") == str(every):
        return HttpResponse(status=204)
    return render(request, "operation/_state.html", _context(request, operation))


def _strip(request: HttpRequest, operation: Operation) -> HttpResponse:
    """The few words on the invoice's own page."""
    if operation.open and request.GET.get("was") == str(operation.version):
        return HttpResponse(status=204)
    return render(request, "operation/_strip.html", {"operation": operation, "every": max(2, poll_seconds(operation))})


@require_POST
def cancel(request: HttpRequest, pk) -> HttpResponse:
    """Call it back while nothing was sent. Errors: PermissionDenied."""
    operation = operation_for(request, pk)
    try:
        done = call_back(operation, by=request.user, ip=address_of(request))
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    if not done:
        messages.warning(request, "It was too late to call it back: it was sent, or has ended. This is how it stands.")
    return redirect("operation", operation.pk)


def _context(request: HttpRequest, operation: Operation) -> dict:
    waits, money = operation.state == OperationState.APPROVED, rights.can(request.user, "view_money", operation)
    return {
        "operation": operation,
        "invoice": operation.invoice,
        "verb": VERBS[operation.verb],
        "told": told(operation, money=money),
        "story": story(operation, money=money),
        "created": _created(operation),
        "parent": operation.parent,
        "steps": operation.steps.order_by("created_at"),
        "class_words": CLASSES[operation.call_class],
        "every": poll_seconds(operation),
        "can_be_called_back": _can_be_called_back(operation),
        "may_cancel": rights.can(request.user, "cancel", operation),
        "may_settle": _may_settle(request, operation),
        "proposal": proposal_of(operation, request.user) if operation.open else None,
        "no_worker": operation.open and (waits or operation.state in LOOKED_INTO) and not worker_is_there(),
        "now": timezone.now(),
    }


LOOKED_INTO = (OperationState.ACCEPTED, OperationState.UNKNOWN, OperationState.NEEDS_PERSON)


def poll_seconds(operation: Operation) -> int:
    """How often the page asks again: soon while something is about to happen, then more patiently; 0 once it has ended."""
    if not operation.open:
        return 0
    now = timezone.now()
    due = [moment for moment in (operation.not_before, operation.next_look_at) if moment and moment > now]
    if due and operation.state != OperationState.SENDING:
        wait = (min(due) - now).total_seconds()
        return 1 if wait < 15 else 5 if wait < 300 else 30
    age = (now - operation.created_at).total_seconds()
    return 1 if age < 60 else 5 if age < 600 else 15


def _may_settle(request: HttpRequest, operation: Operation) -> bool:
    """Whether this person may say what became of it, or go on with it."""
    right = "request" if operation.outcome.get("stage") else "settle"
    return needs_word(operation) and any(rights.can(request.user, each, operation) for each in (right, "settle"))


def _can_be_called_back(operation: Operation) -> bool:
    if operation.state not in (OperationState.REQUESTED, OperationState.APPROVED):
        return False
    return not operation.attempts.filter(wire__in=[Attempt.Wire.MAYBE, Attempt.Wire.ANSWERED]).exists()


def _created(operation: Operation) -> dict | None:
    """The invoice that it made: its id, and the invoice itself once it is mirrored."""
    external_id = operation.outcome.get("created", "")
    if not external_id or external_id == operation.external_id:
        return None
    mirrored = Invoice.objects.filter(connection_id=operation.connection_id, external_id=external_id)
    return {"external_id": external_id, "invoice": mirrored.select_related("customer", "connection").first()}


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Every operation: open ones first, then those that ended, newest first."""
    must_see(request)
    chosen = {name: request.GET.get(name, "") for name in ("state", "verb", "provider")}
    seen = visible(Operation.objects.select_related("connection", "invoice__customer", "requester"), request.user)
    rows = _chosen(seen, chosen)
    waiting = list(rows.filter(state__in=OPEN_STATES, parent=None).order_by("-created_at", "-pk")[:MOST_OPEN])
    ended = rows.exclude(state__in=OPEN_STATES).order_by("-created_at", "-pk")
    mark = _mark(request.GET.get("before", ""))
    if mark:
        ended = ended.filter(Q(created_at__lt=mark[0]) | Q(created_at=mark[0], pk__lt=mark[1]))
    found = list(ended[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    query = request.GET.copy()
    query.pop("before", None)
    context = {
        "waiting": [] if mark else waiting,
        "ended": found[:PAGE],
        "chosen": chosen,
        "filtered": any(chosen.values()),
        "first_page": mark is None,
        "older": f"{last.created_at.isoformat()}~{last.pk}" if last else "",
        "query": query.urlencode(),
        "states": OperationState.choices,
        "verbs": VERBS.values(),
        "providers": PROVIDERS.values(),
    }
    return render(request, "operations/page.html", context)


def _chosen(rows, chosen: dict[str, str]):
    """Only names we know narrow anything; an unknown one finds nothing."""
    if chosen["state"] == "open":
        rows = rows.filter(state__in=OPEN_STATES)
    elif chosen["state"]:
        rows = rows.filter(state=chosen["state"])
    if chosen["verb"]:
        rows = rows.filter(verb=chosen["verb"])
    return rows.filter(connection__provider=chosen["provider"]) if chosen["provider"] else rows


def _mark(text: str) -> tuple[datetime, uuid.UUID] | None:
    """Where the last page ended: moment and id; None for the first page, and for what is no mark of ours."""
    at, _, identity = text.partition("~")
    try:
        moment = datetime.fromisoformat(at)
        return (moment, uuid.UUID(identity)) if moment.tzinfo else None
    except ValueError:
        return None
