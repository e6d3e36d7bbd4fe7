"""How amounts, units, days and moments are written: the reader's language, every digit, the accounting time zone.

Units: an amount stays a Decimal until it is text; nothing here rounds.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, format_timedelta
from babel.numbers import (
    format_compact_decimal,
    get_currency_precision,
    get_decimal_symbol,
    get_group_symbol,
    list_currencies,
)
from django.utils import timezone
from django.utils.translation import get_language

ISO = list_currencies()
OWN_UNITS = {"CRDB_CLOUD_CREDITS": ("Cloud credits", 2)}
"""Providers' own units worth a friendlier name: name, and how many decimals they are usually written with."""
MINUS = "\N{MINUS SIGN}"


@lru_cache(maxsize=8)
def locale(language: str) -> Locale:
    return Locale.parse(language, sep="-")


@lru_cache(maxsize=8)
def _separators(language: str) -> dict[int, str]:
    spoken = locale(language)
    return str.maketrans({",": get_group_symbol(spoken), ".": get_decimal_symbol(spoken), "-": MINUS})


@lru_cache(maxsize=8)
def _point(language: str) -> str:
    return get_decimal_symbol(locale(language))


@lru_cache(maxsize=512)
def decimals(unit: str) -> int:
    """How many decimals an amount of this unit is written with at least."""
    if unit in ISO:
        return get_currency_precision(unit)
    return OWN_UNITS.get(unit, ("", 0))[1]


def within(label: object) -> str:
    """A label as it stands within a sentence: English writes it small, German has nouns among its words."""
    return str(label).lower() if (get_language() or "en").startswith("en") else str(label)


def number_text(value: Decimal | int, *, at_least: int = 0, language: str = "") -> str:
    """Grouped in the reader's way with every digit; zeros beyond `at_least` decimals are left out."""
    text = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0").ljust(at_least, "0")
    if whole == "-0" and not fraction.strip("0"):
        whole = "0"
    text = f"{whole}.{fraction}" if fraction else whole
    return text.translate(_separators(language or get_language() or "en"))


def amount_text(amount: Decimal, unit: str, language: str = "") -> str:
    """The figure alone: amount_text(Decimal("1234.5"), "USD") is "1,234.50"; JPY has no decimals, BHD three."""
    return number_text(amount, at_least=decimals(unit), language=language)


def figure_parts(amount: Decimal, unit: str, language: str = "") -> tuple[str, str]:
    """The figure as one reads it, and the digits beyond: ("1,253.59", "30705025") for dollars. Together it is exact."""
    text = amount_text(amount, unit, language)
    whole, point, fraction = text.rpartition(_point(language or get_language() or "en"))
    usual = decimals(unit)
    if not point or len(fraction) <= usual:
        return text, ""
    return (f"{whole}{point}{fraction[:usual]}", fraction[usual:]) if usual else (whole, f"{point}{fraction}")


def unit_text(unit: str) -> str:
    """An ISO code as it is; a provider's own unit by its name."""
    return OWN_UNITS[unit][0] if unit in OWN_UNITS else unit


def money_text(amount: Decimal, unit: str) -> str:
    return f"{amount_text(amount, unit)}\N{NO-BREAK SPACE}{unit_text(unit)}"


@lru_cache(maxsize=4096)
def _day(day: date, language: str) -> str:
    if language.startswith("en"):
        return f"{day.day} {day:%b} {day.year}"  # one order for all readers of English: 3/4 is no day
    return format_date(day, "medium", locale(language))


def day_text(day: date) -> str:
    """19 Nov 2026."""
    return _day(day, get_language() or "en")


@lru_cache(maxsize=512)
def _month(day: date, language: str, short: bool) -> str:
    return format_skeleton("MMM" if short else "yMMM", day, locale=locale(language))


def month_text(day: date, *, short: bool = False) -> str:
    """Nov 2026; short: Nov."""
    return _month(day, get_language() or "en", short)


def short_number(value: Decimal) -> str:
    """2.5M: for the scale of a chart, whose figures are round ones."""
    return format_compact_decimal(value, locale=locale(get_language() or "en"), fraction_digits=2)


def period_text(start: date, end: date) -> str:
    """1–31 Oct 2026: a billing period by its first and last day; `end` itself is not in it."""
    last = max(start, end - timedelta(days=1))
    if start == last:
        return day_text(start)
    if not (get_language() or "en").startswith("en") or start.year != last.year:
        return f"{day_text(start)} – {day_text(last)}"
    return (
        f"{start.day}–{day_text(last)}" if start.month == last.month else f"{start.day} {start:%b} – {day_text(last)}"
    )


def moment_text(moment: datetime, *, zone: bool = True) -> str:
    """19 Nov 2026, 14:05 UTC, in the accounting time zone."""
    local = timezone.localtime(moment)
    clock = format_time(local, "HH:mm", locale=locale(get_language() or "en"))
    return f"{day_text(local.date())}, {clock}{f' {local.tzname()}' if zone else ''}"


def since_text(moment: datetime, *, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that fits: "just now", "12 min ago", "3 h ago", "5 days ago"."""
    seconds = int(((now or timezone.now()) - moment).total_seconds())
    language = get_language() or "en"
    if not language.startswith("en"):
        return format_timedelta(-max(seconds, 1), add_direction=True, format="short", locale=locale(language))
    if seconds < 60:
        return "just now"
    for size, below, word in ((60, 3600, "min"), (3600, 48 * 3600, "h")):
        if seconds < below:
            return f"{seconds // size} {word} ago"
    return f"{seconds // 86400} days ago"
