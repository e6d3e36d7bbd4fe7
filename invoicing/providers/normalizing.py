"""Reading one provider record, field by field, with a complaint that names the field.

    invoice = Part("Orb invoice", payload)
    invoice.identifier("id")              # required: missing, null or of the wrong type is PayloadNotUnderstood
    invoice.required_amount("total")      # 19.99 and "19.99" alike, exact; NaN and 1e400 refused
    invoice.amount("amount_due")          # optional: None when missing or null, never 0
    invoice.text("memo")                  # optional: "" when missing or null
    invoice.part("customer").text("id")   # complains about "customer.id"

Absent is forgiven where a field is optional; a value that is there and cannot be read never is, because guessing at
money or dates is worse than setting the record aside. Extra fields are ignored.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from invoicing.money import EXACT
from invoicing.providers.errors import PayloadNotUnderstood
from invoicing.providers.strict_json import MAX_DIGITS, MAX_MAGNITUDE

MAX_TEXT = 2000
MAX_IDENTIFIER = 255

AMOUNT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s?(Z|z|UTC|[+-]\d\d:?\d\d)?", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
ZERO_YEAR = "0001-"  # Go writes its unset time as year one


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Around a whole normalization: whatever a strange payload trips over is a complaint about it, not a crash."""
    try:
        yield
    except PayloadNotUnderstood:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise PayloadNotUnderstood(what, "(whole)", f"{type(error).__name__}: {str(error)[:200]}") from error


