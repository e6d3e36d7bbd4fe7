"""What runs by itself: new versions are checked once and queued by rule, late ones are raised, comments ask people."""

from datetime import timedelta

import pytest
from django.utils import timezone

from invoicing.approvals import workdays
from invoicing.models import Anomaly, AuditEntry, Comment, Look, Mention, Mute, Review, SweepMark, clock
from invoicing.reviews import checklists, claiming, commenting, deciding, muting, rulebooks, sweeping
from invoicing.reviews.moving import CannotReview, Overtaken
from invoicing.reviews.rules import NotRules, Rule, Subject, applies, rules_in
from tests.web.mirrored import body, changed, mirrored

ORB = {"provider": "orb", "direction": "receivable", "status": "finalized"}


@pytest.fixture(autouse=True)
def july(time_machine, monkeypatch):
    """A Friday, also at the database."""
    monkeypatch.setattr(clock, "now", timezone.now)
    time_machine.move_to("2026-07-03 12:00:00Z", tick=False)


def test_without_rules_versions_are_checked_and_nothing_waits(issued):
    done = sweeping.sweep()
    assert (done.checked, done.entered) == (1, 0)
    assert issued.look.version == 1 and not Review.objects.exists()
    assert sweeping.sweep().checked == 0  # once


def test_a_rule_puts_it_in_the_queue_once_and_other_invoices_stay_out(issued, orb, rules):
    rules({"name": "Large", "above": "150", "unit": "USD", "people": 2})
    small = mirrored(orb, changed(body("orb_invoice_issued"), id="small", total="100.00"))
    assert sweeping.sweep().entered == 1
    review = issued.review
    assert (review.state, review.rules, review.wanted, review.rulebook.number) == ("unreviewed", ["Large"], 2, 1)
    assert not Review.objects.filter(invoice=small).exists()
    assert sweeping.sweep().entered == 0


def test_a_rule_by_what_is_unusual_and_a_mute_that_keeps_it_out(orb, rules, person):
    rules({"anomalies": ["period_duplicate"]})
    first = mirrored(orb, body("orb_invoice_issued"))
    twice = mirrored(orb, changed(body("orb_invoice_issued"), id="twice"))
    assert sweeping.sweep().entered == 2
    found = Anomaly.objects.get(invoice=twice, kind="period_duplicate")
    assert found.about == str(first) and found.here == found.there
    Review.objects.all().delete()
    reviewer = person("reviewer")
    with pytest.raises(CannotReview):
        muting.mute(found, by=reviewer, reason="Two plants", until=timezone.localdate() - timedelta(days=1))
    found_before = twice.look.found
    muted = muting.mute(found, by=reviewer, reason="Two plants", until=timezone.localdate() + timedelta(days=30))
    assert Look.objects.get(invoice=twice).found == found_before - 1
    Look.objects.all().delete()
    assert sweeping.sweep().entered == 0
    muting.end(muted, by=reviewer)
    assert Mute.objects.get().ended_at
    Look.objects.all().delete()
    assert sweeping.sweep().entered == 2


def test_rules_switched_on_reach_what_is_there_already(issued, bill, person, time_machine):
    time_machine.move_to("2026-09-02 12:00:00Z", tick=False)
    sweeping.sweep()
    controller = person("controller")
    rulebooks.switch_on_starters(by=controller)
    with pytest.raises(Overtaken):
        rulebooks.switch_on_starters(by=controller)
    done, _last = sweeping.apply_rules()
    assert not done.more and bill.review.checklist  # issued in July, the receivable has no review unless it is unusual
    assert bill.review.rules == ["Bills to us, before they are paid"]


def test_old_invoices_do_not_flood_the_queue(issued, rules, time_machine):
    time_machine.move_to("2026-12-01 12:00:00Z", tick=False)
    rules({})
    assert sweeping.sweep().checked == 0 and not Review.objects.exists()


def test_the_mark_stays_behind_what_was_read_a_moment_ago(issued, time_machine):
    sweeping.sweep()
    assert SweepMark.objects.get().settled == 0  # a lower id may still be committed
    time_machine.move_to("2026-07-03 12:11:00Z", tick=False)
    sweeping.sweep()
    assert SweepMark.objects.get().settled == issued.versions.get().pk


def test_a_draft_about_to_issue_is_found_when_its_time_comes(orb, rules, time_machine):
    rules({"anomalies": ["self_issue"]})
    draft = changed(body("orb_invoice_draft"), scheduled_issue_at="2026-07-09T12:00:00+00:00", will_auto_issue=True,
                    invoice_date="2026-07-09T12:00:00+00:00")  # fmt: skip
    made = mirrored(orb, draft)
    assert made.planned_issue_at and sweeping.sweep().entered == 0
    time_machine.move_to("2026-07-08 12:00:00Z", tick=False)
    assert sweeping.sweep().entered == 1
    assert Anomaly.objects.filter(invoice=made, kind="self_issue").exists()


