"""Who looks at a review: claiming it, giving it to somebody, letting it go. A claim ends by itself."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.approvals import workdays
from invoicing.models import Review, User, clock
from invoicing.reviews.moving import CannotReview, Overtaken, move

State = Review.State
NOBODY: dict[str, Any] = {"claimed_by": None, "assigned_by": None, "claim_until": None}


def claimed_by_other(review: Review, user: User, now: datetime | None = None) -> bool:
    held = review.claimed_by_id is not None and review.claimed_by_id != user.pk
    return held and review.claim_until is not None and review.claim_until > (now or clock.now())


def claim(review: Review, *, by: User, ip: str = "") -> None:
    """Take it: others see who looks at it, and until when. Errors: CannotReview; rights.NotAllowed."""
    rights.require(by, "claim", review.invoice)
    _must_be_free(review, by)
    move(review, _after_claim(review), "claimed", by=by, ip=ip, claimed_by=by, assigned_by=None, claim_until=_until())


def assign(review: Review, *, to: User, by: User, ip: str = "") -> None:
    """Give it to somebody, who may let it go again. Errors: CannotReview; rights.NotAllowed."""
    rights.require(by, "claim", review.invoice)
    if not rights.can(to, "claim", review.invoice):
        raise CannotReview(_("%(who)s may not review this.") % {"who": to}, field="to")
    if not may_take_away(by):
        _must_be_free(review, by)
    move(
        review, _after_claim(review), "assigned", by=by, ip=ip, facts={"to": str(to)}, claimed_by=to, assigned_by=by,
        claim_until=workdays.due_after(clock.now(), 1),
    )  # fmt: skip


def release(review: Review, *, by: User, ip: str = "") -> None:
    """Let it go, so that others can take it. Errors: CannotReview."""
    if review.claimed_by_id != by.pk and not may_take_away(by):
        raise CannotReview(_("It is not yours to let go."))
    if review.claimed_by_id is None or not review.waits:
        raise CannotReview(_("Nobody holds it."))
    to = State.UNREVIEWED if review.state == State.IN_REVIEW else review.state
    move(review, to, "released", by=by, ip=ip, **NOBODY)


def may_take_away(user: User) -> bool:
    """Whether somebody may give another's claim to somebody else."""
    return rights.can(user, "review_rules")


def expire_claims() -> int:
    """End the claims whose time is over; how many. What waits for an answer keeps its reviewer."""
    over = Review.objects.filter(
        state__in=[State.IN_REVIEW, State.UNREVIEWED, State.PARTLY_APPROVED], claim_until__lte=clock.now()
    )
    ended = 0
    for review in over.select_related("rulebook", "claimed_by"):
        to = State.UNREVIEWED if review.state == State.IN_REVIEW else review.state
        try:
            move(review, to, "claim_expired", facts={"held_by": str(review.claimed_by)}, **NOBODY)
        except Overtaken:
            continue
        ended += 1
    return ended


def escalate() -> int:
    """Bring what is long past due before those who run the reviews; how many."""
    now = clock.now()
    late = Review.objects.filter(state__in=Review.WAITING, escalated_at=None, due_at__lte=now).select_related(
        "rulebook"
    )
    raised = 0
    for review in late:
        if now < workdays.due_after(review.due_at - timedelta(seconds=1), settings.DESK_REVIEW_ESCALATE_DAYS):
            continue
        try:
            move(review, review.state, "escalated", facts={"due": review.due_at.isoformat()}, escalated_at=now)
        except Overtaken:
            continue
        raised += 1
    return raised


def _after_claim(review: Review) -> str:
    return State.IN_REVIEW if review.state == State.UNREVIEWED else review.state


def _must_be_free(review: Review, by: User) -> None:
    if not review.waits:
        raise CannotReview(_("It is decided already: “%(state)s”.") % {"state": review.get_state_display()})
    if claimed_by_other(review, by):
        raise CannotReview(_("%(who)s is looking at it.") % {"who": review.claimed_by})


def _until() -> datetime:
    return clock.now() + timedelta(hours=settings.DESK_REVIEW_CLAIM_HOURS)
