"""JSON as money needs it: exact numbers, no duplicate keys, no NaN, no absurd depth; and list records kept as the bytes sent.

Errors: NotUnderstood throughout.
"""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from invoicing.providers.errors import NotUnderstood

MAX_DEPTH = 64
MAX_DIGITS = 1000
MAX_MAGNITUDE = 308  # what a double can hold; further out it is an attack or a mistake, never an amount

STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
BRACKETS = {ord("{"): "[", ord("}"): "]"}
ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)

UNSURE = object()
WORTH_A_LOOK = frozenset({dict, list, int})
MAX_BITS = 1000  # fewer than MAX_MAGNITUDE digits have; a longer number is looked at digit by digit

_encoder = msgspec.json.Encoder(decimal_format="number")


def dumps(value: Any) -> bytes:
    """The bytes of a request body: a Decimal becomes a JSON number with its very digits, keys keep their order."""
    return _encoder.encode(value)


def loads(body: bytes) -> Any:
    """The document, with every number an int or a Decimal of exactly the digits sent."""
    body = _mended(body)
    value = _at_once(body)
    return _by_parts(body) if value is UNSURE else value


def _at_once(body: bytes) -> Any:
    """The document in a third of the time, or UNSURE: then reading it by parts decides, and says what is wrong.

    A member's colon follows its closing quote wherever no colon follows white space. Such colons are counted, perhaps
    too often (inside texts), never too rarely: as many members as colons means that none was lost to a name used twice.
    """
    if b" :" in body or any(white in body and white + b":" in body for white in (b"\n", b"\t", b"\r")):
        return UNSURE
    try:
        value = _exact.decode(body)
    except (msgspec.MsgspecError, NotUnderstood, ValueError, RecursionError):
        return UNSURE
    members, level = 0, [value]
    for _ in range(MAX_DEPTH + 1):
        if not level:
            return value if members == body.count(b'":') else UNSURE
        objects = [node for node in level if type(node) is dict]
        members += sum(map(len, objects))
        if any(node.bit_length() > MAX_BITS for node in level if type(node) is int):
            return UNSURE
        holders = [*map(dict.values, objects), *(node for node in level if type(node) is list)]
        level = [each for holder in holders for each in holder if type(each) in WORTH_A_LOOK]
    return UNSURE


def _by_parts(body: bytes) -> Any:
    """The document, every object and number looked at on its way in."""
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_unique, parse_float=_decimal, parse_int=_integer, parse_constant=_not_a_number
        )
    except UnicodeDecodeError:
        raise NotUnderstood("The answer is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise NotUnderstood(f"The answer is not JSON: {error.msg} at character {error.pos}.") from None
    except RecursionError:
        raise NotUnderstood("The answer is nested too deep.") from None
    if _deeper_than(text, MAX_DEPTH):
        raise NotUnderstood("The answer is nested too deep.")
    return value


def check(body: bytes) -> None:
    """Refuses what is not one JSON document, in a fraction of the time of reading it."""
    _decode(_mended(body), msgspec.Raw)


def records(body: bytes, path: Sequence[str]) -> tuple[list[bytes], dict[str, Any]]:
    """The records of the list at `path`, each as its own bytes and not yet read, and the rest of the document.

    An unreadable record must not cost its page, so records are read one by one by the caller. `null` for a list is an
    empty one. With an empty path the document itself is the list.
    """
    body = _mended(body)
    node: Any = body
    for name in path:
        members = _decode(node, dict[str, msgspec.Raw])
        if name not in members:
            raise NotUnderstood(f"The answer has no list at {'.'.join(path)}.")
        node = members[name]
    whole = bytes(node)
    items = [] if whole == b"null" else [bytes(item) for item in _decode(node, list[msgspec.Raw])]
    if not path:
        return items, {}
    return items, _around(body, whole, path)


def _around(body: bytes, whole: bytes, path: Sequence[str]) -> Any:
    """The document with an empty list at `path`. Its first bytes find the list; that it was this list is then looked at."""
    start = body.find(whole[:200])
    if body[start : start + len(whole)] == whole:
        rest = loads(body[:start] + b"[]" + body[start + len(whole) :])
        node = rest
        for name in path:
            node = node[name]
        if node == []:
            return rest
    return loads(body)


def _decode(data: Any, shape: Any) -> Any:
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.ValidationError:
        raise NotUnderstood("The answer is JSON, but not of the shape promised.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotUnderstood("The answer is not JSON.") from None
    except RecursionError:
        raise NotUnderstood("The answer is nested too deep.") from None


def _mended(body: bytes) -> bytes:
    """Half of a surrogate pair is no character (an emoji cut in two by its sender): it is read as U+FFFD."""
    if b"\\" not in body or (b"\\ud" not in body and b"\\uD" not in body):
        return body
    return ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotUnderstood("The answer has the same key twice in one object.")
    return members


def _decimal(digits: str) -> Decimal:
    if len(digits) > MAX_DIGITS:
        raise NotUnderstood("The answer has a number of more than a thousand digits.")
    try:
        number = Decimal(digits)
    except ArithmeticError:
        raise NotUnderstood("The answer has a number out of range.") from None
    if not number.is_finite() or abs(number.adjusted()) > MAX_MAGNITUDE:
        raise NotUnderstood("The answer has a number out of range.")
    return number


def _integer(digits: str) -> int:
    if len(digits) > MAX_MAGNITUDE:
        raise NotUnderstood("The answer has a number out of range.")
    return int(digits)


_exact = msgspec.json.Decoder(float_hook=_decimal)


def _not_a_number(word: str) -> None:
    raise NotUnderstood(f"The answer has {word} where a number belongs.")


def _deeper_than(text: str, depth: int) -> bool:
    """Removes the innermost pairs of brackets once per level: what is left after `depth` rounds is deeper."""
    brackets = "".join(re.findall(r"[\[\]{}]+", STRING.sub("", text))).translate(BRACKETS)
    for _ in range(depth):
        if not brackets:
            return False
        brackets = brackets.replace("[]", "")
    return bool(brackets)
