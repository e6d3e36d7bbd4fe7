import json
import uuid

from django.core.management import BaseCommand, CommandError

from invoicing.access import rights
from invoicing.approvals.people import Table
from invoicing.management.acting import add_person, person
from invoicing.models import ApprovalRequest
from invoicing.operations import approving


class Command(BaseCommand):
    help = (
        "Decide on what waits for approval, by the same rules as the page: `approve OPERATION` says yes, with --reject no, "
        "with --withdraw takes it back; without an operation it lists what waits. Exit 0 decided, 3 others have to approve too."
    )

    def add_arguments(self, parser):
        parser.add_argument("operation", nargs="?", help="id of the operation, or of the batch")
        parser.add_argument("--reject", action="store_true")
        parser.add_argument("--withdraw", action="store_true")
        parser.add_argument("--seal", default="", help="of the content that was looked at; default: as it stands now")
        parser.add_argument("--for", dest="in_place_of", default="", help="e-mail of the person you stand in for")
        parser.add_argument("--reason", default="")
        parser.add_argument("--json", action="store_true")
        add_person(parser)

    def handle(self, *, operation, user, **options):
        if not operation:
            self._list(options["json"])
            return
        request = self._found(operation)
        try:
            self._decide(request, user, options)
        except (rights.NotAllowed, approving.CannotDecide) as refusal:
            raise CommandError(str(refusal)) from refusal
        self._tell(request, options["json"])
        if request.open:
            raise SystemExit(3)

    def _decide(self, request, user, options):
        if options["withdraw"]:
            if not approving.withdraw(request, by=person(user, "cancel")):
                raise approving.CannotDecide("It was too late to take it back.")
            request.refresh_from_db()
            return
        decision = {"by": person(user, "approve"), "seal": options["seal"] or request.seal, "reason": options["reason"]}
        if options["reject"]:
            approving.reject(request, **decision)
        else:
            giver = person(options["in_place_of"]).pk if options["in_place_of"] else None
            approving.approve(request, in_place_of=giver, **decision)

    def _found(self, text):
        try:
            identity = uuid.UUID(text)
        except ValueError:
            raise CommandError(f"{text} is no id of an operation.") from None
        requests = ApprovalRequest.objects.select_related("operation", "policy")
        found = requests.filter(operation=identity).first() or requests.filter(batch=identity).first()
        if found is None:
            raise CommandError(f"Nothing waits for approval as {text}.")
        return found

    def _list(self, as_json_too):
        waiting = ApprovalRequest.objects.filter(state=ApprovalRequest.State.OPEN).select_related(
            "operation", "requester"
        )
        records = [self._record(each) for each in waiting]
        if as_json_too:
            self.stdout.write(json.dumps(records, ensure_ascii=False))
            return
        for each in records:
            self.stdout.write(f"{each['id']}  {each['missing']} wanted  due {each['due_at'][:16]}  {each['title']}")
        if not records:
            self.stdout.write("Nothing waits for approval.")

    def _tell(self, request, as_json_too):
        record = self._record(request)
        wanted = f", {record['missing']} more wanted" if request.open else ""
        self.stdout.write(json.dumps(record, ensure_ascii=False) if as_json_too else f"{record['state']}{wanted}")

    def _record(self, request):
        return {
            "id": str(request.operation_id or request.batch),
            "title": request.title,
            "state": request.state,
            "requester": request.requester.email,
            "missing": Table(request).missing if request.open else 0,
            "rules": [need["rule"] for need in request.needs],
            "round": request.round,
            "seal": request.seal,
            "due_at": request.due_at.isoformat(),
            "expires_at": request.expires_at.isoformat(),
        }
