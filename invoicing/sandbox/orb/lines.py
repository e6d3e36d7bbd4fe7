"""Line items and what they add up to.

A line's arithmetic: subtotal, then adjustments in Orb's order (usage discount, amount discount, percentage discount,
minimum, maximum), then prepaid credits, then what partial invoices already billed, which is the amount; tax on top.
The invoice's total is the sum of its lines' amounts and taxes, nothing else.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal

from .amounts import ZERO, money, number, text
from .rating import rate

ORDER = (
    "usage_discount",
    "amount_discount",
    "percentage_discount",
    "tiered_percentage_discount",
    "minimum",
    "maximum",
)
VALUE_KEYS = {"minimum": "minimum_amount", "maximum": "maximum_amount", "tiered_percentage_discount": "tiers"}


def adjustment(
    identity: str, kind: str, value, price: dict, *, reason=None, replaces=None, invoice_level=False
) -> dict:
    """An adjustment of a line; `settle` fills in the amount it comes to."""
    made = {
        "id": identity,
        "adjustment_type": kind,
        "amount": "0",
        "is_invoice_level": invoice_level,
        "reason": reason,
        "replaces_adjustment_id": replaces,
        "applies_to_price_ids": [price["id"]],
        "filters": [{"field": "price_id", "operator": "includes", "values": [price["id"]]}],
        VALUE_KEYS.get(kind, kind): value,
    }
    if kind == "minimum":
        made["item_id"] = price["item"]["id"]
    return made


def banded(tiers: list[dict], spend: Decimal) -> Decimal:
    """A progressive discount: each band of spend at its own percentage."""
    return sum(
        (
            max(ZERO, (spend if tier["upper_bound"] is None else min(spend, Decimal(tier["upper_bound"])))
                - Decimal(tier["lower_bound"])) * Decimal(tier["percentage"])
            for tier in tiers
        ),
        ZERO,
    )  # fmt: skip


def _effect(adjusted: dict, running: Decimal, line: dict) -> Decimal:
    """What an adjustment takes off (or, a minimum, puts on), as a magnitude."""
    kind = adjusted["adjustment_type"]
    if kind == "usage_discount":
        price, quantity = line["price"], Decimal(line["quantity"])
        return running - rate(price, max(ZERO, quantity - Decimal(adjusted["usage_discount"])))[0]
    if kind == "amount_discount":  # at invoice level `amount` is the line's share of it, set when it was divided
        wanted = adjusted["amount"] if adjusted["is_invoice_level"] else adjusted["amount_discount"]
        return min(running, Decimal(wanted))
    if kind == "percentage_discount":
        return running * Decimal(adjusted["percentage_discount"])
    if kind == "tiered_percentage_discount":
        return banded(adjusted["tiers"], running)
    if kind == "minimum":
        return max(ZERO, Decimal(adjusted["minimum_amount"]) - running)
    return max(ZERO, running - Decimal(adjusted["maximum_amount"]))


def settle(line: dict, currency: str) -> dict:
    """Work out, in place, everything of a line that follows from its subtotal, adjustments, credits and tax rates."""
    running = Decimal(line["subtotal"])
    line["adjustments"].sort(key=lambda adjusted: ORDER.index(adjusted["adjustment_type"]))
    for adjusted in line["adjustments"]:
        effect = money(_effect(adjusted, running, line), currency)
        adjusted["amount"] = text(effect)
        running += effect if adjusted["adjustment_type"] == "minimum" else -effect
    amount = running - Decimal(line["credits_applied"]) - Decimal(line["partially_invoiced_amount"])
    line["adjusted_subtotal"], line["amount"] = text(money(running, currency)), text(money(amount, currency))
    for tax in line["tax_amounts"]:
        rate_of_tax = Decimal(tax["tax_rate_percentage"] or 0) if tax["tax_reason"] == "taxed" else ZERO
        tax["amount"] = text(money(amount * rate_of_tax / 100, currency))
    return line


def taxed(line: dict) -> Decimal:
    return sum((Decimal(tax["amount"]) for tax in line["tax_amounts"]), ZERO)


def totals(lines: Iterable[dict], currency: str) -> dict:
    """Subtotal (before adjustments) and total (after them, with tax)."""
    subtotal = total = money(ZERO, currency)
    for line in lines:
        subtotal += Decimal(line["subtotal"])
        total += Decimal(line["amount"]) + taxed(line)
    return {"subtotal": text(money(subtotal, currency)), "total": text(money(total, currency))}


def line_id(invoice_id: str, tail: str) -> str:
    """A line's id. Its head is its invoice's: that is how a credit note finds the invoice; for clients it is opaque."""
    return invoice_id[:8] + tail[:8]


class LineMaker:
    """Makes the lines of one invoice, in its currency and period, taxed as its customer is."""

    def __init__(self, identify: Callable[..., str], invoice_id: str, currency: str, period: tuple, taxes: list[dict]):
        self.identify, self.invoice_id, self.currency, self.taxes = identify, invoice_id, currency, taxes
        self.start, self.end = period
        self.made = 0

    def line(
        self, price: dict, quantity: int | str | Decimal, *, cells: dict | None = None, subtotal: Decimal | None = None,
        name: str | None = None, adjustments: Iterable[dict | tuple] = (), credits: str = "0", partial: str = "0",
        taxes: list[dict] | None = None, shares: list[dict] | None = None, period: tuple[str, str] | None = None,
        **more,
    ) -> dict:  # fmt: skip
        """A line. An adjustment is (kind, value) or (kind, value, its other facts); the rest as on the wire.

        `subtotal` is given where the model is not one that we rate, `shares` where the sub-lines are made by hand.
        """
        self.made += 1
        identity = line_id(self.invoice_id, self.identify("line", self.made))
        cells = cells and {values: Decimal(units) for values, units in cells.items()}
        quantity = sum(cells.values(), ZERO) if cells else Decimal(quantity)
        found = (subtotal, []) if subtotal is not None else rate(price, quantity, cells)
        start, end = period or (self.start, self.end)
        return settle({
            "id": identity,
            "name": name or price["name"],
            "quantity": number(quantity),
            "start_date": start,
            "end_date": end,
            "subtotal": text(money(found[0], self.currency)),
            "adjusted_subtotal": "0",
            "credits_applied": text(money(Decimal(credits), self.currency)),
            "partially_invoiced_amount": text(money(Decimal(partial), self.currency)),
            "amount": "0",
            "adjustments": [
                adjustment(self.identify("adjustment", self.made, place), kind, value, price, **dict(*facts))
                for place, (kind, value, *facts) in enumerate(adjustments)
            ],
            "sub_line_items": found[1] if shares is None else shares,
            "tax_amounts": [{**tax} for tax in (self.taxes if taxes is None else taxes)],
            "grouping": None,
            "filter": None,
            "usage_customer_ids": None,
            **more,
            "price": price,
        }, self.currency)  # fmt: skip


def discount_lines(lines: list[dict], discounts: list[dict], currency: str, identify: Callable[..., str]) -> None:
    """Share invoice-level discounts out among the lines, in place; whatever was shared out before is taken back first.

    Lines that cost nothing, or less, bear none of it.
    """
    for line in lines:
        line["adjustments"] = [made for made in line["adjustments"] if not _is_share(made)]
        settle(line, currency)
    for place, discount in enumerate(discounts):
        bearing = [
            line
            for line in lines
            if Decimal(line["adjusted_subtotal"]) > 0
            and (not discount["applies_to_price_ids"] or line["price"]["id"] in discount["applies_to_price_ids"])
        ]
        for line, kind, value, share in _shares(discount, bearing, currency):
            made = adjustment(
                identify("discount", place, line["id"]), kind, value, line["price"],
                reason=discount["reason"], invoice_level=True,
            )  # fmt: skip
            line["adjustments"].append({**made, "amount": text(share)})
            settle(line, currency)


def _is_share(made: dict) -> bool:
    return made["is_invoice_level"] and made["adjustment_type"].endswith("discount")


def _shares(discount: dict, bearing: list[dict], currency: str):
    """Each line's part: by percentage alike, by amount in proportion, the last line taking what rounding left."""
    kind = discount["discount_type"]
    spend = sum((Decimal(line["adjusted_subtotal"]) for line in bearing), ZERO)
    if kind == "percentage" or (kind == "trial" and discount.get("trial_percentage_discount") is not None):
        share = discount["percentage_discount" if kind == "percentage" else "trial_percentage_discount"]
        yield from ((line, "percentage_discount", share, ZERO) for line in bearing)
        return
    if kind == "tiered_percentage":
        whole = banded(discount["tiers"], spend)
    else:
        whole = Decimal(discount["amount_discount" if kind == "amount" else "trial_amount_discount"] or 0)
    left = whole = min(spend, money(whole, currency))
    for place, line in enumerate(bearing):
        last = place == len(bearing) - 1
        share = left if last else money(whole * Decimal(line["adjusted_subtotal"]) / spend, currency)
        left -= share
        yield line, "amount_discount", text(whole), share
