"""FlexPrice's money: marking by hand, paying from wallets, credit notes and where refunds go."""

from decimal import Decimal

import pytest

from tests.sandbox.flexprice_api import Api

MANUAL = "Manual payment status updates are disabled for payment-based invoices."


@pytest.fixture(scope="module")
def api(sandbox):
    return Api(sandbox)


def mark(api, invoice, status, amount=None):
    return api.put(
        f"/invoices/{invoice['id']}/payment", {"payment_status": status} | ({"amount": amount} if amount else {})
    )


def paid(api, **given):
    """A one-off invoice with a line, marked as paid."""
    made = api.created(line_items=[{"display_name": "Chair", "amount": "100", "quantity": "1"}], **given)
    assert mark(api, made, "SUCCEEDED").status_code == 200
    return made


# ---- marking by hand


def test_marking_moves_the_amounts(api):
    made = api.created()
    partly = mark(api, made, "PENDING", "40").json()
    assert (partly["amount_paid"], partly["amount_remaining"], partly["payment_status"]) == ("40", "60", "PENDING")
    failed = mark(api, made, "FAILED").json()
    assert (failed["amount_paid"], failed["amount_remaining"]) == ("0", "100")
    done = mark(api, made, "SUCCEEDED", "3").json()  # the amount is ignored
    assert (done["amount_paid"], done["amount_remaining"]) == ("100", "0")
    assert partly["updated_at"] < done["paid_at"] <= done["updated_at"]
    over = mark(api, made, "OVERPAID").json()
    assert (over["payment_status"], over["overpaid_amount"]) == ("OVERPAID", "0")


ALLOWED = {
    "PENDING": {"PENDING", "SUCCEEDED", "FAILED"},
    "FAILED": {"PENDING", "SUCCEEDED", "FAILED"},
    "SUCCEEDED": {"SUCCEEDED", "OVERPAID"},
    "OVERPAID": {"OVERPAID"},
}


@pytest.mark.parametrize("start", ALLOWED)
@pytest.mark.parametrize("wanted", ["PENDING", "SUCCEEDED", "OVERPAID", "FAILED", "REFUNDED", "PROCESSING", "NONSENSE"])
def test_which_status_may_follow_which(api, start, wanted):
    made = api.created()
    for step in {"FAILED": ["FAILED"], "SUCCEEDED": ["SUCCEEDED"], "OVERPAID": ["SUCCEEDED", "OVERPAID"]}.get(
        start, []
    ):
        mark(api, made, step)
    answer = mark(api, made, wanted)
    if wanted in ALLOWED[start]:
        assert answer.json()["payment_status"] == wanted
    elif wanted == "OVERPAID" and start in ("PENDING", "FAILED"):  # passes the table, fails the check
        api.refused(answer, 400, "amount_remaining must be zero for overpaid invoices")
    else:
        body = api.refused(answer, 400, f"invalid payment status transition from {start} to {wanted}")
        assert set(body["details"]["allowed_statuses"]) >= ALLOWED[start]


def test_what_marking_refuses_in_this_order(api):
    voided = api.one(invoice_status="VOIDED")
    api.refused(mark(api, voided, "SUCCEEDED"), 400, "invoice status - VOIDED is not allowed")
    skipped = api.one(invoice_status="SKIPPED")
    api.refused(mark(api, skipped, "NONSENSE"), 400, "invoice status - SKIPPED is not allowed")
    by_card = next(
        i for i in api.search(payment_status=["SUCCEEDED"])["items"]
        if any(p["payment_status"] == "SUCCEEDED" for p in api.get("/payments", destination_id=i["id"]).json()["items"])
    )  # fmt: skip
    assert api.refused(mark(api, by_card, "FAILED"), 400, MANUAL)["code"] == "invalid_operation"
    for status in ("INITIATED", "PROCESSING", "REFUNDED", "PARTIALLY_REFUNDED"):
        stuck = next(
            i for i in api.search(payment_status=[status], invoice_status=["FINALIZED"])["items"]
            if not any(p["payment_status"] == "SUCCEEDED" for p in api.get("/payments", destination_id=i["id"]).json()["items"])
        )  # fmt: skip
        api.refused(mark(api, stuck, "SUCCEEDED"), 400, f"invalid current payment status: {status}")
    made = api.created()
    api.refused(mark(api, made, "PENDING", "-1"), 400, "amount must be non-negative")
    api.refused(mark(api, made, "PENDING", "101"), 400, "amount_remaining must be non negative")
    api.refused(api.put(f"/invoices/{made['id']}/payment", {}), 400, "failed to bind request body")
    assert api.read(made["id"])["version"] == made["version"]  # nothing of it was kept


# ---- paying from wallets


