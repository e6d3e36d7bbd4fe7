"""Orb's amounts and days on the wire: decimal strings in major units, customers' midnights written in UTC."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from zoneinfo import ZoneInfo

from ..wire import Raw

PLACES = {"JPY": 0, "KRW": 0, "VND": 0, "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}
ZERO = Decimal(0)


@cache
def quantum(currency: str) -> Decimal:
    """The smallest amount of a currency; two places where nothing else is known."""
    return Decimal(1).scaleb(-PLACES.get(currency, 2))


def money(value: Decimal, currency: str) -> Decimal:
    """Rounded to the currency, half up, and never a negative zero."""
    return value.quantize(quantum(currency), ROUND_HALF_UP) + ZERO


def text(value: Decimal) -> str:
    """A decimal as Orb writes it: every digit, no exponent."""
    return format(value, "f")


def number(value: Decimal) -> int | Raw:
    """A quantity: a JSON number with the very digits."""
    return int(value) if value == value.to_integral_value() else Raw(format(value.normalize(), "f"))


def stamp(moment: datetime) -> str:
    """An instant to the second, with the offset Orb writes."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def moment(written: str) -> datetime:
    """What `stamp` wrote."""
    return datetime.fromisoformat(written)


@cache
def midnight(timezone: str, day: date) -> datetime:
    """The first instant of a customer's day, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)


def local_day(timezone: str, written: str) -> date:
    """The customer's day of an instant."""
    return moment(written).astimezone(ZoneInfo(timezone)).date()


def months_before(first: date, months: int) -> date:
    """The first day of a month some months earlier (or later, when negative)."""
    count = first.year * 12 + first.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def closed_month(anchor: date) -> date:
    """The end of the last period surely billed by the anchor day: a first of a month, three days back at least."""
    return (anchor - timedelta(days=3)).replace(day=1)
