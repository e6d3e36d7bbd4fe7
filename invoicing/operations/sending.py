"""From an approved row to a recorded outcome. Each step is committed before the next begins; no transaction is open on
the wire.

approved → (fresh read agrees with what was seen) → sending, attempt n → the call → done / accepted / refused / unknown
"""

import json
import logging
import secrets
import time
from dataclasses import asdict, replace
from datetime import timedelta
from functools import partial

from django.db import DatabaseError, connection, transaction
from django.db.models import F

from invoicing.access import rights
from invoicing.logs import redacted
from invoicing.mirror.refresh import refresh_invoice
from invoicing.mirror.wires import wire_for
from invoicing.models import Attempt, Invoice, InvoiceVersion, Operation, clock
from invoicing.operations import approving, brakes, gate, looks, preimage, settling, spool, steps
from invoicing.operations.classify import Classified, Outcome, answered, failed
from invoicing.operations.recording import digest_of, look_again, record_outcome, refuse
from invoicing.operations.registry import VERBS, why_not
from invoicing.operations.requesting import CannotRequest, audit, limits_must_allow
from invoicing.operations.targets import About
from invoicing.operations.verb import Call, NoLonger, Reading, Verb, Verdict
from invoicing.providers.base import Request
from invoicing.providers.errors import NotSent, ProviderError
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import CallClass, OperationState

log = logging.getLogger(__name__)
GATE_SECONDS = 60.0  # how long a closed gate is left alone


class NotNow(Exception):
    """The provider cannot be reached or asks to wait; the operation stays approved. `seconds` until the next try."""

    def __init__(self, seconds: float, why: str):
        super().__init__(why)
        self.seconds = seconds


def dispatch(operation: Operation, *, http=None) -> None:
    """Carry one approved operation to an outcome, if it is still ours to carry. Safe to call any number of times.

    Errors: NotNow.
    """
    if operation.state != OperationState.APPROVED or (operation.not_before and operation.not_before > clock.now()):
        return
    verb, provider = VERBS[operation.verb], PROVIDERS[operation.connection.provider]
    about = verb.about(operation)
    closed = gate.closed()
    if closed:
        raise NotNow(GATE_SECONDS, closed.reason)
    try:
        http = http or wire_for(operation.connection)
        _must_still_hold(operation, verb, about, http)
        call = verb.call_of(operation)
        if brakes.dry_run():
            raise NoLonger(_rehearsed(operation, verb, call))
        if call.steps:
            steps.begin(operation)
            return
        verb.prepare(Reading(operation, provider, http))
        request = provider.request(call.endpoint, operation.external_id, verb.wire_arguments(operation))
    except approving.SealBroken as broken:
        approving.back_to_awaiting(operation, str(broken))
        return
    except (NoLonger, ValueError) as why:
        if _may_be_out(operation):
            look_again(operation, str(why))
        else:
            refuse(operation, f"{why} Nothing was sent.", changed=getattr(why, "changed", ()))
        _tell_the_whole(operation)
        return
    except ProviderError as error:
        _wait(operation, error)
    begun = time.monotonic()  # before the claim: whatever holds us up after it counts
    attempt = claim(operation, request, call)
    if attempt is None:
        return
    _send(operation, attempt, call, provider, http, request, begun)
    _tell_the_whole(operation)


def _rehearsed(operation: Operation, verb: Verb, call: Call) -> str:
    """What would have been sent, were the desk not on a dry run."""
    if call.steps:
        return f"Dry run. It would have been done in steps: {', then '.join(VERBS[key].name for key in call.steps)}."
    provider = PROVIDERS[operation.connection.provider]
    request = provider.request(call.endpoint, operation.external_id, verb.wire_arguments(operation))
    endpoint = provider.endpoints[call.endpoint]
    body = f" {json.dumps(request.body, default=str)}" if request.body is not None else ""
    return f"Dry run. It would have been {endpoint.method} {endpoint.path.format_map(dict(request.path))}{body}."[:1000]


def _tell_the_whole(operation: Operation) -> None:
    if operation.parent:
        steps.go_on(operation.parent)


def _may_be_out(operation: Operation) -> bool:
    """Whether something of it may have reached the provider before, as far as this database can know."""
    return bool(operation.outcome.get("restored")) or operation.attempts.exclude(wire=Attempt.Wire.NONE).exists()


def _must_still_hold(operation: Operation, verb: Verb, about: About, http) -> None:
    """Right, invoice and rules are as they were when it was asked for.

    Errors: NoLonger; ProviderError, where that cannot be told now.
    """
    if not rights.can(operation.requester, verb.right, about):
        raise NoLonger("The requester no longer has the right to do this.")
    try:
        limits_must_allow(operation.requester, verb, operation.invoice, operation.arguments)
    except CannotRequest as beyond:
        raise NoLonger(f"The requester may no longer do this. {beyond}") from None
    if operation.call_class == CallClass.KEYED and _may_be_out(operation):
        window = verb.call_of(operation).key_window
        if not looks.key_holds(operation.created_at, window, clock.now()):
            raise NoLonger(
                "The provider may have forgotten our key, so that a second request could be a second effect."
            )
    changed: list[str] = []
    if isinstance(about, Invoice):
        result = refresh_invoice(about, source=InvoiceVersion.Source.OPERATION, http=http)
        if not result.found:
            raise NoLonger("The provider no longer has this invoice.")
        about.refresh_from_db()
        changed = preimage.differences(operation.seen, preimage.seen(about, verb))
    refusal = why_not(verb, about)
    if not _may_be_out(operation):
        approving.must_be_signed(operation, changed, refusal)
    if changed:
        raise NoLonger("The invoice changed since it was looked at: " + "; ".join(changed) + ".", changed=changed)
    if refusal:
        raise NoLonger(refusal)


