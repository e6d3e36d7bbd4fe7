"""Who may decide on a review: whoever has the right and did not make what is reviewed."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils import timezone
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.models import Delegation, Invoice, Operation, Review, ReviewDecision, User
from invoicing.vocabulary import CallClass, OperationState


@dataclass(frozen=True, slots=True)
class Stand:
    """How one person stands towards a review."""

    may: bool = False
    solo: bool = False  # nobody else could: one may, with a reason
    why_not: str = ""


@dataclass
class Makers:
    """Who made, or last changed, each of several invoices; and who asked for its review. Read in few queries."""

    reviews: Iterable[Review]
    found: dict[int, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))

    def __post_init__(self):
        reviews = list(self.reviews)
        invoices = {each.invoice_id: each.invoice for each in reviews}
        for invoice_id, requester in _changed_by(invoices):
            self.found[invoice_id].setdefault(requester, _("You changed this invoice yourself."))
        for each in reviews:
            if each.asked_by_id:
                self.found[each.invoice_id].setdefault(each.asked_by_id, _("You asked for this review yourself."))
        for each in Delegation.objects.on(timezone.localdate()):
            for kept in self.found.values():
                if each.giver_id in kept:
                    kept.setdefault(each.taker_id, _("You stand in for somebody who made this."))
                if each.taker_id in kept:
                    kept.setdefault(each.giver_id, _("Somebody who made this stands in for you."))

    def kept_out(self, review: Review) -> dict[int, str]:
        return self.found.get(review.invoice_id, {})


def _changed_by(invoices: dict[int, Invoice]) -> Iterable[tuple[int, int]]:
    """(our id of the invoice, the requester) of every change through the desk that worked, its making among them."""
    worked = Operation.objects.filter(state=OperationState.SUCCEEDED).exclude(call_class=CallClass.READING)
    yield from worked.filter(invoice__in=invoices).values_list("invoice_id", "requester_id")
    by_external = {(each.connection_id, each.external_id): pk for pk, each in invoices.items()}
    made = worked.filter(
        connection__in={connection_id for connection_id, _external_id in by_external},
        outcome__created__in=[external_id for _connection_id, external_id in by_external],
    )
    for connection_id, outcome, requester in made.values_list("connection_id", "outcome", "requester_id"):
        if (connection_id, outcome["created"]) in by_external:
            yield by_external[connection_id, outcome["created"]], requester


def stand_of(review: Review, user: User, makers: Makers | None = None) -> Stand:
    """Whether this person may approve or reject the review as it stands."""
    try:
        rights.require(user, "approve", review.invoice)
    except rights.NotAllowed as missing:
        return Stand(why_not=str(missing))
    if not review.waits:
        return Stand(why_not=_("It is decided already."))
    signed = set(approvals(review).values_list("by_id", flat=True))
    if user.pk in signed:
        return Stand(why_not=_("You approved it; somebody else has to as well."))
    kept_out = (makers or Makers([review])).kept_out(review)
    others = [
        each.pk
        for each in rights.people_with("approve", review.invoice)
        if each.pk not in kept_out and each.pk not in signed and each.pk != user.pk
    ]
    if user.pk in kept_out:
        return Stand(may=not others, solo=not others, why_not="" if not others else kept_out[user.pk])
    return Stand(may=True, solo=len(others) < review.wanted - len(signed) - 1)


def approvals(review: Review):
    """The approvals that count in this round."""
    return ReviewDecision.objects.filter(
        review=review, round=review.round, kind=ReviewDecision.Kind.APPROVED, undone_at=None
    )
