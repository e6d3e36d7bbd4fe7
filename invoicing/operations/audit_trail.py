"""Verifying the audit trail's hash chain."""

from dataclasses import dataclass

from invoicing.models import AuditEntry
from invoicing.models.audit import GENESIS
from invoicing.operations import gate


@dataclass(frozen=True)
class Verification:
    checked: int
    head: str
    broken_at: int | None = None  # sequence of the first entry that does not hold
    problem: str = ""


def verify() -> Verification:
    """Walk the chain from its first entry. That its tail was cut off shows by the mark outside of the database."""
    previous, expected, checked = GENESIS, 1, 0
    for entry in AuditEntry.objects.order_by("sequence").iterator(chunk_size=2000):
        if entry.sequence != expected:
            return Verification(checked, previous, expected, f"entry {expected} is missing")
        if entry.previous_hash != previous:
            return Verification(checked, previous, entry.sequence, "it does not follow the entry before it")
        if entry.hash != entry.computed_hash():
            return Verification(checked, previous, entry.sequence, "its content is not what was written")
        previous, expected, checked = entry.hash, expected + 1, checked + 1
    if gate.is_behind():
        return Verification(checked, previous, expected, "entries are missing that were there when something was sent")
    return Verification(checked, previous)
