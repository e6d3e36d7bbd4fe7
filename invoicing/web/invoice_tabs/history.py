"""What changed from version to version of an invoice, in words and figures: money first."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing.access import rights
from invoicing.models import Invoice, InvoiceVersion, User
from invoicing.money import EXACT
from invoicing.vocabulary import ListedBy, Payment, Status
from invoicing.web.formats import day_text, moment_text, money_text, number_text

AMOUNTS = {"total", "subtotal", "amount_due", "amount_paid", "amount_refunded", "discount", "credits", "tax"}
LABELS = {
    "amount_due": gettext_lazy("Left to pay"),
    "amount_paid": gettext_lazy("Paid"),
    "amount_refunded": gettext_lazy("Refunded"),
    "further_totals": gettext_lazy("Totals in further units"),
    "balances": gettext_lazy("Left in the account"),
    "provider_status": gettext_lazy("Provider's status"),
    "number": gettext_lazy("Number"),
    "replaces": gettext_lazy("Replaces"),
    "replaced_by": gettext_lazy("Replaced by"),
    "po_number": gettext_lazy("PO number"),
    "billed_to": gettext_lazy("Billed to"),
    "billed_by": gettext_lazy("Billed by"),
    "outside_copy": gettext_lazy("Copy outside"),
    "credit_items": gettext_lazy("Credits, item by item"),
    "discounts": gettext_lazy("Discounts, item by item"),
    "taxes": gettext_lazy("Taxes, item by item"),
    "has_pdf": gettext_lazy("PDF to be had"),
    "updated_at": gettext_lazy("Updated at the provider"),
    "created_at": gettext_lazy("Created at the provider"),
    "listed_on": gettext_lazy("Listed on"),
    "listed_by": gettext_lazy("Listed under"),
    "livemode": gettext_lazy("Live"),
    "subscription_id": gettext_lazy("Subscription"),
    "payload": gettext_lazy("The record could not be read before"),
    "further_changes": gettext_lazy("Further changes, not listed"),
    "lines": gettext_lazy("Line"),
    "lines.amount": gettext_lazy("Line amount"),
    "lines.quantity": gettext_lazy("Line quantity"),
    "lines.unit_price": gettext_lazy("Line unit price"),
    "lines.unit": gettext_lazy("Line unit"),
    "lines.counts": gettext_lazy("Line counts towards the subtotal"),
    "lines.period_start": gettext_lazy("Line period starts"),
    "lines.period_end": gettext_lazy("Line period ends"),
    "lines.kind": gettext_lazy("Line kind"),
    "lines.text": gettext_lazy("Line text"),
    "lines.details": gettext_lazy("What a line holds inside changed"),
    "customer.name": gettext_lazy("Customer's name"),
    "customer.email": gettext_lazy("Customer's e-mail"),
    "customer.reference": gettext_lazy("Customer's reference"),
}
FIGURES = {"lines.amount", "lines.unit_price", "lines.quantity"}
WORDS = {"status": Status, "payment_status": Payment, "listed_by": ListedBy}
SUMS = AMOUNTS | {
    *("lines", "lines.amount", "lines.unit_price", "further_totals", "balances", "credit_items", "discounts", "taxes"),
    *("outside_copy", "credits"),
}
"""What tells amounts, for who may see them."""
PERSONAL = {"billed_to", "billed_by", "customer.email"}
HIDDEN = "•••"
AT_FIRST = 12
LONGEST = 300


@dataclass(frozen=True)
class Change:
    label: str
    before: str  # "" where there was nothing
    after: str
    line: str = ""  # the text of the line it is about
    is_money: bool = False
    difference: str = ""  # after less before, signed, where both are figures of one unit


@dataclass(frozen=True)
class VersionTold:
    version: InvoiceVersion
    changes: list[Change]  # the first ones
    further: list[Change]
    is_current: bool
    is_first: bool


def hidden_from(user: User, invoice: Invoice) -> frozenset[str]:
    """The fields whose values this person's roles do not show."""
    sums = () if rights.can(user, "view_money", invoice) else SUMS
    return frozenset(sums) | frozenset(() if rights.can(user, "view_personal", invoice) else PERSONAL)


def told(changes: list[dict[str, Any]], unit: str, *, hidden: frozenset[str] = frozenset()) -> list[Change]:
    """The recorded changes for reading. `unit` is the invoice's own, in which its amounts are."""
    return [told_change(change, unit, hidden=hidden) for change in changes]


