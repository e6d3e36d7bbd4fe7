"""An invoice's lines as rows, and the distinct texts they share."""

from collections.abc import Iterable
from hashlib import blake2b
from operator import attrgetter

from django.db import transaction

from invoicing.mirror import bulk
from invoicing.mirror.rows import json_ready
from invoicing.models import LineItem, LineText
from invoicing.models.search import fold
from invoicing.providers.snapshots import InvoiceSnapshot, LineSnapshot

COLUMNS = (
    *("invoice_id", "position", "text_id", "kind", "unit", "quantity", "unit_price", "amount"),
    *("period_start", "period_end", "counts", "details"),
)
IN_DETAILS = ("group", "quantity_unit", "external_id", "sub_lines", "tiers", "adjustments", "taxes", "facts")
_in_details = attrgetter(*IN_DETAILS)
REMEMBERED = 50_000


class Texts:
    """Our ids of line texts; one run remembers those it met."""

    def __init__(self):
        self.known: dict[str, int] = {}

    def ids(self, texts: Iterable[str]) -> dict[str, int]:
        """The id of each text, storing the new ones in the caller's transaction."""
        wanted = set(texts)
        found = {text: self.known[text] for text in wanted if text in self.known}
        missing = {digest(text): text for text in wanted if text not in found}
        if missing:
            fetched = _stored(missing)
            new = {key: text for key, text in sorted(missing.items()) if text not in fetched}
            if new:
                rows = [(key, text, fold(text)) for key, text in new.items()]
                bulk.insert_new(LineText, ("digest", "text", "search_text"), rows)
                fetched |= _stored(new)
            found |= fetched
            transaction.on_commit(lambda: self._remember(fetched))  # an id rolled back must not be remembered
        return found

    def _remember(self, fetched: dict[str, int]) -> None:
        if len(self.known) > REMEMBERED:
            self.known.clear()
        self.known |= fetched


def digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def _stored(texts: dict[bytes, str]) -> dict[str, int]:
    found = {}
    for part in bulk.in_chunks(texts):
        rows = LineText.objects.filter(digest__among=part).values_list("digest", "id")
        found |= {texts[bytes(key)]: identity for key, identity in rows}
    return found


def replace(snapshots: dict[int, InvoiceSnapshot], *, had_lines: Iterable[int], texts: Texts) -> None:
    """Store the lines of invoices by our id; `had_lines` are those that had some before."""
    for part in bulk.in_chunks(had_lines):
        LineItem.objects.filter(invoice_id__in=part).delete()
    ids = texts.ids(line.text for snapshot in snapshots.values() for line in snapshot.lines)
    bulk.insert(
        LineItem,
        COLUMNS,
        [
            _row(invoice_id, position, line, ids[line.text])
            for invoice_id, snapshot in snapshots.items()
            for position, line in enumerate(snapshot.lines)
        ],
    )


def _row(invoice_id: int, position: int, line: LineSnapshot, text_id: int) -> tuple:
    return (
        invoice_id,
        position,
        text_id,
        line.kind[:64],
        line.unit[:64],
        line.quantity,
        line.unit_price,
        line.amount,
        line.period_start,
        line.period_end,
        line.counts,
        details(line),
    )


def details(line: LineSnapshot) -> dict:
    """What a line says beside its columns; only what is there."""
    said = zip(IN_DETAILS, _in_details(line), strict=True)
    return {name: json_ready(value) for name, value in said if value}
