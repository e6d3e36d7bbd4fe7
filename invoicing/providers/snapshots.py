"""What a provider said at one moment, in our words: plain frozen data.

Units: every amount is a Decimal in major units of the unit it stands beside (19.99 is nineteen dollars ninety-nine).
None means that the provider does not say; it never means zero. Days are given as the provider means them; instants
carry their offset.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from invoicing.vocabulary import ListedBy, Payment, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    name: str = ""
    email: str = ""
    phone: str = ""
    lines: tuple[str, ...] = ()  # street lines, city line and country, in printing order
    country: str = ""
    tax_id: str = ""  # as printed: "us_ein 12-3456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerSnapshot:
    external_id: str
    name: str = ""
    email: str = ""
    reference: str = ""  # the customer's id in our own systems, as the provider keeps it
    timezone: str = ""  # IANA name, where the provider's days depend on it
    currency: str = ""
    address: Address | None = None
    archived: bool = False
    livemode: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    label: str  # "100,000 and above", "region eu / size large"
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Anything that changes what is to be paid: a discount, a credit, a tax, a minimum, a fee, a royalty.

    `amount` is signed by its effect on the amount to pay: a discount of 5 is -5. None where the provider gives no figure.
    """

    label: str
    amount: Decimal | None
    unit: str
    percentage: Decimal | None = None  # 19 means 19 %
    detail: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubLine:
    text: str
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSnapshot:
    """One charged row. `counts` is false for rows that the provider shows but leaves out of the subtotal."""

    position: int  # from 0, in the order shown
    text: str
    unit: str  # unit of amount and unit_price
    amount: Decimal | None
    quantity: Decimal | None = None
    quantity_unit: str = ""  # "HOURS", "GIB"
    unit_price: Decimal | None = None
    kind: str = ""  # the provider's word for the kind of line
    group: str = ""  # CockroachDB: the cluster; others: what the line is shown under
    period_start: datetime | None = None
    period_end: datetime | None = None  # exclusive
    external_id: str = ""
    counts: bool = True
    sub_lines: tuple[SubLine, ...] = ()
    tiers: tuple[Tier, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()  # discounts, credits, minimums of this line
    taxes: tuple[Adjustment, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()  # further (label, text) pairs worth showing: "Meter", "Commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSnapshot:
    amount: Decimal | None
    unit: str
    status: str  # the provider's word
    at: datetime | None = None
    method: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTotal:
    """A total of an invoice that has several (CockroachDB). `role` "total" or "balance"."""

    unit: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideCopy:
    """The same invoice in another system (Stripe, a marketplace), which the provider does not control."""

    system: str
    status: str  # that system's word, as the provider passes it on
    external_id: str = ""
    total: Decimal | None = None
    tax: Decimal | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSnapshot:
    provider: str
    external_id: str
    status: Status
    payment_status: Payment
    provider_status: str  # the provider's own word or words: "issued", "FINALIZED / PENDING"
    customer: CustomerSnapshot
    currency: str  # the unit of the amounts below: ISO 4217 upper case, or the provider's own unit
    total: Decimal | None  # None only where the provider has not computed it
    listed_on: date
    listed_by: ListedBy
    number: str = ""
    subtotal: Decimal | None = None
    discount: Decimal | None = None  # all discounts together, positive
    credits: Decimal | None = None  # prepaid credits and balance applied, positive
    tax: Decimal | None = None
    amount_paid: Decimal | None = None
    amount_due: Decimal | None = None  # what is left to pay
    amount_refunded: Decimal | None = None
    further_totals: tuple[UnitTotal, ...] = ()
    balances: tuple[UnitTotal, ...] = ()  # what is left in the account, per unit (CockroachDB)
    issued_at: datetime | None = None
    planned_issue_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    finalized_at: datetime | None = None
    voided_at: datetime | None = None
    paid_at: datetime | None = None
    due_date: date | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None  # exclusive
    timezone: str = "UTC"  # the zone in which the provider means its days
    livemode: bool = True
    kind: str = ""  # the provider's word: "one_off", "SCHEDULED"
    po_number: str = ""
    memo: str = ""
    subscription_id: str = ""
    lines: tuple[LineSnapshot, ...] = ()
    discounts: tuple[Adjustment, ...] = ()  # invoice level
    credit_items: tuple[Adjustment, ...] = ()  # credits, balance, credit notes, invoice level
    taxes: tuple[Adjustment, ...] = ()
    payments: tuple[PaymentSnapshot, ...] = ()
    billed_to: Address | None = None
    billed_by: Address | None = None
    outside_copy: OutsideCopy | None = None
    replaces: str = ""  # external id of the voided invoice this one replaces
    replaced_by: str = ""
    constituents: tuple[str, ...] = ()  # external ids of invoices that this one contains
    has_pdf: bool = False  # the provider can give a PDF of it now
    links: tuple[tuple[str, str], ...] = ()  # (label, https URL) in the provider's own dashboard
    notices: tuple[str, ...] = ()  # sentences an operator should read: "Last issue failed 2026-07-01"
    facts: tuple[tuple[str, str], ...] = ()  # further (label, text) pairs worth showing
    handles: Mapping[str, str] = field(
        default_factory=dict
    )  # what a later read needs beside the id: {"charge_id": ...}
    unrecognized: tuple[str, ...] = ()  # enum words met that the contract does not know: "status=on_hold"
