"""Who a command acts as."""

from django.core.management import CommandError

from invoicing.access.rights import RIGHTS
from invoicing.models import User


def add_person(parser) -> None:
    parser.add_argument(
        "--as",
        dest="user",
        help="e-mail of the person acting; default: the only operator there is, or the only one who may",
    )


def person(email: str | None, right: str = "request") -> User:
    """The person named, or the only operator, or the only one with that right. Errors: CommandError."""
    people = User.objects.filter(is_active=True)
    if email:
        found = people.filter(email__iexact=email).first()
        if found is None:
            raise CommandError(f"Nobody has the e-mail {email}.")
        return found
    for roles in (RIGHTS[right] & {"operator"}, RIGHTS[right]):
        may = list(people.filter(groups__name__in=roles).distinct()[:2])
        if len(may) == 1:
            return may[0]
    raise CommandError("Say who acts: --as E-MAIL.")
