"""One person's decision on a request, and what happens to the request when its content changes or its time is over.

What follows for the operation or the batch is the business of whoever called, in the same transaction.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.approvals import seals, workdays
from invoicing.approvals.people import Seat, Table
from invoicing.models import Approval, ApprovalRequest, AuditEntry, User, clock

State = ApprovalRequest.State


class CannotDecide(Exception):
    """It was not counted; the message says why. `field`: the form field it belongs to, or ""."""

    def __init__(self, message: str, *, field: str = ""):
        super().__init__(message)
        self.field = field


def locked(request: ApprovalRequest) -> ApprovalRequest:
    """The row, held until the transaction ends."""
    return ApprovalRequest.objects.select_for_update().get(pk=request.pk)


def sign(request: ApprovalRequest, *, by: User, seal: str, reason: str, in_place_of: int | None, ip: str) -> Approval:
    """Approve the locked request: it is complete when `Table(request).missing` is 0. `seal`: of what the person looked at.

    Errors: CannotDecide; rights.NotAllowed.
    """
    rights.require(by, "approve")
    _must_be_open(request)
    if seal != request.seal:
        raise CannotDecide(_("What you looked at is not what is asked for any more. Look at it again, then decide."))
    stand = Table(request).stand_of(by)
    seat = next((each for each in stand.seats if in_place_of in (None, each.counts_for.pk)), None)
    if seat is None:
        raise CannotDecide(stand.why_not or _("You do not stand in for that person now."))
    if stand.solo and not reason.strip():
        raise CannotDecide(
            _("Nobody else can approve this, so you may alone. Say why; it stays on record."), field="reason"
        )
    return _recorded(request, seat, Approval.Decision.APPROVED, reason, ip, solo=stand.solo)


def turn_down(request: ApprovalRequest, *, by: User, seal: str, reason: str, ip: str) -> Approval:
    """Reject the locked request. Errors: CannotDecide; rights.NotAllowed."""
    rights.require(by, "approve")
    _must_be_open(request)
    if seal != request.seal:
        raise CannotDecide(_("What you looked at is not what is asked for any more. Look at it again, then decide."))
    if not reason.strip():
        raise CannotDecide(_("Say why. The person who asked reads it, and it stays on record."), field="reason")
    table = Table(request)
    if by.pk == request.requester_id:
        raise CannotDecide(_("You asked for this yourself: withdraw it instead."))
    if not table.may_sign_at_all(by):
        raise CannotDecide(_("It is outside what you may approve: its connection, or its amount."))
    decided = _recorded(request, Seat(by, by, rights.roles_of(by)), Approval.Decision.REJECTED, reason, ip)
    end(request, State.REJECTED)
    return decided


def end(request: ApprovalRequest, state: ApprovalRequest.State) -> None:
    request.state, request.decided_at, request.version = state, clock.now(), request.version + 1
    request.save(update_fields=["state", "decided_at", "version"])


def renew(
    request: ApprovalRequest,
    content: dict[str, Any],
    *,
    why: str,
    changed: list[seals.Change],
    editor: User | None = None,
) -> None:
    """Begin a new round over what it is now: earlier approvals stay on record and count no more."""
    now, content = clock.now(), content | {"policy": request.policy.number}
    request.round, request.version, request.state = request.round + 1, request.version + 1, State.OPEN
    request.content, request.seal = content, seals.digest(content)
    request.broken, request.broken_why, request.decided_at = changed, why, None
    request.editor = editor or request.editor
    request.due_at = workdays.due_after(now, settings.DESK_APPROVAL_DUE_DAYS)
    request.expires_at = now + timedelta(days=settings.DESK_APPROVAL_EXPIRES_DAYS)
    request.save()


def weak_spot(request: ApprovalRequest) -> str:
    """Why its approval does not hold at this moment, apart from the content; empty while it does."""
    if request.state != State.APPROVED:
        return _("It is not approved.")
    if seals.digest(request.content) != request.seal:
        return _("What was signed is not what stands here.")
    table = Table(request)
    if any(each.seal != request.seal for each in table.signed) or table.missing:
        return _("An approval is of something else, or is missing.")
    for each in table.signed:
        for person in {each.by_id: each.by, each.counts_for_id: each.counts_for}.values():
            if not person.is_active or not table.may_sign_at_all(person):
                return _("%(person)s approved it and may not any more.") % {"person": person}
    if request.decided_at and clock.now() - request.decided_at > timedelta(hours=settings.DESK_APPROVED_HOURS):
        return _("Its approval is too old to act on.")
    return ""


def note(
    request: ApprovalRequest, what: str, *, actor: User | None = None, ip: str = "", reason: str = "", **facts
) -> None:
    """An audit entry about the request itself, in the caller's transaction."""
    AuditEntry.objects.record(
        f"approval.{what}",
        actor=actor,
        ip=ip,
        target=f"approval:{request.pk}",
        reason=reason,
        correlation=request.operation.correlation if request.operation else request.batch,
        round=request.round,
        seal=request.seal,
        policy=request.policy.number,
        **facts,
    )


def _must_be_open(request: ApprovalRequest) -> None:
    if not request.open:
        raise CannotDecide(_("It is decided already: %(state)s.") % {"state": request.get_state_display().lower()})
    if request.expires_at <= clock.now():
        raise CannotDecide(_("The time to approve this is over."))


def _recorded(request, seat: Seat, decision, reason: str, ip: str, *, solo: bool = False) -> Approval:
    try:
        with transaction.atomic():
            made = Approval.objects.create(
                request=request,
                round=request.round,
                seal=request.seal,
                decision=decision,
                by=seat.by,
                in_place_of=seat.in_place_of,
                counts_for=seat.counts_for,
                requester=request.requester,
                editor=request.editor,
                roles=sorted(seat.roles),
                reason=reason.strip(),
                solo=solo,
                at=clock.now(),
                ip=ip,
            )
    except IntegrityError:
        raise CannotDecide(_("Your approval counts once, and it is counted.")) from None
    ApprovalRequest.objects.filter(pk=request.pk).update(version=request.version + 1)
    request.version += 1
    note(
        request,
        decision.value,
        actor=seat.by,
        ip=ip,
        reason=reason.strip(),
        in_place_of=str(seat.in_place_of or ""),
        solo=solo,
        roles=sorted(seat.roles),
    )
    return made
