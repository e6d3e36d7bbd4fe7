"""Signed marks outside of the database: which entry was the newest at a moment, and its hash.

One line a checkpoint, each holding the digest of the line before it. What is written there a database owner cannot change,
and what a machine owner changes does not equal a line that was printed and kept elsewhere.
"""

import fcntl
import hashlib
import json
import os
from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from invoicing.auditing.chain import Broken, walk
from invoicing.models import AuditEntry, audit_key
from invoicing.models.audit import GENESIS


class Damaged(Exception):
    """The file of checkpoints is not what this desk wrote."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """That the entry `sequence` had this hash at a moment, signed."""

    sequence: int
    hash: str
    at: str
    previous: str  # SHA-256 of the line before
    key: str  # public half, hex
    signature: str

    def message(self) -> bytes:
        return _canonical({"sequence": self.sequence, "hash": self.hash, "at": self.at, "previous": self.previous})

    def line(self) -> str:
        return _canonical(asdict(self)).decode()

    @property
    def made_at(self) -> datetime:
        return datetime.fromisoformat(self.at)

    @property
    def signed(self) -> bool:
        return audit_key.is_signed(self.message(), self.key, self.signature)


def place() -> Path:
    return Path(settings.DESK_AUDIT_CHECKPOINTS) / "checkpoints.jsonl"


def read() -> list[Checkpoint]:
    """All of them, the oldest first. Errors: Damaged."""
    try:
        lines = place().read_text().splitlines()
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise Damaged(f"{place()} cannot be read.") from error
    found: list[Checkpoint] = []
    previous = GENESIS
    for number, line in enumerate(lines, 1):
        checkpoint = parsed(line)
        if checkpoint is None or checkpoint.previous != previous:
            raise Damaged(f"Line {number} of {place().name} is not what was written.")
        if found and checkpoint.sequence <= found[-1].sequence:
            raise Damaged(f"Line {number} of {place().name} is out of order.")
        previous = _digest(line)
        found.append(checkpoint)
    if found and not found[-1].signed:  # the last line holds the digests of all before it
        raise Damaged(f"The last line of {place().name} was not signed with a key of this desk.")
    return found


def parsed(line: str) -> Checkpoint | None:
    """A line that somebody kept; None for what is none."""
    try:
        said = json.loads(line)
        checkpoint = Checkpoint(**said)
    except (ValueError, TypeError):
        return None
    shapes = zip(asdict(checkpoint).values(), (int, str, str, str, str, str), strict=True)
    return checkpoint if all(type(value) is kind for value, kind in shapes) else None


def due(last: Checkpoint | None, newest: int) -> bool:
    """Whether so much, or so long ago, was added that a checkpoint is wanted."""
    new = newest - (last.sequence if last else 0)
    if new <= 0:
        return False
    age = timedelta(minutes=settings.DESK_AUDIT_CHECKPOINT_MINUTES)
    return last is None or new >= settings.DESK_AUDIT_CHECKPOINT_ENTRIES or timezone.now() - last.made_at >= age


def write(*, anyway: bool = False) -> Checkpoint | None:
    """A checkpoint of the newest entry, where one is due, after following the chain from the last one on; the newest there is.

    Errors: Broken, Damaged: what does not hold is not vouched for. NoKey.
    """
    place().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(place().with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = read()
        last = known[-1] if known else None
        newest = AuditEntry.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
        if last is not None:
            _still_there(last)
        if not (due(last, newest) or (anyway and newest > (last.sequence if last else 0))):
            return last
        followed = deque(walk((last.sequence, last.hash) if last else None, until=newest), maxlen=1)
        if not followed or followed[0].sequence != newest:
            raise Broken(newest, "it is missing")
        head = followed[0]
        made = _signed(head.sequence, head.hash, _digest(last.line()) if last else GENESIS)
        _append(made.line())
    return made


def set_aside() -> Path | None:
    """Begin a new file; the former one is kept beside it. Where it went, if there was one."""
    with open(place().with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place().exists():
            return None
        kept = place().with_name(f"checkpoints-until-{timezone.now():%Y%m%dT%H%M%S}.jsonl")
        place().rename(kept)
        return kept


def _still_there(last: Checkpoint) -> None:
    found = AuditEntry.objects.filter(sequence=last.sequence).values_list("hash", flat=True).first()
    if found is None:
        raise Broken(last.sequence, f"it is missing, though the checkpoint of {last.at} has it")
    if found != last.hash:
        raise Broken(last.sequence, f"it is not the entry that the checkpoint of {last.at} has")


def _signed(sequence: int, digest: str, previous: str) -> Checkpoint:
    unsigned = Checkpoint(sequence, digest, timezone.now().isoformat(timespec="seconds"), previous, "", "")
    key, signature = audit_key.sign(unsigned.message())
    return Checkpoint(unsigned.sequence, unsigned.hash, unsigned.at, unsigned.previous, key, signature)


def _append(line: str) -> None:
    with open(place(), "a") as file:
        file.write(f"{line}\n")
        file.flush()
        os.fsync(file.fileno())


def _canonical(said: dict) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()
