"""A desk beside a sandbox, and batches made of what the sandbox holds."""

import pytest

from invoicing.bulk import collecting, confirming, rehearsing
from invoicing.jobs import running
from invoicing.models import Batch, Job
from tests.operations.conftest import Desk, a_quick_world, no_faults_left, sandbox, start_sandbox
from tests.operations.fake_provider import utc

__all__ = ["Desk", "a_quick_world", "no_faults_left", "sandbox", "start_sandbox", "utc"]


@pytest.fixture(autouse=True)
def no_waiting(settings):
    settings.DESK_BATCH_CANCEL_SECONDS = 0


@pytest.fixture
def desk(sandbox, operator):
    return Desk(sandbox, operator)


@pytest.fixture
def batch_of(operator):
    """batch_of("void", invoices) is collected and rehearsed."""
    made = []

    def make(verb, invoices, *, reason="Billed twice", by=operator, **more):
        made.append(1)
        batch = collecting.collect(verb, [each.pk for each in invoices], by=by, token=f"t{len(made)}")
        rehearsing.prepare(batch, by=by, reason=reason, **more)
        return batch

    return make


@pytest.fixture
def confirmed(batch_of, operator):
    """The same, confirmed."""

    def make(*given, **more):
        batch = batch_of(*given, **more)
        assert confirming.confirm(batch, by=operator, digest=batch.digest, typed=str(batch.size))
        return batch

    return make


def work(*, rounds=200, until=lambda: False):
    """What a worker does, job by job, until nothing is due or `until` says so."""
    done = 0
    while done < rounds and not until() and (job := running.claim("test:1:0")):
        running.execute(job)
        done += 1
    return done


def work_to_the_end(batch: Batch, *, patience=200) -> Batch:
    """Until every row has ended, read-backs and all: what waits for its time gets it."""
    for _ in range(patience):
        work()
        batch.refresh_from_db()
        if not batch.going_on:
            return batch
        Job.objects.filter(state="queued", task__endswith="follow_batch").update(run_at=utc())
    raise AssertionError(f"{batch} did not end: {list(batch.rows.values_list('state', 'operation__state'))}")
