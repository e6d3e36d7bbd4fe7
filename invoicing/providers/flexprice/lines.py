"""The lines of a FlexPrice invoice, in an order of our own: FlexPrice sends them in none."""

from collections.abc import Iterator, Mapping
from typing import Any

from invoicing.money import exact_text
from invoicing.providers.normalizing import Part, minus
from invoicing.providers.snapshots import Adjustment, LineSnapshot, SubLine


def in_order(line: Mapping[str, Any]) -> tuple[str, str, str]:
    """What lines are sorted by: period, name, id."""
    return str(line.get("period_start") or ""), str(line.get("display_name") or ""), str(line.get("id") or "")


def lines(raw: list[Part], coupons: list[Part], unit: str) -> tuple[LineSnapshot, ...]:
    of_line: dict[str, list[Part]] = {}
    for part in coupons:
        of_line.setdefault(part.text("invoice_line_item_id"), []).append(part)
    ordered = sorted(raw, key=lambda part: in_order(part.members))
    return tuple(
        _line(part, of_line.get(part.text("id") or "?", []), unit, position) for position, part in enumerate(ordered)
    )


def _line(raw: Part, coupons: list[Part], unit: str, position: int) -> LineSnapshot:
    unit = raw.text("currency").upper() or unit
    return LineSnapshot(
        position=position,
        text=raw.text("display_name") or raw.text("plan_display_name"),
        unit=unit,
        amount=raw.amount("amount"),
        quantity=raw.amount("quantity"),
        kind=raw.text("price_type"),
        group=raw.text("plan_display_name"),
        period_start=raw.moment("period_start"),
        period_end=raw.moment("period_end"),
        external_id=raw.reference("id"),
        sub_lines=(*_commitment(raw), *_breakdown(raw)),
        adjustments=_discounts(raw, coupons, unit),
        facts=tuple(_facts(raw, unit)),
    )


def coupon(raw: Part, unit: str) -> Adjustment:
    """A coupon as it was applied, to the invoice or to one line."""
    snapshot = raw.part("coupon_snapshot")
    taken = raw.amount("discounted_amount")
    return Adjustment(
        label=(snapshot.text("name") if snapshot else "") or "Coupon",
        amount=minus(taken),
        unit=raw.text("currency").upper() or unit,
        percentage=raw.amount("discount_percentage"),
        detail=raw.text("coupon_id"),
        external_id=raw.reference("id"),
    )


def _discounts(raw: Part, coupons: list[Part], unit: str) -> tuple[Adjustment, ...]:
    if coupons:
        return tuple(coupon(part, unit) for part in coupons)
    taken = raw.amount("line_item_discount")
    return (Adjustment(label="Discount", amount=minus(taken), unit=unit),) if taken else ()


def _commitment(raw: Part) -> tuple[SubLine, ...]:
    """A commitment splits the line's amount in three that add up to it."""
    commitment = raw.part("commitment_info")
    if commitment is None:
        return ()
    parts = (
        ("Commitment used", commitment.amount("computed_commitment_utilized_amount")),
        ("Overage", commitment.amount("computed_overage_amount")),
        ("True-up to the commitment", commitment.amount("computed_true_up_amount")),
    )
    return tuple(SubLine(text=text, amount=amount) for text, amount in parts if amount is not None)


def _breakdown(raw: Part) -> Iterator[SubLine]:
    """What usage is made of, where that was asked for. FlexPrice cuts these figures to two decimals."""
    for part in raw.parts("usage_breakdown"):
        text = ", ".join(f"{name}: {value}" for name, value in part.pairs("grouped_by"))
        yield SubLine(text=text or "Not grouped", quantity=part.amount("usage"), amount=part.amount("cost"))


def _facts(raw: Part, unit: str) -> Iterator[tuple[str, str]]:
    if meter := raw.text("meter_display_name"):
        yield "Meter", meter
    if price := raw.text("price_unit_amount"):
        yield "In price units", f"{price} {raw.text('price_unit').upper()}".strip()
    for label, name, suffix in (
        ("Share of invoice discounts", "invoice_level_discount", f" {unit}"),
        ("Prepaid credits applied", "prepaid_credits_applied", f" {unit}"),
        ("Free units deducted", "adjusted_entitlement_quantity", ""),
    ):
        if amount := raw.amount(name):
            yield label, exact_text(amount) + suffix
    commitment = raw.part("commitment_info")
    if commitment is not None:
        size = commitment.text("quantity" if commitment.text("type") == "quantity" else "amount")
        period, factor = commitment.text("duration").lower(), commitment.text("overage_factor")
        yield "Commitment", f"{size} {period}".strip() + (f", overage × {factor}" if factor else "")
    yield from raw.pairs("metadata")