def test_a_wallet_pays_what_it_holds(api, sandbox):
    made = api.created()
    path = f"/invoices/{made['id']}/payment/attempt"
    wallet = api.post("/wallets", {"customer_id": made["customer_id"], "currency": "usd", "wallet_type": "POST_PAID",
                                   "initial_credits_to_load": "30"}).json()  # fmt: skip
    assert api.post(path).json() == {"message": "payment processed successfully"}
    partly = api.read(made["id"])
    assert (partly["amount_paid"], partly["amount_remaining"], partly["payment_status"]) == ("30", "70", "PENDING")
    payment = api.get("/payments", destination_type="INVOICE", destination_id=made["id"]).json()["items"]
    assert [(p["payment_method_type"], p["payment_status"], p["amount"], p["payment_method_id"]) for p in payment] == [
        ("CREDITS", "SUCCEEDED", "30", wallet["id"])
    ]
    assert api.get(f"/wallets/{wallet['id']}").json()["balance"] == "0"

    nothing = api.post(path)  # answers alike
    assert (nothing.status_code, nothing.json()) == (200, {"message": "payment processed successfully"})
    assert "X-Sandbox-Effect" not in nothing.headers
    assert api.read(made["id"])["version"] == partly["version"]

    api.post(f"/wallets/{wallet['id']}/top-up", {"credits_to_add": "100", "transaction_reason": "FREE_CREDIT_GRANT"})
    api.post(path)
    assert api.read(made["id"])["payment_status"] == "SUCCEEDED"
    body = api.refused(api.post(path), 400, "Invoice is already paid")
    assert body["code"] == "invalid_operation"


def test_attempting_payment_in_other_states(api):
    draft = api.one(invoice_status="DRAFT")
    api.refused(api.post(f"/invoices/{draft['id']}/payment/attempt"), 400,
                "Invoice must be finalized before attempting payment",
                invoice_id=draft["id"], invoice_status="DRAFT")  # fmt: skip
    skipped = api.one(invoice_status="SKIPPED")
    assert api.post(f"/invoices/{skipped['id']}/payment/attempt").status_code == 200
    trial = api.one(billing_reason="SUBSCRIPTION_TRIAL_START")
    assert (trial["total"], trial["payment_status"]) == ("0", "PENDING")
    assert api.post(f"/invoices/{trial['id']}/payment/attempt").status_code == 200
    over = paid(api)
    mark(api, over, "OVERPAID")
    api.refused(api.post(f"/invoices/{over['id']}/payment/attempt"), 400, "Invoice has no remaining amount to pay")
    api.refused(api.post("/invoices/inv_none/payment/attempt"), 404, "invoice inv_none not found")


def test_purchased_credits_come_when_their_invoice_is_paid(api):
    customer = api.stranger()
    wallet = api.post("/wallets", {"customer_id": customer, "currency": "gbp"}).json()
    ordered = api.post(f"/wallets/{wallet['id']}/top-up", {
        "credits_to_add": "500", "transaction_reason": "PURCHASED_CREDIT_INVOICED", "idempotency_key": "buy-1",
    }).json()  # fmt: skip
    assert ordered["wallet_transaction"]["transaction_status"] == "pending"
    invoice = api.read(ordered["invoice_id"])
    assert (invoice["invoice_type"], invoice["total"]) == ("CREDIT", "500")
    assert api.get(f"/wallets/{wallet['id']}").json()["credit_balance"] == "0"
    mark(api, invoice, "SUCCEEDED")
    assert api.get(f"/wallets/{wallet['id']}").json()["credit_balance"] == "500"
    [row] = api.get(f"/wallets/{wallet['id']}/transactions").json()["items"]
    assert (row["transaction_status"], row["credit_balance_after"]) == ("completed", "500")

    generated = api.one(invoice_type="CREDIT", payment_status="PENDING", currency="eur")
    before = {w["id"]: Decimal(w["balance"]) for w in api.wallets(generated["customer_id"])}
    mark(api, generated, "SUCCEEDED")
    after = {w["id"]: Decimal(w["balance"]) for w in api.wallets(generated["customer_id"])}
    assert sum(after.values()) - sum(before.values()) == Decimal(generated["total"])


def test_every_wallets_transactions_explain_its_balance(api):
    wallets = api.post("/wallets/search", {"limit": 1000}).json()["items"]
    assert {w["wallet_type"] for w in wallets} == {"PRE_PAID", "POST_PAID"}
    for wallet in wallets:
        rows = api.get(f"/wallets/{wallet['id']}/transactions", limit=1000, order="asc").json()["items"]
        done = [row for row in rows if row["transaction_status"] == "completed"]
        moved = sum(Decimal(row["credit_amount"]) * (1 if row["type"] == "credit" else -1) for row in done)
        assert moved == Decimal(wallet["credit_balance"])
        assert Decimal(wallet["balance"]) == moved * Decimal(wallet["conversion_rate"])
        balance = api.get(f"/wallets/{wallet['id']}/balance/real-time").json()
        assert Decimal(balance["real_time_balance"]) == Decimal(wallet["balance"]) - Decimal(
            balance["unpaid_invoices_amount"]
        )


