"""FlexPrice's state machines: what an invoice allows in which status, in the server's own words."""

from decimal import Decimal

import pytest

from tests.sandbox.flexprice_api import Api


@pytest.fixture(scope="module")
def api(sandbox):
    return Api(sandbox)


def draft_of(api, **given):
    """A fresh subscription draft over some usage, for a period nobody billed yet."""
    subscription = api.get("/subscriptions", limit=1000).json()["items"]
    one = next(s for s in subscription if s["currency"] == "cad")
    year = 2031 + draft_of.made
    draft_of.made += 1
    lines = [
        {"display_name": "Fee", "amount": "50", "quantity": "1", "price_type": "FIXED", "price_id": "price_fee"},
        {"display_name": "Calls", "amount": "40", "quantity": "800", "price_type": "USAGE", "price_id": "price_calls"},
    ]
    usual = {
        "customer_id": one["customer_id"], "invoice_type": "SUBSCRIPTION", "subscription_id": one["id"],
        "billing_period": "MONTHLY", "currency": "CAD", "period_start": f"{year}-01-01T00:00:00Z",
        "period_end": f"{year}-02-01T00:00:00Z", "subtotal": "90", "line_items": lines,
    }  # fmt: skip
    return api.created(**usual | given)


draft_of.made = 0


# ---- create


def test_a_one_off_is_finalized_at_once_and_a_subscriptions_is_not(api):
    assert api.created()["invoice_status"] == "FINALIZED"
    assert api.created(invoice_type="CREDIT")["invoice_status"] == "FINALIZED"
    draft = draft_of(api)
    assert (draft["invoice_status"], draft["invoice_number"]) == ("DRAFT", "")
    assert draft["billing_sequence"] > 0
    assert draft_of(api, invoice_status="FINALIZED")["invoice_status"] == "FINALIZED"


def test_creation_computes_coupons_and_taxes_and_does_not_check_the_lines_sum(api):
    coupons = {c["name"]: c["id"] for c in api.post("/coupons/search", {}).json()["items"]}
    rates = {r["code"]: r["id"] for r in api.get("/taxes/rates").json()["items"]}
    made = api.created(
        currency="EUR", subtotal="300", line_items=[{"display_name": "Chair", "amount": "19.999", "quantity": 1}],
        coupons=[coupons["Fair visitor"], "coup_unknown", coupons["Launch"]],
        tax_rates=[rates["in_cgst_9"], rates["in_sgst_9"], rates["ca_gst_5"]],
    )  # fmt: skip
    # 300 - 50 = 250, - 10 % = 225; each tax by itself on 225
    assert (made["total_discount"], made["total_tax"], made["total"]) == ("75", "51.75", "276.75")
    assert made["line_items"][0]["amount"] == "20"
    assert made["total_discount"] == str(
        sum(Decimal(c["discounted_amount"]) for c in api.one(id=made["id"])["coupon_applications"])
    )
    assert [tax["tax_amount"] for tax in api.read(made["id"])["taxes"]] == ["20.25", "20.25", "11.25"]

    overridden = api.created(
        tax_rates=[rates["ca_gst_5"]], tax_rate_overrides=[{"tax_rate_code": "uk_vat_20", "currency": "usd"}]
    )
    assert overridden["total_tax"] == "20"
    api.refused(api.create(tax_rates=["taxrate_none"]), 404, "tax rate taxrate_none not found")
    euros_only = api.created(coupons=[coupons["Fair visitor"]])
    assert euros_only["total_discount"] == "0"  # skipped without a word


def test_precision_follows_flexprices_own_table(api):
    def amount(currency):
        made = api.created(currency=currency, subtotal="1", line_items=[{"amount": "1.23456", "quantity": "1"}])
        return made["line_items"][0]["amount"]

    assert {c: amount(c) for c in ("JPY", "USD", "BHD", "KWD", "CLF", "ISK")} == {
        "JPY": "1", "USD": "1.23", "BHD": "1.23", "KWD": "1.235", "CLF": "1.2346", "ISK": "1.23",
    }  # fmt: skip


def test_a_zero_total_is_paid(api):
    free = api.created(subtotal="0", total="0", amount_due="0")
    assert (free["payment_status"], free["invoice_status"]) == ("SUCCEEDED", "FINALIZED")


def test_an_idempotency_key_creates_once_and_is_free_again_after_voiding(api):
    first = api.created(idempotency_key="once")
    body = api.refused(api.create(idempotency_key="once"), 409, "invoice already exists")
    assert body["code"] == "already_exists"
    api.post(f"/invoices/{first['id']}/void")
    assert api.created(idempotency_key="once")["id"] != first["id"]
    generated = api.one(invoice_type="ONE_OFF", invoice_status="FINALIZED", currency="clf")
    api.refused(api.create(idempotency_key=generated["idempotency_key"]), 409, "invoice already exists")
    assert api.created()["id"] != api.created()["id"]  # without a key a repetition is another invoice


