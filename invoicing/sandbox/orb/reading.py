"""Reading requests: query parameters, pages with opaque cursors, and bodies field by field."""

import base64
import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

from ..core import Request, Response
from . import problems

DEFAULT_LIMIT, MOST = 20, 100
DECIMAL = re.compile(r"-?\d{1,12}(\.\d{1,12})?", re.ASCII)
YEARS = range(1970, 2200)
ABSENT = object()


def as_day(found: object) -> date:
    if not isinstance(found, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", found, re.ASCII):
        raise ValueError("invalid date format, expected YYYY-MM-DD")
    read = date.fromisoformat(found)
    if read.year not in YEARS:
        raise ValueError("the year is out of range")
    return read


def as_moment(found: object) -> datetime:
    """An instant; a bare day means its midnight, and no offset means UTC."""
    try:
        read = datetime.fromisoformat(found)
    except (TypeError, ValueError):
        raise ValueError("invalid datetime format") from None
    if read.year not in YEARS:
        raise ValueError("the year is out of range")
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def as_day_or_moment(found: object) -> date | datetime:
    """What a customer's time zone is to be applied to, unless it has an offset of its own."""
    try:
        return as_day(found)
    except ValueError:
        as_moment(found)
        return datetime.fromisoformat(found)


def as_decimal(found: object) -> Decimal:
    """An amount as Orb takes it: digits in a string."""
    if not isinstance(found, str) or not DECIMAL.fullmatch(found):
        raise ValueError("value is not a valid decimal string")
    return Decimal(found)


def as_number(found: object) -> Decimal:
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueError("value is not a valid number")
    read = Decimal(str(found))
    if not read.is_finite() or abs(read) >= 10**12 or read.as_tuple().exponent < -12:
        raise ValueError("the number is out of range")
    return read


def as_integer(found: object) -> int:
    if isinstance(found, bool) or not isinstance(found, int):
        raise ValueError("value is not a valid integer")
    return found


def as_flag(found: object) -> bool:
    if not isinstance(found, bool):
        raise ValueError("value could not be parsed to a boolean")
    return found


def as_text(found: object) -> str:
    if not isinstance(found, str):
        raise ValueError("str type expected")
    return found


def as_list(found: object) -> list:
    if not isinstance(found, list):
        raise ValueError("value is not a valid list")
    return found


def as_texts(found: object) -> list[str]:
    return [as_text(one) for one in as_list(found)]


def as_filters(found: object) -> list[dict]:
    """Which prices something applies to: [{"field", "operator", "values"}]."""
    for one in as_list(found):
        if not isinstance(one, dict) or set(one) != {"field", "operator", "values"}:
            raise ValueError("a filter has a field, an operator and values")
        one_of("price_id", "item_id", "price_type", "currency", "pricing_unit_id")(one["field"])
        one_of("includes", "excludes")(one["operator"])
        as_texts(one["values"])
    return found


def as_metadata(found: object) -> dict:
    if not isinstance(found, dict) or not all(value is None or isinstance(value, str) for value in found.values()):
        raise ValueError("value is not a valid mapping of strings")
    return found


def one_of(*words: str) -> Callable:
    def read(found):
        if found not in words:
            raise ValueError(f"unexpected value; permitted: {', '.join(words)}")
        return found

    return read


class Fields:
    """An object in a body. What is wrong is collected and answered all at once, by `done`."""

    def __init__(self, found: object, path: str = "", errors: list | None = None):
        self.errors = [] if errors is None else errors
        self.path = path
        if not isinstance(found, dict):
            self.errors.append(f"{path.rstrip('.') or 'body'}: value is not a valid dict")
            found = {}
        self.found = found
        self.known: set[str] = set()

    def take(self, name: str, read: Callable, *, required: bool = False, nullable: bool = True, default=None):
        """A field read by `read`; the default when absent, or when null where null may stand."""
        self.known.add(name)
        value = self.found.get(name, ABSENT)
        if value is ABSENT or (value is None and nullable and not required):
            if required:
                self.errors.append(f"{self.path}{name}: field required")
            return default
        if value is None:
            self.errors.append(f"{self.path}{name}: none is not an allowed value")
            return default
        try:
            return read(value)
        except ValueError as error:
            self.errors.append(f"{self.path}{name}: {error}")
            return default

    def has(self, name: str) -> bool:
        return name in self.found

    def inside(self, name: str, found: object) -> "Fields":
        """An object within this one, its errors told with ours."""
        return Fields(found, f"{self.path}{name}.", self.errors)

    def close(self) -> None:
        """Whatever was not asked for does not belong here."""
        self.errors += [
            f"{self.path}{name}: extra fields not permitted" for name in self.found if name not in self.known
        ]

    def done(self) -> None:
        self.close()
        if self.errors:
            problems.malformed(*self.errors)


def body(request: Request, *, optional: bool = False) -> Fields:
    """The request's body. Errors: a refusal when it is not an object."""
    return Fields({} if optional and not request.body.strip() else request.json())


class Query:
    """Query parameters; what is wrong is collected and answered by `done`."""

    def __init__(self, request: Request):
        self.request, self.errors = request, []

    def take(self, name: str, read: Callable, default=None):
        value = self.request.arg(name)
        if value is None or value == "":
            return default
        try:
            return read(value)
        except ValueError as error:
            self.errors.append(f"{name}: {error}")
            return default

    def flag(self, name: str) -> bool | None:
        words = {"true": True, "false": False, "1": True, "0": False}
        return self.take(name, lambda value: words[one_of(*words)(value.lower())])

    def between(self, name: str, read: Callable = as_moment) -> dict:
        """The bounds given as name[gt], [gte], [lt], [lte]."""
        found = {operator: self.take(f"{name}[{operator}]", read) for operator in ("gt", "gte", "lt", "lte")}
        return {operator: bound for operator, bound in found.items() if bound is not None}

    def limit(self) -> int:
        def read(value):
            if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= MOST:
                raise ValueError(f"ensure this value is an integer between 1 and {MOST}")
            return int(value)

        return self.take("limit", read, DEFAULT_LIMIT)

    def cursor(self) -> list | None:
        def read(value):
            try:
                found = json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
            except ValueError:
                found = None
            if not isinstance(found, list):
                raise ValueError("invalid cursor")
            return found

        return self.take("cursor", read)

    def done(self) -> None:
        if self.errors:
            problems.malformed(*self.errors, where="query")


def within(value, bounds: dict) -> bool:
    """Whether a value keeps to the bounds that `Query.between` read."""
    tests = {"gt": value.__gt__, "gte": value.__ge__, "lt": value.__lt__, "lte": value.__le__}
    return all(tests[operator](bound) for operator, bound in bounds.items())


def page(rows: Iterable[tuple[list, object]], limit: int, write: Callable = lambda row: row) -> Response:
    """A page of (position, row); the cursor says where the last row stood, so rows added above never shift it."""
    taken, last, more = [], None, False
    for position, row in rows:
        if len(taken) == limit:
            more = True
            break
        taken.append(write(row))
        last = position
    cursor = base64.urlsafe_b64encode(json.dumps(last).encode()).decode().rstrip("=") if more else None
    return Response(200, {"data": taken, "pagination_metadata": {"has_more": more, "next_cursor": cursor}})


def page_by_time(query: Query, rows: Iterable[tuple[str, str, object]], write: Callable = lambda row: row) -> Response:
    """A page of (time, id, row), newest first."""
    limit, cursor = query.limit(), query.cursor()
    query.done()
    ordered = sorted(rows, key=lambda row: row[:2], reverse=True)
    after = tuple(map(str, cursor[:2])) if cursor else None
    return page(
        (([at, identity], row) for at, identity, row in ordered if not after or (at, identity) < after), limit, write
    )
