"""Approval of operations: the one service behind page and command. What is approved is an exact content, and only that is
sent: it is compared when somebody approves, and once more with a fresh read before anything goes out.
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.approvals import asking, deciding, seals
from invoicing.approvals.deciding import CannotDecide
from invoicing.approvals.people import Table
from invoicing.jobs.api import enqueue
from invoicing.models import Approval, ApprovalRequest, AuditEntry, Invoice, Operation, User, clock
from invoicing.operations import preimage, steps
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import (
    CannotRequest,
    Wish,
    approve_and_enqueue,
    audit,
    cancel,
    limits_must_allow,
    request_operation,
)
from invoicing.operations.verb import NoLonger
from invoicing.vocabulary import OperationState

State = ApprovalRequest.State


class SealBroken(Exception):
    """What would be sent is not what was approved. Nothing was sent; it waits for approval again."""


def approve(
    request: ApprovalRequest, *, by: User, seal: str, reason: str = "", in_place_of: int | None = None, ip: str = ""
) -> ApprovalRequest:
    """One person's yes. With the last one that is needed, its operation or batch goes on its way.

    `seal`: of the content the person looked at. Errors: CannotDecide; rights.NotAllowed.
    """

    def decide(current: ApprovalRequest, operation: Operation | None) -> None:
        deciding.sign(current, by=by, seal=seal, reason=reason, in_place_of=in_place_of, ip=ip)
        if Table(current).missing:
            _touch(operation)
            return
        deciding.end(current, State.APPROVED)
        deciding.note(current, "complete")
        if operation:
            approve_and_enqueue(operation, policy=current.policy.number, approval=current.pk)
        elif current.then:
            enqueue(import_string(current.then), by=current.requester, batch_id=str(current.batch))

    return _decided(request, by, ip, "approve", decide)


def reject(request: ApprovalRequest, *, by: User, seal: str, reason: str, ip: str = "") -> ApprovalRequest:
    """One person's no, which ends it. Errors: CannotDecide; rights.NotAllowed."""

    def decide(current: ApprovalRequest, operation: Operation | None) -> None:
        deciding.turn_down(current, by=by, seal=seal, reason=reason, ip=ip)
        if operation:
            _end(operation, OperationState.REJECTED, reason.strip(), "rejected", actor=by, ip=ip)

    return _decided(request, by, ip, "reject", decide)


def withdraw(request: ApprovalRequest, *, by: User, ip: str = "") -> bool:
    """Take back what was asked for. False when it was decided meanwhile. Errors: rights.NotAllowed."""
    if request.operation:
        withdrawn = cancel(request.operation, by=by, ip=ip)
        _tell_the_whole(request.operation)
        return withdrawn
    rights.require(by, "cancel")
    with transaction.atomic(durable=True):
        current = deciding.locked(request)
        if not current.open:
            return False
        deciding.end(current, State.WITHDRAWN)
        deciding.note(current, "withdrawn", actor=by, ip=ip)
    request.refresh_from_db()
    return True


def rework(
    request: ApprovalRequest,
    *,
    by: User,
    seal: str,
    reason: str,
    reference: str,
    arguments: Mapping[str, Any],
    token: str,
    ip: str = "",
) -> Operation:
    """Change what was asked for. While it waits, the change breaks its seal and who made it is kept out of approving it;
    once it has ended without being sent, it is asked for anew. Batches are frozen.

    Errors: CannotDecide; CannotRequest; rights.NotAllowed.
    """
    old = request.operation
    if old is None:
        raise CannotDecide(_("A batch is frozen. Withdraw it and rehearse another one."))
    if not request.open:
        if old.open or old.state == OperationState.SUCCEEDED:
            raise CannotDecide(_("It is on its way already."))
        verb = VERBS[old.verb]
        about = verb.about(old)
        return request_operation(
            Wish(
                verb=old.verb,
                invoice=about if isinstance(about, Invoice) else None,
                start=None if isinstance(about, Invoice) else about,
                by=by,
                reason=reason,
                reference=reference,
                token=token,
                arguments=arguments,
                ip=ip,
            )
        )
    return _revised(request, by, seal, reason, reference, arguments, ip)


