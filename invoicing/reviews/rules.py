"""Rules that put invoice versions in the queue: how they read, and when they apply. Nothing is read from anywhere."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from invoicing.models import AnomalyKind
from invoicing.money import exact_text, parse_amount
from invoicing.vocabulary import Direction, Status

MOST_RULES, MOST_PEOPLE, MOST_DAYS = 40, 9, 30
ANY = "any"


class NotRules(Exception):
    """These rules do not hold together. `rule`: the number of the one that is wrong, from 1; `field`: its field."""

    def __init__(self, message: str, *, rule: int = 0, field: str = ""):
        super().__init__(message)
        self.rule, self.field = rule, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What it applies to, and how many people it asks. What is left empty holds for all."""

    name: str
    people: int = 1
    due_days: int | None = None  # business days; empty: the desk's own
    direction: str = ""
    providers: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()  # of the document
    customer: str = ""  # name or external id
    unit: str = ""  # of the amount
    above: Decimal | None = None
    anomalies: tuple[str, ...] = ()  # any of these kinds; "any" is every kind

    def as_json(self) -> dict[str, Any]:
        plain = asdict(self) | {"above": None if self.above is None else exact_text(self.above)}
        return json.loads(json.dumps(plain))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An invoice version as far as rules look at it."""

    provider: str
    direction: str
    status: str
    customers: frozenset[str] = field(default_factory=frozenset)  # name and external id
    amounts: tuple[tuple[Decimal | None, str], ...] = ()
    anomalies: frozenset[str] = field(default_factory=frozenset)


def applies(rule: Rule, subject: Subject) -> bool:
    if rule.customer and rule.customer.casefold() not in {each.casefold() for each in subject.customers}:
        return False
    found = subject.anomalies if ANY in rule.anomalies else subject.anomalies & set(rule.anomalies)
    return (
        rule.direction in ("", subject.direction)
        and (not rule.providers or subject.provider in rule.providers)
        and (not rule.statuses or subject.status in rule.statuses)
        and (not rule.anomalies or bool(found))
        and ((rule.above is None and not rule.unit) or any(_reaches(rule, each) for each in subject.amounts))
    )


def _reaches(rule: Rule, amount: tuple[Decimal | None, str]) -> bool:
    figure, unit = amount
    if rule.unit and unit != rule.unit:
        return False
    return rule.above is None or figure is None or abs(figure) > rule.above  # unknown may be more


def rules_in(stored: Iterable[Mapping[str, Any]]) -> list[Rule]:
    """Errors: NotRules."""
    rules = [_rule(number, each) for number, each in enumerate(stored, 1)]
    if len(rules) > MOST_RULES:
        raise NotRules(_("There can be at most %(most)d rules.") % {"most": MOST_RULES})
    names = [rule.name for rule in rules]
    for number, name in enumerate(names, 1):
        if name in names[: number - 1]:
            raise NotRules(_("Another rule has this name."), rule=number, field="name")
    return rules


def _rule(number: int, given: Mapping[str, Any]) -> Rule:
    def wrong(message: str, name: str) -> NotRules:
        return NotRules(message, rule=number, field=name)

    if set(given) - set(Rule.__slots__):
        raise wrong(_("A rule has no “%(name)s”.") % {"name": sorted(set(given) - set(Rule.__slots__))[0]}, "")
    name = str(given.get("name") or "").strip()
    if not name or len(name) > 120:
        raise wrong(_("Name the rule, in at most 120 letters."), "name")
    try:
        above = None if given.get("above") in (None, "") else parse_amount(str(given["above"]))
    except ValueError:
        raise wrong(_("Write the amount with a dot and without thousands separators: 1234.50."), "above") from None
    if above is not None and above < 0:
        raise wrong(_("The amount cannot be negative."), "above")
    choices = {
        "statuses": set(Status.values),
        "anomalies": {*AnomalyKind.values, ANY},
    }
    for many, known in choices.items():
        if unknown := set(given.get(many) or ()) - known:
            raise wrong(_("There is no “%(name)s” to choose.") % {"name": sorted(unknown)[0]}, many)
    direction = str(given.get("direction") or "")
    if direction and direction not in Direction.values:
        raise wrong(_("Choose receivables, payables or both."), "direction")
    return Rule(
        name=name,
        people=_whole(given.get("people") or 1, 1, MOST_PEOPLE, lambda text: wrong(text, "people")),
        due_days=None
        if given.get("due_days") in (None, "")
        else _whole(given["due_days"], 0, MOST_DAYS, lambda text: wrong(text, "due_days")),
        direction=direction,
        **{
            many: tuple(sorted({str(each) for each in given.get(many) or ()}))
            for many in ("providers", "statuses", "anomalies")
        },
        customer=str(given.get("customer") or "").strip()[:255],
        unit=str(given.get("unit") or "").strip()[:64],
        above=above,
    )


def _whole(value: Any, least: int, most: int, wrong) -> int:
    if not str(value).isdecimal() or not least <= int(str(value)[:9]) <= most:
        raise wrong(_("A number from %(least)d to %(most)d.") % {"least": least, "most": most})
    return int(str(value))


def starters() -> list[Rule]:
    """Rules that are ready and off. One click puts them in force; each can be changed after."""
    return [
        Rule(name=_("Bills to us, before they are paid"), direction=Direction.PAYABLE, statuses=(Status.FINALIZED,)),
        Rule(
            name=_("Receivables with something unusual"),
            direction=Direction.RECEIVABLE,
            statuses=(Status.DRAFT, Status.FINALIZED),
            anomalies=(ANY,),
        ),
        Rule(
            name=_("Large receivables"),
            direction=Direction.RECEIVABLE,
            statuses=(Status.DRAFT, Status.FINALIZED),
            above=Decimal(10_000),
            people=2,
        ),
    ]
