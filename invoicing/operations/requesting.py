"""From a person's wish to a committed row. Nothing is sent from here."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from invoicing.access import rights
from invoicing.approvals import asking, deciding, seals
from invoicing.models import ApprovalRequest, AuditEntry, Invoice, Operation, User, clock
from invoicing.operations import preimage
from invoicing.operations.outage import outage
from invoicing.operations.queue import enqueue_dispatch
from invoicing.operations.registry import VERBS, open_operation, why_not
from invoicing.operations.targets import About, Start, target_of
from invoicing.operations.verb import Verb
from invoicing.vocabulary import OperationState


class CannotRequest(Exception):
    """Refused before anything was stored or sent. `field` is the form field it belongs to, or ""."""

    def __init__(self, message: str, *, field: str = "", existing: Operation | None = None):
        super().__init__(message)
        self.field, self.existing = field, existing


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a form, a bulk row or a command asks for: of an invoice, or of what a verb without an invoice starts from."""

    verb: str
    by: User
    reason: str
    token: str  # one per rendered form
    invoice: Invoice | None = None
    start: Start | None = None
    reference: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    seen_version: int | None = None  # the invoice version the person looked at
    ip: str = ""
    cancel_window: bool = True
    correlation: uuid.UUID | None = None

    @property
    def about(self) -> About:
        found = self.invoice or self.start
        if found is None:
            raise ValueError("A wish is about an invoice, or starts from something.")
        return found


def request_operation(wish: Wish) -> Operation:
    """Store the intent, approve it where no policy asks for others, and enqueue its dispatch.

    The same token finds the same operation, however often it is sent.
    Errors: CannotRequest; rights.NotAllowed.
    """
    existing = Operation.objects.filter(token=wish.token).first()
    if existing:
        return existing
    try:
        arguments = _checked(wish)
    except (CannotRequest, rights.NotAllowed) as refusal:
        same = Operation.objects.filter(token=wish.token).first()
        if same:  # the same form, sent twice at once: the other one was faster
            return same
        AuditEntry.objects.record(
            f"{wish.verb}.not_requested",
            actor=wish.by,
            target=target_of(wish.about),
            reason=wish.reason,
            correlation=wish.correlation,
            ip=wish.ip,
            why=str(refusal),
        )
        raise
    return _stored(wish, arguments)


def hindrance(wish: Wish) -> str:
    """Why this would be refused now; empty when it would be stored. For a rehearsal: nothing is stored or put on record."""
    try:
        _checked(wish)
    except (CannotRequest, rights.NotAllowed) as refusal:
        return str(refusal)
    return ""


def _checked(wish: Wish) -> dict[str, Any]:
    """The arguments, cleaned, when it may be asked. Errors: CannotRequest; rights.NotAllowed."""
    verb, about = VERBS[wish.verb], wish.about
    rights.require(wish.by, verb.right, about)
    if not wish.reason.strip():
        raise CannotRequest("Say why. The reason stays in the audit trail.", field="reason")
    if wish.invoice and wish.seen_version not in (None, wish.invoice.version):
        raise CannotRequest("The invoice changed after this form was opened. Look at it again, then confirm.")
    if verb.reads_only:
        raise CannotRequest(f"{verb.name} only reads; it is answered at once.")
    refusal = why_not(verb, about)
    if refusal:
        raise CannotRequest(refusal)
    running = open_operation(wish.invoice) if wish.invoice else None
    if running:
        raise CannotRequest(f"{VERBS[running.verb].name} is under way for this invoice.", existing=running)
    if not about.connection.enabled:
        raise CannotRequest(f"The connection {about.connection} is switched off.")
    if down := outage(about):
        raise CannotRequest(down)
    try:
        arguments = verb.cleaned(about, wish.arguments)
    except ValidationError as wrong:
        name, problems = next(iter(wrong.message_dict.items()))
        raise CannotRequest(problems[0], field="" if name == "__all__" else name) from None
    limits_must_allow(wish.by, verb, wish.invoice, arguments)
    _batch_must_cover(wish, arguments)
    return arguments


def limits_must_allow(by: User, verb: Verb, invoice: Invoice | None, arguments: dict[str, Any]) -> None:
    """What is paid, added or billed is within the person's limit, too, not only the invoice. Errors: CannotRequest."""
    for name, amount in seals.argued(invoice, arguments):
        try:
            rights.require(by, verb.right, amount=amount)
        except rights.NotAllowed as missing:
            raise CannotRequest(str(missing), field=name) from None


