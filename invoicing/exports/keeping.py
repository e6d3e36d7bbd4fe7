"""A file from its writing to its expiry: the same for page and job, and always on record."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from invoicing.access import rights, scopes
from invoicing.exports import files
from invoicing.exports.asked import CannotExport, Wanted
from invoicing.exports.making import Tell, make
from invoicing.exports.tally import Summary
from invoicing.jobs import running
from invoicing.models import AuditEntry, Export, Job

OPEN = (Export.State.QUEUED, Export.State.RUNNING)
ALONE_SECONDS = 300
"""So long a request may take to write a small file, or to hand PDFs over to jobs."""


NARROWER = gettext_noop(
    "You may see less now than when this file was written. Ask for it again: it holds what you may see."
)
READ_WITH = ("view", "view_money", "view_personal", "view_raw")
"""The rights that decide what a file shows."""


class Gone(Exception):
    """The file has expired or was never finished, or its reader may not see all of it any more."""


def write(export: Export, tell: Tell = lambda done, expected: None) -> None:
    """Write the file of a table and set the export's end. A failure is its state and its words."""
    export.state = Export.State.RUNNING
    export.save(update_fields=["state"])
    try:
        rights.require(export.requested_by, "export")
        read_with(export)
        with files.writing(export) as written:
            summary = make(Wanted.of(export), written.out, tell)
    except (CannotExport, rights.NotAllowed) as problem:
        failed(export, str(problem))
        return
    finished(export, written, summary)


def finished(export: Export, written: files.Written, summary: Summary) -> None:
    now = timezone.now()
    export.state, export.error = Export.State.READY, ""
    export.invoices, export.rows, export.totals, export.notes = (
        summary.invoices,
        summary.rows,
        summary.totals,
        summary.notes,
    )
    export.as_of, export.finished_at = summary.as_of, now
    export.expires_at = now + timedelta(days=settings.DESK_EXPORT_DAYS)
    export.file, export.size, export.sha256 = Path(written.path).name, written.size, written.sha256
    with transaction.atomic():
        if not Export.objects.filter(pk=export.pk).exists():  # deleted meanwhile
            files.remove(export)
            return
        export.save()
        on_record(Wanted.of(export), summary, by=export.requested_by, export=export)


def read_with(export: Export) -> None:
    """Note how far the person reaches whose eyes it is read with. PDFs are chosen with what held when they were asked for."""
    standing, ids = scopes.standing_of(export.requested_by), scopes.connection_ids(export.requested_by)
    export.reach = {
        "connections": None if ids is None else sorted(ids),
        "rights": [right for right in READ_WITH if right in standing.rights],
    }


def covered(export: Export, by) -> bool:
    """Whether this person may still see all that the file was written from."""
    now = scopes.connection_ids(by)
    if now is not None:
        then = export.reach.get("connections")
        if then is None or not now.issuperset(then):
            return False
    return scopes.standing_of(by).rights.issuperset(export.reach.get("rights", ()))


def failed(export: Export, problem: str, *, state: str = Export.State.FAILED) -> None:
    export.state, export.error, export.finished_at = state, problem[:2000], timezone.now()
    Export.objects.filter(pk=export.pk).update(state=state, error=export.error, finished_at=export.finished_at)


def on_record(
    wanted: Wanted, summary: Summary | None, *, by, export: Export | None = None, via: str = "page", ip=""
) -> None:
    """In the audit trail: what was asked for, and what of it was written."""
    facts: dict[str, Any] = (
        {"rows": summary.rows, "invoices": summary.invoices, "totals": summary.totals} if summary else {}
    )
    if export is not None and summary is not None:
        facts |= {"sha256": export.sha256, "size": export.size}
    AuditEntry.objects.record(
        "export.written" if summary else "export.asked",
        actor=by,
        target=f"export:{export.pk}" if export else "export",
        ip=ip,
        format=str(wanted.format),
        level=str(wanted.level),
        direction=str(wanted.direction),
        filter=wanted.query,
        chosen=None if wanted.chosen is None else len(wanted.chosen),
        columns=list(wanted.keys),
        via=via,
        **facts,
    )


def downloaded(export: Export, *, by, ip: str = "") -> Path:
    """Where the file lies, its taking away recorded. Errors: NotAllowed, Gone."""
    rights.require(by, "export")
    if not covered(export, by):
        AuditEntry.objects.record("export.not_downloaded", actor=by, target=f"export:{export.pk}", ip=ip, why=NARROWER)
        raise Gone(_(NARROWER))
    if export.state != Export.State.READY or not files.path_of(export).is_file():
        raise Gone("This file is not kept any more. Ask for it again.")
    with transaction.atomic():
        Export.objects.filter(pk=export.pk).update(downloads=F("downloads") + 1)
        AuditEntry.objects.record(
            "export.downloaded", actor=by, target=f"export:{export.pk}", ip=ip, rows=export.rows, sha256=export.sha256
        )
    return files.path_of(export)


def stop(export: Export, *, by) -> bool:
    """Whether it was under way. Errors: NotAllowed."""
    rights.require(by, "export")
    stopped = Export.objects.filter(pk=export.pk, state__in=OPEN).update(
        state=Export.State.STOPPED, finished_at=timezone.now()
    )
    if stopped and export.job_id:
        running.cancel(export.job_id)
    return bool(stopped)


def delete(export: Export, *, by, ip: str = "") -> None:
    """The file and its row; that they were there stays in the audit trail. Errors: NotAllowed."""
    rights.require(by, "export")
    stop(export, by=by)
    with transaction.atomic():
        AuditEntry.objects.record(
            "export.deleted", actor=by, target=f"export:{export.pk}", ip=ip, rows=export.rows, sha256=export.sha256
        )
        files.remove(export)
        Export.objects.filter(pk=export.pk).delete()


def settle(person) -> None:
    """An export whose work was cancelled or broke down elsewhere says so."""
    earlier = timezone.now() - timedelta(seconds=ALONE_SECONDS)
    for export in Export.objects.filter(requested_by=person, state__in=OPEN).select_related("job"):
        keys = Q(unique_key__startswith=f"export:{export.pk}") | Q(unique_key=f"assemble:{export.pk}")
        if Job.objects.filter(keys, state__in=[Job.State.QUEUED, Job.State.RUNNING]).exists():
            continue
        if export.job and export.job.state == Job.State.CANCELLED:
            failed(export, "", state=Export.State.STOPPED)
        elif export.job or export.created_at < earlier:  # else it is being written in a request just now
            failed(export, "Its work ended before the file was whole. Ask for it again.")


def sweep() -> int:
    """Files past their time go; their rows say so. How many files."""
    past = Export.objects.filter(state=Export.State.READY, expires_at__lt=timezone.now())
    removed = 0
    for export in past:
        files.remove(export)
        Export.objects.filter(pk=export.pk).update(state=Export.State.EXPIRED, file="")
        removed += 1
    return removed + files.sweep(set(Export.objects.exclude(file="").values_list("file", flat=True)))
