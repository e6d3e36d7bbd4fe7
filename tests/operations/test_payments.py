"""Recording payments, paying from wallets, charging, notifying: a success is what can be seen, never what was answered."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from invoicing.models import Operation
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import CannotRequest
from tests.operations.test_drafts import refused
from tests.operations.test_verbs import flexprice, orb

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = datetime.now(UTC).date().isoformat()


@pytest.fixture
def unpaid(desk):
    """unpaid(rich=True) is an unpaid one-off whose customer's wallets hold something; False: nothing at all."""

    def find(*, rich, take=True):
        def wanted(raw):
            if not flexprice("FINALIZED")(raw) or Decimal(raw["amount_remaining"]) <= 0:
                return False
            wallets = desk.at_provider("flexprice", f"/customers/{raw['customer_id']}/wallets")
            wallets = wallets if isinstance(wallets, list) else wallets["items"]
            held = sum(
                Decimal(wallet["balance"])
                for wallet in wallets
                if wallet["wallet_status"] == "active" and wallet["currency"] == raw["currency"]
            )
            return held > 0 if rich else held == 0

        return desk.pick("flexprice", wanted, take=take)

    return find


# ---- FlexPrice: paying from the wallet


def test_paying_from_a_wallet_counts_once_the_amount_paid_has_moved(desk, unpaid):
    invoice = unpaid(rich=True)

    operation = desk.done("attempt_payment", invoice)

    assert operation.state == "succeeded" and "before" in operation.evidence[-1]["saw"]
    assert len(desk.effects(invoice, "payment_attempt")) == 1
    invoice.refresh_from_db()
    assert invoice.amount_paid > 0


def test_an_empty_wallet_is_answered_with_success_and_is_not_called_one(desk, unpaid):
    invoice = unpaid(rich=False)
    states = set()

    operation = desk.ask("attempt_payment", invoice)
    for _ in range(200):
        desk.settle(operation, seconds=0.05)
        states.add(operation.state)
        if not operation.open:
            break

    assert operation.attempts.get().http_status == 200
    assert operation.state == "not_done" and "succeeded" not in states
    assert "answered with success, and nothing happened" in operation.outcome["message"]
    assert desk.effects(invoice) == []


@pytest.mark.parametrize(("kind", "ends", "effects"), [("drop_after", "succeeded", 1), ("drop_before", "not_done", 0)])
def test_a_payment_whose_answer_is_lost_is_never_sent_again(desk, unpaid, kind, ends, effects):
    invoice = unpaid(rich=True)
    desk.fault("flexprice", "POST", "/invoices/*/payment/attempt", kind)

    operation = desk.done("attempt_payment", invoice)

    assert (operation.state, operation.attempt) == (ends, 1)
    assert len(desk.effects(invoice, "payment_attempt")) == effects


def test_what_is_paid_or_no_invoice_yet_is_not_paid_from_a_wallet(desk):
    paid, draft = (
        desk.look_at("flexprice", flexprice("FINALIZED", "SUCCEEDED")),
        desk.look_at("flexprice", flexprice("DRAFT")),
    )
    assert "paid already" in refused(desk, "attempt_payment", paid)
    assert "finalized invoices only" in refused(desk, "attempt_payment", draft)


# ---- FlexPrice: recording what was paid elsewhere


@pytest.mark.parametrize("kind", [None, "drop_after", "drop_before"])
def test_a_part_that_was_paid_is_recorded(desk, unpaid, kind):
    invoice = unpaid(rich=False)
    if kind:
        desk.fault("flexprice", "PUT", "/invoices/*/payment", kind)
    half = (invoice.amount_due / 2).quantize(Decimal("0.01")) if invoice.amount_due > 1 else Decimal(1)

    operation = desk.done("record_payment_status", invoice, payment_status="PENDING", amount=str(half))

    assert operation.state == "succeeded"
    assert len(desk.effects(invoice, "payment_status")) == 1
    invoice.refresh_from_db()
    assert (invoice.payment_status, invoice.amount_paid) == ("partly_paid", half)


def test_all_of_it_paid_or_failed(desk, unpaid):
    for word, ours in (("SUCCEEDED", "paid"), ("FAILED", "failed")):
        invoice = unpaid(rich=False)
        assert desk.done("record_payment_status", invoice, payment_status=word).state == "succeeded"
        invoice.refresh_from_db()
        assert invoice.payment_status == ours


@pytest.mark.parametrize(
    ("field", "given", "says"),
    [
        ("payment_status", {"payment_status": "REFUNDED"}, "REFUNDED is not one of the available choices"),
        ("payment_status", {"payment_status": "OVERPAID"}, "not one of the available choices"),
        ("amount", {"payment_status": "succeeded", "amount": "1"}, "only taken with Pending"),
        ("amount", {"payment_status": "PENDING"}, "say how much has been paid"),
        ("amount", {"payment_status": "PENDING", "amount": "99999999999"}, "more than the whole of it"),
        ("amount", {"payment_status": "PENDING", "amount": "1,5"}, "with a dot"),
        ("amount", {"payment_status": "PENDING", "amount": "-1"}, "cannot be negative"),
    ],
)
def test_what_cannot_be_recorded_is_said_at_its_field(desk, unpaid, field, given, says):
    assert says in refused(desk, "record_payment_status", unpaid(rich=False, take=False), field, **given)


