from django.contrib.auth.models import Group
from django.core.management import BaseCommand, CommandError
from django.db import transaction

from invoicing.models import ROLES, AuditEntry, User


class Command(BaseCommand):
    help = f"Set what a person may do. Roles: {'; '.join(f'{name} ({what})' for name, what in ROLES.items())}."

    def add_arguments(self, parser):
        parser.add_argument("email")
        parser.add_argument("roles", nargs="*", choices=list(ROLES), metavar="role", help="none takes all away")

    def handle(self, *, email, roles, **options):
        person = User.objects.filter(email__iexact=email).first()
        if person is None:
            raise CommandError(f"Nobody has the e-mail {email}.")
        with transaction.atomic():
            before = sorted(person.groups.values_list("name", flat=True))
            person.groups.set(Group.objects.filter(name__in=roles))
            AuditEntry.objects.record("roles.set", target=f"user:{person.pk}", before=before, after=sorted(roles))
        self.stdout.write(f"{person}: {', '.join(sorted(roles)) or 'no role'}")
