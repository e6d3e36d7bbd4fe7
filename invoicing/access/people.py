"""Adding people, giving them roles and reach, and taking them back. Every change is on record and ends the person's sessions.

`by` is None for whoever has a shell on the machine itself.
"""

from collections.abc import Iterable
from decimal import Decimal

from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from invoicing.access.rights import can, people_with, require, roles_with
from invoicing.access.scopes import Reach, scope_of
from invoicing.models import AuditEntry, Scope, User
from invoicing.money import exact_text


class CannotChange(Exception):
    """That change to people or roles cannot be; the text says why."""

    def __init__(self, text: str, field: str = ""):
        super().__init__(text)
        self.field = field


def add(*, email: str, name: str = "", roles: Iterable[str] = (), by: User | None, reason: str) -> User:
    """A person without a password: a one-time link lets them choose one. Errors: CannotChange, NotAllowed."""
    _may(by, reason)
    email = email.strip().lower()
    if User.objects.filter(email__iexact=email).exists():
        raise CannotChange(_("Somebody has this e-mail already."), "email")
    first, _space, last = name.strip().partition(" ")
    with transaction.atomic():
        person = User(username=email[:150], email=email, first_name=first[:150], last_name=last[:150])
        person.set_unusable_password()
        person.save()
        person.groups.set(_known(roles))
        AuditEntry.objects.record(
            "person.added", actor=by, target=f"user:{person.pk}", reason=reason, email=email, roles=sorted(roles)
        )
    return person


def set_roles(person: User, roles: Iterable[str], *, by: User | None, reason: str) -> None:
    """Exactly these roles from now on. Errors: CannotChange, NotAllowed."""
    _may(by, reason)
    wanted = _known(roles)
    with transaction.atomic():
        person = _locked(person)
        before = sorted(person.groups.values_list("name", flat=True))
        after = sorted(group.name for group in wanted)
        if before == after:
            return
        solo = _own(person, by)
        _keep_an_access_admin(person, wanted)
        person.groups.set(wanted)
        end_sessions(person)
        AuditEntry.objects.record(
            "roles.set", actor=by, target=f"user:{person.pk}", reason=reason, before=before, after=after, solo=solo
        )


def set_scope(person: User, reach: Reach, *, by: User | None, reason: str) -> None:
    """How far the person's rights reach from now on. Errors: CannotChange, NotAllowed."""
    _may(by, reason)
    with transaction.atomic():
        person = _locked(person)
        before = shown(scope_of(person))
        if before == shown(reach):
            return
        solo = _own(person, by)
        Scope.objects.update_or_create(user=person, defaults=shown(reach))
        end_sessions(person)
        AuditEntry.objects.record(
            "scope.set", actor=by, target=f"user:{person.pk}", reason=reason, before=before, after=shown(reach),
            solo=solo,
        )  # fmt: skip


def set_active(person: User, active: bool, *, by: User | None, reason: str) -> None:
    """Let somebody in again, or no longer. Nothing they did is lost. Errors: CannotChange, NotAllowed."""
    _may(by, reason)
    with transaction.atomic():
        person = _locked(person)
        if person.is_active == active:
            return
        if not active:
            if by is not None and by.pk == person.pk:
                raise CannotChange(_("Nobody can lock themselves out. Ask another access admin."))
            _keep_an_access_admin(person, [])
        User.objects.filter(pk=person.pk).update(is_active=active)
        end_sessions(person)
        AuditEntry.objects.record(
            "person.let_in" if active else "person.locked_out", actor=by, target=f"user:{person.pk}", reason=reason
        )


def sign_out(person: User, *, by: User, reason: str = "") -> None:
    """End every session of somebody. Errors: NotAllowed."""
    if by.pk != person.pk:
        require(by, "people")
    with transaction.atomic():
        end_sessions(person)
        AuditEntry.objects.record("person.signed_out", actor=by, target=f"user:{person.pk}", reason=reason)


def link_made(person: User, *, by: User) -> None:
    """That a one-time link was made, which lets the person choose a password. Errors: NotAllowed."""
    require(by, "people")
    AuditEntry.objects.record("person.link_made", actor=by, target=f"user:{person.pk}")


def first_access_admin(person: User, *, reason: str) -> None:
    """Who set the desk up takes the first role, once: while nobody manages people. Errors: CannotChange."""
    if not (person.is_active and person.is_superuser):
        raise CannotChange("Only who was made with createsuperuser can begin.")
    with transaction.atomic():
        list(Group.objects.select_for_update().filter(name="access admin"))
        if people_with("people"):
            raise CannotChange("An access admin is there already. Ask them for a role.")
        person.groups.add(Group.objects.get_or_create(name="access admin")[0])
        end_sessions(person)
        AuditEntry.objects.record(
            "roles.first", actor=person, target=f"user:{person.pk}", reason=reason, after=["access admin"]
        )


def may_begin(user) -> bool:
    """Whether somebody may take the first role: who made the desk, while nobody manages people."""
    return user.is_active and user.is_superuser and not people_with("people")


def may_set_up(user) -> bool:
    return any(can(user, right) for right in ("people", "connect", "publish_policy")) or may_begin(user)


def end_sessions(person: User) -> None:
    """Every signed-in browser of the person is signed out at its next request."""
    for session in UserSession.objects.filter(user=person):
        session.end()
    User.objects.filter(pk=person.pk).update(session_epoch=F("session_epoch") + 1)


def shown(reach: Reach) -> dict:
    """A reach in JSON's own types, as it is stored."""
    return {
        "connections": None if reach.connections is None else sorted(reach.connections),
        "directions": None if reach.directions is None else sorted(reach.directions),
        "limits": {
            name: {unit: exact_text(Decimal(figure)) for unit, figure in sorted(units.items())}
            for name, units in sorted(reach.limits.items())
            if units
        },
    }


def _may(by: User | None, reason: str) -> None:
    if by is not None:
        require(by, "people")
    if not reason.strip():
        raise CannotChange(_("Say why. The reason stays in the audit trail."), "reason")


def _known(roles: Iterable[str]) -> list[Group]:
    names = set(roles)
    found = list(Group.objects.filter(name__in=names))
    if len(found) != len(names):
        raise CannotChange(f"There is no role {', '.join(sorted(names - {each.name for each in found}))}.", "roles")
    return found


def _locked(person: User) -> User:
    return User.objects.select_for_update().get(pk=person.pk)


def _own(person: User, by: User | None) -> bool:
    """Whether one changes oneself, which is only for the last one who could be asked. Errors: CannotChange."""
    if by is None or by.pk != person.pk:
        return False
    if any(each.pk != by.pk for each in people_with("people")):
        raise CannotChange(_("Nobody changes their own access. Ask another access admin."))
    return True


def _keep_an_access_admin(person: User, wanted: list[Group]) -> None:
    if roles_with("people") & {group.name for group in wanted}:
        return
    able = [each.pk for each in people_with("people")]
    if able == [person.pk]:
        raise CannotChange(
            _("This is the last person who manages people. Give somebody else that role first."), "roles"
        )
