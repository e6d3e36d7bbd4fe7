"""FlexPrice's way of writing ids, decimals and instants.

Units: amounts are major units of their currency. Source: the server's code (ULIDs, shopspring decimals, RFC 3339).
"""

import secrets
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

ZERO = Decimal(0)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TENANT = "00000000-0000-0000-0000-000000000000"
# Currencies missing from this table have two decimals, even BHD and ISK: FlexPrice's own mistake, kept.
PLACES = {"jpy": 0, "krw": 0, "vnd": 0, "clp": 0, "kwd": 3, "clf": 4}

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
VALUES = {sign: value for value, sign in enumerate(ALPHABET)}
ODD = 0x5DEECE66D7  # scatters indexes over 40 bits, and back
BACK = pow(ODD, -1, 1 << 40)
MASK = (1 << 64) - 1


def mix(*numbers: int) -> int:
    """64 bits that depend on the numbers alone; much cheaper than a random.Random of their own."""
    value = 0x9E3779B97F4A7C15
    for number in numbers:
        value = ((value ^ number) * 0xBF58476D1CE4E5B9) & MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
        value ^= value >> 31
    return value


def ulid(milliseconds: int, bits: int) -> str:
    """26 characters: 48 bits of time, 80 bits of anything."""
    number = (milliseconds << 80) | bits
    signs = []
    for _ in range(13):
        signs.append(PAIRS[number & 1023])
        number >>= 10
    return "".join(reversed(signs))


def fresh_id(prefix: str, now: datetime) -> str:
    """The id of something new."""
    return f"{prefix}_{ulid((now - EPOCH) // timedelta(milliseconds=1), secrets.randbits(80))}"


def indexed_id(prefix: str, at: datetime, salt: int, index: int) -> str:
    """The id of generated record number `index`; `index_in` reads the number back."""
    bits = (mix(salt, index) & ((1 << 40) - 1)) << 40 | (index * ODD & ((1 << 40) - 1))
    return f"{prefix}_{ulid((at - EPOCH) // timedelta(milliseconds=1), bits)}"


def index_in(identity: str, prefix: str) -> int | None:
    """The index in a generated id, to be checked by generating that id again; None for what is no id."""
    tail = identity.removeprefix(f"{prefix}_")
    if len(tail) != 26 or tail == identity or any(sign not in VALUES for sign in tail[-8:]):
        return None
    number = 0
    for sign in tail[-8:]:
        number = number << 5 | VALUES[sign]
    return number * BACK & ((1 << 40) - 1)


def places(currency: str) -> int:
    """Decimals of a currency by FlexPrice's table."""
    return PLACES.get(currency, 2)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """The amount at its currency's precision, halves away from zero."""
    return amount.quantize(Decimal(1).scaleb(-places(currency)), ROUND_HALF_UP)


def text(amount: Decimal) -> str:
    """A decimal as FlexPrice sends it: no trailing zeros, no exponent."""
    written = format(amount, "f")
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def number(value, default: Decimal | None = ZERO) -> Decimal | None:
    """A decimal from a request, which may be text or a JSON number. Errors: ValueError."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(value)
    try:
        found = Decimal(str(value).strip())
    except ArithmeticError:
        raise ValueError(value) from None
    if not found.is_finite():
        raise ValueError(value)
    return found


def stamp(at: datetime | None) -> str | None:
    """An instant as FlexPrice sends it: RFC 3339 in UTC, at most six fractional digits, trailing zeros trimmed."""
    if at is None:
        return None
    whole = at.isoformat()[:19]  # four digits of the year, always
    return f"{whole}.{at.microsecond:06d}".rstrip("0") + "Z" if at.microsecond else whole + "Z"


def instant(value) -> datetime:
    """An instant from a request or a record. Errors: ValueError for what is no RFC 3339 time."""
    if not isinstance(value, str) or "T" not in value.upper():
        raise ValueError(value)
    found = datetime.fromisoformat(value.replace("z", "Z"))
    if found.tzinfo is None:
        raise ValueError(value)
    try:
        return found.astimezone(UTC)
    except OverflowError:  # the year 0 or 10000 in UTC
        raise ValueError(value) from None


def first_of_month(day: datetime, months: int = 0) -> datetime:
    """Midnight UTC on the first of the day's month, moved by months."""
    ordinal = day.year * 12 + day.month - 1 + months
    return datetime(ordinal // 12, ordinal % 12 + 1, 1, tzinfo=UTC)
