"""What FlexPrice is asked to change, and what its answer to that claims.

Arguments: amounts as text, days as "2026-10-01" (midnight UTC is meant) or full instants.
Errors: ValueError for arguments that FlexPrice is known to refuse; NotUnderstood for an answer that is not as promised.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from invoicing.money import exact_text, parse_amount, total_of
from invoicing.providers.base import Answer, Request, Said
from invoicing.providers.errors import NotUnderstood, Unsupported

SETTABLE_PAYMENTS = ("PENDING", "SUCCEEDED", "FAILED", "OVERPAID")  # REFUNDED is documented and always refused
ON_CUSTOMER = ("customer_summary",)
WITHOUT_BODY = ("finalize_invoice", "attempt_payment", "trigger_communication", "customer_summary")
RECALCULATIONS = ("recalculate_invoice", "recalculate_draft", "void_and_replace")
OPERATION_MARK = "invoice_desk_operation"  # the metadata key that proves a void to be ours


def request(name: str, external_id: str, arguments: Mapping[str, Any]) -> Request:
    path = {"customer_id" if name in ON_CUSTOMER else "invoice_id": external_id}
    if name in WITHOUT_BODY:
        return Request(path=path)
    if (
        name in RECALCULATIONS
    ):  # left out, the server finalizes; sent to void_and_replace too, lest it reach an older one
        return Request(path=path, query=(("finalize", "false"),))
    if name == "void_invoice":
        metadata = dict(arguments.get("metadata") or {})
        if arguments.get("operation_id"):
            metadata[OPERATION_MARK] = str(arguments["operation_id"])
        return Request(path=path, body={"metadata": metadata} if metadata else None)
    if name == "update_invoice":
        return Request(path=path, body=_changes(arguments))
    if name == "set_payment_status":
        return Request(path=path, body=_payment(arguments))
    if name == "create_invoice":
        return Request(body=_one_off(arguments))
    if name == "preview_invoice":
        return Request(body=_preview(arguments))
    if name == "usage_breakdown":
        groups = [("group_by", group.strip()) for group in arguments["group_by"].split(",")]
        return Request(path=path, query=(*groups, ("expand", "tax_applied.tax_rate")))
    raise Unsupported(f"FlexPrice has no such change: {name}.")


def _changes(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """`metadata` replaces the whole map at FlexPrice: give all of it."""
    body = {name: arguments[name] for name in ("invoice_pdf_url", "metadata", "apply_discount") if name in arguments}
    if arguments.get("due_date"):
        body["due_date"] = _instant(arguments["due_date"])
    if not body:
        raise ValueError("There is nothing to change.")
    return body


def _payment(arguments: Mapping[str, Any]) -> dict[str, Any]:
    word = arguments["payment_status"]
    if word not in SETTABLE_PAYMENTS:
        raise ValueError(f"FlexPrice refuses to set a payment status to {word}.")
    body: dict[str, Any] = {"payment_status": word}
    if arguments.get("amount") not in (None, ""):
        if word != "PENDING":
            raise ValueError("An amount is only taken with PENDING, as what has been paid so far.")
        body["amount"] = exact_text(parse_amount(arguments["amount"]))
    return body


def _one_off(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Without an idempotency key a repetition would bill twice; so there is always one."""
    lines = [_line(line) for line in arguments["lines"]]
    total = exact_text(total_of(Decimal(line["amount"]) for line in lines))
    body: dict[str, Any] = {
        "customer_id": arguments["customer_id"],
        "invoice_type": "ONE_OFF",
        "billing_reason": "MANUAL",
        "currency": arguments["currency"].lower(),
        "subtotal": total,
        "total": total,
        "amount_due": total,
        "idempotency_key": arguments["idempotency_key"],
        "line_items": lines,
    }
    if arguments.get("due_date"):
        body["due_date"] = _instant(arguments["due_date"])
    for name in ("description", "metadata", "coupons", "tax_rates"):
        if arguments.get(name):
            body[name] = arguments[name]
    return body


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    body = {
        "display_name": line["text"],
        "amount": exact_text(parse_amount(line["amount"])),
        "quantity": exact_text(parse_amount(line.get("quantity") or "1")),
    }
    for name in ("period_start", "period_end"):
        if line.get(name):
            body[name] = _instant(line[name])
    return body


