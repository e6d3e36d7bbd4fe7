"""Outcomes that could not be committed: one fsynced file each, read back before anything else is concluded."""

import json
import logging
import os

from django.conf import settings

from invoicing.models import Attempt, Operation
from invoicing.operations.classify import Classified, Outcome
from invoicing.operations.recording import record_outcome
from invoicing.providers.base import Said

log = logging.getLogger(__name__)


def folder():
    return settings.DATA / "spool"


def write(operation: Operation, attempt: Attempt, outcome: dict, *, body: bytes, milliseconds: int) -> None:
    """Keep an outcome outside the database. `outcome` is redacted and JSON-ready; of the body only its size is kept."""
    folder().mkdir(parents=True, exist_ok=True)
    path = folder() / f"{operation.pk}.{attempt.number}.json"
    record = {"operation": str(operation.pk), "attempt": attempt.number, "milliseconds": milliseconds, **outcome}
    partial = path.with_suffix(".part")
    with open(partial, "w") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    descriptor = os.open(folder(), os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def drain() -> int:
    """Record every spooled outcome; how many. A file goes only after its record is committed. Errors: DatabaseError."""
    count = 0
    for path in sorted(folder().glob("*.json")):
        try:
            record = json.loads(path.read_text())
        except FileNotFoundError:
            continue  # another worker has recorded it meanwhile
        attempts = Attempt.objects.select_related("operation__connection")
        attempt = attempts.filter(operation=record["operation"], number=record["attempt"]).first()
        if attempt is None:
            log.error("Spooled outcome %s belongs to no operation; kept", path.name)
            continue
        operation = attempt.operation
        done = record["outcome"] in (Outcome.DONE.value, Outcome.ACCEPTED.value)
        said = Said(outcome=record["outcome"], created=record["created"]) if done else None
        result = Classified(
            outcome=Outcome(record["outcome"]),
            wire=Attempt.Wire(record["wire"]),
            message=record["message"],
            http_status=record["http_status"],
            said=said,
        )
        record_outcome(operation, attempt, result, body=b"", milliseconds=record["milliseconds"])
        path.unlink(missing_ok=True)
        count += 1
    return count
