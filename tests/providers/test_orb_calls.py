"""What Orb is asked, and what its answers are taken to mean."""

import json
from datetime import UTC, datetime

import pytest

from invoicing.providers.base import Slice
from invoicing.providers.errors import (
    Conflict,
    KeyRefused,
    Missing,
    NotUnderstood,
    RateLimited,
    Refused,
    TooLarge,
    Unknown,
    Unsupported,
)
from invoicing.providers.orb.adapter import Orb
from invoicing.providers.strict_json import dumps
from invoicing.providers.translation import error_for
from tests.providers.scripted import Scripted, said

ORB = Orb()
INVOICE = "iNv0iceIssued001"
STATUSES = [("status[]", word) for word in ("draft", "issued", "synced", "paid", "void")]


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_full_run_asks_for_customers_then_for_all_five_statuses(example):
    customers, invoices = ORB.slices(customers=(), since=None)
    http = Scripted(example("orb_customer_list"), example("orb_invoice_list"), example("orb_invoice_list"))

    ORB.page(http, customers, None)
    first = ORB.page(http, invoices, None)
    ORB.page(http, invoices, first.next_cursor, size=10)

    assert ORB.complete_slices(None)
    assert [ORB.identity(record) for record in first.records] == [INVOICE, "iNv0icePaid00004"]
    assert http.asked == [
        ("GET", "/customers", (("limit", "100"),), None),
        ("GET", "/invoices", (("limit", "100"), *STATUSES), None),
        ("GET", "/invoices", (("limit", "10"), *STATUSES, ("cursor", "1719856800.000000")), None),
    ]


def test_an_incremental_run_sweeps_the_recent_and_the_open(example):
    since = datetime(2026, 9, 1, tzinfo=UTC)
    new, recent, drafts, issued = ORB.slices(customers=(), since=since)
    http = Scripted(*[example("orb_invoice_list")] * 4)

    for part in (new, recent, drafts, issued):
        ORB.page(http, part, None)

    assert not ORB.complete_slices(since)
    assert [query for _, _, query, _ in http.asked] == [
        (("limit", "100"), ("created_at[gte]", "2026-08-31T00:00:00Z")),
        (("limit", "100"), *STATUSES, ("invoice_date[gte]", "2026-07-03T00:00:00Z")),
        (("limit", "100"), ("status[]", "draft")),
        (("limit", "100"), ("status[]", "issued")),
    ]


def test_a_list_ends_where_orb_says_so():
    def read(**place):
        return ORB.page(Scripted({"data": [], "pagination_metadata": place}), Slice(kind="invoices", key="x"), None)

    assert read(has_more=True, next_cursor="c").next_cursor == "c"
    assert read(has_more=False, next_cursor="c").next_cursor is None
    assert read(has_more=True, next_cursor=None).next_cursor is None


@pytest.mark.parametrize(
    "body",
    [
        {"data": []},
        {"data": [], "pagination_metadata": None},
        {"data": [], "pagination_metadata": {}},
        {"data": [], "pagination_metadata": {"has_more": "no"}},
        {"data": [], "pagination_metadata": {"has_more": True, "next_cursor": 7}},
        {"pagination_metadata": {"has_more": False}},
        {"data": {}, "pagination_metadata": {"has_more": False}},
        [],
        b"<html>",
    ],
)
def test_a_list_that_does_not_say_whether_it_goes_on_is_no_empty_list(body):
    with pytest.raises(NotUnderstood):
        ORB.page(Scripted(body), Slice(kind="invoices", key="invoices"), None)


def test_a_page_too_large_is_asked_for_in_smaller_portions(example):
    http = Scripted(TooLarge("10 MiB"), TooLarge("10 MiB"), example("orb_invoice_list"))

    page = ORB.page(http, Slice(kind="invoices", key="invoices"), None)

    assert len(page.records) == 2
    assert [query[0] for _, _, query, _ in http.asked] == [("limit", "100"), ("limit", "25"), ("limit", "6")]
    with pytest.raises(TooLarge):
        ORB.page(Scripted(TooLarge("one alone")), Slice(kind="invoices", key="invoices"), None, size=1)


