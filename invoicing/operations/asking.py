"""Reads that a person asks of a provider: answered at once, on record, and never an operation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from invoicing.access import rights
from invoicing.mirror.customers import Customers
from invoicing.mirror.rows import json_ready
from invoicing.mirror.wires import wire_for
from invoicing.models import AuditEntry, User
from invoicing.operations import brakes
from invoicing.operations.registry import VERBS, why_not
from invoicing.operations.requesting import CannotRequest
from invoicing.operations.targets import Start, target_of
from invoicing.providers.base import Context
from invoicing.providers.errors import NotUnderstood, PayloadNotUnderstood, ProviderError
from invoicing.providers.registry import PROVIDERS
from invoicing.providers.snapshots import InvoiceSnapshot
from invoicing.vocabulary import CallClass


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What the provider said: an invoice that is stored nowhere, or figures as text."""

    snapshot: InvoiceSnapshot | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"invoice": json_ready(self.snapshot) if self.snapshot else None, "facts": dict(self.facts)}


def ask(
    key: str,
    start: Start,
    *,
    by: User,
    reason: str = "",
    arguments: Mapping[str, Any] | None = None,
    ip: str = "",
    http=None,
) -> Answered:
    """Errors: CannotRequest; rights.NotAllowed; ProviderError, when the provider did not answer as promised."""
    verb = VERBS[key]
    story: dict[str, Any] = {"actor": by, "target": target_of(start), "reason": reason, "ip": ip}
    try:
        rights.require(by, verb.right, start)
        given = _checked(verb, start, arguments or {})
    except (CannotRequest, rights.NotAllowed) as refusal:
        AuditEntry.objects.record(f"{key}.not_requested", why=str(refusal), **story)
        raise
    AuditEntry.objects.record(f"{key}.asked", arguments=given, **story)
    provider, call = PROVIDERS[start.connection.provider], verb.calls[start.connection.provider]
    request = provider.request(call.endpoint, start.external_id, {**given, "subscription_id": start.external_id})
    http = http or wire_for(start.connection)
    try:
        answer = http.call(provider.endpoints[call.endpoint], path=request.path, query=request.query, body=request.body)
        said = provider.said(call.endpoint, answer, start.external_id)
        return Answered(snapshot=_snapshot(provider, start, said.invoice), facts=said.facts)
    except ProviderError as error:
        AuditEntry.objects.record(f"{key}.not_answered", why=str(error)[:300], **story)
        raise


def _checked(verb, start: Start, arguments: Mapping[str, Any]) -> dict[str, Any]:
    if not verb.reads_only:
        raise CannotRequest(f"{verb.name} changes something; it must be requested.")
    refusal = why_not(verb, start)
    if refusal:
        raise CannotRequest(refusal)
    if verb.calls[start.connection.provider].call_class != CallClass.READING and brakes.dry_run():
        raise CannotRequest("The desk is on a dry run: nothing is sent that has an effect.")
    if not start.connection.enabled:
        raise CannotRequest(f"The connection {start.connection} is switched off.")
    try:
        return verb.cleaned(start, arguments)
    except ValidationError as wrong:
        name, problems = next(iter(wrong.message_dict.items()))
        raise CannotRequest(problems[0], field="" if name == "__all__" else name) from None


def _snapshot(provider, start: Start, payload: dict | None) -> InvoiceSnapshot | None:
    if payload is None:
        return None
    context = Context(units=start.connection.units, customers=Customers(start.connection, provider))
    try:
        return provider.invoice(payload, context)
    except PayloadNotUnderstood as error:
        raise NotUnderstood(str(error)) from error
