"""Generated customers, plans, prices, coupons, tax rates and subscriptions, as FlexPrice writes them."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from .. import names
from .catalog import COUPONS, PLANS, PRICE_UNIT, TAX_RATES, TAXED_IN, WORTH, Charge
from .scenarios import Timeline
from .units import TENANT, index_in, indexed_id, mix, rounded, stamp, text

TIMEZONES = {"FR": "Europe/Paris", "NL": "Europe/Amsterdam", "DE": "Europe/Berlin", "US": "America/Chicago",
             "ES": "Europe/Madrid", "JP": "Asia/Tokyo", "VN": "Asia/Ho_Chi_Minh", "GR": "Europe/Athens",
             "GB": "Europe/London", "BH": "Asia/Bahrain", "IN": "Asia/Kolkata"}  # fmt: skip


class People(Timeline):
    """Everything an invoice refers to. Ids depend on the seed and are found back without a table."""

    def __init__(self, seed: int, count: int, anchor, first_generation: bool):
        super().__init__(seed, count, anchor, first_generation)
        self.plan_names = [plan.name for plan in PLANS]
        self.opened = self.ends[15] - timedelta(days=20, hours=14)  # when the tenant began
        self.environment = indexed_id("env", self.opened, self.salt, 0)
        self.user = indexed_id("user", self.opened, self.salt, 0)
        self.customer = lru_cache(4096)(self._customer)
        for made_often in ("customer_id", "subscription_id", "plan_id", "price_id", "meter_id"):
            setattr(self, made_often, lru_cache(8192)(getattr(self, made_often)))
        self.coupons = {coupon["id"]: coupon for coupon in map(self._coupon, range(len(COUPONS)))}
        sold = len(TAX_RATES) if first_generation else len(TAX_RATES) - 1  # the newest client knows no fixed rates
        self.tax_rates = {rate["id"]: rate for rate in map(self._tax_rate, range(sold))}
        self.coupon_of = {known.key: record for known, record in zip(COUPONS, self.coupons.values(), strict=True)}
        self.tax_rate_of = {rate["code"]: rate for rate in self.tax_rates.values()}

    def base(self, created: str, updated: str | None = None, status: str = "published") -> dict:
        """The fields every record ends with."""
        return {
            "tenant_id": TENANT,
            "status": status,
            "created_at": created,
            "updated_at": updated or created,
            "created_by": self.user,
            "updated_by": self.user,
        }

    # ---- customers

    def customer_id(self, index: int) -> str:
        return indexed_id("cust", self._joined(index), self.salt, index)

    def customer_index(self, identity: str) -> int | None:
        """The number of a generated customer, None for any other id."""
        index = index_in(identity, "cust")
        return index if index is not None and index < self.customers and self.customer_id(index) == identity else None

    def external_index(self, external_id: str) -> int | None:
        number = external_id.removeprefix("crm-")
        index = int(number) - 48_000 if number.isascii() and number.isdecimal() else -1
        return index if external_id.startswith("crm-") and 0 <= index < self.customers else None

    def _joined(self, index: int) -> datetime:
        return self.opened + timedelta(minutes=index % 9000, microseconds=mix(self.salt, index, 7) % 1_000_000)

    def _customer(self, index: int) -> dict:
        rng = random.Random(f"{self.salt}:customer:{index}")
        name = names.company(rng, 37 if index == 9 else index)  # 37 is one of 200 characters
        at = names.address(rng)
        joined = self._joined(index)
        metadata = {"tax_id": at["tax_id"], "segment": ("mid-market", "enterprise", "self-serve")[index % 3]}
        if index < self.subscriptions and self.currency(index) == "inr":
            at |= {"line1": "14 MG Road", "city": "Bengaluru", "state": "KA", "postal_code": "560001", "country": "IN"}
            metadata = {"gstin": "29ABCDE1234F1Z5", "pan": "ABCDE1234F", "place_of_supply": "29", "hsn_sac": "998314"}
        record = {
            "id": self.customer_id(index),
            "external_id": f"crm-{48_000 + index}",
            "name": name,
            "email": names.email(name, index),
            "contact": f"+49 30 5550 {index % 10_000:04d}",
            "address_line1": at["line1"],
            "address_line2": at["line2"],
            "address_city": at["city"],
            "address_state": at["state"],
            "address_postal_code": at["postal_code"],
            "address_country": at["country"],
            "timezone": TIMEZONES.get(at["country"], "UTC"),
            "metadata": metadata,
            "environment_id": self.environment,
            **self.base(stamp(joined), stamp(joined + timedelta(days=index % 200)), self._row(index)),
        }
        if index % 3 == 0 or self.first_generation:
            del record["contact"]
        if self.first_generation:
            del record["timezone"]
        return record

    def _row(self, index: int) -> str:
        return "archived" if index % 25 == 22 else "published"

    def integrations(self, customer: dict) -> list[dict]:
        """What an expanded customer shows besides itself."""
        return [{
            "id": indexed_id("eim", self.opened, self.salt, mix(len(customer["id"]), *customer["id"].encode()) >> 30),
            "entity_id": customer["id"],
            "entity_type": "customer",
            "provider_type": "stripe",
            "provider_entity_id": f"cus_{customer['id'][-14:]}",
            "environment_id": self.environment,
            "metadata": {},
            **self.base(customer["created_at"]),
        }]  # fmt: skip

    # ---- what is sold

    def plan_id(self, number: int) -> str:
        return indexed_id("plan", self.opened, self.salt, number)

    def price_id(self, subscription: int, charge: int) -> str:
        number = subscription % len(PLANS) * 400 + subscription % 12 * 20 + charge
        return indexed_id("price", self.opened, self.salt, number)

    def meter_id(self, plan: int, charge: int) -> str:
        return indexed_id("meter", self.opened, self.salt, plan * 20 + charge)

    def plan(self, number: int) -> dict:
        plan = PLANS[number]
        return {
            "id": self.plan_id(number),
            "name": plan.name,
            "lookup_key": plan.lookup_key,
            "description": f"{plan.name} plan",
            "display_order": number,
            "environment_id": self.environment,
            "metadata": {},
            **self.base(stamp(self.opened)),
        }

    @staticmethod
    def unit_price(charge: Charge, currency: str) -> Decimal:
        """What one costs; not rounded, for usage is sold in small pieces."""
        return Decimal(charge.unit) * Decimal(WORTH[currency])

    def _coupon(self, number: int) -> dict:
        coupon = COUPONS[number]
        off = "percentage_off" if coupon.type == "percentage" else "amount_off"
        record = {
            "id": indexed_id("coup", self.opened, self.salt, number),
            "name": coupon.name,
            "coupon_code": coupon.key,
            "type": coupon.type,
            off: coupon.off,
            "cadence": "forever",
            "total_redemptions": 0,
            "environment_id": self.environment,
            "metadata": {},
            **self.base(stamp(self.opened), status="archived" if coupon.key == "RETIRED5" else "published"),
        }
        if self.first_generation:
            del record["coupon_code"]
        return record | ({"currency": coupon.currency} if coupon.currency else {})

    def _tax_rate(self, number: int) -> dict:
        rate = TAX_RATES[number]
        fixed = rate.type == "fixed"
        return {
            "id": indexed_id("taxrate", self.opened, self.salt, number),
            "environment_id": self.environment,
            "name": rate.name,
            "description": f"{rate.name}, standard",
            "code": rate.code,
            "tax_rate_status": "ACTIVE",
            "tax_rate_type": rate.type,
            "scope": rate.scope,
            "fixed_value" if fixed else "percentage_value": rate.value,
            "metadata": {"jurisdiction": rate.country} if rate.country else {},
            **self.base(stamp(self.opened)),
        }

    # ---- subscriptions

    def subscription_id(self, index: int) -> str:
        return indexed_id("subs", self.opened, self.salt, index)

    def subscription_index(self, identity: str) -> int | None:
        index = index_in(identity, "subs")
        known = index is not None and index < self.subscriptions
        return index if known and self.subscription_id(index) == identity else None

    def subscription(self, index: int) -> dict:
        """One subscription; the period it is in, or was in when it ended."""
        ago = self.months_since_cancelled(index)
        cancelled = self.ends[ago] if ago else None
        began = self.ends[min(ago + self.periods + 1, 47)]
        start, end = (self.ends[ago + 1], self.ends[ago]) if ago else (self.ends[0], self.ends[0] + timedelta(days=31))
        end = end.replace(day=1)
        status = "cancelled" if ago else "paused" if index % 12 == 6 else "active"
        record = {
            "id": self.subscription_id(index),
            "lookup_key": f"{PLANS[index % len(PLANS)].lookup_key}-{index}",
            "customer_id": self.customer_id(index),
            "invoicing_customer_id": self.customer_id(self.payer(index)),
            "plan_id": self.plan_id(index % len(PLANS)),
            "subscription_status": status,
            "currency": self.currency(index),
            "billing_anchor": stamp(began),
            "start_date": stamp(began),
            "end_date": stamp(cancelled or began.replace(year=began.year + 3)),
            "current_period_start": stamp(start),
            "current_period_end": stamp(end),
            "cancelled_at": stamp(cancelled),
            "cancel_at_period_end": False,
            "billing_cadence": "RECURRING",
            "billing_period": "MONTHLY",
            "billing_period_count": 1,
            "billing_cycle": "calendar",
            "version": 4,
            "metadata": {},
            "environment_id": self.environment,
            "pause_status": "active" if status == "paused" else "none",
            "commitment_amount": "0",
            "overage_factor": "1",
            "payment_behavior": "default_active",
            "collection_method": "charge_automatically" if index % 2 else "send_invoice",
            "proration_behavior": "none",
            "timezone": "UTC",
            "enable_true_up": False,
            "subscription_type": "delegated_invoicing" if self.payer(index) != index else "standalone",
            "payment_terms": "30 NET",
            "line_items": [],
            **self.base(stamp(began - timedelta(hours=14)), stamp(self.ends[ago] + timedelta(minutes=4))),
        }
        if cancelled is None:
            del record["cancelled_at"]
        if self.first_generation:
            record["customer_timezone"] = record.pop("timezone")
            del record["subscription_type"], record["payment_terms"]
        return record

    def taxes_of(self, currency: str, subscription: int) -> list[dict]:
        """The tax rates that apply to a subscription by themselves."""
        codes = ("us_ny_8875",) if currency == "usd" and subscription % 3 == 1 else TAXED_IN.get(currency, ())
        return [self.tax_rate_of[code] for code in codes]

    def coupons_of(self, subscription: int) -> tuple[dict | None, dict | None]:
        """A subscription's coupons: on the invoice, and on its first usage line."""
        whole = "LAUNCH10" if subscription % 5 == 0 else "WELCOME25" if subscription % 7 == 6 else None
        return self.coupon_of.get(whole), self.coupon_of["FIRSTMETER"] if subscription % 9 == 4 else None

    def price_unit(self, amount: Decimal, currency: str) -> dict:
        """A charge said in the tenant's own unit."""
        code, _, _, worth = PRICE_UNIT
        return {
            "price_unit_id": indexed_id("pu", self.opened, self.salt, 0),
            "price_unit": code,
            "price_unit_amount": text(rounded(amount / worth, currency)),
        }
