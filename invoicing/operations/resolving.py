"""What reading back cannot settle, a person does: with a reason, and with a second person where there is one."""

from typing import Any

from django.db import transaction

from invoicing.access import rights
from invoicing.access.rights import Agreement
from invoicing.models import Invoice, Operation, User, clock
from invoicing.operations import steps
from invoicing.operations.requesting import audit
from invoicing.vocabulary import OPEN_STATES, OperationState, SettledBy


class CannotResolve(Exception):
    """The message says why."""


def resolve(
    operation: Operation,
    *,
    applied: bool,
    by: User,
    reason: str,
    evidence: str = "",
    created: str = "",
    ip: str = "",
) -> Agreement:
    """Say whether the effect exists at the provider. The first person proposes, another one agrees.

    `evidence`: where that was seen; `created`: the external id of what it made, if anything.
    Errors: CannotResolve; rights.NotAllowed.
    """
    rights.require(by, "settle", operation)
    if not reason.strip():
        raise CannotResolve("Say what you saw at the provider. It stays in the audit trail.")
    with transaction.atomic(durable=True):
        current = Operation.objects.select_for_update().get(pk=operation.pk)
        if current.state != OperationState.NEEDS_PERSON:
            raise CannotResolve("Only what needs a person is settled by one; this is looked into without.")
        if current.steps.filter(state__in=OPEN_STATES).exists():
            raise CannotResolve("A step of it is still under way.")
        proposal = current.outcome.get("proposal") or {}
        same = proposal.get("applied") == applied and created.strip() in ("", proposal.get("created", ""))
        asked_by = proposal.get("by") if same else None
        created = created.strip() or (proposal.get("created", "") if same else "")
        found = rights.agreement("settle", asked_by=asked_by, by=by, thing=current)
        facts = {"applied": applied, "why": reason.strip(), "agreement": found.value}
        facts |= {name: text for name, text in (("evidence", evidence.strip()), ("created", created)) if text}
        if found is Agreement.ASKED:
            _propose(current, by, facts)
            audit(current, "resolution_proposed", actor=by, ip=ip, **facts)
        else:
            _settle(current, applied, reason.strip(), created)
            audit(current, "resolved", actor=by, ip=ip, proposed_by=asked_by, **facts)
    operation.refresh_from_db()
    if operation.parent and not operation.open:
        steps.go_on(operation.parent)
    return found


def expects(operation: Operation, by: User) -> Agreement:
    """What this person's word would come to now, were it the same as what is proposed."""
    proposal = operation.outcome.get("proposal") or {}
    return rights.agreement("settle", asked_by=proposal.get("by"), by=by, thing=operation)


def _propose(operation: Operation, by: User, facts: dict[str, Any]) -> None:
    proposal = {
        "by": by.pk,
        "name": str(by),
        "applied": facts["applied"],
        "reason": facts["why"],
        "evidence": facts.get("evidence", ""),
        "created": facts.get("created", ""),
        "at": clock.now().isoformat(),
    }
    Operation.objects.filter(pk=operation.pk).update(
        outcome={**operation.outcome, "proposal": proposal}, version=operation.version + 1
    )


def _settle(operation: Operation, applied: bool, reason: str, created: str) -> None:
    now = clock.now()
    outcome = {name: value for name, value in operation.outcome.items() if name not in ("proposal", "stage")}
    outcome |= {"message": reason} | ({"created": created} if created else {})
    Operation.objects.filter(pk=operation.pk).update(
        state=OperationState.SUCCEEDED if applied else OperationState.NOT_DONE,
        settled_by=SettledBy.PERSON,
        finished_at=now,
        next_look_at=None,
        outcome=outcome,
        version=operation.version + 1,
    )
    if applied and operation.invoice_id:
        Invoice.objects.filter(pk=operation.invoice_id).update(confirmed_change_at=now)
