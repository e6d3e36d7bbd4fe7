"""A confirmed batch at work: each row is asked by a job of its own, through the one door a single request goes through.

Killed at any moment, nothing is lost and nothing doubled: a row's token finds the operation that was stored for it. Rows
stand behind operations in the queue, so that what one person asks for does not wait for five hundred rows.
"""

import logging

from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.bulk import approval, queue
from invoicing.bulk.collecting import audit
from invoicing.bulk.outcomes import OPEN, standing_of
from invoicing.bulk.rehearsing import changed, token_of, wish_of
from invoicing.models import Batch, BatchRow, Job, Operation, clock
from invoicing.operations.requesting import CannotRequest, cancel, request_operation
from invoicing.vocabulary import OperationState

log = logging.getLogger(__name__)
STATE, ROW = Batch.State, BatchRow.State


def start(batch: Batch) -> None:
    """The cancel window is over: hand every row to the workers. Safe to call any number of times."""
    with transaction.atomic(durable=True):
        moved = Batch.objects.filter(pk=batch.pk, state=STATE.CONFIRMED, not_before__lte=clock.now()).update(
            state=STATE.RUNNING
        )
        if not moved:
            return
        batch.refresh_from_db()
        for pk in batch.rows.filter(state=ROW.WAITING).values_list("pk", flat=True):
            queue.ask(batch, pk)
        queue.follow(batch)
        audit(batch, "started")


def ask(row_id: int) -> None:
    """Ask for one row's operation, or say why it is not asked. Safe to call any number of times, by any number of workers."""
    related = ("batch__requester", "batch__stopped_by", "invoice__connection", "invoice__customer")
    row = BatchRow.objects.select_related(*related).get(pk=row_id)
    if row.state not in (ROW.WAITING, ROW.ASKING):
        return
    batch = row.batch
    operation = Operation.objects.filter(token=token_of(row)).first()
    if operation is None:
        mine = BatchRow.objects.filter(pk=row.pk, state__in=[ROW.WAITING, ROW.ASKING], batch__state=STATE.RUNNING)
        if not mine.update(state=ROW.ASKING):
            _end(row, ROW.STOPPED, _("The batch was stopped before this row was asked."))
            return
        why = changed(row)
        if why:
            _end(row, ROW.CHANGED, why)
            return
        try:
            operation = request_operation(wish_of(batch, row))
        except (CannotRequest, rights.NotAllowed) as refusal:
            _end(row, ROW.NOT_ASKED, str(refusal))
            return
        except DatabaseError:
            raise  # the job tries again
        except Exception:
            log.exception("A row of batch %s could not be asked", batch.pk)
            _end(row, ROW.NOT_ASKED, _("This desk could not ask for it. The log says why; nothing was sent."))
            return
    BatchRow.objects.filter(pk=row.pk, state__in=[ROW.WAITING, ROW.ASKING]).update(
        state=ROW.ASKED, operation=operation, why=""
    )
    batch.refresh_from_db()
    if batch.state == STATE.STOPPED and batch.stopped_by:
        cancel(operation, by=batch.stopped_by)


def _end(row: BatchRow, state: BatchRow.State, why: str) -> None:
    with transaction.atomic(durable=True):
        moved = BatchRow.objects.filter(pk=row.pk, state__in=[ROW.WAITING, ROW.ASKING]).update(state=state, why=why)
        if moved:
            audit(row.batch, "row_not_asked", invoice=row.invoice_id, row=row.position, state=str(state), why=why)


def _tell_what_changed(batch: Batch) -> None:
    """A row whose invoice proved to be another one just before it was sent was skipped, not tried."""
    refused = batch.rows.filter(state=ROW.ASKED, operation__state=OperationState.REFUSED)
    for row in refused.filter(operation__outcome__has_key="changed").select_related("operation"):
        why = _("It changed at its provider after it was rehearsed: %(what)s. Nothing was sent.")
        told = why % {"what": "; ".join(row.operation.outcome["changed"] if row.operation else ())}
        BatchRow.objects.filter(pk=row.pk, state=ROW.ASKED).update(state=ROW.CHANGED, why=told)


def follow(batch: Batch) -> bool:
    """Bring back rows whose job was lost, and close the batch when every row has ended. Whether it has."""
    batch.refresh_from_db()
    if batch.state == STATE.AWAITING:
        approval.follow(batch)
        batch.refresh_from_db()
    if batch.state not in (STATE.RUNNING, STATE.STOPPED):
        return not batch.going_on
    waiting = set(batch.rows.filter(state__in=[ROW.WAITING, ROW.ASKING]).values_list("pk", flat=True))
    if waiting:
        active = Job.objects.filter(task=queue.ASK, state__in=[Job.State.QUEUED, Job.State.RUNNING])
        for pk in waiting - {given["row_id"] for given in active.values_list("arguments", flat=True)}:
            queue.ask(batch, pk)
    _tell_what_changed(batch)
    if batch.rows.filter(OPEN).exists():
        return False
    with transaction.atomic(durable=True):
        moved = Batch.objects.filter(pk=batch.pk, state__in=[STATE.RUNNING, STATE.STOPPED]).update(
            state=STATE.ENDED, finished_at=clock.now()
        )
        if moved:
            counts = {outcome.value: count for outcome, count in standing_of(batch).parts}
            audit(batch, "ended", rows=counts)
    batch.refresh_from_db()
    return True
