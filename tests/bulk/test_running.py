"""From a selection to its effects at a provider: what is carried out is what was rehearsed, once each, and nothing else."""

import json
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from invoicing.bulk import confirming, receipt, running, tasks
from invoicing.bulk.collecting import CannotBatch, collect_again
from invoicing.bulk.outcomes import Outcome, standing_of
from invoicing.models import AuditEntry, Batch, Invoice, Job, Operation
from tests.bulk.conftest import work, work_to_the_end
from tests.operations.workers import Killed

pytestmark = pytest.mark.django_db(transaction=True)


def issued(payload):
    return payload["status"] == "issued"


@pytest.fixture
def some(desk):
    """some(3) are issued invoices of the sandbox that no other test has."""
    return lambda count: [desk.pick("orb", issued) for _ in range(count)]


def outcomes(batch):
    return {outcome.value: count for outcome, count in standing_of(batch).parts}


def effects_of(desk, invoices):
    return [each["external_id"] for invoice in invoices for each in desk.effects(invoice)]


def test_what_is_carried_out_is_what_was_rehearsed(desk, confirmed, some):
    invoices = some(4)
    paid = desk.look_at("orb", lambda payload: payload["status"] == "paid")
    batch = confirmed("void", [*invoices, paid])
    rehearsed = set(batch.rows.filter(state="waiting").values_list("invoice__external_id", flat=True))
    assert rehearsed == {each.external_id for each in invoices}

    work_to_the_end(batch)

    assert sorted(effects_of(desk, [*invoices, paid])) == sorted(rehearsed), "each once, and no other"
    assert outcomes(batch) == {"succeeded": 4, "left_out": 1}
    left = batch.rows.get(invoice=paid)
    assert left.why == "Orb does not void a paid invoice. A credit note corrects it." and left.operation is None
    told = json.loads(receipt.as_json(batch, by=batch.requester))
    assert {row["external_id"]: row["outcome"] for row in told["rows"]} == {
        **{each.external_id: "succeeded" for each in invoices},
        paid.external_id: "left_out",
    }
    assert all(uuid.UUID(row["operation"]) for row in told["rows"] if row["outcome"] == "succeeded")


def test_rows_of_several_providers_are_asked_each_at_its_own(desk, confirmed):
    invoices = [
        desk.pick("orb", issued),
        desk.pick("metronome", lambda payload: payload["status"] == "FINALIZED"),
        desk.pick(
            "flexprice",
            lambda payload: (payload["invoice_status"], payload["payment_status"]) == ("FINALIZED", "PENDING"),
        ),
    ]
    batch = work_to_the_end(confirmed("void", invoices))
    assert outcomes(batch) == {"succeeded": 3}
    assert sorted(effects_of(desk, invoices)) == sorted(each.external_id for each in invoices)


def test_one_id_ties_everything_of_a_batch_together(desk, confirmed, some):
    batch = work_to_the_end(confirmed("void", some(2)))

    entries = AuditEntry.objects.filter(correlation=str(batch.pk)).order_by("sequence")
    of_batch = [each.action for each in entries if each.target == f"batch:{batch.pk}"]
    assert of_batch == ["batch.collected", "batch.rehearsed", "batch.confirmed", "batch.started", "batch.ended"]
    assert set(Operation.objects.filter(correlation=batch.pk)) == {row.operation for row in batch.rows.all()}
    assert [each.action for each in entries].count("void.requested") == 2
    assert {each.reason for each in entries} == {"", "Billed twice"}, "the set is frozen before it is said why"


def test_a_row_that_changed_here_is_skipped_and_named(desk, confirmed, some):
    invoices = some(3)
    batch = confirmed("void", invoices)
    Invoice.objects.filter(pk=invoices[1].pk).update(version=invoices[1].version + 1)

    work_to_the_end(batch)

    assert outcomes(batch) == {"succeeded": 2, "changed": 1}
    row = batch.rows.get(state="changed")
    assert row.invoice == invoices[1] and "It changed after it was selected" in row.why
    assert effects_of(desk, [invoices[1]]) == []