def test_due_on_business_days_and_raised_when_long_late(issued, entered, time_machine):
    review = entered(issued, Rule(name="x", due_days=1))  # a Friday
    assert review.due_at == workdays.due_after(timezone.now(), 1)
    assert review.due_at.date().isoformat() == "2026-07-07"
    time_machine.move_to("2026-07-08 12:00:00Z", tick=False)
    assert claiming.escalate() == 0  # late, not long
    time_machine.move_to("2026-07-09 12:00:00Z", tick=False)
    assert claiming.escalate() == 1 and claiming.escalate() == 0
    assert AuditEntry.objects.filter(action="review.escalated").count() == 1


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({}, True),
        ({"direction": "payable"}, False),
        ({"providers": ["orb"]}, True),
        ({"statuses": ["draft"]}, False),
        ({"above": "100"}, True),
        ({"above": "100", "unit": "EUR"}, False),
        ({"unit": "EUR"}, False),
        ({"customer": "acme"}, True),
        ({"anomalies": ["any"]}, True),
        ({"anomalies": ["unit_price"]}, False),
    ],
)
def test_when_a_rule_applies(rule, fits):
    from decimal import Decimal

    subject = Subject(
        **ORB, customers=frozenset({"Acme"}), amounts=((Decimal(-101), "USD"),), anomalies=frozenset({"amount"})
    )
    assert applies(rules_in([{"name": "R"} | rule])[0], subject) is fits


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"above": "1,5"}, {"above": "-1"}, {"people": 0.5}, {"due_days": 99}, {"statuses": ["x"]},
     {"anomalies": ["x"]}, {"direction": "up"}, {"sql": "x"}],
)  # fmt: skip
def test_rules_that_do_not_hold(wrong):
    with pytest.raises(NotRules):
        rules_in([{"name": "R"} | wrong])


def test_rules_have_versions_and_only_a_controller_makes_them(rules, person, reviewer):
    assert [rules({}).number, rules({"people": 2}).number] == [1, 2]
    with pytest.raises(Exception, match="controller"):
        rulebooks.publish([], [], by=reviewer, reason="x", based_on=2)
    with pytest.raises(CannotReview, match="Say why"):
        rulebooks.publish([], [], by=person("controller"), reason=" ", based_on=2)


def test_the_list_that_fits_best(issued, bill, rules):
    given = [
        {"provider": provider, "kind": "", "points": checklists.points_from(text)}
        for provider, text in (("", "All\n\nAll"), ("orb", "Orb alone"))
    ]
    book = rules(checklists=given)
    assert [each["text"] for each in checklists.points_for(issued, book)] == ["Orb alone"]
    assert [each["key"] for each in checklists.points_for(bill, book)] == ["all", "all-2"]
    assert checklists.points_for(bill, None) == []


def test_a_comment_asks_by_name(issued, operator, person):
    ann = person("reviewer", email="ann@desk.example")
    made = commenting.comment_on(issued, "Look, @Ann, and @ann@desk.example. Mail x@y.example", by=operator, line=0)
    assert [each.person for each in made.mentions.all()] == [ann] and made.line_text
    assert [each.comment for each in commenting.asked_of(ann)] == [made]
    with pytest.raises(CannotReview):
        commenting.seen_to(Mention.objects.get(), by=operator)
    commenting.seen_to(Mention.objects.get(), by=ann)
    assert not commenting.asked_of(ann)


@pytest.mark.parametrize("text", ["", "  ", "x" * 4001, "@nobody-here look", "@ann look"])
def test_comments_that_are_not_kept(issued, operator, person, text):
    person("reviewer", email="ann@desk.example"), person("reviewer", email="ann@other.example")
    with pytest.raises(CannotReview):
        commenting.comment_on(issued, text, by=operator)
    assert not Comment.objects.exists() and not Mention.objects.exists()


def test_the_evidence_names_what_was_unusual_and_who_muted_it(orb, entered, reviewer):
    mirrored(orb, body("orb_invoice_issued"))
    twice = mirrored(orb, changed(body("orb_invoice_issued"), id="twice"))
    sweeping.sweep()
    found = Anomaly.objects.get(invoice=twice, kind="period_duplicate")
    muting.mute(found, by=reviewer, reason="Two plants", until=timezone.localdate())
    review = entered(twice)
    made = deciding.approve(review, by=reviewer, seal=review.seal)
    shown = next(each for each in made.evidence["anomalies"] if each["kind"] == "period_duplicate")
    assert (shown["here"], shown["there"]) == (found.here, found.there) and "Two plants" in shown["muted"]
