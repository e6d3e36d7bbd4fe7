"""The account's customers and their subscriptions, each computed from its number."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from .. import names
from ..world import World
from .amounts import closed_month, midnight, months_before, stamp
from .identity import Identify
from .prices import PLANS, PRODUCTS, Catalog

# country, state, city, postal code, time zone, currency, tax, its percentage, tax id's form, its type
PLACES = (
    ("US", "CA", "Oakland", "94607", "America/Los_Angeles", "USD", "California Sales Tax", "8.00", "##-#######",
     "us_ein"),
    ("DE", "BY", "München", "80331", "Europe/Berlin", "EUR", "Umsatzsteuer", "19.00", "DE#########", "eu_vat"),
    ("US", "IL", "Springfield", "62701", "America/Chicago", "USD", None, None, "##-#######", "us_ein"),
    ("FR", "PAC", "Marseille", "13001", "Europe/Paris", "EUR", "TVA", "20.00", "FR###########", "eu_vat"),
    ("JP", "東京都", "千代田区", "100-0005", "Asia/Tokyo", "JPY", "消費税", "10.00", "T#############", "jp_trn"),
    ("GB", None, "London", "EC1A 1BB", "Europe/London", "GBP", "VAT", "20.00", "GB#########", "gb_vat"),
    ("US", "NY", "New York", "10013", "America/New_York", "USD", "New York Sales Tax", "8.875", "##-#######", "us_ein"),
    ("BH", None, "المنامة", "317", "Asia/Bahrain", "BHD", "VAT", "10.00", "###############", "bh_vat"),
    ("ES", "M", "Madrid", "28014", "Europe/Madrid", "EUR", "IVA", "21.00", "ESB########", "eu_vat"),
    ("KW", None, "Kuwait City", "13001", "Asia/Kuwait", "KWD", None, None, None, None),
    ("IN", "KA", "Bengaluru", "560001", "Asia/Kolkata", "USD", None, None, "29ABCDE####F1Z5", "in_gst"),
    ("VN", None, "Hà Nội", "100000", "Asia/Ho_Chi_Minh", "VND", "Thuế GTGT", "10.00", "##########", "vn_tin"),
)  # fmt: skip
# Who takes the payment, or (netsuite, quickbooks, bill.com, stripe_invoice) the whole invoice.
PROVIDERS = (
    "stripe_charge", "stripe_charge", None, "netsuite", "stripe_charge", "adyen", "quickbooks", "stripe_charge",
    "stripe_charge", None, "bill.com", "stripe_charge", "stripe_invoice",
)  # fmt: skip
CHARGING = {"stripe_charge": "stripe", "adyen": "adyen"}
INVOICING = ("quickbooks", "bill.com", "netsuite", "stripe_invoice")
FIRST = 36  # at least so many customers, each place three times
WITHOUT_INVOICES = 3  # the newest ones


@dataclass(frozen=True)
class Customer:
    """What invoices need of a customer; `wire` has the rest."""

    number: int
    id: str
    external_id: str | None
    name: str
    place: tuple
    provider: str | None
    net_terms: int
    plan: str
    subscription_id: str

    @property
    def timezone(self) -> str:
        return self.place[4]

    @property
    def currency(self) -> str:
        return self.place[5]

    @property
    def charges(self) -> str | None:
        """Who charges this customer for us: stripe, adyen, or nobody."""
        return CHARGING.get(self.provider)

    @property
    def invoiced_elsewhere(self) -> bool:
        return self.provider in INVOICING

    @property
    def collects(self) -> bool:
        """Whether issued invoices are charged without asking."""
        return bool(self.charges) and self.number % 4 != 3

    @property
    def declines(self) -> bool:
        """Whether the saved card is refused, always."""
        return bool(self.charges) and self.number % 15 == 14

    def taxes(self) -> list[dict]:
        """The tax on each of this customer's lines; none where no tax integration is set up."""
        _, _, _, _, _, _, tax, percentage, _, _ = self.place
        if tax is None:
            return []
        if self.number % 9 == 8:
            return [tax_row("Reverse charge", None, "reverse_charge")]
        return [tax_row(tax, percentage, "taxed")]

    def tiny(self) -> dict:
        return {"id": self.id, "external_customer_id": self.external_id}


def tax_row(description: str, percentage: str | None, reason: str | None) -> dict:
    return {
        "tax_rate_description": description,
        "tax_rate_percentage": percentage,
        "amount": "0",
        "tax_reason": reason,
    }


