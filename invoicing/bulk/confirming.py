"""From a rehearsed batch to one that runs; and calling it back, stopping it, setting it aside."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from invoicing.access import rights
from invoicing.bulk import approval, caps, queue, rehearsing
from invoicing.bulk.collecting import CannotBatch, audit
from invoicing.models import Batch, BatchRow, User, clock
from invoicing.money import exact_text
from invoicing.operations.requesting import cancel
from invoicing.vocabulary import OperationState

STATE = Batch.State


def confirm(batch: Batch, *, by: User, digest: str, typed: str = "", ip: str = "") -> bool:
    """Let the rehearsed set run after the cancel window, or once it is approved. `digest`: of what this person was shown.

    False when it was confirmed already: the form was sent twice. Errors: CannotBatch; rights.NotAllowed.
    """
    rights.require(by, "batch")
    if by.pk != batch.requester_id:
        raise CannotBatch(_("Only who prepared a batch confirms it: it is asked for in their name."))
    with transaction.atomic(durable=True):
        current = Batch.objects.select_for_update().get(pk=batch.pk)
        if current.state == STATE.DISCARDED:
            raise CannotBatch(_("This batch was discarded. Select the invoices again."))
        moved = current.preparing
        if moved:
            _let_run(current, digest=digest, typed=typed, ip=ip)
    batch.refresh_from_db()
    return moved


def _let_run(batch: Batch, *, digest: str, typed: str, ip: str) -> None:
    """Under the batch's lock. Errors: CannotBatch."""
    rehearsal = rehearsing.rehearsal_of(batch)
    count, totals = len(rehearsal.eligible), rehearsal.totals
    _must_be_what_was_shown(batch, digest, count)
    for refusal in (caps.too_many(count), *caps.too_much(totals)):
        if refusal:
            raise CannotBatch(refusal)
    wanted = caps.count_to_type(count)
    if wanted and typed.strip().replace(",", "") != wanted:
        raise CannotBatch(_("Type %(count)s, the number of invoices, to confirm.") % {"count": wanted}, field="typed")
    asked = approval.request_for(batch, [row.invoice for row in rehearsal.eligible])
    batch.state, batch.confirmed_at = STATE.AWAITING if asked else STATE.CONFIRMED, clock.now()
    if not asked:
        batch.not_before = batch.confirmed_at + timedelta(seconds=settings.DESK_BATCH_CANCEL_SECONDS)
    batch.save(update_fields=["state", "confirmed_at", "not_before"])
    batch.rows.filter(state=BatchRow.State.COLLECTED).update(state=BatchRow.State.WAITING)
    audit(
        batch,
        "confirmed",
        actor=batch.requester,
        ip=ip,
        digest=digest,
        count=count,
        totals={unit: exact_text(total) for unit, total in totals.items()},
        invoices=[row.invoice_id for row in rehearsal.eligible],
    )
    if asked:
        queue.follow(batch)
    else:
        queue.start(batch, at=batch.not_before)


def _must_be_what_was_shown(batch: Batch, digest: str, count: int) -> None:
    if batch.state != STATE.REHEARSED:
        raise CannotBatch(_("Rehearse the batch before it is confirmed."))
    if digest != batch.digest or rehearsing.digest_of(batch) != digest:
        raise CannotBatch(_("The batch is no longer the one this page showed. Look at it again, then confirm."))
    if not count:
        raise CannotBatch(_("Nothing is left in this batch that could be asked."))


def stop(batch: Batch, *, by: User, ip: str = "") -> bool:
    """Nothing that was not sent yet is sent any more. False when nothing was left to stop. Errors: rights.NotAllowed."""
    rights.require(by, "cancel")
    with transaction.atomic(durable=True):
        moved = Batch.objects.filter(pk=batch.pk, state__in=[STATE.AWAITING, STATE.CONFIRMED, STATE.RUNNING]).update(
            state=STATE.STOPPED, stopped_at=clock.now(), stopped_by=by
        )
        if not moved:
            return False
        batch.refresh_from_db()
        stopped = batch.rows.filter(state=BatchRow.State.WAITING).update(
            state=BatchRow.State.STOPPED, why=gettext_noop("The batch was stopped before this row was asked.")
        )
        audit(batch, "stopped", actor=by, ip=ip, rows=stopped)
    approval.withdraw(batch, by=by, ip=ip)
    asked = batch.rows.filter(operation__state__in=[OperationState.REQUESTED, OperationState.APPROVED])
    for row in asked.select_related("operation__connection", "operation__invoice"):
        if row.operation:
            cancel(row.operation, by=by, ip=ip)
    queue.follow(batch)
    return True


def discard(batch: Batch, *, by: User, ip: str = "") -> bool:
    """Set a batch aside that was never confirmed. False when it was. Errors: rights.NotAllowed."""
    rights.require(by, "batch")
    with transaction.atomic(durable=True):
        moved = Batch.objects.filter(pk=batch.pk, state__in=[STATE.COLLECTED, STATE.REHEARSED]).update(
            state=STATE.DISCARDED, finished_at=clock.now()
        )
        if moved:
            batch.refresh_from_db()
            audit(batch, "discarded", actor=by, ip=ip)
    return bool(moved)
