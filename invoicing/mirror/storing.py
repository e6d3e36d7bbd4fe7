"""The writing of a page: each table once, in one order, below the rules that decided what is to be written."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

from invoicing.mirror import bulk, containment, customers, lines, rows
from invoicing.mirror.reading import InvoiceRecord, PageRead
from invoicing.mirror.summary import Cells, Counted
from invoicing.models import Book, Connection, Invoice, InvoiceTotal, InvoiceVersion
from invoicing.models.version import packed, unpacked
from invoicing.money import micros
from invoicing.vocabulary import Status

VERSION = ("invoice_id", "number", "payload", "content_hash", "source", "read_at", "changes")
FURTHER = ("invoice_id", "book", "unit", "total", "total_micros")


@dataclass
class Batch:
    """One page's decisions: what is new, what changed, and what only its bytes did."""

    connection: Connection
    read_started_at: datetime
    source: str
    new: list[InvoiceRecord] = field(default_factory=list)
    changed: list[tuple[Invoice, InvoiceRecord]] = field(default_factory=list)
    same: list[tuple[Invoice, InvoiceRecord]] = field(default_factory=list)
    whom: dict[str, tuple[int, str]] = field(default_factory=dict)  # customers by external id: ours, and how they sort

    @property
    def read_on(self) -> date:
        """The day of the read, in the accounting time zone."""
        return timezone.localdate(self.read_started_at)

    def write(self, cells: Cells, texts: lines.Texts, changes: dict[int, list]) -> dict[str, int]:
        """Everything but containment; our ids of the new invoices by external id. Adds what they count to `cells`."""
        self._write_same()
        ids = self._write_invoices()
        stored = [(ids[record.external_id], 1, True, record) for record in self.new]
        stored += [(row.pk, row.version + 1, row.in_totals, record) for row, record in self.changed]
        former = [row.pk for row, _ in self.changed]
        lines.replace(
            {invoice_id: record.snapshot for invoice_id, _, _, record in stored}, had_lines=former, texts=texts
        )
        self._write_further(stored, former)
        bulk.insert(
            InvoiceVersion,
            VERSION,
            [
                (
                    invoice_id,
                    number,
                    packed(record.text),
                    record.content_hash,
                    self.source,
                    self.read_started_at,
                    changes.get(invoice_id, []),
                )
                for invoice_id, number, _, record in stored
            ],
        )
        for _, _, in_totals, record in stored:
            cells.add(self._counted(record, in_totals))
        return ids

    def _write_same(self) -> None:
        """Only the bytes changed, or it is back from being gone. A fetch by id has no list bytes to remember."""
        bulk.update(
            Invoice,
            ("wire_hash", "read_at", "gone_at", "book"),
            [
                (r.wire_hash or bytes(row.wire_hash), self.read_started_at, None, r.said["book"], row.pk)
                for row, r in self.same
            ],
        )
        for row, record in self.same:
            if row.book != record.said["book"]:
                InvoiceTotal.objects.filter(invoice=row).update(book=record.said["book"])

    def _write_invoices(self) -> dict[str, int]:
        records = [*self.new, *(record for _, record in self.changed)]
        if not records:
            return {}
        embedded: dict[str, tuple] = {}
        for record in records:
            customer, day = record.snapshot.customer, record.snapshot.listed_on
            if customer.external_id not in embedded or day >= embedded[customer.external_id][1]:
                embedded[customer.external_id] = (customer, day)
        self.whom = customers.ensure(self.connection, embedded, read_started_at=self.read_started_at)
        bulk.insert(
            Invoice,
            rows.NEW,
            [
                (
                    self.connection.pk,
                    record.external_id,
                    *(record.said[name] for name in rows.SAID),
                    *self._kept(record, None),
                )
                for record in self.new
            ],
        )
        bulk.update(
            Invoice,
            (*rows.SAID, *rows.KEPT),
            [
                (
                    *(record.said[name] for name in rows.SAID),
                    *self._kept(record, row),
                    row.pk,
                )
                for row, record in self.changed
            ],
        )
        return ids_of(self.connection, [record.external_id for record in self.new])

    def _kept(self, record: InvoiceRecord, row: Invoice | None) -> tuple:
        """The values of rows.KEPT, by what was known before."""
        customer_id, sort = self.whom[record.snapshot.customer.external_id]
        in_totals, version = (row.in_totals, row.version + 1) if row else (True, 1)
        hashes = (record.wire_hash, record.content_hash)
        milestones = rows.milestones(record.snapshot, row, self.read_on)
        return (customer_id, sort, in_totals, version, *hashes, self.read_started_at, None, *milestones)

    def _write_further(self, stored: list[tuple], former: list[int]) -> None:
        for part in bulk.in_chunks(former):
            InvoiceTotal.objects.filter(invoice_id__in=part).delete()
        found = [
            (invoice_id, record.said["book"], unit, total, micros(total))
            for invoice_id, _, _, record in stored
            for unit, total in further(record)
        ]
        bulk.insert(InvoiceTotal, FURTHER, found)

    def _counted(self, record: InvoiceRecord, in_totals: bool) -> Counted:
        said: dict[str, Any] = record.said
        return Counted(
            said["book"],
            self.connection.pk,
            self.whom[record.snapshot.customer.external_id][0],
            said["status"],
            said["payment_status"],
            said["currency"],
            in_totals,
            said["listed_on"],
            said["due_sort"],
            said["outstanding"],
            said["total"],
            said["amount_due"],
            further(record),
        )


