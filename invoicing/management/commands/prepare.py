from django.core.management import BaseCommand, call_command


class Command(BaseCommand):
    help = "Bring database, cache table and static files up to date: after the first install and after each upgrade."

    def add_arguments(self, parser):
        parser.add_argument("--demo", action="store_true", help="also make the demo people (beside the sandbox only)")

    def handle(self, *, demo, **options):
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        if demo:
            call_command("demo_people")
