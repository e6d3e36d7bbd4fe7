"""Entries of the audit trail for reading: what was done, to which record, and what changed by it."""

import json
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing.models import AuditEntry, Connection, Invoice, User
from invoicing.web.invoice_tabs.activity import told

PAGES = {  # kind of record → the page it has, and the name of its argument
    "invoice": ("invoice", "pk"),
    "operation": ("operation", "pk"),
    "customer": ("customer", "pk"),
    "connection": ("connection", "pk"),
    "approval": ("approval", "pk"),
    "batch": ("batch", "pk"),
    "user": ("person", "pk"),
    "policy": ("policy", "number"),
}
KINDS = {
    "invoice": gettext_lazy("Invoice"),
    "operation": gettext_lazy("Operation"),
    "customer": gettext_lazy("Customer"),
    "connection": gettext_lazy("Connection"),
    "approval": gettext_lazy("Approval"),
    "batch": gettext_lazy("Batch"),
    "user": gettext_lazy("Person"),
    "policy": gettext_lazy("Policy"),
    "export": gettext_lazy("Export"),
    "role": gettext_lazy("Role"),
    "view": gettext_lazy("View"),
    "brake": gettext_lazy("Switch"),
    "audit": gettext_lazy("Audit trail"),
}
WHAT = {
    "sign_in.done": gettext_lazy("Signed in"),
    "sign_in.ended": gettext_lazy("Signed out"),
    "sign_in.failed": gettext_lazy("Sign-in failed"),
    "sign_in.held_back": gettext_lazy("Sign-in held back"),
    "access.refused": gettext_lazy("Refused at the door"),
    "access.more_refused": gettext_lazy("Refused many times"),
    "audit.verified": gettext_lazy("Audit trail verified"),
    "audit.broken": gettext_lazy("Audit trail does not hold"),
    "audit.exported": gettext_lazy("Audit trail exported"),
    "audit.checkpoints_set_aside": gettext_lazy("Checkpoints set aside"),
    "evidence.asked": gettext_lazy("Evidence pack asked for"),
    "evidence.written": gettext_lazy("Evidence pack written"),
}
"""Actions whose own words read badly."""


@dataclass(frozen=True)
class Row:
    """One entry for reading."""

    entry: AuditEntry
    what: str
    kind: str = ""
    about: str = ""  # the record in words
    url: str = ""
    of: str = ""  # the connection's name


def rows_of(entries: list[AuditEntry]) -> list[Row]:
    """Entries with the names of what they are about; three queries however many there are."""
    invoices = Invoice.objects.filter(pk__in={each.of_invoice for each in entries} - {None}).select_related("customer")
    numbers = {each.pk: f"{each.number or each.external_id} · {each.customer.name}" for each in invoices}
    connections = Connection.objects.filter(pk__in={each.of_connection for each in entries} - {None})
    names = dict(connections.values_list("pk", "name"))
    keys = {each.target.partition(":")[2] for each in entries if each.target.startswith("user:")}
    people = {str(each.pk): str(each) for each in User.objects.filter(pk__in=[key for key in keys if key.isdecimal()])}
    return [_row(each, numbers, names, people) for each in entries]


def _row(entry: AuditEntry, numbers: dict[int, str], names: dict[int, str], people: dict[str, str]) -> Row:
    said = told(entry)
    kind, _colon, key = entry.target.partition(":")
    connection = names.get(entry.of_connection or 0, "")
    about = {"connection": connection, "user": people.get(key, "")}.get(kind) or numbers.get(entry.of_invoice or 0, "")
    return Row(
        entry,
        str(WHAT.get(entry.action, said.what)),
        str(KINDS.get(kind, kind.capitalize())),
        about or key[:60],
        _address(kind, key),
        connection,
    )


def _address(kind: str, key: str) -> str:
    """The page of a record; empty where it has none."""
    if kind not in PAGES:
        return ""
    name, argument = PAGES[kind]
    try:
        return reverse(name, kwargs={argument: key})
    except NoReverseMatch:  # no id of ours
        return ""


def differences(before: Any, after: Any) -> list[tuple[str, str, str]]:
    """What changed: name, before, after. Of two lists what was taken and what was added; else the two as they are."""
    if before is None and after is None:
        return []
    if isinstance(before or {}, dict) and isinstance(after or {}, dict):
        old, new = before or {}, after or {}
        names = [*old, *(name for name in new if name not in old)]
        return [
            (name, written(old.get(name)), written(new.get(name))) for name in names if old.get(name) != new.get(name)
        ]
    if isinstance(before or [], list) and isinstance(after or [], list):
        old, new = before or [], after or []
        gone, come = [each for each in old if each not in new], [each for each in new if each not in old]
        return [("", ", ".join(map(written, gone)), ", ".join(map(written, come)))]
    return [("", written(before), written(after))]


def written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
