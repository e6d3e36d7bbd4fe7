"""Holding back on purpose: a verb at a provider switched off, or the whole desk on a dry run. One sets it, two lift it."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone

from invoicing.access import rights
from invoicing.access.rights import Agreement
from invoicing.models import AuditEntry, Brake, User
from invoicing.operations import gate

KIND = Brake.Kind


class CannotBrake(Exception):
    """It cannot be set or lifted; the message says why."""


def active() -> list[Brake]:
    """What holds now, newest first."""
    return list(Brake.objects.filter(lifted_at=None).select_related("set_by", "lift_asked_by"))


def stopped(provider: str, verb: str, brakes: Iterable[Brake] | None = None) -> str:
    """Why this verb is switched off at this provider; empty when it is not. `brakes`: the active ones, where known."""
    for brake in active() if brakes is None else brakes:
        if brake.kind == KIND.STOP and brake.provider in ("", provider) and brake.verb in ("", verb):
            return f"Switched off by {brake.set_by or 'the desk'}: {brake.reason}"
    return ""


def of_the_desk() -> list[Brake]:
    """What keeps the whole desk from sending; every page says so."""
    wide = (KIND.DRY_RUN, KIND.RESTORED)
    return list(Brake.objects.filter(kind__in=wide, lifted_at=None).select_related("set_by"))


def dry_run() -> Brake | None:
    """The brake under which requests are recorded and shown, and nothing is sent; every page says so."""
    return Brake.objects.filter(kind=KIND.DRY_RUN, lifted_at=None).first()


def put_on(kind: Brake.Kind, *, by: User, reason: str, provider: str = "", verb: str = "", ip: str = "") -> Brake:
    """Errors: CannotBrake; rights.NotAllowed."""
    rights.require(by, "stop")
    if not reason.strip():
        raise CannotBrake("Say why. The reason stays in the audit trail.")
    try:
        with transaction.atomic(durable=True):
            brake = Brake.objects.create(
                kind=kind, provider=provider, verb=verb, reason=reason.strip(), set_by=by, set_at=timezone.now()
            )
            _audit(brake, "put_on", by, reason, ip)
    except IntegrityError:
        raise CannotBrake("This is switched off already.") from None
    return brake


def lift(brake: Brake, *, by: User, reason: str, ip: str = "") -> Agreement:
    """The first person asks, another one agrees. Errors: CannotBrake; rights.NotAllowed."""
    rights.require(by, "lift")
    if not reason.strip():
        raise CannotBrake("Say why. The reason stays in the audit trail.")
    with transaction.atomic(durable=True):
        current = Brake.objects.select_for_update().get(pk=brake.pk)
        if current.lifted_at:
            raise CannotBrake("It was lifted already.")
        found = rights.agreement("lift", asked_by=current.lift_asked_by_id, by=by)
        if found is Agreement.ASKED:
            current.lift_asked_by, current.lift_reason = by, reason.strip()
        else:
            current.lifted_by, current.lifted_at = by, timezone.now()
        current.save()
        _audit(current, "lift_asked" if found is Agreement.ASKED else "lifted", by, reason, ip, agreement=found.value)
    if found is not Agreement.ASKED and current.kind == KIND.RESTORED:
        gate.mark(anew=True)
    brake.refresh_from_db()
    return found


def _audit(brake: Brake, what: str, by: User, reason: str, ip: str, **facts) -> None:
    target = f"brake:{brake.pk}"
    AuditEntry.objects.record(f"brake.{what}", actor=by, target=target, reason=reason, ip=ip, brake=str(brake), **facts)
