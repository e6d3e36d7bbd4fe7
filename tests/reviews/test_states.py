"""A review from the queue to its end: who may bring it where, what breaks its seal, and what stays on record."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from invoicing.access.rights import NotAllowed
from invoicing.models import AuditEntry, Operation, Review, ReviewDecision
from invoicing.reviews import claiming, deciding, evidence, following
from invoicing.reviews.moving import WAYS, CannotReview, Overtaken, move
from invoicing.reviews.rules import Rule
from tests.web.mirrored import body, mirrored

State = Review.State


def now(review):
    return Review.objects.get(pk=review.pk)


def actions(invoice):
    return [
        each.action for each in AuditEntry.objects.filter(target=f"invoice:{invoice.pk}", action__startswith="review")
    ]


def test_claimed_asked_answered_approved_with_an_entry_for_each(issued, entered, reviewer, operator):
    review = entered(issued, Rule(name="Large"))
    claiming.claim(review, by=reviewer)
    assert (review.state, review.claimed_by) == (State.IN_REVIEW, reviewer)
    deciding.ask(review, by=reviewer, seal=review.seal, reason="Which contract?")
    assert now(review).question == "Which contract?"
    with pytest.raises(CannotReview, match="waits for an answer"):
        deciding.approve(review, by=reviewer, seal=review.seal)
    deciding.answer(review, by=operator, reason="The one of May")
    assert (now(review).state, now(review).claimed_by) == (State.IN_REVIEW, reviewer)
    deciding.approve(review, by=reviewer, seal=review.seal)
    assert now(review).state == State.APPROVED and now(review).claimed_by is None
    assert actions(issued) == [
        *("review.entered", "review.claimed", "review.asked", "review.answered", "review.approved"),
    ]  # fmt: skip


def test_two_of_two_and_nobody_counts_twice(issued, entered, reviewer, person):
    review, second = entered(issued, Rule(name="Large", people=2)), person("controller")
    deciding.approve(review, by=reviewer, seal=review.seal)
    assert now(review).state == State.PARTLY_APPROVED
    with pytest.raises(CannotReview, match="somebody else"):
        deciding.approve(review, by=reviewer, seal=review.seal)
    deciding.approve(review, by=second, seal=review.seal)
    assert now(review).state == State.APPROVED
    with pytest.raises(IntegrityError), transaction.atomic():
        first = ReviewDecision.objects.filter(by=reviewer).get()
        first.pk = None
        first.save(force_insert=True)


def test_a_change_of_money_breaks_the_seal_and_brings_the_difference(issued, entered, reviewer, dearer):
    review = entered(issued, Rule(name="Large"))
    deciding.approve(review, by=reviewer, seal=review.seal)
    dearer(issued)
    following.follow_all()
    again = now(review)
    assert (again.state, again.round, again.version) == (State.UNREVIEWED, 2, 2)
    assert {"field": "total", "before": "196.20", "after": "197.20"} in again.difference
    assert actions(issued)[-2:] == ["review.seal_broken", "review.changed"]
    with pytest.raises(Overtaken):
        deciding.approve(review, by=reviewer, seal=review.seal)  # of what was looked at before
    deciding.approve(review, by=reviewer, seal=again.seal)
    assert now(review).state == State.APPROVED


def test_an_approval_is_refused_over_a_version_that_no_sweep_saw(issued, entered, reviewer, dearer):
    review = entered(issued, Rule(name="Large"))
    dearer(issued)
    with pytest.raises(Overtaken, match="changed since"):
        deciding.approve(review, by=reviewer, seal=review.seal)
    assert now(review).state == State.UNREVIEWED and now(review).version == 2


@pytest.mark.parametrize(
    ("fields", "broken"),
    [
        ({"memo": "Other words"}, False),
        ({"status": "paid", "paid_at": "2026-07-03T00:00:00+00:00", "amount_due": "0.00"}, False),
        ({"amount_due": "10.00"}, True),
        ({"subtotal": "185.41"}, True),
        ({"line_items": []}, True),
        ({"status": "draft", "issued_at": None}, True),
    ],
)
def test_what_breaks_a_seal(issued, entered, reviewer, again, fields, broken):
    review = entered(issued, Rule(name="Large"))
    deciding.approve(review, by=reviewer, seal=review.seal)
    assert again(issued, **fields).version == 2
    following.follow_all()
    assert now(review).state == (State.UNREVIEWED if broken else State.APPROVED)


def test_voided_it_is_superseded_for_good_and_its_replacement_begins(orb, issued, entered, reviewer, again):
    review = entered(issued, Rule(name="Large"))
    new = mirrored(orb, body("orb_invoice_issued") | {"id": "second", "invoice_number": "NEW-1"})
    type(new).objects.filter(pk=new.pk).update(replaces=issued.external_id)
    again(issued, status="void", voided_at="2026-07-05T00:00:00+00:00")
    following.follow_all()
    assert now(review).state == State.SUPERSEDED and new.review.state == State.UNREVIEWED
    with pytest.raises(CannotReview):
        deciding.approve(review, by=reviewer, seal=review.seal)
    assert WAYS[State.SUPERSEDED] == set()


def test_a_payable_ends_cleared_or_disputed(bill, entered, reviewer):
    review = entered(bill)
    with pytest.raises(CannotReview):
        deciding.clear(review, by=reviewer, seal=review.seal)  # not approved yet
    deciding.approve(review, by=reviewer, seal=review.seal)
    with pytest.raises(CannotReview, match="what is wrong"):
        deciding.dispute(review, by=reviewer, seal=review.seal, reason=" ")
    deciding.dispute(review, by=reviewer, seal=review.seal, reason="That cluster was deleted")
    assert now(review).state == State.DISPUTED


def test_approving_and_clearing_is_one_step_and_taken_back_in_one(bill, entered, reviewer):
    review = entered(bill)
    deciding.approve(review, by=reviewer, seal=review.seal, clear=True)
    assert now(review).state == State.CLEARED
    assert [each.kind for each in deciding.undo(review, by=reviewer)] == ["cleared", "approved"]
    assert now(review).state == State.UNREVIEWED
    deciding.approve(review, by=reviewer, seal=review.seal)  # an undone one does not count
    assert now(review).state == State.APPROVED


def test_a_receivable_is_never_cleared_for_payment(issued, entered, reviewer):
    review = entered(issued)
    deciding.approve(review, by=reviewer, seal=review.seal, clear=True)
    assert now(review).state == State.APPROVED
    with pytest.raises(CannotReview, match="bill to us"):
        deciding.clear(review, by=reviewer, seal=review.seal)


def test_undoing_is_for_a_while_and_for_whoever_decided(issued, entered, reviewer, person, settings):
    review = entered(issued)
    deciding.reject(review, by=reviewer, seal=review.seal, reason="Wrong customer")
    with pytest.raises(CannotReview, match="taken back"):
        deciding.undo(review, by=person("controller"))
    settings.DESK_REVIEW_UNDO_SECONDS = 0
    with pytest.raises(CannotReview, match="taken back"):
        deciding.undo(review, by=reviewer)
    settings.DESK_REVIEW_UNDO_SECONDS = 60
    deciding.undo(review, by=reviewer)
    assert (now(review).state, now(review).claimed_by) == (State.IN_REVIEW, reviewer)


def test_rejected_needs_a_reason_and_is_reopened_by_a_change_or_a_person(issued, entered, reviewer, dearer, operator):
    review = entered(issued)
    with pytest.raises(CannotReview, match="Say why"):
        deciding.reject(review, by=reviewer, seal=review.seal, reason="")
    deciding.reject(review, by=reviewer, seal=review.seal, reason="Too much")
    deciding.reopen(review, by=operator, reason="The contract came")
    assert (now(review).state, now(review).round) == (State.UNREVIEWED, 2)
    deciding.reject(review, by=reviewer, seal=review.seal, reason="Still too much")
    dearer(issued)
    following.follow_all()
    assert (now(review).state, now(review).round) == (State.UNREVIEWED, 3)


def test_a_claim_keeps_others_out_until_it_ends(issued, entered, reviewer, person, settings):
    review, other = entered(issued), person("reviewer")
    claiming.claim(review, by=reviewer)
    with pytest.raises(CannotReview, match="is looking at it"):
        claiming.claim(now(review), by=other)
    with pytest.raises(CannotReview, match="is looking at it"):
        deciding.approve(review, by=other, seal=review.seal)
    with pytest.raises(CannotReview, match="not yours"):
        claiming.release(now(review), by=other)
    Review.objects.update(claim_until=timezone.now())
    assert claiming.expire_claims() == 1
    assert now(review).state == State.UNREVIEWED and actions(issued)[-1] == "review.claim_expired"
    deciding.approve(review, by=other, seal=review.seal)


def test_a_controller_gives_it_to_somebody_who_may(issued, entered, reviewer, person):
    review, controller = entered(issued), person("controller")
    claiming.claim(review, by=reviewer)
    other = person("reviewer")
    claiming.assign(review, to=other, by=controller)
    assert (review.claimed_by, review.assigned_by, review.state) == (other, controller, State.IN_REVIEW)
    with pytest.raises(CannotReview, match="may not review"):
        claiming.assign(review, to=person("viewer"), by=controller)
    claiming.release(review, by=other)
    assert now(review).state == State.UNREVIEWED


def test_whoever_changed_the_invoice_does_not_approve_it(issued, entered, person, orb):
    maker, other = person("operator", "reviewer"), person("reviewer")
    Operation.objects.create(
        connection=orb, invoice=issued, external_id=issued.external_id, verb="update", call_class="K", seen_digest="",
        token="t", key="k", state="succeeded", requester=maker, reason="x", created_at=timezone.now(),
    )  # fmt: skip
    review = entered(issued)
    with pytest.raises(CannotReview, match="changed this invoice yourself"):
        deciding.approve(review, by=maker, seal=review.seal)
    other.is_active = False
    other.save()
    with pytest.raises(CannotReview, match="Nobody else"):
        deciding.approve(review, by=maker, seal=review.seal)
    made = deciding.approve(review, by=maker, seal=review.seal, reason="The others are away")
    assert made.solo and now(review).state == State.APPROVED


def test_whoever_had_it_made_does_not_approve_it(issued, entered, person, orb):
    maker = person("operator", "reviewer")
    person("reviewer")
    Operation.objects.create(
        connection=orb, external_id="cus_1", verb="create_invoice", call_class="K", seen_digest="", token="t", key="k",
        state="succeeded", requester=maker, reason="x", created_at=timezone.now(),
        outcome={"created": issued.external_id},
    )  # fmt: skip
    review = entered(issued)
    with pytest.raises(CannotReview, match="changed this invoice yourself"):
        deciding.approve(review, by=maker, seal=review.seal)


def test_who_asked_for_the_review_does_not_give_it(issued, person):
    asking, other = person("reviewer"), person("reviewer")
    review = following.ask_for(issued, by=asking, reason="Looks odd")
    with pytest.raises(CannotReview, match="asked for this review"):
        deciding.approve(review, by=asking, seal=review.seal)
    deciding.approve(review, by=other, seal=review.seal)
    with pytest.raises(CannotReview, match="a review already"):
        following.ask_for(issued, by=asking, reason="Again")


@pytest.mark.parametrize("role", ["viewer", "operator", "auditor", "sync admin", "access admin"])
def test_who_may_not_approve(issued, entered, person, role):
    review = entered(issued)
    for verb in (deciding.approve, deciding.reject, deciding.clear):
        with pytest.raises(NotAllowed):
            verb(review, by=person(role), seal=review.seal, reason="x")
    assert now(review).state == State.UNREVIEWED


def test_the_checklist_is_complete_before_anybody_approves(issued, entered, reviewer, rules):
    rules(
        checklists=[{"provider": "orb", "kind": "", "points": [["contract", "As the contract says"], ["who", "Whom"]]}]
    )
    review = entered(issued)
    with pytest.raises(CannotReview, match="As the contract says; Whom"):
        deciding.approve(review, by=reviewer, seal=review.seal)
    for key in ("contract", "who"):
        deciding.tick(review, key, on=True, by=reviewer)
    deciding.tick(review, "who", on=False, by=reviewer)
    assert evidence.unticked(review) == ["Whom"]
    deciding.tick(review, "who", on=True, by=reviewer)
    made = deciding.approve(review, by=reviewer, seal=review.seal)
    assert [(each["text"], each["by"]) for each in made.evidence["checklist"]] == [
        ("As the contract says", str(reviewer)), ("Whom", str(reviewer)),
    ]  # fmt: skip
    assert made.evidence["rulebook"] == 1 and made.evidence["seal"] == bytes(issued.content_hash).hex()
    entry = AuditEntry.objects.get(action="review.approved")
    assert entry.facts["evidence"] == evidence.digest(made.evidence)


def test_two_at_once_and_one_is_told(issued, entered, reviewer):
    first, second = entered(issued), entered(issued)
    move(first, State.IN_REVIEW, "claimed", by=reviewer, claimed_by=reviewer, claim_until=timezone.now())
    before = AuditEntry.objects.count()
    with pytest.raises(Overtaken):
        move(second, State.IN_REVIEW, "claimed", by=reviewer, claimed_by=reviewer, claim_until=timezone.now())
    assert AuditEntry.objects.count() == before


def test_no_way_that_the_machine_does_not_have(issued, entered):
    """Every pair of states: the ways there are, and no others."""
    review = entered(issued)
    for state in State:
        for to in State:
            held = {"claimed_by": None, "claim_until": None}
            Review.objects.filter(pk=review.pk).update(state=State.UNREVIEWED, **held)
            Review.objects.filter(pk=review.pk).exclude(state=state).update(
                state=state, **(held if state != State.IN_REVIEW else _held())
            )
            found = now(review)
            if to in WAYS[state]:
                move(found, to, "x", **(_held() if to == State.IN_REVIEW else {}))
            else:
                with pytest.raises(CannotReview):
                    move(found, to, "x")


def _held():
    from invoicing.models import User

    user, _ = User.objects.get_or_create(username="held", email="held@desk.example")
    return {"claimed_by": user, "claim_until": timezone.now()}
