"""Large files are written aside, PDFs gathered part by part, and what is past its time is swept."""

from invoicing.exports import bundle, keeping
from invoicing.exports.asked import CannotExport
from invoicing.exports.moment import Teller
from invoicing.jobs import progress
from invoicing.jobs.api import RetryLater, enqueue, task
from invoicing.models import Export, ExportPart, Job


@task(unique="export:{export_id}")
def write_export_job(export_id: str) -> None:
    """Write the file of a table."""
    export = _wanted_still(export_id)
    if export is None:
        return
    with Teller(export.invoices) as teller:
        _to_its_end(export, lambda: keeping.write(export, lambda done, expected: teller.so_far(done)))


@task(unique="export:{export_id}:{part}", retries=2)
def gather_part_job(export_id: str, part: int) -> None:
    """Find or fetch the PDFs of one part. The part that ends last has the file put together."""
    export = _wanted_still(export_id)
    if export is None:
        return
    if export.state == Export.State.QUEUED:
        Export.objects.filter(pk=export.pk, state=Export.State.QUEUED).update(state=Export.State.RUNNING)
    own = ExportPart.objects.get(export=export, number=part)
    wait = bundle.gather(own, by=export.requested_by)
    if wait is not None:
        raise RetryLater(*wait)
    if not ExportPart.objects.filter(export=export, done=False).exists():
        job_id = enqueue(assemble_job, by=export.requested_by, export_id=str(export.pk))
        Export.objects.filter(pk=export.pk).update(job=job_id)


@task(unique="assemble:{export_id}")
def assemble_job(export_id: str) -> None:
    """Put the PDFs that were found into one file, with what is missing named."""
    export = _wanted_still(export_id)
    if export is not None:
        _to_its_end(export, lambda: bundle.assemble(export))


@task(unique="sweep exports")
def sweep_exports() -> None:
    keeping.sweep()


def _wanted_still(export_id: str) -> Export | None:
    """The export, unless it was stopped, deleted or ended meanwhile."""
    return Export.objects.select_related("requested_by").filter(pk=export_id, state__in=keeping.OPEN).first()


def _to_its_end(export: Export, work) -> None:
    """A stop and a breakdown are told in the export too, not in its job alone."""
    try:
        work()
    except progress.Cancelled:
        own = progress.current.get()
        if own and Job.objects.filter(pk=own.pk, cancel_requested=True).exists():  # else another goes on
            keeping.failed(export, "", state=Export.State.STOPPED)
        raise
    except CannotExport as problem:
        keeping.failed(export, str(problem))
    except Exception as problem:
        keeping.failed(export, f"The file could not be written: {type(problem).__name__}.")
        raise
