import json
import sys
import time
import uuid
from functools import partial

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from invoicing.access import rights
from invoicing.management.acting import add_person, person
from invoicing.mirror.refresh import refresh_invoice
from invoicing.models import Invoice, InvoiceVersion
from invoicing.operations import sending, settling, steps
from invoicing.operations.asking import ask
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import CannotRequest, Wish, request_operation
from invoicing.operations.targets import CannotFind, Start, find, kind_of, start_from
from invoicing.operations.telling import as_json
from invoicing.providers.errors import ProviderError
from invoicing.vocabulary import OPEN_STATES, OperationState

EXIT = {OperationState.SUCCEEDED: 0, OperationState.REFUSED: 1, OperationState.NOT_DONE: 1, OperationState.CANCELLED: 1}


class Command(BaseCommand):
    help = (
        "The same operation as the button, by the same rules. Its arguments follow as --name value or name=value. "
        "Exit 0 succeeded, 1 refused, 2 unknown or needs a person, 3 awaits approval."
    )

    def create_parser(self, *arguments, **named):
        """What the parser does not know are the verb's own arguments; the verb says what is wrong with them."""
        parser = super().create_parser(*arguments, allow_abbrev=False, **named)
        parser.parse_args = partial(self._parsed, parser)
        return parser

    @staticmethod
    def _parsed(parser, args=None, namespace=None):
        options, rest = parser.parse_known_args(args, namespace)
        options.arguments += rest
        return options

    def add_arguments(self, parser):
        parser.add_argument("verb", choices=[*VERBS, "refresh"])
        parser.add_argument(
            "target", help="our id, provider:external_id, or CONNECTION:invoice|customer|subscription:ID"
        )
        parser.add_argument("arguments", nargs="*", metavar="name=value")
        parser.add_argument("--reason", default="")
        parser.add_argument("--reference", default="")
        add_person(parser)
        parser.add_argument(
            "--wait", type=float, default=60, help="seconds to wait for an outcome that is not known yet"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *, verb, target, arguments, reason, reference, user, wait, **options):
        try:
            about = find(target)
            given = self._named(arguments)
        except (CannotFind, ValueError) as error:
            raise CommandError(str(error)) from error
        by = person(user, "refresh" if verb == "refresh" else VERBS[verb].right)
        if verb == "refresh":
            self._refresh(about, by, options["json"])
            return
        if isinstance(about, Invoice) and VERBS[verb].starts_from != "invoice":
            about = start_from(VERBS[verb].starts_from, about) or about
        if VERBS[verb].reads_only:
            self._ask(verb, about, by, reason, given, options["json"])
            return
        wish = Wish(
            verb=verb,
            invoice=about if isinstance(about, Invoice) else None,
            start=about if isinstance(about, Start) else None,
            by=by,
            reason=reason,
            reference=reference,
            token=uuid.uuid4().hex,
            arguments=given,
            cancel_window=False,
        )
        try:
            operation = request_operation(wish)
        except (CannotRequest, rights.NotAllowed) as refusal:
            self._tell({"state": "refused", "message": str(refusal)}, options["json"])
            sys.exit(1)
        self._carry(operation, wait)
        self._tell(as_json(operation), options["json"])
        if operation.state == OperationState.REQUESTED:
            sys.exit(3)
        sys.exit(EXIT.get(operation.state, 2))

    def _named(self, words):
        """{"amount": "12.50"} from `--amount 12.50`, `--amount=12.50` or `amount=12.50`. Errors: ValueError."""
        given, words = {}, list(words)
        while words:
            word = words.pop(0)
            name, found, value = word.removeprefix("--").partition("=")
            if not found:
                if not word.startswith("--") or not words:
                    raise ValueError(f"{word!r} is no argument: write --name value or name=value.")
                value = words.pop(0)
            given[name.replace("-", "_")] = value
        return given

    def _carry(self, operation, wait):
        """Do here what a worker would do, until the operation ends or the waiting does. A worker beside us does no harm."""
        end = time.monotonic() + wait
        if operation.state == OperationState.REQUESTED:
            return  # it waits for people
        while operation.open and time.monotonic() < end:
            settling.expire_leases()
            if operation.state == OperationState.APPROVED and operation.not_before <= timezone.now():
                try:
                    sending.dispatch(operation)
                except sending.NotNow:
                    pass
            else:
                settling.look(operation)
            for step in operation.steps.filter(state__in=OPEN_STATES):
                self._carry(step, end - time.monotonic())
            if operation.steps.exists():
                steps.go_on(operation)
            operation.refresh_from_db()
            if operation.outcome.get("stage") and operation.state == OperationState.NEEDS_PERSON:
                return
            if operation.open:
                time.sleep(0.1)

    def _ask(self, verb, about, by, reason, given, as_json_too):
        if kind_of(about) != VERBS[verb].starts_from:
            raise CommandError(f"{VERBS[verb].name} starts from a {VERBS[verb].starts_from}.")
        try:
            answer = ask(verb, about, by=by, reason=reason, arguments=given)
        except (CannotRequest, rights.NotAllowed, ProviderError) as refusal:
            self._tell({"state": "refused", "message": str(refusal)}, as_json_too)
            sys.exit(1)
        said = answer.as_json()
        told = "\n".join(f"{name}: {value}" for name, value in (said["invoice"] or said["facts"]).items())
        self._tell({"state": "succeeded", "message": "" if as_json_too else told} | said, as_json_too)

    def _refresh(self, about, by, as_json_too):
        if not isinstance(about, Invoice):
            raise CommandError("Only an invoice can be refreshed.")
        try:
            rights.require(by, "refresh", about)
            result = refresh_invoice(about, source=InvoiceVersion.Source.REFRESH)
        except (rights.NotAllowed, ProviderError) as error:
            self._tell({"state": "refused", "message": str(error)}, as_json_too)
            sys.exit(1)
        self._tell({"state": "succeeded", "found": result.found, "changes": result.changes}, as_json_too)

    def _tell(self, record, as_json_too):
        if as_json_too:
            self.stdout.write(json.dumps(record, ensure_ascii=False))
        else:
            message = record.get("message") or record.get("outcome", {}).get("message") or ""
            self.stdout.write(" ".join(filter(None, [record["state"], message])))