def _preview(arguments: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"subscription_id": arguments["subscription_id"]}
    for name in ("period_start", "period_end"):
        if arguments.get(name):
            body[name] = _instant(arguments[name])
    if "hide_zero_charges_line_items" in arguments:
        body["hide_zero_charges_line_items"] = bool(arguments["hide_zero_charges_line_items"])
    return body


def _instant(text: str) -> str:
    return f"{text}T00:00:00Z" if len(text) == len("2026-10-01") else text


def said(name: str, answer: Answer, external_id: str) -> Said:
    payload = answer.json()
    if not isinstance(payload, dict) or refuses(payload):
        raise NotUnderstood("FlexPrice answered with success and said something else.", status=answer.status)
    if name in ("finalize_invoice", "void_invoice", "attempt_payment", "trigger_communication"):
        return Said(outcome="done", facts={"message": _message(payload)})
    if name == "void_and_replace":  # 202; whether it came to anything is only seen on the invoice
        if not isinstance(payload.get("workflow_id"), str) or not payload["workflow_id"]:
            raise NotUnderstood("FlexPrice did not say that it started to replace the invoice.", status=answer.status)
        return Said(outcome="accepted", facts={key: str(payload.get(key, "")) for key in ("workflow_id", "run_id")})
    if name in ("update_invoice", "set_payment_status", "recalculate_invoice", "recalculate_draft"):
        return Said(outcome="done", invoice=_invoice(payload, external_id))
    if name == "create_invoice":
        invoice = _invoice(payload)
        return Said(outcome="done", invoice=invoice, created=invoice["id"])
    if name == "preview_invoice":  # never stored: its id leads nowhere
        return Said(outcome="done", invoice=_invoice(payload))
    if name == "usage_breakdown":  # never stored: its quantities are the metered ones
        return Said(outcome="done", invoice=_invoice(payload, external_id))
    if name == "customer_summary":
        return Said(outcome="done", facts=_summary(payload, external_id))
    raise Unsupported(f"FlexPrice has no such change: {name}.")


def refuses(payload: Mapping[str, Any]) -> bool:
    """Whether this is an error of either generation, whatever the HTTP status says."""
    return (
        payload.get("success") is False or "error" in payload or ("http_status_code" in payload and "code" in payload)
    )


def _message(payload: Mapping[str, Any]) -> str:
    message = payload.get("message")
    if not isinstance(message, str) or not message.strip():
        raise NotUnderstood("FlexPrice did not say that it is done.")
    return message[:500]


def _invoice(payload: dict, external_id: str = "") -> dict:
    found = payload.get("id")
    if not isinstance(found, str) or not found or "invoice_status" not in payload:
        raise NotUnderstood("FlexPrice did not answer with an invoice.")
    if external_id and found != external_id:
        raise NotUnderstood("FlexPrice answered with another invoice.")
    return payload


def _summary(payload: Mapping[str, Any], customer_id: str) -> dict[str, str]:
    """ "EUR total_unpaid_amount" and the like, as texts with every digit."""
    rows = payload.get("summaries")
    if payload.get("customer_id") != customer_id or not isinstance(rows, list | None):
        raise NotUnderstood("FlexPrice did not answer with this customer's summary.")
    facts = {"default_currency": str(payload.get("default_currency") or "").upper()}
    for row in rows or ():
        if not isinstance(row, Mapping) or not isinstance(row.get("currency"), str):
            raise NotUnderstood("FlexPrice's summary cannot be read.")
        for key, value in row.items():
            if key not in ("currency", "customer_id") and isinstance(value, str | int | Decimal):
                facts[f"{row['currency'].upper()} {key}"] = str(value)
    return facts