def _revised(request, by, seal, reason, reference, arguments, ip) -> Operation:
    verb = VERBS[request.operation.verb]
    rights.require(by, verb.right, request.operation)
    if not reason.strip():
        raise CannotRequest(_("Say why. The reason stays in the audit trail."), field="reason")
    with transaction.atomic(durable=True):
        operation, current = _both(request)
        if operation is None or not current.open:
            raise CannotDecide(_("It is decided already."))
        if seal != current.seal:
            raise CannotDecide(_("It was changed after you opened this page. Look at it again."))
        about = verb.about(operation)
        try:
            cleaned = verb.cleaned(about, arguments)
        except ValidationError as wrong:
            name, problems = next(iter(wrong.message_dict.items()))
            raise CannotRequest(problems[0], field="" if name == "__all__" else name) from None
        limits_must_allow(by, verb, operation.invoice, cleaned)
        before = {"arguments": operation.arguments, "reason": operation.reason, "reference": operation.reference}
        operation.arguments, operation.reason, operation.reference = cleaned, reason.strip(), reference.strip()
        operation.seen = preimage.seen(about, verb)
        operation.seen_digest = preimage.digest(operation.seen)
        operation.version += 1
        operation.save()
        was, content = current.content, seals.content_of(operation, operation.seen)
        _ask_as_it_is_now(operation, current)
        why = _("%(person)s changed what is asked for.") % {"person": by}
        changed = seals.changes(was, content)
        deciding.renew(current, content, why=why, changed=changed, editor=by)
        audit(operation, "reworked", actor=by, ip=ip, before=before, after=cleaned, seal=current.seal)
    request.refresh_from_db()
    return operation


def open_for_batch(batch: uuid.UUID, *, verb: str, arguments: dict[str, Any], invoices: list[Invoice], **more):
    """One request for all of a batch: see `approvals.asking.open_for_batch`. None where the policy asks nobody."""
    rows = [(each, preimage.digest(preimage.seen(each, VERBS[verb]))) for each in invoices]
    with transaction.atomic():
        request = asking.open_for_batch(batch, verb=verb, arguments=arguments, rows=rows, **more)
        if request:
            deciding.note(request, "asked", actor=request.requester, rows=len(rows), needs=request.needs)
    return request


def request_of(operation: Operation) -> ApprovalRequest | None:
    """The request that an operation stands on: its own, that of the whole it is a step of, or its batch's."""
    own = ApprovalRequest.objects.filter(operation=operation).first()
    whole = operation.parent or operation
    return own or ApprovalRequest.objects.filter(operation=whole).first() or asking.covering(whole.correlation)


def must_be_signed(operation: Operation, changed: list[str], refusal: str) -> None:
    """Just before it is sent, after a fresh read: it is what was approved, and the approval still holds.

    Errors: SealBroken, where it can be approved as it is now; NoLonger.
    """
    request = request_of(operation)
    if request is None:
        return
    if operation.parent and request.operation_id != operation.pk:
        _first_step_must_be_signed(operation, request)
        return
    weak = deciding.weak_spot(request)
    if not weak and not _is_what_was_signed(operation, request):
        weak = _("What would be sent is not what was signed.")
    if not weak and not changed:
        return
    if request.batch or refusal:
        why = _("The invoice changed since it was approved: %(what)s.") % {"what": "; ".join(changed)}
        raise NoLonger(weak or refusal or why, changed=changed)
    said = _("The invoice changed after it was approved.") if changed else ""
    raise SealBroken(f"{said} {weak}".strip())


def _first_step_must_be_signed(step: Operation, request: ApprovalRequest) -> None:
    """A whole is approved at once. Once its first half is done, the rest follows whatever becomes of the approvers."""
    whole = step.parent
    if whole is None or whole.steps.exclude(pk=step.pk).exists() or step.invoice is None:
        return
    changed = preimage.differences(whole.seen, preimage.seen(step.invoice, VERBS[whole.verb]))
    weak = deciding.weak_spot(request) or "; ".join(changed)
    if not weak and not _is_what_was_signed(whole, request):
        weak = _("What would be sent is not what was signed.")
    if weak:
        raise NoLonger(weak)


def _is_what_was_signed(operation: Operation, request: ApprovalRequest) -> bool:
    signed = seals.is_of if request.operation_id else seals.is_row_of
    return signed(request.content, operation)


def back_to_awaiting(operation: Operation, why: str) -> None:
    """The seal broke before it was sent: it waits again, with what changed, and earlier approvals count no more."""
    with transaction.atomic(durable=True):
        current = Operation.objects.select_for_update().get(pk=operation.pk)
        request = ApprovalRequest.objects.select_for_update().get(operation=current)
        if current.state == OperationState.APPROVED and current.version == operation.version:
            _renewed(current, request, why)
    operation.refresh_from_db()


def check(request: ApprovalRequest) -> bool:
    """Compare what waits with the mirror, and begin a new round where it differs. True when it still holds."""
    with transaction.atomic(durable=True):
        operation, current = _both(request)
        holds = operation is None or not current.open or not _broken(operation, current)
        if operation and not holds:
            _renewed(operation, current, _("The invoice changed after it was asked for."))
    request.refresh_from_db()
    return holds


def expire(request: ApprovalRequest) -> bool:
    """End what nobody decided in time. False when it is not over, or was decided."""
    with transaction.atomic(durable=True):
        operation, current = _both(request)
        if not current.open or current.expires_at > clock.now():
            return False
        deciding.end(current, State.EXPIRED)
        deciding.note(current, "expired")
        if operation:
            _end(operation, OperationState.EXPIRED, _("It was not approved in time."), "expired")
    _tell_the_whole(operation)
    request.refresh_from_db()
    return True


