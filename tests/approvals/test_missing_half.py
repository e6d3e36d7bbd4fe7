"""What was voided and not replaced: going on with it is asked for as the whole is."""

import pytest

from invoicing.approvals.deciding import CannotDecide
from invoicing.approvals.people import Table
from invoicing.models import Operation, User
from invoicing.operations import approving, steps
from invoicing.operations.verb import NoLonger
from tests.approvals.conftest import ONE
from tests.operations.rows import audits, jobs
from tests.web.test_resolving import half

__all__ = ["half"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gone_on(half, policy, person):
    """gone_on() is the step that waits, somebody else than the first requester having gone on."""
    policy({"verbs": ["void_and_replace"], "steps": ONE})

    def go_on(by=None):
        steps.resume(half, by=by or person("operator"), reason="Rates are right now")
        return half.steps.get(verb="regenerate_invoice")

    return go_on


def test_the_missing_half_waits_where_the_whole_would(gone_on, half, person):
    colleague, reviewer = person("operator", "reviewer"), person("reviewer")
    step = gone_on(by=colleague)

    request = step.approval_request
    assert (step.state, request.open, step.reason) == ("requested", True, "Rates are right now")
    assert not jobs(step, "dispatch_operation").exists(), "nothing is sent before"
    half.refresh_from_db()
    assert (half.state, half.outcome["message"]) == ("sending", "What is missing waits for approval.")
    for maker in (colleague, half.requester):
        maker.groups.set(colleague.groups.all())
        assert not Table(request).stand_of(User.objects.get(pk=maker.pk)).may
    with pytest.raises(CannotDecide, match="yourself"):
        approving.approve(request, by=User.objects.get(pk=colleague.pk), seal=request.seal)

    approving.approve(request, by=reviewer, seal=request.seal)

    step.refresh_from_db()
    assert step.state == "approved" and jobs(step, "dispatch_operation").exists()
    approving.must_be_signed(step, [], "")
    told = [entry.action.rpartition(".")[2] for entry in audits(step)]
    assert told == ["step", "awaiting", "approve_refused", "approved"]


def test_what_was_not_approved_is_missing_again(gone_on, half, person):
    step, reviewer = gone_on(), person("reviewer")

    approving.reject(step.approval_request, by=reviewer, seal=step.approval_request.seal, reason="Not this month")

    half.refresh_from_db()
    assert (half.state, half.outcome["stage"]) == ("needs_person", "voided, replacement missing")
    assert half.outcome["message"] == "Not this month" and list(steps.replacements_missing()) == [half]
    again = steps.resume(half, by=half.requester, reason="It is next month")
    assert again.steps.filter(state="requested").count() == 1


def test_an_approval_that_no_longer_holds_sends_no_half(gone_on, person):
    step, reviewer = gone_on(), person("reviewer")
    person("reviewer")
    approving.approve(step.approval_request, by=reviewer, seal=step.approval_request.seal)
    reviewer.groups.clear()
    step = Operation.objects.get(pk=step.pk)

    with pytest.raises((approving.SealBroken, NoLonger), match="may not any more"):
        approving.must_be_signed(step, [], "")


def test_without_a_policy_one_goes_on_alone(half, person):
    steps.resume(half, by=person("operator"), reason="Rates are right now")

    step = half.steps.get(verb="regenerate_invoice")
    assert step.state == "approved" and jobs(step, "dispatch_operation").exists()
