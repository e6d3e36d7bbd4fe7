"""The one way facts get into the mirror: what was read is stored in one transaction, with the summary, or not at all.

The mirror only moves forward: a read that began before our last confirmed change, or before the read that the stored
facts come from, does not overwrite them, unless the provider's own stamp says it is newer. One connection has one writer
at a time (SQLite: the write lock; PostgreSQL: a lock on the connection's row), so no count is ever added twice.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import DataError, transaction
from django.db import connection as database
from django.utils import timezone

from invoicing.mirror import changes as comparing
from invoicing.mirror import containment, customers, reading, storing, summary, unreadable
from invoicing.mirror.lines import Texts
from invoicing.mirror.reading import InvoiceRecord, PageRead, Reader, Unreadable
from invoicing.mirror.summary import Cells
from invoicing.models import Connection, Invoice, InvoiceVersion
from invoicing.providers.base import Http, Provider
from invoicing.providers.registry import PROVIDERS

SYNC = InvoiceVersion.Source.SYNC


@dataclass(slots=True)
class Applied:
    """What a page did. `ids` are ours of every invoice it named, `strangers` its records that are nobody's row."""

    seen: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    retired: int = 0
    ids: list[int] = field(default_factory=list)
    strangers: set[str] = field(default_factory=set)
    changes: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # of known invoices, by our id


