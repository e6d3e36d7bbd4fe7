"""A policy tried on what was really asked: which operations would have waited, for whom, and which nobody could have approved."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from invoicing.access import rights
from invoicing.approvals import counting, policies, seals
from invoicing.approvals.asking import subject_of
from invoicing.models import Batch, Operation, User, clock

DAYS, MOST, SHOWN = 90, 5000, 50


@dataclass(frozen=True)
class Waiting:
    """One operation that would have waited."""

    operation: Operation
    needs: list[dict[str, Any]]
    able: tuple[User, ...]
    missing: int  # people who could not have been found


@dataclass
class Trial:
    looked_at: int = 0
    more: bool = False  # there were more than were looked at
    waits: int = 0
    by_rule: Counter = field(default_factory=Counter)
    by_person: Counter = field(default_factory=Counter)  # how often each could have been asked
    by_verb: Counter = field(default_factory=Counter)
    unsatisfied: int = 0
    shown: list[Waiting] = field(default_factory=list)  # those nobody could approve first


def simulate(stored: list[dict[str, Any]], *, visible=None) -> Trial:
    """`visible`: the operations to look at; every one of the last 90 days unless given. Errors: NotAPolicy."""
    rules, trial = policies.rules_in(stored), Trial()
    rows = Operation.objects.all() if visible is None else visible
    rows = rows.filter(parent=None, created_at__gte=clock.now() - timedelta(days=DAYS))
    found = list(
        rows.select_related("connection", "invoice__customer", "requester").order_by("-created_at", "-pk")[: MOST + 1]
    )
    trial.more = len(found) > MOST
    found = found[:MOST]
    people = rights.people_with("approve")
    sizes = Counter(each.correlation for each in found)
    batches = set(Batch.objects.filter(pk__in=list(sizes)).values_list("pk", flat=True))
    waiting = []
    for operation in found:
        trial.looked_at += 1
        rows_of = sizes[operation.correlation] if operation.correlation in batches else None
        needs = policies.needs_of(rules, [_subject(operation, rows_of)])
        if not needs:
            continue
        able = tuple(each for each in people if _could(each, operation, needs))
        at_once = [need | {"ordered": False} for need in needs]
        left = counting.missing(at_once, [rights.roles_of(each) for each in able])
        trial.waits += 1
        trial.by_rule.update(need["rule"] for need in needs)
        trial.by_verb[operation.verb] += 1
        trial.by_person.update(able)
        trial.unsatisfied += bool(left)
        waiting.append(Waiting(operation, needs, able, left))
    waiting.sort(key=lambda each: each.missing == 0)
    trial.shown = waiting[:SHOWN]
    return trial


def _subject(operation: Operation, rows: int | None) -> policies.Subject:
    """As it was seen when it was asked for, not as it is today."""
    seen = operation.seen
    amounts: list[policies.Amount] = (
        [(Decimal(seen["total"]), str(seen.get("currency", "")))] if seen.get("total") else []
    )
    if not operation.invoice_id:
        amounts = list(seals.amounts_in(None, operation.arguments))
    now = subject_of(operation.verb, operation.connection, operation.invoice)
    return policies.Subject(
        verb=now.verb,
        provider=now.provider,
        connection=now.connection,
        direction=now.direction,
        customers=now.customers,
        amounts=tuple(amounts),
        rows=rows,
    )


def _could(person: User, operation: Operation, needs: list[dict[str, Any]]) -> bool:
    if person.pk == operation.requester_id or not rights.can(person, "approve", operation):
        return False
    roles = rights.roles_of(person)
    return any(counting.fits(step, roles) for need in needs for step in need["steps"])
