"""Every invoice as it is before anything was done to it: a pure function of the seed and its number.

The lines add up to the total as Metronome's do, with two deliberate exceptions: "noise" carries the mark of binary
addition (0.30000000000000004), and "mismatch" was rounded to whole cents.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from . import lines, seldom
from .accounts import STORIES, Account, Accounts, Slot, Terms
from .figures import midnight, wire
from .lines import API, COMPUTE, INFERENCE, ONBOARDING, PRODUCTS, STORAGE, TOKENS, TRANSFER, Commit, Sheet

GRACE = timedelta(hours=24)  # a usage invoice stays a draft so long after its period
PRICES = {  # API calls (two tiers), compute hour, seat, storage, gigabyte
    "USD (cents)": ("0.1", "0.075", "12.25", "2500", "2.3", "9"),
    "EUR": ("0.001", "0.00075", "0.1225", "25", "0.023", "0.09"),
    "GBP": ("0.0009", "0.0007", "0.105", "22.5", "0.02", "0.08"),
    "JPY": ("1", "1", "18", "3800", "3", "14"),
    "BHD": ("0.005", "0.004", "0.046", "9.375", "0.009", "0.034"),
    "AI credits": ("1", "1", "5", "100", "2", "3"),
}
REGIONS = ("eu-central-1", "us-east-1", "ap-northeast-1", "sa-east-1")


@dataclass(frozen=True)
class Base:
    """An invoice before its status: what `books` starts from. Nobody changes what is inside."""

    number: int
    account: Account
    slot: Slot
    invoice: dict  # without status, totals and external_invoice
    total: Decimal | None = None  # where it is not what the lines say


class Data:
    """Composes invoices, one method a kind of slot."""

    def __init__(self, accounts: Accounts):
        self.accounts = accounts
        self.ids = accounts.ids
        self.units = accounts.units
        self.world = accounts.world
        self.base = lru_cache(maxsize=512)(self._base)
        self.sent_lines = lru_cache(maxsize=64)(self._sent_lines)

    # ---- what an invoice refers to

    def commit(self, customer: int, number: int) -> Commit:
        """One of the customer's commits and credits."""
        terms = self.accounts.story(customer).terms[number]
        key = customer * 8 + number
        return Commit(
            self.ids.of("commit", key), self.ids.of("segment", key), terms.kind, terms.name, terms.access_type
        )

    def access(self, terms: Terms) -> tuple[datetime, datetime]:
        """When a commit can be drawn down."""
        return (
            self.accounts.period(0, terms.first_month)[0],
            self.accounts.period(0, terms.last_month)[1],
        )

    def invoice_id(self, customer: int, place: int) -> str:
        return self.ids.of("invoice", self.accounts.range(customer)[place])

    def historical(self) -> Base:
        """The invoice that paid for the first customer's commit of a year before; no list has it unasked."""
        bought = self.base(self.accounts.range(0)[0])
        sheet = Sheet(self.ids, self.units["USD (cents)"])
        sheet.purchase(self.commit(0, 2), bought.account.story.terms[2].amount)
        issued_at = self.access(bought.account.story.terms[2])[0]
        own = {"id": self.ids.of("historical invoice", 0), "issued_at": issued_at, "line_items": sheet.lines}
        return Base(-1, bought.account, bought.slot, bought.invoice | own)

    def scheduled(self, customer: int, invoice_id: str, issued_at: datetime, amount: str) -> Base:
        """An invoice for one charge that was added to a contract while the sandbox ran."""
        account = self.accounts.account(customer)
        sheet = Sheet(self.ids, self.units[account.story.unit])
        sheet.scheduled("Added service", 1, amount, invoice_id[:-1] + "0")
        slot = Slot("scheduled", external="FINALIZED")
        return Base(-1, account, slot, self._head(account, slot, sheet, invoice_id, None, None, issued_at))

    # ---- putting one together

    def _base(self, number: int) -> Base:
        customer, place = self.accounts.place(number)
        account = self.accounts.account(customer)
        slot = self.accounts.slot(customer, place)
        start = end = None
        issued_at = midnight(self.world.anchor, slot.day or 0)
        if slot.month is not None:
            start, end = self.accounts.period(customer, slot.month)
            issued_at = end + GRACE
        sheet = Sheet(self.ids, self.units[slot.unit or account.story.unit], start, end)
        invoice = self._head(account, slot, sheet, self.ids.of("invoice", number), start, end, issued_at)
        rng = self.world.rng(self.accounts.name, "invoice", number)
        total = getattr(self, f"_{slot.kind}")(sheet, account, slot, rng, invoice)
        return Base(number, account, slot, invoice, total)

    def _head(self, account: Account, slot: Slot, sheet: Sheet, invoice_id: str, start, end, issued_at) -> dict:
        """What every invoice has, around the sheet's lines."""
        customer = account.index
        invoice = {
            "id": invoice_id,
            "customer_id": account.id,
            "customer_custom_fields": account.customer_fields,
            "type": "SCHEDULED" if start is None else "USAGE",
            "status": "",
            "credit_type": sheet.unit,
            **({} if start is None else {"start_timestamp": start, "end_timestamp": end}),
            "issued_at": issued_at,
            "contract_id": self.accounts.contract_id(customer, slot.contract),
            "contract_custom_fields": {},
            "net_payment_terms_days": (30, 15, 30, 60, 45)[customer % 5],
            "line_items": sheet.lines,
            "invoice_adjustments": [],
        }
        if account.story.payer is not None and start is not None:
            payer = account.story.payer
            invoice["payer"] = {
                "contract_id": self.accounts.contract_id(payer, 0),
                "customer_id": self.ids.of("customer", payer),
            }
        if account.story.plan:
            del invoice["contract_id"], invoice["contract_custom_fields"]
        if not account.story.billable:
            invoice["billable_status"] = "unbillable"
            invoice["custom_fields"] = {"reviewed": True, "ticket": "FIN-7"}
            del invoice["net_payment_terms_days"]
        return invoice

    def _share(self, slot: Slot, quantity: int) -> int:
        """Of a month that is still running, what has been used by now."""
        if slot.month != 0:
            return quantity
        return max(1, quantity * self.world.anchor.day // 31)

    def _sent_lines(self, number: int) -> list[dict]:
        """The lines as sent; kept, for thousands of them take their time."""
        base = self.base(number)
        return wire(base.invoice["line_items"], base.account.story.style)

    # ---- usage

    def _usage(self, sheet, account, slot, rng, invoice):
        first, second, compute, seat, storage, gigabyte = PRICES.get(sheet.unit["name"], PRICES["EUR"])
        sheet.tiers(API, self._share(slot, rng.randint(20_000, 400_000)), [(100_000, first), (None, second)])
        for region in rng.sample(REGIONS, rng.randint(1, 2)):
            groups = {"region": region, "size": rng.choice(("small", "large"))}
            hours = Decimal(self._share(slot, rng.randint(50, 900)))
            if sheet.unit["name"] not in ("JPY", "BHD"):
                hours += Decimal("0.5")
            sheet.usage(COMPUTE, hours, compute, pricing_group_values=groups)
        if rng.random() < 0.6:
            sheet.subscription(rng.randint(1, 40), seat, self.ids.of("subscription", account.index))
        if rng.random() < 0.5:
            shown = {"project": rng.choice(("checkout", "search", "données")), "team": rng.choice((None, "core"))}
            sheet.usage(STORAGE, self._share(slot, rng.randint(100, 9000)), storage, presentation_group_values=shown)
        if rng.random() < 0.5:
            sheet.usage(TRANSFER, 0, gigabyte)
        if rng.random() < 0.3 and sheet.unit["name"] == "USD (cents)":
            more = {"group_key": "model", "group_value": rng.choice((None, "large-2"))}
            sheet.usage(TOKENS, self._share(slot, rng.randint(10**6, 10**9)), "2.5E-7", **more)

    def _metered(self, sheet, account, slot, rng, invoice):
        first, second, compute, seat, *_ = PRICES["USD (cents)"]
        custom = self.units["AI credits"]
        sheet.tiers(API, self._share(slot, rng.randint(110_000, 300_000)), [(100_000, first), (None, second)])
        groups = {
            "pricing_group_values": {"region": "eu-central-1", "size": "large"},
            "presentation_group_values": {"project": "checkout", "team": None},
        }
        hours = Decimal(self._share(slot, rng.randint(100, 500))) + Decimal("0.5")
        sheet.covered(COMPUTE, hours, compute, self.commit(account.index, 0), **groups)
        sheet.subscription(
            rng.randint(2, 9), seat, self.ids.of("subscription", account.index), prorated=slot.month == 3
        )
        sheet.covered(INFERENCE, 200, 1, self.commit(account.index, 1), unit=custom)
        rest = self._share(slot, rng.randint(100, 900))
        sheet.usage(INFERENCE, rest, 1, unit=custom)
        sheet.conversion(rest, "2.5", custom)

    def _synced(self, sheet, account, slot, rng, invoice):
        self._metered(sheet, account, slot, rng, invoice)
        invoice["revenue_system_invoices"] = [
            {
                "revenue_system_provider": "netsuite",
                "revenue_system_external_entity_id": "SO-1001",
                "sync_status": "SYNCED",
                "revenue_system_external_entity_type": "sales_order",
            }
        ]

    def _postpaid(self, sheet, account, slot, rng, invoice):
        groups = {"pricing_group_values": {"region": "eu-central-1", "size": "large"}}
        hours = Decimal(rng.randint(200, 900)) + Decimal("0.5")
        sheet.covered(COMPUTE, hours, "12.25", self.commit(account.index, 0), **groups)

    def _consolidated(self, sheet, account, slot, rng, invoice):
        invoice["type"] = "USAGE_CONSOLIDATED"
        invoice["constituent_invoices"] = constituents = []
        for customer, story in enumerate(STORIES):
            for place, other in enumerate(story.slots):
                if story.payer == account.index and other.month == slot.month and other.kind != "consolidated":
                    base = self.base(self.accounts.range(customer)[place])
                    sheet.copied(base.invoice, base.number * 5000)
                    constituents.append(
                        {
                            "contract_id": base.invoice["contract_id"],
                            "customer_id": base.invoice["customer_id"],
                            "invoice_id": base.invoice["id"],
                        }
                    )

    def _bundle(self, sheet, account, slot, rng, invoice):
        self._usage(sheet, account, slot, rng, invoice)
        sheet.covered(TRANSFER, self._share(slot, rng.randint(100, 2000)), "0.09", self.commit(account.index, 0))

    def _zero(self, sheet, account, slot, rng, invoice):
        sheet.covered(TRANSFER, 500, "0.09", self.commit(account.index, 0))

    def _reseller(self, sheet, account, slot, rng, invoice):
        self._usage(sheet, account, slot, rng, invoice)
        seldom.resold(self.ids, sheet, invoice)

    def _many(self, sheet, account, slot, rng, invoice):
        for row in range(slot.lines):
            groups = {"region": REGIONS[row % 4], "node": f"n-{row:04d}"}
            sheet.usage(COMPUTE, rng.randint(1, 90), "1.375", pricing_group_values=groups)

    def _units(self, sheet, account, slot, rng, invoice):
        sheet.usage(INFERENCE, rng.randint(1000, 9000), 1)

    def _undated(self, sheet, account, slot, rng, invoice):
        self._usage(sheet, account, slot, rng, invoice)
        del invoice["issued_at"]

    def _noise(self, sheet, account, slot, rng, invoice):
        sheet.usage(API, 1, "0.1")
        sheet.usage(API, 2, "0.1", pricing_group_values={"region": REGIONS[0]})
        return Decimal("0.30000000000000004")

    def _mismatch(self, sheet, account, slot, rng, invoice):
        sheet.usage(COMPUTE, "321.5", "12.25")
        return lines.total(invoice)[0].quantize(Decimal(1), ROUND_HALF_UP)

    def _digits(self, sheet, account, slot, rng, invoice):
        sheet.usage(COMPUTE, "98765.4321", "12.3456789012345")
        invoice["reseller_royalty"] = seldom.GOOGLE

    # ---- scheduled

    def _charge_id(self, invoice: dict) -> str:
        return self.ids.of("scheduled_charge", self.ids.number("invoice", invoice["id"]))

    def _purchase(self, sheet, account, slot, rng, invoice):
        sheet.scheduled(PRODUCTS[ONBOARDING][0], 2, 75000, self._charge_id(invoice))
        sheet.purchase(self.commit(account.index, 0), account.story.terms[0].amount)
        sheet.scheduled("Goodwill correction", 1, -5000, self._charge_id(invoice))

    def _residency(self, sheet, account, slot, rng, invoice):
        sheet.scheduled("Data residency add-on", 3, "199.5", self._charge_id(invoice))

    def _planned(self, sheet, account, slot, rng, invoice):
        sheet.scheduled("Annual support", 1, 480000, self._charge_id(invoice))

    def _negative(self, sheet, account, slot, rng, invoice):
        sheet.scheduled("Goodwill correction", 1, "-12500", self._charge_id(invoice))

    def _trueup(self, sheet, account, slot, rng, invoice):
        terms, used = account.story.terms[0], Decimal(0)
        for place, other in enumerate(account.story.slots):
            if other.kind == "postpaid":
                base = self.base(self.accounts.range(account.index)[place])
                used += sum(line["total"] for line in base.invoice["line_items"] if line["type"] == "usage")
        sheet.trueup(self.commit(account.index, 0), Decimal(terms.amount) - used)
        invoice["issued_at"] = self.access(terms)[1] + GRACE + timedelta(hours=1)  # after the last usage invoice

    def _correction(self, sheet, account, slot, rng, invoice):
        sheet.scheduled("Rate correction", 1, "-2250.5", self._charge_id(invoice))
        sheet.scheduled("Migration workshop", 2, 40000, self._charge_id(invoice))
        workshop = sheet.lines[-1]
        workshop.update(professional_service_id=self.ids.of("service", account.index), metadata="free text")
        workshop.update(professional_service_custom_fields=seldom.FIELDS, scheduled_charge_custom_fields=seldom.FIELDS)
        invoice["created_at"] = invoice["issued_at"]
        invoice["amendment_id"] = self.ids.of("amendment", account.index)
        invoice["correction_record"] = {
            "corrected_invoice_id": self.invoice_id(account.index, slot.of),
            "memo": "Rate corrected after review",
            "reason": "pricing",
            "corrected_external_invoice": seldom.corrected(invoice["issued_at"] - timedelta(days=20)),
        }
        invoice["revenue_system_invoices"] = [
            {
                "revenue_system_provider": "netsuite",
                "sync_status": "FAILED",
                "revenue_system_external_entity_type": "sales_order",
                "error_message": "The subsidiary is closed.",
            }
        ]

    def _regenerated(self, sheet, account, slot, rng, invoice):
        """The voided invoice once more, at rates that are a tenth lower."""
        source = self.base(self.accounts.range(account.index)[slot.of]).invoice
        sheet.lines += lines.recalculated(source["line_items"], Decimal("0.9"))
        for key in ("type", "start_timestamp", "end_timestamp"):
            invoice[key] = source[key]
        invoice["issued_at"] += timedelta(hours=9, minutes=15)
        invoice["regenerated_from_invoice_id"] = source["id"]

    # ---- legacy plans

    def _plan_keys(self, account: Account, invoice: dict) -> None:
        invoice["plan_id"] = self.ids.of("plan", account.index)
        invoice["plan_name"] = "Legacy plan"
        invoice["plan_custom_fields"] = seldom.FIELDS

    def _plan(self, sheet, account, slot, rng, invoice):
        invoice["type"] = "PLAN_ARREARS"
        self._plan_keys(account, invoice)
        more = self._share(slot, rng.randint(100, 900))
        tiers = [
            {"price": Decimal(10), "quantity": Decimal(1000), "starting_at": 0, "subtotal": Decimal(10000)},
            {"price": Decimal(9), "quantity": Decimal(more), "starting_at": 1000, "subtotal": Decimal(more * 9)},
        ]
        parts = [
            {"custom_fields": {}, "name": "CPU hours", "quantity": Decimal(1000 + more),
             "subtotal": Decimal(10000 + more * 9), "charge_id": self.ids.of("charge", 1), "tiers": tiers,
             "credit_grant_id": self.ids.of("grant", account.index),
             "tier_period": {"starting_at": invoice["start_timestamp"], "ending_before": invoice["end_timestamp"]}},
            {"custom_fields": seldom.FIELDS, "name": "Platform fee", "quantity": Decimal(1), "price": Decimal(5000),
             "subtotal": Decimal(5000), "charge_id": self.ids.of("charge", 2)},
        ]  # fmt: skip
        line = sheet.usage(COMPUTE, 1, 15000 + more * 9, name="Platform")
        del line["unit_price"]
        line.update(custom_fields={}, sub_line_items=parts)
        invoice["invoice_adjustments"] = [
            {
                "name": "Promotional grant",
                "total": Decimal(-392),
                "credit_type": sheet.unit,
                "credit_grant_id": self.ids.of("grant", account.index),
                "credit_grant_custom_fields": seldom.FIELDS,
            }
        ]

    def _seats(self, sheet, account, slot, rng, invoice):
        invoice["type"] = "SEAT_PURCHASE"
        self._plan_keys(account, invoice)
        sheet.subscription(12, 1500, self.ids.of("subscription", account.index))
        sheet.lines[-1]["sub_line_items"] = [
            {
                "custom_fields": {},
                "name": "Seats",
                "quantity": Decimal(12),
                "price": Decimal(1500),
                "subtotal": Decimal(18000),
                "charge_id": self.ids.of("charge", 3),
                "start_date": invoice["issued_at"],
                "end_date": invoice["issued_at"] + timedelta(days=30),
            }
        ]
