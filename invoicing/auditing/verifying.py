"""Verifying the audit trail: its chain, its seals, and the marks outside of the database."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import transaction

from invoicing.auditing import checkpoints
from invoicing.auditing.chain import Broken, walk
from invoicing.auditing.checkpoints import Checkpoint, Damaged
from invoicing.models import AuditEntry
from invoicing.models.audit import GENESIS
from invoicing.operations import gate

STEP = 5000
HELD, BROKEN = "audit.verified", "audit.broken"
RECORDED = (HELD, BROKEN)


@dataclass(frozen=True)
class Verification:
    """What came of it. `broken_at` is the first entry that does not hold; a problem without one is outside the table."""

    checked: int
    head: str
    broken_at: int | None = None
    problem: str = ""
    checkpoints: int = 0
    vouched: int = 0  # up to this entry checkpoints vouch

    @property
    def holds(self) -> bool:
        return not self.problem


def verify(kept: Iterable[Checkpoint] = (), tell: Callable[[int], object] = lambda checked: None) -> Verification:
    """Walk the whole chain against every checkpoint, those of the file and those `kept` elsewhere.

    `tell` hears now and then how many entries were checked.
    """
    try:
        known = checkpoints.read()
    except Damaged as damage:
        return Verification(0, GENESIS, problem=str(damage))
    wanted: dict[int, list[Checkpoint]] = {}
    for each in [*known, *kept]:
        wanted.setdefault(each.sequence, []).append(each)
    last = max(wanted, default=0)
    checked, head, vouched = 0, GENESIS, 0
    try:
        for link in walk():
            for checkpoint in wanted.get(link.sequence, ()):
                if checkpoint.hash != link.hash:
                    told = f"an entry from here to {link.sequence} is not what the checkpoint of {checkpoint.at} has"
                    raise Broken(vouched + 1, told)
                vouched = link.sequence
            checked, head = checked + 1, link.hash
            if checked % STEP == 0:
                tell(checked)
        if last > checked:
            raise Broken(
                checked + 1, f"it is missing: there were {last} entries at the checkpoint of {wanted[last][0].at}"
            )
        if gate.is_behind():
            raise Broken(checked + 1, "entries are missing or others that were there when something was sent")
    except Broken as broken:
        return Verification(checked, head, broken.at, broken.problem, len(known), vouched)
    return Verification(checked, head, checkpoints=len(known), vouched=vouched)


def verify_on_record(*, by=None, ip: str = "", tell: Callable[[int], object] = lambda checked: None) -> Verification:
    """Verify, and say in the trail itself that it was done and what came of it."""
    result = verify(tell=tell)
    record(result, by=by, ip=ip)
    return result


def record(result: Verification, *, by=None, ip: str = "") -> None:
    AuditEntry.objects.record(
        HELD if result.holds else BROKEN,
        actor=by,
        ip=ip,
        target="audit",
        checked=result.checked,
        head=result.head,
        broken_at=result.broken_at,
        why=result.problem,
        checkpoints=result.checkpoints,
        vouched=result.vouched,
    )


def begin_anew(*, by=None, reason: str) -> None:
    """After a restore that people accepted: earlier checkpoints are set aside, kept, and no longer asked. It is on record."""
    with transaction.atomic():
        kept = checkpoints.set_aside()
        AuditEntry.objects.record(
            "audit.checkpoints_set_aside", actor=by, target="audit", reason=reason, file=kept.name if kept else ""
        )
    checkpoints.write(anyway=True)
