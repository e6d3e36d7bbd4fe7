"""What is decided about a generated invoice before it is written out, and the maker of its lines."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from .amounts import midnight, months_before, stamp
from .customers import Customer, tax_row
from .lines import LineMaker
from .prices import Catalog, one_off_price, unit_text

GRACE = timedelta(hours=12)  # before a subscription's invoice with usage may be issued


@dataclass(frozen=True)
class Blueprint:
    """An invoice in a few words. `age` 1 is the last closed month, 0 the running one, negative ones lie ahead."""

    customer: int
    status: str
    age: int
    lines: Callable[["Maker"], list[dict]]
    source: str = "subscription"
    day: int = 1  # of the month that follows the period; other than 1 where no period ends
    currency: str | None = None  # the customer's unless said
    payment: str = ""  # how: in_flight, by_hand, at_issue, carryover; else by the saved card
    failures: int = 0  # payment attempts declined so far
    applied: str | None = None  # customer balance used; negative when a negative balance was charged
    will_auto_issue: bool = False
    issue_failed: bool = False
    sync_failed: bool = False
    note_lines: tuple[dict, ...] = ()
    discounts: tuple[dict, ...] = ()
    minimum: str | None = None
    maximum: str | None = None
    memo: str | None = "Thank you for your business."
    metadata: dict = field(default_factory=dict)
    block: str = ""  # the credit block it bought: manual or top_up
    days: int = 3  # from issue to payment, or to voiding


class Maker(LineMaker):
    """Makes a blueprint's lines from the catalog."""

    def __init__(
        self, catalog: Catalog, customer: Customer, identify, invoice_id: str, currency: str, period: tuple[date, date]
    ):
        def written(day: date) -> str:
            return stamp(midnight(customer.timezone, day))

        start, end = period
        taxes = [] if currency == "credits" else customer.taxes()
        super().__init__(identify, invoice_id, currency, (written(start), written(end)), taxes)
        self.catalog, self.customer = catalog, customer
        self.next_period = written(end), written(months_before(end.replace(day=1), -1))

    def sell(self, key: str, quantity, **more) -> dict:
        """A product of the catalog; what is billed in advance is for the period that follows."""
        price = self.catalog.price(key, self.currency)
        if price["billing_mode"] == "in_advance":
            more.setdefault("period", self.next_period)
        return self.line(price, quantity, **more)

    def charge(self, name: str, quantity, unit_amount: str, *, item: str = "Services", untaxed: str = "") -> dict:
        """A line that no subscription asks for, its unit amount in the invoice's own currency."""
        unit_config = {"unit_amount": unit_text(Decimal(unit_amount), self.currency), "prorated": False}
        identity = self.identify("one-off price", self.made)
        price = one_off_price(identity, name, self.catalog.item(item), self.currency, Decimal(quantity), unit_config)
        taxes = [tax_row("Not taxable", None, untaxed)] if untaxed else None
        return self.line(price, quantity, taxes=taxes, period=(self.end, self.end))


@dataclass(frozen=True)
class Times:
    """When things happened to a generated invoice."""

    created: datetime
    invoiced: datetime  # the invoice date: a midnight at the customer's
    eligible: datetime
    issued: datetime
    settled: datetime  # paid, or voided

    def attempt(self, number: int) -> datetime:
        """The n-th declined payment attempt."""
        return min(self.issued + timedelta(seconds=41, days=number * 2), self.settled - timedelta(minutes=9 - number))


def times(blueprint: Blueprint, customer: Customer, period: tuple[date, date], anchor: datetime, jitter: int) -> Times:
    """All before the anchor but for drafts' dates. Units: `jitter` below 3600 keeps invoices of one day apart."""
    start, end = (midnight(customer.timezone, day) for day in period)
    by_subscription = blueprint.source == "subscription"
    invoiced = end
    eligible = end + GRACE if by_subscription else end
    issued = min(eligible + timedelta(seconds=840 + jitter), anchor - timedelta(hours=6, seconds=jitter))
    settled = min(issued + timedelta(days=blueprint.days, seconds=jitter), anchor - timedelta(hours=1, seconds=jitter))
    created = start + timedelta(seconds=161) if by_subscription else invoiced - timedelta(hours=20, seconds=jitter)
    created = min(created, anchor - timedelta(hours=8, seconds=jitter))
    if blueprint.payment in ("at_issue", "carryover"):
        settled = issued
    return Times(created, invoiced, eligible, issued, settled)