def told_change(change: dict[str, Any], unit: str, *, hidden: frozenset[str] = frozenset()) -> Change:
    field, before, after = change["field"], change.get("before"), change.get("after")
    if field in hidden:
        was, is_now = (HIDDEN if each not in (None, "", []) else "" for each in (before, after))
        return Change(label=label_of(field), before=was, after=is_now, line=change.get("line", ""))
    unit = change.get("unit") or unit
    if isinstance(before, list) and isinstance(after, list):  # what is in both did not change
        before, after = [i for i in before if i not in after], [i for i in after if i not in before]
    return Change(
        label=label_of(field),
        before=value_text(field, before, unit),
        after=value_text(field, after, unit),
        line=change.get("line", ""),
        is_money=field in AMOUNTS or field in FIGURES,
        difference=_difference(change, unit),
    )


def label_of(name: str) -> str:
    return LABELS.get(name) or name.replace("_", " ").capitalize()


def versions(invoice: Invoice, *, hidden: frozenset[str]) -> list[VersionTold]:
    """Every version, newest first."""
    return list(_versions(invoice, hidden))


def _versions(invoice: Invoice, hidden: frozenset[str]) -> Iterator[VersionTold]:
    for version in invoice.versions.defer("payload").order_by("-number"):
        changes = told(version.changes, invoice.currency, hidden=hidden)
        yield VersionTold(
            version=version,
            changes=changes[:AT_FIRST],
            further=changes[AT_FIRST:],
            is_current=version.number == invoice.version,
            is_first=version.number == 1,
        )


def changes_since(invoice: Invoice, number: int, *, hidden: frozenset[str]) -> list[Change]:
    """Everything that changed after version `number`, newest version first."""
    later = invoice.versions.filter(number__gt=number).order_by("-number").values_list("changes", flat=True)
    return [change for changes in later for change in told(changes, invoice.currency, hidden=hidden)]


def _difference(change: dict[str, Any], unit: str) -> str:
    """What a figure rose or fell by, with its sign; empty where there are not two figures of one unit."""
    field, unit = change["field"], change.get("unit") or unit
    before, after = _figure(change.get("before")), _figure(change.get("after"))
    priced = field in AMOUNTS or (field in FIGURES and field != "lines.quantity" and "unit" in change)
    if before is None or after is None or not (priced or field == "lines.quantity"):
        return ""
    by = EXACT.subtract(after, before)
    if not by:
        return ""
    text = money_text(by, unit) if priced else number_text(by)
    return f"+{text}" if by > 0 else text


def _figure(value: Any) -> Decimal | None:
    try:
        return Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return None


def value_text(field: str, value: Any, unit: str) -> str:
    if value is None or value in ("", []):
        return ""
    if field in AMOUNTS:
        return _amount(value, unit)
    if field in FIGURES and isinstance(value, str):
        return _line_figure(field, value, unit)
    if field == "lines" and isinstance(value, str):
        return _line_told(value)
    if field in WORDS:
        known = WORDS[field]
        return str(known(value).label) if value in known.values else str(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, str):
        return _moment_or_text(value) if field.endswith(("_at", "_on", "_date", "_start", "_end")) else _cut(value)
    if isinstance(value, list):
        return _cut("; ".join(map(_item, value)))
    if isinstance(value, int):
        return number_text(value)
    return _cut(json.dumps(value, ensure_ascii=False))


def _item(item: Any) -> str:
    """One of several: a sum with its unit, a labelled text, a sentence."""
    if isinstance(item, dict) and {"unit", "amount"} <= item.keys():
        return f"{item.get('label', '')} {_amount(item['amount'], str(item['unit']))}".strip()
    if isinstance(item, list) and len(item) == 2:
        return f"{item[0]}: {item[1]}"
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)


def _amount(value: Any, unit: str) -> str:
    try:
        return money_text(Decimal(value), unit)
    except (InvalidOperation, TypeError, ValueError):
        return str(value)


def _line_figure(field: str, value: str, unit: str) -> str:
    figure = _figure(value)
    if figure is None:
        return _cut(value)
    return number_text(figure) if field == "lines.quantity" else _amount(value, unit)


def _line_told(value: str) -> str:
    """ "12.5 USD", as a line was stored that came or went."""
    amount, _space, unit = value.partition(" ")
    return _amount(amount, unit) if unit and _figure(amount) is not None else _cut(value)


def _moment_or_text(value: str) -> str:
    try:
        return moment_text(datetime.fromisoformat(value)) if "T" in value else day_text(date.fromisoformat(value))
    except ValueError:
        return _cut(value)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
