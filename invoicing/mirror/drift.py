"""Whether the summary table still says what the rows say. It should, always; this is how anyone can know."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from invoicing.mirror import containment
from invoicing.mirror.apply import lock
from invoicing.mirror.summary import Cells, Sums, change, described, stored
from invoicing.models import Connection, CustomerCell, Invoice, SummaryCell

CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Drift:
    """One cell that differs. None: there is no such cell on that side."""

    key: tuple
    table: Sums | None
    rows: Sums | None

    def __str__(self) -> str:
        return f"{described(self.key)}: the table says {self.table}, the rows say {self.rows}"


def counted_rows(connection: Connection) -> Cells:
    """What the rows of a connection come to."""
    cells, last = Cells(), 0
    while True:
        rows = list(Invoice.objects.filter(connection=connection, pk__gt=last).order_by("pk")[:CHUNK])
        further = containment.further_totals(row.pk for row in rows)
        for row in rows:
            cells.add(containment.counted(row, further.get(row.pk, ())))
        if len(rows) < CHUNK:
            return cells
        last = rows[-1].pk


def recount(connection: Connection) -> list[Drift]:
    """Every cell of the connection that differs from its rows."""
    with transaction.atomic():
        lock(connection)
        return list(_differences(connection))


def repair(connection: Connection) -> list[Drift]:
    """Make the table say what the rows say; what was different."""
    with transaction.atomic():
        lock(connection)
        found = list(_differences(connection))
        if found:
            SummaryCell.objects.filter(connection=connection).delete()
            CustomerCell.objects.filter(customer__connection=connection).delete()
            change(counted_rows(connection))
    return found


def _differences(connection: Connection) -> Iterator[Drift]:
    rows = counted_rows(connection)
    for expected, cells in (
        (rows.all(), SummaryCell.objects.filter(connection=connection)),
        (rows.by_customer(), CustomerCell.objects.filter(customer__connection=connection)),
    ):
        table = dict(stored(cells.iterator()))
        for key in sorted(expected.keys() | table.keys()):
            if expected.get(key) != table.get(key):
                yield Drift(key, table.get(key), expected.get(key))
