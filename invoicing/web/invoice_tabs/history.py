"""What changed from version to version of an invoice, in words and figures: money first."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from invoicing.models import Invoice, InvoiceVersion
from invoicing.money import EXACT
from invoicing.vocabulary import ListedBy, Payment, Status
from invoicing.web.formats import day_text, moment_text, money_text, number_text

AMOUNTS = {"total", "subtotal", "amount_due", "amount_paid", "amount_refunded", "discount", "credits", "tax"}
LABELS = {
    "amount_due": "Left to pay",
    "amount_paid": "Paid",
    "amount_refunded": "Refunded",
    "further_totals": "Totals in further units",
    "balances": "Left in the account",
    "provider_status": "Provider's status",
    "number": "Number",
    "replaces": "Replaces",
    "replaced_by": "Replaced by",
    "po_number": "PO number",
    "billed_to": "Billed to",
    "billed_by": "Billed by",
    "outside_copy": "Copy outside",
    "credit_items": "Credits, item by item",
    "discounts": "Discounts, item by item",
    "taxes": "Taxes, item by item",
    "has_pdf": "PDF to be had",
    "updated_at": "Updated at the provider",
    "created_at": "Created at the provider",
    "listed_on": "Listed on",
    "listed_by": "Listed under",
    "livemode": "Live",
    "subscription_id": "Subscription",
    "payload": "The record could not be read before",
    "further_changes": "Further changes, not listed",
    "lines": "Line",
    "lines.amount": "Line amount",
    "lines.quantity": "Line quantity",
    "lines.unit_price": "Line unit price",
    "lines.unit": "Line unit",
    "lines.counts": "Line counts towards the subtotal",
    "lines.period_start": "Line period starts",
    "lines.period_end": "Line period ends",
    "lines.kind": "Line kind",
    "lines.text": "Line text",
    "lines.details": "What a line holds inside changed",
    "customer.name": "Customer's name",
    "customer.email": "Customer's e-mail",
    "customer.reference": "Customer's reference",
}
FIGURES = {"lines.amount", "lines.unit_price", "lines.quantity"}
WORDS = {"status": Status, "payment_status": Payment, "listed_by": ListedBy}
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


def told(changes: list[dict[str, Any]], unit: str) -> list[Change]:
    """The recorded changes for reading. `unit` is the invoice's own, in which its amounts are."""
    return [told_change(change, unit) for change in changes]


def told_change(change: dict[str, Any], unit: str) -> Change:
    field, before, after = change["field"], change.get("before"), change.get("after")
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


def versions(invoice: Invoice) -> list[VersionTold]:
    """Every version, newest first."""
    return list(_versions(invoice))


def _versions(invoice: Invoice) -> Iterator[VersionTold]:
    for version in invoice.versions.defer("payload").order_by("-number"):
        changes = told(version.changes, invoice.currency)
        yield VersionTold(
            version=version,
            changes=changes[:AT_FIRST],
            further=changes[AT_FIRST:],
            is_current=version.number == invoice.version,
            is_first=version.number == 1,
        )


def changes_since(invoice: Invoice, number: int) -> list[Change]:
    """Everything that changed after version `number`, newest version first."""
    later = invoice.versions.filter(number__gt=number).order_by("-number").values_list("changes", flat=True)
    return [change for changes in later for change in told(changes, invoice.currency)]


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
        return "yes" if value else "no"
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
