"""Records that could not be read: kept whole with the reason, until they become readable or are no longer sent."""

from collections.abc import Iterable
from datetime import datetime

from invoicing.mirror import bulk
from invoicing.mirror.reading import Unreadable
from invoicing.models import Connection, UnreadableRecord
from invoicing.models.version import packed


def keep(connection: Connection, kind: str, found: Iterable[Unreadable], *, at: datetime) -> None:
    """Store or renew them; when each was first seen stays."""
    by_id = {record.external_id: record for record in found}
    UnreadableRecord.objects.bulk_create(
        [
            UnreadableRecord(
                connection=connection,
                kind=kind,
                external_id=record.external_id[:255],
                field=record.field,
                problem=record.problem.replace("\x00", ""),
                payload=packed(record.text),
                first_seen_at=at,
                last_seen_at=at,
            )
            for record in by_id.values()
        ],
        update_conflicts=True,
        unique_fields=["connection", "kind", "external_id"],
        update_fields=["field", "problem", "payload", "last_seen_at", "resolved_at"],
    )


def open_ids(connection: Connection, kind: str) -> set[str]:
    """The external ids of those that are unreadable now."""
    rows = UnreadableRecord.objects.filter(connection=connection, kind=kind, resolved_at=None)
    return set(rows.values_list("external_id", flat=True))


def resolve(connection: Connection, kind: str, external_ids: Iterable[str], *, at: datetime) -> None:
    """These can be read now."""
    for part in bulk.in_chunks(external_ids):
        rows = UnreadableRecord.objects.filter(connection=connection, kind=kind, resolved_at=None)
        rows.filter(external_id__in=part).update(resolved_at=at)


def resolve_unsent(connection: Connection, *, since: datetime, at: datetime) -> None:
    """A complete run that began at `since` did not meet these: the provider no longer sends them so."""
    rows = UnreadableRecord.objects.filter(connection=connection, resolved_at=None, last_seen_at__lt=since)
    rows.update(resolved_at=at)
