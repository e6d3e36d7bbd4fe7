"""Changes at FlexPrice: the request of each, and what its answer proves."""

import json

import pytest

from invoicing.providers.errors import NotUnderstood
from invoicing.providers.flexprice.adapter import FlexPrice
from tests.providers.scripted import Scripted, said

FLEX = FlexPrice()
INVOICE = "inv_01K2A2INVOICEAUGUST000000A"


@pytest.fixture
def read(example):
    return lambda name: json.loads(example(name))


# --- changing ---


@pytest.mark.parametrize(
    ("name", "arguments", "line", "query", "body"),
    [
        ("finalize_invoice", {}, "POST /invoices/inv_1/finalize", (), None),
        ("void_invoice", {}, "POST /invoices/inv_1/void", (), None),
        (
            "void_invoice",
            {"operation_id": "op-1", "metadata": {"reason": "duplicate"}},
            "POST /invoices/inv_1/void",
            (),
            {"metadata": {"reason": "duplicate", "invoice_desk_operation": "op-1"}},
        ),
        ("recalculate_invoice", {}, "POST /invoices/inv_1/recalculate", (("finalize", "false"),), None),
        ("recalculate_draft", {}, "POST /invoices/inv_1/recalculate-v2", (("finalize", "false"),), None),
        ("void_and_replace", {}, "POST /invoices/inv_1/recalculate", (("finalize", "false"),), None),
        ("attempt_payment", {}, "POST /invoices/inv_1/payment/attempt", (), None),
        ("trigger_communication", {}, "POST /invoices/inv_1/comms/trigger", (), None),
        (
            "set_payment_status",
            {"payment_status": "SUCCEEDED"},
            "PUT /invoices/inv_1/payment",
            (),
            {"payment_status": "SUCCEEDED"},
        ),
        (
            "set_payment_status",
            {"payment_status": "PENDING", "amount": "40.50"},
            "PUT /invoices/inv_1/payment",
            (),
            {"payment_status": "PENDING", "amount": "40.50"},
        ),
        (
            "update_invoice",
            {"due_date": "2026-12-01", "metadata": {"po_number": "7"}},
            "PUT /invoices/inv_1",
            (),
            {"metadata": {"po_number": "7"}, "due_date": "2026-12-01T00:00:00Z"},
        ),
        ("preview_invoice", {"subscription_id": "subs_1"}, "POST /invoices/preview", (), {"subscription_id": "subs_1"}),
        ("customer_summary", {}, "GET /customers/inv_1/invoices/summary", (), None),
    ],
)
def test_the_request_of_each_change(name, arguments, line, query, body):
    request, endpoint = FLEX.request(name, "inv_1", arguments), FLEX.endpoints[name]

    assert f"{endpoint.method} {endpoint.path.format_map(request.path)}" == line
    assert (request.query, request.body) == (query, body)


def test_only_reads_searches_and_previews_may_be_repeated():
    assert {name for name, endpoint in FLEX.endpoints.items() if not endpoint.safe} == {
        "create_invoice",
        "update_invoice",
        "finalize_invoice",
        "void_invoice",
        "recalculate_invoice",
        "recalculate_draft",
        "void_and_replace",
        "set_payment_status",
        "attempt_payment",
        "trigger_communication",
        "customer_summary",
    }


def test_a_one_off_invoice_is_created_with_its_key_and_exact_amounts():
    arguments = {
        "customer_id": "cust_1",
        "currency": "USD",
        "idempotency_key": "key-1",
        "description": "Workshop",
        "due_date": "2026-12-01",
        "lines": [{"text": "Day", "amount": "0.10", "quantity": "1"}, {"text": "Night", "amount": "0.20"}],
    }

    assert FLEX.request("create_invoice", "", arguments).body == {
        "customer_id": "cust_1",
        "invoice_type": "ONE_OFF",
        "billing_reason": "MANUAL",
        "currency": "usd",
        "subtotal": "0.30",
        "total": "0.30",
        "amount_due": "0.30",
        "idempotency_key": "key-1",
        "line_items": [
            {"display_name": "Day", "amount": "0.10", "quantity": "1"},
            {"display_name": "Night", "amount": "0.20", "quantity": "1"},
        ],
        "due_date": "2026-12-01T00:00:00Z",
        "description": "Workshop",
    }
    with pytest.raises(KeyError):
        FLEX.request(
            "create_invoice", "", {name: value for name, value in arguments.items() if name != "idempotency_key"}
        )


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("set_payment_status", {"payment_status": "REFUNDED"}),
        ("set_payment_status", {"payment_status": "SUCCEEDED", "amount": "5"}),
        ("update_invoice", {}),
    ],
)
def test_what_the_server_is_known_to_refuse_is_not_sent(name, arguments):
    with pytest.raises(ValueError, match=r"\w"):
        FLEX.request(name, "inv_1", arguments)


