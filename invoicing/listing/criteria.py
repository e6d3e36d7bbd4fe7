"""What a list is asked for, as plain data: made from a URL, a command line or a saved view, and the same for all."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from invoicing.models import Book
from invoicing.vocabulary import Direction


@dataclass(frozen=True, slots=True)
class Span:
    """A range of days, both ends included; None is open."""

    first: date | None = None
    last: date | None = None

    def __bool__(self) -> bool:
        return self.first is not None or self.last is not None


@dataclass(frozen=True, slots=True)
class Sort:
    """An order every row has a place in: non-null columns, the id as tiebreaker."""

    key: str
    label: str
    columns: tuple[str, ...]
    index: str
    descending_first: bool = False  # the direction one expects at the first click

    def order(self, *, descending: bool) -> str:
        """ORDER BY …"""
        return ", ".join(f"{column} {'DESC' if descending else 'ASC'}" for column in (*self.columns, "id"))


SORTS = {
    sort.key: sort
    for sort in (
        Sort("listed", _("Issued"), ("listed_on",), "inv_listed", True),
        Sort("due", _("Due"), ("due_sort",), "inv_due"),
        Sort("number", _("Number"), ("number",), "inv_number"),
        Sort("customer", _("Customer"), ("customer_sort",), "inv_customer_name"),
        Sort("provider", _("Provider"), ("connection_id", "listed_on"), "inv_provider"),
        Sort("status", _("Status"), ("status", "listed_on"), "inv_status"),
        Sort("payment", _("Payment"), ("payment_status", "listed_on"), "inv_payment"),
        Sort("total", _("Total"), ("currency", "total_micros"), "inv_total", True),
        Sort("left", _("Amount due"), ("currency", "due_micros"), "inv_due_amount", True),
    )
}
BY_AMOUNT = frozenset({"total", "left"})
"""The orders that tell which amounts are larger."""

GROUPS = {
    "month": "listed",
    "customer": "customer",
    "provider": "provider",
    "status": "status",
    "payment": "payment",
    "currency": "total",
}
"""What rows can stand under headings by → the order that brings them together, so that pages stay a walk along an index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Empty tuples and None mean "any". `impossible`: a filter did not validate, so nothing is listed."""

    book: Book
    today: date
    connections: tuple[int, ...] = ()
    statuses: tuple[str, ...] = ()
    payments: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    customers: tuple[int, ...] = ()
    without_currencies: tuple[str, ...] = ()  # no total in one of these
    without_customers: tuple[int, ...] = ()
    listed: Span = Span()
    due: Span = Span()
    period: Span = Span()  # invoices whose billing period touches these days
    finalized: Span = Span()
    voided: Span = Span()
    synced: Span = Span()  # days of the accounting time zone on which their facts were read
    least: Decimal | None = None  # total at least; with exactly one currency
    most: Decimal | None = None
    overdue: bool = False
    unrecognized: bool = False
    differing: bool = False  # lines do not add up to the subtotal
    search: str = ""
    sort: str = "listed"
    descending: bool = True
    impossible: bool = False

    @property
    def words(self) -> tuple[tuple, tuple, tuple, tuple]:
        """What is asked of the four columns the summary table knows."""
        return self.connections, self.statuses, self.payments, self.currencies

    @property
    def spans(self) -> tuple[Span, ...]:
        """The dates asked for that neither the list's order nor the summary knows."""
        return self.due, self.period, self.finalized, self.voided, self.synced

    @property
    def without(self) -> tuple[tuple, tuple]:
        return self.without_currencies, self.without_customers

    def among(self, units: Iterable[str]) -> "Criteria":
        """With excluded units said as those that are left of a book's `units`. A payable has several, so there they stay."""
        if not self.without_currencies or self.book.direction == Direction.PAYABLE:
            return self
        left = tuple(unit for unit in self.currencies or units if unit not in self.without_currencies)
        return replace(self, currencies=left, without_currencies=(), impossible=self.impossible or not left)

    @property
    def by_summary(self) -> bool:
        """Whether the summary cells know count and totals of this set exactly."""
        beyond = (self.customers, self.unrecognized, self.differing, self.search)
        if any(beyond) or any(self.spans) or any(self.without) or self.least is not None or self.most is not None:
            return False
        if self.currencies and self.book.direction == Direction.PAYABLE:
            return False  # a bill has several units, and counts once
        return not (self.overdue and self.listed)
