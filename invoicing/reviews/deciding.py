"""One person's word on a review: yes, no, a question, an answer; for payables also whether to pay. And taking it back."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.approvals import workdays
from invoicing.models import AuditEntry, Review, ReviewDecision, User, clock
from invoicing.reviews import claiming, evidence
from invoicing.reviews.following import follow
from invoicing.reviews.moving import CannotReview, Overtaken, move
from invoicing.reviews.people import Stand, approvals, stand_of
from invoicing.vocabulary import Direction

State, Kind = Review.State, ReviewDecision.Kind
KEPT = ("state", "claimed_by_id", "assigned_by_id", "question", "questioner_id")
RELATED = ("invoice__connection", "invoice__customer", "rulebook", "claimed_by", "asked_by", "questioner")


def fresh(review: Review) -> Review:
    """The row as it is now, its invoice's newest version taken into account."""
    found = Review.objects.select_related(*RELATED).get(pk=review.pk)
    follow(found)
    return found


def approve(
    review: Review, *, by: User, seal: str, reason: str = "", ip: str = "", clear: bool = False
) -> ReviewDecision:
    """One yes to exactly the version whose seal is given. `clear`: pay it, too, where this was the last one wanted.

    Errors: CannotReview; rights.NotAllowed.
    """
    review = _looked_at(review, seal, by)
    stand = _may_decide(review, by)
    if unticked := evidence.unticked(review):
        raise CannotReview(
            _("The checklist is not complete: %(points)s.") % {"points": "; ".join(unticked)}, field="checklist"
        )
    if stand.solo and not reason.strip():
        raise CannotReview(
            _("Nobody else can approve this, so you may alone. Say why; it stays on record."), field="reason"
        )
    enough = stand.solo or approvals(review).count() + 1 >= review.wanted
    with transaction.atomic():
        made = _decide(
            review,
            Kind.APPROVED,
            State.APPROVED if enough else State.PARTLY_APPROVED,
            by=by,
            reason=reason,
            ip=ip,
            solo=stand.solo,
            decided_at=clock.now() if enough else None,
            **claiming.NOBODY,
        )
        if enough and clear and review.invoice.connection.direction == Direction.PAYABLE:
            _decide(review, Kind.CLEARED, State.CLEARED, by=by, reason="", ip=ip, at=made.at)
    return made


def reject(review: Review, *, by: User, seal: str, reason: str, ip: str = "") -> ReviewDecision:
    """No, and why. Errors: CannotReview; rights.NotAllowed."""
    review = _looked_at(review, seal, by)
    _may_decide(review, by)
    _needs(reason, _("Say why. It stays on record, and whoever mends it reads it."))
    with transaction.atomic():
        _taken(review, by, ip)
        return _decide(
            review,
            Kind.REJECTED,
            State.REJECTED,
            by=by,
            reason=reason,
            ip=ip,
            decided_at=clock.now(),
            **claiming.NOBODY,
        )


def ask(review: Review, *, by: User, seal: str, reason: str, ip: str = "") -> ReviewDecision:
    """It cannot be decided before this is answered. Errors: CannotReview; rights.NotAllowed."""
    rights.require(by, "claim", review.invoice)
    review = _looked_at(review, seal, by)
    _needs(reason, _("Say what you want to know."))
    with transaction.atomic():
        _taken(review, by, ip)
        return _decide(
            review, Kind.ASKED, State.NEEDS_INFO, by=by, reason=reason, ip=ip, question=reason.strip(), questioner=by
        )


def answer(review: Review, *, by: User, reason: str, ip: str = "") -> ReviewDecision:
    """It goes back to whoever asked. Errors: CannotReview; rights.NotAllowed."""
    rights.require(by, "comment", review.invoice)
    review = fresh(review)
    _needs(reason, _("Write the answer."))
    if review.state != State.NEEDS_INFO:
        raise CannotReview(_("It waits for no answer any more."))
    back_to = review.claimed_by or review.questioner or by
    return _decide(
        review, Kind.ANSWERED, State.IN_REVIEW, by=by, reason=reason, ip=ip, claimed_by=back_to,
        claim_until=clock.now() + timedelta(hours=settings.DESK_REVIEW_CLAIM_HOURS), question="", questioner=None,
    )  # fmt: skip


def reopen(review: Review, *, by: User, reason: str, ip: str = "") -> ReviewDecision:
    """A rejected one is looked at again, in a new round. Errors: CannotReview; rights.NotAllowed."""
    rights.require(by, "claim", review.invoice)
    review = fresh(review)
    _needs(reason, _("Say what is different now."))
    return _decide(
        review, Kind.REOPENED, State.UNREVIEWED, by=by, reason=reason, ip=ip, round=review.round + 1, decided_at=None,
        version=review.invoice.version, followed=review.invoice.version, entered_at=clock.now(), escalated_at=None,
        seal=bytes(review.invoice.content_hash).hex(), due_at=workdays.due_after(clock.now(), settings.DESK_REVIEW_DUE_DAYS),
    )  # fmt: skip


def clear(review: Review, *, by: User, seal: str, reason: str = "", ip: str = "") -> ReviewDecision:
    """An approved bill to us is to be paid. Errors: CannotReview; rights.NotAllowed."""
    return _settle(review, Kind.CLEARED, State.CLEARED, by=by, seal=seal, reason=reason, ip=ip)


def dispute(review: Review, *, by: User, seal: str, reason: str, ip: str = "") -> ReviewDecision:
    """An approved bill to us is not to be paid as it is. Errors: CannotReview; rights.NotAllowed."""
    _needs(reason, _("Say what is wrong with the bill."))
    return _settle(review, Kind.DISPUTED, State.DISPUTED, by=by, seal=seal, reason=reason, ip=ip)


