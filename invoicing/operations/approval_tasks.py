"""What workers run of approvals."""

from invoicing.jobs.api import task
from invoicing.operations import approving


@task(queue_name="operations", priority=20, unique="sweep approvals")
def sweep_approvals():
    """End what nobody decided in time, and hold what waits against the mirror."""
    approving.sweep()
