"""A policy that asks for others: a batch is approved as a whole, once, and exactly as it was shown."""

import pytest

from invoicing.bulk import confirming
from invoicing.models import ApprovalRequest, Invoice, Job, Operation
from invoicing.operations import approving
from tests.approvals.conftest import ONE, TWO, policy
from tests.bulk.conftest import work, work_to_the_end
from tests.bulk.test_running import effects_of, outcomes, some

__all__ = ["policy", "some"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def waiting(policy, confirmed, some):
    """waiting(2) is a batch of two that waits for the policy's people, with its invoices."""

    def make(count=2, *rules):
        policy(*(rules or ({"rows_above": 0, "steps": ONE},)))
        invoices = some(count)
        batch = confirmed("void", invoices)
        assert batch.state == "awaiting"
        work()
        assert not Operation.objects.filter(correlation=batch.pk).exists(), "nothing is asked before it is approved"
        return batch, invoices

    return make


def the_request(batch):
    return ApprovalRequest.objects.get(batch=batch.pk)


def test_approved_as_a_whole_it_runs(desk, waiting, person):
    batch, invoices = waiting()
    asked = the_request(batch)

    approving.approve(asked, by=person("reviewer"), seal=asked.seal)

    assert outcomes(work_to_the_end(batch)) == {"succeeded": 2}
    assert len(effects_of(desk, invoices)) == 2
    assert ApprovalRequest.objects.count() == 1, "no row asks again"


def test_a_large_batch_needs_two(waiting, person):
    batch, _ = waiting(3, {"rows_above": 0, "steps": ONE}, {"rows_above": 2, "steps": TWO})
    asked = the_request(batch)
    approving.approve(asked, by=person("reviewer"), seal=asked.seal)
    work()
    batch.refresh_from_db()
    assert batch.state == "awaiting"
    approving.approve(the_request(batch), by=person("controller"), seal=asked.seal)
    assert outcomes(work_to_the_end(batch)) == {"succeeded": 3}


def test_rejected_it_ends_and_nothing_was_asked(desk, waiting, person):
    batch, invoices = waiting()
    asked = the_request(batch)

    approving.reject(asked, by=person("reviewer"), seal=asked.seal, reason="Not these")
    Job.objects.filter(state="queued").update(run_at=batch.created_at)

    assert outcomes(work_to_the_end(batch)) == {"stopped": 2}
    assert effects_of(desk, invoices) == [] and "rejected" in batch.rows.first().why


def test_called_back_it_asks_nobody_any_more(waiting, operator):
    batch, _ = waiting()
    assert confirming.stop(batch, by=operator)
    assert the_request(batch).state == "withdrawn"
    assert outcomes(work_to_the_end(batch)) == {"stopped": 2}


def test_a_row_that_changed_after_it_was_approved_is_not_asked(desk, waiting, person):
    batch, invoices = waiting()
    asked = the_request(batch)
    approving.approve(asked, by=person("reviewer"), seal=asked.seal)
    Invoice.objects.filter(pk=invoices[0].pk).update(total="1.23")

    work_to_the_end(batch)

    assert outcomes(batch) == {"succeeded": 1, "not_asked": 1}
    assert "the invoice changed" in batch.rows.get(invoice=invoices[0]).why
    assert effects_of(desk, [invoices[0]]) == []