class Mirror:
    """Writes what one connection says. Keeps what pages share: customers, line texts. Not shared between threads."""

    def __init__(self, connection: Connection, http: Http | None = None):
        self.connection = connection
        self.provider: Provider = PROVIDERS[connection.provider]
        self.reader = Reader(connection, self.provider, http, suspects=unreadable.open_ids(connection, "invoice"))
        self.texts = Texts()

    def invoices(
        self,
        listed: Iterable[bytes],
        *,
        read_started_at: datetime,
        source: str = SYNC,
        also: Callable[[Applied], object] | None = None,
    ) -> Applied:
        """Apply a page of list records. `also` runs in the page's transaction: position and facts stand or fall together."""
        listed = list(listed)
        page = self.reader.page(listed)
        return self._store(page, len(listed), read_started_at, source, also)

    def invoice(self, payload: dict, *, read_started_at: datetime, source: str) -> Applied:
        """Apply one invoice that was fetched by id."""
        return self._store(self.reader.one(payload), 1, read_started_at, source, None)

    def customers(
        self, listed: Iterable[bytes], *, read_started_at: datetime, also: Callable[[Applied], object] | None = None
    ) -> Applied:
        """Apply a page of customers' own records."""
        records, broken, seen = reading.read_customers(self.connection, self.provider, listed)
        applied = Applied(seen=seen, unchanged=seen - len(records) - len(broken), quarantined=len(broken))
        with transaction.atomic():
            if records or broken:
                lock(self.connection)
                applied.changed = customers.store(self.connection, records, read_started_at=read_started_at)
                customers.remember_after_commit(self.reader.customers, records)
                unreadable.keep(self.connection, "customer", broken, at=timezone.now())
                names = [record.snapshot.external_id for record in records]
                unreadable.resolve(self.connection, "customer", names, at=timezone.now())
            if also:
                also(applied)
        return applied

    def units(self, listed: Iterable[bytes], *, also: Callable[[Applied], object] | None = None) -> Applied:
        """Apply a page of pricing units: what the amounts of later invoices are in."""
        found = self.reader.units(listed)
        applied = Applied(seen=len(found))
        with transaction.atomic():
            if any(self.connection.units.get(key) != value for key, value in found.items()):
                lock(self.connection)
                self.connection.units = {**self.connection.units, **found}
                Connection.objects.filter(pk=self.connection.pk).update(units=self.connection.units)
            if also:
                also(applied)
        return applied

    def _store(self, page: PageRead, seen: int, read_started_at: datetime, source: str, also) -> Applied:
        try:
            return self._store_whole(page, seen, read_started_at, source, also)
        except (DataError, OverflowError):
            self._sort_out(page, read_started_at, source)
            return self._store_whole(page, seen, read_started_at, source, also)

    def _sort_out(self, page: PageRead, read_started_at: datetime, source: str) -> None:
        """Some record holds what the database does not: try each alone, and set aside those that fail."""
        fine = []
        for record in page.records:
            try:
                with transaction.atomic():
                    lock(self.connection)
                    self._apply(PageRead(records=[record]), Applied(), read_started_at, source)
                    transaction.set_rollback(True)
                fine.append(record)
            except (DataError, OverflowError) as error:
                problem = f"The database does not hold it: {type(error).__name__}"
                page.unreadable.append(Unreadable(record.external_id, "(whole)", problem, record.text))
        page.records = fine

    def _store_whole(self, page: PageRead, seen: int, read_started_at: datetime, source: str, also) -> Applied:
        applied = Applied(seen=seen, unchanged=len(page.unchanged), ids=list(page.unchanged.values()))
        with transaction.atomic():
            if page.records or page.unreadable or page.customers:
                lock(self.connection)
                customers.store(self.connection, page.customers, read_started_at=read_started_at)
                self._apply(page, applied, read_started_at, source)
                self._set_aside(page, applied)
            if also:
                also(applied)
        self.reader.suspects -= {record.external_id for record in page.records}
        self.reader.suspects |= {record.external_id for record in page.unreadable}
        return applied

    def _apply(self, page: PageRead, applied: Applied, read_started_at: datetime, source: str) -> None:
        """Decide record by record, then write table by table."""
        rows = storing.rows_of(self.connection, [record.external_id for record in page.records])
        known = [row.pk for row in rows.values()]
        further = containment.further_totals(known)
        cells, back = Cells(), []
        batch = storing.Batch(self.connection, read_started_at, source)
        former = self._former(page.records, rows)
        for record in page.records:
            row = rows.get(record.external_id)
            if row is None:
                batch.new.append(record)
                applied.created += 1
                continue
            applied.ids.append(row.pk)
            if not may_overwrite(row, record, read_started_at):
                applied.unchanged += 1
                continue
            same = bytes(row.content_hash) == record.content_hash
            before = containment.counted(row, further.get(row.pk, ()))
            if row.gone_at is not None:
                back.append(row.pk)
            if not same:
                cells.add(before, -1)
                batch.changed.append((row, record))
                applied.changes[row.pk] = self._changes(row, record, former)
            else:
                batch.same.append((row, record))
                cells.add(before, -1)
                cells.add(before._replace(book=record.said["book"]))
            applied.changed += not same or row.gone_at is not None
            applied.unchanged += same and row.gone_at is None
        new_ids = batch.write(cells, self.texts, applied.changes)
        applied.ids += new_ids.values()
        snapshots = {new_ids[r.external_id]: r.snapshot for r in batch.new} | {
            row.pk: record.snapshot for row, record in batch.changed
        }
        touched = containment.replace(self.connection, snapshots, known=[row.pk for row, _ in batch.changed])
        if back:
            touched |= containment.contents(back)
        if touched or containment.matters(self.connection):
            touched |= {snapshot.external_id for snapshot in snapshots.values()}
        if self.provider.final_replaces_draft:
            applied.retired = storing.retire_drafts(self.connection, page, cells)
        if touched:
            containment.settle(self.connection, touched, cells)
        summary.change(cells)

    def _former(self, records: list[InvoiceRecord], rows: dict[str, Invoice]) -> dict[int, bytes]:
        """The payload each known invoice has now, where the new one differs."""
        differing = [
            rows[record.external_id]
            for record in records
            if record.external_id in rows and bytes(rows[record.external_id].content_hash) != record.content_hash
        ]
        return storing.payloads(differing)

    def _changes(self, row: Invoice, record: InvoiceRecord, former: dict[int, bytes]) -> list[dict[str, Any]]:
        before = self.reader.snapshot(former.get(row.pk, b""))
        if before is None:  # what was readable once is not any more: say that, rather than guess
            return [{"field": "payload", "before": None, "after": None}]
        return comparing.changes(before, record.snapshot)

    def _set_aside(self, page: PageRead, applied: Applied) -> None:
        now = timezone.now()
        applied.quarantined = len(page.unreadable)
        if page.unreadable:
            known = storing.ids_of(self.connection, [record.external_id for record in page.unreadable])
            applied.ids += known.values()  # a row whose newest state is unreadable keeps its last facts
            applied.strangers = {r.external_id for r in page.unreadable if r.external_id not in known}
            unreadable.keep(self.connection, "invoice", page.unreadable, at=now)
        readable = {record.external_id for record in page.records} & self.reader.suspects
        if readable:
            unreadable.resolve(self.connection, "invoice", readable, at=now)


def may_overwrite(row: Invoice, record: InvoiceRecord, read_started_at: datetime) -> bool:
    """Whether what was read is newer than what is stored.

    A tie of the provider's stamps goes to the later read: it was asked last.
    """
    if row.confirmed_change_at is not None and read_started_at < row.confirmed_change_at:
        return False
    stored, read = row.provider_updated_at, record.snapshot.updated_at
    if stored is not None and read is not None and stored != read:
        return read > stored
    return read_started_at >= row.read_at


def lock(connection: Connection) -> None:
    """Be the only one who applies this connection's facts until the transaction ends. SQLite has one writer anyway."""
    if database.features.has_select_for_update:
        Connection.objects.select_for_update(no_key=True).values_list("pk").get(pk=connection.pk)
