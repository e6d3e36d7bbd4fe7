"""The small signs every screen shares: icons, status pills, provider badges, days. Made once, kept, and safe to put into a page."""

from datetime import date, datetime
from functools import lru_cache

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

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


@lru_cache(maxsize=256)
def icon(name: str, size: str = "") -> SafeString:
    """A line icon, hidden from screen readers: the words stand beside it. `size`: "s" for small."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="{}#{}"/></svg>',
        f" {size}" if size else "",
        static("desk/icons.svg"),
        name,
    )


@lru_cache(maxsize=256)
def pill(label: str, tone: str = "") -> SafeString:
    return format_html('<span class="pill{}">{}</span>', f" {tone}" if tone else "", label)


@lru_cache(maxsize=32)
def status_pill(status: str) -> SafeString:
    known = Status(status)
    return pill(known.label, STATUS_TONES[known])


@lru_cache(maxsize=32)
def payment_pill(payment: str) -> SafeString:
    known = Payment(payment)
    return pill(known.label, PAYMENT_TONES[known])


@lru_cache(maxsize=32)
def operation_pill(state: str) -> SafeString:
    known = OperationState(state)
    return pill(known.label, OPERATION_TONES[known])


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
