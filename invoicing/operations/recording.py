"""The one place where an operation's outcome is written: operation, attempt and audit entry stand or fall together."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from invoicing.logs import redacted
from invoicing.models import Attempt, Connection, Invoice, Operation, clock
from invoicing.operations import looks
from invoicing.operations.classify import Classified, Outcome
from invoicing.operations.queue import enqueue_dispatch, enqueue_look
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import audit
from invoicing.providers.base import Request
from invoicing.vocabulary import OperationState, SettledBy

MAX_ATTEMPTS = 3


def digest_of(endpoint: str, request: Request) -> str:
    """The digest of a request's bytes: a resend must equal the first one."""
    parts = {"endpoint": endpoint, "path": dict(request.path), "query": list(request.query), "body": request.body}
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def record_outcome(
    operation: Operation, attempt: Attempt, result: Classified, *, body: bytes, milliseconds: int
) -> None:
    """Write what an attempt came to. A worker whose lease is gone changes nothing but leaves its evidence.

    Errors: DatabaseError, when it could not be committed; the caller spools it.
    """
    now = clock.now()
    state, columns = _next(operation, result, now)
    with transaction.atomic(durable=True):
        Attempt.objects.filter(pk=attempt.pk, ended_at=None).update(
            wire=result.wire,
            http_status=result.http_status,
            classified=result.outcome.value,
            said=redacted(result.message)[:500],
            response_sha256=hashlib.sha256(body).hexdigest() if body else "",
            milliseconds=milliseconds,
            ended_at=now,
        )
        moved = Operation.objects.filter(
            pk=operation.pk,
            state=OperationState.SENDING,
            attempt=attempt.number,
            lease_token=attempt.lease_token,
        ).update(state=state, version=operation.version + 1, lease_until=None, **columns)
        if moved:
            audit(
                operation,
                result.outcome.value,
                attempt=attempt.number,
                status=result.http_status,
                said=redacted(result.message)[:300],
            )
            if result.pause_connection:
                Connection.objects.filter(pk=operation.connection_id).update(
                    last_error=redacted(result.message)[:500], last_error_at=now
                )
            if state == OperationState.APPROVED:
                enqueue_dispatch(operation, at=columns["not_before"])
            if state == OperationState.SUCCEEDED and operation.invoice_id:
                Invoice.objects.filter(pk=operation.invoice_id).update(confirmed_change_at=now)
            if columns.get("next_look_at"):
                enqueue_look(operation, at=columns["next_look_at"])
        else:
            _late_evidence(operation, attempt, result)
    operation.refresh_from_db()


def _next(operation: Operation, result: Classified, now: datetime) -> tuple[OperationState, dict]:
    """The state an outcome leads to, and the columns that go with it."""
    outcome = {"message": redacted(result.message)[:500]}
    if result.said:
        outcome |= {"created": result.said.created, **dict(result.said.facts)}
    quiet = looks.quiet_after(now)
    unknown = {"outcome": outcome, "quiet_at": quiet, "next_look_at": now, "looks": 0}
    maybe_before = operation.attempts.filter(number__lt=operation.attempt).exclude(wire=Attempt.Wire.NONE).exists()
    match result.outcome:
        case Outcome.DONE if VERBS[operation.verb].answer_proves:
            return OperationState.SUCCEEDED, {"outcome": outcome, "settled_by": SettledBy.ANSWER, "finished_at": now}
        case Outcome.DONE | Outcome.ACCEPTED:
            return OperationState.ACCEPTED, unknown
        case Outcome.REFUSED:
            return OperationState.REFUSED, {"outcome": outcome, "settled_by": SettledBy.ANSWER, "finished_at": now}
        case Outcome.NOT_SENT if not maybe_before:
            wait = looks.scaled(min(900, 15 * 2**operation.attempt)).total_seconds()
            return OperationState.APPROVED, {"outcome": outcome, "not_before": now + timedelta(seconds=wait)}
        case Outcome.LATER if sends(operation) < MAX_ATTEMPTS and not _replays_errors(operation):
            wait = result.retry_after or looks.scaled(15 * 2**operation.attempt).total_seconds()
            columns = {"outcome": outcome, "not_before": now + timedelta(seconds=wait), "quiet_at": quiet, "looks": 0}
            return OperationState.APPROVED, columns
    return OperationState.UNKNOWN, unknown


def sends(operation: Operation) -> int:
    """How often it may have left this machine; an attempt of which nothing was written does not count."""
    return operation.attempts.exclude(wire=Attempt.Wire.NONE).count()


def _replays_errors(operation: Operation) -> bool:
    """Whether the same key would only bring the same answer again."""
    call = VERBS[operation.verb].call_at(operation.connection)
    return call is not None and call.replays_errors


def _late_evidence(operation: Operation, attempt: Attempt, result: Classified) -> None:
    """The lease was lost while the call was under way. That the provider said yes is still worth knowing: look at once."""
    current = Operation.objects.select_for_update().get(pk=operation.pk)
    current.evidence.append(
        {"at": clock.now().isoformat(), "late": True, "attempt": attempt.number, "saw": result.outcome.value}
    )
    current.save(update_fields=["evidence"])
    if current.open:
        Operation.objects.filter(pk=operation.pk).update(next_look_at=clock.now())
        enqueue_look(current, at=None)


def refuse(operation: Operation, why: str, *, changed: Sequence[str] = ()) -> None:
    """End it before anything was sent: what was asked no longer holds. `changed`: what of the invoice is not as it was."""
    outcome: dict[str, Any] = {"message": why, "sent": False}
    with transaction.atomic(durable=True):
        moved = Operation.objects.filter(
            pk=operation.pk, state=OperationState.APPROVED, version=operation.version
        ).update(
            state=OperationState.REFUSED,
            version=operation.version + 1,
            outcome=outcome | ({"changed": list(changed)} if changed else {}),
            finished_at=clock.now(),
        )
        if moved:
            audit(operation, "refused", why=why)
    operation.refresh_from_db()


def look_again(operation: Operation, why: str) -> None:
    """Before a resend something is not as it was: that may be our own effect, so it is read back, and not sent any more."""
    now = clock.now()
    outcome = operation.outcome | {"held_back": f"It was not sent again: {why}"}
    with transaction.atomic(durable=True):
        moved = Operation.objects.filter(
            pk=operation.pk, state=OperationState.APPROVED, version=operation.version
        ).update(state=OperationState.UNKNOWN, version=operation.version + 1, next_look_at=now, outcome=outcome)
        if moved:
            audit(operation, "unknown", why=why)
            enqueue_look(operation, at=now)
    operation.refresh_from_db()
