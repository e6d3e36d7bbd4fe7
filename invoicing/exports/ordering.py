"""Asking for a file: made at once where it is small, left to jobs where it is large or of PDFs."""

from dataclasses import replace

from django.conf import settings
from django.db import transaction

from invoicing.access import rights
from invoicing.exports import keeping
from invoicing.exports.asked import PDFS, CannotExport, Wanted, in_words
from invoicing.exports.making import count
from invoicing.exports.tasks import gather_part_job, write_export_job
from invoicing.jobs.api import enqueue
from invoicing.models import Export, ExportPart

PART = 50
"""So many invoices whose PDFs one job gathers."""
MOST_PDFS = 20_000
MOST_MERGED = 1_000


def ask(wanted: Wanted, *, ip: str = "") -> Export:
    """The export, ready where it is small; a large one, and every one of PDFs, is left to a job.

    Errors: NotAllowed; CannotExport: nothing is kept then but the record that it was asked for.
    """
    person = wanted.person
    if person is None:
        raise ValueError("Somebody has to ask for a file that is kept.")
    rights.require(person, "export")
    rights.require(person, "view_money")
    expected = count(wanted)
    pdfs = wanted.format in PDFS
    ids = _ids_of_pdfs(wanted, expected) if pdfs else []
    export = Export(
        requested_by=person,
        format=wanted.format,
        level=wanted.level,
        direction=wanted.direction,
        query=wanted.query,
        chosen=None if wanted.chosen is None else list(wanted.chosen),
        columns=list(wanted.keys),
        about=_about(wanted)[:1000],
        invoices=expected,
    )
    keeping.read_with(export)
    later = pdfs or expected > settings.DESK_EXPORT_AT_ONCE
    with transaction.atomic():
        export.save(force_insert=True)
        keeping.on_record(wanted, None, by=person, export=export, ip=ip)
        if pdfs:
            _leave_in_parts(export, ids)
        elif later:
            export.job_id = enqueue(write_export_job, by=person, export_id=str(export.pk))
            export.save(update_fields=["job"])
    if not later:
        keeping.write(export)
        if export.state == Export.State.FAILED:
            raise CannotExport(export.error)
    return export


def _ids_of_pdfs(wanted: Wanted, expected: int) -> list[int]:
    most = MOST_MERGED if wanted.format == Export.Format.PDF_MERGED else MOST_PDFS
    if expected > most:
        raise CannotExport(f"At most {most:,} PDFs go into one file, and these are {expected:,}. Filter further.")
    if not expected:
        raise CannotExport("No invoice is listed, so there is no PDF.")
    return wanted.chosen_ids() if wanted.chosen is not None else [pk for each in wanted.lists() for pk in each.ids()]


def _leave_in_parts(export: Export, ids: list[int]) -> None:
    """A job a part, so that any number of workers share them; the one that ends last has the file put together."""
    parts = [ExportPart(export=export, number=at // PART, ids=ids[at : at + PART]) for at in range(0, len(ids), PART)]
    ExportPart.objects.bulk_create(parts)
    for part in parts:
        enqueue(gather_part_job, by=export.requested_by, export_id=str(export.pk), part=part.number)


def _about(wanted: Wanted) -> str:
    if wanted.chosen is not None:
        return f"{len(wanted.chosen)} picked one by one"
    return in_words(wanted.filters()[0])


def repeat(export: Export, *, by, ip: str = "") -> Export:
    """The same again, of the list as it is now. Errors: as of `ask`."""
    return ask(replace(Wanted.of(export), person=by), ip=ip)