def test_an_identity_is_found_without_reading_the_record():
    assert ORB.identity(b'{"total": 1, "id": "a"}') == "a"
    for record in (b"{}", b'{"id": 7}', b"[]", b"null", b"broken", b'{"id": null}'):
        assert ORB.identity(record) == ""


def test_one_invoice_and_one_customer_are_read_by_id(example):
    http = Scripted(example("orb_invoice_issued"), example("orb_customer"))

    assert ORB.fetch_invoice(http, INVOICE, {})["id"] == INVOICE
    assert ORB.fetch_customer(http, "Kq7TzP2mXw9RbNd4")["name"] == "Northwind Robotics, Inc."
    assert [asked[:2] for asked in http.asked] == [
        ("GET", f"/invoices/{INVOICE}"),
        ("GET", "/customers/Kq7TzP2mXw9RbNd4"),
    ]


def test_another_record_than_the_one_asked_for_is_not_taken(example):
    for body in (example("orb_invoice_paid"), [], {"detail": "?"}):
        with pytest.raises(NotUnderstood):
            ORB.fetch_invoice(Scripted(body), INVOICE, {})


def test_the_pdf_is_fetched_by_a_fresh_link_and_drafts_have_none(example):
    http = Scripted(example("orb_invoice_issued"))

    assert ORB.fetch_pdf(http, INVOICE, {}) == b"%PDF-1.7 fetched"
    assert http.documents == ["https://assets.withorb.com/invoice/iNv0iceIssued001/7YpQe2mVt9LxKc4R"]
    with pytest.raises(Missing):
        ORB.fetch_pdf(Scripted(example("orb_invoice_draft")), "iNv0iceDraft0002", {})


def test_balance_movements_and_credit_notes_are_read_to_their_end(example):
    more = json.loads(example("orb_balance_transaction_list"))
    more["pagination_metadata"] = {"has_more": True, "next_cursor": "again"}
    http = Scripted(more, more, more)

    found = ORB.read_all(http, "list_balance_transactions", path={"customer_id": "c1"})

    assert len(found) == 8  # the cursor that comes again ends it
    assert found[0]["action"] == "return_from_voiding"
    assert http.asked[0][1] == "/customers/c1/balance_transactions"
    notes = ORB.read_all(Scripted(example("orb_credit_note_list")), "list_credit_notes", most=1)
    assert [note["credit_note_number"] for note in notes] == ["CN-NWRBT-00003"]


def test_new_tokens_in_links_are_no_new_version(example):
    one, other = json.loads(example("orb_invoice_paid")), json.loads(example("orb_invoice_paid"))
    other["hosted_invoice_url"] += "x"
    other["invoice_pdf"] += "x"
    other["payment_attempts"][0]["receipt_pdf"] += "x"

    assert ORB.canonical(one) == ORB.canonical(other)
    assert ORB.canonical(one) != ORB.canonical(other | {"invoice_pdf": None})
    assert ORB.canonical(one) != ORB.canonical(other | {"total": "1.00"})


def test_the_test_call_proves_that_the_key_reads_invoices(example):
    http = Scripted(example("orb_ping"), example("orb_invoice_list"))

    assert ORB.probe(http) == {"answered": "pong", "reads_invoices": True}
    with pytest.raises(NotUnderstood):
        ORB.probe(Scripted({"pong": 1}))


# --- changing --------------------------------------------------------------------------------------------------------

ONE_OFF = {
    "customer_id": "Kq7TzP2mXw9RbNd4",
    "currency": "USD",
    "invoice_date": "2026-07-15",
    "net_terms": "30",
    "memo": "Ad hoc onboarding",
    "metadata": {"ticket": "OPS-118"},
    "discount_percent": "10",
    "lines": [
        {
            "text": "Onboarding hours",
            "item_id": "iTemSupp0rt00005",
            "quantity": "2.5",
            "unit_price": "80.00",
            "period_start": "2026-07-15",
            "period_end": "2026-07-16",
        }
    ],
}


