import json

from django.core.management import BaseCommand, CommandError

from invoicing.access import rights
from invoicing.management.acting import add_person, person
from invoicing.models import Incident
from invoicing.operations import incidents


class Command(BaseCommand):
    help = (
        "What providers show and no operation explains: the open ones. `incidents close NUMBER` once a person looked."
    )

    def add_arguments(self, parser):
        parser.add_argument("what", nargs="?", choices=["list", "close"], default="list")
        parser.add_argument("number", nargs="?", type=int)
        parser.add_argument("--reason", default="", help="what it was")
        parser.add_argument("--all", action="store_true", help="closed ones too")
        parser.add_argument("--json", action="store_true")
        add_person(parser)

    def handle(self, *, what, number, reason, user, **options):
        if what == "close":
            found = Incident.objects.filter(pk=number).first()
            if found is None:
                raise CommandError(f"There is no incident {number}.")
            try:
                incidents.close(found, by=person(user, "settle"), reason=reason)
            except (rights.NotAllowed, incidents.CannotClose) as refusal:
                raise CommandError(str(refusal)) from refusal
        rows = Incident.objects.select_related("connection", "invoice__connection")
        rows = rows if options["all"] else rows.filter(closed_at=None)
        told = [
            {
                "number": each.pk,
                "kind": each.kind,
                "connection": each.connection.name,
                "invoice": each.invoice_id,
                "external_id": each.invoice.external_id if each.invoice else "",
                "operation": str(each.operation_id or ""),
                "text": each.text,
                "seen_at": each.seen_at.isoformat(),
                "closed_at": each.closed_at.isoformat() if each.closed_at else None,
            }
            for each in rows
        ]
        if options["json"]:
            self.stdout.write(json.dumps(told, ensure_ascii=False))
            return
        for row in told:
            where = f"{row['connection']}:{row['external_id']}"
            self.stdout.write(f"{row['number']:>4}  {row['kind']:<8} {row['seen_at'][:16]} {where}  {row['text']}")
        if not told:
            self.stdout.write("No incident is open.")
