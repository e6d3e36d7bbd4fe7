"""Numbers and instants as Metronome writes them, and the units they are in.

Units: "USD (cents)" counts cents; every other currency counts whole units, and its name is the bare ISO code; a custom
pricing unit is not money.
"""

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal

from invoicing.sandbox.core import Raw

from .ids import USD, Ids

EXACT = Context(prec=100)
SMALLEST_PLAIN = Decimal("0.000001")  # below this JavaScript, and so the API, writes an exponent

CURRENCIES = ("USD (cents)", "EUR", "GBP", "JPY", "BHD", "KWD", "CAD", "AUD", "CHF", "SEK", "INR", "SGD")
CUSTOM_UNITS = ("AI credits", "Compute tokens")


class Units:
    """The account's pricing units. Decimal places say what a price list in that currency looks like."""

    places = {"USD (cents)": 0, "JPY": 0, "BHD": 3, "KWD": 3, "AI credits": 0, "Compute tokens": 0}

    def __init__(self, ids: Ids):
        names = CURRENCIES + CUSTOM_UNITS
        self.by_name = {name: {"id": USD if name == "USD (cents)" else ids.of("unit", n), "name": name}
                        for n, name in enumerate(names)}  # fmt: skip

    def __getitem__(self, name: str) -> dict:
        return self.by_name[name]

    def listed(self) -> list[dict]:
        """Rows of the pricing-unit list."""
        return [{**unit, "is_currency": name in CURRENCIES} for name, unit in self.by_name.items()]


def number(value: Decimal) -> Raw:
    """A JSON number with exactly the value's digits: 3938.375, 10000, 2.5e-7."""
    value = EXACT.normalize(value)
    if value and abs(value) < SMALLEST_PLAIN:
        return Raw(f"{value:e}")
    return Raw(format(value, "f"))


def instant(value: datetime, style: str = "Z") -> str:
    """RFC 3339 in UTC, in one of the ways that official samples show."""
    whole = value.isoformat()[:19]
    if value.microsecond:  # five digits of a second, as providers' callbacks carry
        return f"{whole}.{value.microsecond // 10:05d}+00:00"
    return whole + {"Z": "Z", "ms": ".000Z", "offset": "+00:00"}[style]


def moment(text: str) -> datetime:
    """The instant a stored text says."""
    return datetime.fromisoformat(text).astimezone(UTC)


def wire(value, style: str = "Z"):
    """What is sent: decimals as bare numbers, instants as text, in lists and objects at any depth."""
    kind = type(value)
    if kind is Decimal:
        return number(value)
    if kind is dict:
        return {key: wire(inner, style) for key, inner in value.items()}
    if kind is list or kind is tuple:
        return [wire(inner, style) for inner in value]
    return instant(value, style) if kind is datetime else value


def month_start(day, months_back: int) -> datetime:
    """Midnight UTC at the first of a month, counted back from the day's own."""
    months = day.year * 12 + day.month - 1 - months_back
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def midnight(day, days: int = 0) -> datetime:
    """Midnight UTC of a day, or some days after it."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=days)
