from django.core.management import BaseCommand, CommandError

from invoicing.access.keys import rotate
from invoicing.models.sealing import new_key as make_key


class Command(BaseCommand):
    help = (
        "Seal provider keys and second factors anew with the first key of DESK_FIELD_KEYS. First put a new key in front "
        "there and start everything again; then run this, while all goes on; then take the old key out."
    )

    def add_arguments(self, parser):
        parser.add_argument("--new-key", action="store_true", help="only print a key to put in front")

    def handle(self, *, new_key: bool, **options):
        if new_key:
            self.stdout.write(make_key())
            return
        done = rotate()
        self.stdout.write(f"Sealed anew: {done.connections} connections, {done.factors} second factors.")
        if done.shut:
            raise CommandError(f"No key of DESK_FIELD_KEYS opens: {', '.join(done.shut)}. Connect these again.")
        self.stdout.write("Nothing needs the older keys of DESK_FIELD_KEYS any more.")
