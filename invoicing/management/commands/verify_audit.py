from django.core.management import BaseCommand, CommandError

from invoicing.operations.audit_trail import verify


class Command(BaseCommand):
    help = "Walk the audit trail's hash chain; fail naming the first broken entry."

    def handle(self, **options):
        result = verify()
        if result.broken_at is not None:
            raise CommandError(f"Broken at entry {result.broken_at}: {result.problem}")
        self.stdout.write(f"{result.checked} entries, unbroken; head {result.head[:16]}")
