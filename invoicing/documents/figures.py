"""Amounts, quantities and dates as they are printed. Nothing is rounded.

An amount shows its currency's decimals at least and every further digit that is not a trailing zero: 8 USD is 8.00,
8.12345000 USD is 8.12345, 1500 JPY is 1,500. A provider's own unit has no decimals of its own.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from invoicing.documents.typefaces import MINUS

# ISO 4217's currencies whose minor unit is not a hundredth.
DECIMALS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0,
    "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
    "CLF": 4, "UYW": 4,
}  # fmt: skip
MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NOT_SAID = "–"
MANY_DIGITS, LONGEST = 60, 160


@lru_cache(maxsize=1024)
def decimals(unit: str) -> int:
    """How many decimals an amount of this unit shows at least."""
    return DECIMALS.get(unit, 2) if len(unit) == 3 and unit.isascii() and unit.isupper() else 0


def amount(value: Decimal | None, unit: str) -> str:
    """The figure alone; its unit is printed beside it or above its column."""
    return NOT_SAID if value is None else _grouped(value, decimals(unit))


def quantity(value: Decimal | None) -> str:
    return "" if value is None else _grouped(value, 0)


def price(value: Decimal | None, unit: str) -> str:
    return "" if value is None else _grouped(value, decimals(unit))


def money(value: Decimal | None, unit: str) -> str:
    return NOT_SAID if value is None else f"{unit} {_grouped(value, decimals(unit))}"


def percentage(value: Decimal) -> str:
    return f"{_grouped(value, 0)}%"


def _grouped(value: Decimal, least: int) -> str:
    if not value.is_finite() or not -MANY_DIGITS < value.adjusted() < MANY_DIGITS:
        return _capped(str(value).replace("-", MINUS))  # as exact: 1E+400
    whole, _, fraction = format(value, ",f").partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) < least:
        fraction = fraction.ljust(least, "0")
    text = f"{whole}.{fraction}" if fraction else whole
    if text[0] == "-":
        text = MINUS + text[1:] if value else text[1:]
    return text if len(text) <= LONGEST else _capped(text)


def _capped(text: str) -> str:
    """No amount of this world has so many digits; what is left out is counted, not rounded."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… [{len(text) - LONGEST:,} more characters]"


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """The provider's zone; UTC where the name means nothing here."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def day(value: date) -> str:
    return f"{value.day} {MONTHS[value.month]} {value.year}"


def local(moment: datetime, where: tzinfo) -> datetime:
    """The instant on the clocks of that zone; as it came where the calendar ends (year 1, year 9999)."""
    try:
        return moment.astimezone(where)
    except OverflowError:
        return moment


def day_in(moment: datetime, where: tzinfo) -> str:
    return day(local(moment, where).date())


def instant(moment: datetime, where: tzinfo = UTC) -> str:
    """To the minute, or to the second where there are any, with the offset: "1 Jul 2026 12:14:22 UTC-07:00"."""
    there = local(moment, where)
    clock = f"{there:%H:%M:%S}" if there.second or there.microsecond else f"{there:%H:%M}"
    return f"{day(there.date())} {clock} {offset(there)}"


def offset(moment: datetime) -> str:
    minutes = int((moment.utcoffset() or timedelta()).total_seconds() // 60)
    if not minutes:
        return "UTC"
    return f"UTC{'+' if minutes > 0 else MINUS}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def period(start: datetime | None, end: datetime | None, where: tzinfo) -> str:
    """First to last day, where the period is of whole days; else both instants. `end` is not included."""
    if start is None and end is None:
        return ""
    begins = local(start, where) if start else None
    ends = local(end, where) if end else None
    whole = all(side is None or side.time() == time() for side in (begins, ends))
    if whole and ends and ends.year > 1:
        ends = max(ends - timedelta(days=1), begins) if begins else ends - timedelta(days=1)
    if begins is None or ends is None:
        return f"from {_side(begins, whole)}" if begins else f"to {_side(ends, whole)}"  # type: ignore[arg-type]
    if not whole:
        return f"{_side(begins, whole)} – {_side(ends, whole)}"
    if begins.date() == ends.date():
        return day(begins.date())
    if begins.year == ends.year:
        first = f"{begins.day}" if begins.month == ends.month else f"{begins.day} {MONTHS[begins.month]}"
        return f"{first} – {day(ends.date())}"
    return f"{day(begins.date())} – {day(ends.date())}"


def _side(moment: datetime, whole: bool) -> str:
    return day(moment.date()) if whole else f"{day(moment.date())} {moment:%H:%M}"
