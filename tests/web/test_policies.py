"""Policies on screen: drafted, edited, compared, tried, published by two; and standing in."""

from datetime import timedelta

import pytest
from django.utils import timezone

from invoicing.approvals import publishing
from invoicing.models import AuditEntry, Delegation, Policy
from tests.web.mirrored import body, mirrored
from tests.web.pages import read
from tests.web.test_approvals import ONE, door, in_force, maker

__all__ = ["door", "in_force", "maker"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def controllers(person):
    return person("controller"), person("controller")


def test_without_a_policy_the_page_says_so_in_words(person, door):
    page = read(door(person("viewer"), "/policies/"))
    assert (
        "No policy is in force" in page.text
        and "acts alone" in page.text
        and not page.all("form", action="/policies/draft/")
    )


def test_the_ready_made_one_is_switched_on_by_two_people(controllers, door):
    first, second = controllers
    answer = door(first, "/policies/draft/", {"from": "ready", "note": "To begin with"})
    policy = Policy.objects.get()
    path = f"/policies/{policy.number}/"
    assert answer.url == path and len(policy.rules) == 4 and policy.state == "draft"

    sent = {"digest": policy.digest, "reason": "Agreed in the meeting"}
    for _ in range(2):  # the same person twice is still one
        door(first, f"{path}publish/", sent)
        policy.refresh_from_db()
        assert (policy.state, policy.published_by) == ("proposed", None)
    door(second, f"{path}publish/", sent)
    policy.refresh_from_db()
    assert (policy.state, policy.proposed_by, policy.published_by, policy.solo) == ("in_force", first, second, False)
    assert [entry.action for entry in AuditEntry.objects.filter(target=f"policy:{policy.number}")] == [
        "policy.drafted",
        "policy.proposed",
        "policy.proposed",
        "policy.published",
    ]


def test_one_controller_alone_publishes_on_record(person, door):
    alone = person("controller")
    door(alone, "/policies/draft/", {"from": "ready", "note": "Start"})
    policy = Policy.objects.get()
    assert "you may alone" in door(alone, f"/policies/{policy.number}/").content.decode()
    assert (
        door(alone, f"/policies/{policy.number}/publish/", {"digest": policy.digest, "reason": ""}).status_code == 422
    )
    door(alone, f"/policies/{policy.number}/publish/", {"digest": policy.digest, "reason": "Alone"})
    policy.refresh_from_db()
    assert (policy.state, policy.solo) == ("in_force", True)


def test_what_is_published_is_what_was_looked_at(controllers, door):
    first, second = controllers
    door(first, "/policies/draft/", {"from": "ready", "note": "Start"})
    policy = Policy.objects.get()
    path, looked_at = f"/policies/{policy.number}/", policy.digest
    door(first, f"{path}publish/", {"digest": looked_at, "reason": "Go"})
    publishing.edit(policy, [{"name": "None at all", "steps": ONE, "above": "1000000"}], by=first, note="")
    answer = door(second, f"{path}publish/", {"digest": looked_at, "reason": "Go"})
    assert answer.status_code == 422 and "changed after you opened" in answer.content.decode()
    door(second, f"{path}publish/", {"digest": policy.digest, "reason": "Go"})
    policy.refresh_from_db()
    assert policy.state == "proposed", "the change undid the proposal: two people again"


def form_of(page):
    """What a browser would send of the form, unchanged."""
    form = [each for each in page.all("form") if each.all("input", name="count")][0]
    sent: dict[str, list[str]] = {}
    for each in form.inside:
        name = each.attributes.get("name")
        if not name or (each.attributes.get("type") == "checkbox" and "checked" not in each.attributes):
            continue
        if each.tag == "select":
            value = next((x.attributes["value"] for x in each.all("option") if "selected" in x.attributes), "")
        elif each.tag == "button":
            continue
        else:
            value = each.text if each.tag == "textarea" else each.attributes.get("value", "on")
        sent.setdefault(name, []).append(value)
    return sent


def test_a_draft_is_edited_without_script_rule_by_rule(controllers, door):
    first, _ = controllers
    door(first, "/policies/draft/", {"from": "ready", "note": "Start"})
    policy = Policy.objects.get()
    path, was = f"/policies/{policy.number}/edit/", policy.rules
    sent = form_of(read(door(first, path)))
    assert door(first, path, sent).status_code == 302
    policy.refresh_from_db()
    assert policy.rules == was, "saved as it was shown, nothing is lost"

    more = read(door(first, path, sent | {"add": "1"}))
    assert len(more.all("fieldset", class_="rule-card")) == 5
    sent = form_of(more) | {
        "r4-name": "Euros",
        "r4-unit": "EUR",
        "r4-above": "1,5",
        "r4-people0": "1",
        "r0-remove": "on",
    }
    sent |= {"r4-roles0": ["controller"], "r4-verbs": ["void"]}
    answer = door(first, path, sent)
    page = read(answer)
    assert answer.status_code == 422 and "without thousands separators" in page.text
    at = next(each.attributes["name"][:3] for each in page.all("input") if each.attributes.get("value") == "Euros")
    assert page.one("input", name=f"{at}above").attributes["value"] == "1,5", "what was typed is kept"
    assert door(first, path, sent | {"r4-above": "1.50"}).status_code == 302
    policy.refresh_from_db()
    assert [rule["name"] for rule in policy.rules][-1] == "Euros" and len(policy.rules) == 4
    assert policy.rules[-1]["above"] == "1.50" and policy.rules[-1]["steps"] == [{"count": 1, "roles": ["controller"]}]


def test_versions_are_compared_and_gone_back_to(controllers, in_force, door):
    first, second = controllers
    old = in_force({"name": "Voids", "verbs": ["void"], "steps": ONE}, {"name": "Large", "above": "100", "steps": ONE})
    new = publishing.draft(
        [{"name": "Voids", "verbs": ["void"], "steps": [{"count": 2}]}], by=first, note="Stricter", based_on=old
    )
    page = read(door(second, f"/policies/{new.number}/"))
    kinds = [each.attributes["class"].split()[-1] for each in page.all("div", class_="difference")]
    assert kinds == ["changed", "removed"]
    for by in (first, second):
        publishing.publish(new, by=by, digest=new.digest, reason="Go")
    old.refresh_from_db()
    assert (
        old.state == "retired" and "Go back to this version" in door(first, f"/policies/{old.number}/").content.decode()
    )
    door(first, "/policies/draft/", {"from": str(old.number), "note": "Too strict"})
    back = Policy.objects.first()
    assert back.rules == old.rules and back.based_on == old and back.state == "draft"
    with pytest.raises(publishing.CannotPublish):
        publishing.edit(old, [], by=first, note="")


def test_a_draft_is_tried_on_what_was_really_asked(controllers, maker, person, connection_to, door):
    from invoicing.operations.requesting import Wish, request_operation

    first, _ = controllers
    invoice = mirrored(connection_to("orb"), body("orb_invoice_issued"))
    request_operation(Wish(verb="void", invoice=invoice, by=maker, reason="Twice", token="t"))
    steps = [{"count": 3, "roles": ["controller"]}]
    draft = publishing.draft([{"name": "Three", "steps": steps}], by=first, note="Try")
    page = read(door(first, f"/policies/{draft.number}/trial/"))
    figures = [each.text for each in page.all("dd", class_="figure")]
    assert figures == ["1", "1", "1"] and "1 too few" in page.text
    publishing.edit(draft, [{"name": "Two", "steps": [{"count": 2, "roles": ["controller"]}]}], by=first, note="")
    assert [each.text for each in read(door(first, f"/policies/{draft.number}/trial/")).all("dd", class_="figure")] == [
        "1",
        "1",
        "0",
    ]
    publishing.edit(draft, [{"name": "Large", "above": "1000000", "steps": ONE}], by=first, note="")
    assert [each.text for each in read(door(first, f"/policies/{draft.number}/trial/")).all("dd", class_="figure")] == [
        "1",
        "0",
        "0",
    ]


@pytest.mark.parametrize("path", ["draft/", "1/publish/", "1/discard/", "1/edit/"])
def test_only_controllers_change_policies(controllers, person, door, path):
    made = publishing.draft([{"name": "R", "steps": ONE}], by=controllers[0], note="One")
    for roles in (("reviewer",), ("access admin",), ("sync admin",)):
        answer = door(
            person(*roles),
            f"/policies/{path}",
            {"note": "x", "from": "ready", "digest": made.digest, "reason": "x", "count": "0"},
        )
        assert answer.status_code == 403
    made.refresh_from_db()
    assert Policy.objects.count() == 1 and made.state == "draft"


# ---- standing in


def test_naming_somebody_to_stand_in_and_ending_it(person, door):
    giver, taker, other = person("controller"), person("reviewer"), person("operator")
    today = timezone.localdate()
    sent = {"taker": taker.pk, "starts_on": today, "ends_on": today + timedelta(days=3), "reason": "Holidays"}
    for wrong in ({"ends_on": today - timedelta(days=1)}, {"taker": other.pk}, {"taker": giver.pk}, {"reason": ""}):
        assert door(giver, "/delegations/", sent | wrong).status_code == 422
    assert door(giver, "/delegations/", sent | {"giver": taker.pk}).status_code == 302
    made = Delegation.objects.get()
    assert (made.giver, made.taker, made.reason) == (giver, taker, "Holidays")
    assert door(giver, "/delegations/", sent).status_code == 422, "twice for the same days"
    assert door(other, "/delegations/", sent).status_code == 403
    assert door(other, f"/delegations/{made.pk}/end/", {}).status_code == 404
    assert door(taker, f"/delegations/{made.pk}/end/", {}).status_code == 302
    made.refresh_from_db()
    assert made.ended_by == taker
    assert [each.action for each in AuditEntry.objects.filter(target=f"delegation:{made.pk}")] == [
        "delegation.made",
        "delegation.ended",
    ]
