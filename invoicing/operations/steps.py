"""An operation made of others: each step is an operation with its own key, class and attempts, and the whole goes on when
a step has ended. Every move is made under the whole's row, so it may be tried any number of times.
"""

import uuid
from typing import Any

from django.db import transaction

from invoicing.access import rights
from invoicing.access.scopes import visible
from invoicing.approvals import asking, deciding
from invoicing.models import ApprovalRequest, Invoice, Operation, User, clock
from invoicing.operations import preimage
from invoicing.operations.queue import enqueue_dispatch
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import approve_and_enqueue, audit, title_of
from invoicing.operations.verb import target
from invoicing.operations.void_and_replace import MISSING, PAUSED, VoidAndReplace
from invoicing.vocabulary import OPEN_STATES, OperationState, SettledBy, Status

UNDER_WAY = (OperationState.SENDING, OperationState.NEEDS_PERSON)


class CannotGoOn(Exception):
    """There is nothing to go on with; the message says why."""


def begin(whole: Operation) -> None:
    """From approved to its first step, in one transaction."""
    with transaction.atomic(durable=True):
        moved = Operation.objects.filter(pk=whole.pk, state=OperationState.APPROVED, version=whole.version).update(
            state=OperationState.SENDING, version=whole.version + 1, lease_until=None
        )
        if moved:
            _make(whole, _steps(whole)[0])
    whole.refresh_from_db()


def go_on(whole: Operation) -> None:
    """Bring the whole to where its last step leads, if it is not there yet."""
    with transaction.atomic(durable=True):
        current = Operation.objects.select_for_update().get(pk=whole.pk)
        if current.state in UNDER_WAY:
            _advance(current)
    whole.refresh_from_db()


def all_under_way():
    """Wholes whose steps have begun and that have not ended."""
    return Operation.objects.filter(state__in=UNDER_WAY, parent=None, steps__isnull=False).distinct()


def replacements_missing():
    """What was voided and not replaced: on the first page of everyone who may act, until a person went on or let it be."""
    return Operation.objects.filter(
        verb=VoidAndReplace.key, parent=None, state=OperationState.NEEDS_PERSON, outcome__stage=MISSING
    )


def replacements_missing_for(person: User) -> list[Operation]:
    """Those that this person may see, the oldest first."""
    rows = replacements_missing().select_related("connection", "invoice__customer", "requester")
    return list(visible(rows, person).order_by("created_at"))


def resume(whole: Operation, *, by: User, reason: str, ip: str = "") -> Operation:
    """Go on with what is missing, by a new step, which waits for approval where the whole would. What was planned as a pause
    was approved with the whole. Errors: CannotGoOn; rights.NotAllowed.
    """
    rights.require(by, "request", whole)
    if not reason.strip():
        raise CannotGoOn("Say why. The reason stays in the audit trail.")
    with transaction.atomic(durable=True):
        current = Operation.objects.select_for_update().get(pk=whole.pk)
        stage = current.outcome.get("stage")
        if current.state != OperationState.NEEDS_PERSON or stage not in (MISSING, PAUSED):
            raise CannotGoOn("It waits for nothing that could be gone on with.")
        if current.steps.filter(state__in=OPEN_STATES).exists():
            raise CannotGoOn("A step of it is still under way.")
        audit(current, "resumed", actor=by, ip=ip, why=reason.strip(), stage=stage)
        _move(current, OperationState.SENDING, stage="")
        key = VoidAndReplace.to_replace[current.connection.provider]
        if stage == PAUSED and _approved(current):
            _make(current, key)
        else:
            _ask_for(current, key, by=by, reason=reason.strip())
    whole.refresh_from_db()
    return whole


