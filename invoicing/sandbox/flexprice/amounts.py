"""How an invoice's amounts follow from its lines: coupons, then taxes, then what is due.

Order: coupons on lines, coupons on the invoice in sequence, taxes each by itself on what is left, prepaid credits off
the total but not off the tax base. Units: major units as text, computed as Decimal.
"""

from decimal import Decimal

from .units import ZERO, rounded, text


def add_up(invoice: dict, subtotal: Decimal, on_lines=(), on_invoice=(), tax_rates=()) -> tuple[list, list]:
    """Write an invoice's amounts and its lines' shares; returns what the coupons and the tax rates did.

    `on_lines` are (line, coupon), `on_invoice` coupons, `tax_rates` rates, all as records. The shares of prepaid
    credits are spread anew, their total stays.
    """
    currency = invoice["currency"]
    lines = invoice["line_items"]
    for line in lines:
        line["line_item_discount"] = line["invoice_level_discount"] = "0"
    discounts = []
    for line, coupon in on_lines:
        price = Decimal(line["amount"]) - Decimal(line["line_item_discount"])
        off = _off(coupon, price, currency)
        line["line_item_discount"] = text(Decimal(line["line_item_discount"]) + off)
        discounts.append((coupon, line["id"], price, off))
    left = subtotal - sum((off for *_, off in discounts), ZERO)
    whole = ZERO
    for coupon in on_invoice:
        off = _off(coupon, left, currency)
        discounts.append((coupon, None, left, off))
        left -= off
        whole += off
    _share(whole, lines, currency)
    discount = sum((off for *_, off in discounts), ZERO)
    taxable = max(ZERO, subtotal - discount)
    taxes = [(rate, taxable, _tax(rate, taxable, currency)) for rate in tax_rates]
    prepaid = Decimal(invoice["total_prepaid_credits_applied"])
    spread_credits(lines, prepaid)
    tax = sum((amount for *_, amount in taxes), ZERO)
    invoice.update(
        subtotal=text(subtotal),
        total_discount=text(discount),
        total_tax=text(tax),
        total=text(max(ZERO, subtotal - discount - prepaid + tax)),
    )
    settle(invoice)
    return discounts, taxes


def settle(invoice: dict) -> None:
    """What is due and what remains, from the total, the adjustments and what was paid."""
    due = Decimal(invoice["total"]) - Decimal(invoice["adjustment_amount"])
    invoice["amount_due"] = text(due)
    invoice["amount_remaining"] = text(max(ZERO, due - Decimal(invoice["amount_paid"])))


def creditable(lines: list[dict]) -> Decimal:
    """What prepaid credits may still cover: usage lines alone, after discounts."""
    return sum((max(ZERO, _net(line) - Decimal(line["prepaid_credits_applied"])) for line in _usage(lines)), ZERO)


def spread_credits(lines: list[dict], credits: Decimal) -> Decimal:
    """Lay prepaid credits on the usage lines in their order; returns what found a place."""
    left = credits
    for line in lines:
        line["prepaid_credits_applied"] = "0"
    for line in _usage(lines):
        here = max(ZERO, min(left, _net(line)))
        line["prepaid_credits_applied"] = text(here)
        left -= here
    return credits - left


def _usage(lines: list[dict]) -> list[dict]:
    return [line for line in lines if line.get("price_type") == "USAGE"]


def _net(line: dict) -> Decimal:
    return Decimal(line["amount"]) - Decimal(line["line_item_discount"]) - Decimal(line["invoice_level_discount"])


def _off(coupon: dict, price: Decimal, currency: str) -> Decimal:
    """What a coupon takes off a price, never more than the price."""
    if coupon["type"] == "percentage":
        wanted = price * Decimal(coupon["percentage_off"]) / 100
    else:
        wanted = Decimal(coupon["amount_off"])
    return max(ZERO, min(rounded(wanted, currency), price))


def _share(discount: Decimal, lines: list[dict], currency: str) -> None:
    """Each line's share of the invoice's coupons, by amount; the last one takes what rounding left."""
    if not discount:
        return
    bearing = [line for line in lines if Decimal(line["amount"]) > Decimal(line["line_item_discount"])]
    whole = sum((Decimal(line["amount"]) - Decimal(line["line_item_discount"]) for line in bearing), ZERO)
    left = discount
    for line in bearing[:-1]:
        net = Decimal(line["amount"]) - Decimal(line["line_item_discount"])
        share = min(left, rounded(discount * net / whole, currency))
        line["invoice_level_discount"] = text(share)
        left -= share
    if bearing:
        bearing[-1]["invoice_level_discount"] = text(left)


def _tax(rate: dict, taxable: Decimal, currency: str) -> Decimal:
    if rate["tax_rate_type"] == "fixed":
        return rounded(Decimal(rate["fixed_value"]), currency)
    return rounded(taxable * Decimal(rate["percentage_value"]) / 100, currency)
