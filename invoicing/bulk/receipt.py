"""What a batch did, to keep: every id with its outcome, operation, reason, who and when. The same rows on a page, as CSV and
as JSON."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from invoicing.access import rights, scopes
from invoicing.bulk.outcomes import outcome_of, standing_of
from invoicing.exports.cells import safe
from invoicing.models import Batch, BatchRow, User

COLUMNS = (
    "position",
    "invoice",
    "connection",
    "provider",
    "external_id",
    "number",
    "customer",
    "version",
    "total",
    "unit",
    "outcome",
    "why",
    "operation",
    "operation_state",
    "settled_by",
    "asked_at",
    "finished_at",
)


def rows_of(batch: Batch, *, by: User) -> Iterator[dict[str, Any]]:
    """Every row this person may see, with plain values; moments in UTC."""
    related = ("invoice__connection", "invoice__customer", "operation")
    rows = scopes.visible(batch.rows.select_related(*related), by, "invoice__connection")
    hidden = {} if rights.can(by, "view_money") else {"total": ""}
    for row in rows.order_by("position").iterator(chunk_size=500):
        yield _told(row) | hidden


def _told(row: BatchRow) -> dict[str, Any]:
    invoice, operation = row.invoice, row.operation
    return {
        "position": row.position,
        "invoice": invoice.pk,
        "connection": invoice.connection.name,
        "provider": invoice.connection.provider,
        "external_id": invoice.external_id,
        "number": invoice.number,
        "customer": str(invoice.customer),
        "version": row.version,
        "total": row.amount,
        "unit": row.unit,
        "outcome": outcome_of(row.state, operation.state if operation else None).value,
        "why": why_of(row),
        "operation": str(operation.pk) if operation else "",
        "operation_state": operation.state if operation else "",
        "settled_by": operation.settled_by if operation else "",
        "asked_at": _moment(operation.created_at if operation else None),
        "finished_at": _moment(operation.finished_at if operation else None),
    }


def why_of(row: BatchRow) -> str:
    """In the row's own words, or in its operation's."""
    return row.why or (row.operation.outcome.get("message", "") if row.operation else "")


def head_of(batch: Batch) -> dict[str, Any]:
    """What the whole batch was."""
    return {
        "batch": str(batch.pk),
        "verb": batch.verb,
        "arguments": batch.arguments,
        "reason": batch.reason,
        "reference": batch.reference,
        "state": batch.state,
        "requester": str(batch.requester),
        "created_at": _moment(batch.created_at),
        "confirmed_at": _moment(batch.confirmed_at),
        "stopped_at": _moment(batch.stopped_at),
        "stopped_by": str(batch.stopped_by) if batch.stopped_by else "",
        "finished_at": _moment(batch.finished_at),
        "digest": batch.digest,
        "parent": str(batch.parent_id or ""),
        "selected_from": batch.source,
        "outcomes": {outcome.value: count for outcome, count in standing_of(batch).parts},
    }


def as_json(batch: Batch, *, by: User) -> bytes:
    content = head_of(batch) | {"rows": list(rows_of(batch, by=by))}
    return json.dumps(content, ensure_ascii=False, indent=2).encode()


def as_csv(batch: Batch, *, by: User) -> bytes:
    """RFC 4180; no text can be taken for a formula. Who and why stand in every row, so that rows can be sorted and kept."""
    told, head = io.StringIO(newline=""), head_of(batch)
    writer = csv.writer(told)
    writer.writerow(["batch", "verb", *COLUMNS, "reason", "reference", "requester", "confirmed_at"])
    for row in rows_of(batch, by=by):
        values = [head["batch"], head["verb"], *(row[name] for name in COLUMNS)]
        values += [head["reason"], head["reference"], head["requester"], head["confirmed_at"]]
        amount = 2 + COLUMNS.index("total")  # a figure may begin with its minus sign
        writer.writerow([value if at == amount else safe(str(value)) for at, value in enumerate(values)])
    return told.getvalue().encode()


def _moment(value) -> str:
    return value.isoformat(timespec="seconds") if value else ""
