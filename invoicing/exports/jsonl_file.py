"""Everything we know of an invoice, or of a line, as one JSON object a line. Amounts are text with every digit."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO

from invoicing.exports.asked import CannotExport
from invoicing.exports.records import of_columns, record
from invoicing.exports.tables import BATCH
from invoicing.exports.tally import Tally
from invoicing.listing.page import hydrate
from invoicing.mirror.snapshots import snapshots_of
from invoicing.models import Connection, Invoice, InvoiceTotal

OF_WHICH = ("id", "connection", "provider", "external_id", "number", "direction", "environment", "status",
            "payment_status", "currency")  # fmt: skip
PERSONAL = ("email", "phone", "address", "billed_to")
HIDDEN = "(hidden)"


class Records:
    """Reads batches of our ids into records, and counts what they come to."""

    def __init__(self, tally: Tally, *, lines: bool, personal: bool):
        self.tally, self.lines, self.personal = tally, lines, personal
        self.connections = Connection.objects.in_bulk()
        self.unreadable = 0

    def rows(self, ids: Iterable[int]) -> Iterator[list[dict]]:
        """Batches of records. Errors: CannotExport when something that was listed cannot be read."""
        remaining = iter(ids)
        while part := list(islice(remaining, BATCH)):
            invoices = hydrate(part)
            if len(invoices) != len(part):
                raise CannotExport("Invoices that were listed are not there any more.")
            further: dict[int, list] = {}
            totals = InvoiceTotal.objects.filter(invoice__in=part).order_by("pk")
            for each in totals:
                further.setdefault(each.invoice_id, []).append((each.unit, each.total))
            for invoice in invoices:
                invoice.connection = self.connections[invoice.connection_id]
                self._count(invoice, further.get(invoice.pk, ()))
            yield [row for invoice, snapshot in snapshots_of(invoices) for row in self._rows(invoice, snapshot)]

    def _count(self, invoice: Invoice, further: Iterable) -> None:
        self.tally.invoices += 1
        if invoice.in_totals:
            self.tally.add(invoice.currency, invoice.total, invoice.amount_due if invoice.outstanding else None)
            for unit, total in further:
                self.tally.add(unit, total)

    def _rows(self, invoice: Invoice, snapshot) -> list[dict]:
        if snapshot is None:
            self.unreadable += 1
        said: dict[str, Any] = of_columns(invoice) if snapshot is None else record(invoice, snapshot)
        if not self.personal:
            said = _without_personal(said)
        if not self.lines:
            return [said]
        of_which = {name: said[name] for name in OF_WHICH} | {"customer": said["customer"].get("name")}
        return [of_which | {"line": line} for line in said["lines"] or [None]]


def _without_personal(value: Any) -> Any:
    """The same with e-mail, phone and address struck out, wherever they stand."""
    if isinstance(value, dict):
        return {name: HIDDEN if name in PERSONAL and each else _without_personal(each) for name, each in value.items()}
    return [_without_personal(each) for each in value] if isinstance(value, list) else value


class JsonlFile:
    def __init__(self, out: BinaryIO):
        self._out = out

    def add(self, rows: Iterable[dict]) -> None:
        text = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
        self._out.write(text.encode(errors="replace"))

    def end(self, summary) -> None:
        self._out.flush()
