"""How an operation stands, in words: what that means, and what happens next and when.

What the provider accepted is never called done; what nobody knows is called unknown, with what is being done about it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing.models import Attempt, Operation
from invoicing.operations.registry import VERBS
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import CallClass, OperationState
from invoicing.web.formats import moment_text, money_text
from invoicing.web.sentences import said

State = OperationState
SOON = timedelta(seconds=5)

CLASSES = {
    CallClass.KEYED: gettext_lazy("The provider remembers our key: sending it again cannot do it twice."),
    CallClass.GUARDED: gettext_lazy("The provider refuses a second application: sending it again cannot do it twice."),
    CallClass.SETTING: gettext_lazy("It sets a value: sending it again changes nothing more."),
    CallClass.UNGUARDED: gettext_lazy("A second call would do it twice, so it is never sent again by itself."),
    CallClass.INVISIBLE: gettext_lazy(
        "A second call would do it twice, and it cannot be read back: a person settles what is unknown."
    ),
    CallClass.READING: gettext_lazy("It only reads."),
}


@dataclass(frozen=True)
class Told:
    """How an operation stands."""

    headline: str
    sentences: list[str]
    tone: str
    icon: str


def told(operation: Operation, *, money: bool) -> Told:
    """How it stands, for a person who has to decide whether to worry. `money`: whether they may see amounts."""
    verb, name = VERBS[operation.verb], PROVIDERS[operation.connection.provider].name
    message = operation.outcome.get("message", "")
    now = timezone.now()
    match operation.state:
        case State.REQUESTED:
            return Told(
                _("Waiting for approval"), [_("Nothing is sent before somebody else approves it.")], "blue", "clock"
            )
        case State.APPROVED:
            return _told_approved(operation, name, message, now)
        case State.SENDING:
            return Told(
                _("Being sent to %(name)s now") % {"name": name},
                [_("Attempt %(attempt)s.") % {"attempt": operation.attempt}],
                "violet",
                "send",
            )
        case State.ACCEPTED:
            sentences = [
                _("%(name)s accepted it. It counts as done only once reading back shows it.") % {"name": name},
                _next_look(operation, now),
            ]
            return Told(_("Accepted, not done yet"), sentences, "violet", "hourglass")
        case State.UNKNOWN:
            sentences = [message, _looking(operation, name, now)]
            return Told(_("Nobody knows yet whether it happened"), sentences, "amber", "circle-help")
        case State.NEEDS_PERSON:
            sentences = [
                message,
                _("Reading back alone cannot settle it: look at the invoice in %(name)s, and at the evidence below.")
                % {"name": name},
                _("Nothing is sent again meanwhile."),
                _next_look(operation, now),
            ]
            return Told(_("It needs a person"), sentences, "red", "circle-alert")
        case State.SUCCEEDED:
            return Told(
                str(said(verb.done)).capitalize(),
                [_proof(operation, name), *(_compared(operation) if money else [])],
                "green",
                "circle-check",
            )
        case State.NOT_DONE:
            sentences = [message, _("Nothing changed at the provider. It may be asked for again.")]
            return Told(_("It did not happen"), sentences, "red", "circle-x")
        case State.REFUSED:
            who = _("Not sent") if operation.outcome.get("sent") is False else _("%(name)s refused it") % {"name": name}
            sentences = [message, _("Nothing was done.")]
            return Told(who, sentences, "red", "ban")
        case State.CANCELLED:
            return Told(_("Called back"), [_("It was called back before anything was sent.")], "", "x")
        case State.REJECTED:
            return Told(_("Rejected"), [message, _("Nothing was sent.")], "", "x")
    return Told(_("Expired"), [_("It was not approved in time. Nothing was sent.")], "", "clock")


def _told_approved(operation: Operation, name: str, message: str, now: datetime) -> Told:
    later = operation.not_before if operation.not_before and operation.not_before > now else None
    if operation.attempt or operation.outcome.get("waits"):
        sentences = [
            message,
            _("Nothing was done so far. Next try at %(later)s.") % {"later": clock(later)}
            if later
            else _("It is tried again now."),
        ]
        if operation.attempt and operation.attempts.exclude(wire=Attempt.Wire.NONE).exists():
            sentences[1] = (
                _("The same request is sent again at %(later)s.") % {"later": clock(later)}
                if later
                else _("It is sent again now.")
            )
            sentences.append(CLASSES[CallClass(operation.call_class)])
        return Told(_("Waiting to be sent"), sentences, "amber", "clock")
    if later:
        return Told(
            _("About to be sent"),
            [
                _("It goes to %(name)s at %(later)s. Until then it can be called back.")
                % {"name": name, "later": clock(later)}
            ],
            "blue",
            "clock",
        )
    return Told(_("In line to be sent"), [_("A worker sends it to %(name)s next.") % {"name": name}], "blue", "send")


def _looking(operation: Operation, name: str, now: datetime) -> str:
    quiet = operation.quiet_at
    if quiet and quiet > now:
        return _(
            "We read the invoice back from %(name)s. That it did not happen is believed only when two reads agree, the second "
            "after %(quiet)s. Nothing is sent again before. %(next_look)s"
        ) % {"name": name, "quiet": clock(quiet), "next_look": _next_look(operation, now)}
    return _("We read the invoice back from %(name)s. Nothing is sent again before that is clear. %(next_look)s") % {
        "name": name,
        "next_look": _next_look(operation, now),
    }


def _next_look(operation: Operation, now: datetime) -> str:
    due = operation.next_look_at
    if due is None:
        return ""
    return (
        _("The next look is at %(due)s.") % {"due": clock(due)} if due > now + SOON else _("The next look is due now.")
    )


def _proof(operation: Operation, name: str) -> str:
    match operation.settled_by:
        case "answer" if operation.evidence:
            return _("%(name)s said so, and reading back confirmed it.") % {"name": name}
        case "answer":
            return _("%(name)s said so.") % {"name": name}
        case "read_back":
            return _("The answer was lost; reading back showed that it happened.")
    return _("A person settled it.")


def _compared(operation: Operation) -> list[str]:
    """What it came to beside what was seen when it was asked for."""
    invoice, seen = operation.invoice, operation.seen.get("total")
    if invoice is None or seen is None or invoice.total is None:
        return []
    now = f"{invoice.total:f}"
    if now == seen or operation.verb == "regenerate_invoice":
        return []
    before = money_text(Decimal(seen), str(operation.seen.get("currency") or invoice.currency))
    return [
        _("The total was %(before)s when it was asked for, and is %(after)s now.")
        % {"before": before, "after": money_text(invoice.total, invoice.currency)}
    ]


def clock(moment: datetime | None) -> str:
    """The time with its seconds today; with the day on other days."""
    if moment is None:
        return _("once it is due")
    local = timezone.localtime(moment)
    if local.date() == timezone.localdate():
        return f"{local:%H:%M:%S} {local.tzname()}"
    return moment_text(moment)