def _wait(operation: Operation, error: ProviderError) -> None:
    """Before the claim: nothing was sent, so it waits, longer each time. Errors: NotNow, always."""
    tries = operation.outcome.get("waits", 0) + 1
    seconds = error.retry_after or looks.scaled(min(900, 15 * 2**tries)).total_seconds()
    Operation.objects.filter(pk=operation.pk, state=OperationState.APPROVED, version=operation.version).update(
        outcome=operation.outcome | {"waits": tries, "message": f"Waiting: {error}"[:500]},
        not_before=clock.now() + timedelta(seconds=seconds),
        version=F("version") + 1,
    )
    raise NotNow(seconds, str(error)) from error


def claim(operation: Operation, request: Request, call) -> Attempt | None:
    """Take the operation for one attempt: a conditional update and the attempt's row, committed before the wire."""
    now, token = clock.now(), secrets.token_hex(16)
    wanted = digest_of(call.endpoint, request)
    if operation.request_digest and operation.request_digest != wanted:
        end = look_again if _may_be_out(operation) else refuse
        end(operation, "The request is no longer the one first sent; it is not sent again.")
        return None
    with transaction.atomic(durable=True):
        moved = Operation.objects.filter(
            pk=operation.pk, state=OperationState.APPROVED, version=operation.version
        ).update(
            state=OperationState.SENDING,
            version=operation.version + 1,
            attempt=operation.attempt + 1,
            lease_token=token,
            lease_until=now + looks.lease(),
            request_digest=wanted,
        )
        if not moved:
            return None
        attempt = Attempt.objects.create(
            operation=operation,
            number=operation.attempt + 1,
            lease_token=token,
            committed_at=now,
            request=json.loads(json.dumps({"endpoint": call.endpoint, **asdict(request)}, default=str)),
        )
        audit(operation, "attempt", number=attempt.number, digest=wanted)
    operation.refresh_from_db()
    return attempt


def _send(operation, attempt, call, provider, http, request, begun: float) -> None:
    """One call, its classification, its record. From here on nothing may raise before the outcome is stored."""
    maybe_before = operation.attempts.filter(number__lt=attempt.number).exclude(wire=Attempt.Wire.NONE).exists()
    assert not connection.in_atomic_block, "A provider call inside a transaction"
    body = b""
    try:
        _mark_outside()
        http.before_write = partial(_in_time, http.before_write, begun + looks.READ_TO_WRITE_SECONDS)
        answer = http.call(
            provider.endpoints[call.endpoint],
            path=request.path,
            query=request.query,
            body=request.body,
            key=operation.key if call.call_class == call.call_class.KEYED else "",
        )
        body = answer.body
        result = answered(provider.said(call.endpoint, answer, operation.external_id), answer.status)
    except Exception as error:
        if not isinstance(error, ProviderError):
            log.exception("An attempt ended in an error of our own")
        result = failed(error, call_class=operation.call_class, maybe_sent_before=maybe_before)
    if (
        result.outcome is Outcome.REFUSED
        and not result.pause_connection
        and not _refusal_holds(operation, provider, http)
    ):
        result = replace(result, outcome=Outcome.UNKNOWN)
    took = int((time.monotonic() - begun) * 1000)
    try:
        record_outcome(operation, attempt, result, body=body, milliseconds=took)
    except DatabaseError:
        log.exception("An outcome could not be committed; it is spooled")
        spool.write(operation, attempt, _for_spool(result), body=body, milliseconds=took)
        return
    if operation.state in (OperationState.ACCEPTED, OperationState.UNKNOWN):
        settling.look(operation, http=http)
    elif operation.state == OperationState.SUCCEEDED:
        settling.follow_up(operation, http=http)


def _refusal_holds(operation, provider, http) -> bool:
    """Whether the effect is not there. Where the network delivers a request twice, the refusal answers the second."""
    if operation.call_class in (CallClass.KEYED, CallClass.INVISIBLE):
        return True  # the key would have brought the first answer; or nothing can be seen
    try:
        verdict = VERBS[operation.verb].proof(Reading(operation, provider, http)).verdict
    except Exception as error:
        if not isinstance(error, ProviderError):
            log.exception("A read-back ended in an error of our own")
        return False
    return verdict is not Verdict.APPLIED


def _mark_outside() -> None:
    """Errors: NotSent."""
    try:
        gate.mark()
    except (OSError, ValueError) as error:
        raise NotSent("The mark outside of the database could not be written.") from error


def _in_time(check, until: float) -> None:
    """Called right before the first byte. Errors: NotSent, when the worker was held up so long that others may act by now."""
    if check:
        check()
    if time.monotonic() > until:
        raise NotSent("The worker was held up between its claim and the first byte.")


def _for_spool(result: Classified) -> dict:
    said = result.said
    return {
        "outcome": result.outcome.value,
        "wire": result.wire.value,
        "message": redacted(result.message)[:500],
        "http_status": result.http_status,
        "created": said.created if said else "",
    }
