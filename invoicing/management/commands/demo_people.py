import os

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management import BaseCommand, CommandError
from django.db import transaction

from invoicing.models import ROLES, User

FURTHER = {"operator": ["operator", "sync admin"]}


class Command(BaseCommand):
    help = "Make one demo person for each role, with the password in DESK_DEMO_PASSWORD. For trying out only."

    def handle(self, **options):
        password = os.environ.get("DESK_DEMO_PASSWORD")
        if not password:
            raise CommandError("DESK_DEMO_PASSWORD is not set.")
        if not settings.DESK_ALLOW_PRIVATE_HOSTS:
            raise CommandError("Demo people belong beside the sandbox; DESK_ALLOW_PRIVATE_HOSTS is off here.")
        for role in ROLES:
            name = role.replace(" ", "-")
            with transaction.atomic():
                user, new = User.objects.get_or_create(
                    email=f"{name}@desk.example",
                    defaults={"username": f"{name}@desk.example", "first_name": role.capitalize(), "last_name": "Demo"},
                )
                if new:
                    user.set_password(password)
                    user.save()
                    user.groups.set(Group.objects.filter(name__in=FURTHER.get(role, [role])))
