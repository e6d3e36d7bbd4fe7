from django.core.management import BaseCommand, CommandError

from invoicing.mirror import drift
from invoicing.models import Connection

SHOWN = 20


class Command(BaseCommand):
    help = "Recount the summary table from the rows; exit code 1 where they differ."

    def add_arguments(self, parser):
        parser.add_argument("--repair", action="store_true", help="make the table say what the rows say")

    def handle(self, *, repair, **options):
        differing = 0
        for connection in Connection.objects.all():
            found = drift.repair(connection) if repair else drift.recount(connection)
            differing += len(found)
            for each in found[:SHOWN]:
                self.stdout.write(f"{connection.name}: {each}")
            if len(found) > SHOWN:
                self.stdout.write(f"{connection.name}: {len(found) - SHOWN} more")
        if differing and not repair:
            raise CommandError(f"{differing} cells differ from their rows. --repair recounts them.")
        self.stdout.write(
            f"{differing} cells repaired." if repair and differing else "The summary agrees with the rows."
        )
