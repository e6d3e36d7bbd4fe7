"""What each generated invoice is about: whose it is, of which period, how it stands, when things happened to it.

Cheap on purpose: every invoice's facts are computed before the first search, its lines and amounts only when it is
read. Of each five invoices four belong to subscriptions, one is a one-off.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from .units import first_of_month, indexed_id, mix

FEWEST = 60  # what it takes to show every status and every oddity
# What one invoice shows: (invoice status, payment status, what is peculiar).
SCENARIOS = {
    "paid": ("FINALIZED", "SUCCEEDED"),
    "unpaid": ("FINALIZED", "PENDING"),
    "failed": ("FINALIZED", "FAILED"),
    "partly": ("FINALIZED", "PENDING"),  # a part was recorded as paid
    "overpaid": ("FINALIZED", "OVERPAID"),
    "draft": ("DRAFT", "PENDING"),
    "blank draft": ("DRAFT", "PENDING"),  # created, not computed yet: no lines, no amounts
    "skipped": ("SKIPPED", "PENDING"),  # nothing was used, nothing is asked
    "voided": ("VOIDED", "PENDING"),
    "voided paid": ("VOIDED", "REFUNDED"),  # the money went to the customer's wallet
    "replaced": ("VOIDED", "REFUNDED"),  # points to the invoice computed anew
    "partly refunded": ("FINALIZED", "PARTIALLY_REFUNDED"),
    "refunded": ("FINALIZED", "REFUNDED"),
    "adjusted": ("FINALIZED", "PENDING"),  # a credit note lowered what is due
    "processing": ("FINALIZED", "PROCESSING"),
    "initiated": ("FINALIZED", "INITIATED"),
    "payment voided": ("FINALIZED", "VOIDED"),
    "all discounted": ("FINALIZED", "SUCCEEDED"),  # a coupon of 100 percent
    "trial start": ("FINALIZED", "PENDING"),  # zero, and yet not paid
    "archived": ("VOIDED", "PENDING"),
    "deleted": ("VOIDED", "PENDING"),
}
# What the server of January 2026 has no word for.
BEFORE_MARCH = {"skipped": "draft", "voided paid": "voided", "replaced": "voided", "payment voided": "failed",
                "all discounted": "paid", "trial start": "unpaid"}  # fmt: skip
# (periods ago, subscription) -> (scenario, what its lines show)
SHOWCASE = {
    (0, 0): ("unpaid", ""), (0, 1): ("draft", ""), (0, 2): ("draft", ""), (0, 3): ("skipped", ""),
    (0, 4): ("paid", ""), (0, 5): ("failed", ""), (0, 6): ("partly", ""), (0, 7): ("overpaid", ""),
    (0, 8): ("unpaid", ""), (0, 9): ("unpaid", "400 lines"), (0, 10): ("paid", "2400 lines"), (0, 11): ("unpaid", ""),
    (1, 0): ("paid", ""), (1, 1): ("voided", ""), (1, 2): ("voided paid", ""), (1, 3): ("replaced", ""),
    (1, 4): ("partly refunded", ""), (1, 5): ("refunded", ""), (1, 6): ("adjusted", ""), (1, 7): ("processing", ""),
    (1, 8): ("initiated", ""), (1, 9): ("all discounted", ""), (1, 10): ("payment voided", ""), (1, 11): ("paid", ""),
    (2, 0): ("unpaid", "price units"), (2, 1): ("unpaid", "commitment"), (2, 2): ("unpaid", "negative line"),
    (2, 3): ("trial start", ""), (2, 4): ("archived", ""), (2, 5): ("paid", "hostile names"), (2, 6): ("paid", "edited"),
    (2, 7): ("paid", "stored pdf"), (2, 8): ("paid", "grouped"), (2, 9): ("unpaid", "tiny"), (2, 10): ("paid", "huge"),
    (2, 11): ("unpaid", "advance"), (3, 0): ("deleted", ""), (3, 1): ("blank draft", ""),
    (3, 2): ("unpaid", "over commitment"),
}  # fmt: skip
ONE_OFFS = ("unpaid", "paid", "unpaid", "replacement", "unpaid", "unpaid", "paid", "failed", "voided", "unpaid",
            "unpaid", "paid")  # fmt: skip
SUBSCRIBED_IN = ("eur", "usd", "jpy", "usd", "kwd", "bhd", "inr", "gbp", "usd", "usd", "usd", "cad")
SOLD_IN = ("jpy", "usd", "usd", "usd", "inr", "eur", "gbp", "krw", "usd", "isk", "vnd", "clf")


class Facts(NamedTuple):
    """What is known of a generated invoice without computing it."""

    index: int
    id: str
    kind: str  # SUBSCRIPTION, ONE_OFF or CREDIT
    scenario: str
    shows: str
    customer: int  # who is invoiced
    owner: int  # who owns the subscription
    subscription: int | None
    sequence: int
    status: str
    payment: str
    row: str
    currency: str
    reason: str
    created: datetime
    finalized: datetime | None
    paid: datetime | None
    voided: datetime | None
    updated: datetime
    start: datetime | None
    end: datetime | None
    due: datetime | None
    number: str


class Timeline:
    """How invoices lie in time. Data ends before midnight of the anchor, so that nothing comes from the future."""

    def __init__(self, seed: int, count: int, anchor: date, first_generation: bool):
        self.first_generation = first_generation
        self.salt = mix(seed, 2 if first_generation else 1)
        self.count = max(count, FEWEST)
        self.midnight = datetime.combine(anchor, time(), UTC)
        self.month = first_of_month(self.midnight - timedelta(days=1))  # the current month, one day old at least
        self.ends = [first_of_month(self.month, -ago) for ago in range(48)]
        subscribed = self.count - self.count // 5
        self.subscriptions = max(12, -(-subscribed // 13))
        self.periods = -(-subscribed // self.subscriptions)  # invoices of one subscription, at most
        self.customers = self.subscriptions + max(12, self.subscriptions // 3)

    def months_since_cancelled(self, subscription: int) -> int:
        """A quarter of the subscriptions have ended; 0 for one that lives."""
        return (subscription // 4 * 3 + 1) % (14 - self.periods) if subscription % 4 == 3 else 0

    def payer(self, subscription: int) -> int:
        """Who is invoiced: some owners have a parent that pays."""
        return subscription - 1 if subscription % 16 == 8 else subscription

    def currency(self, subscription: int) -> str:
        return SUBSCRIBED_IN[subscription % 12]

    def index_of(self, subscription: int, period: int) -> int | None:
        """The invoice of a subscription `period` invoices ago."""
        ordinal = period * self.subscriptions + subscription
        index = ordinal // 4 * 5 + ordinal % 4
        return index if index < self.count else None

    def purchases_of(self, customer: int) -> range:
        """The CREDIT invoices of a customer who has a wallet of prepaid credits."""
        if customer % 3:
            return range(0)
        return range(14 + customer // 3 * 125, self.count, self.subscriptions // 3 * 125)

    def facts(self, index: int) -> Facts:
        """The facts of invoice number `index`."""
        block, place = divmod(index, 5)
        if place == 4:
            return self._replacement(index) if block == 3 else self._one_off(index, block)
        period, subscription = divmod(block * 4 + place, self.subscriptions)
        return self._subscribed(index, subscription, period)

    def _subscribed(self, index: int, subscription: int, period: int) -> Facts:
        chance = mix(self.salt, index)
        scenario, shows = SHOWCASE.get((period, subscription)) or (self._ordinary(chance, period), "")
        if self.first_generation:
            scenario = BEFORE_MARCH.get(scenario, scenario)
        ago = period + self.months_since_cancelled(subscription)
        end = self.ends[ago]
        created = end + timedelta(minutes=4, seconds=chance % 600, microseconds=(chance >> 12) % 1_000_000)
        if scenario in ("draft", "blank draft") and ago == 0:  # of the period that is running
            start, end = end, first_of_month(end, 1)
        else:
            start = self.ends[ago + 1]
        return self._assemble(
            index, "SUBSCRIPTION", scenario, shows, self.payer(subscription), subscription, subscription,
            self.periods - period, self.currency(subscription), created, start, end, chance >> 20,
        )  # fmt: skip

    def _replacement(self, index: int) -> Facts:
        """The invoice computed anew for the one that was replaced (or, in the first generation, voided)."""
        old = self._subscribed(self.index_of(3, 1), 3, 1)
        created = old.voided + timedelta(seconds=2, microseconds=318_000)
        return self._assemble(
            index, "SUBSCRIPTION", "unpaid", "", old.customer, old.owner, 3, old.sequence + 1, old.currency,
            created, old.start, old.end, mix(self.salt, index) >> 20,
        )  # fmt: skip

    def _one_off(self, index: int, ordinal: int) -> Facts:
        chance = mix(self.salt, index)
        scenario = ONE_OFFS[ordinal] if ordinal < len(ONE_OFFS) else self._ordinary(chance, 1)
        if scenario not in ("unpaid", "paid", "failed", "voided", "partly"):
            scenario = "paid"
        kind = "CREDIT" if ordinal % 25 == 2 else "ONE_OFF"
        currency = SOLD_IN[ordinal % len(SOLD_IN)]
        customer = (ordinal * 7 + self.subscriptions) % self.customers
        if kind == "CREDIT":  # credits for a wallet, so its customer has one: see `wallets.wallet_of`
            customer = ordinal // 25 % (self.subscriptions // 3) * 3
            currency = self.currency(customer)
        count = max(1, self.count // 5)
        span = timedelta(days=420).total_seconds()  # fourteen months
        age = timedelta(seconds=int(span * (ordinal * 37 % count + 0.5) / count), microseconds=chance % 1_000_000)
        return self._assemble(
            index, kind, scenario, f"one-off {ordinal}", customer, customer, None, 0, currency,
            self.midnight - timedelta(hours=9) - age, None, None, chance >> 20,
        )  # fmt: skip

    def _ordinary(self, chance: int, period: int) -> str:
        """What becomes of an invoice that need not show anything."""
        drawn = (chance >> 40) % 100
        if period == 0:
            bounds = ((12, "draft"), (15, "skipped"), (55, "unpaid"), (59, "failed"), (100, "paid"))
        else:
            bounds = ((2, "skipped"), (6, "voided"), (8, "voided paid"), (13, "unpaid"), (15, "failed"), (17, "partly"),
                      (18, "overpaid"), (19, "partly refunded"), (20, "refunded"), (21, "adjusted"), (100, "paid"))  # fmt: skip
        return next(name for bound, name in bounds if drawn < bound)

    def _assemble(
        self,
        index,
        kind,
        scenario,
        shows,
        customer,
        owner,
        subscription,
        sequence,
        currency,
        created,
        start,
        end,
        chance,
    ) -> Facts:
        status, payment = SCENARIOS[scenario]
        last = self.midnight - timedelta(minutes=7, microseconds=chance % 900_000_000)

        def after(at: datetime, **gap) -> datetime:
            return min(at + timedelta(**gap), last)

        finalized = paid = voided = None
        if status not in ("DRAFT", "SKIPPED"):
            if subscription is None:
                finalized = after(created, microseconds=271_000)
            else:  # the server waits two hours for late usage
                finalized = after(created, seconds=7220 + chance % 300, microseconds=chance % 999_999)
        if payment in ("SUCCEEDED", "OVERPAID", "REFUNDED", "PARTIALLY_REFUNDED"):
            paid = after(finalized, days=1 + chance % 19, seconds=chance % 80_000, microseconds=chance % 1_000_000)
        if status == "VOIDED":
            voided = after(paid or finalized, days=1 + chance % 4, seconds=chance % 3600)
        if subscription is None:
            reason = "WALLET_AUTO_TOPUP" if kind == "CREDIT" and not self.first_generation else "MANUAL"
        elif scenario == "trial start":
            reason = "SUBSCRIPTION_TRIAL_START"
        else:
            first = "SUBSCRIPTION_CREATE" if sequence == 1 else "SUBSCRIPTION_CYCLE"
            reason = {"negative line": "PRORATION", "edited": "SUBSCRIPTION_UPDATE"}.get(shows, first)
        touched = voided or paid or finalized or created
        if scenario in ("refunded", "partly refunded", "adjusted"):
            touched = after(touched, days=2, seconds=chance % 5000)
        due = datetime.combine(created.date(), time(), UTC) + timedelta(days=30 if subscription is not None else 14)
        return Facts(
            index, indexed_id("inv", created, self.salt, index), kind, scenario, shows, customer, owner, subscription,
            sequence, status, payment, scenario if scenario in ("archived", "deleted") else "published", currency,
            reason, created, finalized, paid, voided, touched, start, end, None if scenario == "blank draft" else due,
            f"INV-{finalized:%Y%m}-{index + 1:05d}" if finalized else "",
        )  # fmt: skip
