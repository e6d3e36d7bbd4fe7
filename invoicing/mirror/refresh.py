"""Reading one record again: on demand, or to see what an operation did."""

from dataclasses import dataclass, field
from typing import Any

from invoicing.mirror import absence
from invoicing.mirror.apply import Mirror
from invoicing.mirror.wires import wire_for
from invoicing.models import Absence, Connection, Invoice, InvoiceVersion, clock
from invoicing.providers.base import Http
from invoicing.providers.errors import Missing, NotUnderstood
from invoicing.providers.registry import PROVIDERS

MOST_PAGES = 1000


@dataclass(frozen=True)
class Refreshed:
    found: bool  # False: the provider says it has no such invoice (Missing)
    invoice: Invoice  # re-read from the database after applying
    changes: list[dict[str, Any]] = field(default_factory=list)  # as InvoiceVersion.changes; empty: nothing changed


def refresh_invoice(
    invoice: Invoice, *, source: str = InvoiceVersion.Source.REFRESH, http: Http | None = None
) -> Refreshed:
    """Fetch by id and apply.

    Errors: ProviderError; NotUnderstood also when the invoice is there and cannot be read: it keeps its last facts, and
    nobody may conclude anything from them.
    """
    connection = invoice.connection
    http = http or wire_for(connection)
    began = clock.now()
    try:
        payload = PROVIDERS[connection.provider].fetch_invoice(http, invoice.external_id, invoice.handles)
    except Missing:
        if Absence.objects.filter(invoice=invoice).exists():  # a complete list missed it too
            absence.bury(invoice, connection, began)
        return Refreshed(False, _now(invoice))
    applied = Mirror(connection, http).invoice(payload, read_started_at=began, source=source)
    if applied.quarantined:
        raise NotUnderstood("The invoice is there, and cannot be read.")
    return Refreshed(True, _now(invoice), applied.changes.get(invoice.pk, []))


def mirror_new(
    connection: Connection,
    external_id: str,
    *,
    source: str = InvoiceVersion.Source.OPERATION,
    http: Http | None = None,
    handles: dict[str, str] | None = None,
) -> Invoice:
    """Fetch an invoice we never saw, and store it. Errors: ProviderError, Missing when there is none."""
    http = http or wire_for(connection)
    began = clock.now()
    payload = PROVIDERS[connection.provider].fetch_invoice(http, external_id, handles or {})
    applied = Mirror(connection, http).invoice(payload, read_started_at=began, source=source)
    if applied.quarantined:
        raise NotUnderstood("The invoice is there, and cannot be read.")
    return Invoice.objects.get(connection=connection, external_id=external_id)


def refresh_customer_invoices(
    invoice: Invoice, *, source: str = InvoiceVersion.Source.OPERATION, http: Http | None = None
) -> None:
    """List all invoices of this invoice's customer and apply them (Metronome: to find a replacement).

    Where lists are not per customer, the account's list is read. Errors: ProviderError.
    """
    connection = invoice.connection
    http = http or wire_for(connection)
    provider, mirror = PROVIDERS[connection.provider], Mirror(connection, http)
    for part in provider.slices(customers=[invoice.customer.external_id], since=None):
        if part.kind != "invoices":
            continue
        cursor, met = None, set()
        while cursor not in met and len(met) < MOST_PAGES:
            met.add(cursor)
            began = clock.now()
            page = provider.page(http, part, cursor)
            mirror.invoices(page.records, read_started_at=began, source=source)
            cursor = page.next_cursor
            if cursor is None:
                break


def _now(invoice: Invoice) -> Invoice:
    return Invoice.objects.select_related("connection", "customer").get(pk=invoice.pk)
