"""Approval over real HTTP: a whole with two halves is approved once, and what was approved is what happens."""

import pytest

from invoicing.approvals import publishing
from invoicing.models import Invoice, User
from invoicing.operations import approving, steps
from invoicing.vocabulary import OperationState
from tests.operations.test_verbs import metronome, orb

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reviewer(person):
    """Somebody who may approve, while a policy asks one person for everything."""
    first, second = person("controller"), person("controller")
    steps_ = [{"count": 1, "roles": []}]
    made = publishing.draft([{"name": "Everything", "steps": steps_}], by=first, note="For a start")
    for by in (first, second):
        publishing.publish(made, by=by, digest=made.digest, reason="Agreed")
    User.objects.filter(pk__in=[first.pk, second.pk]).update(is_active=False)
    return person("reviewer")


def approve(operation, by):
    request = operation.approval_request
    return approving.approve(request, by=by, seal=request.seal)


def test_a_whole_is_approved_once_and_both_halves_follow(desk, reviewer):
    invoice = desk.pick("metronome", metronome("FINALIZED"))
    whole = desk.ask("void_and_replace", invoice)
    desk.settle(whole, seconds=0.3)
    assert whole.state == "requested" and desk.effects(invoice) == []

    approve(whole, reviewer)
    desk.settle(whole)

    assert whole.state == "succeeded" and whole.steps.count() == 2
    assert [len(desk.effects(invoice, verb)) for verb in ("void", "regenerate")] == [1, 1]


@pytest.mark.parametrize("hidden", [False, True], ids=["openly", "with the whole's row changed, too"])
def test_the_first_half_of_a_whole_is_not_sent_of_what_was_not_approved(desk, reviewer, hidden):
    invoice = desk.pick("metronome", metronome("FINALIZED"))
    whole = desk.ask("void_and_replace", invoice)
    approve(whole, reviewer)
    whole.refresh_from_db()
    Invoice.objects.filter(pk=invoice.pk).update(total="1.00")  # the mirror moves between the whole and its first step
    steps.begin(whole)
    if hidden:
        type(whole).objects.filter(pk=whole.pk).update(seen=whole.seen | {"total": "1.00"})
    desk.settle(whole)
    assert whole.state in (OperationState.REFUSED, OperationState.NOT_DONE) and desk.effects(invoice) == []


@pytest.mark.parametrize("moment", ["before the approval", "after the approval"])
def test_what_the_world_did_meanwhile_leaves_nothing_to_void(desk, reviewer, moment):
    invoice = desk.pick("orb", orb("issued"))
    operation = desk.ask("void", invoice)
    if moment == "after the approval":
        approve(operation, reviewer)
    desk.sandbox.act("orb", "void_at_provider", invoice.external_id)
    before = len(desk.effects(invoice))
    if moment == "before the approval":
        approve(operation, reviewer)  # the mirror does not know yet; the read before sending does
    desk.settle(operation)
    assert operation.state == "refused" and "void already" in operation.outcome["message"]
    assert not operation.attempts.exists() and len(desk.effects(invoice)) == before
