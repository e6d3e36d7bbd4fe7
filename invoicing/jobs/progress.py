"""What a running task says about itself, and how it learns that it should stop."""

from contextvars import ContextVar

from invoicing.models import Job

current: ContextVar[Job | None] = ContextVar("current_job", default=None)


class Cancelled(Exception):
    """A person cancelled the job, or its lease went to another worker: stop at this safe point."""


def report(done: int, *, expected: int | None = None, note: str = "") -> None:
    """Write progress for the page that polls. Call it at safe points only.

    Errors: Cancelled. Outside a job it does nothing.
    """
    job = current.get()
    if job is None:
        return
    mine = Job.objects.filter(pk=job.pk, owner=job.owner, attempts=job.attempts, state=Job.State.RUNNING)
    changed = mine.filter(cancel_requested=False).update(done=done, expected=expected, note=note[:300])
    if not changed:
        raise Cancelled("cancelled" if mine.exists() else "the lease went to another worker")
