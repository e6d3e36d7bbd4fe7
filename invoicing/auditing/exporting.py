"""The entries of a filtered trail as a file, on record with the filter and how many there are."""

import csv
import io
import json
from collections.abc import Iterator

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.exports.cells import TEXTS, Kind
from invoicing.models import AuditEntry

COLUMNS = (
    ("sequence", Kind.WHOLE),
    ("at", Kind.MOMENT),
    ("actor_id", Kind.WHOLE),
    ("actor_name", Kind.TEXT),
    ("ip", Kind.TEXT),
    ("action", Kind.TEXT),
    ("outcome", Kind.TEXT),
    ("target", Kind.TEXT),
    ("of_connection", Kind.WHOLE),
    ("of_customer", Kind.WHOLE),
    ("of_invoice", Kind.WHOLE),
    ("reason", Kind.TEXT),
    ("correlation", Kind.TEXT),
    ("facts", Kind.TEXT),
    ("scheme", Kind.WHOLE),
    ("previous_hash", Kind.TEXT),
    ("hash", Kind.TEXT),
)
FORMATS = ("csv", "jsonl")
CHUNK = 2000


class TooMany(Exception):
    """More entries than one file may hold."""


def export(entries: QuerySet[AuditEntry], *, format: str, query: str, by, ip: str = "") -> Iterator[bytes]:
    """The file in pieces, the oldest entry first: what was there when it was asked for, and not the entry that says so.

    Errors: NotAllowed, TooMany.
    """
    rights.require(by, "export")
    count = entries.order_by()[: settings.DESK_AUDIT_EXPORT_MOST + 1].count()
    if count > settings.DESK_AUDIT_EXPORT_MOST:
        most = f"{settings.DESK_AUDIT_EXPORT_MOST:,}"
        raise TooMany(_("At most %(most)s entries go into one file. Narrow the days.") % {"most": most})
    recorded = AuditEntry.objects.record(
        "audit.exported", actor=by, target="audit", ip=ip, format=format, filter=query, rows=count
    )
    wanted = entries.filter(sequence__lt=recorded.sequence).order_by("sequence")
    return (_csv if format == "csv" else _jsonl)(wanted)


def _rows(entries: QuerySet[AuditEntry]) -> Iterator[list[tuple]]:
    """Chunk by chunk, from where the last one ended."""
    names, after = [name for name, _ in COLUMNS], 0
    while rows := list(entries.filter(sequence__gt=after).values_list(*names)[:CHUNK]):
        yield rows
        after = rows[-1][0]


def _csv(entries: QuerySet[AuditEntry]) -> Iterator[bytes]:
    yield _written([[name for name, _ in COLUMNS]])
    shown = [TEXTS[kind] for _, kind in COLUMNS]
    facts = next(place for place, (name, _) in enumerate(COLUMNS) if name == "facts")
    for rows in _rows(entries):
        texts = []
        for row in rows:
            values = list(row)
            values[facts] = json.dumps(values[facts], ensure_ascii=False)
            texts.append(["" if value is None else show(value) for show, value in zip(shown, values, strict=True)])
        yield _written(texts)


def _written(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(errors="replace")


def _jsonl(entries: QuerySet[AuditEntry]) -> Iterator[bytes]:
    names, moment = [name for name, _ in COLUMNS], TEXTS[Kind.MOMENT]
    for rows in _rows(entries):
        said = ({**dict(zip(names, row, strict=True)), "at": moment(row[1])} for row in rows)
        lines = (json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in said)
        yield "".join(f"{line}\n" for line in lines).encode(errors="replace")