@pytest.mark.parametrize(
    ("name", "arguments", "target", "body"),
    [
        ("void_invoice", {}, "POST /invoices/in_1/void", None),
        ("finalize_invoice", {}, "POST /invoices/in_1/issue", '{"synchronous":false}'),
        ("regenerate_pdf", {}, "POST /invoices/in_1/regenerate_invoice_pdf", None),
        (
            "mark_paid",
            {"payment_received_date": "2026-07-20", "external_id": "op-1", "notes": ""},
            "POST /invoices/in_1/mark_paid",
            '{"payment_received_date":"2026-07-20","external_id":"op-1"}',
        ),
        ("pay_invoice", {}, "POST /invoices/in_1/pay", "{}"),
        (
            "add_line",
            {
                "name": "Credit",
                "amount": "-12.50",
                "quantity": "1",
                "start_date": "2026-07-01",
                "end_date": "2026-08-01",
            },
            "POST /invoice_line_items",
            '{"invoice_id":"in_1","name":"Credit","amount":"-12.50","quantity":1,"start_date":"2026-07-01","end_date":"2026-08-01"}',
        ),
        ("remove_line", {"line_item_id": "li_9"}, "DELETE /invoices/in_1/invoice_line_items/li_9", None),
        (
            "update_invoice",
            {"due_date": "2026-08-01", "metadata": None},
            "PUT /invoices/in_1",
            '{"due_date":"2026-08-01"}',
        ),
        ("upcoming_invoice", {"subscription_id": "sub_1"}, "GET /invoices/upcoming?subscription_id=sub_1", None),
        (
            "create_invoice",
            ONE_OFF,
            "POST /invoices",
            (
                '{"customer_id":"Kq7TzP2mXw9RbNd4","currency":"USD","invoice_date":"2026-07-15","will_auto_issue":false,'
                '"line_items":[{"name":"Onboarding hours","item_id":"iTemSupp0rt00005","quantity":2.5,"start_date":"2026-07-15",'
                '"end_date":"2026-07-16","model_type":"unit","unit_config":{"unit_amount":"80.00","prorated":false}}],'
                '"memo":"Ad hoc onboarding","metadata":{"ticket":"OPS-118"},"net_terms":30,'
                '"discount":{"discount_type":"percentage","percentage_discount":0.1}}'
            ),
        ),
    ],
)
def test_each_change_in_orbs_words(name, arguments, target, body):
    request = ORB.request(name, "in_1", arguments)

    endpoint = ORB.endpoints[name]
    query = "".join(f"?{key}={value}" for key, value in request.query)
    assert f"{endpoint.method} {endpoint.path.format_map(request.path)}{query}" == target
    assert (None if request.body is None else dumps(request.body).decode()) == body
    assert endpoint.safe is (name == "upcoming_invoice")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("update_invoice", {}),
        ("add_line", {"amount": "1", "start_date": "2026-07-01", "end_date": "2026-08-01"}),
        ("add_line", {"name": "x", "amount": "NaN", "start_date": "2026-07-01", "end_date": "2026-08-01"}),
        ("create_invoice", ONE_OFF | {"due_date": "2026-08-01"}),
        ("create_invoice", ONE_OFF | {"lines": [{"text": "x", "unit_price": "1"}]}),
    ],
)
def test_what_orb_is_known_to_refuse_is_not_sent(name, arguments):
    with pytest.raises(ValueError):
        ORB.request(name, "in_1", arguments)


def test_what_orb_does_not_offer_is_refused_aloud():
    with pytest.raises(Unsupported):
        ORB.request("regenerate_invoice", "in_1", {})
    assert not ORB.offers("regenerate_invoice")
    assert ORB.not_offered["regenerate_invoice"].startswith("Orb ")


