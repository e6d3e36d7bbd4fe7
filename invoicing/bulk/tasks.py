"""What workers run of batches. Any of these may run twice or late: each asks the row first."""

from invoicing.bulk import approval, queue, rehearsing, running
from invoicing.jobs.api import RetryLater, task
from invoicing.models import Batch, User, clock

GOING_ON = (Batch.State.AWAITING, Batch.State.CONFIRMED, Batch.State.RUNNING, Batch.State.STOPPED)


@task(queue_name="operations", priority=20, retries=5, unique="batch start:{batch_id}")
def start_batch(batch_id: str) -> None:
    """The cancel window of a batch is over."""
    running.start(Batch.objects.select_related("requester").get(pk=batch_id))


@task(queue_name="operations", priority=20, retries=5, unique="batch approved:{batch_id}")
def batch_approved(batch_id: str) -> None:
    """The last approval of a batch was given."""
    approval.follow(Batch.objects.select_related("requester").get(pk=batch_id))


@task(queue_name="operations", priority=10, retries=5, unique="batch row:{row_id}")
def ask_row(row_id: int) -> None:
    """Ask for one row of a batch."""
    running.ask(row_id)


@task(queue_name="operations", priority=30, retries=5, unique="batch follow:{batch_id}")
def follow_batch(batch_id: str) -> None:
    """See how a batch stands until every row has ended. Errors: RetryLater, while one has not."""
    batch = Batch.objects.select_related("requester").get(pk=batch_id)
    if not running.follow(batch):
        raise RetryLater(patience(batch), "Rows are under way")


@task(queue_name="operations", unique="follow batches")
def follow_batches() -> None:
    """Batches whose own jobs were lost or cancelled go on."""
    for batch in Batch.objects.select_related("requester").filter(state__in=GOING_ON):
        if batch.state == Batch.State.CONFIRMED:
            queue.start(batch, at=batch.not_before)
        else:
            queue.follow(batch)


@task(queue_name="operations", priority=20, retries=2, unique="rehearse:{batch_id}")
def rehearse_batch(batch_id: str, person_id: int, anew: bool) -> None:
    """Rehearse a batch too large for a page to wait for."""
    batch = Batch.objects.get(pk=batch_id)
    if batch.preparing:
        rehearsing.rehearse(batch, by=User.objects.get(pk=person_id), anew=anew)


def patience(batch: Batch) -> float:
    """How long until a batch is looked at again: soon at first, then more patiently."""
    since = batch.not_before or batch.confirmed_at or batch.created_at
    age = (clock.now() - since).total_seconds()
    return 2 if age < 120 else 10 if age < 1800 else 60
