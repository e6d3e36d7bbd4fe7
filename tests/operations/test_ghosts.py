"""What no operation explains is found in the mirror: late effects of every verb that leaves a sign, and second ones."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from invoicing.models import Attempt, Incident, Operation
from invoicing.operations import ghosts, preimage
from invoicing.operations.create_invoice import MARK
from invoicing.operations.registry import VERBS
from tests.web.mirrored import body, changed, mirrored

pytestmark = pytest.mark.django_db


@pytest.fixture
def orb(connection_to):
    return connection_to("orb")


@pytest.fixture
def watching():
    ghosts.scan()


@pytest.fixture
def called(operator):
    """called("finalize", invoice, "not_done") is an operation that ended so, after it may have been written."""

    def make(verb, invoice, state, *, wire="maybe", ago=timedelta(0), **columns):
        now = timezone.now() - ago
        seen = preimage.seen(invoice, VERBS[verb])
        operation = Operation.objects.create(
            connection=invoice.connection, invoice=columns.pop("about", invoice), external_id=invoice.external_id,
            verb=verb, call_class="K", seen=seen, seen_digest="", token=uuid.uuid4().hex, key=uuid.uuid4().hex,
            requester=operator, reason="Once", state=state, created_at=now, finished_at=now, **columns,
        )  # fmt: skip
        Attempt.objects.create(
            operation=operation, number=1, lease_token="t", committed_at=now, wire=wire, ended_at=now
        )
        return operation

    return make


def found():
    ghosts.scan()
    return list(Incident.objects.order_by("pk").values_list("kind", "operation"))


def draft(**fields):
    return changed(body("orb_invoice_draft"), **fields)


ISSUED = {"status": "issued", "issued_at": "2026-08-02T00:00:00+00:00"}


def test_a_finalization_that_came_after_it_was_called_absent_is_late(orb, watching, called):
    invoice = mirrored(orb, draft(will_auto_issue=True))
    operation = called("finalize", invoice, "not_done")
    mirrored(orb, draft(will_auto_issue=True, **ISSUED))

    assert found() == [("late", operation.pk)]
    text = Incident.objects.get().text
    assert "Finalize was called not done, and Orb shows its effect now" in text


def test_an_issue_that_the_provider_makes_by_itself_is_nothing_to_tell(orb, watching):
    mirrored(orb, draft(will_auto_issue=True))
    mirrored(orb, draft(will_auto_issue=True, **ISSUED))
    assert found() == []


def test_an_issue_that_only_a_person_makes_and_nobody_asked_for_is_foreign(orb, watching):
    mirrored(orb, draft(will_auto_issue=False))
    mirrored(orb, draft(will_auto_issue=False, **ISSUED))
    assert found() == [("foreign", None)]


@pytest.mark.parametrize("state", ["succeeded", "unknown", "approved"])
def test_what_we_did_or_may_be_doing_is_explained(orb, watching, called, state):
    invoice = mirrored(orb, draft(will_auto_issue=False))
    called("finalize", invoice, state)
    mirrored(orb, draft(will_auto_issue=False, **ISSUED))
    assert found() == []


def test_paid_after_it_was_called_not_done_is_late_for_a_week_and_no_longer(orb, watching, called):
    issued = body("orb_invoice_issued")
    invoice = mirrored(orb, issued)
    old = called("mark_paid", invoice, "not_done", ago=timedelta(days=30), arguments={})
    mirrored(orb, changed(issued, status="paid", paid_at="2026-08-20T00:00:00+00:00"))
    assert found() == [], "a customer pays"

    Operation.objects.filter(pk=old.pk).update(finished_at=timezone.now())
    mirrored(orb, changed(issued, status="paid", paid_at="2026-08-21T00:00:00+00:00", memo="x"))
    Incident.objects.all().delete()
    mirrored(orb, issued)
    mirrored(orb, changed(issued, status="paid", paid_at="2026-08-22T00:00:00+00:00"))
    assert ("late", old.pk) in found()


def test_a_refused_request_that_never_left_is_not_blamed_for_what_comes_later(orb, watching, called):
    issued = body("orb_invoice_issued")
    invoice = mirrored(orb, issued)
    called("mark_paid", invoice, "refused", wire="answered", arguments={})
    mirrored(orb, changed(issued, status="paid", paid_at="2026-08-20T00:00:00+00:00"))
    assert found() == []


def test_a_moved_date_that_was_called_absent_is_late(connection_to, watching, called):
    metronome = connection_to("metronome")
    payload = body("metronome_invoice_draft")
    invoice = mirrored(metronome, payload)
    operation = called("move_issue_date", invoice, "not_done", arguments={"issue_date": "2026-12-24"})
    mirrored(metronome, changed(payload, issued_at="2026-12-24T00:00:00+00:00"))
    assert found() == [("late", operation.pk)]


def test_a_line_that_stands_twice_and_was_added_once_is_double(orb, watching, called):
    payload = draft()
    invoice = mirrored(orb, payload)
    operation = called("add_line", invoice, "succeeded", arguments={"name": "Setup", "amount": "40"})
    line = changed(payload["line_items"][0], name="Setup", amount="40.00", subtotal="40.00", id="new1")
    once = changed(payload, line_items=[*payload["line_items"], line])
    mirrored(orb, once)
    assert found() == []

    mirrored(orb, changed(once, line_items=[*once["line_items"], changed(line, id="new2")]))

    assert found() == [("double", operation.pk)]
    assert "2 times, and was added 1 times from here" in Incident.objects.get().text


def test_a_one_off_that_appears_beside_the_one_we_made_is_double(orb, watching, called):
    issued = body("orb_invoice_issued")
    first = mirrored(orb, changed(issued, id="one", metadata={}))
    maker = called("create_invoice", first, "succeeded", about=None, outcome={"created": "one"})
    Operation.objects.filter(pk=maker.pk).update(external_id=first.customer.external_id)
    marked = {"metadata": {MARK: str(maker.pk)}}
    mirrored(orb, changed(issued, id="two", invoice_number="B-2", **marked))

    assert found() == [("double", maker.pk)]
    assert "billed twice" in Incident.objects.get().text


def test_a_second_replacement_is_double_and_a_late_one_is_late(connection_to, watching, called):
    metronome = connection_to("metronome")
    payload = body("metronome_invoice_draft")
    old = mirrored(metronome, changed(payload, id="old", status="VOID"))
    operation = called("regenerate_invoice", old, "not_done")
    new = changed(payload, status="FINALIZED", regenerated_from_invoice_id="old")
    mirrored(metronome, changed(new, id="new1"))
    assert found() == [("late", operation.pk)]

    mirrored(metronome, changed(new, id="new2"))

    assert found() == [("late", operation.pk), ("double", operation.pk)]
    assert found() == [("late", operation.pk), ("double", operation.pk)], "told once"
