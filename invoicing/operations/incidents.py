"""What a provider shows and no operation of ours explains: told once, and its invoice rests until a person looked."""

from django.db import transaction
from django.utils import timezone

from invoicing.access import rights
from invoicing.models import AuditEntry, Connection, Incident, Invoice, Operation, User


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
    found = open_of(invoice)
    return f"Held for review: {found.text}" if found else ""


def open_of(invoice: Invoice) -> Incident | None:
    """What the invoice is held for, if it is held."""
    return Incident.objects.filter(invoice=invoice, closed_at=None).first() if invoice.pk else None


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
