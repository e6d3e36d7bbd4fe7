"""Reviewing on pages: the queue, the invoice's tab, one at a time, rules, comments; as forms, without a script."""

import json

import pytest
from django.utils import timezone

from invoicing.models import AuditEntry, Comment, Mention, Mute, Operation, Review, Rulebook
from invoicing.reviews import following, sweeping
from invoicing.reviews.rules import Rule
from tests.web.mirrored import HOSTILE, body, changed, mirrored
from tests.web.pages import read


@pytest.fixture
def reviewer(person):
    return person("reviewer")


@pytest.fixture
def door(client):
    """door(person, path, data) as a signed-in person; a POST where there is data."""

    def go(who, path, data=None, **more):
        client.force_login(who)
        return client.get(path, **more) if data is None else client.post(path, data, **more)

    return go


@pytest.fixture
def issued(orb):
    return mirrored(orb, body("orb_invoice_issued"))


@pytest.fixture
def waiting(orb):
    """waiting(3) mirrors so many invoices and puts them in the queue."""

    def make(count):
        made = [
            mirrored(orb, changed(body("orb_invoice_issued"), id=f"i{n}", invoice_number=f"N-{n}"))
            for n in range(count)
        ]
        return [following.enter(each, (Rule(name="Large"),))[0] for each in made]

    return make


def state(review):
    return Review.objects.get(pk=review.pk).state


def test_the_queue_shows_what_waits_and_claims_it(waiting, reviewer, person, door):
    first, _second = waiting(2)
    page = read(door(reviewer, "/queue/"))
    assert len(page.all("tr", data_review=True)) == 2 and "Large" in page.text
    assert page.one("a", data_key="z").attributes["href"] == "/queue/zen/"
    door(reviewer, f"/invoices/{first.invoice_id}/review/", {"decision": "claim", "next": "/queue/?show=mine"})
    assert len(read(door(reviewer, "/queue/?show=mine")).all("tr", data_review=True)) == 1
    assert len(read(door(person("reviewer"), "/queue/")).all("tr", data_review=True)) == 1  # held by another
    assert door(reviewer, "/queue/?show=nonsense").status_code == 404


def test_asked_answered_and_approved_on_the_invoices_tab(waiting, reviewer, operator, door):
    (review,) = waiting(1)
    tab, post = f"/invoices/{review.invoice_id}/?tab=review", f"/invoices/{review.invoice_id}/review/"
    form = read(door(reviewer, tab)).one("form", id="decide")
    seal = form.one("input", name="seal").attributes["value"]
    assert seal == review.seal and form.one("button", value="approve").attributes["data-key"] == "A"
    kept = door(reviewer, post, {"decision": "reject", "seal": seal, "reason": "  "})
    assert kept.status_code == 422 and read(kept).one("textarea", name="reason").attributes["aria-invalid"] == "true"
    assert door(reviewer, post, {"decision": "ask", "seal": seal, "reason": "Whose?"})["Location"] == tab
    assert "Whose?" in read(door(operator, tab)).text
    door(operator, post, {"decision": "answer", "reason": "Theirs"})
    assert door(reviewer, post, {"decision": "approve", "seal": "0" * 32}).status_code == 409
    door(reviewer, post, {"decision": "approve", "seal": seal})
    assert state(review) == "approved"
    page = read(door(reviewer, tab))
    assert page.one("div", data_review_state="approved") and page.one("button", value="undo")
    door(reviewer, post, {"decision": "undo"})
    assert state(review) == "in_review"
    shown = json.loads(door(reviewer, f"{post}evidence.json").content)
    assert [each["kind"] for each in shown["decisions"]] == ["asked", "answered", "approved"]
    assert shown["decisions"][-1]["undone_at"]


def test_the_home_of_reviewers_is_the_queue_and_everybodys_home_counts_it(waiting, reviewer, person, door):
    waiting(2)
    assert door(reviewer, "/start/")["Location"] == "/queue/"
    assert door(person("operator", "reviewer"), "/start/")["Location"] == "/"
    need = read(door(reviewer, "/")).one("li", data_need="reviews")
    assert "2 invoices wait for your review" in need.text and need.one("a").attributes["href"] == "/queue/"
    assert not read(door(person("viewer"), "/")).all("li", data_need="reviews")


def test_the_list_shows_how_each_stands_and_what_is_unusual(orb, reviewer, door, time_machine):
    time_machine.move_to("2026-07-03 12:00:00Z")
    first = mirrored(orb, body("orb_invoice_issued"))
    mirrored(orb, changed(body("orb_invoice_issued"), id="twice"))
    plain = mirrored(orb, changed(body("orb_invoice_issued"), id="other", total="7.00", issued_at=None, status="draft"))
    following.enter(first, ())
    sweeping.sweep()
    page = read(door(reviewer, "/receivables/"))
    row = page.one("tr", data_invoice=str(first.pk))
    assert row.one("span", data_review="unreviewed").text == "To be reviewed"
    assert row.one("span", data_unusual=True).text.endswith("unusual")
    assert not page.one("tr", data_invoice=str(plain.pk)).all("span", data_review=True)


