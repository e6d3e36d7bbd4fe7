"""The state machine of a review: every transition is one conditional UPDATE with its audit entry, or nothing."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from invoicing.models import AuditEntry, Review, User

State = Review.State
OPEN_WAYS = {State.SUPERSEDED}
WAYS: dict[str, set[str]] = {
    State.UNREVIEWED: {State.UNREVIEWED, State.IN_REVIEW, State.PARTLY_APPROVED, State.APPROVED, *OPEN_WAYS},
    State.IN_REVIEW: {
        *(State.IN_REVIEW, State.UNREVIEWED, State.NEEDS_INFO, State.PARTLY_APPROVED, State.APPROVED, State.REJECTED),
        *OPEN_WAYS,
    },
    State.NEEDS_INFO: {State.NEEDS_INFO, State.IN_REVIEW, *OPEN_WAYS},
    State.PARTLY_APPROVED: {
        *(State.PARTLY_APPROVED, State.APPROVED, State.REJECTED, State.UNREVIEWED),
        *OPEN_WAYS,
    },
    State.APPROVED: {State.SEAL_BROKEN, State.CLEARED, State.DISPUTED, *OPEN_WAYS},
    State.CLEARED: {State.SEAL_BROKEN, *OPEN_WAYS},
    State.DISPUTED: {State.SEAL_BROKEN, *OPEN_WAYS},
    State.REJECTED: {State.UNREVIEWED, *OPEN_WAYS},
    State.SEAL_BROKEN: {State.UNREVIEWED, *OPEN_WAYS},
    State.SUPERSEDED: set(),
}
"""State → the states it may become. Staying where it is means a new claim, a new round or one more approval."""


class CannotReview(Exception):
    """It was not done; the message says why. `field`: the form field it belongs to, or ""."""

    def __init__(self, message: str, *, field: str = ""):
        super().__init__(message)
        self.field = field


class Overtaken(CannotReview):
    """Somebody else changed the review meanwhile."""


def move(
    review: Review,
    to: str,
    what: str,
    *,
    by: User | None = None,
    ip: str = "",
    reason: str = "",
    facts: dict[str, Any] | None = None,
    undoing: bool = False,
    **columns: Any,
) -> None:
    """Bring the review from the state and turn it was read in to `to`, with these columns; `what` names it in the audit.

    Errors: CannotReview, no such way; Overtaken.
    """
    if not undoing and to not in WAYS[review.state]:
        raise CannotReview(
            _("That cannot be done now: the review is “%(state)s”.") % {"state": review.get_state_display()}
        )
    before = review.state
    with transaction.atomic():
        unchanged = Review.objects.filter(pk=review.pk, state=review.state, turn=review.turn)
        if not unchanged.update(state=to, turn=review.turn + 1, **columns):
            raise Overtaken(_("Somebody else was faster. Look at it again, then decide."))
        for name, value in (columns | {"state": to, "turn": review.turn + 1}).items():
            setattr(review, name, value)
        AuditEntry.objects.record(
            f"review.{what}",
            actor=by,
            ip=ip,
            target=f"invoice:{review.invoice_id}",
            reason=reason,
            before=str(before),
            after=str(to),
            round=review.round,
            version=review.version,
            seal=review.seal,
            rulebook=review.rulebook.number if review.rulebook else None,
            **(facts or {}),
        )
