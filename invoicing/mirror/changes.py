"""What changed between two snapshots of an invoice: money first, then what the document is, then the rest, then lines."""

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
UNSPOKEN = {"provider", "external_id", "lines", "handles", "links"}
REST = tuple(
    field.name for field in fields(InvoiceSnapshot) if field.name not in {*MONEY, *STANDING, *UNSPOKEN, "customer"}
)
OF_CUSTOMER = ("name", "email", "reference")
OF_LINE = ("amount", "quantity", "unit_price", "unit", "counts", "period_start", "period_end", "kind")
INSIDE_LINE = ("sub_lines", "tiers", "adjustments", "taxes", "facts", "group", "quantity_unit")
MOST = 200


def changes(before: InvoiceSnapshot, after: InvoiceSnapshot) -> list[dict[str, Any]]:
    """[{"field", "before", "after"}], JSON-ready; a line's entry also names the line. Endless lists end with a count."""
    found = list(_all(before, after))
    if len(found) > MOST:
        found = [*found[:MOST], _change("further_changes", None, len(found) - MOST)]
    return found


def _all(before: InvoiceSnapshot, after: InvoiceSnapshot) -> Iterator[dict[str, Any]]:
    for name in (*MONEY, *STANDING):
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
        for name in OF_LINE:
            if getattr(known, name) != getattr(line, name):
                yield _change(f"lines.{name}", getattr(known, name), getattr(line, name), line.text)
        if known.text != line.text:
            yield _change("lines.text", known.text, line.text, line.text)
        if any(getattr(known, name) != getattr(line, name) for name in INSIDE_LINE):
            yield _change("lines.details", None, None, line.text)


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
