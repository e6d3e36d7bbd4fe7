"""What code that has work for later imports. Today from django_tasks; on Django 6 this is the one line that changes."""

from contextvars import ContextVar

from django_tasks import task

requested_by: ContextVar = ContextVar("requested_by", default=None)

__all__ = ["RetryLater", "enqueue", "task"]


class RetryLater(Exception):
    """Raised by a task that must wait for something outside (a rate limit): run it again after `seconds`, no attempt lost."""

    def __init__(self, seconds: float, note: str = ""):
        super().__init__(note or f"again in {seconds:.0f} s")
        self.seconds, self.note = seconds, note


def enqueue(work, *, by=None, **arguments) -> str:
    """Enqueue in the caller's transaction, on behalf of `by`; the id of the job (of the one already active, if unique)."""
    token = requested_by.set(by)
    try:
        return work.enqueue(**arguments).id
    finally:
        requested_by.reset(token)
