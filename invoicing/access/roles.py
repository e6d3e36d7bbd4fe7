"""What roles carry, who that touches, and which duties meet in one hand."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.translation import gettext as _

from invoicing.access.people import CannotChange, end_sessions
from invoicing.access.rights import require
from invoicing.access.scopes import Standing, rights_of, standings, together
from invoicing.access.shipped import RIGHTS, shipped_rights
from invoicing.models import ROLES, AuditEntry, Role, User

NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class RoleShown:
    """A role as it is: what it carries now, and whether that is what it was shipped with."""

    pk: int
    name: str
    purpose: str
    rights: frozenset[str]
    built_in: bool
    people: int

    @property
    def changed(self) -> bool:
        return self.built_in and self.rights != shipped_rights(self.name)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change of a role gives one person, and takes from them."""

    person: User
    gained: tuple[str, ...]
    lost: tuple[str, ...]


def all_roles() -> list[RoleShown]:
    """Built-in ones first, in their order; two queries."""
    counts: dict[str, int] = {}
    for name in User.objects.filter(is_active=True, groups__isnull=False).values_list("groups__name", flat=True):
        counts[name] = counts.get(name, 0) + 1
    found = [
        RoleShown(pk, name, purpose or ROLES.get(name, ""), rights_of(name, stored), name in ROLES, counts.get(name, 0))
        for pk, name, purpose, stored in Group.objects.values_list("pk", "name", "role__purpose", "role__rights")
    ]
    order = list(ROLES)
    return sorted(found, key=lambda role: (order.index(role.name) if role.built_in else len(order), role.name))


def effects(role: str, rights: Iterable[str]) -> list[Effect]:
    """Who would gain or lose what, if the role carried exactly these rights."""
    carried = {each.name: each.rights for each in all_roles()}
    after = carried | {role: frozenset(rights)}
    holders = list(User.objects.filter(is_active=True, groups__name=role).order_by("first_name", "email"))
    known = standings([each.pk for each in holders])
    found = []
    for person in holders:
        now = known[person.pk].rights
        then = together(frozenset().union(*(after.get(name, frozenset()) for name in known[person.pk].roles)))
        if now != then:
            found.append(Effect(person, _ordered(then - now), _ordered(now - then)))
    return found


def effect_on(person: User, roles: Iterable[str]) -> Effect:
    """What exactly these roles would give one person, and take from them."""
    carried = {each.name: each.rights for each in all_roles()}
    now = standings([person.pk]).get(person.pk, Standing()).rights
    then = together(frozenset().union(*(carried.get(name, frozenset()) for name in roles)))
    return Effect(person, _ordered(then - now), _ordered(now - then))


def set_rights(role: str, rights: Iterable[str], *, by: User, reason: str, purpose: str | None = None) -> None:
    """What the role carries from now on; its people sign in again. Errors: CannotChange, NotAllowed."""
    require(by, "people")
    if not reason.strip():
        raise CannotChange(_("Say why. The reason stays in the audit trail."), "reason")
    wanted = frozenset(rights)
    if unknown := wanted - RIGHTS.keys():
        raise CannotChange(_("There is no right %(names)s.") % {"names": ", ".join(sorted(unknown))}, "rights")
    with transaction.atomic():
        group = Group.objects.select_for_update().filter(name=role).first()
        if group is None:
            raise CannotChange(_("There is no such role."), "name")
        stored = Role.objects.filter(group=group).first()
        before = rights_of(role, stored.rights if stored else None)
        if "people" in before - wanted and not _others_manage_people(role):
            raise CannotChange(_("Nobody would be left who manages people."), "rights")
        changed = effects(role, wanted)
        Role.objects.update_or_create(
            group=group,
            defaults={"rights": sorted(wanted)} | ({} if purpose is None else {"purpose": purpose.strip()[:200]}),
        )
        for each in changed:
            end_sessions(each.person)
        AuditEntry.objects.record(
            "role.set", actor=by, target=f"role:{role}", reason=reason, before=sorted(before), after=sorted(wanted),
            people=len(changed),
        )  # fmt: skip


def add_role(name: str, *, by: User, reason: str, purpose: str = "") -> Group:
    """A role of one's own, carrying nothing yet. Errors: CannotChange, NotAllowed."""
    require(by, "people")
    name = " ".join(name.split()).lower()
    if not 0 < len(name) <= NAME_LENGTH or not name.isprintable():
        raise CannotChange(_("A role's name has 1 to %(most)s characters.") % {"most": NAME_LENGTH}, "name")
    if not reason.strip():
        raise CannotChange(_("Say why. The reason stays in the audit trail."), "reason")
    with transaction.atomic():
        group, new = Group.objects.get_or_create(name=name)
        if not new:
            raise CannotChange(_("There is a role of that name already."), "name")
        Role.objects.create(group=group, purpose=purpose.strip()[:200], rights=[])
        AuditEntry.objects.record("role.added", actor=by, target=f"role:{name}", reason=reason)
    return group


def _others_manage_people(role: str) -> bool:
    names = [each.name for each in all_roles() if "people" in each.rights and each.name != role]
    return User.objects.filter(is_active=True, groups__name__in=names).exists()


def _ordered(rights: Iterable[str]) -> tuple[str, ...]:
    held = set(rights)
    return tuple(right for right in RIGHTS if right in held)


DUTIES = (
    ("request", "approve"),
    ("request", "settle"),
    ("connect", "request"),
    ("people", "request"),
    ("publish_policy", "request"),
)
"""Pairs of rights that an auditor wants to know of when one person has both."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two duties in one hand."""

    person: User
    first: str
    second: str
    standing: Standing


def meetings() -> list[Meeting]:
    """Every active person who has both of a pair, as their roles stand together now."""
    people = list(User.objects.filter(is_active=True).order_by("first_name", "last_name", "email"))
    known = standings([each.pk for each in people])
    return [
        Meeting(person, first, second, known[person.pk])
        for person in people
        for first, second in DUTIES
        if {first, second} <= known[person.pk].rights
    ]
