"""Deciding on a page: what it shows, whom it lets, and that no door lets anybody approve their own."""

import uuid

import pytest
from django.core.management import CommandError, call_command

from invoicing.approvals import delegations, publishing
from invoicing.models import Approval, ApprovalRequest, AuditEntry, Invoice, Operation, Policy, Scope
from invoicing.operations import approving
from invoicing.operations.requesting import Wish, request_operation
from tests.web.mirrored import HOSTILE, body, changed, mirrored
from tests.web.pages import read

ONE, TWO = [{"count": 1, "roles": []}], [{"count": 2, "roles": []}]


@pytest.fixture
def in_force(person):
    """in_force(rule, …) puts a policy in force; its makers are gone then."""

    def publish(*rules):
        first, second = person("controller"), person("controller")
        rules = [{"name": f"Rule {n}"} | rule for n, rule in enumerate(rules, 1)]
        made = publishing.draft(rules, by=first, note="Now")
        for by in (first, second):
            publishing.publish(made, by=by, digest=made.digest, reason="Now")
            by.is_active = False
            by.save()
        return Policy.objects.in_force()

    return publish


@pytest.fixture
def issued(connection_to):
    return mirrored(connection_to("orb"), body("orb_invoice_issued"))


@pytest.fixture
def maker(person):
    return person("operator", "reviewer")


@pytest.fixture
def asked(in_force, issued, maker):
    """A void that waits for somebody else's approval."""
    in_force({"steps": ONE})
    wish = Wish(verb="void", invoice=issued, by=maker, reason="Billed twice", token=uuid.uuid4().hex)
    return request_operation(wish).approval_request


@pytest.fixture
def door(client):
    """door(person, path, data) as a signed-in person; a POST where there is data."""

    def go(person, path, data=None, **more):
        client.force_login(person)
        return client.get(path, **more) if data is None else client.post(path, data, **more)

    return go


def yes(asked, **given):
    return {"seal": asked.seal, "decision": "approve", "reason": "", **given}


def test_the_action_page_says_beforehand_who_has_to_approve(in_force, issued, maker, door):
    in_force({"name": "Voids", "verbs": ["void"], "steps": TWO})
    assert "before it is approved" in door(maker, f"/invoices/{issued.pk}/actions/void/").content.decode()
    assert "2 people" in door(maker, f"/invoices/{issued.pk}/actions/void/").content.decode()


def test_the_operation_waits_on_its_page_with_the_way_to_decide(asked, maker, person, door):
    reviewer = person("reviewer")
    path = f"/operations/{asked.operation_id}/"
    mine, theirs = (read(door(who, path)) for who in (maker, reviewer))
    assert "You asked for this yourself" in mine.text and not mine.all("a", data_key="A")
    assert theirs.one("a", data_key="A").attributes["href"] == f"/approvals/{asked.pk}/#approve"
    assert theirs.one("section", data_approval=str(asked.pk)).attributes["data-approval-state"] == "open"


def test_the_page_shows_what_will_happen_and_what_exactly_is_signed(asked, person, door):
    page = read(door(person("reviewer"), f"/approvals/{asked.pk}/"))
    assert page.one(id="seal").text == asked.seal
    assert "Billed twice" in page.text and "What will happen" in page.text and "Rule 1" in page.text
    assert page.one("button", id="approve") and page.one("button", id="reject")
    assert page.one("a", data_key="A").attributes["href"] == "#approve"


def test_a_reviewer_approves_and_it_goes_on_its_way(asked, person, door):
    reviewer = person("reviewer")
    answer = door(reviewer, f"/approvals/{asked.pk}/", yes(asked, reason="Checked"))
    assert (answer.status_code, answer.url) == (302, f"/operations/{asked.operation_id}/")
    assert Operation.objects.get().state == "approved"
    made = Approval.objects.get()
    assert (made.by, made.reason, made.seal, made.solo) == (reviewer, "Checked", asked.seal, False)
    assert "Approved" in door(reviewer, "/approvals/?show=decided").content.decode()


def test_a_rejection_needs_a_reason_and_keeps_what_was_typed(asked, person, door):
    reviewer, path = person("reviewer"), f"/approvals/{asked.pk}/"
    answer = door(reviewer, path, yes(asked, decision="reject"))
    assert answer.status_code == 422 and read(answer).one("p", id="reason-wrong")
    assert door(reviewer, path, yes(asked, decision="reject", reason="Wrong one")).status_code == 302
    operation = Operation.objects.get()
    assert (operation.state, operation.outcome["message"]) == ("rejected", "Wrong one")
    page = door(reviewer, f"/operations/{operation.pk}/").content.decode()
    assert "Wrong one" in page and "Rework and ask again" in page


# ---- nobody approves their own


