"""Any stored version of an invoice in our words, read anew from what the provider sent."""

from collections.abc import Iterable, Iterator
from itertools import islice

from invoicing.mirror import storing
from invoicing.mirror.reading import Reader
from invoicing.models import Invoice, InvoiceVersion
from invoicing.providers import strict_json
from invoicing.providers.registry import PROVIDERS
from invoicing.providers.snapshots import InvoiceSnapshot

AT_ONCE = 500


def snapshot_of(stored: InvoiceVersion | Invoice) -> InvoiceSnapshot:
    """The snapshot of a version; of an invoice, that of its current version.

    The customer is as known today, where the payload names only an id. Errors: PayloadNotUnderstood, InvoiceVersion.DoesNotExist.
    """
    version = stored if isinstance(stored, InvoiceVersion) else stored.versions.get(number=stored.version)
    connection = version.invoice.connection
    provider = PROVIDERS[connection.provider]
    context = Reader(connection, provider).context
    return provider.invoice(strict_json.loads(version.payload_text()), context)


def snapshots_of(invoices: Iterable[Invoice]) -> Iterator[tuple[Invoice, InvoiceSnapshot | None]]:
    """Each invoice with the snapshot of its current version, in few queries however many; None where it cannot be read.

    The invoices come with their connections (select_related, or the same objects set on each).
    """
    readers: dict[int, Reader] = {}
    remaining = iter(invoices)
    while part := list(islice(remaining, AT_ONCE)):
        payloads = storing.payloads(part)
        for invoice in part:
            reader = readers.get(invoice.connection_id)
            if reader is None:
                connection = invoice.connection
                reader = readers[connection.pk] = Reader(connection, PROVIDERS[connection.provider])
            yield invoice, reader.snapshot(payloads.get(invoice.pk, b""))
