"""Standing in: one person asks another to approve in their place, for some days. Each such approval names both."""

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.models import AuditEntry, Delegation, User, clock

LONGEST = timedelta(days=366)


class CannotDelegate(Exception):
    """The message says why. `field`: the form field it belongs to, or ""."""

    def __init__(self, message: str, *, field: str = ""):
        super().__init__(message)
        self.field = field


def delegate(
    *, giver: User, taker: User, starts_on: date, ends_on: date, reason: str, by: User, ip: str = ""
) -> Delegation:
    """Only for oneself. Errors: CannotDelegate; rights.NotAllowed."""
    rights.require(by, "delegate")
    if by.pk != giver.pk:
        raise CannotDelegate(_("You can only name somebody to stand in for yourself."))
    if taker.pk == giver.pk:
        raise CannotDelegate(_("Choose somebody else."), field="taker")
    if not rights.can(taker, "approve"):
        raise CannotDelegate(_("%(person)s may not approve anything.") % {"person": taker}, field="taker")
    if ends_on < starts_on:
        raise CannotDelegate(_("It cannot end before it starts."), field="ends_on")
    if ends_on < timezone.localdate():
        raise CannotDelegate(_("That is over already."), field="ends_on")
    if ends_on - starts_on > LONGEST:
        raise CannotDelegate(_("At most a year at a time."), field="ends_on")
    if not reason.strip():
        raise CannotDelegate(_("Say why. It stays on record."), field="reason")
    with transaction.atomic(durable=True):
        overlapping = Delegation.objects.select_for_update().filter(
            giver=giver, taker=taker, ended_at=None, starts_on__lte=ends_on, ends_on__gte=starts_on
        )
        if overlapping.exists():
            raise CannotDelegate(_("%(person)s stands in for you in that time already.") % {"person": taker})
        made = Delegation.objects.create(
            giver=giver,
            taker=taker,
            starts_on=starts_on,
            ends_on=ends_on,
            reason=reason.strip(),
            made_by=by,
            made_at=clock.now(),
        )
        _audit(made, "made", by, reason.strip(), ip)
    return made


def end(delegation: Delegation, *, by: User, ip: str = "") -> bool:
    """By either of the two. False when it had ended. Errors: CannotDelegate."""
    if by.pk not in (delegation.giver_id, delegation.taker_id):
        raise CannotDelegate(_("Only the two it is between can end it."))
    with transaction.atomic(durable=True):
        ended = Delegation.objects.filter(pk=delegation.pk, ended_at=None).update(ended_at=clock.now(), ended_by=by)
        if ended:
            _audit(delegation, "ended", by, "", ip)
    delegation.refresh_from_db()
    return bool(ended)


def _audit(delegation: Delegation, what: str, by: User, reason: str, ip: str) -> None:
    AuditEntry.objects.record(
        f"delegation.{what}",
        actor=by,
        ip=ip,
        target=f"delegation:{delegation.pk}",
        reason=reason,
        giver=str(delegation.giver),
        taker=str(delegation.taker),
        starts_on=delegation.starts_on.isoformat(),
        ends_on=delegation.ends_on.isoformat(),
    )