def test_a_row_that_changed_at_the_provider_alone_is_not_sent(sandbox, desk, confirmed, some):
    invoices = some(2)
    batch = confirmed("void", invoices)
    sandbox.act("orb", "customer_pays", invoices[0].external_id)

    work_to_the_end(batch)

    assert outcomes(batch) == {"succeeded": 1, "changed": 1}
    row = batch.rows.get(invoice=invoices[0])
    assert receipt.why_of(row).startswith(
        "It changed at its provider after it was rehearsed: Status was issued, is paid"
    )
    assert "Nothing was sent" in receipt.why_of(row) and row.operation.state == "refused"
    assert not [each for each in desk.effects(invoices[0]) if "void" in each["verb"]]


def test_confirmed_twice_it_runs_once(desk, batch_of, operator, some):
    invoices = some(2)
    batch = batch_of("void", invoices)
    stale = Batch.objects.get(pk=batch.pk)

    assert confirming.confirm(batch, by=operator, digest=batch.digest)
    assert not confirming.confirm(stale, by=operator, digest=stale.digest)
    assert not confirming.confirm(batch, by=operator, digest=batch.digest)

    work_to_the_end(batch)
    assert sorted(effects_of(desk, invoices)) == sorted(each.external_id for each in invoices)
    assert AuditEntry.objects.filter(action="batch.confirmed", correlation=str(batch.pk)).count() == 1


def test_what_was_confirmed_must_be_what_was_shown(batch_of, operator, some):
    batch = batch_of("void", some(2))
    shown = batch.digest
    from invoicing.bulk.rehearsing import remove

    assert remove(batch, [batch.rows.first().pk], by=operator) == 1

    with pytest.raises(CannotBatch, match="no longer the one this page showed"):
        confirming.confirm(batch, by=operator, digest=shown)
    assert confirming.confirm(batch, by=operator, digest=batch.digest)
    assert batch.rows.filter(state="waiting").count() == 1


def test_nothing_is_asked_before_the_cancel_window_is_over(settings, desk, confirmed, operator, some):
    settings.DESK_BATCH_CANCEL_SECONDS = 60
    invoices = some(2)
    batch = confirmed("void", invoices)

    work()
    assert not Operation.objects.filter(correlation=batch.pk).exists()
    assert confirming.stop(batch, by=operator)
    work_to_the_end(batch)

    assert outcomes(batch) == {"stopped": 2} and effects_of(desk, invoices) == []
    Job.objects.filter(state="queued").update(run_at=timezone.now())
    work()
    assert effects_of(desk, invoices) == [], "its start comes too late"


def test_stopped_midway_what_was_not_sent_is_not_sent(desk, confirmed, operator, some):
    invoices = some(5)
    batch = confirmed("void", invoices)
    work(until=lambda: batch.rows.filter(operation__state="succeeded").count() >= 2)

    assert confirming.stop(batch, by=operator)
    work_to_the_end(batch)

    told = outcomes(batch)
    assert told["succeeded"] >= 2 and told["stopped"] >= 1 and sum(told.values()) == 5
    assert len(effects_of(desk, invoices)) == told["succeeded"]
    assert batch.stopped_by == operator and not confirming.stop(batch, by=operator)


def test_a_row_asked_while_the_batch_is_stopped_is_called_back(confirmed, operator, some, monkeypatch):
    batch = confirmed("void", some(1))
    ask = running.request_operation

    def slow(wish):
        confirming.stop(Batch.objects.get(pk=batch.pk), by=operator)
        return ask(wish)

    monkeypatch.setattr(running, "request_operation", slow)
    work(until=lambda: Operation.objects.filter(correlation=batch.pk).exists())

    assert Operation.objects.get(correlation=batch.pk).state == "cancelled"
    assert outcomes(batch) == {"stopped": 1}


