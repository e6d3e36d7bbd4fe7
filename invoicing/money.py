"""Exact amounts in stated units.

An amount is a Decimal; a unit is an ISO 4217 code ("USD") or a provider's own ("CRDB_CLOUD_CREDITS", "AI credits").
Amounts of different units never add. In the database an amount is its text with every digit; beside those that are
ordered, filtered or summed stands an integer of millionths.
"""

from collections.abc import Iterable
from decimal import ROUND_FLOOR, Context, Decimal, InvalidOperation

EXACT = Context(prec=200)
"""Wide enough that no sum or product of provider amounts is ever rounded."""

MICRO = Decimal("0.000001")
MAX_MICROS = 2**63 - 1


def exact_text(amount: Decimal) -> str:
    """The amount with every digit and no exponent: Decimal("1E+2") is "100", "-0.00" is "0.00"."""
    text = format(amount, "f")
    return text.removeprefix("-") if amount == 0 else text


def parse_amount(text: str) -> Decimal:
    """A Decimal from what a provider or a person wrote.

    Errors: ValueError for anything that is not a plain finite number (no NaN, no infinity, no thousands separators).
    """
    try:
        amount = Decimal(text.strip()) if isinstance(text, str) else Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"Not an amount: {str(text)[:40]!r}") from error
    if not amount.is_finite():
        raise ValueError(f"Not a finite amount: {str(text)[:40]!r}")
    if isinstance(text, str) and "_" in text:
        raise ValueError(f"Not an amount: {text[:40]!r}")
    return amount


def micros(amount: Decimal) -> int:
    """Whole millionths, rounded down: an order-preserving shadow for sorting and filtering, never for arithmetic.

    Amounts beyond 64 bits are clamped, so that they still sort last.
    """
    shadow = int(EXACT.multiply(amount, Decimal(1_000_000)).to_integral_value(ROUND_FLOOR, EXACT))
    return max(-MAX_MICROS, min(MAX_MICROS, shadow))


def split(amount: Decimal) -> tuple[int, int, Decimal]:
    """(units, millionths, rest) with amount = units + millionths/10^6 + rest, 0 <= millionths < 10^6, 0 <= rest < 10^-6.

    The first two are integers a database can add without rounding; rest is nearly always zero.
    """
    units = int(amount.to_integral_value(ROUND_FLOOR, EXACT))
    fraction = EXACT.subtract(amount, Decimal(units))
    millionths = int(EXACT.multiply(fraction, Decimal(1_000_000)).to_integral_value(ROUND_FLOOR, EXACT))
    return units, millionths, EXACT.subtract(fraction, EXACT.multiply(Decimal(millionths), MICRO))


def joined(units: int, millionths: int, rest: Decimal = Decimal(0)) -> Decimal:
    """The inverse of `split`; the parts may be sums of many splits."""
    return EXACT.add(EXACT.add(Decimal(units), EXACT.multiply(Decimal(millionths), MICRO)), rest)


def total_of(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum. All amounts must be of one unit; the caller knows which."""
    result = Decimal(0)
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result
