from django.core.management import BaseCommand

from invoicing.jobs import worker


class Command(BaseCommand):
    help = "Run background work: syncs, operations, read-backs, schedules."

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="run what is due and end")
        parser.add_argument("--threads", type=int, default=2)

    def handle(self, *, once, threads, **options):
        if once:
            self.stdout.write(f"{worker.drain()} jobs run")
        else:
            worker.run(threads)
