"""The invoices that show each status, each kind of line and each oddity once; the rest of the account is ordinary.

Customers are named by number; their places and payment providers repeat in customers.PLACES and customers.PROVIDERS.
`age` counts closed months back: 1 is the last closed one, 0 the running one.
"""

from decimal import Decimal

from .. import names
from ..wire import Raw
from .blueprint import Blueprint, Maker
from .price_models import MODELS
from .prices import price


def showcase(make: Maker) -> list[dict]:
    """Tiers, a matrix below its minimum, a discounted fee with an unnamed sub-line, and money given back."""
    api, compute, platform = (make.catalog.price(key, make.currency) for key in ("api", "compute", "platform"))
    fee = {
        **platform,
        "credit_allocation": {
            "allows_rollover": False,
            "currency": "USD",
            "custom_expiration": {"duration": 3, "duration_unit": "month"},
            "filters": [{"field": "item_id", "operator": "includes", "values": [compute["item"]["id"]]}],
            "license_type_id": None,
        },
        "composite_price_filters": [{"field": "item_id", "operator": "includes", "values": [platform["item"]["id"]]}],
        "license_type": {"id": make.identify("license type"), "name": "Seat", "grouping_key": "user_id"},
        "replaces_price_id": make.identify("older price"),
        "plan_phase_order": 1,
    }
    only_api = {"applies_to_price_ids": [api["id"]]}
    only_api["filters"] = [{"field": "price_id", "operator": "includes", "values": [api["id"]]}]
    calls = {
        **api,
        "discount": {"discount_type": "percentage", "percentage_discount": Raw("0.1"), "reason": "Launch partner",
                     **only_api},
        "minimum": {"minimum_amount": "20.00", **only_api},
        "minimum_amount": "20.00",
        "maximum": {"maximum_amount": "5000.00", **only_api},
        "maximum_amount": "5000.00",
    }  # fmt: skip
    hours = {
        **compute,
        "conversion_rate": Raw("1.0"),
        "conversion_rate_config": {"conversion_rate_type": "unit", "unit_config": {"unit_amount": "1.00"}},
        "invoice_grouping_key": "cluster_name",
    }
    bundle = {
        "type": "'null'",
        "name": "Platform fee (seat bundle)",
        "quantity": 1,
        "amount": "49.00",
        "grouping": None,
    }
    return [
        make.line(calls, 150000, adjustments=[("percentage_discount", Raw("0.1"), {"reason": "Launch partner"})],
                  filter="region IN ('us-west')", usage_customer_ids=[make.customer.id]),
        make.line(hours, 0, cells={("us-west", "large"): 200, ("eu-central", None): 120},
                  adjustments=[("minimum", "60.00", {"reason": "Contracted minimum",
                                                     "replaces": make.identify("older adjustment")})],
                  grouping="cluster_name: prod-1", usage_customer_ids=[make.customer.id]),
        make.line(fee, 1, adjustments=[("amount_discount", "9.00")], shares=[bundle], period=make.next_period),
        make.charge("Goodwill adjustment", 1, "-5.00", untaxed="product_exempt"),
    ]  # fmt: skip


def plain(*extras):
    """The platform fee and API calls, then what is asked for: (name, quantity, unit amount)."""
    return lambda make: [
        make.sell("platform", 1), make.sell("api", 42000), *(make.charge(*extra) for extra in extras)
    ]  # fmt: skip


def only(*extras):
    """One-off lines alone."""
    return lambda make: [make.charge(*extra) for extra in extras]


def every_model(make: Maker) -> list[dict]:
    """One line for each pricing model there is, each costing 1.00 or what its configuration says."""
    lines = []
    for model, config in MODELS.items():
        kind = "composite_price" if model in ("minimum_composite", "percent") else "usage_price"
        made = price(make.identify("model", model), model.replace("_", " ").capitalize(), make.catalog.item("Sample"),
                     make.currency, model, config, price_type=kind)  # fmt: skip
        lines.append(make.line(made, 1, subtotal=Decimal("1.00")))
    return lines


