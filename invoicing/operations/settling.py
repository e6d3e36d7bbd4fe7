"""What became of it: reading back until the effect is proven, or its absence is, or a person must decide.

An effect that is seen ends the operation at once. An absence counts only when two reads agree and the second came after
the quiet time; what follows then depends on the class of the call. Nothing ends by age.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from invoicing.logs import redacted
from invoicing.mirror.wires import wire_for
from invoicing.models import Attempt, Incident, Invoice, Operation, clock
from invoicing.operations import incidents, looks, steps
from invoicing.operations.classify import Outcome
from invoicing.operations.queue import enqueue_dispatch, enqueue_look
from invoicing.operations.recording import MAX_ATTEMPTS, sends
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import audit
from invoicing.operations.verb import Proof, Reading, Verdict
from invoicing.providers.errors import ProviderError
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import OPEN_STATES, CallClass, OperationState, SettledBy

log = logging.getLogger(__name__)
LOOKED_INTO = (OperationState.ACCEPTED, OperationState.UNKNOWN, OperationState.NEEDS_PERSON)
RESENDABLE = (CallClass.KEYED, CallClass.GUARDED, CallClass.SETTING)
BEFORE_A_PERSON = 1200  # seconds after the quiet time, at the standard Q: thirty minutes after it was sent


def expire_leases() -> int:
    """A worker died while sending: what it wrote, if anything, is unknown. How many operations that concerned."""
    now, count = clock.now(), 0
    for operation in Operation.objects.filter(state=OperationState.SENDING, lease_until__lt=now):
        with transaction.atomic(durable=True):
            moved = Operation.objects.filter(
                pk=operation.pk, state=OperationState.SENDING, version=operation.version
            ).update(
                state=OperationState.UNKNOWN,
                version=operation.version + 1,
                quiet_at=looks.quiet_after(operation.lease_until or now),
                next_look_at=now,
                looks=0,
                outcome={"message": "The worker ended while it was sending."},
            )
            if moved:
                Attempt.objects.filter(operation=operation, number=operation.attempt, ended_at=None).update(
                    wire=Attempt.Wire.MAYBE, classified="unknown", ended_at=now, said="The worker ended while sending."
                )
                audit(operation, "unknown", attempt=operation.attempt, said="The worker ended while sending.")
                enqueue_look(operation, at=now)
                count += 1
    return count


def look(operation: Operation, *, http=None) -> None:
    """Read back once, if it is due, and conclude what may be concluded."""
    operation.refresh_from_db()
    now = clock.now()
    if operation.state not in LOOKED_INTO or (operation.next_look_at and operation.next_look_at > now):
        return
    if operation.steps.filter(state__in=OPEN_STATES).exists():
        return  # its step is looked into
    try:
        http = http or wire_for(operation.connection)
        reading = Reading(operation, PROVIDERS[operation.connection.provider], http)
        proof = VERBS[operation.verb].proof(reading)
    except Exception as error:
        if not isinstance(error, ProviderError):
            log.exception("A read-back ended in an error of our own")
        proof = Proof(verdict=Verdict.UNCLEAR, saw=f"Cannot tell: {redacted(str(error))[:200]}")
    conclude(operation, proof, looked_at=now)
    if operation.state == OperationState.SUCCEEDED and http:
        follow_up(operation, http=http)
    if operation.parent:
        steps.go_on(operation.parent)


def conclude(operation: Operation, proof: Proof, *, looked_at: datetime) -> None:
    """Move the operation by what was seen. `looked_at`: when the read began."""
    with transaction.atomic(durable=True):
        current = Operation.objects.select_for_update().get(pk=operation.pk)
        if current.state not in LOOKED_INTO or current.version != operation.version:
            operation.refresh_from_db()
            return
        evidence = [
            *current.evidence,
            {"at": looked_at.isoformat(), "attempt": current.attempt, "verdict": proof.verdict.value, "saw": proof.saw},
        ]
        state, columns = _after(current, proof, evidence, looked_at)
        columns = {"looks": current.looks + 1} | columns
        Operation.objects.filter(pk=current.pk).update(
            state=state, version=current.version + 1, evidence=evidence, **columns
        )
        audit(current, "read_back", verdict=proof.verdict.value, saw=proof.saw, state=str(state))
        if proof.incident:
            incidents.report(
                Incident.Kind.DOUBLE,
                mark=f"double:{current.pk}",
                text=proof.incident,
                connection=current.connection,
                invoice=current.invoice,
                operation=current,
            )
        if state == OperationState.APPROVED:
            enqueue_dispatch(current, at=columns["not_before"])
        elif state == OperationState.SUCCEEDED:
            Invoice.objects.filter(operations=current).update(confirmed_change_at=clock.now())
        elif columns.get("next_look_at"):
            enqueue_look(current, at=columns["next_look_at"])
    operation.refresh_from_db()


def _after(operation, proof, evidence, looked_at) -> tuple[OperationState, dict]:
    """Where what was seen leads, and the columns that go with it."""
    now = clock.now()
    outcome = operation.outcome | ({"created": proof.created} if proof.created else {})
    if proof.stage:
        outcome["stage"] = proof.stage
    ended = {"settled_by": SettledBy.READ_BACK, "finished_at": now, "next_look_at": None}
    again = {"next_look_at": looks.next_look(now, operation.looks + 1, operation.quiet_at), "outcome": outcome}
    if proof.verdict is Verdict.APPLIED:
        if operation.state == OperationState.ACCEPTED:
            ended["settled_by"] = SettledBy.ANSWER
        return OperationState.SUCCEEDED, {**ended, "outcome": outcome | {"message": "", "stage": ""}}
    if proof.verdict is Verdict.FAILED:
        return OperationState.NOT_DONE, {**ended, "outcome": outcome | {"message": proof.saw}}
    if operation.call_class == CallClass.INVISIBLE:
        return OperationState.NEEDS_PERSON, {"next_look_at": None}
    if not _proven_absent(operation, evidence, looked_at):
        return (OperationState.NEEDS_PERSON if _takes_too_long(operation, proof, now) else operation.state), again
    said_done = _said_done(operation)
    if said_done and not VERBS[operation.verb].success_may_be_empty:
        # the provider said yes, and nothing is to be seen of it: it takes its time, or a person must look
        waits = operation.state == OperationState.ACCEPTED and _patient(operation, now)
        return (OperationState.ACCEPTED if waits else OperationState.NEEDS_PERSON), again
    if not said_done and _may_resend(operation, now):
        return OperationState.APPROVED, {"not_before": now, "next_look_at": None, "looks": 0}
    if operation.call_class == CallClass.UNGUARDED and _patient(operation, now):
        again["outcome"] = outcome | {"message": "Nothing is to be seen of it, but the provider may still be at it."}
        return OperationState.NEEDS_PERSON, again
    message = "It did not happen: two reads, the second after the quiet time, show no effect."
    if said_done:
        message = f"The provider answered with success, and nothing happened. {proof.saw}"
    held_back = outcome.get("held_back", "")
    return OperationState.NOT_DONE, {**ended, "outcome": outcome | {"message": f"{message} {held_back}".strip()}}


def _said_done(operation) -> bool:
    """Whether the last attempt was answered with yes."""
    if operation.state == OperationState.ACCEPTED:
        return True
    yes = (Outcome.DONE.value, Outcome.ACCEPTED.value)
    return operation.attempts.filter(number=operation.attempt, classified__in=yes).exists()


def _patient(operation, now) -> bool:
    """Whether the provider may still take its time over what it accepted."""
    call = VERBS[operation.verb].call_at(operation.connection)
    return call is not None and operation.quiet_at is not None and now < operation.quiet_at + call.patience


def _takes_too_long(operation, proof, now) -> bool:
    """Whether a person should know by now: half done, or still unclear long after the quiet time."""
    if operation.state == OperationState.NEEDS_PERSON:
        return True
    if operation.quiet_at is None or (
        not proof.stage and operation.state == OperationState.ACCEPTED and _patient(operation, now)
    ):
        return False
    return now > operation.quiet_at + (timedelta(0) if proof.stage else looks.scaled(BEFORE_A_PERSON))


def _proven_absent(operation, evidence, looked_at) -> bool:
    """Two reads since the last attempt agree that there is no effect, the second begun after the quiet time."""
    if operation.quiet_at is None or looked_at < operation.quiet_at:
        return False
    verdicts = [e["verdict"] for e in evidence if e.get("attempt") == operation.attempt and "verdict" in e]
    return verdicts[-2:] == [Verdict.ABSENT.value, Verdict.ABSENT.value]


def _may_resend(operation, now) -> bool:
    """A resend needs a reason that makes doubling impossible: the key inside its window, a guard, an overwrite."""
    if operation.call_class not in RESENDABLE or sends(operation) >= MAX_ATTEMPTS:
        return False
    call = VERBS[operation.verb].call_at(operation.connection)
    if call is None or call.steps or operation.outcome.get("held_back"):
        return False
    if operation.call_class == CallClass.KEYED:
        if not looks.key_holds(operation.created_at, call.key_window, now):
            return False
        if call.replays_errors and operation.attempts.filter(wire=Attempt.Wire.ANSWERED).exists():
            return False
    return True


def follow_up(operation: Operation, *, http) -> None:
    """What comes after a success. Its failure changes nothing about the success."""
    verb = VERBS[operation.verb]
    reading = Reading(operation, PROVIDERS[operation.connection.provider], http)
    try:
        verb.settle(reading, operation.outcome.get("created", ""))
    except ProviderError:
        log.warning("What follows %s could not be done now", operation.pk, exc_info=True)