def test_refunded_stands_in_no_choice_anywhere():
    every = dict(VERBS["record_payment_status"].form_for(None)().fields["payment_status"].choices)
    assert "REFUNDED" not in every and "SUCCEEDED" in every


@pytest.mark.parametrize("word", ["PROCESSING", "REFUNDED", "INITIATED"])
def test_a_payment_under_way_or_given_back_is_not_set_by_hand(desk, word):
    invoice = desk.look_at("flexprice", flexprice("FINALIZED", word))
    assert f"while it is {word}" in refused(desk, "record_payment_status", invoice, payment_status="SUCCEEDED")


# ---- Orb


@pytest.mark.parametrize("kind", [None, "drop_after", "drop_before"])
@pytest.mark.parametrize("word", ["issued", "synced"])
def test_orb_is_told_that_the_money_came_and_which_operation_says_so(desk, kind, word):
    invoice = desk.pick("orb", orb(word))
    if kind:
        desk.fault("orb", "POST", "/invoices/*/mark_paid", kind)

    operation = desk.done("mark_paid", invoice, payment_received_date=TODAY, notes="Bank transfer")

    assert operation.state == "succeeded"
    assert len(desk.effects(invoice, "mark_paid")) == 1
    assert operation.attempts.first().request["body"]["external_id"] == str(operation.pk)
    invoice.refresh_from_db()
    assert invoice.payment_status == "paid"


def test_money_cannot_have_come_in_the_future(desk):
    invoice = desk.look_at("orb", orb("issued"))
    later = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    says = refused(desk, "mark_paid", invoice, "payment_received_date", payment_received_date=later)
    assert "still to come" in says
    assert "paid already" in refused(desk, "mark_paid", desk.look_at("orb", orb("paid")), payment_received_date=TODAY)


def chargeable(raw):
    return orb("issued")(raw) and Decimal(raw["amount_due"]) > 0 and not raw["payment_started_at"]


@pytest.fixture
def charged(desk):
    """charged("declined") is an issued invoice whose next charge ends so."""

    def make(outcome):
        while True:
            invoice = desk.pick("orb", chargeable)
            customer = desk.at_provider("orb", f"/customers/{invoice.customer.external_id}")
            if customer.get("default_payment_method"):
                desk.sandbox.act("orb", "next_payment", invoice.external_id, outcome=outcome)
                return invoice

    return make


@pytest.mark.parametrize("kind", [None, "drop_after", "drop_before"])
def test_a_charge_counts_once_orb_says_paid(desk, charged, kind):
    invoice = charged("succeeded")
    if kind:
        desk.fault("orb", "POST", "/invoices/*/pay", kind)

    operation = desk.done("pay", invoice)

    assert operation.state == "succeeded" and len(desk.effects(invoice, "pay")) == 1


@pytest.mark.parametrize("kind", [None, "drop_after"])
def test_a_declined_charge_is_answered_with_success_and_is_not_called_one(desk, charged, kind):
    invoice = charged("declined")
    if kind:
        desk.fault("orb", "POST", "/invoices/*/pay", kind)

    operation = desk.done("pay", invoice)

    assert (operation.state, operation.attempt) == ("not_done", 1)
    assert operation.evidence[-1]["verdict"] == "failed" and "payment failed" in operation.outcome["message"]
    assert desk.effects(invoice, "pay") == []


def test_a_bank_transfer_under_way_is_accepted_and_not_done(desk, charged):
    invoice = charged("pending")

    operation = desk.settle(desk.ask("pay", invoice), until="accepted")
    desk.settle(operation, seconds=2.5)  # longer than Q and the time until a person is asked
    assert operation.state == "accepted"

    desk.sandbox.act("orb", "customer_pays", invoice.external_id)
    Operation.objects.update(next_look_at=timezone.now())
    desk.settle(operation)
    assert operation.state == "succeeded"


def test_what_is_not_issued_is_not_charged(desk):
    assert "issued invoices only; this one is synced" in refused(desk, "pay", desk.look_at("orb", orb("synced")))


# ---- telling the customer


def test_an_announcement_is_believed_by_its_answer(desk):
    invoice = desk.pick("flexprice", flexprice("FINALIZED"))

    operation = desk.done("trigger_communication", invoice)

    assert (operation.state, operation.settled_by) == ("succeeded", "answer")
    assert len(desk.effects(invoice, "trigger_communication")) == 1


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "wrong_type"])
def test_an_announcement_whose_answer_is_lost_goes_to_a_person_and_nowhere_else(desk, kind):
    invoice = desk.pick("flexprice", flexprice("FINALIZED"))
    desk.fault("flexprice", "POST", "/invoices/*/comms/trigger", kind)
    assert "a person decides" in VERBS["trigger_communication"].summary

    operation = desk.settle(desk.ask("trigger_communication", invoice), until="needs_person")

    assert (operation.state, operation.attempt, operation.next_look_at) == ("needs_person", 1, None)
    assert len(desk.effects(invoice, "trigger_communication")) == (kind != "drop_before")
    with pytest.raises(CannotRequest, match="under way"):
        desk.ask("trigger_communication", invoice)
