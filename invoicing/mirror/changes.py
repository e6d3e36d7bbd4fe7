"""What changed between two snapshots of an invoice: money first, then what the document is, dates, lines, the rest."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from invoicing.mirror.rows import json_ready
from invoicing.providers.snapshots import InvoiceSnapshot, LineSnapshot

MONEY = (
    *("total", "subtotal", "amount_due", "amount_paid", "amount_refunded", "discount", "credits", "tax", "currency"),
    *("further_totals", "balances"),
)
STANDING = ("status", "payment_status", "provider_status", "number", "replaces", "replaced_by")
DATES = (
    *("issued_at", "planned_issue_at", "due_date", "finalized_at", "voided_at", "paid_at"),
    *("period_start", "period_end", "timezone"),
)
UNSPOKEN = {"provider", "external_id", "lines", "handles", "links"}
REST = tuple(
    field.name
    for field in fields(InvoiceSnapshot)
    if field.name not in {*MONEY, *STANDING, *DATES, *UNSPOKEN, "customer"}
)
OF_CUSTOMER = ("name", "email", "reference")
OF_LINE = ("amount", "quantity", "unit_price", "unit", "counts", "period_start", "period_end", "kind")
INSIDE_LINE = ("sub_lines", "tiers", "adjustments", "taxes", "facts", "group", "quantity_unit")
PRICED = ("amount", "unit_price")
MOST = 200


def changes(before: InvoiceSnapshot, after: InvoiceSnapshot, *, most: int = MOST) -> list[dict[str, Any]]:
    """[{"field", "before", "after"}], JSON-ready; a line's entry also names the line. Endless lists end with a count."""
    found = list(_all(before, after))
    if len(found) > most:
        found = [*found[:most], _change("further_changes", None, len(found) - most)]
    return found


def alike(before: InvoiceSnapshot, after: InvoiceSnapshot) -> dict[str, Any]:
    """What both say the same of, by field, JSON-ready; what neither says is left out."""
    names = (*MONEY, *STANDING, *DATES, *REST)
    found = {name: json_ready(getattr(after, name)) for name in names if getattr(before, name) == getattr(after, name)}
    for name in OF_CUSTOMER:
        if getattr(before.customer, name) == getattr(after.customer, name):
            found[f"customer.{name}"] = getattr(after.customer, name)
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def line_keys(before: InvoiceSnapshot, after: InvoiceSnapshot) -> tuple[int, int, int]:
    """How many lines came, went, and are in both."""
    old, new = _by_key(before.lines), _by_key(after.lines)
    return len(new.keys() - old.keys()), len(old.keys() - new.keys()), len(old.keys() & new.keys())


def lines_alike(before: InvoiceSnapshot, after: InvoiceSnapshot) -> int:
    """How many lines are the same in both, wherever they stand."""
    old, new = _by_key(before.lines), _by_key(after.lines)
    return sum(key in old and _differing(old[key], line) == [] for key, line in new.items())


def _all(before: InvoiceSnapshot, after: InvoiceSnapshot) -> Iterator[dict[str, Any]]:
    for name in (*MONEY, *STANDING, *DATES):
        if getattr(before, name) != getattr(after, name):
            yield _change(name, getattr(before, name), getattr(after, name))
    yield from _lines(before.lines, after.lines)
    for name in OF_CUSTOMER:
        if getattr(before.customer, name) != getattr(after.customer, name):
            yield _change(f"customer.{name}", getattr(before.customer, name), getattr(after.customer, name))
    for name in REST:
        if getattr(before, name) != getattr(after, name):
            yield _change(name, getattr(before, name), getattr(after, name))


def _lines(before: tuple[LineSnapshot, ...], after: tuple[LineSnapshot, ...]) -> Iterator[dict[str, Any]]:
    old, new = _by_key(before), _by_key(after)
    for key, line in old.items():
        if key not in new:
            yield _change("lines", _told(line), None, line.text)
    for key, line in new.items():
        known = old.get(key)
        if known is None:
            yield _change("lines", None, _told(line), line.text)
            continue
        yield from _differing(known, line)


def _differing(known: LineSnapshot, line: LineSnapshot) -> list[dict[str, Any]]:
    found = []
    for name in OF_LINE:
        if getattr(known, name) != getattr(line, name):
            entry = _change(f"lines.{name}", getattr(known, name), getattr(line, name), line.text)
            found.append(entry | {"unit": line.unit} if name in PRICED and known.unit == line.unit else entry)
    if known.text != line.text:
        found.append(_change("lines.text", known.text, line.text, line.text))
    if any(getattr(known, name) != getattr(line, name) for name in INSIDE_LINE):
        found.append(_change("lines.details", None, None, line.text))
    return found


def _by_key(lines: tuple[LineSnapshot, ...]) -> dict[tuple, LineSnapshot]:
    """Lines by what tells them apart: the provider's id, else text and group; equals are told apart by their order."""
    met: Counter = Counter()
    keyed = {}
    for line in lines:
        key = (line.external_id,) if line.external_id else (line.text, line.group, line.unit, line.kind)
        keyed[*key, met[key]] = line
        met[key] += 1
    return keyed


def _told(line: LineSnapshot) -> str:
    return f"{json_ready(line.amount) if line.amount is not None else '—'} {line.unit}"


def _change(name: str, before: Any, after: Any, line: str = "") -> dict[str, Any]:
    entry = {"field": name, "before": json_ready(before), "after": json_ready(after)}
    return entry | {"line": line} if line else entry
