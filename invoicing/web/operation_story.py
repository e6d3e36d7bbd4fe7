"""An operation's story: everything that led to where it stands, in the order it happened."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing.logs import redacted
from invoicing.models import Attempt, AuditEntry, Operation
from invoicing.operations.registry import VERBS
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import OperationState
from invoicing.web.formats import money_text, within
from invoicing.web.operation_standing import clock, told
from invoicing.web.sentences import said

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
    if operation.finished_at and operation.state not in (
        OperationState.CANCELLED,
        OperationState.REJECTED,
        OperationState.EXPIRED,
    ):
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
        _("Settled by: %(by)s.") % {"by": within(operation.get_settled_by_display())} if operation.settled_by else ""
    )
    return [text for text in (message, settled) if text]
