"""From what was seen on the wire to the one family of errors: what may be concluded, and in whose words."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from invoicing.providers.base import Provider
from invoicing.providers.errors import (
    Conflict,
    KeyRefused,
    Missing,
    NotUnderstood,
    ProviderError,
    RateLimited,
    Refused,
    Unknown,
)
from invoicing.providers.secret import Secret
from invoicing.providers.strict_json import loads

REFUSALS = frozenset({400, 404, 405, 413, 415, 422})
MAX_WAIT = 3600.0
MAX_WORDS = 500

CREDENTIAL = re.compile(r"(?i)\b(bearer|basic|token)\s+[\w.~+/=-]{6,}")
ASSIGNED = re.compile(r"(?i)\b(api[_-]?key|authorization|secret|password|signature|token)\b(\W{1,3})[\w.~+/=-]{6,}")
LINK_SECRET = re.compile(r"(?i)(\bhttps?://[^\s?#\"'<>]+)[?#][^\s\"'<>]+")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


def error_for(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    provider: Provider,
    safe: bool,
    secrets: tuple[Secret, ...] = (),
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ProviderError:
    """The error that an answer other than 2xx means. `safe`: repeating the call changes nothing."""
    name = provider.name
    if status < 300:
        return Unknown(f"{name} answered {status}, which it never promised.", status=status)
    if status < 400:
        where = _host(headers.get("Location", ""))
        return Unknown(f"{name} sent us elsewhere{f', to {where[:100]}' if where else ''}.", status=status)
    payload = _read(body)
    words = provider.error_text(payload) if payload is not None else None
    said = redacted(words or "", *secrets)
    wait = retry_after(headers, now())
    if status == 429 or wait is not None:
        return RateLimited(f"{name} asks us to wait.", status=status, said=said, retry_after=wait)
    if status in (401, 403):
        return KeyRefused(f"{name} does not accept the key for this.", status=status, said=said)
    if status == 409:
        return Conflict(f"{name} reports a conflict.", status=status, said=said)
    if status >= 500:
        return Unknown(f"{name} failed with {status}.", status=status, said=said)
    if words is None:
        kind = NotUnderstood if safe else Unknown
        content_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return kind(f"{name} answered {status}, not in its own form.", status=status, content_type=content_type)
    if status == 404 and provider.says_missing(payload):
        return Missing(f"{name} has no such record.", status=status, said=said)
    if status in REFUSALS:
        return Refused(f"{name} refused.", status=status, said=said)
    return Unknown(f"{name} answered {status}.", status=status, said=said)


def _read(body: bytes) -> Any:
    """The body, or None where it is no JSON: then someone in between may have answered."""
    try:
        return loads(body)
    except NotUnderstood:
        return None


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def redacted(words: str, *secrets: Secret) -> str:
    """One line of at most 500 characters, without keys, signed links or characters that hide others."""
    words = words[: MAX_WORDS * 20]
    for secret in secrets:
        if secret:
            words = words.replace(secret.reveal(), "…")
    words = CREDENTIAL.sub(r"\1 …", words)
    words = ASSIGNED.sub(r"\1\2…", words)
    words = LINK_SECRET.sub(r"\1?…", words)
    words = " ".join(UNPRINTABLE.sub(" ", words).split())
    return words if len(words) <= MAX_WORDS else words[: MAX_WORDS - 1] + "…"


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait, between 1 and 3600; None when nothing usable is said.

    A date is measured against the answer's own Date, so that a wrong clock here or there does not matter.
    """
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,20})?", value):
        return _clamped(float(value))
    moment = _http_date(value)
    if moment is None:
        return None
    return _clamped((moment - (_http_date(headers.get("Date", "")) or now)).total_seconds())


def _clamped(seconds: float) -> float:
    return min(max(seconds, 1.0), MAX_WAIT) if math.isfinite(seconds) else MAX_WAIT


def _http_date(value: str) -> datetime | None:
    if not re.match(r"[A-Z][a-z]{2,8}, ?\d", value):
        return None
    try:
        moment = parsedate_to_datetime(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
