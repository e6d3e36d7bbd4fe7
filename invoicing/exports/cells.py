"""Values on their way into a file: exact figures, ISO dates, and texts that no spreadsheet takes for a formula."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from django.utils import timezone

STARTS_FORMULA = frozenset("=+-@\t\r\n\0\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}"
                           "\N{FULLWIDTH COMMERCIAL AT}\N{SMALL PLUS SIGN}\N{SMALL HYPHEN-MINUS}\N{SMALL EQUALS SIGN}"
                           "\N{SMALL COMMERCIAL AT}\N{MINUS SIGN}")  # fmt: skip
MARK = "'"
DOUBLE_DIGITS = 15
"""So many significant digits a double keeps, and a spreadsheet shows."""
_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]*")


class Kind(Enum):
    """What a column holds, which decides how a file types it."""

    TEXT = "text"
    AMOUNT = "amount"  # exact decimal text
    WHOLE = "whole"
    DAY = "day"
    MOMENT = "moment"
    FLAG = "flag"


def safe(text: str) -> str:
    """The text so that a spreadsheet shows it and does not run it.

    What could start a formula, also behind blanks and signs one does not see, gets one `'` in front, and so does what begins
    with a `'` itself: taking away one leading `'` always gives the text back.
    """
    if not text:
        return text
    first = text[0]
    if first.isalnum() and first.isascii():
        return text  # nearly all are
    if first == MARK or first in STARTS_FORMULA:
        return MARK + text
    unseen = _UNSEEN.match(text)
    beyond = unseen.end() if unseen else 0
    return MARK + text if STARTS_FORMULA.intersection(text[: beyond + 1]) else text


def unsafe(text: str) -> str:
    """The inverse of `safe`."""
    return text.removeprefix(MARK)


def day(value: date | str) -> date:
    """SQLite gives some days as text."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def moment(value: datetime | str) -> datetime:
    """In the accounting time zone. SQLite keeps moments without one, in UTC, and gives some as text."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return value.astimezone(timezone.get_default_timezone())


def moment_text(value: datetime | str) -> str:
    return moment(value).isoformat()


def _day_text(value: date | str) -> str:
    return value if isinstance(value, str) else value.isoformat()


def _flag_text(value: bool | int) -> str:
    return "yes" if value else "no"


TEXTS: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: safe,
    Kind.AMOUNT: str,
    Kind.WHOLE: str,
    Kind.DAY: _day_text,
    Kind.MOMENT: moment_text,
    Kind.FLAG: _flag_text,
}
"""How each kind is written where everything is text."""


def as_double(text: str) -> float | None:
    """The figure as a double where that is the very same figure, digit for digit; else None."""
    exact = Decimal(text)
    digits = exact.as_tuple().digits
    if len(digits) > DOUBLE_DIGITS:
        return None
    double = float(exact)
    if double in (float("inf"), float("-inf")) or Decimal(repr(double)) != exact:
        return None
    return double
