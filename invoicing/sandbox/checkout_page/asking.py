"""How Checkout Page is asked and how it refuses: parameters, cursors, error bodies."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from ..core import Refusal, Request, Response

ID = re.compile(r"[0-9a-fA-F]{24}")


def problem(status: int, message: str, param: str | None = None, value: object = None, detail: str = "") -> Response:
    """The general error body; `param` says which field is wrong."""
    errors = [{"param": param, "message": detail or message, "value": value}] if param else []
    return Response(status, {"status": "error", "type": "error", "message": message, "errors": errors})


def invalid(param: str, detail: str, value: object = None) -> Refusal:
    """400, naming the parameter."""
    return Refusal(problem(400, "Validation error", param, value, detail))


def identity(param: str, value: str) -> str:
    """An id as sent. Errors: Refusal 400 unless it is 24 hexadecimal characters."""
    if not ID.fullmatch(value):
        raise invalid(param, f"Invalid {param}", value)
    return value.lower()


def single(request: Request, name: str) -> str | None:
    """A parameter that may be given once. Errors: Refusal 400 when it is repeated."""
    values = request.args(name)
    if len(values) > 1:
        raise invalid(name, f"{name} accepts one value", ",".join(values))
    return values[0] if values else None


def one_of(request: Request, name: str, words: Sequence[str]) -> str | None:
    """A parameter with a closed list of words. Errors: Refusal 400."""
    value = single(request, name)
    if value is not None and value not in words:
        raise invalid(name, f"{name} must be one of {', '.join(words)}", value)
    return value


def searched(request: Request) -> str | None:
    """The search text, 1 to 200 characters. Errors: Refusal 400."""
    text = single(request, "search")
    if text is not None and not 1 <= len(text.strip()) <= 200:
        raise invalid("search", "search must have 1 to 200 characters", text)
    return text and text.strip().lower()


def filtered_id(request: Request, name: str) -> str | None:
    """A parameter that is an id."""
    value = single(request, name)
    return None if value is None else identity(name, value)


def page(
    request: Request, keys: Sequence, key_of: Callable[[str], object], render: Callable[[object], dict]
) -> Response:
    """One page, newest first, of records whose sort keys are given oldest first.

    Errors: Refusal 400 for a bad limit, a bad or unknown cursor, or both cursors together.
    """
    text = single(request, "limit")
    limit = 20 if text is None else int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= limit <= 100:
        raise invalid("limit", "limit must be between 1 and 100", text)
    cursors = {name: single(request, name) for name in ("starting_after", "ending_before")}
    given = {name: identity(name, value) for name, value in cursors.items() if value is not None}
    if len(given) == 2:
        raise invalid(
            "ending_before", "starting_after and ending_before cannot be used together", cursors["ending_before"]
        )
    low, high = 0, len(keys)
    for name, value in given.items():
        key = key_of(value)
        if key is None:
            raise invalid(name, f"No record has this {name}", value)
        low, high = (low, bisect_left(keys, key)) if name == "starting_after" else (bisect_right(keys, key), high)
    if "ending_before" in given:
        window, more = keys[low : low + limit], low + limit < high
    else:
        window, more = keys[max(low, high - limit) : high], high - limit > low
    return Response(body={"data": [render(key) for key in reversed(window)], "total": len(keys), "has_more": more})