def amount_of(value: Any) -> Decimal:
    """A number or its text as an exact Decimal; minus zero is zero. Errors: ValueError."""
    if isinstance(value, str):
        return _written(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("is not a number")
    return _in_range(Decimal(value))


@lru_cache(maxsize=8192)  # an invoice says the same amount many times
def _written(text: str) -> Decimal:
    text = text.strip()
    if len(text) > MAX_DIGITS or not AMOUNT.fullmatch(text):
        raise ValueError("is not a number")
    return _in_range(Decimal(text))


def _in_range(number: Decimal) -> Decimal:
    if not number.is_finite() or abs(number.adjusted()) > MAX_MAGNITUDE:
        raise ValueError("is out of range")
    return number.copy_abs() if number.is_zero() else number


def moment_of(value: Any) -> datetime | None:
    """An instant from ISO 8601 in any of the forms providers use; without an offset it is UTC.

    Any number of fractional digits is understood and kept to the microsecond. Go's year one is None. Errors: ValueError.
    """
    if not isinstance(value, str):
        raise ValueError("is not a point in time")
    return _instant(value)


@lru_cache(maxsize=8192)  # and the same instant
def _instant(value: str) -> datetime | None:
    value = value.strip()
    if value.startswith(ZERO_YEAR):
        return None
    if DAY.fullmatch(value):
        value += "T00:00:00Z"
    found = MOMENT.fullmatch(value)
    if not found or not "1900" <= value[:4] <= "2999":
        raise ValueError("is not a point in time")
    day, clock, fraction, offset = found.groups()
    micro = f".{fraction[:6]:0<6}" if fraction and len(clock) == 8 else ""
    zone = "+00:00" if offset in (None, "Z", "z", "UTC") else offset
    return datetime.fromisoformat(f"{day}T{clock}{micro}{zone}")


def day_of(value: Any, zone: str = "UTC") -> date | None:
    """A day, as the provider means it: a bare date as it is, an instant as the day it falls on in `zone`.

    Errors: ValueError.
    """
    if isinstance(value, str) and DAY.fullmatch(value.strip()):
        day = date.fromisoformat(value.strip())
        return None if day.year == 1 else day
    instant = moment_of(value)
    return day_in(instant, zone) if instant else None


def day_in(instant: datetime, zone: str) -> date:
    """The day on which the instant falls in the zone; an unknown zone is UTC."""
    return instant.astimezone(zone_of(zone)).date()


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (LookupError, ValueError, OSError):  # also names that try to be paths
        return ZoneInfo("UTC")


def days_after(day: date, days: int) -> date | None:
    """None where the calendar ends."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None


def clean(text: str, cap: int = MAX_TEXT) -> str:
    """Provider text without control characters (databases refuse NUL), cut with an ellipsis where it is endless."""
    text = (text if text.isprintable() else CONTROL.sub("", text)).strip()
    return text if len(text) <= cap else text[: cap - 1] + "…"


def link_of(value: str, *hosts: str) -> str:
    """The URL if it is https on one of the hosts (or below one given as ".example.com"), else ""."""
    if not value.isascii() or not value.isprintable() or len(value) > 2000 or re.search(r"[\s\\\"'<>]", value):
        return ""
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme != "https" or "@" in parts.netloc or port not in (None, 443):
        return ""
    return value if any(host == known or (known[0] == "." and host.endswith(known)) for known in hosts) else ""


def plus(*amounts: Decimal | None) -> Decimal | None:
    """The exact sum of those given; None when there are none."""
    total: Decimal | None = None
    for amount in amounts:
        if amount is not None:
            total = amount if total is None else EXACT.add(total, amount)
    return total


def minus(amount: Decimal | None) -> Decimal | None:
    """The amount with the other sign, to the digit (the operator would round to 28); None stays None."""
    return amount if not amount else amount.copy_negate()


class Part:
    """One JSON object of a record, at its place in it."""

    __slots__ = ("members", "path", "what")

    def __init__(self, what: str, members: Any, path: str = ""):
        self.what, self.path = what, path
        if type(members) is not dict and not isinstance(members, Mapping):
            raise PayloadNotUnderstood(what, path or "(whole)", "is not an object")
        self.members: Mapping[str, Any] = members

    def wrong(self, name: str, problem: str) -> PayloadNotUnderstood:
        """The complaint about a field, to be raised."""
        return PayloadNotUnderstood(self.what, f"{self.path}.{name}" if self.path else name, problem)

    def has(self, name: str) -> bool:
        """Whether the field is there with something in it."""
        return self.members.get(name) is not None

    def _required(self, name: str) -> Any:
        value = self.members.get(name)
        if value is None:
            raise self.wrong(name, "is missing" if name not in self.members else "is null")
        return value

    def identifier(self, name: str) -> str:
        """A required id, never cut: an id that is not exact is another id."""
        value = self._required(name)
        if not isinstance(value, str) or not 0 < len(value) <= MAX_IDENTIFIER or CONTROL.search(value):
            raise self.wrong(name, "is not an identifier")
        return value

    def reference(self, name: str) -> str:
        """An optional id: "" when missing."""
        return self.identifier(name) if self.members.get(name) not in (None, "") else ""

    def text(self, name: str, cap: int = MAX_TEXT) -> str:
        """Optional text; a number or a truth value is taken as its text."""
        value = self.members.get(name)
        if value is None:
            return ""
        if isinstance(value, str):
            return clean(value, cap)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | Decimal):
            return str(value)
        raise self.wrong(name, "is not text")

    def glance(self, name: str) -> str:
        """Text that is only shown: whatever is not plain counts as missing, so that no decoration costs a record."""
        value = self.members.get(name)
        return self.text(name) if isinstance(value, str | int | Decimal) else ""

    def required_text(self, name: str, cap: int = MAX_TEXT, *, empty: bool = False) -> str:
        value = self._required(name)
        if not isinstance(value, str) or not (empty or value.strip()):
            raise self.wrong(name, "is not text")
        return clean(value, cap)

    def amount(self, name: str) -> Decimal | None:
        """An optional exact number: money, quantity, price, percentage. An empty text counts as missing."""
        value = self.members.get(name)
        if value is None or value == "":
            return None
        try:
            return _written(value) if type(value) is str else amount_of(value)
        except ValueError as error:
            raise self.wrong(name, str(error)) from None

    def required_amount(self, name: str) -> Decimal:
        try:
            return amount_of(self._required(name))
        except ValueError as error:
            raise self.wrong(name, str(error)) from None

    def whole(self, name: str) -> int | None:
        """An optional whole number; 30.0 is 30."""
        number = self.amount(name)
        if number is None:
            return None
        if number != number.to_integral_value() or abs(number) > 2**53:
            raise self.wrong(name, "is not a whole number")
        return int(number)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.members.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(name, "is neither true nor false")
        return value

    def moment(self, name: str) -> datetime | None:
        value = self.members.get(name)
        if value is None or value == "":
            return None
        try:
            return moment_of(value)
        except ValueError as error:
            raise self.wrong(name, str(error)) from None

    def required_moment(self, name: str) -> datetime:
        self._required(name)
        moment = self.moment(name)
        if moment is None:
            raise self.wrong(name, "is not a point in time")
        return moment

    def day(self, name: str, zone: str = "UTC") -> date | None:
        value = self.members.get(name)
        if value is None or value == "":
            return None
        try:
            return day_of(value, zone)
        except ValueError as error:
            raise self.wrong(name, str(error)) from None

    def part(self, name: str) -> "Part | None":
        """An optional object inside this one."""
        value = self.members.get(name)
        return None if value is None else self._inner(name, value)

    def required_part(self, name: str) -> "Part":
        return self._inner(name, self._required(name))

    def parts(self, name: str) -> list["Part"]:
        """The objects of an optional list; missing is none of them."""
        value = self.members.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(name, "is not a list")
        return [self._inner(f"{name}.{position}", item) for position, item in enumerate(value)]

    def required_parts(self, name: str) -> list["Part"]:
        self._required(name)
        return self.parts(name)

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of an optional list; what is no text in it is left out."""
        value = self.members.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.wrong(name, "is not a list")
        return tuple(clean(item) for item in value if isinstance(item, str))

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """An optional free map (metadata, custom fields) as texts worth showing; what is not plain is left out."""
        value = self.members.get(name)
        if not isinstance(value, Mapping):
            return ()
        return tuple(
            (clean(str(label), 200), clean(str(item)))
            for label, item in value.items()
            if isinstance(item, str | int | Decimal) and not isinstance(item, bool)
        )

    def _inner(self, name: str, value: Any) -> "Part":
        return Part(self.what, value, f"{self.path}.{name}" if self.path else name)
