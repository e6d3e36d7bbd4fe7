"""Saying that something unusual is expected of a customer, why, and until when."""

from datetime import date, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.models import Anomaly, AuditEntry, Look, Mute, User, clock
from invoicing.reviews.moving import CannotReview

LONGEST = timedelta(days=366)


def mute(anomaly: Anomaly, *, by: User, reason: str, until: date, ip: str = "") -> Mute:
    """Expect this kind, about this line where it is about one, until a day. Errors: CannotReview; rights.NotAllowed."""
    rights.require(by, "approve", anomaly.invoice)
    today = timezone.localdate()
    if not reason.strip():
        raise CannotReview(_("Say why it is expected."), field="reason")
    if not today <= until <= today + LONGEST:
        raise CannotReview(_("Choose a day between today and a year from now."), field="until")
    with transaction.atomic():
        made = Mute.objects.create(
            customer=anomaly.invoice.customer,
            kind=anomaly.kind,
            about=anomaly.about if anomaly.kind in LINE_KINDS else "",
            reason=reason.strip(),
            until=until,
            by=by,
            at=clock.now(),
        )
        if _silenced_just_now(anomaly, made):
            Look.objects.filter(invoice=anomaly.invoice, version=anomaly.version, found__gt=0).update(
                found=F("found") - 1
            )
        _audit("anomaly.muted", made, by, ip, reason.strip())
    return made


def end(muted: Mute, *, by: User, ip: str = "") -> None:
    """It is unusual again. Errors: rights.NotAllowed."""
    rights.require(by, "approve", muted.customer.connection)
    with transaction.atomic():
        if Mute.objects.filter(pk=muted.pk, ended_at=None).update(ended_at=clock.now()):
            _audit("anomaly.unmuted", muted, by, ip, "")


LINE_KINDS = {"new_line", "lost_line", "unit_price", "no_quantity"}
"""Kinds that are about a line: muting one line leaves the others."""


def _silenced_just_now(anomaly: Anomaly, made: Mute) -> bool:
    others = Mute.objects.filter(
        customer=made.customer,
        kind=made.kind,
        about__in=["", anomaly.about],
        ended_at=None,
        until__gte=timezone.localdate(),
    )
    return not others.exclude(pk=made.pk).exists()


def _audit(what: str, muted: Mute, by: User, ip: str, reason: str) -> None:
    AuditEntry.objects.record(
        what,
        actor=by,
        ip=ip,
        target=f"customer:{muted.customer_id}",
        reason=reason,
        kind=muted.kind,
        about=muted.about,
        until=muted.until.isoformat(),
    )
