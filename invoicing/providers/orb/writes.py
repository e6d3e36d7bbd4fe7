"""What Orb is asked to change, and what its answer to that claims.

Arguments: amounts, prices and quantities as text; days as "2026-10-01", meant in the customer's time zone.

| name | arguments ("?" may be left out) |
|---|---|
| void_invoice, finalize_invoice, regenerate_pdf | none |
| mark_paid | payment_received_date, external_id?, notes? |
| pay_invoice | shared_payment_token_id? |
| add_line | name?, item_id? (one of them), amount, quantity, start_date, end_date |
| remove_line | line_item_id |
| update_invoice | any of metadata, net_terms, due_date, auto_collection, invoice_date |
| create_invoice | customer_id, currency, invoice_date, lines, net_terms? or due_date?, memo?, metadata?, will_auto_issue?, auto_collection?, discount_percent? |
| upcoming_invoice | subscription_id |

A line of create_invoice: text, quantity, unit_price, item_id, period_start, period_end.

Errors: ValueError for arguments that Orb is known to refuse; NotUnderstood for an answer that is not as promised.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from invoicing.money import EXACT, exact_text, parse_amount
from invoicing.providers.base import Answer, Request, Said
from invoicing.providers.errors import NotUnderstood, Unsupported

UPDATABLE = ("metadata", "net_terms", "due_date", "auto_collection", "invoice_date")
SETTLED = ("issued", "synced", "paid")  # an issue can be followed by payment at once


def request(name: str, external_id: str, arguments: Mapping[str, Any]) -> Request:
    path = {"invoice_id": external_id}
    if name in ("void_invoice", "regenerate_pdf"):
        return Request(path=path)
    if name == "finalize_invoice":  # synchronously it works only without usage fees
        return Request(path=path, body={"synchronous": False})
    if name == "mark_paid":
        body = {"payment_received_date": arguments["payment_received_date"]}
        return Request(path=path, body=body | _given(arguments, "external_id", "notes"))
    if name == "pay_invoice":
        return Request(path=path, body=_given(arguments, "shared_payment_token_id"))
    if name == "add_line":
        return Request(body=_added_line(external_id, arguments))
    if name == "remove_line":
        return Request(path=path | {"line_item_id": arguments["line_item_id"]})
    if name == "update_invoice":
        return Request(path=path, body=_changes(arguments))
    if name == "create_invoice":
        return Request(body=_one_off(arguments))
    if name == "upcoming_invoice":
        return Request(query=(("subscription_id", arguments.get("subscription_id") or external_id),))
    raise Unsupported(f"Orb has no such change: {name}.")


def _given(arguments: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: arguments[name] for name in names if arguments.get(name) not in (None, "")}


def _changes(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Only what is sent changes. `metadata: null` would clear all of it, so a missing map is not sent as null."""
    body = {name: arguments[name] for name in UPDATABLE if arguments.get(name) is not None}
    if not body:
        raise ValueError("There is nothing to change.")
    return body


def _added_line(invoice_id: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The amount is of the whole line. A name alone makes Orb look up or create an item of that name."""
    named = _given(arguments, "name", "item_id")
    if not named:
        raise ValueError("A line needs a name or an item.")
    return {
        "invoice_id": invoice_id,
        **named,
        "amount": exact_text(parse_amount(arguments["amount"])),
        "quantity": _number(arguments.get("quantity") or "1"),
        "start_date": arguments["start_date"],
        "end_date": arguments["end_date"],
    }


def _one_off(arguments: Mapping[str, Any]) -> dict[str, Any]:
    if arguments.get("net_terms") not in (None, "") and arguments.get("due_date"):
        raise ValueError("Orb takes net terms or a due date, not both.")
    body: dict[str, Any] = {
        "customer_id": arguments["customer_id"],
        "currency": arguments["currency"],
        "invoice_date": arguments["invoice_date"],
        "will_auto_issue": bool(arguments.get("will_auto_issue")),  # true and dated today: issued while it is created
        "line_items": [_line(line) for line in arguments["lines"]],
        **_given(arguments, "memo", "due_date", "auto_collection", "metadata"),
    }
    if arguments.get("net_terms") not in (None, ""):
        body["net_terms"] = int(arguments["net_terms"])
    if arguments.get("discount_percent"):
        share = EXACT.divide(parse_amount(arguments["discount_percent"]), Decimal(100))
        body["discount"] = {"discount_type": "percentage", "percentage_discount": share}
    return body


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    if not line.get("item_id"):
        raise ValueError("A line of an Orb invoice needs one of Orb's items.")
    return {
        "name": line["text"],
        "item_id": line["item_id"],
        "quantity": _number(line.get("quantity") or "1"),
        "start_date": line["period_start"],
        "end_date": line["period_end"],
        "model_type": "unit",
        "unit_config": {"unit_amount": exact_text(parse_amount(line["unit_price"])), "prorated": False},
    }


def _number(text: str) -> int | Decimal:
    """Orb wants quantities as JSON numbers."""
    number = parse_amount(text)
    return int(number) if number == number.to_integral_value() else number


def said(name: str, answer: Answer, external_id: str) -> Said:
    if name == "remove_line":
        if answer.status != 204:
            raise NotUnderstood("Orb did not say that the line is gone.", status=answer.status)
        return Said(outcome="done")
    payload = answer.json()
    if not isinstance(payload, dict):
        raise NotUnderstood("Orb did not answer with a record.", status=answer.status)
    if name == "add_line":
        if not all(isinstance(payload.get(field), str) and payload[field] for field in ("id", "amount", "name")):
            raise NotUnderstood("Orb did not answer with the line.", status=answer.status)
        return Said(outcome="done", facts={"line_item_id": payload["id"], "amount": payload["amount"]})
    status = _status(payload, answer.status)
    if name in ("create_invoice", "upcoming_invoice"):
        return Said(outcome="done", invoice=payload, created=payload["id"] if name == "create_invoice" else "")
    if payload["id"] != external_id:
        raise NotUnderstood("Orb answered with another invoice.", status=answer.status)
    outcome = _outcome(name, status)
    if outcome is None:
        raise NotUnderstood(f"Orb answered with an invoice that is {status[:40]}.", status=answer.status)
    return Said(outcome=outcome, invoice=payload, facts={"status": status[:40]})


def _status(payload: Mapping[str, Any], http_status: int) -> str:
    """The status of what is an invoice and nothing else. An error with a 200 has none of these fields."""
    whole = all(isinstance(payload.get(field), str) and payload[field] for field in ("id", "status", "currency"))
    if (
        not whole
        or payload.get("total") is None
        or not isinstance(payload.get("customer"), dict)
        or not isinstance(payload.get("line_items"), list)
    ):
        raise NotUnderstood("Orb did not answer with an invoice.", status=http_status)
    return payload["status"]


def _outcome(name: str, status: str) -> Any:
    """What the invoice's status after the call proves. A draft after an issue, an unpaid one after a charge: it is under way."""
    if name in ("regenerate_pdf", "update_invoice"):
        return "done"
    done = {"void_invoice": ("void",), "finalize_invoice": SETTLED, "mark_paid": ("paid",), "pay_invoice": ("paid",)}
    under_way = {"finalize_invoice": ("draft",), "pay_invoice": ("issued",)}
    if name not in done:
        raise Unsupported(f"Orb has no such change: {name}.")
    return "done" if status in done[name] else "accepted" if status in under_way.get(name, ()) else None