def test_no_door_for_those_who_may_not(waiting, person, door):
    (review,) = waiting(1)
    post = f"/invoices/{review.invoice_id}/review/"
    for role in ("viewer", "operator", "auditor"):
        assert door(person(role), post, {"decision": "approve", "seal": review.seal}).status_code == 403
        page = read(door(person(role), f"/invoices/{review.invoice_id}/?tab=review"))
        assert not page.all("button", value="approve")
    assert state(review) == "unreviewed"


def test_the_checklist_goes_with_the_approval(orb, reviewer, person, door):
    book = Rulebook.objects.create(
        number=1, rules=[], made_by=person("controller"), made_at="2026-01-01T00:00Z",
        checklists=[{"provider": "", "kind": "", "points": [["a", "The amount"], ["b", "The period"]]}],
    )  # fmt: skip
    review, _ = following.enter(mirrored(orb, body("orb_invoice_issued")), ())
    post, given = f"/invoices/{review.invoice_id}/review/", {"decision": "approve", "seal": review.seal, "points": "1"}
    kept = door(reviewer, post, given | {"tick": ["a"]})
    assert kept.status_code == 422 and "The period" in read(kept).one("p", id="points-wrong").text
    assert len(read(kept).all("input", name="tick", checked=True)) == 1
    door(reviewer, post, given | {"tick": ["a", "b"]})
    made = review.decisions.get()
    assert state(review) == "approved" and made.evidence["rulebook"] == book.number


def test_one_at_a_time_by_plain_forms(waiting, reviewer, door):
    reviews = waiting(3)
    at = door(reviewer, "/queue/zen/")["Location"]
    assert at == f"/queue/zen/{reviews[0].invoice_id}/"
    card = read(door(reviewer, at))
    given = {name: card.one("input", name=name).attributes["value"] for name in ("seal",)}
    second = door(reviewer, at, given | {"decision": "approve"})["Location"]
    assert second == f"/queue/zen/{reviews[1].invoice_id}/" and state(reviews[0]) == "approved"
    assert read(door(reviewer, second)).one("form", id="zen-undo").attributes["action"] == at
    assert door(reviewer, at, {"decision": "undo"})["Location"] == at and state(reviews[0]) == "unreviewed"
    again = door(reviewer, at, given | {"decision": "approve"})["Location"]
    third = door(reviewer, again, {"decision": "skip"})["Location"]
    refused = door(reviewer, third, {"decision": "reject", "seal": reviews[2].seal, "reason": ""})
    assert refused.status_code == 422 and "Say why" in read(refused).text
    end = door(reviewer, third, {"decision": "reject", "seal": reviews[2].seal, "reason": "Twice"})["Location"]
    assert end == "/queue/zen/end/"
    page = read(door(reviewer, "/queue/zen/end/"))
    assert "2 decided" in page.text and "Skipped" in page.text
    assert [state(each) for each in reviews] == ["approved", "unreviewed", "rejected"]


def test_its_script_gets_where_to_go_on_and_what_was_wrong(waiting, reviewer, door):
    reviews = waiting(2)
    at = door(reviewer, "/queue/zen/")["Location"]
    script = {"HTTP_X_ZEN": "1"}
    wrong = door(reviewer, at, {"decision": "reject", "seal": reviews[0].seal}, **script)
    assert wrong.status_code == 422 and wrong.json()["field"] == "reason"
    stale = door(reviewer, at, {"decision": "approve", "seal": "f" * 32}, **script)
    assert stale.status_code == 409
    right = door(reviewer, at, {"decision": "approve", "seal": reviews[0].seal}, **script).json()
    assert right["next"] == f"/queue/zen/{reviews[1].invoice_id}/" and right["undo"] == at and right["done"] == 1
    part = door(reviewer, right["next"], HTTP_HX_REQUEST="true", HTTP_HX_TARGET="zen").content.decode()
    assert "<html" not in part and "data-zen-card" in part


