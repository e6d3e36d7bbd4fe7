"""A payload for reading: indented, every number as it was sent, what opens doors masked."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from invoicing.logs import redacted

MASK = "•••"
SECRET_NAMES = re.compile(
    r"(?i)(secret|token|password|passwd|signature|authorization|credential|api[_-]?key|private[_-]?key|session)"
)
PERSONAL = re.compile(r"(?i)(name|mail|phone|address|street|line[12]|city|postal|zip|contact)")
FIGURE = re.compile(r"[-+]?[\d.,\s]+")
LINK = re.compile(r"(?i)https?://[^\s\"'<>]+")
OPAQUE = re.compile(r"[A-Za-z0-9_.~=+-]{16,}")


class _Digits(str):
    """A number as it was written."""


def pretty(payload_text: bytes, *, bare: bool = False) -> str:
    """Redacted, indented JSON. What is no JSON comes back as text, redacted. `bare`: without figures and people."""
    try:
        value = json.loads(payload_text, parse_float=_Digits, parse_int=_Digits, parse_constant=_Digits)
    except (ValueError, RecursionError):
        return MASK if bare else redacted(payload_text.decode("utf-8", "replace"))
    if bare:
        value = _bared(value, "")
    return "".join(_written(value, "", ""))


def _bared(value: Any, name: str) -> Any:
    """The same shape for who sees neither amounts nor people."""
    if isinstance(value, dict):
        return {
            key: _bared(item, MASK if PERSONAL.search(name) and isinstance(item, str) else key)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_bared(item, name) for item in value]
    hidden = isinstance(value, _Digits) or (isinstance(value, str) and (FIGURE.fullmatch(value) or "@" in value))
    return MASK if value is not None and (hidden or name == MASK or PERSONAL.search(name)) else value


def _written(value: Any, name: str, indent: str) -> Iterator[str]:
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        yield "{\n"
        for at, (key, item) in enumerate(value.items()):
            yield f"{deeper}{_quoted(key)}: "
            yield from _written(item, key, deeper)
            yield ",\n" if at < len(value) - 1 else "\n"
        yield f"{indent}}}"
    elif isinstance(value, list) and value:
        yield "[\n"
        for at, item in enumerate(value):
            yield deeper
            yield from _written(item, name, deeper)
            yield ",\n" if at < len(value) - 1 else "\n"
        yield f"{indent}]"
    elif isinstance(value, _Digits):
        yield value
    elif isinstance(value, str):
        yield _quoted(_masked(value, name))
    else:
        yield json.dumps(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _masked(text: str, name: str) -> str:
    if text and SECRET_NAMES.search(name):
        return MASK
    return redacted(LINK.sub(lambda found: masked_link(found[0]), text))


def masked_link(link: str) -> str:
    """Host and the plain parts of the path; anything that may open a document is masked: query, fragment, opaque parts."""
    try:
        parts = urlsplit(link)
        host = parts.hostname or ""
    except ValueError:
        return MASK
    path = "/".join(MASK if OPAQUE.fullmatch(part) else part for part in parts.path.split("/"))
    rest = f"?{MASK}" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{host}{path}{rest}"
