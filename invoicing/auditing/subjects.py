"""What an evidence pack is about: an invoice, an operation, a batch or a month, and all that belongs to it."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.access.scopes import visible
from invoicing.auditing.trail import seen_by
from invoicing.models import AuditEntry, Batch, Invoice, Operation

KINDS = ("invoice", "operation", "batch", "month")


class NoSuch(Exception):
    """There is no such thing, or not for this person."""


@dataclass(frozen=True)
class Subject:
    """All that goes into a pack, as far as the person reaches."""

    name: str  # "invoice:42"
    about: str  # in words
    entries: QuerySet[AuditEntry]
    operations: QuerySet[Operation]
    invoices: QuerySet[Invoice]
    batch: Batch | None = None


def subject_of(name: str, by) -> Subject:
    """ "invoice:42" (or a number, or a provider's id), "operation:…", "batch:…", "month:2026-03". Errors: NotAllowed, NoSuch."""
    rights.require(by, "evidence")
    kind, _colon, key = name.partition(":")
    if kind not in KINDS or not key.strip():
        raise NoSuch(_("Say what the pack is to be about."))
    return {"invoice": _of_invoice, "operation": _of_operation, "batch": _of_batch, "month": _of_month}[kind](
        key.strip(), by
    )


def _of_invoice(key: str, by) -> Subject:
    meant = Q(number=key) | Q(external_id=key)
    if key.isdecimal() and len(key) < 19:
        meant |= Q(pk=int(key))
    found = list(visible(Invoice.objects.filter(meant), by)[:2])
    if len(found) != 1:
        raise NoSuch(
            _("There is no such invoice.") if not found else _("More than one invoice is called so. Give our id.")
        )
    invoice = found[0]
    operations = visible(Operation.objects.filter(invoice=invoice), by)
    about = f"Invoice {invoice.number or invoice.external_id}"
    return _gathered(f"invoice:{invoice.pk}", about, Q(of_invoice=invoice.pk), operations, [invoice.pk], by)


def _of_operation(key: str, by) -> Subject:
    operation = visible(Operation.objects.filter(pk=_uuid(key)), by).first()
    if operation is None:
        raise NoSuch(_("There is no such operation."))
    operations = visible(Operation.objects.filter(Q(pk=operation.pk) | Q(parent=operation)), by)
    own = Q(target=f"approval:{operation.approval_request.pk}") if hasattr(operation, "approval_request") else Q()
    invoices = [operation.invoice_id] if operation.invoice_id else []
    about = f"Operation {str(operation.pk)[:8]} ({operation.verb})"
    return _gathered(f"operation:{operation.pk}", about, own, operations, invoices, by)


def _of_batch(key: str, by) -> Subject:
    batch = Batch.objects.filter(pk=_uuid(key)).first()
    if batch is None:
        raise NoSuch(_("There is no such batch."))
    operations = visible(Operation.objects.filter(correlation=batch.pk), by)
    own = Q(correlation=str(batch.pk)) | Q(target=f"batch:{batch.pk}")
    invoices = list(batch.rows.values_list("invoice_id", flat=True))
    return _gathered(f"batch:{batch.pk}", f"Batch {batch} ({batch.verb})", own, operations, invoices, by, batch)


def _of_month(key: str, by) -> Subject:
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", key):
        raise NoSuch(_("A month is written as 2026-03."))
    year, month = map(int, key.split("-"))
    zone = timezone.get_default_timezone()
    begin = datetime(year, month, 1, tzinfo=zone)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    operations = visible(Operation.objects.filter(created_at__gte=begin, created_at__lt=end), by)
    invoices = list(operations.exclude(invoice=None).values_list("invoice_id", flat=True).distinct())
    own = Q(at__gte=begin, at__lt=end)
    return _gathered(f"month:{key}", f"Month {key}", own, operations, invoices, by, targets=False)


def _gathered(name, about, own: Q, operations, invoices, by, batch=None, *, targets=True) -> Subject:
    if targets:
        own |= Q(target__in=[f"operation:{pk}" for pk in operations.values_list("pk", flat=True)])
    return Subject(
        name,
        about,
        seen_by(by).filter(own).order_by("sequence"),
        operations.select_related("connection", "requester").order_by("created_at", "pk"),
        visible(Invoice.objects.filter(pk__in=invoices), by).select_related("connection", "customer").order_by("pk"),
        batch,
    )


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NoSuch(_("This is no id of ours.")) from None
