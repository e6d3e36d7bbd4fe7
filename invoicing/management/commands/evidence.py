from pathlib import Path

from django.core.management import BaseCommand, CommandError

from invoicing.access.rights import NotAllowed
from invoicing.auditing import packing, standalone
from invoicing.auditing.chain import Broken
from invoicing.auditing.checkpoints import Damaged
from invoicing.auditing.subjects import NoSuch, subject_of
from invoicing.management.acting import person
from invoicing.models import AuditEntry
from invoicing.models.audit_key import NoKey, public_keys


class Command(BaseCommand):
    help = (
        "Evidence packs. make SUBJECT writes one: invoice:ID, operation:ID, batch:ID, month:2026-03. "
        "verify FILE checks one against itself, this desk's keys and this desk's audit trail."
    )

    def add_arguments(self, parser):
        parser.add_argument("what", choices=["make", "verify"])
        parser.add_argument("which", metavar="SUBJECT|FILE")
        parser.add_argument("--output", help="make: where to; default evidence.zip")
        parser.add_argument("--as", dest="user", help="make: e-mail of the person whose rights apply")

    def handle(self, *, what, which, output, user, **options):
        if what == "make":
            self._make(which, Path(output or "evidence.zip"), user)
        else:
            self._verify(which)

    def _make(self, name: str, path: Path, user: str | None) -> None:
        by = person(user, "evidence")
        try:
            subject = subject_of(name, by)
            with path.open("xb") as out:
                entries = packing.write(subject, out, by=by)
        except FileExistsError:
            raise CommandError(f"{path} is there already.") from None
        except (NoSuch, NotAllowed, NoKey, Broken, Damaged) as problem:
            path.unlink(missing_ok=True)
            raise CommandError(str(problem)) from None
        AuditEntry.objects.record("evidence.written", actor=by, target="export", subject=subject.name, rows=entries)
        self.stdout.write(f"{path}: {subject.about}, {entries} audit entries")

    def _verify(self, path: str) -> None:
        problems, manifest = standalone.verify(path)
        if manifest and not problems and manifest["key"] not in public_keys():
            problems.append("It was signed with a key that is none of this desk's.")
        if problems:
            raise CommandError("\n".join(problems))
        self.stdout.write(
            f"{manifest['about']}: {len(manifest['files'])} files, {manifest['entries']} audit entries hold"
        )
        self.stdout.write(f"Packed {manifest['made_at']} by {manifest['made_by']}, signed by this desk")
