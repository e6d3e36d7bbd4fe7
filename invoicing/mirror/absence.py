"""What a complete run did not see: asked for by id, one by one, before anything is concluded.

A tombstone needs two witnesses: a complete list that did not name the invoice, and the provider's own word that it has
no such record. Where it cannot be asked, a second complete list has to miss it too.
"""

from collections.abc import Callable, Iterator

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from invoicing.mirror import runs, storing, summary, unreadable
from invoicing.mirror.apply import Mirror, lock
from invoicing.mirror.runs import Incomplete
from invoicing.mirror.seen import Seen, of_run
from invoicing.mirror.summary import Cells
from invoicing.models import Absence, Connection, Invoice, SyncRun
from invoicing.providers.errors import Missing, NotUnderstood, Unsupported

FEW = 20  # so many may be missing without being a sign that the list itself is wrong


def look_into(
    connection: Connection, run: SyncRun, mirror: Mirror, http, on_page: Callable, patiently: Callable
) -> None:
    """Ask for every living invoice that the run did not meet. Errors: Incomplete, when the list is not to be believed."""
    seen = of_run(run)
    known = Invoice.objects.filter(connection=connection, gone_at=None, read_at__lt=run.started_at)
    total = known.count()
    missing = sum(1 for _ in _missing(connection, run, seen))
    if missing and not len(seen):
        raise Incomplete(f"The provider lists no invoice at all, where {total} are known.")
    if missing > max(FEW, total // 2):
        raise Incomplete(f"{missing} of {total} known invoices are not in the provider's list. Nothing was concluded.")
    for identity in list(_missing(connection, run, seen)):
        invoice = Invoice.objects.get(pk=identity)
        patiently(lambda invoice=invoice: _ask(invoice, run, mirror, http), where=f"absent:{invoice.external_id}")
        runs.move(run)
        on_page(run)
    Absence.objects.filter(invoice__connection=connection, since__lt=run.started_at).delete()
    unreadable.resolve_unsent(connection, since=run.started_at, at=timezone.now())


def _missing(connection: Connection, run: SyncRun, seen: Seen) -> Iterator[int]:
    """Ids of the living that the run did not meet; what was read since it began by another way is not missing."""
    rows = Invoice.objects.filter(connection=connection, gone_at=None, read_at__lt=run.started_at).order_by("pk")
    return (identity for identity in rows.values_list("pk", flat=True).iterator(5000) if identity not in seen)


def _ask(invoice: Invoice, run: SyncRun, mirror: Mirror, http) -> None:
    began = timezone.now()
    try:
        payload = mirror.provider.fetch_invoice(http, invoice.external_id, invoice.handles)
    except Missing:
        bury(invoice, mirror.connection, began)
        _count(run, gone=1)
    except Unsupported:
        former = Absence.objects.filter(invoice=invoice).first()
        if former and former.since < run.started_at:
            bury(invoice, mirror.connection, began)
            _count(run, gone=1)
        else:
            Absence.objects.update_or_create(invoice=invoice, defaults={"since": run.started_at})
    except NotUnderstood as error:
        runs.note(run, f"Not listed, and the provider does not tell whether it is there: {error}", where=str(invoice))
    else:
        applied = mirror.invoice(payload, read_started_at=began, source="sync")
        _count(run, changed=applied.changed)


def _count(run: SyncRun, **counts: int) -> None:
    for name, number in counts.items():
        setattr(run, name, getattr(run, name) + number)
    runs.move(run, **{name: F(name) + number for name, number in counts.items()})


def bury(invoice: Invoice, connection: Connection, read_started_at) -> bool:
    """Set the tombstone, unless a later read or our own change says that the invoice is there."""
    cells = Cells()
    with transaction.atomic():
        lock(connection)
        row = Invoice.objects.get(pk=invoice.pk)
        changed = row.confirmed_change_at
        if row.gone_at or row.read_at > read_started_at or (changed and changed > read_started_at):
            return False
        storing.bury(connection, [row], cells)
        summary.change(cells)
        Absence.objects.filter(invoice=row).delete()
    return True