def test_what_is_unusual_stands_there_with_both_figures_and_can_be_expected(orb, reviewer, door, time_machine):
    time_machine.move_to("2026-07-03 12:00:00Z")
    invoice = mirrored(orb, body("orb_invoice_issued"))
    mirrored(orb, changed(body("orb_invoice_issued"), id="twice"))
    sweeping.sweep()
    tab = f"/invoices/{invoice.pk}/?tab=review"
    found = read(door(reviewer, tab)).one("li", data_anomaly="period_duplicate")
    assert found.text.count("1 Jul 2026") == 2
    post = found.one("form").attributes["action"]
    assert door(reviewer, post, {"reason": "Two plants", "until": "2020-01-01"}).status_code == 422
    assert door(reviewer, post, {"reason": "Two plants", "until": "no day"}).status_code == 422
    door(reviewer, post, {"reason": "Two plants", "until": "2026-08-01"})
    assert "Two plants" in read(door(reviewer, tab)).text
    door(reviewer, f"/mutes/{Mute.objects.get().pk}/end/", {})
    assert Mute.objects.get().ended_at


def test_a_comment_is_kept_asks_by_name_and_is_only_text(issued, person, operator, door):
    ann = person("reviewer", email="ann@desk.example")
    post = f"/invoices/{issued.pk}/comments/"
    draft = f"{HOSTILE} @nobody-there"
    kept = door(operator, post, {"text": draft, "line": "0"})
    assert kept.status_code == 422 and read(kept).one("textarea", name="text").text == " ".join(draft.split())
    assert not Comment.objects.exists()
    door(operator, post, {"text": f"{HOSTILE} @ann please", "line": "0"})
    page = door(ann, f"/invoices/{issued.pk}/?tab=review")
    assert (
        "<script>alert(2)" not in page.content.decode()
        and "@ann please" in read(page).one("li", data_comment=True).text
    )
    asked = read(door(ann, "/queue/"))
    assert "Asked of you" in asked.text
    door(ann, f"/mentions/{Mention.objects.get().pk}/done/", {})
    assert "Asked of you" not in read(door(ann, "/queue/")).text
    assert door(operator, f"/mentions/{Mention.objects.get().pk}/done/", {}).status_code == 404


def test_an_operation_is_spoken_about_on_a_page_of_its_own(issued, operator, door):
    operation = Operation.objects.create(
        connection=issued.connection, invoice=issued, external_id=issued.external_id, verb="void", call_class="G",
        seen_digest="", token="t", key="k", state="refused", requester=operator, reason="x", created_at=timezone.now(),
    )  # fmt: skip
    post = f"/operations/{operation.pk}/comments/"
    assert read(door(operator, f"/operations/{operation.pk}/")).one("a", href=post)
    assert door(operator, post, {"text": " "}).status_code == 422
    assert door(operator, post, {"text": "Why was it refused?"})["Location"] == post
    assert "Why was it refused?" in read(door(operator, post)).text
    assert "about an operation" in read(door(operator, f"/invoices/{issued.pk}/?tab=review")).text


def test_rules_are_switched_on_changed_and_versioned(person, reviewer, door):
    controller = person("controller")
    assert "Bills to us" in read(door(reviewer, "/queue/rules/")).text
    assert door(reviewer, "/queue/rules/starters/", {}).status_code == 403
    door(controller, "/queue/rules/starters/", {})
    assert Rulebook.objects.get().number == 1
    page = read(door(controller, "/queue/rules/"))
    sent = {"based_on": "1", "rules": "2", "lists": "1", "list-0-points": "One\nTwo", "rule-0-name": "Large",
            "rule-0-above": "1,5", "rule-0-people": "1", "rule-1-name": "", "reason": "Fewer"}  # fmt: skip
    assert page.one("input", name="based_on").attributes["value"] == "1"
    wrong = door(controller, "/queue/rules/", sent)
    assert wrong.status_code == 422 and "without thousands separators" in read(wrong).text
    assert read(wrong).one("input", name="rule-0-above").attributes["value"] == "1,5"
    assert door(controller, "/queue/rules/", sent | {"rule-0-above": "1500"}).status_code == 302
    book = Rulebook.objects.order_by("-number").first()
    assert (book.number, book.rules[0]["above"], book.checklists[0]["points"]) == (
        2,
        "1500",
        [["one", "One"], ["two", "Two"]],
    )
    assert AuditEntry.objects.filter(action="review_rules.published").count() == 2
    assert (
        door(controller, "/queue/rules/", sent | {"rule-0-above": "1"}).status_code == 422
    )  # made from an older version


def test_a_desk_without_rules_shows_an_invoice_that_needs_none(issued, operator, door):
    page = read(door(operator, f"/invoices/{issued.pk}/?tab=review"))
    assert page.one("div", data_review_state="not_required")
    door(operator, f"/invoices/{issued.pk}/review/", {"decision": "request", "reason": "Odd total"})
    assert issued.review.asked_by == operator
    assert "Odd total" in read(door(operator, f"/invoices/{issued.pk}/?tab=review")).text
