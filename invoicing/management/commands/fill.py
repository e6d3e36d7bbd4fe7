from django.core.management import BaseCommand, CommandError

from invoicing.benchmarks.filling import NotEmpty, fill


class Command(BaseCommand):
    help = (
        "Fill an empty database with made-up invoices, five lines each, always the same for a seed. For measurements."
    )

    def add_arguments(self, parser):
        parser.add_argument("--invoices", type=int, default=100_000)
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *, invoices, seed, **options):
        try:
            seconds = fill(invoices, seed=seed, tell=self._tell)
        except NotEmpty as error:
            raise CommandError(str(error)) from None
        self.stdout.write(self.style.SUCCESS(f"{invoices:,} invoices in {seconds:.0f} s"))

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
