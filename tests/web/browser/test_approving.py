"""Two people, two browsers, one provider over HTTP: what one asks for the other approves, and exactly that is sent."""

import json

import pytest

from invoicing.approvals import publishing
from invoicing.approvals.policies import ready_made
from invoicing.mirror.refresh import mirror_new
from invoicing.models import Operation, User
from tests.sandbox.conftest import start_sandbox  # noqa: F401  a sandbox of one's own
from tests.web.browser.test_acting import a_quick_world, issued, orb, worker

__all__ = ["a_quick_world", "issued", "orb", "worker"]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def sandbox(start_sandbox):  # noqa: F811
    return start_sandbox(invoices=60)


@pytest.fixture
def reviewer(person):
    return person("reviewer", email="rita@desk.example")


@pytest.fixture
def in_force(person, transactional_db):
    """The ready-made policy, published by two who are gone then."""
    first, second = person("controller"), person("controller")
    made = publishing.draft(ready_made(), by=first, note="To begin with")
    for by in (first, second):
        publishing.publish(made, by=by, digest=made.digest, reason="Agreed")
    User.objects.filter(pk__in=[first.pk, second.pk]).update(is_active=False)
    return made


def asked_for(page, invoice):
    """The operator asks for a void, and reads that it waits."""
    page.goto(f"/invoices/{invoice.pk}/actions/void/")
    assert page.get_by_text("Nothing is sent before it is approved by somebody else").is_visible()
    page.get_by_text("Wrong amount", exact=True).click()
    page.get_by_role("button", name="Void").click()
    page.wait_for_url("**/operations/**")
    assert page.locator("#stands-h").inner_text() == "Waiting for approval"
    return Operation.objects.get(invoice=invoice)


def test_an_operator_asks_a_reviewer_approves_and_one_effect_exists(
    sandbox,
    issued,
    in_force,
    operator,
    reviewer,
    open_page,
    worker,  # noqa: F811
):
    theirs = open_page("/receivables/", person=operator)
    operation = asked_for(theirs, issued)
    assert theirs.locator('[data-key="A"]').count() == 0
    worker()
    assert sandbox.effects(external_id=issued.external_id) == []

    page = open_page("/approvals/", person=reviewer)
    page.get_by_role("link", name=f"Void {issued}").click()
    page.locator("#seal").wait_for()
    page.keyboard.press("A")
    assert page.evaluate("document.activeElement.id") == "approve", "a key leads there and does not decide"
    operation.refresh_from_db()
    assert operation.state == "requested"
    page.keyboard.press("Enter")
    page.wait_for_url("**/operations/**")
    worker()

    theirs.wait_for_selector('#state[data-state="succeeded"]')
    assert "Voided" in theirs.locator("#stands-h").inner_text()
    assert len(sandbox.effects(external_id=issued.external_id)) == 1


@pytest.fixture
def draft(sandbox, orb):  # noqa: F811
    """A draft of the sandbox that can be issued and is small enough to need one approver."""
    for line in sandbox.invoices("orb"):
        payload = json.loads(line)
        if payload["status"] == "draft" and payload["line_items"] and 0 < float(payload["total"]) < 5000:
            return mirror_new(orb, payload["id"])
    raise LookupError("The sandbox has no such draft.")


def test_a_change_at_the_provider_after_the_approval_stops_it_and_both_see_what_changed(
    sandbox,
    draft,
    in_force,
    operator,
    reviewer,
    open_page,
    worker,  # noqa: F811
):
    """Without script, to the end."""
    theirs = open_page(f"/invoices/{draft.pk}/actions/finalize/", person=operator, script=False)
    theirs.get_by_label("Reason", exact=True).fill("Checked against the contract")
    theirs.locator("#do-it").click()
    operation = Operation.objects.get(invoice=draft)
    assert operation.state == "requested", operation.outcome
    page = open_page(f"/approvals/{operation.approval_request.pk}/", person=reviewer, script=False)
    page.locator("#approve").click()
    assert page.get_by_text("It is on its way").is_visible()

    sandbox.act("orb", "add_line", draft.external_id)
    worker()

    operation.refresh_from_db()
    assert operation.state == "requested" and not operation.attempts.exists()
    for each in (theirs, page):
        each.goto(f"/operations/{operation.pk}/")
        assert each.locator("#broken").get_by_role("rowheader", name="Line: Added in the dashboard").is_visible()
        assert each.get_by_text("counts no more").first.is_visible()
    assert sandbox.effects(external_id=draft.external_id, verb="finalize") == []

    page.get_by_role("link", name="Look and approve").click()
    page.locator("#approve").click()
    worker()
    operation.refresh_from_db()
    assert operation.state in ("succeeded", "accepted") and operation.attempts.count() == 1