def test_a_draft_of_the_same_key_is_computed_again_and_returned(api):
    draft = draft_of(api, idempotency_key="draft-key")
    draft_of.made -= 1
    again = draft_of(api, idempotency_key="draft-key", subtotal="95")
    assert (again["id"], again["subtotal"], again["invoice_status"]) == (draft["id"], "95", "DRAFT")


def test_a_period_is_billed_once_for_a_reason(api):
    billed = draft_of(api, invoice_status="FINALIZED", idempotency_key="period-1")
    draft_of.made -= 1
    same_period = {
        name: billed[name]
        for name in ("customer_id", "subscription_id", "billing_period", "period_start", "period_end")
    }
    refused = api.create(invoice_type="SUBSCRIPTION", currency="cad", idempotency_key="period-2", **same_period)
    api.refused(refused, 409, "invoice already exists for this period")
    draft_of.made += 1


@pytest.mark.parametrize(
    ("given", "status", "message"),
    [
        ({"customer_id": None}, 400, "Request validation failed"),
        ({"currency": None}, 400, "Request validation failed"),
        ({"invoice_type": None}, 400, "Request validation failed"),
        ({"invoice_type": "SUBSCRIPTION"}, 400, "Request validation failed"),
        ({"subtotal": {}}, 400, "invalid request"),
        ({"due_date": "tomorrow"}, 400, "invalid request"),
        ({"line_items": [{"display_name": "x"}]}, 400, "Request validation failed"),
        ({"customer_id": "cust_none"}, 404, "customer cust_none not found"),
    ],
)
def test_creation_refuses(api, given, status, message):
    api.refused(api.create(**given), status, message)


def test_a_body_that_is_no_json_is_refused(api):
    url = api.connection["base_url"] + "/invoices"
    for data in (b"", b"{", b"[]", b"7"):
        api.refused(api.session.post(url, data=data), 400, "invalid request")


# ---- update


def test_updating_answers_with_what_was_held_before(api):
    made = api.created(metadata={"a": "1", "b": "2"})
    answer = api.put(f"/invoices/{made['id']}", {
        "metadata": {"c": "3"}, "due_date": "2027-01-01T00:00:00+02:00", "invoice_pdf_url": "https://files.example.com/1.pdf",
    }).json()  # fmt: skip
    assert (answer["version"], answer["updated_at"]) == (made["version"], made["updated_at"])  # stale
    held = api.read(made["id"])
    assert held["version"] == made["version"] + 1
    assert held["metadata"] == {"c": "3"}  # replaced, not merged
    assert (held["due_date"], held["invoice_pdf_url"]) == ("2026-12-31T22:00:00Z", "https://files.example.com/1.pdf")


def test_what_an_update_refuses(api):
    made = api.created()
    path = f"/invoices/{made['id']}"
    api.refused(api.put(path, {"due_date": "2020-01-01T00:00:00Z"}), 400, "Due date must be in the future")
    api.refused(api.put(path, {"invoice_pdf_url": "http://plain.example"}), 400, "invalid invoice_pdf_url")
    api.refused(api.put(path, {"metadata": {"a": 1}}), 400, "invalid request")
    api.refused(
        api.put(path, {"apply_discount": True}), 400, "Only draft invoices can have their discount recalculated"
    )
    api.refused(api.put("/invoices/inv_none", {}), 404, "invoice not found: inv_none", id="inv_none")
    for status in ("VOIDED", "SKIPPED"):
        other = api.one(invoice_status=status)
        api.refused(api.put(f"/invoices/{other['id']}", {}), 400,
                    "Invoice can only be updated when in draft or finalized status",
                    invoice_id=other["id"], current_status=status)  # fmt: skip


# ---- finalize


def test_finalizing_applies_prepaid_credits_and_can_change_the_total(api, sandbox):
    draft = api.one(invoice_status="DRAFT", currency="usd", total=next(
        i["total"] for i in api.search(invoice_status=["DRAFT"])["items"] if i["currency"] == "usd" and i["total"] != "0"
    ))  # fmt: skip
    wallet = api.post(
        "/wallets", {"customer_id": draft["customer_id"], "currency": "usd", "initial_credits_to_load": "25"}
    ).json()
    assert api.post(f"/invoices/{draft['id']}/finalize").json() == {"message": "invoice finalized successfully"}
    final = api.read(draft["id"])
    assert final["total_prepaid_credits_applied"] == "25"
    assert Decimal(final["total"]) == Decimal(draft["total"]) - 25  # taxes stay as they were
    assert final["total_tax"] == draft["total_tax"]
    assert api.get(f"/wallets/{wallet['id']}").json()["balance"] == "0"
    assert final["invoice_number"] and final["finalized_at"]
    assert final["payment_status"] == "PENDING"


