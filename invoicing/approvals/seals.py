"""What exactly is signed, its digest, and how two contents differ: money first."""

import hashlib
import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from invoicing.approvals.policies import Amount
from invoicing.models import Invoice, Operation
from invoicing.money import exact_text

Change = list[str]  # [what, before, after, unit]
SHOWN_LINES = 400
AMOUNTS_IN = ("amount",)  # names of arguments that are amounts of the invoice's currency


def digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def content_of(operation: Operation, seen: dict[str, Any]) -> dict[str, Any]:
    """What an approval of this operation signs. `seen`: the invoice as it is to be when it is sent."""
    connection, invoice = operation.connection, operation.invoice
    return {
        "connection": connection.pk,
        "provider": connection.provider,
        "environment": connection.environment,
        "external_id": operation.external_id,
        "verb": operation.verb,
        "arguments": operation.arguments,
        "reason": operation.reason,
        "reference": operation.reference,
        "seen": seen,
        "version_hash": _version_hash(invoice) if invoice else "",
        "lines": _lines(invoice) if invoice else [],
        "amounts": [[None if figure is None else exact_text(figure), unit] for figure, unit in amounts_of(operation)],
    }


def is_of(content: dict[str, Any], operation: Operation) -> bool:
    """Whether the row that would be sent is the one that was signed."""
    held = ("connection", "external_id", "verb", "arguments", "reason", "reference", "seen")
    row = [operation.connection_id, *(getattr(operation, name) for name in held[1:])]
    return json.dumps([content.get(name) for name in held], sort_keys=True) == json.dumps(row, sort_keys=True)


def is_row_of(content: dict[str, Any], operation: Operation) -> bool:
    """The same for a row of a batch, which was signed as a whole."""
    row = [operation.invoice_id, operation.connection_id, operation.external_id, operation.seen_digest]
    rows = [[pk, connection, external_id, shown] for pk, connection, external_id, _version, shown in content["rows"]]
    return row in rows and (content["verb"], content["arguments"]) == (operation.verb, operation.arguments)


def amounts_of(operation: Operation) -> tuple[Amount, ...]:
    return amounts_in(operation.invoice, operation.arguments)


def amounts_in(invoice: Invoice | None, arguments: dict[str, Any]) -> tuple[Amount, ...]:
    """What an operation is about: the invoice's totals, each in its unit, and amounts among the arguments.

    Without an invoice, what its lines come to; nothing where that cannot be known.
    """
    found: list[Amount] = []
    if invoice is not None:
        found.append((invoice.total, invoice.currency))
        found += [(each.total, each.unit) for each in invoice.further_totals.all()]
    return (*found, *(amount for _name, amount in argued(invoice, arguments)))


def argued(invoice: Invoice | None, arguments: dict[str, Any]) -> list[tuple[str, Amount]]:
    """The amounts among the arguments alone, each with the name of its argument."""
    unit = invoice.currency if invoice is not None else str(arguments.get("currency", ""))
    found: list[tuple[str, Amount]] = []
    found += [(name, (Decimal(str(arguments[name])), unit)) for name in AMOUNTS_IN if arguments.get(name)]
    lines = arguments.get("lines")
    if isinstance(lines, list) and lines:
        total = sum((Decimal(each["quantity"]) * Decimal(each["unit_price"]) for each in lines), Decimal(0))
        found.append(("lines", (total, unit)))
    return found


def _version_hash(invoice: Invoice) -> str:
    return bytes(invoice.content_hash).hex() or hashlib.sha256(f"{invoice.pk}:{invoice.version}".encode()).hexdigest()


def _lines(invoice: Invoice) -> list[list[str]]:
    rows = invoice.lines.select_related("text").order_by("position")[:SHOWN_LINES]
    return [
        [each.text.text, _text(each.quantity), _text(each.unit_price), _text(each.amount), each.unit] for each in rows
    ]


def _text(amount: Decimal | None) -> str:
    return "" if amount is None else exact_text(amount)


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """How one content differs from another, in the order one should read it."""
    one, other = before.get("seen", {}), after.get("seen", {})
    unit = str(other.get("currency") or one.get("currency") or "")
    found: list[Change] = []
    for name, label, of in (
        ("total", _("Total"), unit),
        ("subtotal", _("Subtotal"), unit),
        ("amount_due", _("Amount due"), unit),
        ("amount_paid", _("Amount paid"), unit),
        ("currency", _("Currency"), ""),
        ("provider_status", _("Status"), ""),
    ):
        if name in one and one.get(name) != other.get(name):
            found.append([label, _said(one.get(name)), _said(other.get(name)), of])
    found += _line_changes(before.get("lines", []), after.get("lines", []))
    for name, label in (("reason", _("Reason")), ("reference", _("Reference"))):
        if before.get(name) != after.get(name):
            found.append([label, _said(before.get(name)), _said(after.get(name)), ""])
    was, is_ = one.get("before", {}) or {}, other.get("before", {}) or {}
    found += [
        [name, _said(was.get(name)), _said(is_.get(name)), ""] for name in was | is_ if was.get(name) != is_.get(name)
    ]
    if before.get("arguments") != after.get("arguments"):
        old, new = before.get("arguments", {}), after.get("arguments", {})
        found += [
            [name, _said(old.get(name)), _said(new.get(name)), ""]
            for name in old | new
            if old.get(name) != new.get(name)
        ]
    return found


def _line_changes(before: list[list[str]], after: list[list[str]]) -> list[Change]:
    """Lines that came, went or changed; those with the same text are compared in their order."""
    groups: dict[str, tuple[list[list[str]], list[list[str]]]] = defaultdict(lambda: ([], []))
    for side, rows in enumerate((before, after)):
        for row in rows:
            groups[row[0]][side].append(row)
    found = []
    for text, (old, new) in groups.items():
        for at in range(max(len(old), len(new))):
            was, is_ = (rows[at] if at < len(rows) else None for rows in (old, new))
            if was == is_:
                continue
            unit = (is_ or was or [""])[-1]
            label = _("Line: %(text)s") % {"text": text[:120]}
            found.append([label, was[3] if was else "", is_[3] if is_ else "", unit])
            if was and is_ and was[3] == is_[3]:
                found[-1][1:] = [f"{was[1]} × {was[2]}", f"{is_[1]} × {is_[2]}", ""]
    return found


def _said(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
