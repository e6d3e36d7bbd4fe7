"""How the rows of a batch stand: each row's own state, and once it was asked, its operation's."""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from invoicing.models import Batch, BatchRow
from invoicing.vocabulary import OPEN_STATES, OperationState

ROW = BatchRow.State


class Outcome(Enum):
    """What became of one row, in the order a person should read them."""

    NEEDS_PERSON = "needs_person"
    UNKNOWN = "unknown"
    FAILED = "failed"
    NOT_ASKED = "not_asked"
    CHANGED = "changed"
    UNDER_WAY = "under_way"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    STOPPED = "stopped"
    REMOVED = "removed"
    LEFT_OUT = "left_out"

    @property
    def label(self):
        return LABELS[self]

    @property
    def tone(self) -> str:
        return TONES.get(self, "")


LABELS = {
    Outcome.NEEDS_PERSON: _("Needs a person"),
    Outcome.UNKNOWN: _("Outcome unknown"),
    Outcome.FAILED: _("Failed"),
    Outcome.NOT_ASKED: _("Not asked"),
    Outcome.CHANGED: _("Skipped: it changed"),
    Outcome.UNDER_WAY: _("Under way"),
    Outcome.WAITING: _("In line"),
    Outcome.SUCCEEDED: _("Succeeded"),
    Outcome.STOPPED: _("Stopped before it was sent"),
    Outcome.REMOVED: _("Removed"),
    Outcome.LEFT_OUT: _("Left out"),
}
TONES = {
    Outcome.NEEDS_PERSON: "red",
    Outcome.UNKNOWN: "amber",
    Outcome.FAILED: "red",
    Outcome.NOT_ASKED: "amber",
    Outcome.CHANGED: "amber",
    Outcome.UNDER_WAY: "violet",
    Outcome.WAITING: "",
    Outcome.SUCCEEDED: "green",
    Outcome.STOPPED: "hollow",
    Outcome.REMOVED: "hollow",
    Outcome.LEFT_OUT: "hollow",
}
OF_ROW = {
    ROW.COLLECTED: Outcome.WAITING,
    ROW.LEFT_OUT: Outcome.LEFT_OUT,
    ROW.REMOVED: Outcome.REMOVED,
    ROW.WAITING: Outcome.WAITING,
    ROW.ASKING: Outcome.WAITING,
    ROW.CHANGED: Outcome.CHANGED,
    ROW.NOT_ASKED: Outcome.NOT_ASKED,
    ROW.STOPPED: Outcome.STOPPED,
}
TO_NOTHING = (OperationState.NOT_DONE, OperationState.REFUSED, OperationState.REJECTED, OperationState.EXPIRED)
OF_OPERATION = {
    OperationState.SUCCEEDED: Outcome.SUCCEEDED,
    OperationState.UNKNOWN: Outcome.UNKNOWN,
    OperationState.NEEDS_PERSON: Outcome.NEEDS_PERSON,
    OperationState.CANCELLED: Outcome.STOPPED,
    **dict.fromkeys(TO_NOTHING, Outcome.FAILED),
}
FAILED = Q(state__in=[ROW.CHANGED, ROW.NOT_ASKED, ROW.STOPPED]) | Q(
    state=ROW.ASKED, operation__state__in=[*TO_NOTHING, OperationState.CANCELLED]
)
"""Rows that came to nothing and may be tried again: nothing of theirs is under way or unknown."""
OPEN = Q(state__in=[ROW.WAITING, ROW.ASKING]) | Q(state=ROW.ASKED, operation__state__in=OPEN_STATES)


def outcome_of(state: str, operation_state: str | None) -> Outcome:
    if state != ROW.ASKED:
        return OF_ROW[ROW(state)]
    return (
        OF_OPERATION.get(OperationState(operation_state), Outcome.UNDER_WAY) if operation_state else Outcome.UNDER_WAY
    )


def having(outcome: Outcome) -> Q:
    """The rows with this outcome."""
    found = Q(state__in=[state for state, each in OF_ROW.items() if each is outcome])
    known = [state for state, each in OF_OPERATION.items() if each is outcome]
    if outcome is Outcome.UNDER_WAY:
        return Q(state=ROW.ASKED, operation__state__in=[s for s in OPEN_STATES if s not in OF_OPERATION])
    return found | Q(state=ROW.ASKED, operation__state__in=known)


@dataclass(frozen=True)
class Standing:
    """How far a batch has come. `taken` are the rows that were confirmed: those left out or removed never were."""

    counts: Counter[Outcome] = field(default_factory=Counter)

    @property
    def taken(self) -> int:
        return sum(self.counts.values()) - self.counts[Outcome.LEFT_OUT] - self.counts[Outcome.REMOVED]

    @property
    def ended(self) -> int:
        return self.taken - self.open

    @property
    def open(self) -> int:
        return sum(
            self.counts[each] for each in (Outcome.WAITING, Outcome.UNDER_WAY, Outcome.UNKNOWN, Outcome.NEEDS_PERSON)
        )

    @property
    def percent(self) -> int:
        return 100 * self.ended // self.taken if self.taken else 100

    @property
    def failed(self) -> int:
        """How many rows can be tried again."""
        return sum(self.counts[each] for each in (Outcome.FAILED, Outcome.NOT_ASKED, Outcome.CHANGED, Outcome.STOPPED))

    @property
    def succeeded(self) -> int:
        return self.counts[Outcome.SUCCEEDED]

    @property
    def person(self) -> int:
        return self.counts[Outcome.NEEDS_PERSON] + self.counts[Outcome.UNKNOWN]

    @property
    def parts(self) -> list[tuple[Outcome, int]]:
        return [(each, self.counts[each]) for each in Outcome if self.counts[each]]


def standings(batches: list[Batch]) -> dict:
    """Batch id → how it stands; one query for all of them."""
    found: dict = {batch.pk: Standing() for batch in batches}
    rows = BatchRow.objects.filter(batch__in=batches).values_list("batch_id", "state", "operation__state")
    for batch_id, state, operation_state, count in rows.annotate(count=Count("pk")).order_by():
        found[batch_id].counts[outcome_of(state, operation_state)] += count
    return found


def standing_of(batch: Batch) -> Standing:
    return standings([batch])[batch.pk]
