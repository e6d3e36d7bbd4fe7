"""The mirror's background work."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from invoicing.jobs import progress
from invoicing.jobs.api import RetryLater, enqueue, task
from invoicing.mirror.refresh import mirror_new, refresh_invoice
from invoicing.mirror.runs import Busy
from invoicing.mirror.sync import sync_connection
from invoicing.models import AuditEntry, Connection, Invoice, InvoiceVersion, SyncRun
from invoicing.providers.errors import ProviderError, RateLimited

BUSY_SECONDS = 30


class NotFinished(Exception):
    """The sync stands where it was; trying again goes on from there."""


@task(queue_name="sync", unique="sync:{connection_id}", retries=4)
def sync_connection_job(connection_id: int, full: bool = False) -> None:
    """One connection's sync. Errors: RetryLater when the provider asks to wait; NotFinished when it cannot be reached."""
    connection = Connection.objects.filter(pk=connection_id, enabled=True).first()
    if connection is None:
        return
    job = progress.current.get()
    try:
        run = sync_connection(connection, full=full, on_page=report, job_id=job.pk if job else None)
    except Busy as reason:
        raise RetryLater(BUSY_SECONDS, str(reason)) from None
    if run.state == SyncRun.State.RUNNING:
        raise NotFinished(connection.last_error)
    progress.report(run.seen, expected=run.expected, note=told(run))


def report(run: SyncRun) -> None:
    progress.report(run.seen, expected=run.expected, note=told(run))


def told(run: SyncRun) -> str:
    """A run in one line."""
    counts = {"created": run.created, "changed": run.changed, "unreadable": run.quarantined, "gone": run.gone}
    words = [f"{run.seen} read", *(f"{number} {word}" for word, number in counts.items() if number)]
    if run.state == SyncRun.State.INCOMPLETE:
        words.append(f"incomplete: {run.errors[-1]['problem']}" if run.errors else "incomplete")
    return ", ".join(words)


@task(queue_name="sync")
def sync_all(full: bool = False) -> None:
    """Enqueue a sync of every enabled connection; one under way, or read a moment ago, is left alone."""
    lately = timezone.now() - timedelta(minutes=settings.DESK_SYNC_MINUTES / 2)
    due = Connection.objects.filter(enabled=True).exclude(last_success_at__gt=lately)
    for connection_id in due.values_list("pk", flat=True):
        enqueue(sync_connection_job, connection_id=connection_id, full=full)


@task(unique="refresh:{invoice_id}", retries=3)
def refresh_invoice_job(invoice_id: int) -> None:
    """Read one invoice again."""
    invoice = Invoice.objects.select_related("connection").get(pk=invoice_id)
    try:
        result = refresh_invoice(invoice)
    except RateLimited as error:
        raise RetryLater(error.retry_after or BUSY_SECONDS, str(error)) from None
    except ProviderError as error:
        _on_record("invoice.not_answered", invoice, why=str(error)[:300], status=error.status, said=error.said[:4000])
        raise
    changed = [each["field"] for each in result.changes]
    _on_record("invoice.refreshed", invoice, found=result.found, version=result.invoice.version, changed=changed)
    what = f"{len(result.changes)} changes" if result.found else "The provider says it has no such invoice."
    progress.report(1, expected=1, note=what)


def _on_record(action: str, invoice: Invoice, **facts) -> None:
    """A read that a person asked for: what was asked, and what came back. The answer itself is the version named."""
    job = progress.current.get()
    if job is not None and job.requested_by_id is not None:
        request = {"read": "invoice", "external_id": invoice.external_id}
        AuditEntry.objects.record(
            action, actor=job.requested_by, target=f"invoice:{invoice.pk}", request=request, **facts
        )


@task(unique="fetch:{connection_id}:{external_id}")
def fetch_invoice_job(connection_id: int, external_id: str, customer_id: str = "") -> None:
    """Read one invoice that is not mirrored yet. Errors: ProviderError; Missing when there is none."""
    connection = Connection.objects.get(pk=connection_id)
    handles = {"customer_id": customer_id} if customer_id else {}
    try:
        mirror_new(connection, external_id, source=InvoiceVersion.Source.REFRESH, handles=handles)
    except RateLimited as error:
        raise RetryLater(error.retry_after or BUSY_SECONDS, str(error)) from None
    progress.report(1, expected=1, note="Read and stored.")
