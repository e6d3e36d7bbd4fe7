"""An operation in words: how it stands, what that means, and everything that led there, in the order it happened.

What the provider accepted is never called done; what nobody knows is called unknown, with what is being done about it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing.logs import redacted
from invoicing.models import Attempt, AuditEntry, Operation
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
CLASSIFIED = {
    "done": (gettext_lazy("The provider says that it is done."), "check", "green"),
    "accepted": (gettext_lazy("The provider says that it will do it. That is not done yet."), "hourglass", "violet"),
    "refused": (gettext_lazy("The provider refused. Nothing was done."), "ban", "red"),
    "not_sent": (gettext_lazy("Nothing left this machine. Nothing was done."), "unplug", "amber"),
    "later": (gettext_lazy("The provider asks to wait. The same request is sent again later."), "clock", "amber"),
    "unknown": (gettext_lazy("From this nobody can tell whether it happened."), "circle-help", "amber"),
}
VERDICTS = {
    "applied": (gettext_lazy("Read back: it happened."), "circle-check", "green"),
    "absent": (gettext_lazy("Read back: no effect to be seen."), "eye", ""),
    "unclear": (gettext_lazy("Read back: that does not tell."), "circle-help", "amber"),
    "failed": (gettext_lazy("Read back: the provider tried, and it came to nothing."), "circle-x", "red"),
}
BY_HAND = {
    "resolution_proposed": gettext_lazy("Proposed by hand"),
    "resolved": gettext_lazy("Settled by hand"),
    "resumed": gettext_lazy("Gone on with"),
}
WIRE = {
    Attempt.Wire.NONE: gettext_lazy("Nothing was written."),
    Attempt.Wire.MAYBE: gettext_lazy("It was written; it may have arrived."),
}


@dataclass(frozen=True)
class Told:
    """How an operation stands."""

    headline: str
    sentences: list[str]
    tone: str
    icon: str


@dataclass(frozen=True)
class Step:
    """One thing that happened."""

    at: datetime
    title: str
    icon: str
    tone: str = ""
    by: str = ""
    lines: list[str] = field(default_factory=list)
    said: str = ""  # the provider's words, shown as text
    request: str = ""  # what was sent, redacted
    is_look: bool = False  # a read-back


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


def story(operation: Operation, *, money: bool) -> list[Step]:
    """Everything that happened, oldest first. `money`: whether who reads it may see amounts."""
    audit = list(AuditEntry.objects.filter(target=f"operation:{operation.pk}").order_by("sequence"))
    return list(_gathered(sorted(_steps(operation, audit, money), key=lambda step: step.at)))


def _gathered(steps: list[Step]) -> Iterator[Step]:
    """Reads that follow each other and saw the same are told once, with how many there were."""
    for (looks, _title, lines), alike in groupby(steps, key=lambda step: (step.is_look, step.title, tuple(step.lines))):
        found = list(alike)
        if not looks or len(found) == 1:
            yield from found
            continue
        between = _("%(found)s reads, the first at %(at)s.") % {"found": len(found), "at": clock(found[0].at)}
        yield replace(found[-1], lines=[*lines, between])


APPROVING = {  # what happened: in words, its sign
    "awaiting": (gettext_lazy("Waits for approval"), "clock", "blue"),
    "stale": (gettext_lazy("The seal broke: it waits for approval again"), "triangle-alert", "amber"),
    "reworked": (gettext_lazy("Changed, so it waits for approval again"), "file-pen", "amber"),
    "withdrawn": (gettext_lazy("Withdrawn before anybody decided"), "x", ""),
    "rejected": (gettext_lazy("Rejected"), "circle-x", "red"),
    "expired": (gettext_lazy("Nobody approved it in time"), "clock", ""),
}


def _approving(entry: AuditEntry, did: str, money: bool) -> Step:
    title, icon, tone = APPROVING[did]
    lines = [entry.facts["why"]] if entry.facts.get("why") else []
    lines += [
        _("%(what)s: was %(was)s, is %(now)s") % {"what": what, "was": was or _("nothing"), "now": now or _("nothing")}
        for what, was, now, *unit in entry.facts.get("changed", ())
        if money or not any(unit)
    ]
    if did == "awaiting":
        lines = [
            _("Policy %(policy)s: %(rules)s")
            % {"policy": entry.facts["policy"], "rules": ", ".join(need["rule"] for need in entry.facts["needs"])}
        ]
    return Step(
        at=entry.at, title=title, icon=icon, tone=tone, by=entry.actor_name if entry.actor_id else "", lines=lines
    )


def _steps(operation: Operation, audit: list[AuditEntry], money: bool) -> Iterator[Step]:
    yield Step(
        at=operation.created_at,
        title=_("%(verb)s asked for") % {"verb": said(VERBS[operation.verb].name)},
        icon="user-round",
        by=str(operation.requester),
        lines=_seen(next((each.facts["before"] for each in audit if each.facts.get("before")), operation.seen), money),
    )
    for entry in audit:
        did = entry.action.rpartition(".")[2]
        if did == "approved":
            policy = entry.facts.get("policy")
            lines = [
                _("No policy asks for a second person.")
                if policy == "none"
                else _("As policy %(policy)s asks.") % {"policy": policy}
            ]
            yield Step(at=entry.at, title=_("Approved"), icon="check", lines=lines)
        elif did in APPROVING:
            yield _approving(entry, did, money)
        elif did == "cancelled":
            yield Step(at=entry.at, title=_("Called back before it was sent"), icon="x", by=entry.actor_name)
        elif did in BY_HAND:
            yield _by_hand(entry, did)
    for attempt in operation.attempts.all():
        yield from _attempt(operation, attempt)
    for seen in operation.evidence:
        yield _evidence(seen, operation)
    if operation.finished_at and operation.state not in (State.CANCELLED, State.REJECTED, State.EXPIRED):
        stands = told(operation, money=money)
        yield Step(
            at=operation.finished_at,
            title=stands.headline,
            icon=stands.icon,
            tone=stands.tone,
            lines=_settled(operation),
        )


def _by_hand(entry: AuditEntry, did: str) -> Step:
    facts = entry.facts
    said = {True: _("It happened."), False: _("It did not happen.")}.get(facts.get("applied"), "")
    where = _("Evidence: %(evidence)s") % {"evidence": facts["evidence"]} if facts.get("evidence") else ""
    solo = _("Nobody else may settle it, so one word was enough.") if facts.get("agreement") == "solo" else ""
    return Step(
        at=entry.at,
        title=BY_HAND[did],
        icon="user-round",
        tone="violet",
        by=entry.actor_name,
        lines=[said, facts.get("why", ""), where, solo],
    )


def _seen(seen: dict, money: bool) -> list[str]:
    words = (
        [_("provider's status %(provider_status)s") % {"provider_status": seen["provider_status"]}]
        if seen.get("provider_status")
        else []
    )
    if money and seen.get("total") is not None:
        words.append(f"total {money_text(Decimal(seen['total']), str(seen.get('currency', '')))}")
    if seen.get("version"):
        words.append(f"version {seen['version']}")
    return [_("Looking at: %(words)s.") % {"words": ", ".join(words)}] if words else []


def _attempt(operation: Operation, attempt: Attempt) -> Iterator[Step]:
    endpoint = PROVIDERS[operation.connection.provider].endpoints.get(attempt.request.get("endpoint", ""))
    call = f"{endpoint.method} {endpoint.path}" if endpoint else attempt.request.get("endpoint", "")
    sent = {name: value for name, value in attempt.request.items() if name != "endpoint" and value}
    yield Step(
        at=attempt.committed_at,
        title=_("Attempt %(number)s: %(call)s") % {"number": attempt.number, "call": call},
        icon="send",
        tone="violet",
        lines=[] if attempt.ended_at else [_("Its answer is not known yet.")],
        request=redacted(json.dumps(sent, indent=2, ensure_ascii=False)) if sent else "",
    )
    if attempt.ended_at is None:
        return
    meaning, icon, tone = CLASSIFIED.get(attempt.classified, (attempt.classified, "circle-dot", ""))
    took = (
        _(" after %(milliseconds)s ms") % {"milliseconds": attempt.milliseconds}
        if attempt.milliseconds is not None
        else ""
    )
    answer = (
        _("Answered %(http_status)s%(took)s") % {"http_status": attempt.http_status, "took": took}
        if attempt.http_status
        else WIRE.get(attempt.wire, _("No answer%(took)s.") % {"took": took})
    )
    yield Step(
        at=attempt.ended_at,
        title=answer.rstrip("."),
        icon=icon,
        tone=tone,
        lines=[meaning] if attempt.http_status else [meaning, attempt.said],  # without an answer the words are ours
        said=attempt.said if attempt.http_status else "",
    )


def _evidence(seen: dict, operation: Operation) -> Step:
    at = parse_datetime(seen.get("at", "")) or operation.created_at
    if seen.get("late"):
        meaning = CLASSIFIED.get(seen.get("saw", ""), ("",))[0]
        return Step(
            at=at,
            title=_("A late answer to attempt %(attempt)s") % {"attempt": seen.get("attempt")},
            icon="clock",
            lines=[meaning],
        )
    title, icon, tone = VERDICTS.get(seen.get("verdict", ""), (_("Read back"), "eye", ""))
    return Step(at=at, title=title.rstrip("."), icon=icon, tone=tone, lines=[seen.get("saw", "")], is_look=True)


def _settled(operation: Operation) -> list[str]:
    message = operation.outcome.get("message", "")
    settled = (
        _("Settled by: %(by)s.") % {"by": operation.get_settled_by_display().lower()} if operation.settled_by else ""
    )
    return [text for text in (message, settled) if text]