def test_finalizing_in_other_statuses(api):
    final = api.one(invoice_status="FINALIZED")
    api.refused(api.post(f"/invoices/{final['id']}/finalize"), 400, "invoice must be in draft status to be finalized")
    voided = api.one(invoice_status="VOIDED")
    api.refused(api.post(f"/invoices/{voided['id']}/finalize"), 400, "invoice must be in draft status to be finalized")
    skipped = api.one(invoice_status="SKIPPED")
    assert api.post(f"/invoices/{skipped['id']}/finalize").status_code == 200
    assert api.read(skipped["id"])["invoice_status"] == "SKIPPED"
    api.refused(api.post("/invoices/inv_none/finalize"), 404, "invoice inv_none not found", id="inv_none")


def test_a_draft_is_finalized_by_itself_two_hours_later(api, sandbox):
    draft = draft_of(api)
    sandbox.advance(7100)
    assert api.read(draft["id"])["invoice_status"] == "DRAFT"
    sandbox.advance(200)
    assert api.read(draft["id"])["invoice_status"] == "FINALIZED"


# ---- void


@pytest.mark.parametrize("payment", ["PENDING", "FAILED", "SUCCEEDED", "OVERPAID", "PARTIALLY_REFUNDED"])
def test_voiding_returns_what_was_paid_and_not_yet_refunded(api, payment):
    before = next(
        i for i in api.search(payment_status=[payment], invoice_status=["FINALIZED"])["items"] if i["total"] != "0"
    )
    in_wallets = sum(
        Decimal(w["balance"]) for w in api.wallets(before["customer_id"]) if w["currency"] == before["currency"]
    )
    answer = api.post(f"/invoices/{before['id']}/void", {"metadata": {"reason": "test"}})
    assert (answer.status_code, answer.json()) == (200, {"message": "invoice voided successfully"})

    after = api.read(before["id"])
    refund = (
        Decimal(before["amount_paid"])
        + Decimal(before["total_prepaid_credits_applied"])
        - Decimal(before["refunded_amount"])
    )
    assert (after["invoice_status"], after["payment_status"]) == ("VOIDED", "REFUNDED" if refund else payment)
    assert Decimal(after["refunded_amount"]) == Decimal(before["refunded_amount"]) + refund
    for name in ("amount_due", "amount_paid", "amount_remaining", "total", "invoice_number"):
        assert after[name] == before[name]
    assert after["metadata"] == (before.get("metadata") or {}) | {"reason": "test"}  # merged
    wallets = [w for w in api.wallets(before["customer_id"]) if w["currency"] == before["currency"]]
    assert sum(Decimal(w["balance"]) for w in wallets) == in_wallets + refund
    api.refused(api.post(f"/invoices/{before['id']}/void"), 400, "invoice status - VOIDED is not allowed",
                allowed_statuses=["DRAFT", "FINALIZED", "SKIPPED"])  # fmt: skip


@pytest.mark.parametrize("payment", ["INITIATED", "PROCESSING", "REFUNDED", "VOIDED"])
def test_voiding_is_refused_by_payment_status(api, payment):
    invoice = api.one(invoice_status="FINALIZED", payment_status=payment)
    body = api.refused(
        api.post(f"/invoices/{invoice['id']}/void"), 400, f"invoice payment status - {payment} is not allowed"
    )
    assert body["code"] == "validation_error"
    assert body["details"]["allowed_statuses"] == ["PENDING", "FAILED", "SUCCEEDED", "PARTIALLY_REFUNDED", "OVERPAID"]


def test_a_draft_can_be_voided_and_a_broken_body_cannot_void(api):
    draft = draft_of(api)
    url = f"{api.connection['base_url']}/invoices/{draft['id']}/void"
    api.refused(api.session.post(url, data=b"{"), 400, "failed to parse request body")
    assert api.read(draft["id"])["invoice_status"] == "DRAFT"
    assert api.session.post(url).status_code == 200
    assert api.read(draft["id"])["invoice_status"] == "VOIDED"


# ---- the paths that need no status


def test_pdf_communication_and_webhooks_work_in_any_status(api):
    for status in ("DRAFT", "FINALIZED", "VOIDED", "SKIPPED"):
        invoice = api.one(invoice_status=status)
        sent = api.post(f"/invoices/{invoice['id']}/comms/trigger")
        assert (sent.status_code, sent.json()) == (200, {"message": "communication triggered successfully"})
        assert api.get(f"/invoices/{invoice['id']}/pdf").content.startswith(b"%PDF-")
    assert api.post(f"/invoices/{invoice['id']}/webhook/trigger", event_name="invoice.update").status_code == 200
    assert api.post("/invoices/inv_none/comms/trigger").status_code == 404


def test_unknown_paths_and_methods_answer_in_plain_text(api):
    for method, path in (("GET", "/nothing"), ("DELETE", "/invoices/inv_1"), ("POST", "/invoices/inv_1/unfinalize")):
        answer = api(method, path)
        assert (answer.status_code, answer.text) == (404, "404 page not found")
        assert answer.headers["Content-Type"].startswith("text/plain")