def every_adjustment(make: Maker) -> list[dict]:
    """Six kinds on one line, in Orb's order."""
    return [
        make.sell("api", 150000, adjustments=[
            ("usage_discount", 1000),
            ("amount_discount", "2.00"),
            ("percentage_discount", Raw("0.03"), {"reason": "Loyalty"}),
            ("tiered_percentage_discount", [{"lower_bound": 0, "upper_bound": 50, "percentage": Raw("0.1")},
                                            {"lower_bound": 50, "upper_bound": None, "percentage": Raw("0.2")}]),
            ("minimum", "90.00"),
            ("maximum", "5000.00"),
        ]),
        make.sell("seats", 4),
    ]  # fmt: skip


def many(count: int):
    """A long invoice: usage by project, a line each, some of it free and some of it given back."""

    def lines(make: Maker) -> list[dict]:
        transfer = make.catalog.price("transfer", make.currency)
        return [
            make.line(transfer, Decimal(number * 37 % 5003) / 10 * (-1 if number % 97 == 96 else 1),
                      name=f"Data transfer, project {number:04d}", grouping=f"project: {number:04d}")
            for number in range(1, count + 1)
        ]  # fmt: skip

    return lines


def with_zeros(make: Maker) -> list[dict]:
    """Lines of quantity zero; the one that a minimum keeps alive is never hidden."""
    return [
        make.sell("platform", 1),
        make.sell("transfer", 0),
        make.sell("api", 0),
        make.sell("storage", 0, adjustments=[("minimum", "10.00", {"reason": "Contracted minimum"})]),
    ]


def with_credits(make: Maker) -> list[dict]:
    """Prepaid credits used, and a price in the account's own unit, converted."""
    unit = make.identify("pricing unit")
    tokens = {
        **make.catalog.price("tokens", make.currency),
        "currency": unit,
        "conversion_rate": None,
        "conversion_rate_config": {
            "conversion_rate_type": "tiered",
            "tiered_config": {
                "tiers": [
                    {"first_unit": 0, "last_unit": 1000, "unit_amount": "0.01"},
                    {"first_unit": 1000, "last_unit": None, "unit_amount": "0.008"},
                ]
            },
        },
    }
    return [
        make.sell("platform", 1),
        make.sell("api", 60000, credits="12.50"),
        make.line(tokens, 0, cells={"alpha": 2500000, None: 400000}),
    ]


def hostile(make: Maker) -> list[dict]:
    return [make.charge(name, place + 1, "3.00") for place, name in enumerate((*names.HOSTILE, names.LONG[0]))]


SPEND_BANDS = [{"lower_bound": 0, "upper_bound": 50, "percentage": Raw("0.02")},
               {"lower_bound": 50, "upper_bound": None, "percentage": Raw("0.05")}]  # fmt: skip

