"""Ghosts: what a provider shows and no operation of ours explains. Told once, and its invoice rests until a person looked."""

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from invoicing.access import rights
from invoicing.models import (
    Attempt,
    AuditEntry,
    Connection,
    Incident,
    Invoice,
    InvoiceVersion,
    Operation,
    Position,
    User,
)
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import OPEN_STATES, OperationState, Status

VOIDS = ("void", "void_and_replace")
WATCHED = "incidents"
CHUNK = 2000
OVERLAP = 500  # rows whose transaction ended after that of a later one are looked at again
EXPLAINED = (*OPEN_STATES, OperationState.SUCCEEDED)


class CannotClose(Exception):
    """The message says why."""


def report(
    kind: Incident.Kind,
    *,
    mark: str,
    text: str,
    connection: Connection,
    invoice: Invoice | None = None,
    operation: Operation | None = None,
) -> Incident:
    """Put it on record, in the caller's transaction; the same `mark` is told once."""
    incident, new = Incident.objects.get_or_create(
        mark=mark,
        defaults={
            "kind": kind,
            "connection": connection,
            "invoice": invoice,
            "operation": operation,
            "text": text,
            "seen_at": timezone.now(),
        },
    )
    if new:
        target = f"invoice:{invoice.pk}" if invoice else f"operation:{operation.pk}" if operation else ""
        AuditEntry.objects.record("incident.seen", target=target, incident=incident.pk, kind=str(kind), text=text)
    return incident


def locked(invoice: Invoice) -> str:
    """Why an invoice rests; empty when it does not."""
    found = Incident.objects.filter(invoice=invoice, closed_at=None).first() if invoice.pk else None
    return f"Held for review: {found.text}" if found else ""


def close(incident: Incident, *, by: User, reason: str, ip: str = "") -> None:
    """A person looked, and says what it was. Errors: CannotClose; rights.NotAllowed."""
    rights.require(by, "settle", incident)
    if not reason.strip():
        raise CannotClose("Say what it was. It stays in the audit trail.")
    with transaction.atomic(durable=True):
        moved = Incident.objects.filter(pk=incident.pk, closed_at=None).update(
            closed_at=timezone.now(), closed_by=by, closed_because=reason.strip()
        )
        if not moved:
            raise CannotClose("It was closed already.")
        target = f"invoice:{incident.invoice_id}"
        AuditEntry.objects.record(
            "incident.closed", actor=by, target=target, reason=reason, ip=ip, incident=incident.pk
        )
    incident.refresh_from_db()


def scan() -> int:
    """Look through what changed in the mirror since the last time; how many incidents there are more."""
    place, new = Position.objects.get_or_create(name=WATCHED, defaults={"reached": _newest()})
    if new:
        return 0  # what was there before this desk began to watch is history
    before, reached = Incident.objects.count(), place.reached
    while True:
        changed = InvoiceVersion.objects.filter(pk__gt=reached, number__gt=1).order_by("pk")
        rows = list(changed.values_list("pk", "invoice_id", "number", "changes")[:CHUNK])
        for _, invoice_id, number, changes in rows:
            if any(_is_end(change) for change in changes):
                with transaction.atomic():
                    _explain(invoice_id, number)
        if len(rows) < CHUNK:
            break
        reached = rows[-1][0]
    Position.objects.filter(name=WATCHED).update(reached=max(place.reached, _newest() - OVERLAP))
    return Incident.objects.count() - before


def _newest() -> int:
    return InvoiceVersion.objects.aggregate(newest=Max("pk"))["newest"] or 0


def _is_end(change: dict[str, Any]) -> bool:
    """Void, or replaced: what only a person's decision, here or elsewhere, brings about."""
    field, after = change.get("field"), change.get("after")
    return (field == "status" and after == Status.VOID.value) or (field == "replaced_by" and bool(after))


def _explain(invoice_id: int, number: int) -> None:
    """Nothing to tell where one of our operations did it, or may be doing it."""
    ours = Operation.objects.filter(invoice_id=invoice_id, verb__in=VOIDS)
    if ours.filter(state__in=EXPLAINED).exists():
        return
    invoice = Invoice.objects.select_related("connection").get(pk=invoice_id)
    name = PROVIDERS[invoice.connection.provider].name
    late = Attempt.objects.filter(operation__in=ours).exclude(wire=Attempt.Wire.NONE).select_related("operation").last()
    if late:
        kind, text = (
            Incident.Kind.LATE,
            f"{name} shows it as {invoice.provider_status}, though our request was called not done.",
        )
    else:
        kind, text = (
            Incident.Kind.FOREIGN,
            f"{name} shows it as {invoice.provider_status}, and nobody here asked for that.",
        )
    report(
        kind,
        mark=f"end:{invoice_id}:{number}",
        text=text,
        connection=invoice.connection,
        invoice=invoice,
        operation=late.operation if late else None,
    )
