"""An operation as JSON, for commands and later for the API: the whole story, nothing secret."""

from typing import Any

from invoicing.models import Operation


def as_json(operation: Operation) -> dict[str, Any]:
    """Ids and times as text; attempts and steps in order."""
    return {
        "id": str(operation.pk),
        "connection": operation.connection.name,
        "provider": operation.connection.provider,
        "invoice": operation.invoice_id,
        "external_id": operation.external_id,
        "verb": operation.verb,
        "class": operation.call_class,
        "arguments": operation.arguments,
        "state": operation.state,
        "settled_by": operation.settled_by,
        "reason": operation.reason,
        "reference": operation.reference,
        "requester": operation.requester.email,
        "key": operation.key,
        "outcome": operation.outcome,
        "message": operation.outcome.get("message", ""),
        "evidence": operation.evidence,
        "created_at": operation.created_at.isoformat(),
        "finished_at": operation.finished_at.isoformat() if operation.finished_at else None,
        "next_look_at": operation.next_look_at.isoformat() if operation.next_look_at else None,
        "attempts": [
            {
                "number": attempt.number,
                "committed_at": attempt.committed_at.isoformat(),
                "wire": attempt.wire,
                "http_status": attempt.http_status,
                "classified": attempt.classified,
                "said": attempt.said,
                "milliseconds": attempt.milliseconds,
            }
            for attempt in operation.attempts.all()
        ],
        "steps": [] if operation.parent_id else [as_json(step) for step in _in_order(operation)],
    }


def _in_order(whole: Operation) -> list[Operation]:
    return sorted(whole.steps.all(), key=lambda step: step.created_at)