SPECIMENS: tuple[Blueprint, ...] = (
    Blueprint(0, "issued", 1, showcase, failures=1, applied="25.00", note_lines=(
        {"line": 2, "amount": "11.11", "reason": "Order change", "memo": "Seat removed mid-period", "full": True},
        {"line": 2, "amount": "2.78", "reason": "Duplicate", "voided": True},
    )),
    Blueprint(1, "draft", 1, plain(("Goodwill adjustment", 1, "-4.50")), memo="Please check the usage of this month."),
    Blueprint(0, "draft", 1, only(("Onboarding hours", 3, "80.00"), ("Support hours", 2, "60.00")), source="one_off",
              day=5),
    Blueprint(5, "draft", 0, plain(), will_auto_issue=True),
    Blueprint(13, "draft", 1, plain(), issue_failed=True),
    Blueprint(24, "draft", -2, only(("Annual workshop", 1, "1200.00")), source="one_off", day=10, will_auto_issue=True),
    Blueprint(2, "issued", 1, plain(), memo=None),
    Blueprint(24, "issued", 1, plain(), payment="in_flight"),
    Blueprint(26, "issued", 3, plain(), failures=3, memo="Third reminder sent."),
    Blueprint(17, "paid", 2, plain(), metadata={"cost_center": "robotics-ops", "po": "PO-2026-0117"}),
    Blueprint(9, "paid", 4, plain(), payment="by_hand"),
    Blueprint(5, "paid", 6, plain(), failures=2),
    Blueprint(18, "paid", 3, plain(), note_lines=(
        {"line": 0, "amount": "10.00", "reason": "Product unsatisfactory", "voided": True, "type": "refund"},)),
    Blueprint(3, "synced", 1, plain()),
    Blueprint(12, "synced", 5, plain(), sync_failed=True),
    Blueprint(32, "issued", 2, plain(), sync_failed=True),
    Blueprint(30, "void", 2, showcase, failures=1, applied="15.00"),
    Blueprint(15, "void", 7, plain()),
    Blueprint(4, "issued", 1, plain()),
    Blueprint(7, "issued", 1, plain(("Cabling", "2.5", "17.333"))),
    Blueprint(21, "draft", 1, plain()),
    Blueprint(30, "issued", 2, lambda make: [make.sell("platform", 1), make.sell("api", 70000)], currency="credits"),
    Blueprint(27, "paid", 5, lambda make: [make.sell("transfer", 0), make.sell("api", 0)], payment="at_issue"),
    Blueprint(34, "paid", 9, only(("Rounding difference", 1, "0.30")), source="one_off", payment="carryover", day=3),
    Blueprint(8, "paid", 4, only(("Credit for the outage", 1, "-64.20"), ("Support hours", 1, "12.00")),
              source="one_off", day=12, payment="at_issue"),
    Blueprint(33, "issued", 5, plain(), applied="-10.000"),
    Blueprint(37, "issued", 1, many(400)),
    Blueprint(6, "synced", 3, many(3000)),
    Blueprint(34, "issued", 6, every_model),
    Blueprint(22, "issued", 7, every_adjustment, discounts=(
        {"discount_type": "percentage", "percentage_discount": Raw("0.05"), "reason": "Annual prepay"},
        {"discount_type": "amount", "amount_discount": "4.00", "reason": None},
        {"discount_type": "tiered_percentage", "tiers": SPEND_BANDS, "reason": None},
        {"discount_type": "trial", "trial_amount_discount": "2.00", "trial_percentage_discount": None,
         "reason": "Trial"},
    )),
    Blueprint(14, "issued", 8, lambda make: [
        make.sell("transfer", "123.4", adjustments=[("minimum", "100.00", {"invoice_level": True})])],
              minimum="100.00"),
    Blueprint(20, "paid", 10, lambda make: [
        make.sell("seats", 900, adjustments=[("maximum", "9000.00", {"invoice_level": True})])], maximum="9000.00"),
    Blueprint(28, "paid", 2, lambda make: [make.sell("api", 400000)], source="partial", day=19, payment="by_hand"),
    Blueprint(28, "issued", 1, lambda make: [make.sell("platform", 1), make.sell("api", 650000, partial="34800")]),
    Blueprint(24, "issued", 3, only(("Prepaid credits", 500, "1.00")), source="one_off", day=7, block="manual"),
    Blueprint(1, "issued", 1, only(("Automatic top-up", 200, "0.90")), source="one_off", day=3, block="top_up"),
    Blueprint(17, "draft", 1, only(("Prepaid credits", 1000, "0.80")), source="one_off", day=4, block="manual"),
    Blueprint(13, "paid", 4, only(("Prepaid credits", 300, "0.90")), source="one_off", day=6, block="manual"),
    Blueprint(2, "issued", 4, with_credits),
    Blueprint(35, "draft", 1, with_zeros),
    Blueprint(33, "issued", 2, hostile, source="one_off", day=9, memo=names.HOSTILE[0],
              metadata={"note": names.HOSTILE[1], "tpl": names.HOSTILE[3], "empty": ""}),
    Blueprint(14, "issued", 1, plain()),
)  # fmt: skip
