"""What people and the desk did about one invoice: its operations, and the audit trail's entries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invoicing.models import AuditEntry, Invoice, Operation
from invoicing.operations.registry import VERBS

PAGE = 60
DID = {  # the second half of an audit action
    "requested": ("asked for", "send"),
    "approved": ("approved", "check"),
    "not_requested": ("refused before anything was sent", "ban"),
    "refused": ("refused", "ban"),
    "not_sent": ("not sent, to be tried again", "clock"),
    "later": ("put off by the provider, to be tried again", "clock"),
    "done": ("done, says the provider", "check"),
    "accepted": ("accepted by the provider, not done yet", "hourglass"),
    "unknown": ("sent, with an outcome nobody knows yet", "circle-help"),
    "read_back": ("read back", "eye"),
    "cancelled": ("called back", "x"),
}
OTHER = {
    "document.kept": ("PDF kept", "file-check"),
    "invoice.refreshed": ("Read again", "refresh-cw"),
}


@dataclass(frozen=True)
class Entry:
    """One audit entry for reading."""

    entry: AuditEntry
    what: str
    icon: str
    details: list[tuple[str, str]]
    operation: Operation | None = None


def of_tab(invoice: Invoice, *, before: int | None = None, until: datetime | None = None) -> dict[str, Any]:
    """The newest entries, or those before a sequence number; and every operation of this invoice. None later than `until`."""
    asked = invoice.operations.select_related("requester", "connection").order_by("-created_at")
    operations = list((asked.filter(created_at__lte=until) if until else asked)[:200])
    known = {f"operation:{operation.pk}": operation for operation in operations}
    entries = AuditEntry.objects.filter(target__in=[f"invoice:{invoice.pk}", *known]).order_by("-sequence")
    if before is not None:
        entries = entries.filter(sequence__lt=before)
    if until is not None:
        entries = entries.filter(at__lte=until)
    found = list(entries[: PAGE + 1])
    return {
        "operations": operations,
        "entries": [told(entry, known.get(entry.target)) for entry in found[:PAGE]],
        "older": found[PAGE - 1].sequence if len(found) > PAGE else None,
    }


def told(entry: AuditEntry, operation: Operation | None = None) -> Entry:
    verb, _, did = entry.action.rpartition(".")
    if verb in VERBS and did in DID:
        words, icon = DID[did]
        return Entry(entry, f"{VERBS[verb].name}: {words}", icon, _details(entry), operation)
    what, icon = OTHER.get(entry.action, (entry.action.replace(".", ": ").replace("_", " ").capitalize(), "circle-dot"))
    return Entry(entry, what, icon, _details(entry), operation)


def _details(entry: AuditEntry) -> list[tuple[str, str]]:
    """The facts worth a line: what was said, seen, kept."""
    facts = entry.facts
    named = (
        ("Why not", facts.get("why")),
        ("Seen", facts.get("saw")),
        ("Said", facts.get("said")),
        ("HTTP", facts.get("status")),
        ("Attempt", facts.get("attempt")),
        ("SHA-256", facts.get("sha256")),
    )
    return [(label, str(value)) for label, value in named if value not in (None, "")]
