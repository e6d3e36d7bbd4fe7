import json
import uuid

from django.core.management import BaseCommand, CommandError

from invoicing.access import rights
from invoicing.access.rights import Agreement
from invoicing.management.acting import add_person, person
from invoicing.models import Operation
from invoicing.operations import resolving, steps


class Command(BaseCommand):
    help = (
        "Settle by hand what reading back cannot: the effect exists (applied), or it does not (absent); or go on with a "
        "void whose replacement is missing (resume). Where another person may, they have to agree by saying the same."
    )

    def add_arguments(self, parser):
        parser.add_argument("operation", help="its id")
        parser.add_argument("what", choices=["applied", "absent", "resume"])
        parser.add_argument("--reason", default="", help="what was seen at the provider")
        parser.add_argument("--created", default="", help="the provider's id of what it made")
        parser.add_argument("--json", action="store_true")
        add_person(parser)

    def handle(self, *, operation, what, reason, created, user, **options):
        try:
            found = Operation.objects.select_related("connection", "parent").get(pk=uuid.UUID(operation))
        except (ValueError, Operation.DoesNotExist):
            raise CommandError(f"There is no operation {operation}.") from None
        try:
            if what == "resume":
                steps.resume(found, by=person(user), reason=reason)
                told = {"state": found.state, "agreement": ""}
            else:
                by = person(user, "settle")
                agreed = resolving.resolve(found, applied=what == "applied", by=by, reason=reason, created=created)
                told = {"state": found.state, "agreement": agreed.value}
        except (rights.NotAllowed, resolving.CannotResolve, steps.CannotGoOn) as refusal:
            raise CommandError(str(refusal)) from refusal
        waits = told["agreement"] == Agreement.ASKED.value
        words = f"{told['state']}{': proposed, somebody else has to say the same' if waits else ''}"
        self.stdout.write(json.dumps(told) if options["json"] else words)
