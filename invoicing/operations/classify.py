"""From what came over the wire to what may be concluded. Pure: no clock, no database."""

from dataclasses import dataclass, field
from enum import Enum

from invoicing.models import Attempt
from invoicing.providers.base import Said
from invoicing.providers.errors import (
    Conflict,
    KeyRefused,
    NotSent,
    ProviderError,
    RateLimited,
    Refused,
    Unsupported,
)
from invoicing.vocabulary import CallClass


class Outcome(Enum):
    NOT_SENT = "not_sent"  # nothing was written: may be tried again
    DONE = "done"  # the provider says it did it
    ACCEPTED = "accepted"  # the provider says it will
    REFUSED = "refused"  # nothing was done
    LATER = "later"  # rate limited, and a resend under the same key cannot double
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Classified:
    outcome: Outcome
    wire: Attempt.Wire
    message: str = ""
    http_status: int | None = None
    retry_after: float | None = None
    said: Said | None = None
    pause_connection: bool = False
    facts: dict = field(default_factory=dict)


def answered(said: Said, http_status: int) -> Classified:
    """A 2xx answer that reads as the contract promises."""
    outcome = Outcome.DONE if said.outcome == "done" else Outcome.ACCEPTED
    return Classified(outcome=outcome, wire=Attempt.Wire.ANSWERED, http_status=http_status, said=said)


def failed(error: Exception, *, call_class: CallClass, maybe_sent_before: bool) -> Classified:
    """What an error allows to conclude. `maybe_sent_before`: an earlier attempt's outcome is not known."""
    message = getattr(error, "said", "") or str(error)
    status = getattr(error, "status", None)
    if isinstance(error, (NotSent, Unsupported)):
        return Classified(outcome=Outcome.NOT_SENT, wire=Attempt.Wire.NONE, message=message, http_status=status)
    if isinstance(error, RateLimited):
        resendable = call_class == CallClass.KEYED
        return Classified(
            outcome=Outcome.LATER if resendable else Outcome.UNKNOWN,
            wire=Attempt.Wire.ANSWERED,
            message=message,
            http_status=status,
            retry_after=error.retry_after,
        )
    if isinstance(error, Conflict):
        return Classified(outcome=Outcome.UNKNOWN, wire=Attempt.Wire.ANSWERED, message=message, http_status=status)
    if isinstance(error, Refused):
        # after an attempt that may have worked, a refusal can be the echo of our own effect
        outcome = Outcome.UNKNOWN if maybe_sent_before else Outcome.REFUSED
        return Classified(
            outcome=outcome,
            wire=Attempt.Wire.ANSWERED,
            message=message,
            http_status=status,
            pause_connection=isinstance(error, KeyRefused),
        )
    wire = Attempt.Wire.ANSWERED if isinstance(error, ProviderError) and status else Attempt.Wire.MAYBE
    return Classified(outcome=Outcome.UNKNOWN, wire=wire, message=message, http_status=status)
