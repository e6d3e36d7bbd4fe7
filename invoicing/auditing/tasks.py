"""Checkpoints by the clock, a verification every night, and one when somebody asks."""

import logging

from invoicing.auditing import checkpoints, verifying
from invoicing.auditing.chain import Broken
from invoicing.auditing.checkpoints import Damaged
from invoicing.exports import keeping
from invoicing.jobs import progress
from invoicing.jobs.api import task
from invoicing.models import AuditEntry, Export
from invoicing.models.audit_key import NoKey

log = logging.getLogger(__name__)


@task(unique="audit checkpoint")
def keep_checkpoint() -> None:
    """A checkpoint where one is due. That the trail does not hold is recorded once, not every time."""
    try:
        checkpoints.write()
    except NoKey as missing:
        log.warning("No checkpoint of the audit trail: %s", missing)
    except (Broken, Damaged) as problem:
        at = getattr(problem, "at", None)
        log.error("The audit trail does not hold at entry %s: %s", at, problem)
        known = AuditEntry.objects.filter(action__in=verifying.RECORDED).order_by("-sequence").first()
        if known is None or known.action != verifying.BROKEN or known.facts.get("broken_at") != at:
            verifying.verify_on_record()


@task(unique="audit verification")
def verify_trail() -> None:
    """The whole chain, its result on record."""
    job = progress.current.get()
    expected = AuditEntry.objects.order_by("-sequence").values_list("sequence", flat=True).first()
    result = verifying.verify_on_record(
        by=job.requested_by if job else None,
        tell=lambda checked: progress.report(checked, expected=expected, note="Entries verified"),
    )
    if not result.holds:
        log.error("The audit trail does not hold at entry %s: %s", result.broken_at, result.problem)


@task(unique="export:{export_id}:evidence")
def write_evidence(export_id: str) -> None:
    """An evidence pack that was asked for."""
    from invoicing.auditing import evidence  # it enqueues this task

    export = Export.objects.select_related("requested_by").filter(pk=export_id, state__in=keeping.OPEN).first()
    if export is None:
        return
    try:
        evidence.write(export, lambda done, expected: progress.report(done, expected=expected, note="Packed"))
    except progress.Cancelled:
        keeping.failed(export, "", state=Export.State.STOPPED)
        raise
    except Exception as problem:
        keeping.failed(export, f"The pack could not be written: {type(problem).__name__}.")
        raise