def _batch_must_cover(wish: Wish, arguments: dict[str, Any]) -> None:
    """Where a batch has to be approved as a whole, each of its rows is exactly what was approved. Errors: CannotRequest."""
    request = asking.covering(wish.correlation) if wish.correlation else None
    if request is None:
        return
    if request.state != ApprovalRequest.State.APPROVED:
        raise CannotRequest("The batch it belongs to is not approved.")
    weak = deciding.weak_spot(request)
    if weak:
        raise CannotRequest(f"The approval of the batch it belongs to does not hold. {weak}")
    row = wish.invoice and [wish.invoice.pk, preimage.digest(preimage.seen(wish.invoice, VERBS[wish.verb]))]
    approved = [[pk, shown] for pk, _connection, _external_id, _version, shown in request.content["rows"]]
    if row not in approved or request.content["verb"] != wish.verb or request.content["arguments"] != arguments:
        raise CannotRequest("It is not what was approved with the batch: the invoice changed.")


def _stored(wish: Wish, arguments: dict[str, Any]) -> Operation:
    verb, about = VERBS[wish.verb], wish.about
    call = verb.call_at(about.connection)
    if call is None:
        raise CannotRequest("Its provider does not offer this.")
    shown = preimage.seen(about, verb)
    try:
        with transaction.atomic(durable=True):
            operation = Operation.objects.create(
                connection=about.connection,
                invoice=wish.invoice,
                external_id=about.external_id,
                verb=verb.key,
                arguments=arguments,
                call_class=call.call_class,
                seen=shown,
                seen_digest=preimage.digest(shown),
                token=wish.token,
                key=uuid.uuid4().hex,
                requester=wish.by,
                reason=wish.reason.strip(),
                reference=wish.reference.strip(),
                correlation=wish.correlation or uuid.uuid4(),
                created_at=clock.now(),
            )
            audit(operation, "requested", actor=wish.by, ip=wish.ip, before=shown, arguments=arguments)
            _approve(operation, cancel_window=wish.cancel_window)
    except IntegrityError:
        same = Operation.objects.filter(token=wish.token).first()
        if same:
            return same
        running = open_operation(wish.invoice) if wish.invoice else None
        raise CannotRequest("Somebody else asked something of this invoice a moment ago.", existing=running) from None
    return operation


def title_of(operation: Operation) -> str:
    """What is asked, in a line: Void INV-7."""
    return f"{VERBS[operation.verb].name} {operation.invoice or operation.external_id}"


def _approve(operation: Operation, *, cancel_window: bool) -> None:
    """Where no policy asks for others, the request of a person with the right is its approval, and stands or falls with
    it. A batch was approved as a whole.
    """
    batch = asking.covering(operation.correlation)
    if batch:
        approve_and_enqueue(operation, cancel_window=cancel_window, policy=batch.policy.number, approval=batch.pk)
        return
    request = asking.open_for(operation, title=title_of(operation))
    if request:
        audit(operation, "awaiting", policy=request.policy.number, needs=request.needs, seal=request.seal)
    else:
        approve_and_enqueue(operation, cancel_window=cancel_window, policy="none")


def approve_and_enqueue(operation: Operation, *, cancel_window: bool = True, **facts) -> None:
    """Dispatch begins after the cancel window. In the caller's transaction; `facts`: what it was approved by."""
    wait = timedelta(seconds=settings.DESK_CANCEL_SECONDS if cancel_window else 0)
    operation.state, operation.version = OperationState.APPROVED, operation.version + 1
    operation.not_before = clock.now() + wait
    operation.save(update_fields=["state", "version", "not_before"])
    audit(operation, "approved", **facts)
    enqueue_dispatch(operation, at=operation.not_before)


def cancel(operation: Operation, *, by: User, ip: str = "") -> bool:
    """Call an operation back that was not sent yet. False when it was too late. Errors: rights.NotAllowed."""
    rights.require(by, "cancel", operation)
    waits = operation.state == OperationState.REQUESTED  # then it is withdrawn, if nobody decided meanwhile
    still = {"version": operation.version} if waits else {"attempt": operation.attempt}
    with transaction.atomic(durable=True):
        moved = (
            Operation.objects.filter(pk=operation.pk, state=operation.state, **still)
            .filter(state__in=[OperationState.REQUESTED, OperationState.APPROVED])
            .exclude(attempts__wire__in=["maybe", "answered"])
            .update(state=OperationState.CANCELLED, version=operation.version + 1, finished_at=clock.now())
        )
        if moved:
            audit(operation, "withdrawn" if waits else "cancelled", actor=by, ip=ip)
            request = ApprovalRequest.objects.filter(operation=operation, state=ApprovalRequest.State.OPEN).first()
            if request:
                deciding.end(request, ApprovalRequest.State.WITHDRAWN)
    operation.refresh_from_db()
    return bool(moved)


def audit(operation: Operation, what: str, *, actor=None, ip: str = "", **facts) -> AuditEntry:
    """One entry of this operation's story, in the caller's transaction."""
    return AuditEntry.objects.record(
        f"{operation.verb}.{what}",
        actor=actor,
        ip=ip,
        target=f"operation:{operation.pk}",
        reason=operation.reason,
        correlation=operation.correlation,
        invoice=operation.invoice_id,
        external_id=operation.external_id,
        **facts,
    )