@pytest.mark.parametrize(
    ("name", "status", "outcome"),
    [
        ("void_invoice", "void", "done"),
        ("finalize_invoice", "issued", "done"),
        ("finalize_invoice", "paid", "done"),  # a zero invoice is paid at once
        ("finalize_invoice", "draft", "accepted"),
        ("mark_paid", "paid", "done"),
        ("pay_invoice", "paid", "done"),
        ("pay_invoice", "issued", "accepted"),
        ("update_invoice", "draft", "done"),
        ("regenerate_pdf", "issued", "done"),
    ],
)
def test_an_answer_that_is_the_invoice_as_it_should_be(example, name, status, outcome):
    answer = said(json.loads(example("orb_invoice_issued")) | {"status": status})

    claim = ORB.said(name, answer, INVOICE)

    assert claim.outcome == outcome
    assert claim.invoice["id"] == INVOICE
    assert claim.created == ""


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("void_invoice", "issued"),
        ("void_invoice", "on_hold"),
        ("finalize_invoice", "void"),
        ("mark_paid", "issued"),
        ("pay_invoice", "void"),
    ],
)
def test_an_invoice_in_an_unexpected_state_proves_nothing(example, name, status):
    with pytest.raises(NotUnderstood):
        ORB.said(name, said(json.loads(example("orb_invoice_issued")) | {"status": status}), INVOICE)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        b"null",
        {"id": INVOICE},
        {"id": INVOICE, "status": "void"},
        {"type": "https://docs.withorb.com/reference/error-responses#400-constraint-violation", "status": 400},
        {"id": "another", "status": "void", "currency": "USD", "total": "1", "customer": {}, "line_items": []},
        b'{"id": "iNv0iceIssued001", "id": "iNv0iceIssued001"}',
    ],
)
@pytest.mark.parametrize(
    "name", ["void_invoice", "finalize_invoice", "mark_paid", "pay_invoice", "update_invoice", "regenerate_pdf"]
)
def test_a_success_that_is_not_our_invoice_proves_nothing(name, body):
    with pytest.raises(NotUnderstood):
        ORB.said(name, said(body), INVOICE)


def test_what_is_made_is_named(example):
    created = ORB.said("create_invoice", said(example("orb_invoice_draft"), 201), "")
    assert (created.outcome, created.created) == ("done", "iNv0iceDraft0002")

    line = ORB.said("add_line", said(example("orb_invoice_line_item"), 201), INVOICE)
    assert line.facts == {"line_item_id": "lIneAdh0cSupp0rt", "amount": "120.00"}
    with pytest.raises(NotUnderstood):
        ORB.said("add_line", said({"id": "x"}), INVOICE)

    assert ORB.said("remove_line", said(b"", 204), INVOICE).outcome == "done"
    with pytest.raises(NotUnderstood):
        ORB.said("remove_line", said(b"{}", 200), INVOICE)

    upcoming = ORB.said("upcoming_invoice", said(example("orb_invoice_upcoming")), "sub_1")
    assert (upcoming.created, upcoming.invoice["target_date"]) == ("", "2026-08-01T07:00:00+00:00")


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("constraint_violation", Refused),
        ("duplicate_resource_creation", Refused),
        ("request_validation", Refused),
        ("authentication", KeyRefused),
        ("feature_not_available", Refused),  # a 404, but not of a record
        ("resource_not_found", Missing),
        ("url_not_found", Refused),
        ("resource_conflict", Conflict),
        ("request_too_large", Refused),
        ("resource_too_large", Refused),
        ("too_many_results", Refused),
        ("too_many_requests", RateLimited),
        ("internal_server_error", Unknown),
    ],
)
def test_each_of_orbs_errors(example, case, kind):
    problem = json.loads(example("orb_errors"))[case]
    body = json.dumps(problem["body"]).encode()

    error = error_for(problem["http_status"], {}, body, provider=ORB, safe=False)

    assert type(error) is kind
    assert error.said.startswith(problem["body"]["detail"] or problem["body"]["title"])


def test_problems_of_a_request_are_told_and_strangers_are_not_believed(example):
    body = json.loads(example("orb_errors"))["request_validation"]["body"]

    assert ORB.error_text(body).endswith("line_items.0.unit_config.unit_amount: field required")
    for stranger in ({"message": "x"}, {"type": "about:blank", "detail": "x"}, {"type": None}, [], None, "x"):
        assert ORB.error_text(stranger) is None
