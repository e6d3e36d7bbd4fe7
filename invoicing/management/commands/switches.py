import json

from django.core.management import BaseCommand, CommandError

from invoicing.access import rights
from invoicing.management.acting import add_person, person
from invoicing.models import Brake
from invoicing.operations import brakes
from invoicing.operations.registry import VERBS
from invoicing.providers.registry import PROVIDERS

EVERY = "all"


class Command(BaseCommand):
    help = (
        "What holds sending back: `switches` lists it, `switches off PROVIDER VERB` switches a verb off (all: every one), "
        "`switches dry-run` has requests recorded and nothing sent, `switches lift NUMBER` ends one of these, also the one "
        "that an older database set. One person sets, two lift."
    )

    def add_arguments(self, parser):
        parser.add_argument("what", nargs="?", choices=["list", "off", "dry-run", "lift"], default="list")
        parser.add_argument("which", nargs="*", help="off: a provider and a verb; lift: a number of the list")
        parser.add_argument("--reason", default="")
        parser.add_argument("--json", action="store_true")
        add_person(parser)

    def handle(self, *, what, which, reason, user, **options):
        try:
            if what == "off":
                provider, verb = self._named(which)
                by = person(user, "stop")
                brakes.put_on(Brake.Kind.STOP, by=by, reason=reason, provider=provider, verb=verb)
            elif what == "dry-run":
                brakes.put_on(Brake.Kind.DRY_RUN, by=person(user, "stop"), reason=reason)
            elif what == "lift":
                self._lift(which, person(user, "lift"), reason)
        except (rights.NotAllowed, brakes.CannotBrake) as refusal:
            raise CommandError(str(refusal)) from refusal
        self._list(options["json"])

    def _named(self, which):
        if len(which) != 2:
            raise CommandError("Name a provider and a verb, or all.")
        for name, known in zip(which, (PROVIDERS, VERBS), strict=True):
            if name not in (EVERY, *known):
                raise CommandError(f"{name} is none of {EVERY}, {', '.join(known)}.")
        return ("" if name == EVERY else name for name in which)

    def _lift(self, which, by, reason):
        found = Brake.objects.filter(pk=which[0]).first() if len(which) == 1 and which[0].isdecimal() else None
        if found is None:
            raise CommandError("Name one of the numbers of the list.")
        if brakes.lift(found, by=by, reason=reason) is rights.Agreement.ASKED:
            self.stderr.write("Asked for. Somebody else who may has to say the same.")

    def _list(self, as_json_too):
        rows = [
            {
                "number": brake.pk,
                "kind": brake.kind,
                "provider": brake.provider or EVERY,
                "verb": brake.verb or EVERY,
                "reason": brake.reason,
                "set_by": str(brake.set_by or "the desk"),
                "set_at": brake.set_at.isoformat(),
                "lift_asked_by": str(brake.lift_asked_by or ""),
            }
            for brake in brakes.active()
        ]
        if as_json_too:
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
            return
        for row in rows:
            asked = f", {row['lift_asked_by']} asked to lift it" if row["lift_asked_by"] else ""
            self.stdout.write(
                f"{row['number']:>4}  {row['kind']:<9} {row['provider']:<14} {row['verb']:<22} "
                f"{row['set_at'][:16]} by {row['set_by']}: {row['reason']}{asked}"
            )
        if not rows:
            self.stdout.write("Nothing holds sending back.")