def test_the_maker_is_refused_by_every_door(asked, maker, person, door, client):
    person("reviewer")  # somebody else could
    path = f"/approvals/{asked.pk}/"
    assert not read(door(maker, path)).all("button", id="approve")
    forged = yes(asked, requester=1, by=1, state="approved", round=9, solo="on", policy="", editor=1)
    for data in (yes(asked), forged, yes(asked, in_place_of=maker.pk)):
        answer = door(maker, path, data)
        assert answer.status_code == 422 and "You asked for this yourself" in answer.content.decode()
    client.logout()
    second = door(maker, path, yes(asked))  # another session of the same person
    assert second.status_code == 422
    with pytest.raises(CommandError, match="You asked for this yourself"):
        call_command("approve", str(asked.operation_id), user=maker.email)
    assert not Approval.objects.exists() and Operation.objects.get().state == "requested"
    assert AuditEntry.objects.filter(action="approval.approve_refused").count() == 5


def test_who_stands_in_for_the_maker_is_refused(asked, maker, person, door):
    friend, today = person("reviewer"), __import__("datetime").date.today()
    person("reviewer")
    delegations.delegate(giver=maker, taker=friend, starts_on=today, ends_on=today, reason="Away", by=maker)
    answer = door(friend, f"/approvals/{asked.pk}/", yes(asked))
    assert answer.status_code == 422 and "stand in for the person who asked" in answer.content.decode()
    assert not Approval.objects.exists()


@pytest.mark.parametrize("roles", [("operator",), ("viewer",), ("auditor",), ("sync admin",)])
def test_without_the_right_the_door_is_shut_and_says_so(asked, person, door, roles):
    answer = door(person(*roles), f"/approvals/{asked.pk}/", yes(asked))
    assert answer.status_code == 403 and not Approval.objects.exists()


def test_what_is_out_of_reach_is_not_there(asked, person, door):
    far = person("reviewer")
    Scope.objects.create(user=far, connections=[])
    for path, data in (("", None), ("", yes(asked)), ("withdraw/", {}), ("rework/", None), ("rework/", {})):
        assert door(far, f"/approvals/{asked.pk}/{path}", data).status_code == 404
    assert asked.title not in door(far, "/approvals/?show=open").content.decode()
    assert door(person("access admin"), f"/approvals/{asked.pk}/").status_code == 404


def test_an_approval_sent_twice_counts_once(asked, person, door):
    reviewer = person("reviewer")
    for status in (302, 422):
        assert door(reviewer, f"/approvals/{asked.pk}/", yes(asked)).status_code == status
    assert Approval.objects.count() == 1


@pytest.mark.parametrize("broken", [{"seal": "x"}, {"seal": ""}, {"decision": "maybe"}, {"in_place_of": "z"}])
def test_a_form_that_is_not_ours_decides_nothing(asked, person, door, broken):
    answer = door(person("reviewer"), f"/approvals/{asked.pk}/", yes(asked, **broken))
    assert answer.status_code == 422 and "no longer valid" in answer.content.decode()
    assert not Approval.objects.exists()


# ---- the seal


def test_a_change_since_is_shown_money_first_and_has_to_be_looked_at(asked, issued, person, door):
    reviewer, path = person("reviewer"), f"/approvals/{asked.pk}/"
    mirrored(issued.connection, changed(body("orb_invoice_issued"), total="999.99", amount_due="999.99"))
    assert "The mirror has it otherwise" in door(reviewer, path).content.decode()

    answer = door(reviewer, path, yes(asked))
    page = read(answer)
    assert answer.status_code == 422 and "so nothing was counted" in page.text
    rows = [row.text for row in page.one(id="broken").all("tr")]
    assert rows[1].startswith("Total") and "999.99" in rows[1]
    assert not Approval.objects.exists()
    asked.refresh_from_db()
    assert page.one("input", name="seal").attributes["value"] == asked.seal
    assert door(reviewer, path, yes(asked)).status_code == 302
    assert Operation.objects.get().state == "approved"


def test_a_voided_invoice_cannot_be_approved_for_voiding(asked, issued, person, door):
    Invoice.objects.filter(pk=issued.pk).update(status="void", provider_status="void")
    answer = door(person("reviewer"), f"/approvals/{asked.pk}/", yes(asked))
    assert answer.status_code == 422
    operation = Operation.objects.get()
    asked.refresh_from_db()
    assert (operation.state, asked.state) == ("refused", "overtaken")
    assert "void already" in operation.outcome["message"]


# ---- withdrawing, changing, asking anew


def test_the_maker_changes_it_and_it_is_sealed_anew(asked, maker, person, door):
    path = f"/approvals/{asked.pk}/rework/"
    page = read(door(maker, path))
    assert page.one("textarea", id="id_reason").text == "Billed twice"
    sent = {"seal": asked.seal, "token": uuid.uuid4().hex, "reason": "Billed three times", "reference": "T-1"}
    assert door(maker, path, sent | {"reason": ""}).status_code == 422
    assert door(maker, path, sent).status_code == 302
    asked.refresh_from_db()
    assert (asked.round, asked.editor) == (2, maker)
    shown = door(person("reviewer"), f"/approvals/{asked.pk}/").content.decode()
    assert "Billed three times" in shown and "earlier approvals count no more" in shown
    assert door(maker, path, sent).status_code == 422, "of the content that was changed meanwhile"


