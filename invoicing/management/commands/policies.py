import json
import sys
from pathlib import Path

from django.core.management import BaseCommand, CommandError

from invoicing.access import rights
from invoicing.approvals import policies, publishing, simulating
from invoicing.management.acting import add_person, person
from invoicing.models import Policy


class Command(BaseCommand):
    help = (
        "Approval policies: `policies` lists the versions, `policies show N` prints one as JSON, `policies draft FILE|ready` "
        "makes one (- reads standard input), `policies try N` tries it on the last 90 days, `policies publish N` proposes it "
        "or, by a second person, puts it in force."
    )

    def add_arguments(self, parser):
        parser.add_argument("what", nargs="?", choices=["list", "show", "draft", "try", "publish"], default="list")
        parser.add_argument("which", nargs="?", default="")
        parser.add_argument("--reason", default="")
        add_person(parser)

    def handle(self, *, what, which, reason, user, **options):
        try:
            getattr(self, f"_{what}")(which, reason, user)
        except (rights.NotAllowed, publishing.CannotPublish, policies.NotAPolicy) as refusal:
            raise CommandError(str(refusal)) from refusal

    def _list(self, _which, _reason, _user):
        for each in Policy.objects.all():
            self.stdout.write(
                f"{each.number:>4}  {each.get_state_display():<26} {len(each.rules)} rules  {each.note[:80]}"
            )
        if not Policy.objects.in_force():
            self.stdout.write("No policy is in force: a person with the right acts alone.")

    def _show(self, which, _reason, _user):
        self.stdout.write(json.dumps(self._found(which).rules, ensure_ascii=False, indent=1))

    def _draft(self, which, reason, user):
        if which == "ready":
            rules = policies.ready_made()
        else:
            try:
                rules = json.loads(sys.stdin.read() if which == "-" else Path(which).read_text())
            except (OSError, ValueError) as error:
                raise CommandError(f"{which or 'Nothing'} holds no rules: {error}") from error
        made = publishing.draft(rules, by=person(user, "publish_policy"), note=reason)
        self.stdout.write(f"Drafted as policy {made.number}. It decides nothing before it is published.")

    def _try(self, which, _reason, _user):
        trial = simulating.simulate(self._found(which).rules)
        self.stdout.write(
            f"Of {trial.looked_at} operations, {trial.waits} would have waited and {trial.unsatisfied} found too few people."
        )
        for name, count in trial.by_rule.most_common():
            self.stdout.write(f"{count:>6}  {name}")

    def _publish(self, which, reason, user):
        policy = self._found(which)
        found = publishing.publish(policy, by=person(user, "publish_policy"), digest=policy.digest, reason=reason)
        self.stdout.write(
            "Proposed. Another person has to publish it." if found is rights.Agreement.ASKED else "It is in force."
        )

    def _found(self, which):
        policy = Policy.objects.filter(number=which).first() if which.isdecimal() else None
        if policy is None:
            raise CommandError("Name a version by its number.")
        return policy
