"""Who may do what: one question, asked by page, form, command, job and export alike. It never asks `is_superuser`.

The rights there are stand in access/shipped.py; how far they reach in access/scopes.py.
"""

from decimal import Decimal
from enum import Enum

from django.contrib.auth.models import Group
from django.utils.translation import gettext as _

from invoicing.access import scopes
from invoicing.access.shipped import RIGHTS
from invoicing.models import User

Amount = tuple[Decimal | None, str]


class NotAllowed(Exception):
    """This person may not do that; the message says what is missing."""


def roles_of(user) -> frozenset[str]:
    """The names of the user's roles, read once a request."""
    return scopes.standing_of(user).roles


def can(user, right: str, thing=None, *, amount: Amount | None = None) -> bool:
    """Whether `user` has `right` on `thing` (an invoice, an operation, a connection …); without a thing, at all.

    `amount`: figure and unit, where the thing does not say itself what it amounts to.
    """
    return _obstacle(user, right, thing, amount) is None


def require(user, right: str, thing=None, *, amount: Amount | None = None) -> None:
    """Errors: NotAllowed."""
    obstacle = _obstacle(user, right, thing, amount)
    if obstacle is not None:
        raise NotAllowed(_in_words(obstacle, user, right, thing, amount))


def roles_with(right: str) -> frozenset[str]:
    """The roles that carry the right now."""
    roles = Group.objects.values_list("name", "role__rights")
    return frozenset(name for name, stored in roles if right in scopes.rights_of(name, stored))


def people_with(right: str, thing=None, *, amount: Amount | None = None) -> list[User]:
    """Every active person who has the right on the thing, by name."""
    people = list(User.objects.filter(is_active=True, groups__name__in=roles_with(right)).distinct().order_by("pk"))
    known = scopes.standings([each.pk for each in people])
    for each in people:
        each.__dict__["_standing"] = known[each.pk]
    return [each for each in people if can(each, right, thing, amount=amount)]


class Obstacle(Enum):
    """Why somebody may not."""

    ROLE = "role"
    REACH = "reach"
    LIMIT = "limit"


def _obstacle(user, right: str, thing, amount: Amount | None) -> Obstacle | None:
    if right not in RIGHTS:
        raise KeyError(right)
    if right not in scopes.standing_of(user).rights:
        return Obstacle.ROLE
    if thing is not None and not scopes.covers(user, thing):
        return Obstacle.REACH
    if right in scopes.LIMITED and not scopes.within_limit(user, right, _asked(thing, amount)):
        return Obstacle.LIMIT
    return None


def _asked(thing, amount: Amount | None) -> Amount | None:
    return amount or (scopes.amount_of(thing) if thing is not None else None)


def _in_words(obstacle: Obstacle, user, right: str, thing, amount: Amount | None) -> str:
    if obstacle is Obstacle.ROLE:
        roles = " or ".join(sorted(roles_with(right)))
        return _("This needs the role %(roles)s. An access admin can give it.") % {"roles": roles}
    if obstacle is Obstacle.REACH:
        return _("This is outside the connections you work on. An access admin can widen them.")
    figure, unit = _asked(thing, amount) or (None, "")
    limit = scopes.limit_of(user, right).get(unit)
    if limit is None or figure is None:
        return _("You have no limit for this unit or amount. An access admin can give you one.")
    return _("Your limit is %(limit)s %(unit)s, and this is more. Somebody with a higher one can do it.") % {
        "limit": limit,
        "unit": unit,
    }


class Agreement(Enum):
    """How far a decision of two people has come."""

    ASKED = "asked"  # somebody else has to agree
    AGREED = "agreed"
    SOLO = "solo"  # nobody else may, so one was enough; it is on record


def agreement(right: str, *, asked_by: int | None, by: User, thing=None) -> Agreement:
    """Where two people are asked for: the first one asks, another one agrees. `asked_by`: the first one's id, if any."""
    if asked_by is not None and asked_by != by.pk:
        return Agreement.AGREED
    others = [each for each in people_with(right, thing) if each.pk != by.pk]
    return Agreement.ASKED if others else Agreement.SOLO
