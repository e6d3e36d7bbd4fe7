"""From what a person selected to a frozen list of ids and versions. Whatever the filter finds later no longer matters."""

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from invoicing.access import rights, scopes
from invoicing.bulk import caps
from invoicing.bulk.outcomes import FAILED
from invoicing.bulk.verbs import bulk_verb
from invoicing.models import AuditEntry, Batch, BatchRow, Invoice, User, clock
from invoicing.money import exact_text

AT_ONCE = 500


class CannotBatch(Exception):
    """Refused before anything was stored or asked for; the message says why. `field`: the form field it belongs to, or ""."""

    def __init__(self, message: str, *, field: str = ""):
        super().__init__(message)
        self.field = field


def collect(
    verb: str,
    ids: Iterable[int],
    *,
    by: User,
    token: str,
    source: dict[str, Any] | None = None,
    parent: Batch | None = None,
    ip: str = "",
) -> Batch:
    """Store the set as it is now. The same token finds the same batch, however often it is sent.

    Errors: CannotBatch; rights.NotAllowed.
    """
    rights.require(by, "batch")
    existing = Batch.objects.filter(token=token, requester=by).first()
    if existing:
        return existing
    try:
        bulk_verb(verb)
    except KeyError:
        raise CannotBatch(_("This is not asked of many invoices at once."), field="verb") from None
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        raise CannotBatch(_("Nothing is selected."))
    refusal = caps.too_many(len(wanted))
    if refusal:
        raise CannotBatch(refusal)
    invoices = _invoices(wanted, by)
    books = {each.book for each in invoices}
    if len(books) > 1:
        raise CannotBatch(
            _("One batch holds invoices of one list only: receivables, payables and test data never mix.")
        )
    try:
        with transaction.atomic(durable=True):
            return _stored(verb, invoices, by=by, token=token, source=source or {}, parent=parent, ip=ip)
    except IntegrityError:  # the same form, sent twice at once: the other one was faster
        return Batch.objects.get(token=token, requester=by)


def _invoices(wanted: list[int], by: User) -> list[Invoice]:
    """In the order they were selected. Errors: CannotBatch, where one is not there for this person."""
    found: dict[int, Invoice] = {}
    for at in range(0, len(wanted), AT_ONCE):
        rows = scopes.visible(Invoice.objects.filter(pk__in=wanted[at : at + AT_ONCE]), by)
        found |= {each.pk: each for each in rows}
    missing = len(wanted) - len(found)
    if missing:
        raise CannotBatch(
            ngettext(
                "One of the selected invoices is not there any more. Select again.",
                "%(count)s of the selected invoices are not there any more. Select again.",
                missing,
            )
            % {"count": missing}
        )
    return [found[pk] for pk in wanted]


def _stored(verb, invoices, *, by, token, source, parent, ip) -> Batch:
    batch = Batch.objects.create(
        verb=verb,
        book=invoices[0].book,
        token=token,
        source=source,
        size=len(invoices),
        parent=parent,
        requester=by,
        created_at=clock.now(),
        reason=parent.reason if parent else "",
        reference=parent.reference if parent else "",
        arguments=parent.arguments if parent else {},
    )
    BatchRow.objects.bulk_create(
        [
            BatchRow(
                batch=batch,
                position=at,
                invoice=each,
                version=each.version,
                amount="" if each.total is None else exact_text(each.total),
                unit=each.currency,
            )
            for at, each in enumerate(invoices, 1)
        ],
        batch_size=AT_ONCE,
    )
    audit(
        batch,
        "collected",
        actor=by,
        ip=ip,
        count=len(invoices),
        source=source,
        **({"parent": str(parent.pk)} if parent else {}),
    )
    return batch


def collect_again(batch: Batch, *, by: User, token: str, ip: str = "") -> Batch:
    """A new batch of the rows that came to nothing, as the invoices are now. Errors: CannotBatch; rights.NotAllowed."""
    rights.require(by, "batch")
    ids = list(batch.rows.filter(FAILED).values_list("invoice_id", flat=True))
    if not ids:
        raise CannotBatch(_("No row of this batch came to nothing."))
    source = {"address": batch.source.get("address", ""), "again": True}
    return collect(batch.verb, ids, by=by, token=token, source=source, parent=batch, ip=ip)


def audit(batch: Batch, what: str, *, actor: User | None = None, ip: str = "", **facts) -> AuditEntry:
    """One entry of this batch's story, in the caller's transaction."""
    return AuditEntry.objects.record(
        f"batch.{what}",
        actor=actor,
        ip=ip,
        target=f"batch:{batch.pk}",
        reason=batch.reason,
        correlation=batch.pk,
        verb=batch.verb,
        **facts,
    )
