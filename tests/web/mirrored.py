"""Invoices in the mirror, made from the providers' example bodies without a wire."""

import copy
import json
from pathlib import Path

from django.utils import timezone

from invoicing.mirror.apply import Mirror
from invoicing.models import Invoice
from invoicing.providers import strict_json

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>\'" hx-get=/evil {{ 7 }} {% now %}'


def body(name: str) -> dict:
    """An example body, its numbers exact."""
    read = strict_json.loads((EXAMPLES / f"{name}.json").read_bytes())
    return read["data"] if set(read) == {"data"} else read


def changed(payload: dict, **fields) -> dict:
    return {**copy.deepcopy(payload), **fields}


def mirrored(connection, payload, *, read_at=None, source="sync") -> Invoice:
    """The invoice as our mirror has it once this payload was read, its customer before it."""
    at = read_at or timezone.now()
    if connection.provider == "orb" and not connection.customers.exists():
        Mirror(connection).customers([strict_json.dumps(body("orb_customer"))], read_started_at=at)
    applied = Mirror(connection).invoice(payload, read_started_at=at, source=source)
    return Invoice.objects.select_related("connection", "customer").get(pk=applied.ids[0])


def everywhere(value, text: str):
    """The payload with `text` in every free text, as a customer or a broken provider could put it there."""
    kept = {"id", "status", "currency", "type", "price_type", "model_type", "timezone", "invoice_source"}

    def put(item, name=""):
        if isinstance(item, dict):
            return {key: put(each, key) for key, each in item.items()}
        if isinstance(item, list):
            return [put(each, name) for each in item]
        free = (
            isinstance(item, str) and name not in kept and not name.endswith(("_at", "_date", "_id", "_type", "_url"))
        )
        return f"{item}{text}" if free and not _is_figure(item) else item

    return put(copy.deepcopy(value))


def _is_figure(text: str) -> bool:
    try:
        return json.loads(text) is not None
    except ValueError:
        return len(text) >= 10 and text[4:5] == "-"
