import json

from django.core.management import BaseCommand

from invoicing.models import Operation
from invoicing.operations.telling import as_json
from invoicing.vocabulary import OPEN_STATES


class Command(BaseCommand):
    help = "The ledger: every operation with its attempts, newest first."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="one JSON list")
        parser.add_argument("--open", action="store_true", help="only those that have not ended")
        parser.add_argument("--limit", type=int, default=None)

    def handle(self, *, limit, **options):
        found = Operation.objects.filter(parent=None).select_related("connection", "requester")
        if options["open"]:
            found = found.filter(state__in=OPEN_STATES)
        found = found.prefetch_related("attempts", "steps__attempts", "steps__connection", "steps__requester")
        records = [as_json(each) for each in found.order_by("-created_at")[:limit]]
        if options["json"]:
            self.stdout.write(json.dumps(records, ensure_ascii=False, indent=1))
            return
        for record in records:
            self._line(record)

    def _line(self, record):
        for each in (record, *record["steps"]):
            self.stdout.write(
                f"{each['created_at'][:19]}  {'' if each is record else '└ '}{each['verb']:<22} "
                f"{each['connection']}:{each['external_id']:<40} "
                f"{each['state']:<13} {each['settled_by'] or '-':<10} attempts {len(each['attempts'])}"
            )