def sweep() -> dict[str, int]:
    """What waits is ended when its time is over, and held against the mirror meanwhile."""
    counts = {"expired": 0, "broken": 0}
    for request in ApprovalRequest.objects.filter(state=State.OPEN).order_by("pk"):
        if expire(request):
            counts["expired"] += 1
        elif not check(request):
            counts["broken"] += 1
    return counts


def _decided(
    request: ApprovalRequest, by: User, ip: str, what: str, decide: Callable[[ApprovalRequest, Operation | None], None]
) -> ApprovalRequest:
    """Under the rows' locks. A refusal leaves a trace, too; a broken seal is kept, and what broke it."""
    try:
        with transaction.atomic(durable=True):
            operation, current = _both(request)
            broken = operation is not None and current.open and _broken(operation, current)
            if operation and broken:
                _renewed(operation, current, _("The invoice changed after it was asked for."))
            else:
                decide(current, operation)
        _tell_the_whole(operation)
        request.refresh_from_db()
        if broken:
            raise CannotDecide(
                _("The invoice changed after this was asked for, so nothing was counted. See what changed.")
            )
    except (CannotDecide, rights.NotAllowed) as refusal:
        target = f"operation:{request.operation_id}" if request.operation_id else f"approval:{request.pk}"
        correlation = request.operation.correlation if request.operation else request.batch
        AuditEntry.objects.record(
            f"approval.{what}_refused", actor=by, target=target, correlation=correlation, ip=ip, why=str(refusal)
        )
        raise
    return request


def _both(request: ApprovalRequest) -> tuple[Operation | None, ApprovalRequest]:
    """Both rows, held until the transaction ends; the operation's first, as everywhere."""
    operation = None
    if request.operation_id:
        operation = Operation.objects.select_for_update().get(pk=request.operation_id)
    return operation, deciding.locked(request)


def _broken(operation: Operation, request: ApprovalRequest) -> bool:
    if not seals.is_of(request.content, operation) or seals.digest(request.content) != request.seal:
        return True
    verb = VERBS[operation.verb]
    return bool(preimage.differences(operation.seen, preimage.seen(verb.about(operation), verb)))


def _renewed(operation: Operation, request: ApprovalRequest, why: str) -> None:
    """Both rows are held. What cannot be asked of it any more ends; the rest waits for approval as it is now."""
    verb = VERBS[operation.verb]
    about = verb.about(operation)
    refusal = verb.refusal(about)
    was = request.content
    if refusal:
        deciding.end(request, State.OVERTAKEN)
        _end(operation, OperationState.REFUSED, f"{why} {refusal} Nothing was sent.", "refused")
        return
    operation.seen = preimage.seen(about, verb)
    operation.seen_digest = preimage.digest(operation.seen)
    operation.state, operation.version = OperationState.REQUESTED, operation.version + 1
    operation.not_before = None
    operation.save(update_fields=["seen", "seen_digest", "state", "version", "not_before"])
    content = seals.content_of(operation, operation.seen)
    _ask_as_it_is_now(operation, request)
    signed = list(request.decisions.filter(round=request.round, decision=Approval.Decision.APPROVED))
    changed = seals.changes(was, content)
    deciding.renew(request, content, why=why[:500], changed=changed)
    audit(
        operation,
        "stale",
        why=why,
        changed=changed,
        before=was.get("seen"),
        after=operation.seen,
        approvals_lost=[str(each.by) for each in signed],
        seal=request.seal,
    )


def _ask_as_it_is_now(operation: Operation, request: ApprovalRequest) -> None:
    """What changed may need other people, as the policy in force sees it; what was asked for once is not asked less of."""
    policy, needs = asking.needed_now(operation)
    if policy and needs:
        names = {need["rule"] for need in needs}
        request.policy = policy
        request.needs = needs + [need for need in request.needs if need["rule"] not in names]


def _tell_the_whole(operation: Operation | None) -> None:
    """A step that was not approved leads the whole back to what is missing."""
    if operation and operation.parent:
        steps.go_on(operation.parent)


def _touch(operation: Operation | None) -> None:
    """So that pages that follow it see that something happened."""
    if operation:
        operation.version += 1
        operation.save(update_fields=["version"])


def _end(operation: Operation, state: OperationState, message: str, what: str, **by) -> None:
    """The row is held. Nothing of it was sent."""
    operation.state, operation.version, operation.finished_at = state, operation.version + 1, clock.now()
    operation.outcome = operation.outcome | {"message": message, "sent": False}
    operation.save(update_fields=["state", "version", "finished_at", "outcome"])
    audit(operation, what, why=message, **by)
