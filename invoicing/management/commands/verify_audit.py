from pathlib import Path

from django.core.management import BaseCommand, CommandError

from invoicing.auditing import checkpoints, verifying
from invoicing.auditing.chain import Broken
from invoicing.auditing.checkpoints import Checkpoint, Damaged
from invoicing.models.audit_key import NoKey, public_keys


class Command(BaseCommand):
    help = "Walk the audit trail's hash chain against its checkpoints; fail naming the first broken entry."

    def add_arguments(self, parser):
        parser.add_argument(
            "--checkpoint", action="store_true", help="write a checkpoint now and print it, to be kept elsewhere"
        )
        parser.add_argument("--against", metavar="FILE", help="verify against printed checkpoints kept elsewhere, too")
        parser.add_argument("--key", action="store_true", help="print the public key that checks signatures")
        parser.add_argument(
            "--begin-anew", metavar="WHY", help="after an accepted restore: set the earlier checkpoints aside"
        )

    def handle(self, *, checkpoint, against, key, begin_anew, **options):
        if key:
            self.stdout.write("\n".join(public_keys()))
            return
        try:
            if begin_anew:
                verifying.begin_anew(reason=begin_anew)
            if checkpoint:
                made = checkpoints.write(anyway=True)
                self.stdout.write(made.line() if made else "There is no entry yet.")
                return
        except (Broken, Damaged, NoKey) as problem:
            where = f"Broken at entry {problem.at}: " if isinstance(problem, Broken) else ""
            raise CommandError(f"{where}{problem}") from None
        result = verifying.verify(self._kept(against) if against else ())
        if result.broken_at is not None:
            raise CommandError(f"Broken at entry {result.broken_at}: {result.problem}")
        if not result.holds:
            raise CommandError(result.problem)
        self.stdout.write(
            f"{result.checked} entries, unbroken; head {result.head[:16]}; "
            f"{result.checkpoints} checkpoints vouch up to entry {result.vouched}"
        )

    def _kept(self, name: str) -> list[Checkpoint]:
        found = []
        for number, line in enumerate(Path(name).read_text().splitlines(), 1):
            each = checkpoints.parsed(line)
            if each is None or not each.signed:
                raise CommandError(f"Line {number} of {name} is no checkpoint signed by this desk.")
            found.append(each)
        return found
