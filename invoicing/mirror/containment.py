"""Invoices that other invoices contain: counting both would count their money twice.

A container may arrive before or after what it contains, so whoever arrives settles the matter for all it touches.
"""

from collections.abc import Iterable, Mapping

from django.db.models import F

from invoicing.mirror import bulk
from invoicing.mirror.summary import Cells, Counted
from invoicing.models import Connection, Constituent, Invoice, InvoiceTotal
from invoicing.providers.snapshots import InvoiceSnapshot


def replace(connection: Connection, snapshots: Mapping[int, InvoiceSnapshot], *, known: Iterable[int]) -> set[str]:
    """Store what each invoice contains, by our id; the external ids of all that may now count differently.

    `known` are those that were stored before and may have contained others.
    """
    touched: set[str] = set()
    for part in bulk.in_chunks(known):
        former = Constituent.objects.filter(container__in=part)
        touched |= set(former.values_list("external_id", flat=True))
        if touched:
            former.delete()
    rows = [
        (container, connection.pk, identity)
        for container, snapshot in snapshots.items()
        for identity in sorted(set(snapshot.constituents))
    ]
    bulk.insert(Constituent, ("container_id", "connection_id", "external_id"), rows)
    return touched | {identity for *_, identity in rows}


def matters(connection: Connection) -> bool:
    """Whether any invoice of the connection contains another. Where none does, all of them count."""
    return Constituent.objects.filter(connection=connection).exists()


def contents(containers: Iterable[int]) -> set[str]:
    """The external ids of all that these invoices contain."""
    return set(Constituent.objects.filter(container__in=list(containers)).values_list("external_id", flat=True))


def settle(connection: Connection, external_ids: Iterable[str], cells: Cells) -> None:
    """Let each of these count in totals exactly if no invoice that still exists contains it."""
    contained = set(
        Constituent.objects.filter(connection=connection, external_id__among=external_ids, container__gone_at=None)
        .exclude(container__external_id=F("external_id"))
        .values_list("external_id", flat=True)
    )
    rows = Invoice.objects.filter(connection=connection, external_id__among=external_ids)
    for wanted, differing in (
        (False, rows.filter(in_totals=True, external_id__among=contained)),
        (True, rows.filter(in_totals=False).exclude(external_id__among=contained)),
    ):
        found = list(differing)
        further = further_totals([row.pk for row in found])
        for row in found:
            before = counted(row, further.get(row.pk, ()))
            cells.add(before, -1)
            cells.add(before._replace(in_totals=wanted))
        if found:
            Invoice.objects.filter(pk__in=[row.pk for row in found]).update(in_totals=wanted)


def counted(row: Invoice, further: tuple = ()) -> Counted:
    """A stored invoice as the summary counts it."""
    return Counted(
        row.book,
        row.connection_id,
        row.customer_id,
        row.status,
        row.payment_status,
        row.currency,
        row.in_totals,
        row.listed_on,
        row.due_sort,
        row.outstanding,
        row.total,
        row.amount_due,
        further,
    )


def further_totals(invoice_ids: Iterable[int]) -> dict[int, tuple]:
    """((unit, total), ...) by our id, of those invoices that have more than one total."""
    found: dict[int, tuple] = {}
    for part in bulk.in_chunks(invoice_ids):
        rows = InvoiceTotal.objects.filter(invoice__in=part).values_list("invoice_id", "unit", "total")
        for invoice_id, unit, total in rows:
            found[invoice_id] = (*found.get(invoice_id, ()), (unit, total))
    return found
