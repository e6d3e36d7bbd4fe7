import json

from django.core.management import BaseCommand

from invoicing.operations.tasks import reconcile


class Command(BaseCommand):
    help = "Settle what is due: spooled outcomes, ended workers' leases, unknown outcomes by reading back."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true")

    def handle(self, **options):
        counts = reconcile()
        if options["json"]:
            self.stdout.write(json.dumps(counts))
        else:
            self.stdout.write(", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in counts.items()))
