"""The lines of an Orb invoice.

Units: `amount` is in the invoice's currency; what leads to it (subtotal, adjustments, credits) is in the price's, which
can be a custom unit with a conversion rate.
"""

from collections.abc import Iterator
from decimal import Decimal

from invoicing.money import EXACT, exact_text
from invoicing.providers.normalizing import Part, minus, plus
from invoicing.providers.snapshots import Adjustment, LineSnapshot, SubLine, Tier

RAISES = ("minimum",)  # every other adjustment lowers
LABELS = {
    "usage_discount": "Usage discount",
    "amount_discount": "Discount",
    "percentage_discount": "Discount",
    "tiered_percentage_discount": "Tiered discount",
    "minimum": "Minimum",
    "maximum": "Maximum",
}


def unit_of(currency: str) -> str:
    """An ISO code in capitals; "credits" and pricing-unit ids as they are."""
    return currency.upper() if len(currency) == 3 and currency.isalpha() else currency


def percent(fraction: Decimal | None) -> Decimal | None:
    """0.05 is 5 %."""
    return None if fraction is None else EXACT.multiply(fraction, Decimal(100))


def line(raw: Part, position: int, unit: str) -> LineSnapshot:
    price = raw.part("price")
    price_unit = unit_of(price.text("currency")) if price else ""
    price_unit = price_unit or unit
    parts = raw.parts("sub_line_items")
    return LineSnapshot(
        position=position,
        text=raw.required_text("name", empty=True),
        unit=unit,
        amount=raw.required_amount("amount"),
        quantity=raw.amount("quantity"),
        unit_price=_unit_price(price) if price and price_unit == unit else None,
        kind=price.text("price_type") if price else "",
        group=raw.text("grouping"),
        period_start=raw.moment("start_date"),
        period_end=raw.moment("end_date"),
        external_id=raw.reference("id"),
        sub_lines=tuple(_sub_line(part) for part in parts if part.text("type") != "tier"),
        tiers=tuple(_tier(part) for part in parts if part.text("type") == "tier"),
        adjustments=(*_adjustments(raw, price_unit), *_used_up(raw, price_unit, unit)),
        taxes=tuple(tax(part, unit) for part in raw.parts("tax_amounts")),
        facts=tuple(_facts(raw, price, price_unit)),
    )


def tax(raw: Part, unit: str) -> Adjustment:
    return Adjustment(
        label=raw.text("tax_rate_description") or "Tax",
        amount=raw.required_amount("amount"),
        unit=unit,
        percentage=raw.amount("tax_rate_percentage"),
        detail=raw.text("tax_reason").replace("_", " "),
    )


def _unit_price(price: Part) -> Decimal | None:
    """Known for the plainest model only; the others have tiers, matrices and packages."""
    config = price.part("unit_config") if price.text("model_type") == "unit" else None
    return None if config is None or config.has("scaling_factor") else config.amount("unit_amount")


def _tier(raw: Part) -> Tier:
    config = raw.part("tier_config")
    first = config.amount("first_unit") if config else None
    last = config.amount("last_unit") if config else None
    reach = ""
    if first is not None:
        reach = f"above {exact_text(first)}" if last is None else f"{exact_text(first)} to {exact_text(last)}"
    return Tier(
        label=", ".join(filter(None, (raw.text("name"), reach, _grouping(raw)))),
        quantity=raw.amount("quantity"),
        unit_price=config.amount("unit_amount") if config else None,
        amount=raw.amount("amount"),
    )


def _sub_line(raw: Part) -> SubLine:
    config = raw.part("matrix_config")
    cell = " / ".join(config.texts("dimension_values")) if config else ""
    return SubLine(
        text=", ".join(filter(None, (raw.text("name") or cell, _grouping(raw)))),
        quantity=raw.amount("quantity"),
        amount=raw.amount("amount"),
    )


def _grouping(raw: Part) -> str:
    grouping = raw.part("grouping")
    value = grouping.text("value") if grouping else ""
    return f"{grouping.text('key')} {value}" if grouping and value else ""


def _adjustments(raw: Part, unit: str) -> Iterator[Adjustment]:
    """Orb does not say in which direction an adjustment's amount counts: what it does to the subtotal decides.

    Where the figures do not come to that difference, each is shown as Orb's word and none is counted.
    """
    parts = raw.parts("adjustments")
    before, after = raw.amount("subtotal"), raw.amount("adjusted_subtotal")
    effects = [_signed(part) for part in parts]
    if parts and before is not None and after is not None:
        difference = EXACT.subtract(after, before)
        if len(parts) == 1:
            effects = [difference]
        elif plus(*effects) != difference:
            effects = [None] * len(parts)
    for part, effect in zip(parts, effects, strict=True):
        said = part.amount("amount")
        uncounted = f"Orb says {exact_text(said)}" if effect is None and said is not None else ""
        share = "share of a discount on the whole invoice" if part.flag("is_invoice_level") else ""
        yield Adjustment(
            label=_label(part),
            amount=effect,
            unit=unit,
            percentage=percent(part.amount("percentage_discount")),
            detail=", ".join(filter(None, (part.text("reason"), share, uncounted))),
            external_id=part.reference("id"),
        )


def _used_up(raw: Part, price_unit: str, unit: str) -> Iterator[Adjustment]:
    """What was paid for before: by prepaid credits, or by an invoice within the period."""
    for label, name, of in (
        ("Prepaid credits", "credits_applied", price_unit),
        ("Billed before", "partially_invoiced_amount", unit),
    ):
        if figure := raw.amount(name):
            yield Adjustment(label=label, amount=minus(figure), unit=of)


def _label(part: Part) -> str:
    kind = part.text("adjustment_type")
    return LABELS.get(kind) or kind.replace("_", " ").capitalize() or "Adjustment"


def _signed(part: Part) -> Decimal | None:
    amount = part.amount("amount")
    if amount is None:
        return None
    size = amount.copy_abs()
    return size if part.text("adjustment_type") in RAISES else minus(size)


def _facts(raw: Part, price: Part | None, unit: str) -> Iterator[tuple[str, str]]:
    amount = raw.amount("amount")
    for label, name in (("Subtotal", "subtotal"), ("After adjustments", "adjusted_subtotal")):
        figure = raw.amount(name)
        if figure is not None and figure != amount:
            yield label, f"{exact_text(figure)} {unit}"
    if price:
        if model := price.glance("model_type"):
            yield "Price model", model.replace("_", " ")
        item = price.part("item")
        if item and item.glance("name") not in ("", raw.glance("name")):
            yield "Item", item.glance("name")
    if condition := raw.glance("filter"):
        yield "Filter", condition