def test_what_was_rejected_is_reworked_and_asked_anew(asked, maker, person, door):
    door(person("reviewer"), f"/approvals/{asked.pk}/", yes(asked, decision="reject", reason="Say why"))
    sent = {"seal": asked.seal, "token": uuid.uuid4().hex, "reason": "Duplicate of INV-3", "reference": ""}
    for _ in range(2):  # sent twice is one
        answer = door(maker, f"/approvals/{asked.pk}/rework/", sent)
    anew = Operation.objects.get(state="requested")
    assert answer.url == f"/operations/{anew.pk}/" and anew.reason == "Duplicate of INV-3"
    assert Operation.objects.count() == 2


def needs(door, person):
    return {each.attributes["data-need"]: each for each in read(door(person, "/")).all("li", data_need=True)}


def test_who_asked_and_who_approved_hear_that_it_is_not_what_it_was(door, asked, issued, maker, person):
    asked.needs = [{"rule": "Two", "ordered": False, "steps": TWO}]
    asked.save()
    signer, other, viewer = person("reviewer"), person("reviewer"), person("viewer")
    approving.approve(asked, by=signer, seal=asked.seal)
    assert "broken" not in needs(door, maker)

    mirrored(issued.connection, changed(body("orb_invoice_issued"), total="999.00", amount_due="999.00"))
    assert approving.check(asked) is False

    for each in (maker, signer):
        told = needs(door, each)["broken"]
        assert "1 request changed" in told.text and asked.title in told.text
        assert told.one("a").attributes["href"] == f"/approvals/{asked.pk}/"
    assert "broken" not in needs(door, other) and "broken" not in needs(door, viewer)
    approving.approve(asked, by=signer, seal=asked.seal)
    assert "broken" not in needs(door, signer), "who approved it as it is now knows"


def test_withdrawing(asked, maker, door):
    assert door(maker, f"/approvals/{asked.pk}/withdraw/", {}).status_code == 302
    asked.refresh_from_db()
    assert (asked.state, Operation.objects.get().state) == ("withdrawn", "cancelled")
    assert door(maker, f"/approvals/{asked.pk}/withdraw/").status_code == 405


# ---- lists, and the command


def test_the_queue_tells_apart_what_waits_for_whom(asked, maker, person, door):
    reviewer = person("reviewer")

    def rows(who, show):
        return [
            each.attributes["data-approval"]
            for each in read(door(who, f"/approvals/?show={show}")).all("tr", data_row=True)
        ]

    mine = [str(asked.pk)]
    assert rows(reviewer, "me") == mine and rows(maker, "me") == []
    assert rows(reviewer, "open") == rows(maker, "open") == mine
    assert rows(maker, "mine") == mine and rows(reviewer, "mine") == []
    assert rows(reviewer, "decided") == []
    assert door(reviewer, "/approvals/?show=else").status_code == 404


def test_act_ends_at_once_with_three_and_approve_goes_on(in_force, issued, maker, person, capsys):
    in_force({"steps": TWO})
    with pytest.raises(SystemExit) as ended:
        call_command("act", "void", str(issued.pk), "--reason", "Twice", "--as", maker.email)
    assert ended.value.code == 3
    operation = Operation.objects.get()
    first, second = person("reviewer"), person("controller")
    with pytest.raises(SystemExit) as ended:
        call_command("approve", str(operation.pk), user=first.email)
    assert ended.value.code == 3 and "1 more wanted" in capsys.readouterr().out
    call_command("approve", str(operation.pk), user=second.email)
    operation.refresh_from_db()
    assert operation.state == "approved"
    with pytest.raises(CommandError, match="decided already"):
        call_command("approve", str(operation.pk), user=second.email, reject=True, reason="No")


def test_hostile_text_stays_text(in_force, connection_to, maker, person, door):
    in_force({"steps": ONE, "name": HOSTILE[:100]})
    invoice = mirrored(connection_to("orb"), changed(body("orb_invoice_issued"), invoice_number=f"N{HOSTILE}"))
    wish = Wish(verb="void", invoice=invoice, by=maker, reason=HOSTILE, reference=HOSTILE[:100], token=uuid.uuid4().hex)
    asked = request_operation(wish).approval_request
    for path in ("/approvals/", f"/approvals/{asked.pk}/", "/policies/", f"/operations/{asked.operation_id}/"):
        page = door(person("reviewer"), path).content.decode()
        assert "<img src=x" not in page and "<script>alert" not in page
    assert ApprovalRequest.objects.get().open
