"""The catalog: what is sold, at which price, in every currency. A price on an invoice is a snapshot of these."""

from dataclasses import dataclass
from decimal import Decimal

from .amounts import money, number, quantum, text

# What a dollar's price is multiplied with; round figures, as price lists have them.
FACTORS = {
    "USD": "1", "EUR": "0.9", "GBP": "0.8", "JPY": "150", "VND": "25000", "BHD": "0.4", "KWD": "0.3", "credits": "10",
}  # fmt: skip
ONCE_A_MONTH = {"duration": 1, "duration_unit": "month"}


@dataclass(frozen=True)
class Product:
    """One thing sold: its item, its metric, and how it is priced (figures in dollars)."""

    key: str
    name: str
    model: str
    config: dict
    kind: str = "usage_price"
    cadence: str = "monthly"
    mode: str = "in_arrear"


def _tiers(*rows: tuple[int, int | None, str]) -> dict:
    return {
        "tiers": [{"first_unit": first, "last_unit": last, "unit_amount": amount} for first, last, amount in rows],
        "prorated": False,
    }


PRODUCTS = {
    product.key: product
    for product in (
        Product("platform", "Platform fee", "unit", {"unit_amount": "49.00", "prorated": True}, "fixed_price",
                mode="in_advance"),
        Product("seats", "Seats", "unit", {"unit_amount": "12.00", "prorated": True}, "fixed_price", mode="in_advance"),
        Product("api", "API calls", "tiered",
                _tiers((0, 10000, "0.001"), (10000, 100000, "0.0008"), (100000, None, "0.0005"))),
        Product("compute", "Compute hours", "matrix", {
            "default_unit_amount": "0.15",
            "dimensions": ["region", "instance_size"],
            "matrix_values": [
                {"dimension_values": ["us-west", "large"], "unit_amount": "0.10"},
                {"dimension_values": ["eu-central", "large"], "unit_amount": "0.12"},
                {"dimension_values": ["ap-south", "small"], "unit_amount": "0.045"},
            ],
        }),
        Product("storage", "Object storage (GB-months)", "bulk", {
            "tiers": [{"maximum_units": 500, "unit_amount": "0.023"}, {"maximum_units": None, "unit_amount": "0.021"}],
        }),
        Product("messages", "Messages (per 1,000)", "package", {"package_amount": "0.80", "package_size": 1000}),
        Product("transfer", "Data transfer (GB)", "unit", {"unit_amount": "0.0825", "prorated": False}),
        Product("builds", "Build minutes", "threshold_total_amount", {
            "consumption_table": [{"threshold": "0", "total_amount": "0.00"},
                                  {"threshold": "500", "total_amount": "15.00"},
                                  {"threshold": "5000", "total_amount": "95.00"}],
            "prorate": False,
        }),
        Product("tokens", "Inference tokens", "grouped_tiered", {
            "grouping_key": "workspace",
            "tiers": [{"tier_lower_bound": "0", "unit_amount": "0.000002"},
                      {"tier_lower_bound": "1000000", "unit_amount": "0.0000015"}],
        }),
        Product("setup", "Setup fee", "unit", {"unit_amount": "150.00", "prorated": False}, "fixed_price", "one_time",
                "in_advance"),
    )
}  # fmt: skip
OTHER_ITEMS = ("Services", "Goodwill", "Sample")
PLANS = {  # plan -> its products; every plan has a platform fee
    "Starter": ("platform", "api", "transfer"),
    "Growth": ("platform", "seats", "api", "compute", "storage"),
    "Scale": ("platform", "seats", "api", "compute", "messages", "builds", "tokens"),
}


def price(identity: str, name: str, item: dict, currency: str, model: str, config: dict, **more) -> dict:
    """A price with every key it has on the wire; `more` overrides."""
    return {
        "metadata": {},
        "id": identity,
        "name": name,
        "external_price_id": None,
        "replaces_price_id": None,
        "price_type": "usage_price",
        "created_at": "2024-01-05T18:22:10+00:00",
        "cadence": "monthly",
        "billing_mode": "in_arrear",
        "billing_cycle_configuration": ONCE_A_MONTH,
        "invoicing_cycle_configuration": None,
        "billable_metric": None,
        "dimensional_price_configuration": None,
        "fixed_price_quantity": None,
        "plan_phase_order": None,
        "currency": currency,
        "conversion_rate": None,
        "conversion_rate_config": None,
        "item": item,
        "credit_allocation": None,
        "composite_price_filters": None,
        "invoice_grouping_key": None,
        "license_type": None,
        "discount": None,
        "minimum": None,
        "minimum_amount": None,
        "maximum": None,
        "maximum_amount": None,
        **more,
        "model_type": model,
        f"{model}_config": config,
    }


def one_off_price(identity: str, name: str, item: dict, currency: str, quantity: Decimal, unit_config: dict) -> dict:
    """The price made for a line that no subscription asks for."""
    return price(
        identity, name, item, currency, "unit", unit_config, price_type="fixed_price", cadence="one_time",
        billing_mode="in_advance", fixed_price_quantity=number(quantity),
    )  # fmt: skip


class Catalog:
    """Items and prices, by name; the same object each time, for prices are read and never changed."""

    def __init__(self, identify):
        self.identify = identify
        self._prices: dict[tuple, dict] = {}
        self._items: dict[str, dict] = {}

    def item(self, name: str) -> dict:
        return self._items.setdefault(name, {"id": self.identify("item", name), "name": name})

    def items(self) -> list[dict]:
        return [self.item(name) for name in (*(product.name for product in PRODUCTS.values()), *OTHER_ITEMS)]

    def price(self, key: str, currency: str) -> dict:
        """A product's price in a currency."""
        if (key, currency) not in self._prices:
            self._prices[key, currency] = self._made(PRODUCTS[key], currency)
        return self._prices[key, currency]

    def _made(self, product: Product, currency: str) -> dict:
        usage = product.kind == "usage_price"
        return price(
            self.identify("price", product.key, currency),
            product.name,
            self.item(product.name),
            currency,
            product.model,
            in_currency(product.config, currency),
            metadata={"sku": product.key},
            external_price_id=f"{product.key}-{currency.lower()}",
            price_type=product.kind,
            cadence=product.cadence,
            billing_mode=product.mode,
            billable_metric={"id": self.identify("metric", product.key)} if usage else None,
            fixed_price_quantity=None if usage else 1,
            invoicing_cycle_configuration=ONCE_A_MONTH if usage else None,
            dimensional_price_configuration={
                "dimensional_price_group_id": self.identify("dimensions", product.key),
                "dimension_values": ["us-west", "large"],
            }
            if product.key == "compute"
            else None,
        )


def in_currency(config, currency: str, key: str = ""):
    """A configuration with its dollar figures in another currency; every figure is kept to six places at least."""
    if isinstance(config, dict):
        return {name: in_currency(value, currency, name) for name, value in config.items()}
    if isinstance(config, list):
        return [in_currency(value, currency, key) for value in config]
    if isinstance(config, str) and key in ("unit_amount", "package_amount", "total_amount"):
        return unit_text(Decimal(config) * Decimal(FACTORS.get(currency, "1")), currency)
    return config


def unit_text(value: Decimal, currency: str) -> str:
    """A unit price: the currency's places, and more where it has more."""
    shortened = value.normalize()
    finer = shortened.as_tuple().exponent < quantum(currency).as_tuple().exponent
    return text(shortened if finer else money(value, currency))
