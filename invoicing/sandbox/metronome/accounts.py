"""The customers, and which invoices each of them has: sixteen with a story, then as many as the count asks for.

An invoice is numbered from 0 to the count; its customer and its place among the customer's invoices follow from the
number, and back, so nothing is tabled.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from invoicing.sandbox import names

from .figures import Units, midnight, month_start
from .ids import Ids

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Slot:
    """One invoice to be: its kind (a composer in data.py), its month (0 is the anchor's own) or its day of issue."""

    kind: str
    month: int | None = None
    day: int | None = None  # from the anchor, for invoices without a period
    contract: int = 0
    external: str | None = "PAID"  # what the billing provider says once it is finalized; None: nothing is sent
    void: bool = False
    of: int = 0  # the customer's slot that a regenerated or corrected invoice goes back to
    unit: str = ""
    lines: int = 0


@dataclass(frozen=True)
class Terms:
    """A commit or credit: what was granted, and in which months it can be drawn down."""

    kind: str
    name: str
    amount: str
    unit: str = "USD (cents)"
    first_month: int = 14
    last_month: int = -9
    access_type: str = "SPEND"
    bought_in: int | None = None  # the customer's slot that invoices it
    on_contract: bool = True  # otherwise the customer holds it directly
    products: tuple[int, ...] = (1,)


@dataclass(frozen=True)
class Story:
    """A customer told by hand."""

    slots: tuple[Slot, ...]
    unit: str = "USD (cents)"
    provider: str | None = "stripe"
    terms: tuple[Terms, ...] = ()
    name: str = ""
    style: str = "Z"  # how its instants are written
    billable: bool = True
    archived_month: int | None = None
    payer: int | None = None  # the customer who pays its usage
    plan: bool = False
    billing_day: bool = False  # its billing period ends on the anchor instead of at the end of the month


EXTERNAL = ("DRAFT", "FINALIZED", "PAID", "PARTIALLY_PAID", "UNCOLLECTIBLE", "VOID", "DELETED", "PAYMENT_FAILED",
            "INVALID_REQUEST_ERROR", "SKIPPED", "SENT", "QUEUED")  # fmt: skip

PREPAID = Terms("PREPAID", "Annual prepaid commit", "1200000", bought_in=0)
PROMOTION = Terms("CREDIT", "Promotional credit", "5000", "AI credits", on_contract=False, products=(4,))
EXPIRED = Terms("PREPAID", "Last year's commit", "600000", first_month=30, last_month=18, on_contract=False)
POSTPAID = Terms("POSTPAID", "Postpaid commit", "50000", last_month=1, bought_in=4)
GIGABYTES = Terms("PREPAID", "Transfer bundle", "10000", "EUR", access_type="QUANTITY", products=(5,))

STORIES = (
    Story(  # 0: everything on one invoice; voided and regenerated; Stripe says otherwise
        terms=(PREPAID, PROMOTION, EXPIRED),
        slots=(
            Slot("purchase", day=-150, external=None),
            Slot("metered", 3, external="VOID"),
            Slot("metered", 2, external="FINALIZED", void=True),
            Slot("regenerated", day=-12, of=2, external="PAID"),
            Slot("synced", 1, external="PAID"),
            Slot("metered", 0),
        ),
    ),
    Story(  # 1: pays for itself and for customer 2, in consolidated invoices
        payer=1,
        slots=(
            Slot("consolidated", 2, external="PAID", of=0),
            Slot("usage", 2, external=None),
            Slot("consolidated", 1, external="PARTIALLY_PAID", of=1),
            Slot("usage", 1, external=None),
            Slot("usage", 0, external=None),
        ),
    ),
    Story(  # 2: its usage is paid by customer 1; a postpaid commit fell short and was trued up
        payer=1,
        terms=(POSTPAID,),
        slots=(
            Slot("postpaid", 2, external=None),
            Slot("postpaid", 1, external=None),
            Slot("usage", 0, external=None),
            Slot("residency", day=-40, unit="EUR", external="INVALID_REQUEST_ERROR"),
            Slot("trueup", external="SENT"),
        ),
    ),
    Story(  # 3: euros, in whole units; a zero total; a bundle counted in gigabytes
        unit="EUR",
        provider="netsuite",
        style="offset",
        terms=(GIGABYTES,),
        slots=(
            Slot("bundle", 3, external="SENT"),
            Slot("zero", 2, external="SKIPPED"),
            Slot("bundle", 1, external="QUEUED"),
            Slot("bundle", 0),
        ),
    ),
    Story((Slot("many", 2, lines=2500), Slot("many", 1, lines=400, external="PAYMENT_FAILED"))),
    Story(
        (Slot("usage", 9, void=True, external="VOID"), Slot("usage", 8, void=True, external="PAID")), archived_month=6
    ),
    Story((Slot("usage", 10), Slot("usage", 9)), archived_month=4),  # archived, its paid invoices were left standing
    Story(  # 7: a legacy plan, with sub-lines and a credit grant
        plan=True,
        slots=(Slot("plan", 2), Slot("plan", 1, external="FINALIZED"), Slot("plan", 0), Slot("seats", day=-25)),
    ),
    Story((Slot("usage", 1, external=None), Slot("usage", 0, external=None)), provider=None, billable=False),
    Story(  # 9: through a marketplace, with a name that means harm
        (Slot("reseller", 2, external="SENT"), Slot("reseller", 1, external="QUEUED")),
        provider="aws_marketplace",
        name=names.HOSTILE[0],
    ),
    Story(tuple(Slot("usage", 12 - n, external=status) for n, status in enumerate(EXTERNAL))),
    Story(  # 11: corrected, below zero, without a date of issue, and with a sum that binary arithmetic left its mark on
        (
            Slot("usage", 4, void=True, external="FINALIZED"),
            Slot("correction", day=-80, of=0, external="PAID"),
            Slot("negative", day=-33, external=None),
            Slot("undated", 2, external=None),
            Slot("noise", 1, external="FINALIZED"),
        )
    ),
    Story(  # 12: no cents at all, three decimals, and a total that is not money
        (
            Slot("usage", 1, unit="JPY", external="PAID"),
            Slot("usage", 1, unit="BHD", external="FINALIZED", contract=1),
            Slot("units", 2, unit="AI credits", external=None, contract=2),
            Slot("usage", 0, unit="JPY"),
        ),
        unit="JPY",
        style="ms",
    ),
    Story(
        (Slot("usage", 0), Slot("planned", day=20)), billing_day=True
    ),  # 13: one in its day of grace, one still to come
    Story(()),  # 14: nothing yet
    Story(  # 15: a name of 200 characters, more digits than a double holds, and lines that do not add up
        (Slot("usage", 2, unit="GBP"), Slot("digits", 2, external="FINALIZED", contract=1), Slot("mismatch", 1)),
        name=names.LONG[0],
    ),
)
TOLD = sum(len(story.slots) for story in STORIES)
SMALL, SMALL_SIZE, LARGE_SIZE = 95, 4, 120  # of every 500 further invoices: 95 customers with 4, one with 120
BLOCK = SMALL * SMALL_SIZE + LARGE_SIZE
MONTHS = 14


@dataclass(frozen=True)
class Account:
    """One customer as the rest of the simulator needs it."""

    index: int
    id: str
    name: str
    story: Story
    archived_at: datetime | None
    first_invoice: int  # the number of its first invoice
    invoices: int
    started: datetime  # when its contracts began
    contracts: int
    customer_fields: dict = field(default_factory=dict)


class Accounts:
    """All customers of the simulated account."""

    def __init__(self, world, name: str):
        self.world = world
        self.name = name
        self.ids = Ids(world, name)
        self.units = Units(self.ids)
        self.total = max(world.count, TOLD)
        self._starts = [sum(len(story.slots) for story in STORIES[:n]) for n in range(len(STORIES) + 1)]
        self.count = max(len(STORIES), self.place(self.total - 1)[0] + 1)

    def place(self, invoice: int) -> tuple[int, int]:
        """The customer of an invoice, and the invoice's place among that customer's."""
        if invoice < TOLD:
            customer = max(n for n, start in enumerate(self._starts) if start <= invoice)
            while customer >= len(STORIES) or not STORIES[customer].slots:
                customer -= 1
            return customer, invoice - self._starts[customer]
        block, rest = divmod(invoice - TOLD, BLOCK)
        first = len(STORIES) + block * (SMALL + 1)
        if rest < SMALL * SMALL_SIZE:
            return first + rest // SMALL_SIZE, rest % SMALL_SIZE
        return first + SMALL, rest - SMALL * SMALL_SIZE

    def range(self, customer: int) -> range:
        """The numbers of a customer's invoices."""
        if customer < len(STORIES):
            return range(self._starts[customer], self._starts[customer + 1])
        block, rest = divmod(customer - len(STORIES), SMALL + 1)
        start = TOLD + block * BLOCK + rest * SMALL_SIZE
        size = LARGE_SIZE if rest == SMALL else SMALL_SIZE
        return range(start, max(start, min(start + size, self.total)))

    def slot(self, customer: int, place: int) -> Slot:
        """What the customer's n-th invoice is."""
        if customer < len(STORIES):
            return STORIES[customer].slots[place]
        contract, age = divmod(place, MONTHS)
        rng = self.world.rng(self.name, "slot", customer, place)
        archived = self.archived(customer)
        month = min(len(self.range(customer)), MONTHS) - 1 - age + 2 * archived
        statuses, weights = ("PAID", "FINALIZED", "PAYMENT_FAILED", "QUEUED"), (80, 12, 5, 3)
        return Slot(
            "metered" if self._terms(customer) else "usage",
            month,
            contract=contract,
            external=rng.choices(statuses, weights)[0],
            void=archived or (month > 0 and rng.random() < 0.06),
        )

    def _terms(self, customer: int) -> tuple[Terms, ...]:
        """Every fifth customer without a story has a commit and a credit."""
        return (Terms("PREPAID", "Annual prepaid commit", "2400000"), PROMOTION) if customer % 5 == 0 else ()

    def archived(self, customer: int) -> bool:
        """Whether a customer was archived before the sandbox began."""
        if customer < len(STORIES):
            return STORIES[customer].archived_month is not None
        return customer % 40 == 39

    def story(self, customer: int) -> Story:
        """What is special about a customer."""
        if customer < len(STORIES):
            return STORIES[customer]
        rng = self.world.rng(self.name, "customer", customer)
        terms = self._terms(customer)
        return Story(
            slots=(),
            unit="USD (cents)" if terms else rng.choices(("USD (cents)", "EUR", "GBP", "JPY"), (70, 16, 9, 5))[0],
            provider=rng.choices(("stripe", "netsuite", None), (85, 10, 5))[0],
            terms=terms,
            archived_month=1 if self.archived(customer) else None,
        )

    def account(self, customer: int) -> Account:
        """A customer by number."""
        story = self.story(customer)
        name = story.name or names.company(self.world.rng(self.name, "name", customer), customer)
        held = self.range(customer)
        contracts = (len(held) - 1) // MONTHS + 1 if customer >= len(STORIES) and held else 1
        contracts = max([contracts, *(slot.contract + 1 for slot in story.slots)])
        month = story.archived_month
        fields = {"crm_id": f"acct-{customer:05d}"} | (
            {"billing_email": names.email(name, customer)} if customer % 3 != 2 else {}
        )
        return Account(
            index=customer,
            id=self.ids.of("customer", customer),
            name=name,
            story=story,
            archived_at=None if month is None else month_start(self.world.anchor, month) + 14 * DAY,
            first_invoice=held.start,
            invoices=len(held),
            started=month_start(self.world.anchor, MONTHS),
            contracts=contracts,
            customer_fields=fields,
        )

    def find(self, customer_id: str) -> int | None:
        """The number of a customer by id."""
        number = self.ids.number("customer", customer_id)
        return number if number is not None and number < self.count else None

    def contract_id(self, customer: int, contract: int) -> str:
        return self.ids.of("contract", customer * 16 + contract)

    def find_contract(self, contract_id: str) -> tuple[int, int] | None:
        """Customer and place of a contract."""
        number = self.ids.number("contract", contract_id)
        if number is None or number // 16 >= self.count:
            return None
        customer, contract = divmod(number, 16)
        return (customer, contract) if contract < self.account(customer).contracts else None

    def period(self, customer: int, month: int) -> tuple[datetime, datetime]:
        """The billing period so many months back."""
        anchor = self.world.anchor
        if self.story(customer).billing_day:  # the month that ended this very midnight
            return midnight(anchor, -30), midnight(anchor)
        return month_start(anchor, month), month_start(anchor, month - 1)

    def contract_end(self, customer: int, contract: int) -> datetime | None:
        """When a contract ends; every third is open-ended."""
        return None if (customer + contract) % 3 == 2 else month_start(self.world.anchor, -10)
