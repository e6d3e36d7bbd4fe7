"""What a page shows of one review: what is unusual, what changed, what is to be checked, who said what, what one may do."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing.access import rights
from invoicing.models import Anomaly, Invoice, Mute, Review, ReviewDecision, Tick, User
from invoicing.money import parse_amount
from invoicing.reviews import claiming, deciding, evidence
from invoicing.reviews.people import Makers, Stand, approvals, stand_of
from invoicing.vocabulary import Direction
from invoicing.web import formats
from invoicing.web.invoice_tabs.history import Change, told

State = Review.State
TONES = {
    State.UNREVIEWED: "amber",
    State.IN_REVIEW: "blue",
    State.NEEDS_INFO: "violet",
    State.PARTLY_APPROVED: "blue",
    State.APPROVED: "green",
    State.CLEARED: "green",
    State.REJECTED: "red",
    State.DISPUTED: "red",
    State.SEAL_BROKEN: "amber",
    State.SUPERSEDED: "hollow",
}
AGAINST = {
    "median": gettext_lazy("usual amount, the median of the last six"),
    "lines_before": gettext_lazy("times in the period before"),
    "line_before": gettext_lazy("in the period before"),
    "price_before": gettext_lazy("in the period before"),
    "quantity": gettext_lazy("as its quantity"),
    "other_period": gettext_lazy("is the period of another invoice"),
    "other_day": gettext_lazy("is the day of another invoice of the same amount"),
    "last_period": gettext_lazy("is where the period before ended"),
    "subtotal": gettext_lazy("is the subtotal"),
    "total_without_tax_id": gettext_lazy("in total, without a tax id"),
    "charges": gettext_lazy("charged"),
    "usual_unit": gettext_lazy("on all invoices before"),
    "now": gettext_lazy("is when it was checked"),
}
HERE = {
    "lines_before": gettext_lazy("now"),
    "line_before": gettext_lazy("times now"),
    "quantity": gettext_lazy("charged"),
    "subtotal": gettext_lazy("is what the lines add up to"),
    "total_without_tax_id": gettext_lazy("tax"),
    "charges": gettext_lazy("credited"),
    "now": gettext_lazy("is when it issues by itself"),
}
COUNTS = {("new_line", "there"), ("lost_line", "here"), ("no_quantity", "there")}
"""Figures that are counts, not amounts in the anomaly's unit."""


@dataclass(frozen=True)
class Figure:
    """One of the two an anomaly compares: an amount with its unit, or words."""

    amount: Decimal | None
    unit: str
    text: str


@dataclass(frozen=True)
class Unusual:
    anomaly: Anomaly
    mute: Mute | None

    @property
    def here(self) -> Figure:
        return self._figure("here")

    @property
    def there(self) -> Figure:
        return self._figure("there")

    @property
    def here_says(self) -> str:
        return HERE.get(self.anomaly.against, _("here"))

    @property
    def there_says(self) -> str:
        return AGAINST.get(self.anomaly.against, self.anomaly.against)

    def _figure(self, side: str) -> Figure:
        text = getattr(self.anomaly, side)
        if self.anomaly.unit and (self.anomaly.kind, side) not in COUNTS:
            return Figure(parse_amount(text), self.anomaly.unit, "")
        return Figure(None, "", readable(text))


def readable(text: str) -> str:
    """A day, a period or a moment as people write it; anything else as it is."""
    days = [date.fromisoformat(each) if _is_day(each) else None for each in text.split("/")]
    if all(days):
        return " – ".join(formats.day_text(each) for each in days if each)
    moment = parse_datetime(text) if "T" in text else None
    return formats.moment_text(moment) if moment else text


def _is_day(text: str) -> bool:
    return len(text) == 10 and text[4:5] == text[7:8] == "-"


@dataclass(frozen=True)
class Point:
    key: str
    text: str
    tick: Tick | None


