"""The card that is read before anything is asked: every verb says what it does, and what it does not, in data."""

import pytest

from invoicing.mirror.snapshots import snapshot_of
from invoicing.operations.registry import VERBS
from invoicing.operations.targets import start_from
from invoicing.operations.verb import Effect
from tests.operations.test_verbs import flexprice, metronome, orb

pytestmark = pytest.mark.django_db(transaction=True)
SPECIMENS = [
    ("orb", orb("draft", invoice_source="subscription")),
    ("orb", orb("issued")),
    ("orb", orb("synced")),
    ("orb", orb("paid")),
    ("metronome", metronome("DRAFT")),
    ("metronome", metronome("FINALIZED")),
    ("metronome", metronome("VOID")),
    ("flexprice", flexprice("DRAFT")),
    ("flexprice", flexprice("FINALIZED")),
    ("flexprice", flexprice("FINALIZED", "SUCCEEDED")),
    ("flexprice-2026-01", flexprice("DRAFT")),
    ("checkout-page", lambda raw: raw["status"] == "paid" and raw.get("invoiceUrl")),
]
CHANGES_NO_MONEY = {
    "trigger_communication",
    "update",
    "regenerate_pdf",
    "move_issue_date",
    "preview",
    "upcoming",
    "usage_breakdown",
}


@pytest.mark.parametrize(("name", "wanted"), SPECIMENS, ids=[f"{name}-{n}" for n, (name, _) in enumerate(SPECIMENS)])
def test_every_verb_that_is_offered_says_what_it_does_and_what_it_does_not(desk, name, wanted):
    invoice = desk.look_at(name, wanted)
    snapshot, offered = snapshot_of(invoice), 0
    for verb in VERBS.values():
        about = invoice if verb.starts_from == "invoice" else start_from(verb.starts_from, invoice)
        if about is None or verb.refusal(about):
            continue
        offered += 1
        card = list(verb.consequences(about, snapshot))
        effects = {each.effect for each in card}
        assert Effect.NOT in effects, verb.key
        moves_none = verb.key in CHANGES_NO_MONEY | {"void", "customer_summary"}
        assert Effect.MONEY in effects or moves_none or not invoice.amount_due, verb.key
        for each in card:
            assert each.text[0].islower() == (each.amount is not None and each.effect is Effect.MONEY), each
            assert (each.amount is None) == (not each.unit)
    assert offered


def test_what_paying_from_a_wallet_takes_at_most_is_what_is_left(desk):
    invoice = desk.look_at("flexprice", lambda raw: flexprice("FINALIZED")(raw) and raw["amount_remaining"] != "0")
    [money] = [
        each
        for each in VERBS["attempt_payment"].consequences(invoice, snapshot_of(invoice))
        if each.effect is Effect.MONEY
    ]
    assert (money.amount, money.unit) == (invoice.amount_due, invoice.currency)


def test_a_synced_invoice_marked_paid_may_still_be_collected_elsewhere(desk):
    invoice = desk.look_at("orb", orb("synced"))
    card = VERBS["mark_paid"].consequences(invoice, snapshot_of(invoice))
    assert any(each.effect is Effect.OUTSIDE and "may still collect it" in each.text for each in card)