def undo(review: Review, *, by: User, ip: str = "") -> list[ReviewDecision]:
    """Take one's own last word back, within the time for it and as long as nothing else happened.

    Errors: CannotReview.
    """
    review = fresh(review)
    taken = undoable(review, by)
    if not taken:
        raise CannotReview(_("It cannot be taken back any more: too late, or something happened since."))
    before = dict(taken[-1].before)
    columns: dict[str, Any] = {name: before[name] for name in KEPT if name != "state"}
    if before["state"] == State.IN_REVIEW or columns["claimed_by_id"]:
        columns |= {"claim_until": clock.now() + timedelta(hours=settings.DESK_REVIEW_CLAIM_HOURS)}
    with transaction.atomic():
        move(
            review, before["state"], "undone", by=by, ip=ip, undoing=True, decided_at=None,
            facts={"what": [str(each.kind) for each in taken]}, **columns,
        )  # fmt: skip
        for each in taken:
            ReviewDecision.objects.filter(pk=each.pk, undone_at=None).update(undone_at=clock.now())
    return taken


def undoable(review: Review, user: User) -> list[ReviewDecision]:
    """What this person could take back now, newest first."""
    since = clock.now() - timedelta(seconds=settings.DESK_REVIEW_UNDO_SECONDS)
    mine = review.decisions.filter(by=user, undone_at=None, at__gte=since, round=review.round)
    found: list[ReviewDecision] = []
    turn = review.turn
    for each in mine.filter(kind__in=[Kind.APPROVED, Kind.REJECTED, Kind.ASKED, Kind.CLEARED]).order_by("-pk"):
        if each.turn != turn or (found and found[-1].at != each.at):
            break
        found.append(each)
        turn = each.before["turn"]
    return found


def tick(review: Review, key: str, *, on: bool, by: User, ip: str = "") -> None:
    """Check one point of the checklist, or take the check back. Errors: CannotReview; rights.NotAllowed."""
    rights.require(by, "claim", review.invoice)
    point = next((each for each in review.checklist if each["key"] == key), None)
    if point is None or not review.waits:
        raise CannotReview(_("This point is not to be checked now."))
    with transaction.atomic():
        if on:
            _tick, changed = review.ticks.get_or_create(
                round=review.round, key=key, defaults={"by": by, "at": clock.now()}
            )
        else:
            changed, _of = review.ticks.filter(round=review.round, key=key).delete()
        if changed:
            AuditEntry.objects.record(
                "review.ticked" if on else "review.unticked",
                actor=by,
                ip=ip,
                target=f"invoice:{review.invoice_id}",
                point=point["text"],
                round=review.round,
            )


def _looked_at(review: Review, seal: str, by: User) -> Review:
    """The row as it is now. Errors: CannotReview, where that is not what the person looked at, or another has it."""
    found = fresh(review)
    if not found.waits and found.state not in Review.SEALED:
        raise CannotReview(_("It is decided already: “%(state)s”.") % {"state": found.get_state_display()})
    if seal != found.seal:
        raise Overtaken(_("The invoice has changed since you looked at it. This is how it is now."))
    if claiming.claimed_by_other(found, by):
        raise CannotReview(_("%(who)s is looking at it.") % {"who": found.claimed_by})
    return found


def _may_decide(review: Review, by: User) -> Stand:
    rights.require(by, "approve", review.invoice)
    if review.state == State.NEEDS_INFO:
        raise CannotReview(_("It waits for an answer. Answer first, then decide."))
    stand = stand_of(review, by)
    if not stand.may:
        raise CannotReview(stand.why_not)
    return stand


def _taken(review: Review, by: User, ip: str) -> None:
    """Whoever says no, or asks, has it from that moment."""
    if review.state == State.UNREVIEWED:
        claiming.claim(review, by=by, ip=ip)


def _settle(review: Review, kind: Kind, to: str, *, by: User, seal: str, reason: str, ip: str) -> ReviewDecision:
    rights.require(by, "approve", review.invoice)
    review = _looked_at(review, seal, by)
    if review.invoice.connection.direction != Direction.PAYABLE:
        raise CannotReview(_("Only a bill to us is cleared for payment or disputed."))
    return _decide(review, kind, to, by=by, reason=reason, ip=ip)


def _decide(
    review: Review, kind: Kind, to: str, *, by: User, reason: str, ip: str, solo: bool = False, at=None, **columns: Any
) -> ReviewDecision:
    """The transition and the word it came from, with what stood before the person then: both, or neither."""
    before = {name: getattr(review, name) for name in KEPT} | {"turn": review.turn}
    seen = {"round": review.round, "version": review.version, "seal": review.seal}
    shown = evidence.seen(review)
    try:
        with transaction.atomic():
            move(
                review,
                to,
                kind.value,
                by=by,
                ip=ip,
                reason=reason.strip(),
                facts={"solo": solo, "evidence": evidence.digest(shown)},
                **columns,
            )
            return ReviewDecision.objects.create(
                review=review,
                **seen,
                kind=kind,
                by=by,
                reason=reason.strip(),
                evidence=shown,
                solo=solo,
                before=before,
                turn=review.turn,
                at=at or clock.now(),
                ip=ip,
            )
    except IntegrityError:
        raise Overtaken(_("Your approval counts once, and it is counted.")) from None


def _needs(reason: str, message: str) -> None:
    if not reason.strip():
        raise CannotReview(message, field="reason")
