"""The mark outside of the database, and what happens when the database does not know what the mark knows.

Before anything is sent, the newest audit entry is written to a file. A database that does not have that entry is older
than what was sent: it was restored. Then nothing is sent, and everything open is unknown and read back, until people say
that sending may go on.
"""

import fcntl
import json
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from invoicing.models import AuditEntry, Brake, Operation, clock
from invoicing.operations import looks
from invoicing.vocabulary import OPEN_STATES, OperationState

WITHOUT_ANSWER = (OperationState.REQUESTED, OperationState.APPROVED, OperationState.SENDING)
OLDER = "The database is older than what was sent from here: it was restored, or another one is in its place."


@dataclass(frozen=True, slots=True)
class Mark:
    sequence: int
    hash: str


def place() -> Path:
    return settings.DATA / "audit.mark"


def read() -> Mark | None:
    """None where nothing was ever sent from this machine. Errors: ValueError for a file that says something else."""
    try:
        said = json.loads(place().read_text())
        return Mark(int(said["sequence"]), str(said["hash"]))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError) as error:
        raise ValueError(f"{place()} is no mark of ours.") from error


def mark(*, anew: bool = False) -> None:
    """Write the newest audit entry down, durably, unless a newer one stands there. Errors: OSError."""
    newest = AuditEntry.objects.order_by("-sequence").values_list("sequence", "hash").first()
    if newest is None:
        return
    place().parent.mkdir(parents=True, exist_ok=True)
    with open(place().with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = None if anew else read()
        if known and known.sequence >= newest[0]:
            return
        partial = place().with_suffix(".part")
        with open(partial, "w") as file:
            json.dump({"sequence": newest[0], "hash": newest[1]}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(place())
        descriptor = os.open(place().parent, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def is_behind() -> bool:
    """Whether the database lacks the entry that the mark names. A mark that cannot be read vouches for nothing."""
    try:
        known = read()
    except ValueError:
        return True
    return known is not None and not AuditEntry.objects.filter(sequence=known.sequence, hash=known.hash).exists()


def closed() -> Brake | None:
    """The brake that keeps everything from being sent, put on now if the database proves to be an older one."""
    found = Brake.objects.filter(kind=Brake.Kind.RESTORED, lifted_at=None).first()
    if found or not is_behind():
        return found
    try:
        with transaction.atomic(durable=True):
            return _close()
    except IntegrityError:  # another worker was first
        return Brake.objects.filter(kind=Brake.Kind.RESTORED, lifted_at=None).first()


def _close() -> Brake:
    """What stands as not sent yet may have been sent, and even succeeded, in the time that the database forgot."""
    now = clock.now()
    brake = Brake.objects.create(kind=Brake.Kind.RESTORED, reason=OLDER, set_at=now)
    forgotten = 0
    for operation in Operation.objects.filter(state__in=OPEN_STATES).select_for_update():
        if operation.state in WITHOUT_ANSWER and operation.steps.exists():
            continue  # its steps are looked into
        columns = {"quiet_at": looks.quiet_after(now), "next_look_at": now + timedelta(milliseconds=1), "looks": 0}
        if operation.state in WITHOUT_ANSWER:
            columns |= {"state": OperationState.UNKNOWN, "lease_until": None}
        Operation.objects.filter(pk=operation.pk).update(
            version=operation.version + 1, outcome={**operation.outcome, "message": OLDER, "restored": True}, **columns
        )
        forgotten += 1
    AuditEntry.objects.record("desk.restored", target=f"brake:{brake.pk}", reason=OLDER, open_operations=forgotten)
    return brake
