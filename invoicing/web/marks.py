"""The small signs every screen shares: icons, status pills, provider badges, days. Made once, kept, and safe to put into a page."""

from datetime import date, datetime
from functools import lru_cache

from django.db.models import TextChoices
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import OperationState, Payment, Status
from invoicing.web.formats import day_text, moment_text

LETTERS = {"checkout_page": "P"}  # where the first letter is another's

STATUS_TONES = {
    Status.DRAFT: "",
    Status.FINALIZING: "violet",
    Status.FINALIZED: "blue",
    Status.VOID: "hollow",
    Status.SKIPPED: "hollow",
    Status.UNRECOGNIZED: "amber",
}
PAYMENT_TONES = {
    Payment.NOT_TRACKED: "hollow",
    Payment.UNPAID: "",
    Payment.PROCESSING: "violet",
    Payment.PARTLY_PAID: "amber",
    Payment.PAID: "green",
    Payment.OVERPAID: "violet",
    Payment.FAILED: "red",
    Payment.PARTLY_REFUNDED: "amber",
    Payment.REFUNDED: "hollow",
    Payment.UNCOLLECTIBLE: "red",
    Payment.UNRECOGNIZED: "amber",
}
OPERATION_TONES = {
    OperationState.REQUESTED: "blue",
    OperationState.APPROVED: "blue",
    OperationState.SENDING: "violet",
    OperationState.ACCEPTED: "violet",
    OperationState.UNKNOWN: "amber",
    OperationState.NEEDS_PERSON: "red",
    OperationState.SUCCEEDED: "green",
    OperationState.NOT_DONE: "red",
    OperationState.REFUSED: "red",
    OperationState.CANCELLED: "hollow",
    OperationState.REJECTED: "hollow",
    OperationState.EXPIRED: "hollow",
}
TONES: dict[type[TextChoices], dict] = {
    Status: STATUS_TONES,
    Payment: PAYMENT_TONES,
    OperationState: OPERATION_TONES,
}


@lru_cache(maxsize=256)
def icon(name: str, size: str = "") -> SafeString:
    """A line icon, hidden from screen readers: the words stand beside it. `size`: "s" for small."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="{}#{}"/></svg>',
        f" {size}" if size else "",
        static("desk/icons.svg"),
        name,
    )


def pill(label: str, tone: str = "") -> SafeString:
    return _pill(str(label), tone)


@lru_cache(maxsize=512)
def _pill(label: str, tone: str) -> SafeString:
    return format_html('<span class="pill{}">{}</span>', f" {tone}" if tone else "", label)


@lru_cache(maxsize=256)
def _pill_of(kind: type[TextChoices], value: str, language: str | None) -> SafeString:
    """The pill of a known word, made once for each language; there are dozens on a page."""
    known = kind(value)
    return pill(known.label, TONES[kind][known])


def status_pill(status: str) -> SafeString:
    return _pill_of(Status, status, get_language())


def payment_pill(payment: str) -> SafeString:
    return _pill_of(Payment, payment, get_language())


def operation_pill(state: str) -> SafeString:
    return _pill_of(OperationState, state, get_language())


def provider_name(provider: str) -> str:
    return PROVIDERS[provider].name if provider in PROVIDERS else provider


@lru_cache(maxsize=512)
def provider_badge(provider: str, name: str = "") -> SafeString:
    """The provider's letter and a name: the connection's where given."""
    known = provider_name(provider)
    return format_html(
        '<span class="provider"><b class="{}" aria-hidden="true">{}</b><span class="clip">{}</span></span>',
        provider,
        LETTERS.get(provider, known[:1].upper()),
        name or known,
    )


@lru_cache(maxsize=4096)
def _day(day: date, text: str) -> SafeString:
    return format_html('<time datetime="{}">{}</time>', day.isoformat(), text)


def day(value: date) -> SafeString:
    """A day of the accounting calendar."""
    return _day(value, day_text(value))


def moment(value: datetime) -> SafeString:
    return format_html('<time datetime="{}">{}</time>', value.isoformat(timespec="seconds"), moment_text(value))
