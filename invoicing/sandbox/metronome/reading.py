"""What a request asks for, checked: queries, bodies, pages. What is not valid is refused with 400 and a message."""

import base64
import hashlib
import json
import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import UTC, datetime

from invoicing.sandbox.core import Refusal, Request, Response


class Unstored(Response):
    """An answer the idempotency store does not keep."""


def invalid(message: str) -> Refusal:
    """A refusal by validation, which leaves an idempotency key unused."""
    return Refusal(Unstored(400, {"message": message}))


def refused(status: int, message: str) -> Refusal:
    """A refusal of a valid request; it is the final answer to its idempotency key."""
    return Refusal(Response(status, {"message": message}))


def instant_of(text: str, name: str) -> datetime:
    """An RFC 3339 instant; a bare date is midnight UTC."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise invalid(f"{name} must be an RFC 3339 timestamp") from None


class Query:
    """The query of a GET."""

    def __init__(self, request: Request):
        self.request = request

    def text(self, name: str) -> str | None:
        return self.request.arg(name) or None

    def choice(self, name: str, *allowed: str) -> str | None:
        value = self.text(name)
        if value is not None and value not in allowed:
            raise invalid(f"{name} must be one of {', '.join(allowed)}")
        return value

    def flag(self, name: str) -> bool:
        value = (self.text(name) or "false").lower()
        if value not in ("true", "false"):
            raise invalid(f"{name} must be true or false")
        return value == "true"

    def instant(self, name: str, required: bool = False) -> datetime | None:
        value = self.text(name)
        if value is None and required:
            raise invalid(f"{name} is required")
        return None if value is None else instant_of(value.replace(" ", "+"), name)

    def limit(self, default: int, most: int = 100) -> int:
        value = self.text("limit")
        if value is None:
            return default
        if not value.isdecimal() or not 1 <= int(value) <= most:
            raise invalid(f"limit must be between 1 and {most}")
        return int(value)

    def many(self, name: str, most: int = 100) -> list[str] | None:
        """A comma-joined or repeated parameter."""
        values = [part for value in self.request.args(name) for part in value.split(",") if part]
        if len(values) > most:
            raise invalid(f"{name} takes at most {most} values")
        return values or None


class Body:
    """The JSON object in a POST."""

    def __init__(self, request: Request):
        self.values = request.json()
        if not isinstance(self.values, dict):
            raise invalid("The body must be a JSON object")

    def _typed(self, name: str, kinds: type | tuple, wording: str, required: bool):
        value = self.values.get(name)
        if value is None:
            if required:
                raise invalid(f"{name} is required")
            return None
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            raise invalid(f"{name} must be {wording}")
        return value

    def uuid(self, name: str, required: bool = True) -> str | None:
        value = self._typed(name, str, "a UUID", required)
        try:
            return None if value is None else str(uuid.UUID(value))
        except ValueError:
            raise invalid(f"{name} must be a UUID") from None

    def text(self, name: str, required: bool = True) -> str | None:
        return self._typed(name, str, "a string", required)

    def choice(self, name: str, *allowed: str) -> str | None:
        value = self.text(name, required=False)
        if value is not None and value not in allowed:
            raise invalid(f"{name} must be one of {', '.join(allowed)}")
        return value

    def flag(self, name: str, required: bool = False) -> bool:
        return bool(self._typed(name, bool, "a boolean", required))

    def number(self, name: str) -> int | float:
        return self._typed(name, (int, float), "a number", True)

    def array(self, name: str) -> list:
        return self._typed(name, list, "an array", False) or []

    def instant(self, name: str, required: bool = False) -> datetime | None:
        value = self.text(name, required)
        return None if value is None else instant_of(value, name)

    def limit(self, default: int, most: int) -> int:
        value = self._typed("limit", int, "an integer", False)
        if value is not None and not 1 <= value <= most:
            raise invalid(f"limit must be between 1 and {most}")
        return default if value is None else value


class Cursors:
    """Page tokens: opaque, and refused when they are not ours, or come from another list than the one asked now."""

    def __init__(self, secret: str):
        self.secret = secret
        self.asked = ""  # the path of the request in hand

    def _seal(self, text: str) -> str:
        return hashlib.sha256(f"{self.secret}:{self.asked}:{text}".encode()).hexdigest()[:8]

    def write(self, key: object) -> str:
        text = json.dumps(key, separators=(",", ":"))
        return base64.urlsafe_b64encode(f"{self._seal(text)}{text}".encode()).decode().rstrip("=")

    def read(self, token: str | None) -> object | None:
        """What was written; None for the first page. Errors: 400."""
        if not token:
            return None
        try:
            opened = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        except ValueError:
            opened = ""
        if not opened or self._seal(opened[8:]) != opened[:8]:
            raise invalid("next_page is not valid")
        return json.loads(opened[8:])


def page(rows: list, key: Callable, after: tuple | None, limit: int, *, descending=False, overlap=False):
    """The rows after a key, and the key the next page starts behind; None at the end.

    `overlap` repeats the row the page starts behind, as a list that shifted between two reads does.
    """
    rows = sorted(rows, key=key)
    keys = [key(row) for row in rows]
    begin = 0
    if descending:
        rows.reverse()
    if after is not None:
        begin = len(rows) - bisect_left(keys, after) if descending else bisect_right(keys, after)
        begin -= overlap and begin > 0 and limit > 1
    shown = rows[begin : begin + limit]
    return shown, (list(key(shown[-1])) if begin + limit < len(rows) else None)
