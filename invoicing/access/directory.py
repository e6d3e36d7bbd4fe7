"""What a company's own directory says about a person, made into roles at each sign-in through it.

DESK_OIDC_ROLES maps a group of the directory to a role: "finance-ops=operator,finance-leads=controller". Roles that stand in
the mapping follow the directory; others stay as an access admin gave them.
"""

from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.models import Group

from invoicing.access.people import set_roles
from invoicing.models import User

REASON = "The directory's groups say so."


def mapped_roles(groups: Iterable[str]) -> frozenset[str]:
    """The roles these groups of the directory stand for here."""
    held = set(groups)
    return frozenset(role for group, role in settings.DESK_OIDC_ROLES.items() if group in held) & _known()


def follow(person: User, groups: Iterable[str]) -> None:
    """Give and take the mapped roles as the directory has them now. Errors: people.CannotChange."""
    if not settings.DESK_OIDC_ROLES:
        return
    own = set(person.groups.values_list("name", flat=True))
    wanted = (own - set(settings.DESK_OIDC_ROLES.values())) | mapped_roles(groups)
    if wanted != own:
        set_roles(person, wanted, by=None, reason=REASON)


def _known() -> frozenset[str]:
    return frozenset(Group.objects.values_list("name", flat=True))