def test_payments_are_recorded_offline(api):
    made = api.created()
    body = {"destination_type": "INVOICE", "destination_id": made["id"], "payment_method_type": "OFFLINE", "amount": "60",
            "currency": "USD", "idempotency_key": "bank-1"}  # fmt: skip
    first = api.post("/payments", body)
    assert (first.status_code, first.json()["payment_status"]) == (201, "SUCCEEDED")
    assert api.post("/payments", body).json()["id"] == first.json()["id"]
    assert api.read(made["id"])["amount_remaining"] == "40"
    api.refused(mark(api, made, "FAILED"), 400, MANUAL)
    api.post("/payments", body | {"amount": "50", "idempotency_key": "bank-2"})
    over = api.read(made["id"])
    assert (over["payment_status"], over["overpaid_amount"], over["amount_remaining"]) == ("OVERPAID", "10", "0")


# ---- credit notes


def note_for(api, invoice, amount, **given):
    line = api.read(invoice["id"])["line_items"][0]["id"]
    return api.post("/creditnotes", {
        "invoice_id": invoice["id"], "reason": "BILLING_ERROR",
        "line_items": [{"invoice_line_item_id": line, "amount": amount}],
    } | given)  # fmt: skip


def test_an_adjustment_lowers_what_is_due_and_can_be_taken_back(api):
    made = api.created(line_items=[{"display_name": "Chair", "amount": "100", "quantity": "1"}])
    note = note_for(api, made, "30", idempotency_key="note-1").json()
    assert (note["credit_note_type"], note["credit_note_status"], note["total_amount"]) == ("ADJUSTMENT", "DRAFT", "30")
    assert note_for(api, made, "30", idempotency_key="note-1").json()["id"] == note["id"]
    assert api.read(made["id"])["amount_due"] == "100"

    done = api.post(f"/creditnotes/{note['id']}/finalize").json()
    assert done["credit_note_status"] == "FINALIZED"
    lowered = api.read(made["id"])
    assert (lowered["adjustment_amount"], lowered["amount_due"], lowered["amount_remaining"]) == ("30", "70", "70")
    assert lowered["total"] == "100"
    twice = api.post(f"/creditnotes/{note['id']}/finalize")
    assert twice.status_code == 400 and "cannot be processed again" in twice.json()["message"]

    assert api.post(f"/creditnotes/{note['id']}/void").json()["credit_note_status"] == "VOIDED"
    assert api.read(made["id"])["amount_due"] == "100"
    assert api.post(f"/creditnotes/{note['id']}/void").status_code == 400


def test_a_refund_goes_to_the_wallet_and_cannot_be_taken_back(api):
    made = paid(api, currency="SEK")
    note = note_for(api, made, "30", process_credit_note=True).json()
    assert (note["credit_note_type"], note["credit_note_status"]) == ("REFUND", "FINALIZED")
    partly = api.read(made["id"])
    assert (partly["payment_status"], partly["refunded_amount"]) == ("PARTIALLY_REFUNDED", "30")
    [wallet] = [w for w in api.wallets(made["customer_id"]) if w["currency"] == "sek"]
    assert wallet["balance"] == "30"
    assert "cannot be voided once completed" in api.post(f"/creditnotes/{note['id']}/void").json()["message"]
    refunds = api.get("/refunds", invoice_ids=made["id"]).json()["items"]
    assert [(r["amount"], r["refund_destination"], r["credit_note_id"]) for r in refunds] == [
        ("30", "WALLET", note["id"])
    ]

    note_for(api, made, "70", process_credit_note=True)
    assert api.read(made["id"])["payment_status"] == "REFUNDED"


def test_what_credit_notes_refuse(api):
    made = api.created(line_items=[{"display_name": "Chair", "amount": "100", "quantity": "1"}])
    assert "was only charged 100" in note_for(api, made, "101").json()["message"]
    mark(api, made, "PENDING", "90")
    assert "only credit up to 10" in note_for(api, made, "20").json()["message"]
    other = api.post("/creditnotes", {"invoice_id": made["id"], "reason": "DUPLICATE", "line_items": [
        {"invoice_line_item_id": "inv_line_none", "amount": "1"}]})  # fmt: skip
    assert "doesn't exist on this invoice" in other.json()["message"]
    draft = api.one(invoice_status="DRAFT", currency="jpy")
    assert "only create credit notes for finalized invoices" in note_for(api, draft, "1").json()["message"]
    assert note_for(api, made, "1", reason="BOREDOM").status_code == 400
    api.refused(api.get("/creditnotes/cn_none"), 404, "credit note cn_none not found")
