"""Claiming, running and finishing jobs. A claim is a lease in the row: kill -9 at any moment loses nothing."""

import logging
import random
import traceback
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.utils.module_loading import import_string

from invoicing.jobs.api import RetryLater
from invoicing.jobs.progress import Cancelled, current
from invoicing.logs import redacted, request_id
from invoicing.models import Job, clock

LEASE = timedelta(seconds=15)
log = logging.getLogger(__name__)


def claim(owner: str, job_id=None) -> Job | None:
    """Take the next job that is due, or one whose lease ran out. Two workers never get the same one."""
    now = clock.now()
    due = Q(state=Job.State.QUEUED, run_at__lte=now)
    abandoned = Q(state=Job.State.RUNNING, lease_until__lt=now)
    if job_id is None and not Job.objects.filter(due | abandoned).exists():
        return None  # an idle look takes no write lock
    with transaction.atomic():
        rows = Job.objects.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
        if job_id is not None:
            job = rows.filter(due | abandoned, pk=job_id).first()
        else:
            job = rows.filter(due).order_by("priority", "run_at").first() or rows.filter(abandoned).first()
        if job is None:
            return None
        if job.cancel_requested:
            Job.objects.filter(pk=job.pk).update(state=Job.State.CANCELLED, finished_at=now, lease_until=None)
            return None
        job.state, job.owner, job.lease_until = Job.State.RUNNING, owner, now + LEASE
        job.attempts += 1
        job.save(update_fields=["state", "owner", "lease_until", "attempts"])
    return job


def finish(job: Job, state: str, **columns) -> bool:
    """Fenced: a worker that lost its lease cannot overwrite what the next one did."""
    mine = Job.objects.filter(pk=job.pk, owner=job.owner, attempts=job.attempts, state=Job.State.RUNNING)
    return bool(mine.update(state=state, lease_until=None, **columns))


def execute(job: Job) -> None:
    """Run a claimed job to its end, whatever that is."""
    tokens = current.set(job), request_id.set(str(job.pk))
    now = clock.now
    try:
        import_string(job.task).func(**job.arguments)
    except Cancelled as reason:
        finish(job, Job.State.CANCELLED, note=str(reason)[:300], finished_at=now())
    except RetryLater as wait:
        later = now() + timedelta(seconds=wait.seconds)
        finish(job, Job.State.QUEUED, run_at=later, note=wait.note[:300], attempts=job.attempts - 1)
    except Exception as error:
        log.exception("Job %s failed", job.task)
        text = redacted("".join(traceback.format_exception_only(error)))[-4000:]
        if job.attempts < job.max_attempts:
            delay = min(300, 2**job.attempts) * random.uniform(0.5, 1.5)  # noqa: S311 - spreads retries
            finish(job, Job.State.QUEUED, run_at=now() + timedelta(seconds=delay), error=text)
        else:
            finish(job, Job.State.FAILED, error=text, finished_at=now())
    else:
        finish(job, Job.State.DONE, error="", finished_at=now())
    finally:
        current.reset(tokens[0])
        request_id.reset(tokens[1])


def renew(owner_prefix: str) -> None:
    """Prolong the leases of this process's running jobs."""
    Job.objects.filter(state=Job.State.RUNNING, owner__startswith=owner_prefix).update(lease_until=clock.now() + LEASE)


def cancel(job_id) -> bool:
    """Ask a job to stop: a queued one ends at once, a running one at its next safe point."""
    now = clock.now()
    queued = Job.objects.filter(pk=job_id, state=Job.State.QUEUED)
    if queued.update(state=Job.State.CANCELLED, cancel_requested=True, finished_at=now):
        return True
    return bool(Job.objects.filter(pk=job_id, state=Job.State.RUNNING).update(cancel_requested=True))


def retry(job_id) -> bool:
    """Queue a failed or cancelled job again, with its attempts counted anew."""
    ended = Job.objects.filter(pk=job_id, state__in=[Job.State.FAILED, Job.State.CANCELLED])
    return bool(
        ended.update(
            state=Job.State.QUEUED,
            run_at=clock.now(),
            attempts=0,
            error="",
            cancel_requested=False,
            finished_at=None,
        )
    )