def further(record: InvoiceRecord) -> tuple:
    """The totals beyond the first, one a unit."""
    totals = {total.unit: total.amount for total in record.snapshot.further_totals}
    return tuple((unit, amount) for unit, amount in totals.items() if unit != record.snapshot.currency)


def rows_of(connection: Connection, external_ids: Iterable[str]) -> dict[str, Invoice]:
    """The stored invoices by external id."""
    found = Invoice.objects.filter(connection=connection, external_id__among=external_ids)
    return {row.external_id: row for row in found}


def ids_of(connection: Connection, external_ids: Iterable[str]) -> dict[str, int]:
    found = Invoice.objects.filter(connection=connection, external_id__among=external_ids)
    return dict(found.values_list("external_id", "pk"))


def payloads(invoices: Iterable[Invoice]) -> dict[int, bytes]:
    """The JSON text of each invoice's current version, by our id."""
    found: dict[int, bytes] = {}
    for part in bulk.in_chunks([row.pk for row in invoices]):
        current = InvoiceVersion.objects.filter(invoice__in=part, number=F("invoice__version"))
        found |= {invoice_id: unpacked(blob) for invoice_id, blob in current.values_list("invoice_id", "payload")}
    return found


def retire_drafts(connection: Connection, page: PageRead, cells: Cells) -> int:
    """A final invoice for a period ends a stored draft of that period with another id, unless it is still listed."""
    final = [record for record in page.records if record.said["status"] == Status.FINALIZED]
    listed = {*page.unchanged, *(record.external_id for record in page.records)}
    retired = 0
    for record in final:
        drafts = Invoice.objects.filter(
            connection=connection,
            status=Status.DRAFT,
            gone_at=None,
            period_start=record.said["period_start"],
            period_end=record.said["period_end"],
        )
        retired += bury(connection, [row for row in drafts if row.external_id not in listed], cells)
    return retired


def bury(connection: Connection, gone: list[Invoice], cells: Cells) -> int:
    """Set the tombstones: the rows stay, in a book of their own that no list of the living shows."""
    ids = [row.pk for row in gone]
    book = Book.of(connection.direction, live=False, gone=True).value
    further_totals = containment.further_totals(ids)
    for row in gone:
        before = containment.counted(row, further_totals.get(row.pk, ()))
        cells.add(before, -1)
        cells.add(before._replace(book=book))
    Invoice.objects.filter(pk__in=ids).update(gone_at=timezone.now(), book=book)
    InvoiceTotal.objects.filter(invoice__in=ids).update(book=book)
    contained = containment.contents(ids)
    if contained:
        containment.settle(connection, contained, cells)
    return len(gone)
