import json

from django.core.management import BaseCommand, CommandError

from invoicing.access import rights
from invoicing.management.acting import add_person, person
from invoicing.models import Invoice, Review
from invoicing.operations.targets import CannotFind, find
from invoicing.reviews import claiming, deciding, evidence, following, rulebooks, sweeping
from invoicing.reviews.moving import CannotReview

DECISIONS = ("approve", "reject", "ask", "answer", "reopen", "clear", "dispute", "claim", "release", "request")


class Command(BaseCommand):
    help = (
        "Reviews of invoices, by the same rules as the page. Without arguments it lists what waits; `reviews INVOICE approve` "
        "decides; --evidence prints what was seen at each decision; --sweep checks what is new now; --starters puts the rules "
        "in force that come with the desk."
    )

    def add_arguments(self, parser):
        parser.add_argument("invoice", nargs="?", help="our id or provider:external_id")
        parser.add_argument("decision", nargs="?", choices=DECISIONS)
        parser.add_argument("--reason", default="")
        parser.add_argument("--evidence", action="store_true")
        parser.add_argument("--sweep", action="store_true")
        parser.add_argument("--starters", action="store_true")
        parser.add_argument("--json", action="store_true")
        add_person(parser)

    def handle(self, *, invoice, decision, user, **options):
        if options["starters"]:
            self._starters(user)
        if options["sweep"]:
            done = sweeping.sweep(seconds=600)
            self.stdout.write(f"{done.checked} checked, {done.entered} to be reviewed, {done.followed} changed")
        if invoice is None:
            if not (options["starters"] or options["sweep"]):
                self._list(options["json"])
            return
        try:
            found = find(invoice)
        except CannotFind as error:
            raise CommandError(str(error)) from error
        if not isinstance(found, Invoice):
            raise CommandError("Only invoices are reviewed.")
        if decision:
            self._decide(found, decision, user, options["reason"])
        review = Review.objects.select_related(*deciding.RELATED).filter(invoice=found).first()
        if options["evidence"] and review:
            self.stdout.write(json.dumps(evidence.exported(review), ensure_ascii=False, indent=2))
            return
        self._tell(review, options["json"])

    def _starters(self, user):
        try:
            book = rulebooks.switch_on_starters(by=person(user, "review_rules"))
        except (CannotReview, rights.NotAllowed) as refusal:
            raise CommandError(str(refusal)) from refusal
        done, _last = sweeping.apply_rules(seconds=600)
        self.stdout.write(f"{book}: {len(book.rules)} rules in force, {done.entered} invoices to be reviewed")

    def _decide(self, invoice: Invoice, decision: str, user, reason: str):
        right = "approve" if decision in ("approve", "reject", "clear", "dispute") else "claim"
        by = person(user, right)
        try:
            if decision == "request":
                following.ask_for(invoice, by=by, reason=reason)
                return
            review = Review.objects.select_related(*deciding.RELATED).filter(invoice=invoice).first()
            if review is None:
                raise CommandError(f"{invoice} has no review.")
            if decision in ("claim", "release"):
                getattr(claiming, decision)(review, by=by)
            elif decision in ("answer", "reopen"):
                getattr(deciding, decision)(review, by=by, reason=reason)
            else:
                getattr(deciding, decision)(review, by=by, seal=review.seal, reason=reason)
        except (CannotReview, rights.NotAllowed) as refusal:
            raise CommandError(str(refusal)) from refusal

    def _list(self, as_json_too):
        waiting = Review.objects.filter(state__in=Review.WAITING).select_related(*deciding.RELATED)
        records = [self._record(each) for each in waiting]
        if as_json_too:
            self.stdout.write(json.dumps(records, ensure_ascii=False))
            return
        for each in records:
            self.stdout.write(f"{each['invoice']:>8}  {each['state']:<16} due {each['due_at'][:16]}  {each['number']}")
        if not records:
            self.stdout.write("Nothing waits for review.")

    def _tell(self, review, as_json_too):
        record = self._record(review) if review else {"state": "not_required"}
        self.stdout.write(json.dumps(record, ensure_ascii=False) if as_json_too else record["state"])

    def _record(self, review: Review):
        return {
            "invoice": review.invoice_id,
            "number": str(review.invoice),
            "state": str(review.state),
            "round": review.round,
            "version": review.version,
            "seal": review.seal,
            "rules": review.rules,
            "wanted": review.wanted,
            "claimed_by": review.claimed_by.email if review.claimed_by else "",
            "due_at": review.due_at.isoformat(),
        }
