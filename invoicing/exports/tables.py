"""The rows of a table: read straight into tuples, a batch at a time, in the list's order."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import connection

from invoicing.exports.asked import CannotExport
from invoicing.exports.columns import IN_DETAILS, Column
from invoicing.exports.tally import Tally
from invoicing.mirror.snapshots import snapshots_of
from invoicing.models import Invoice
from invoicing.money import exact_text

BATCH = 500
FACTS = "i.id, i.currency, i.total, i.amount_due, i.outstanding, i.in_totals, i.line_count"
FROM = (
    "FROM invoicing_invoice i JOIN invoicing_customer c ON c.id = i.customer_id "
    "JOIN invoicing_connection n ON n.id = i.connection_id"
)
NONE = "NULL"


class Table:
    """Reads batches of our ids into rows of the columns' raw values, and counts what they come to."""

    def __init__(self, columns: Sequence[Column], tally: Tally, *, payable: bool, lines: bool):
        self.columns, self.tally, self.payable, self.lines = columns, tally, payable, lines
        self.of_invoice = [column for column in columns if not column.of_line]
        self.of_line = [column for column in columns if column.of_line]
        self._from_snapshot = {at: column.said for at, column in enumerate(self.of_invoice) if column.said is not None}
        self._from_totals = [(at, column.key) for at, column in enumerate(self.of_invoice) if column.payable]
        self.unreadable = 0

    def rows(self, ids: Iterable[int]) -> Iterator[list[tuple]]:
        """Batches of rows. Errors: CannotExport when something that was listed cannot be read."""
        remaining = iter(ids)
        while part := list(islice(remaining, BATCH)):
            yield self._batch(part)

    def _batch(self, ids: list[int]) -> list[tuple]:
        marks = ", ".join(["%s"] * len(ids))
        read = ", ".join([FACTS, *(column.sql or NONE for column in self.of_invoice)])
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {read} {FROM} WHERE i.id IN ({marks})", ids)
            found = {row[0]: row for row in cursor.fetchall()}
        if len(found) != len(ids):
            missing = [pk for pk in ids if pk not in found]
            raise CannotExport(f"Invoices that were listed are not there: {', '.join(map(str, missing[:20]))}.")
        further = self._further(ids, marks) if self.payable else {}
        snapshots = self._snapshots(ids) if self._from_snapshot else {}
        lines = self._lines(ids, marks) if self.lines else {}
        rows: list[tuple] = []
        for pk in ids:
            _, unit, total, due, outstanding, in_totals, line_count, *values = found[pk]
            self.tally.invoices += 1
            if in_totals:
                self.tally.add(unit, total, due if outstanding else None)
                for other, amount in further.get(pk, ()):
                    self.tally.add(other, amount)
            if self._from_totals:
                self._fill_totals(values, further.get(pk, ()))
            for at, said in self._from_snapshot.items():
                values[at] = _plain(said(snapshots[pk])) if snapshots.get(pk) else None
            if not self.lines:
                rows.append(tuple(values))
                continue
            own = lines.get(pk, [])
            if len(own) != line_count:
                raise CannotExport(f"Invoice {pk} should have {line_count} line items and {len(own)} were read.")
            rows += [self._joined(values, each) for each in own or [(None,) * len(self.of_line)]]
        return rows

    def _joined(self, of_invoice: list, of_line: tuple) -> tuple:
        first, second = iter(of_invoice), iter(of_line)
        return tuple(next(second) if column.of_line else next(first) for column in self.columns)

    def _fill_totals(self, values: list, totals: Sequence[tuple[str, str]]) -> None:
        (unit, total), rest = (totals[0], totals[1:]) if totals else ((None, None), ())
        texts = {
            "second_unit": unit,
            "second_total": total,
            "further_totals": "; ".join(f"{amount} {each}" for each, amount in rest) or None,
        }
        for at, key in self._from_totals:
            values[at] = texts[key]

    def _further(self, ids: list[int], marks: str) -> dict[int, list[tuple[str, str]]]:
        totals: dict[int, list] = defaultdict(list)
        sql = f"SELECT invoice_id, unit, total FROM invoicing_invoicetotal WHERE invoice_id IN ({marks}) ORDER BY id"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql, ids)
            for pk, unit, total in cursor.fetchall():
                totals[pk].append((unit, total))
        return totals

    def _snapshots(self, ids: list[int]) -> dict[int, Any]:
        """What the provider said, read anew from the stored payloads; a few queries a batch."""
        invoices = Invoice.objects.select_related("connection").filter(pk__in=ids)
        found = {invoice.pk: snapshot for invoice, snapshot in snapshots_of(invoices)}
        self.unreadable += sum(1 for pk in ids if found.get(pk) is None)
        return found

    def _lines(self, ids: list[int], marks: str) -> dict[int, list[tuple]]:
        """The lines of each invoice in their order, as the line columns want them."""
        from_details = {at: IN_DETAILS.get(c.key, "") for at, c in enumerate(self.of_line) if "." not in c.sql}
        read = [NONE if at in from_details else column.sql for at, column in enumerate(self.of_line)]
        sql = (
            f"SELECT {', '.join(['l.invoice_id', 'l.details', *read])} FROM invoicing_lineitem l "  # noqa: S608
            f"JOIN invoicing_linetext t ON t.id = l.text_id WHERE l.invoice_id IN ({marks}) "
            "ORDER BY l.invoice_id, l.position"
        )
        found: dict[int, list[tuple]] = defaultdict(list)
        with connection.cursor() as cursor:
            cursor.execute(sql, ids)
            while some := cursor.fetchmany(2000):
                for pk, stored, *values in some:
                    if from_details:
                        details = json.loads(stored) if isinstance(stored, str) else stored
                        for at, name in from_details.items():
                            values[at] = details.get(name) if name else _rest(details)
                    found[pk].append(tuple(values))
        return found


def _plain(value: Any) -> Any:
    """As the database would give it: an amount is its text."""
    return value if value is None or isinstance(value, str) else exact_text(value)


def _rest(details: dict) -> str | None:
    """Sub-lines, tiers, adjustments, taxes and facts as JSON."""
    kept = {name: value for name, value in details.items() if name not in IN_DETAILS.values()}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")) if kept else None
