"""Who a command acts as."""

from django.core.management import CommandError

from invoicing.access.rights import people_with, roles_of
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
    able = people_with(right)
    for may in ([each for each in able if "operator" in roles_of(each)], able):
        if len(may) == 1:
            return may[0]
    raise CommandError("Say who acts: --as E-MAIL.")