class Customers:
    """All customers, oldest first. Units: `opened` spreads them over the year before the first invoice."""

    def __init__(self, world: World, identify: Identify, count: int, catalog: Catalog):
        self.world, self.identify, self.count, self.catalog = world, identify, count, catalog
        self.numbers = {identify("customer", number): number for number in range(count)}
        self.by_subscription = {identify("subscription", number): number for number in range(count)}
        self.get = lru_cache(maxsize=20_000)(self._get)
        self.full = lru_cache(maxsize=500)(self._full)

    def _get(self, number: int) -> Customer:
        rng = self._rng(number)
        place = PLACES[number % len(PLACES)]
        name = names.company(rng, number)
        return Customer(
            number=number,
            id=self.identify("customer", number),
            external_id=None if number % 7 == 5 else f"acct_{number:06d}",
            name=name,
            place=place,
            provider=PROVIDERS[number % len(PROVIDERS)],
            net_terms=(30, 30, 14, 0, 45)[number % 5],
            plan=tuple(PLANS)[number % len(PLANS)],
            subscription_id=self.identify("subscription", number),
        )

    def _rng(self, number: int) -> random.Random:
        return self.world.rng("orb", "customer", number)

    def external(self, external_id: str) -> int | None:
        """The number of a customer by the account's own id."""
        digits = external_id.removeprefix("acct_")
        if len(digits) < 6 or not digits.isascii() or not digits.isdigit() or int(digits) >= self.count:
            return None
        return int(digits) if self.get(int(digits)).external_id == external_id else None

    def opened(self, number: int) -> str:
        """When the customer was created."""
        first = datetime.combine(months_before(self.world.anchor.replace(day=1), 28), time(9), UTC)
        return stamp(first + timedelta(days=365 * number / max(self.count, 1), seconds=number % 60))

    def address(self, number: int, kind: str) -> dict:
        rng = self.world.rng("orb", "address", kind, number)
        country, state, city, postal_code, *_ = self.get(number).place
        return {
            "line1": rng.choice(names.STREETS),
            "line2": rng.choice((None, None, "Suite 9", "2nd floor")),
            "city": city,
            "state": state,
            "postal_code": postal_code,
            "country": country,
        }

    def addresses(self, number: int) -> dict:
        """Billing and shipping address and tax id: what an invoice freezes. Every eleventh customer has told none."""
        if number % 11 == 9:
            return {"shipping_address": None, "billing_address": None}
        billing = self.address(number, "billing")
        shipping = None if number % 3 else self.address(number, "shipping")
        return {"shipping_address": shipping, "billing_address": billing}

    def tax_id(self, number: int) -> dict | None:
        place = self.get(number).place
        if place[8] is None or number % 5 == 4:
            return None
        rng = self.world.rng("orb", "tax id", number)
        value = "".join(str(rng.randrange(10)) if sign == "#" else sign for sign in place[8])
        return {"country": place[0], "type": place[9], "value": value}

    def _full(self, number: int) -> dict:
        """A customer as on the wire, but for its balance and its links."""
        customer = self.get(number)
        method = customer.charges and {
            "id": self.identify("method", number),
            "created_at": self.opened(number),
            "customer_id": customer.id,
            "default": True,
            "external_payment_method_id": "pm_declined" if customer.declines else f"pm_{number:08d}",
            "payment_method_type": ("card", "card", "us_bank_account", "link")[number % 4],
            "provider_type": customer.charges,
        }
        books = customer.provider if customer.provider in ("netsuite", "quickbooks") else None
        return {
            "metadata": {"crm_id": f"0015e{number:05d}"} if number % 2 else {},
            "id": customer.id,
            "external_customer_id": customer.external_id,
            "name": customer.name,
            "email": names.email(customer.name, number),
            "timezone": customer.timezone,
            "payment_provider_id": f"cus_{number:08d}" if customer.provider else None,
            "payment_provider": customer.provider,
            "created_at": self.opened(number),
            **self.addresses(number),
            "balance": "0",
            "currency": None if number % 13 == 12 else customer.currency,
            "tax_id": self.tax_id(number),
            "auto_collection": customer.collects,
            "exempt_from_automated_tax": (None, False, False)[number % 3],
            "email_delivery": number % 8 != 6,
            "auto_issuance": (None, True, False)[number % 3],
            "additional_emails": [f"ap{number}@copies.example"] if number % 4 == 0 else [],
            "portal_url": None,
            "accounting_sync_configuration": books
            and {
                "excluded": False,
                "accounting_providers": [{"provider_type": books, "external_provider_id": str(70000 + number)}],
            },
            "reporting_configuration": {"exempt": False} if number % 2 else None,
            "payment_configuration": {
                "payment_providers": [
                    {
                        "provider_type": "stripe",
                        "excluded_payment_method_types": ["link"] if number % 2 else [],
                        "default_shared_payment_token": None,
                    }
                ]
            }
            if customer.charges == "stripe"
            else None,
            "default_payment_method": method,
            "hierarchy": self._hierarchy(number),
            "automatic_tax_enabled": (True, False, None)[number % 3],
        }

    def _hierarchy(self, number: int) -> dict:
        """Customers 1 and 2 are children of customer 0, whose invoices bill their usage as well."""
        return {
            "parent": self.get(0).tiny() if number in (1, 2) else None,
            "children": [self.get(1).tiny(), self.get(2).tiny()] if number == 0 else [],
        }

    def invoice_prefix(self, number: int) -> str:
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
        return "".join(self.world.rng("orb", "prefix", number).choices(letters, k=5))

    # ---- subscriptions

    def period(self, number: int) -> tuple[date, date]:
        """The running period: the month after the last closed one."""
        start = closed_month(self.world.anchor)
        return start, months_before(start, -1)

    def subscription(self, number: int, customer: dict) -> dict:
        """A subscription as on the wire. Each has its plan's prices and none of the intervals that change them."""
        mine = self.get(number)
        started = stamp(midnight(mine.timezone, months_before(closed_month(self.world.anchor), 15)))
        ended = number % 17 == 16
        start, end = (stamp(midnight(mine.timezone, day)) for day in self.period(number))
        prices = [self.catalog.price(key, mine.currency) for key in PLANS[mine.plan]]
        running = {
            "current_billing_period_start_date": None if ended else start,
            "current_billing_period_end_date": None if ended else end,
        }
        return {
            "metadata": {},
            "id": mine.subscription_id,
            "customer": customer,
            "plan": self.plan(mine.plan, mine.currency, prices),
            "name": mine.plan,
            "start_date": started,
            "end_date": start if ended else None,
            "created_at": started,
            **running,
            "status": "ended" if ended else "active",
            "trial_info": {"end_date": None},
            "active_plan_phase_order": None,
            "fixed_fee_quantity_schedule": [
                {"price_id": price["id"], "start_date": started, "end_date": None, "quantity": 1}
                for price in prices
                if price["price_type"] == "fixed_price"
            ],
            "default_invoice_memo": None,
            "auto_collection": mine.collects,
            "auto_issuance": False,
            "net_terms": mine.net_terms,
            "redeemed_coupon": None,
            "billing_cycle_day": 1,
            "billing_cycle_anchor_configuration": {"day": 1, "month": None, "year": None},
            "invoicing_threshold": None,
            "price_intervals": [
                {
                    "id": self.identify("interval", number, price["id"]),
                    "start_date": started,
                    "end_date": start if ended else None,
                    "price": price,
                    "billing_cycle_day": 1,
                    "can_defer_billing": False,
                    "fixed_fee_quantity_transitions": None,
                    **running,
                    "filter": None,
                    "usage_customer_ids": None,
                    "metric_parameter_overrides": None,
                }
                for price in prices
            ],
            "adjustment_intervals": [],
            "discount_intervals": [],
            "minimum_intervals": [],
            "maximum_intervals": [],
            "pending_subscription_change": None,
        }

    def plan(self, name: str, currency: str, prices: list[dict]) -> dict:
        return {
            "metadata": {},
            "id": self.identify("plan", name, currency),
            "name": name,
            "description": f"{name}: {', '.join(PRODUCTS[key].name for key in PLANS[name])}",
            "maximum_amount": None,
            "minimum_amount": None,
            "created_at": "2024-01-05T18:22:10+00:00",
            "status": "active",
            "maximum": None,
            "minimum": None,
            "discount": None,
            "product": {"created_at": "2024-01-05T18:00:00+00:00", "id": self.identify("product"), "name": "Platform"},
            "version": 1,
            "trial_config": {"trial_period": None, "trial_period_unit": "days"},
            "plan_phases": None,
            "base_plan": None,
            "base_plan_id": None,
            "external_plan_id": f"{name.lower()}-{currency.lower()}",
            "currency": currency,
            "invoicing_currency": currency,
            "net_terms": None,
            "default_invoice_memo": None,
            "prices": prices,
            "adjustments": [],
        }