def _advance(whole: Operation) -> None:
    last = whole.steps.order_by("created_at", "token").last()
    if last is None:
        return
    if last.state in OPEN_STATES:
        waits = last.state == OperationState.NEEDS_PERSON
        if waits != (whole.state == OperationState.NEEDS_PERSON):
            _move(whole, OperationState.NEEDS_PERSON if waits else OperationState.SENDING, stage="")
        return
    names = _steps(whole)
    voided = last.verb != names[0] or last.state == OperationState.SUCCEEDED or _is_void(whole)
    if last.state == OperationState.SUCCEEDED and last.verb == names[-1]:
        created = last.outcome.get("created", "")
        _end(whole, OperationState.SUCCEEDED, last.settled_by, message="", created=created)
    elif last.state == OperationState.SUCCEEDED and not whole.arguments.get("pause"):
        _make(whole, names[names.index(last.verb) + 1])
    elif last.state == OperationState.SUCCEEDED:
        _wait(whole, PAUSED, "It is voided. A person goes on once the copy outside is cancelled.")
    elif voided:
        _wait(whole, MISSING, last.outcome.get("message", ""))
    else:
        _end(whole, OperationState(last.state), last.settled_by, message=last.outcome.get("message", ""))


def _steps(whole: Operation) -> tuple[str, ...]:
    call = VERBS[whole.verb].call_at(whole.connection)
    return (call.steps if call else ()) or (whole.verb,)


def _is_void(whole: Operation) -> bool:
    return Invoice.objects.filter(operations=whole, status=Status.VOID).exists()


def _approved(whole: Operation) -> bool:
    """Whether an approval of the whole holds at this moment."""
    request = ApprovalRequest.objects.filter(operation=whole).first() or asking.covering(whole.correlation)
    return request is not None and not deciding.weak_spot(request)


def _make(whole: Operation, key: str) -> None:
    """One step, approved with the whole: what was approved is all of it."""
    step = _stored(whole, key, state=OperationState.APPROVED, not_before=clock.now())
    enqueue_dispatch(step, at=clock.now())


def _ask_for(whole: Operation, key: str, *, by: User, reason: str) -> None:
    """One step that a person goes on with."""
    step = _stored(whole, key, state=OperationState.REQUESTED, reason=reason)
    request = asking.open_for_rest(step, whole, by=by, title=title_of(step))
    if request is None:
        approve_and_enqueue(step, cancel_window=False, policy="none")
        return
    audit(step, "awaiting", policy=request.policy.number, needs=request.needs, seal=request.seal)
    _move(whole, OperationState.SENDING, message="What is missing waits for approval.")


def _stored(whole: Operation, key: str, **columns) -> Operation:
    invoice, verb = target(whole), VERBS[key]
    invoice.refresh_from_db()
    call = verb.call_at(whole.connection)
    if call is None:
        raise CannotGoOn("Its provider no longer offers what is missing.")
    shown = preimage.seen(invoice, verb)
    given: dict[str, Any] = {"reason": whole.reason} | columns
    step = Operation.objects.create(
        parent=whole,
        connection=whole.connection,
        invoice=invoice,
        external_id=whole.external_id,
        verb=key,
        call_class=call.call_class,
        seen=shown,
        seen_digest=preimage.digest(shown),
        token=f"{whole.pk.hex}-{whole.steps.count() + 1}",
        key=uuid.uuid4().hex,
        requester=whole.requester,
        reference=whole.reference,
        correlation=whole.correlation,
        created_at=clock.now(),
        **given,
    )
    audit(step, "step", of=str(whole.pk))
    return step


def _wait(whole: Operation, stage: str, message: str) -> None:
    if whole.state == OperationState.NEEDS_PERSON and whole.outcome.get("stage") == stage:
        return
    _move(whole, OperationState.NEEDS_PERSON, stage=stage, message=message)
    audit(whole, "waits", stage=stage, said=message[:300])


def _end(whole: Operation, state: OperationState, settled_by: str, **outcome) -> None:
    _move(whole, state, stage="", **outcome)
    Operation.objects.filter(pk=whole.pk).update(
        settled_by=settled_by or SettledBy.ANSWER, finished_at=clock.now(), next_look_at=None
    )
    audit(whole, state.value)


def _move(whole: Operation, state: OperationState, **outcome) -> None:
    """Under the row's lock."""
    looks_at = clock.now() if state == OperationState.NEEDS_PERSON else None
    whole.outcome = whole.outcome | outcome
    Operation.objects.filter(pk=whole.pk).update(
        state=state, version=whole.version + 1, outcome=whole.outcome, lease_until=None, next_look_at=looks_at
    )
    whole.version, whole.state = whole.version + 1, state