@pytest.mark.parametrize("name", ["finalize_invoice", "void_invoice", "attempt_payment", "trigger_communication"])
def test_a_message_is_success_and_an_error_is_not(read, name):
    words = {
        "finalize_invoice": "POST /invoices/{id}/finalize",
        "void_invoice": "POST /invoices/{id}/void",
        "attempt_payment": "POST /invoices/{id}/payment/attempt",
        "trigger_communication": "POST /invoices/{id}/comms/trigger",
    }
    assert FLEX.said(name, said(read("flexprice_success_responses")[words[name]]), "inv_1").outcome == "done"

    errors = (
        read("flexprice_errors")["current_400_validation"],
        read("flexprice_errors_legacy_and_auth")["legacy_until_2026_04"],
    )
    for wrong in (*errors, {}, [], None, {"message": ""}, {"message": 1}, {"error": "Unauthorized"}):
        with pytest.raises(NotUnderstood):
            FLEX.said(name, said(wrong), "inv_1")


@pytest.mark.parametrize("name", ["update_invoice", "set_payment_status", "recalculate_invoice", "recalculate_draft"])
def test_the_answer_must_be_the_invoice_that_was_changed(read, name):
    payload = read("flexprice_invoice_get")

    assert FLEX.said(name, said(payload), INVOICE).invoice["id"] == INVOICE
    for wrong in (
        payload | {"id": "inv_OTHER"},
        {"id": INVOICE},
        {"message": "ok"},
        read("flexprice_recalculate_accepted"),
    ):
        with pytest.raises(NotUnderstood):
            FLEX.said(name, said(wrong, 202), INVOICE)


def test_a_replacement_is_accepted_not_done(read):
    answer = FLEX.said("void_and_replace", said(read("flexprice_recalculate_accepted"), 202), INVOICE)

    assert (answer.outcome, answer.facts["run_id"]) == ("accepted", "0198f0f2-6a1b-7c33-9b2e-5d1f0a7c9e21")
    with pytest.raises(NotUnderstood):  # the older server recalculated a draft instead
        FLEX.said("void_and_replace", said(read("flexprice_invoice_get")), INVOICE)


def test_a_created_invoice_tells_its_id(read):
    answer = FLEX.said("create_invoice", said(read("flexprice_invoice_create_response"), 201), "")

    assert (answer.outcome, answer.created) == ("done", "inv_01K2B0ONEOFFSETUPFEE00000A")


def test_a_summary_is_this_customers_and_exact(read):
    summary = read("flexprice_customer_invoice_summary")
    answer = FLEX.said("customer_summary", said(summary), "cust_01K2A1CUSTNORTHWIND000000A")

    assert answer.facts["EUR total_unpaid_amount"] == "308.79"
    assert answer.facts["EUR total_invoice_count"] == "6"
    with pytest.raises(NotUnderstood):
        FLEX.said("customer_summary", said(summary), "cust_OTHER")


def test_the_pdf_is_the_bytes_drawn_now():
    http = Scripted(b"%PDF-1.7 drawn")

    assert FLEX.fetch_pdf(http, "inv_1", {}) == b"%PDF-1.7 drawn"
    assert http.asked == [("GET", "/invoices/inv_1/pdf", (), None)]


def test_the_key_goes_into_its_own_header():
    assert FLEX.auth_headers("sk_1") == {"x-api-key": "sk_1"}
    assert FLEX.offers("recalculate_draft")
    assert not FLEX.offers("regenerate_pdf")
    assert "regenerate_pdf" in FLEX.not_offered
    assert not set(FLEX.not_offered) & set(FLEX.endpoints)
