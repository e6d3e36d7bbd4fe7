"""Rules that ask for approval: how they read, when they apply, what they ask for together.

A policy is a list of rules. Every rule that applies asks for its people; one person's approval counts for each rule that
it fits. No rule applies, or no policy is in force: nobody is asked.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from invoicing.money import exact_text, parse_amount
from invoicing.vocabulary import Direction

MOST_RULES, MOST_STEPS, MOST_PEOPLE = 40, 3, 9
Amount = tuple[Decimal | None, str]  # None: how much it is cannot be known beforehand


class NotAPolicy(Exception):
    """These rules do not hold together. `rule`: the number of the one that is wrong, from 1; `field`: its field."""

    def __init__(self, message: str, *, rule: int = 0, field: str = ""):
        super().__init__(message)
        self.rule, self.field = rule, field


@dataclass(frozen=True, slots=True)
class Step:
    """So many people out of these roles; any role where none is named."""

    count: int
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What it applies to, and whom it asks. What is left empty holds for all."""

    name: str
    steps: tuple[Step, ...]
    ordered: bool = False  # one step after the other
    verbs: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()  # by name
    direction: str = ""
    customer: str = ""  # name or external id, as it stands
    unit: str = ""  # of the amounts; empty: whatever unit the invoice has
    above: Decimal | None = None
    up_to: Decimal | None = None
    rows_above: int | None = None  # asks of batches only: those with more rows

    def as_json(self) -> dict[str, Any]:
        plain = asdict(self)
        for name in ("above", "up_to"):
            plain[name] = None if plain[name] is None else exact_text(plain[name])
        return json.loads(json.dumps(plain))

    @property
    def people(self) -> int:
        return sum(step.count for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is to be approved, as far as rules look at it."""

    verb: str
    provider: str
    connection: str
    direction: str
    customers: frozenset[str] = field(default_factory=frozenset)  # name and external id
    amounts: tuple[Amount, ...] = ()  # what it is about, each in its unit
    rows: int | None = None  # of a batch


def rules_in(stored: Iterable[Mapping[str, Any]]) -> list[Rule]:
    """Errors: NotAPolicy."""
    rules = [_rule(number, each) for number, each in enumerate(stored, 1)]
    if len(rules) > MOST_RULES:
        raise NotAPolicy(_("A policy has at most %(most)d rules.") % {"most": MOST_RULES})
    names = [rule.name for rule in rules]
    for number, name in enumerate(names, 1):
        if name in names[: number - 1]:
            raise NotAPolicy(_("Another rule has this name."), rule=number, field="name")
    return rules


def _rule(number: int, given: Mapping[str, Any]) -> Rule:
    def wrong(message: str, name: str) -> NotAPolicy:
        return NotAPolicy(message, rule=number, field=name)

    known = set(Rule.__slots__)
    if set(given) - known:
        raise wrong(_("A rule has no “%(name)s”.") % {"name": sorted(set(given) - known)[0]}, "")
    name = str(given.get("name", "")).strip()
    if not name or len(name) > 120:
        raise wrong(_("Name the rule, in at most 120 letters."), "name")
    steps = tuple(_step(each, wrong) for each in given.get("steps", ()))
    if not steps or len(steps) > MOST_STEPS:
        raise wrong(_("Say how many people have to approve."), "steps")
    amounts: dict[str, Decimal | None] = {}
    for bound in ("above", "up_to"):
        text = given.get(bound)
        try:
            amounts[bound] = None if text in (None, "") else parse_amount(str(text))
        except ValueError:
            raise wrong(_("Write the amount with a dot and without thousands separators: 1234.50."), bound) from None
        if (amounts[bound] or 0) < 0:
            raise wrong(_("The amount cannot be negative."), bound)
    above, up_to = amounts["above"], amounts["up_to"]
    if above is not None and up_to is not None and up_to <= above:
        raise wrong(_("No amount is above the one and at most the other."), "up_to")
    rows = given.get("rows_above")
    if rows in (None, ""):
        rows = None
    elif not str(rows).isdecimal() or len(str(rows)) > 7:
        raise wrong(_("Write the number of rows in digits."), "rows_above")
    direction = str(given.get("direction") or "")
    if direction and direction not in Direction.values:
        raise wrong(_("Choose receivables, payables or both."), "direction")
    return Rule(
        name=name,
        steps=steps,
        ordered=bool(given.get("ordered")),
        **{
            many: tuple(sorted({str(each) for each in given.get(many) or ()}))
            for many in ("verbs", "providers", "connections")
        },
        direction=direction,
        customer=str(given.get("customer") or "").strip()[:255],
        unit=str(given.get("unit") or "").strip()[:64],
        above=above,
        up_to=up_to,
        rows_above=None if rows is None else int(rows),
    )


def _step(given: Mapping[str, Any], wrong) -> Step:
    count = given.get("count")
    if not str(count).isdecimal() or not 1 <= int(str(count)) <= MOST_PEOPLE:
        raise wrong(_("Between 1 and %(most)d people.") % {"most": MOST_PEOPLE}, "steps")
    return Step(int(str(count)), tuple(sorted({str(role) for role in given.get("roles") or ()})))


def digest(rules: Iterable[Rule]) -> str:
    return hashlib.sha256(json.dumps([rule.as_json() for rule in rules], sort_keys=True).encode()).hexdigest()


def applies(rule: Rule, subject: Subject) -> bool:
    if rule.rows_above is not None and (subject.rows is None or subject.rows <= rule.rows_above):
        return False
    if rule.customer and rule.customer.casefold() not in {each.casefold() for each in subject.customers}:
        return False
    return (
        (not rule.verbs or subject.verb in rule.verbs)
        and (not rule.providers or subject.provider in rule.providers)
        and (not rule.connections or subject.connection in rule.connections)
        and rule.direction in ("", subject.direction)
        and _amount_fits(rule, subject.amounts)
    )


def _amount_fits(rule: Rule, amounts: tuple[Amount, ...]) -> bool:
    """Whether any amount is in the range. One that cannot be known beforehand may be."""
    if rule.above is None and rule.up_to is None:
        return not rule.unit or not amounts or any(unit == rule.unit for _figure, unit in amounts)
    if not amounts:
        return True
    return any(_within(rule, amount) for amount in amounts)


def _within(rule: Rule, amount: Amount) -> bool:
    figure, unit = amount
    if rule.unit and unit != rule.unit:
        return False
    if figure is None:
        return True
    size = abs(figure)
    return (rule.above is None or size > rule.above) and (rule.up_to is None or size <= rule.up_to)


def needs_of(rules: Iterable[Rule], subjects: Iterable[Subject]) -> list[dict[str, Any]]:
    """What the rules that apply to any of the subjects ask for, JSON-ready; empty when nobody is asked."""
    found = list(subjects)
    return [
        {
            "rule": rule.name,
            "ordered": rule.ordered,
            "steps": [asdict(step) | {"roles": list(step.roles)} for step in rule.steps],
        }
        for rule in rules
        if any(applies(rule, subject) for subject in found)
    ]


_ONE, _TWO = [{"count": 1, "roles": []}], [{"count": 2, "roles": []}]
_FINAL = ["void", "void_and_replace", "regenerate_invoice", "finalize"]


def ready_made() -> list[dict[str, Any]]:
    """A policy to begin with: one approver for what cannot be undone and for every batch, two where it is large."""
    return [
        {"name": _("What cannot be undone"), "verbs": _FINAL, "steps": _ONE},
        {"name": _("Every batch"), "rows_above": 0, "steps": _ONE},
        {"name": _("Above 10,000 in the invoice's currency"), "verbs": _FINAL, "above": "10000", "steps": _TWO},
        {"name": _("Batches above 25 rows"), "rows_above": 25, "steps": _TWO},
    ]
