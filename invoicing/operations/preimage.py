"""What a person saw when they asked, and whether it still holds just before it is sent."""

import hashlib
import json
from typing import Any

from invoicing.models import Invoice
from invoicing.money import exact_text
from invoicing.operations.targets import About
from invoicing.operations.verb import Verb

LABELS = {
    "provider_status": "Status",
    "total": "Total",
    "subtotal": "Subtotal",
    "amount_due": "Amount due",
    "amount_paid": "Amount paid",
    "currency": "Currency",
    "lines": "Lines",
}
"""What must still hold. A changed note or e-mail address does not stop anything; money, status and lines do."""


def seen(about: About, verb: Verb) -> dict[str, Any]:
    """What it is about as it was shown: JSON-ready, amounts as text. `before` is what this verb alone compares with."""
    shown = _invoice(about) if isinstance(about, Invoice) else {}
    before = verb.before(about)
    return shown | {"before": before} if before else shown


def _invoice(invoice: Invoice) -> dict[str, Any]:
    lines = hashlib.sha256()
    for line in invoice.lines.select_related("text").order_by("position"):
        amounts = [_text(value) for value in (line.quantity, line.unit_price, line.amount)]
        lines.update(json.dumps([line.text.text, line.unit, *amounts]).encode())
    return {
        "provider_status": invoice.provider_status,
        "total": _text(invoice.total),
        "subtotal": _text(invoice.subtotal),
        "amount_due": _text(invoice.amount_due),
        "amount_paid": _text(invoice.amount_paid),
        "currency": invoice.currency,
        "lines": lines.hexdigest(),
        "version": invoice.version,
        "provider_updated_at": invoice.provider_updated_at.isoformat() if invoice.provider_updated_at else None,
    }


def digest(shown: dict[str, Any]) -> str:
    held = {name: shown.get(name) for name in (*LABELS, "before")}
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Sentences naming what no longer is as it was seen; empty when it all holds."""
    found = []
    for name, label in LABELS.items():
        if name in before and before[name] != now.get(name):
            found.append(label if name == "lines" else f"{label} was {before.get(name)}, is {now.get(name)}")
    one, other = before.get("before", {}), now.get("before", {})
    found += [label for label in one | other if one.get(label) != other.get(label) and label not in found]
    return found


def _text(amount) -> str | None:
    return None if amount is None else exact_text(amount)
