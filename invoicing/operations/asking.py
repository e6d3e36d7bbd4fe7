"""Reads that a person asks of a provider: on record, answered to the one who asked, and never an operation."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError

from invoicing.access import rights
from invoicing.logs import redacted
from invoicing.mirror.customers import Customers
from invoicing.mirror.masking import pretty
from invoicing.mirror.rows import json_ready
from invoicing.mirror.wires import wire_for
from invoicing.models import AuditEntry, Connection, User
from invoicing.operations import brakes
from invoicing.operations.registry import VERBS, why_not
from invoicing.operations.requesting import CannotRequest
from invoicing.operations.targets import About, target_of
from invoicing.operations.verb import Verb
from invoicing.providers.base import Answer, Context, Request
from invoicing.providers.errors import NotUnderstood, PayloadNotUnderstood, ProviderError
from invoicing.providers.registry import PROVIDERS
from invoicing.providers.snapshots import InvoiceSnapshot
from invoicing.vocabulary import CallClass

MOST_KEPT = 4000  # characters of an answer in the audit trail


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What the provider said: an invoice that is stored nowhere (as it sent it, and as we read it), or figures as text."""

    payload: dict[str, Any] | None = None
    snapshot: InvoiceSnapshot | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"invoice": json_ready(self.snapshot) if self.snapshot else None, "facts": dict(self.facts)}


def ask(
    key: str,
    about: About,
    *,
    by: User,
    reason: str = "",
    arguments: Mapping[str, Any] | None = None,
    ip: str = "",
    http=None,
) -> Answered:
    """Errors: CannotRequest; rights.NotAllowed; ProviderError, when the provider did not answer as promised."""
    verb = VERBS[key]
    story: dict[str, Any] = {"actor": by, "target": target_of(about), "reason": reason, "ip": ip}
    given = checked(verb, about, by=by, reason=reason, arguments=arguments or {}, ip=ip)
    AuditEntry.objects.record(f"{key}.asked", arguments=given, **story)
    provider, call = PROVIDERS[about.connection.provider], verb.calls[about.connection.provider]
    request = provider.request(call.endpoint, about.external_id, {**given, "subscription_id": about.external_id})
    http = http or wire_for(about.connection)
    try:
        answer = http.call(provider.endpoints[call.endpoint], path=request.path, query=request.query, body=request.body)
        said = provider.said(call.endpoint, answer, about.external_id)
        AuditEntry.objects.record(f"{key}.answered", **_exchange(call.endpoint, request, answer), **story)
        return Answered(payload=said.invoice, snapshot=read(about.connection, said.invoice), facts=said.facts)
    except ProviderError as error:
        exchange = _exchange(call.endpoint, request) | {"status": error.status, "said": error.said[:MOST_KEPT]}
        AuditEntry.objects.record(f"{key}.not_answered", why=str(error)[:300], **exchange, **story)
        raise


def _exchange(endpoint: str, request: Request, answer: Answer | None = None) -> dict[str, Any]:
    """What was sent and what came back, for the record: redacted, and of a long answer the beginning with a digest of all."""
    sent: dict[str, Any] = {"endpoint": endpoint, "path": dict(request.path), "query": list(request.query)}
    kept: dict[str, Any] = {"request": json.loads(redacted(json.dumps(sent | {"body": request.body}, default=str)))}
    if answer is not None:
        text = pretty(answer.body)[:MOST_KEPT].replace("\0", "\N{REPLACEMENT CHARACTER}")
        kept |= {"status": answer.status, "response": text, "response_sha256": sha256(answer.body).hexdigest()}
    return kept


def checked(
    verb: Verb, about: About, *, by: User, reason: str, arguments: Mapping[str, Any], ip: str = ""
) -> dict[str, Any]:
    """The arguments, cleaned, when it may be asked; that it may not goes on record.

    Errors: CannotRequest; rights.NotAllowed.
    """
    try:
        rights.require(by, verb.right, about)
        return _given(verb, about, arguments)
    except (CannotRequest, rights.NotAllowed) as refusal:
        AuditEntry.objects.record(
            f"{verb.key}.not_requested", actor=by, target=target_of(about), reason=reason, ip=ip, why=str(refusal)
        )
        raise


def has_effects(verb: Verb, connection: Connection) -> bool:
    """Whether asking does something there besides answering."""
    call = verb.call_at(connection)
    return call is not None and call.call_class != CallClass.READING


def why_not_asked(verb: Verb, about: About) -> str:
    """Why this cannot be asked now; empty when it can."""
    refusal = why_not(verb, about)
    if refusal:
        return refusal
    if has_effects(verb, about.connection) and brakes.dry_run():
        return "The desk is on a dry run: nothing is sent that has an effect."
    return "" if about.connection.enabled else f"The connection {about.connection} is switched off."


def _given(verb: Verb, about: About, arguments: Mapping[str, Any]) -> dict[str, Any]:
    if not verb.reads_only:
        raise CannotRequest(f"{verb.name} changes something; it must be requested.")
    refusal = why_not_asked(verb, about)
    if refusal:
        raise CannotRequest(refusal)
    try:
        return verb.cleaned(about, arguments)
    except ValidationError as wrong:
        name, problems = next(iter(wrong.message_dict.items()))
        raise CannotRequest(problems[0], field="" if name == "__all__" else name) from None


def read(connection: Connection, payload: dict[str, Any] | None) -> InvoiceSnapshot | None:
    """An invoice that a provider answered with, in our words. Errors: NotUnderstood."""
    if payload is None:
        return None
    provider = PROVIDERS[connection.provider]
    context = Context(units=connection.units, customers=Customers(connection, provider))
    try:
        return provider.invoice(payload, context)
    except PayloadNotUnderstood as error:
        raise NotUnderstood(str(error)) from error
