"""Who may approve a request now: for themselves, or in the place of somebody who asked them to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from django.utils import timezone
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.access.rights import Amount
from invoicing.approvals import counting
from invoicing.models import Approval, ApprovalRequest, Connection, Delegation, User


@dataclass(frozen=True, slots=True)
class Seat:
    """What one person's approval would count as."""

    by: User
    counts_for: User
    roles: frozenset[str]

    @property
    def in_place_of(self) -> User | None:
        return None if self.counts_for.pk == self.by.pk else self.counts_for


@dataclass(frozen=True, slots=True)
class Stand:
    """How one person stands towards a request."""

    seats: tuple[Seat, ...] = ()
    solo: bool = False  # nobody else could: one may, with a reason
    why_not: str = ""
    decided: Approval | None = None  # what this person already said in this round

    @property
    def may(self) -> bool:
        return bool(self.seats)


class Desk:
    """Who could approve anything today, and who stands in for whom; read once for however many requests."""

    @cached_property
    def people(self) -> list[User]:
        return rights.people_with("approve")

    @cached_property
    def delegations(self) -> list[Delegation]:
        return list(Delegation.objects.on(timezone.localdate()).select_related("giver", "taker"))


class Table:
    """Everything that decides about one request: what was signed, who is kept out, who stands in for whom."""

    def __init__(self, request: ApprovalRequest, desk: Desk | None = None):
        self.request, self.desk = request, desk or Desk()
        self.decided = [each for each in request.decisions.all() if each.round == request.round]
        self.signed = [each for each in self.decided if each.decision == Approval.Decision.APPROVED]
        self.given = [frozenset(each.roles) for each in self.signed]
        self._things = self._connections()

    @cached_property
    def kept_out(self) -> dict[int, str]:
        return kept_out(self.request, self.desk.delegations)

    @property
    def missing(self) -> int:
        if any(each.solo for each in self.signed):
            return 0
        return counting.missing(self.request.needs, self.given)

    def may_sign_at_all(self, user: User) -> bool:
        """Whether right, reach and limit hold for all it is about."""
        amounts: list[Amount | None] = [
            (None if text is None else Decimal(text), unit) for text, unit in self.request.content["amounts"]
        ]
        return all(
            rights.can(user, "approve", thing, amount=amount) for thing in self._things for amount in amounts or [None]
        )

    def stand_of(self, user: User) -> Stand:
        decided = next((each for each in self.signed if each.by_id == user.pk), None)
        if not self.request.open:
            return Stand(why_not=_("It is decided already."), decided=decided)
        if not rights.can(user, "approve"):
            return Stand(why_not=_missing_right(user))
        seats = self.seats_of(user)
        if seats:
            return Stand(tuple(seats))
        if self.may_sign_at_all(user) and self._alone(user):
            return Stand((Seat(user, user, rights.roles_of(user)),), solo=True, decided=decided)
        if user.pk in self.kept_out:
            return Stand(why_not=self.kept_out[user.pk])
        if decided:
            return Stand(why_not=_("You approved it; somebody else has to as well."), decided=decided)
        if not self.may_sign_at_all(user):
            return Stand(why_not=_("It is outside what you may approve: its connection, or its amount."))
        return Stand(why_not=_("What is still wanted is an approval by another role, or it is another's turn first."))

    def seats_of(self, user: User) -> list[Seat]:
        """The places this person could fill now; the first is their own."""
        if user.pk in self.kept_out or any(each.by_id == user.pk for each in self.signed):
            return []
        taken = {each.counts_for_id for each in self.signed}
        found = [Seat(user, user, rights.roles_of(user))] if self.may_sign_at_all(user) else []
        if rights.can(user, "approve"):
            for each in self.desk.delegations:
                if each.taker_id != user.pk:
                    continue
                if each.giver_id not in self.kept_out and each.giver.is_active and self.may_sign_at_all(each.giver):
                    found.append(Seat(user, each.giver, rights.roles_of(each.giver)))
        return [
            seat
            for seat in found
            if seat.counts_for.pk not in taken and counting.helps(self.request.needs, self.given, seat.roles)
        ]

    def able(self) -> list[User]:
        """Everybody who could fill a place now."""
        return [each for each in self.desk.people if self.seats_of(each)]

    def _alone(self, user: User) -> bool:
        """Whether nobody else could go on with it, so that one is enough. Who is kept out comes after everybody else."""
        if self.missing == 0:
            return False
        others = [each for each in self.desk.people if each.pk != user.pk]
        if user.pk in self.kept_out:
            return not any(each.pk not in self.kept_out and self.may_sign_at_all(each) for each in others)
        return not any(self.seats_of(each) for each in others)

    def _connections(self) -> Sequence[Connection | ApprovalRequest]:
        wanted = self.request.content.get("connections")
        return list(Connection.objects.filter(pk__in=wanted)) if wanted else [self.request]


def kept_out(request: ApprovalRequest, delegations: Iterable[Delegation]) -> dict[int, str]:
    """Who may not approve it, and why: who asked, who changed it last, and those who act for them or they act for."""
    makers = {request.requester_id: _("You asked for this yourself.")}
    if request.editor_id:
        makers.setdefault(request.editor_id, _("You changed this last."))
    found = dict(makers)
    for each in delegations:
        if each.giver_id in makers:
            found.setdefault(each.taker_id, _("You stand in for the person who asked for this."))
        if each.taker_id in makers:
            found.setdefault(each.giver_id, _("The person who asked for this stands in for you."))
    return found


def waiting_for(user: User, requests: Iterable[ApprovalRequest]) -> list[ApprovalRequest]:
    """Those of the open requests that this person could decide now."""
    if not rights.can(user, "approve"):
        return []
    desk = Desk()
    return [each for each in requests if Table(each, desk).stand_of(user).may]


def _missing_right(user: User) -> str:
    try:
        rights.require(user, "approve")
    except rights.NotAllowed as missing:
        return str(missing)
    return ""