@pytest.mark.parametrize("when", ["before it is asked", "after it is asked"])
def test_a_worker_killed_midway_loses_and_doubles_nothing(desk, confirmed, some, monkeypatch, when):
    invoices = some(3)
    batch = confirmed("void", invoices)
    ask, calls = running.request_operation, []

    def dies(wish):
        calls.append(wish.token)
        if len(calls) == 2:
            if when == "after it is asked":
                ask(wish)
            raise Killed
        return ask(wish)

    monkeypatch.setattr(running, "request_operation", dies)
    with pytest.raises(Killed):
        work()
    assert batch.rows.filter(state="asking").count() == 1
    Job.objects.filter(state="running").update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )  # what a dead worker leaves

    work_to_the_end(batch)

    assert outcomes(batch) == {"succeeded": 3}
    assert sorted(effects_of(desk, invoices)) == sorted(each.external_id for each in invoices)


def test_rows_whose_jobs_were_lost_are_brought_back(confirmed, some):
    batch = confirmed("void", some(2))
    work(until=lambda: Batch.objects.get(pk=batch.pk).state == "running")
    Job.objects.all().delete()

    tasks.follow_batches.func()

    assert outcomes(work_to_the_end(batch)) == {"succeeded": 2}


def test_a_lost_answer_stays_open_until_it_is_settled(sandbox, settings, desk, confirmed, some):
    settings.DESK_QUIET_SECONDS = 30
    invoices = some(2)
    lost = invoices[0].external_id
    desk.fault("orb", "POST", f"/invoices/{lost}/void", "drop_after")
    desk.fault("orb", "GET", f"/invoices/{lost}", "status", after=1, times=None, status=503, body={})
    batch = confirmed("void", invoices)

    work()

    standing = standing_of(batch)
    assert (standing.counts[Outcome.UNKNOWN], standing.counts[Outcome.SUCCEEDED]) == (1, 1)
    assert not running.follow(batch) and batch.state == "running", "it has not ended"
    with pytest.raises(CannotBatch, match="came to nothing"):
        collect_again(batch, by=batch.requester, token="again")
    sandbox.delete("/_sandbox/faults")
    Operation.objects.filter(state="unknown").update(next_look_at=timezone.now())
    desk.settle(batch.rows.get(invoice=invoices[0]).operation)
    assert outcomes(work_to_the_end(batch)) == {"succeeded": 2}
    assert len(effects_of(desk, invoices)) == 2


def test_only_what_came_to_nothing_is_tried_again(desk, confirmed, operator, some):
    invoices = some(3)
    desk.fault(
        "orb",
        "POST",
        f"/invoices/{invoices[2].external_id}/void",
        "status",
        status=400,
        body={
            "type": "https://docs.withorb.com/reference/error-responses#400-request-validation-errors",
            "status": 400,
            "title": "No",
            "detail": "No.",
            "validation_errors": [],
        },
    )
    batch = work_to_the_end(confirmed("void", invoices))
    assert outcomes(batch) == {"succeeded": 2, "failed": 1}

    again = collect_again(batch, by=operator, token="again")
    assert collect_again(batch, by=operator, token="again") == again

    assert (again.parent, again.reason, again.verb, again.size) == (batch, "Billed twice", "void", 1)
    assert [row.invoice for row in again.rows.all()] == [invoices[2]]
    from invoicing.bulk.rehearsing import rehearse

    rehearse(again, by=operator)
    assert confirming.confirm(again, by=operator, digest=again.digest)
    assert outcomes(work_to_the_end(again)) == {"succeeded": 1}
    assert len(effects_of(desk, invoices)) == 3


def test_a_person_who_lost_the_right_asks_for_nothing_more(confirmed, operator, some):
    batch = confirmed("void", some(2))
    operator.groups.clear()

    work_to_the_end(batch)

    assert outcomes(batch) == {"not_asked": 2}
    assert not Operation.objects.filter(correlation=batch.pk).exists()


def test_a_single_request_does_not_wait_behind_a_batch(desk, confirmed, operator, some):
    mine = some(1)[0]
    batch = confirmed("void", some(3))
    work(until=lambda: Batch.objects.get(pk=batch.pk).state == "running")
    operation = desk.ask("void", mine)

    work(until=lambda: not Operation.objects.get(pk=operation.pk).open)

    assert batch.rows.filter(state="waiting").count() >= 2