@dataclass
class Panel:
    """One invoice's review for one person. `given`: what they typed, where it is shown again; `wrong`: why, by field."""

    invoice: Invoice
    user: User
    review: Review | None
    given: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str:
        return self.review.get_state_display() if self.review else _("No review needed")

    @property
    def tone(self) -> str:
        return TONES[State(self.review.state)] if self.review else "hollow"

    @property
    def payable(self) -> bool:
        return self.invoice.connection.direction == Direction.PAYABLE

    @cached_property
    def stand(self) -> Stand:
        return stand_of(self.review, self.user, Makers([self.review])) if self.review else Stand()

    @cached_property
    def unusual(self) -> list[Unusual]:
        if self.review:
            return [Unusual(*each) for each in evidence.anomalies(self.review)]
        bare = Review(invoice=self.invoice, version=self.invoice.version)
        return [Unusual(*each) for each in evidence.anomalies(bare)]

    @cached_property
    def checked(self) -> bool:
        """Whether the checks saw this very version."""
        version = self.review.version if self.review else self.invoice.version
        return evidence.checked(self.invoice, version)

    @property
    def difference(self) -> list[Change]:
        if self.review is None or not rights.can(self.user, "view_money", self.invoice):
            return []
        return told(self.review.difference, self.invoice.currency)

    @cached_property
    def points(self) -> list[Point]:
        if self.review is None:
            return []
        ticks = {each.key: each for each in self.review.ticks.filter(round=self.review.round).select_related("by")}
        return [Point(each["key"], each["text"], ticks.get(each["key"])) for each in self.review.checklist]

    @cached_property
    def decisions(self) -> list[ReviewDecision]:
        if self.review is None:
            return []
        return list(self.review.decisions.select_related("by").order_by("-at", "-pk"))

    @cached_property
    def approved(self) -> int:
        return approvals(self.review).count() if self.review else 0

    @property
    def late(self) -> bool:
        return self.review is not None and self.review.waits and self.review.due_at <= timezone.now()

    @property
    def behind(self) -> bool:
        """The sealed version is not the newest: what came since changed no money, line or status."""
        return self.review is not None and not self.review.waits and self.review.version != self.invoice.version

    @property
    def held_by_other(self) -> bool:
        return self.review is not None and claiming.claimed_by_other(self.review, self.user)

    @property
    def mine(self) -> bool:
        return self.review is not None and self.review.claimed_by_id == self.user.pk

    @property
    def may_claim(self) -> bool:
        waits = self.review is not None and self.review.waits and not self.held_by_other and not self.mine
        return waits and rights.can(self.user, "claim", self.invoice)

    @property
    def may_release(self) -> bool:
        held = self.review is not None and self.review.waits and self.review.claimed_by_id is not None
        return held and (self.mine or claiming.may_take_away(self.user))

    @property
    def assignable(self) -> list[User]:
        if self.review is None or not self.review.waits or not rights.can(self.user, "claim", self.invoice):
            return []
        if self.held_by_other and not claiming.may_take_away(self.user):
            return []
        people = rights.people_with("claim", self.invoice)
        return [each for each in people if each.pk not in (self.user.pk, self.review.claimed_by_id)]

    @property
    def may_decide(self) -> bool:
        """Whether the form to decide is there: approving may still be refused, with a reason beside it."""
        open_now = self.review is not None and self.review.waits and self.review.state != State.NEEDS_INFO
        return open_now and not self.held_by_other and rights.can(self.user, "claim", self.invoice)

    @property
    def may_settle(self) -> bool:
        approved = self.review is not None and self.review.state == State.APPROVED
        return approved and self.payable and rights.can(self.user, "approve", self.invoice)

    @property
    def may_answer(self) -> bool:
        asked = self.review is not None and self.review.state == State.NEEDS_INFO
        return asked and rights.can(self.user, "comment", self.invoice)

    @property
    def may_reopen(self) -> bool:
        rejected = self.review is not None and self.review.state == State.REJECTED
        return rejected and rights.can(self.user, "claim", self.invoice)

    @property
    def may_ask_for(self) -> bool:
        return self.review is None and rights.can(self.user, "claim", self.invoice)

    @property
    def may_mute(self) -> bool:
        return rights.can(self.user, "approve", self.invoice)

    @cached_property
    def undoable_until(self) -> datetime | None:
        taken = deciding.undoable(self.review, self.user) if self.review else []
        return taken[0].at + timedelta(seconds=settings.DESK_REVIEW_UNDO_SECONDS) if taken else None


def panel_of(invoice: Invoice, user: User, **more) -> Panel:
    review = Review.objects.select_related(*deciding.RELATED).filter(invoice=invoice).first()
    if review is not None:
        review.invoice = invoice
    return Panel(invoice, user, review, **more)
