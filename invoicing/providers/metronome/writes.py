"""What Metronome is asked to change, and what its answer to that claims.

| name | arguments |
|---|---|
| void_invoice, regenerate_invoice | none |
| move_issue_date | issue_date: a day (midnight UTC is meant) or a full instant |

Errors: NotUnderstood for an answer that is not as promised.
"""

from collections.abc import Mapping
from typing import Any

from invoicing.providers.base import Answer, Request, Said
from invoicing.providers.errors import NotUnderstood, Unsupported


def request(name: str, external_id: str, arguments: Mapping[str, Any]) -> Request:
    if name in ("void_invoice", "regenerate_invoice"):
        return Request(body={"id": external_id})
    if name == "move_issue_date":
        day = arguments["issue_date"]
        instant = f"{day}T00:00:00Z" if len(day) == len("2026-08-05") else day
        return Request(body={"invoice_id": external_id, "issue_date": instant})
    raise Unsupported(f"Metronome has no such change: {name}.")


def said(name: str, answer: Answer, external_id: str) -> Said:
    """Metronome answers with an id and nothing else: the same one, or that of the new invoice."""
    payload = answer.json()
    data = payload.get("data") if isinstance(payload, dict) else None
    found = data.get("id") if isinstance(data, dict) else None
    if not isinstance(found, str) or not found:
        raise NotUnderstood("Metronome did not answer with an invoice's id.", status=answer.status)
    if name == "regenerate_invoice":
        if found == external_id:
            raise NotUnderstood("Metronome answered with the old invoice, not a new one.", status=answer.status)
        return Said(outcome="done", created=found)
    if name not in ("void_invoice", "move_issue_date"):
        raise Unsupported(f"Metronome has no such change: {name}.")
    if found != external_id:
        raise NotUnderstood("Metronome answered with another invoice.", status=answer.status)
    return Said(outcome="done")
