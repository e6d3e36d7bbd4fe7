"""The lines of a Metronome invoice. They have no id and no key: a line is its place in the list."""

from collections.abc import Iterator, Mapping
from typing import Any

from invoicing.money import exact_text
from invoicing.providers.metronome.units import Unit, unit_of
from invoicing.providers.normalizing import Part
from invoicing.providers.snapshots import LineSnapshot, SubLine, Tier

APPLIED = "applied_commit_or_credit"
SHOWN = (  # texts worth showing as they are
    ("Group", "group_key"),
    ("Group value", "group_value"),
    ("Commit", "commit_id"),
    ("Discount", "discount_id"),
    ("Subscription", "subscription_id"),
    ("Scheduled charge", "scheduled_charge_id"),
    ("Professional service", "professional_service_id"),
    ("Quantity consumed", "quantity_consumed"),
    ("Reseller", "reseller_type"),
    ("NetSuite item", "netsuite_item_id"),
    ("Product", "product_id"),
    ("Product type", "product_type"),
    ("Metadata", "metadata"),
)


def line(raw: Part, position: int, invoice_unit: Unit, units: Mapping[str, Mapping[str, Any]]) -> LineSnapshot:
    """A line in its own unit, which can differ from the invoice's; a conversion line then brings it into the invoice."""
    unit = unit_of(raw, units)
    raw.required_amount("total")
    parts = raw.parts("sub_line_items")
    return LineSnapshot(
        position=position,
        text=raw.required_text("name", empty=True),
        unit=unit.name,
        amount=unit.amount(raw, "total"),
        quantity=raw.amount("quantity"),
        unit_price=unit.amount(raw, "unit_price"),
        kind=raw.text("type"),
        period_start=raw.moment("starting_at"),
        period_end=raw.moment("ending_before"),
        counts=unit == invoice_unit and not _settled_later(raw),
        sub_lines=tuple(_sub_line(part, unit) for part in parts),
        tiers=tuple(_tier(tier, part, unit) for part in parts for tier in part.parts("tiers")),
        facts=tuple(_facts(raw)),
    )


def _settled_later(raw: Part) -> bool:
    """A postpaid commit's application is shown and not deducted: its true-up invoice settles it."""
    applied = raw.part(APPLIED)
    if applied is None or applied.text("type") != "POSTPAID":
        return False
    kind = raw.text("type")
    return kind == APPLIED or (not kind and raw.required_amount("total") < 0)


def _sub_line(raw: Part, unit: Unit) -> SubLine:
    return SubLine(
        text=raw.text("name"),
        quantity=raw.amount("quantity"),
        unit_price=unit.amount(raw, "price"),
        amount=unit.amount(raw, "subtotal"),
    )


def _tier(raw: Part, parent: Part, unit: Unit) -> Tier:
    start = raw.amount("starting_at")
    return Tier(
        label=", ".join(filter(None, (parent.text("name"), f"from {exact_text(start)}" if start is not None else ""))),
        quantity=raw.amount("quantity"),
        unit_price=unit.amount(raw, "price"),
        amount=unit.amount(raw, "subtotal"),
    )


def _facts(raw: Part) -> Iterator[tuple[str, str]]:
    yield from raw.pairs("pricing_group_values")
    yield from raw.pairs("presentation_group_values")
    if tier := raw.part("tier"):
        size = tier.glance("size")
        reach = f"from {tier.glance('starting_at')}, size {size}" if size else f"from {tier.glance('starting_at')} on"
        yield "Tier", f"{tier.glance('level')}, {reach}"
    if applied := raw.part(APPLIED):
        yield "Commit or credit", applied.glance("type").lower()
    if trueup := raw.part("postpaid_commit"):
        yield "True-up of", trueup.glance("id")
    if raw.members.get("is_prorated") is True:
        yield "Prorated", "yes"
    for label, name in SHOWN:
        if text := raw.glance(name):
            yield label, text
    if origin := raw.part("origin"):
        yield "From invoice", origin.glance("invoice_id")
        yield "From customer", origin.glance("customer_id")
