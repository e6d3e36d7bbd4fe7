"""The vault's background work."""

from invoicing.documents.vault import fetch_provider_pdf
from invoicing.jobs import progress
from invoicing.jobs.api import RetryLater, task
from invoicing.mirror.wires import wire_for
from invoicing.models import Document, Invoice
from invoicing.providers.errors import Missing, RateLimited, Unsupported

WAIT_SECONDS = 30


@task(unique="pdf:{invoice_id}", retries=2)
def fetch_pdf_job(invoice_id: int) -> None:
    """Fetch the provider's own PDF and keep it. That there is none is an answer, not a failure: it is said in the note."""
    invoice = Invoice.objects.select_related("connection").get(pk=invoice_id)
    job = progress.current.get()
    kept = set(Document.objects.filter(invoice=invoice).values_list("pk", flat=True))
    try:
        document = fetch_provider_pdf(invoice, http=wire_for(invoice.connection), by=job.requested_by if job else None)
    except (Missing, Unsupported) as reason:
        progress.report(0, expected=1, note=str(reason))
        return
    except RateLimited as reason:
        raise RetryLater(reason.retry_after or WAIT_SECONDS, str(reason)) from None
    news = "The very file that was kept before." if document.pk in kept else "A new file."
    progress.report(1, expected=1, note=news)
