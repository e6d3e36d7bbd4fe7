"""What workers run of the ledger. Any of these may run twice or late: each asks the row first."""

import logging
from collections.abc import Callable
from datetime import timedelta

from invoicing.jobs.api import RetryLater, enqueue, task
from invoicing.models import Operation, clock
from invoicing.operations import gate, ghosts, sending, settling, spool, steps
from invoicing.vocabulary import OperationState

log = logging.getLogger(__name__)


@task(queue_name="operations", priority=50, retries=3)
def dispatch_operation(operation_id: str):
    """Send one approved operation."""
    operation = Operation.objects.select_related("connection", "invoice__connection", "requester").get(pk=operation_id)
    try:
        sending.dispatch(operation)
    except sending.NotNow as wait:
        raise RetryLater(wait.seconds, str(wait)) from wait


@task(queue_name="operations", priority=40, retries=3)
def settle_operation(operation_id: str):
    """Read one operation's outcome back, if that is due."""
    settling.look(
        Operation.objects.select_related("connection", "invoice__connection", "requester").get(pk=operation_id)
    )


@task(queue_name="operations", priority=40, unique="settle due")
def settle_due():
    """What no job of its own brought forward: spooled outcomes, dead workers' leases, read-backs and sends that are due."""
    reconcile()


def reconcile() -> dict[str, int]:
    """Settle everything that is due now. Counts of what was touched, JSON-ready. One that goes wrong stops no other."""
    now = clock.now()
    counts = {"spooled": spool.drain(), "expired": settling.expire_leases(), "read_back": 0, "sent": 0, "errors": 0}
    closed = gate.closed()
    related = Operation.objects.select_related("connection", "invoice__connection", "requester")
    for operation in related.filter(state__in=settling.LOOKED_INTO, next_look_at__lte=now):
        counts["read_back" if _safely(settling.look, operation) else "errors"] += 1
    for whole in steps.all_under_way():
        counts["errors"] += not _safely(steps.go_on, whole)
    counts["incidents"] = ghosts.scan()
    for operation in related.filter(state=OperationState.APPROVED, not_before__lte=now) if not closed else ():
        counts["sent" if _safely(_send, operation) else "errors"] += 1
    return counts


def _send(operation: Operation) -> None:
    try:
        sending.dispatch(operation)
    except sending.NotNow as wait:
        later = clock.now() + timedelta(seconds=wait.seconds)
        enqueue(dispatch_operation.using(run_after=later), operation_id=str(operation.pk))


def _safely(work: Callable[[Operation], object], operation: Operation) -> bool:
    try:
        work(operation)
    except Exception:
        log.exception("Operation %s could not be carried on", operation.pk)
        return False
    return True
