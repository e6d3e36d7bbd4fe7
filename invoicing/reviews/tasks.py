"""What workers run of reviews."""

from invoicing.jobs import progress
from invoicing.jobs.api import enqueue, task
from invoicing.reviews import sweeping


@task(queue_name="operations", priority=10, unique="sweep reviews")
def sweep_reviews() -> None:
    """Check what came since, bring reviews along, end claims, raise what is late."""
    _tell(sweeping.sweep())


@task(queue_name="operations", unique="apply review rules {after}")
def apply_review_rules(after: int = 0) -> None:
    """Hold the invoices that are there against the rules as they are now; goes on in another job where time is short."""
    done, last = sweeping.apply_rules(after)
    _tell(done)
    if done.more:
        enqueue(apply_review_rules, after=last)


def _tell(done: sweeping.Swept) -> None:
    progress.report(
        done.checked, note=f"{done.checked} checked, {done.entered} to be reviewed, {done.followed} changed"
    )
