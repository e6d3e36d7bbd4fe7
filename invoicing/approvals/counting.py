"""How far approvals fill what is asked for. Roles in, numbers out; nothing is read from anywhere."""

from collections.abc import Sequence
from typing import Any

Need = dict[str, Any]  # {"rule", "ordered", "steps": [{"count", "roles"}]}
Roles = frozenset[str]


def fits(step: dict[str, Any], roles: Roles) -> bool:
    return not step["roles"] or bool(roles & set(step["roles"]))


def filled(need: Need, given: Sequence[Roles]) -> list[int]:
    """For each step how many of its places are taken, by approvals in the order they were given."""
    return _in_order(need, given) if need["ordered"] else _in_any_order(need, given)


def _in_order(need: Need, given: Sequence[Roles]) -> list[int]:
    steps = need["steps"]
    taken = [0] * len(steps)
    for roles in given:
        now = next((at for at, step in enumerate(steps) if taken[at] < step["count"]), None)
        if now is not None and fits(steps[now], roles):
            taken[now] += 1
    return taken


def _in_any_order(need: Need, given: Sequence[Roles]) -> list[int]:
    """The largest assignment of people to places: each new person may make others change places."""
    places = [at for at, step in enumerate(need["steps"]) for _ in range(step["count"])]
    holder: dict[int, int] = {}

    def seat(person: int, tried: set[int]) -> bool:
        for place, at in enumerate(places):
            if place in tried or not fits(need["steps"][at], given[person]):
                continue
            tried.add(place)
            if place not in holder or seat(holder[place], tried):
                holder[place] = person
                return True
        return False

    for person in range(len(given)):
        seat(person, set())
    taken = [0] * len(need["steps"])
    for place in holder:
        taken[places[place]] += 1
    return taken


def asked(need: Need) -> int:
    return sum(step["count"] for step in need["steps"])


def missing(needs: Sequence[Need], given: Sequence[Roles]) -> int:
    """How many people are still wanted, at the least."""
    return max((asked(need) - sum(filled(need, given)) for need in needs), default=0)


def complete(needs: Sequence[Need], given: Sequence[Roles]) -> bool:
    return missing(needs, given) == 0


def helps(needs: Sequence[Need], given: Sequence[Roles], roles: Roles) -> bool:
    """Whether one more approval, by somebody with these roles, fills a place."""
    after = [*given, roles]
    return any(sum(filled(need, after)) > sum(filled(need, given)) for need in needs)
