"""What people and the desk did about one invoice: its operations, and the audit trail's entries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing.models import AuditEntry, Invoice, Operation
from invoicing.operations.registry import VERBS
from invoicing.web.sentences import said

PAGE = 60
DID = {  # the second half of an audit action
    "requested": (gettext_lazy("asked for"), "send"),
    "approved": (gettext_lazy("approved"), "check"),
    "not_requested": (gettext_lazy("refused before anything was sent"), "ban"),
    "refused": (gettext_lazy("refused"), "ban"),
    "not_sent": (gettext_lazy("not sent, to be tried again"), "clock"),
    "later": (gettext_lazy("put off by the provider, to be tried again"), "clock"),
    "done": (gettext_lazy("done, says the provider"), "check"),
    "accepted": (gettext_lazy("accepted by the provider, not done yet"), "hourglass"),
    "unknown": (gettext_lazy("sent, with an outcome nobody knows yet"), "circle-help"),
    "read_back": (gettext_lazy("read back"), "eye"),
    "cancelled": (gettext_lazy("called back"), "x"),
}
OTHER = {
    "document.kept": (gettext_lazy("PDF kept"), "file-check"),
    "invoice.refreshed": (gettext_lazy("Read again"), "refresh-cw"),
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
        return Entry(entry, f"{said(VERBS[verb].name)}: {words}", icon, _details(entry), operation)
    what, icon = OTHER.get(entry.action, (entry.action.replace(".", ": ").replace("_", " ").capitalize(), "circle-dot"))
    return Entry(entry, what, icon, _details(entry), operation)


def _details(entry: AuditEntry) -> list[tuple[str, str]]:
    """The facts worth a line: what was said, seen, kept."""
    facts = entry.facts
    named = (
        (_("Why not"), facts.get("why")),
        (_("Seen"), facts.get("saw")),
        (_("Said"), facts.get("said")),
        ("HTTP", facts.get("status")),
        (_("Attempt"), facts.get("attempt")),
        ("SHA-256", facts.get("sha256")),
    )
    return [(label, str(value)) for label, value in named if value not in (None, "")]
