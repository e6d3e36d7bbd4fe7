"""Who may do what: one question, asked by page, form, command, job and export alike. It never asks `is_superuser`."""

from enum import Enum

from invoicing.models import User

EVERYONE = frozenset({"viewer", "operator", "reviewer", "controller", "auditor", "sync admin"})
RIGHTS: dict[str, frozenset[str]] = {
    "view": EVERYONE,
    "view_raw": frozenset({"operator", "reviewer", "controller", "auditor", "sync admin"}),
    "refresh": frozenset({"operator", "reviewer", "controller", "sync admin"}),
    "export": frozenset({"operator", "reviewer", "controller", "auditor"}),
    "request": frozenset({"operator", "controller"}),
    "cancel": frozenset({"operator", "controller"}),
    "settle": frozenset({"controller"}),
    "stop": frozenset({"operator", "reviewer", "controller", "sync admin"}),
    "lift": frozenset({"controller"}),
    "sync": frozenset({"sync admin"}),
    "connect": frozenset({"sync admin"}),
    "audit": frozenset({"auditor", "controller"}),
}
"""Right → the roles that carry it."""


class NotAllowed(Exception):
    """This person may not do that; the message says what is missing."""


def roles_of(user: User) -> frozenset[str]:
    """The names of the user's groups, read once a request."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    known = user.__dict__.get("_roles")
    if known is None:
        known = user.__dict__["_roles"] = frozenset(user.groups.values_list("name", flat=True))
    return known


def can(user: User, right: str, thing=None) -> bool:
    """Whether `user` has `right` on `thing` (an invoice, an operation, a connection); without a thing, at all."""
    return bool(roles_of(user) & RIGHTS[right])


def require(user: User, right: str, thing=None) -> None:
    """Errors: NotAllowed."""
    if not can(user, right, thing):
        wanted = " or ".join(sorted(RIGHTS[right]))
        raise NotAllowed(f"This needs the role {wanted}. An access admin can give it.")


class Agreement(Enum):
    """How far a decision of two people has come."""

    ASKED = "asked"  # somebody else has to agree
    AGREED = "agreed"
    SOLO = "solo"  # nobody else may, so one was enough; it is on record


def agreement(right: str, *, asked_by: int | None, by: User) -> Agreement:
    """Where two people are asked for: the first one asks, another one agrees. `asked_by`: the first one's id, if any."""
    if asked_by is not None and asked_by != by.pk:
        return Agreement.AGREED
    others = User.objects.filter(is_active=True, groups__name__in=RIGHTS[right]).exclude(pk=by.pk)
    return Agreement.ASKED if others.exists() else Agreement.SOLO
