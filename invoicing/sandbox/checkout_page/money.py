"""The amounts of a Checkout Page invoice, and how they add up.

Units: minor units of the currency (yen for JPY, thousandths in steps of ten for KWD and BHD), as whole numbers.
    subtotal = sum of the lines
    subtotalAfterDiscount = subtotal - bulk discount - coupon
    exclusive tax: amountExcludingTax = subtotalAfterDiscount + fees, amount = that + tax
    inclusive tax: amount = subtotalAfterDiscount + fees, amountExcludingTax = amount - tax
"""

from decimal import ROUND_HALF_UP, Decimal

DECIMALS = {"jpy": 0, "krw": 0, "kwd": 3, "bhd": 3}  # two for all others
USD = {  # dollars for one unit, at no particular day
    "eur": "1.11", "usd": "1", "gbp": "1.27", "jpy": "0.0067", "kwd": "3.25", "bhd": "2.65", "chf": "1.13", "sek": "0.096",
    "krw": "0.00073",
}  # fmt: skip


def rounded(amount: Decimal, currency: str) -> int:
    """A whole number of minor units; three-decimal currencies in steps of ten."""
    if DECIMALS.get(currency) == 3:
        return int((amount / 10).quantize(Decimal(1), ROUND_HALF_UP)) * 10
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def in_usd(amount: int, currency: str) -> int:
    """US cents."""
    major = Decimal(amount).scaleb(-DECIMALS.get(currency, 2))
    return int((major * Decimal(USD[currency]) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def spread(discount: int, lines: list[dict], key: str) -> None:
    """Give each line its share of a discount; the last one bears what rounding left."""
    whole, left = sum(line["amount"] for line in lines), discount
    for line in lines[:-1]:
        line[key] = discount * line["amount"] // whole if whole else 0
        left -= line[key]
    lines[-1][key] = left


def summed(
    currency: str, lines: list[dict], percent_off: int, coupon: dict | None, fee: dict | None, rates: list[dict]
):
    """The amounts of an invoice and what they were made of, from its lines, discounts, fee and tax rates."""
    subtotal = sum(line["amount"] for line in lines)
    bulk = rounded(Decimal(subtotal) * percent_off / 100, currency)
    spread(bulk, lines, "bulkDiscountAmount")
    off = 0
    if coupon:
        percent = rounded(Decimal(subtotal - bulk) * Decimal(coupon["percentOff"]) / 100, currency)
        off = min(coupon["amountOff"] or percent, max(subtotal - bulk, 0))
    spread(off, lines, "couponDiscountAmount")
    after = subtotal - bulk - off
    fees = []
    if fee:
        amount = fee["amount"] or rounded(Decimal(after) * Decimal(fee["percentage"]) / 100, currency)
        fees = [{"name": fee["name"], "amount": amount, "percentage": fee["percentage"]}]
    base = after + sum(fee["amount"] for fee in fees)
    inclusive = any(rate["inclusive"] for rate in rates)
    percent = sum(Decimal(rate["percentage"]) for rate in rates)
    taxable = rounded(Decimal(base) / (1 + percent / 100), currency) if inclusive else base
    taxes, left = [], base - taxable
    for number, rate in enumerate(rates, 1):
        share = rounded(Decimal(taxable) * Decimal(rate["percentage"]) / 100, currency)
        taxes.append(left if inclusive and number == len(rates) else share)
        left -= share
    tax = sum(taxes)
    found = {
        "amount": taxable + tax,
        "amountExcludingTax": taxable,
        "taxAmount": tax,
        "subtotal": subtotal,
        "subtotalAfterDiscount": after,
        "fees": fees,
    }
    return found, bulk, off, list(zip(rates, taxes, strict=True))
