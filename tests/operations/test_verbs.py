"""The first verbs, each carried to its end against the sandbox over HTTP."""

import pytest

from invoicing.auditing.verifying import verify
from invoicing.models import AuditEntry, Document, Invoice
from invoicing.operations.registry import VERBS, availability
from invoicing.operations.verb import Effect

pytestmark = pytest.mark.django_db(transaction=True)


def orb(status, **facts):
    return lambda raw: raw["status"] == status and all(raw[name] == value for name, value in facts.items())


def metronome(status):
    return lambda raw: raw["status"] == status and raw.get("contract_id") and raw["type"] == "USAGE"


def flexprice(status, payment="PENDING"):
    return lambda raw: raw["invoice_status"] == status and raw["payment_status"] == payment


VOIDABLE = [("orb", orb("issued")), ("metronome", metronome("FINALIZED")), ("flexprice", flexprice("FINALIZED"))]


@pytest.mark.parametrize(("name", "wanted"), VOIDABLE, ids=[name for name, _ in VOIDABLE])
def test_void_happens_once_and_is_proven(desk, name, wanted):
    invoice = desk.pick(name, wanted)

    operation = desk.settle(desk.ask("void", invoice))

    assert (operation.state, operation.attempt) == ("succeeded", 1)
    assert len(desk.effects(invoice)) == 1
    invoice.refresh_from_db()
    assert invoice.status == "void" and invoice.confirmed_change_at is not None
    told = list(AuditEntry.objects.filter(correlation=str(operation.correlation)).values_list("action", flat=True))
    assert told[0] == "void.requested" and told[-1] == "void.read_back"
    assert verify().broken_at is None


def test_orb_issues_a_moment_later_and_until_then_it_is_not_called_done(desk):
    invoice = desk.pick(
        "orb",
        lambda raw: orb("draft", will_auto_issue=False)(raw) and (raw["eligible_to_issue_at"] or "9") < "2026-10-14",
    )

    operation = desk.ask("finalize", invoice)
    states = set()
    for _ in range(200):
        desk.settle(operation, seconds=0.05)
        states.add(operation.state)
        if not operation.open:
            break

    assert operation.state == "succeeded" and "accepted" in states
    assert len(desk.effects(invoice)) == 1
    invoice.refresh_from_db()
    assert invoice.status == "finalized"


def test_flexprice_finalizes_a_draft_and_numbers_it(desk):
    invoice = desk.pick("flexprice", flexprice("DRAFT"))
    assert invoice.number == ""

    operation = desk.settle(desk.ask("finalize", invoice))

    assert operation.state == "succeeded"
    invoice.refresh_from_db()
    assert invoice.status == "finalized" and invoice.number


def test_metronome_bills_a_void_invoice_anew_and_links_the_two(desk):
    invoice = desk.pick("metronome", metronome("FINALIZED"))
    desk.settle(desk.ask("void", invoice))
    invoice.refresh_from_db()

    operation = desk.settle(desk.ask("regenerate_invoice", invoice))

    assert operation.state == "succeeded"
    replacement = Invoice.objects.get(external_id=operation.outcome["created"])
    assert replacement.replaces == invoice.external_id
    assert len(desk.effects(invoice, "regenerate")) == 1
    assert "regenerated already" in VERBS["regenerate_invoice"].refusal(invoice)


def test_checkout_page_draws_again_and_the_former_pdf_is_kept_first(desk):
    invoice = desk.pick("checkout-page", lambda raw: raw["status"] == "paid" and raw.get("invoiceUrl"))

    operation = desk.settle(desk.ask("regenerate_pdf", invoice))

    assert (operation.state, operation.settled_by) == ("succeeded", "answer")
    kept = Document.objects.filter(invoice=invoice, origin="provider").order_by("fetched_at")
    attempt = operation.attempts.get()
    assert kept.first().fetched_at < attempt.committed_at
    assert kept.count() == 2 and kept[0].sha256 != kept[1].sha256


def test_a_forbidden_verb_is_named_with_its_reason(desk):
    paid = desk.look_at("orb", orb("paid"))
    reasons = {each.verb.key: each.refusal for each in availability(paid)}
    assert "credit note" in reasons["void"]
    assert "Only a draft" in reasons["finalize"]
    assert "Orb bills a voided invoice anew by no call" in reasons["regenerate_invoice"]


def test_payables_offer_no_verb_at_all(desk):
    connection = desk.connection("cockroachdb")
    assert not any(verb.calls.get(connection.provider) for verb in VERBS.values())


def test_voiding_a_paid_flexprice_invoice_says_what_goes_to_the_wallet(desk):
    from invoicing.mirror.snapshots import snapshot_of

    invoice = desk.look_at("flexprice", flexprice("FINALIZED", "SUCCEEDED"))
    card = list(VERBS["void"].consequences(invoice, snapshot_of(invoice)))
    money = [each for each in card if each.effect is Effect.MONEY]
    snapshot = snapshot_of(invoice)
    expected = snapshot.amount_paid + (snapshot.credits or 0) - (snapshot.amount_refunded or 0)
    if expected:
        assert [each.amount for each in money] == [expected] and "wallet" in money[0].text
    assert any(each.effect is Effect.NOT and "card or bank" in each.text for each in card)


def test_orb_that_fails_to_issue_is_believed_and_not_waited_for(desk):
    invoice = desk.pick(
        "orb",
        lambda raw: orb("draft", will_auto_issue=False)(raw) and (raw["eligible_to_issue_at"] or "9") < "2026-10-14",
    )
    desk.sandbox.act("orb", "next_issue_fails", invoice.external_id)

    operation = desk.settle(desk.ask("finalize", invoice))

    assert (operation.state, operation.attempt) == ("not_done", 1)
    assert operation.evidence[-1]["verdict"] == "failed" and "could not issue it" in operation.outcome["message"]
    assert desk.effects(invoice, "issue") == []


def test_the_mark_on_a_void_flexprice_invoice_says_whether_it_was_us(desk):
    invoice = desk.pick("flexprice", flexprice("FINALIZED"))

    operation = desk.settle(desk.ask("void", invoice))

    assert operation.state == "succeeded" and operation.evidence[-1]["saw"].endswith("with our mark")
