"""An evidence pack from its asking to its file: it lies among the exports of whoever asked, and is on record."""

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from invoicing.access import rights
from invoicing.auditing import packing
from invoicing.auditing.chain import Broken
from invoicing.auditing.checkpoints import Damaged
from invoicing.auditing.subjects import NoSuch, subject_of
from invoicing.auditing.tasks import write_evidence
from invoicing.exports import files, keeping
from invoicing.jobs.api import enqueue
from invoicing.models import AuditEntry, Export, audit_key


def ask(name: str, *, by, ip: str = "") -> Export:
    """A pack, to be written by the worker. Errors: NotAllowed, NoSuch, NoKey."""
    subject = subject_of(name, by)
    rights.require(by, "export")
    if not audit_key.public_keys():
        raise audit_key.NoKey("DESK_AUDIT_KEYS is not set, so a pack cannot be signed.")
    export = Export(
        requested_by=by,
        format=Export.Format.EVIDENCE,
        direction="",
        query=subject.name,
        about=subject.about,
        invoices=subject.invoices.count() + subject.operations.count(),
    )
    with transaction.atomic():
        export.save(force_insert=True)
        AuditEntry.objects.record(
            "evidence.asked", actor=by, target=f"export:{export.pk}", ip=ip, subject=subject.name, about=subject.about
        )
        export.job_id = enqueue(write_evidence, by=by, export_id=str(export.pk))
        export.save(update_fields=["job"])
    return export


def write(export: Export, tell: packing.Tell = lambda done, expected: None) -> None:
    """Write the file and set the export's end. A failure is its state and its words."""
    Export.objects.filter(pk=export.pk).update(state=Export.State.RUNNING)
    keeping.read_with(export)
    export.reach["rights"].append("evidence")  # whoever loses it is not handed the file either
    as_of = timezone.now()
    try:
        subject = subject_of(export.query, export.requested_by)
        with files.writing(export) as written:
            entries = packing.write(subject, written.out, by=export.requested_by, tell=tell)
    except (NoSuch, rights.NotAllowed, audit_key.NoKey, Damaged) as problem:
        keeping.failed(export, str(problem))
        return
    except Broken as problem:
        keeping.failed(export, f"The audit trail does not hold at entry {problem.at}: {problem}.")
        return
    now = timezone.now()
    export.state, export.rows, export.as_of, export.finished_at = Export.State.READY, entries, as_of, now
    export.expires_at = now + timedelta(days=settings.DESK_EXPORT_DAYS)
    export.file, export.size, export.sha256 = Path(written.path).name, written.size, written.sha256
    with transaction.atomic():
        if not Export.objects.filter(pk=export.pk).exists():  # deleted meanwhile
            files.remove(export)
            return
        export.save()
        AuditEntry.objects.record(
            "evidence.written",
            actor=export.requested_by,
            target=f"export:{export.pk}",
            subject=export.query,
            rows=entries,
            size=export.size,
            sha256=export.sha256,
        )
