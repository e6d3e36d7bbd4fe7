"""Lists, single reads and the one change at Checkout Page: what is asked, and what an answer proves."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from invoicing.providers.base import Context
from invoicing.providers.checkout_page.adapter import CheckoutPage
from invoicing.providers.errors import Missing, NotUnderstood, Unsupported
from invoicing.providers.strict_json import loads
from tests.providers.scripted import Scripted, altered, said, without

PAGE = CheckoutPage()
INVOICE, CHARGE, CUSTOMER = "66f1c0a4b7d2e94c1a2b3c4d", "66f1c091b7d2e94c1a2b3c22", "66f1c08eb7d2e94c1a2b3c11"


@pytest.fixture
def read(example):
    return lambda name: json.loads(example(name))


@pytest.fixture
def paid(read):
    return read("checkoutpage_invoice")["data"]


def normalized(payload, context=None):
    return PAGE.invoice(loads(json.dumps(payload).encode()), context or Context())


def a_list(*records, more=False, total=None):
    return {"data": list(records), "total": len(records) if total is None else total, "has_more": more}


# --- reading ---


def test_a_full_run_walks_from_the_newest_to_the_oldest(example):
    customers, invoices = PAGE.slices(customers=(), since=None)
    http = Scripted(a_list({"id": "b"}, {"id": "a"}, more=True, total=3), a_list({"id": "0"}, total=3), a_list())

    first = PAGE.page(http, invoices, None)
    second = PAGE.page(http, invoices, first.next_cursor)
    PAGE.page(http, customers, None, size=5)

    assert [asked[1:3] for asked in http.asked] == [
        ("/v1/invoices/", (("limit", "100"),)),
        ("/v1/invoices/", (("limit", "100"), ("starting_after", "a"))),
        ("/v1/customers/", (("limit", "5"),)),
    ]
    assert (first.total, second.next_cursor) == (3, None)


def test_an_incremental_run_ends_where_records_are_old_enough():
    since = datetime.now(UTC)
    invoices = list(PAGE.slices(customers=(), since=since))[1]
    old = (since - timedelta(days=3)).isoformat()
    young = (since - timedelta(days=1)).isoformat()

    ended = PAGE.page(
        Scripted(a_list({"id": "b", "createdAt": young}, {"id": "a", "createdAt": old}, more=True)), invoices, None
    )
    goes_on = PAGE.page(Scripted(a_list({"id": "b", "createdAt": young}, more=True)), invoices, None)
    says_not = PAGE.page(Scripted(a_list({"id": "b", "createdAt": None}, more=True)), invoices, None)

    assert (ended.next_cursor, len(ended.records)) == (None, 2)
    assert (goes_on.next_cursor, says_not.next_cursor) == ("b", "b")
    assert not PAGE.complete_slices(since)


def test_the_first_run_of_a_day_looks_back_ninety_days():
    since = datetime.now(UTC) - timedelta(days=1)
    invoices = list(PAGE.slices(customers=(), since=since))[1]
    page = PAGE.page(
        Scripted(a_list({"id": "b", "createdAt": (since - timedelta(days=89)).isoformat()}, more=True)), invoices, None
    )

    assert page.next_cursor == "b"


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"data": {}, "total": 0, "has_more": False},
        {"data": [], "total": 0},
        {"data": [], "total": 5, "has_more": True},
        {"data": [{"number": "1"}], "total": 5, "has_more": True},
        {"status": "error", "type": "error", "message": "Not Found", "errors": []},
    ],
)
def test_a_page_of_another_shape_is_no_page(body):
    with pytest.raises(NotUnderstood):
        PAGE.page(Scripted(body), list(PAGE.slices(customers=(), since=None))[1], None)


def test_one_invoice_is_found_by_its_payment(paid):
    http = Scripted(a_list(paid))

    assert PAGE.fetch_invoice(http, INVOICE, {"charge_id": CHARGE, "number": "2026-000118"}) == PAGE.canonical(paid)
    assert http.asked[0][1:3] == ("/v1/invoices/", (("limit", "100"), ("chargeId", CHARGE)))


def test_or_by_its_number(paid):
    http = Scripted(a_list(paid | {"id": "another"}, paid))

    assert PAGE.fetch_invoice(http, INVOICE, {"number": "2026-000118"}) == PAGE.canonical(paid)
    assert http.asked[0][2] == (("limit", "100"), ("search", "2026-000118"))


def test_only_an_answer_that_keeps_to_the_question_proves_absence(paid):
    other = paid | {"id": "another"}

    for answer in (a_list(), a_list(other)):
        with pytest.raises(Missing):
            PAGE.fetch_invoice(Scripted(answer), INVOICE, {"charge_id": CHARGE})
    for answer in (a_list(other | {"chargeId": "x"}), a_list(other, more=True)):
        with pytest.raises(NotUnderstood):
            PAGE.fetch_invoice(Scripted(answer), INVOICE, {"charge_id": CHARGE})
    with pytest.raises(NotUnderstood):
        PAGE.fetch_invoice(Scripted(a_list()), INVOICE, {"number": "2026-000118"})
    with pytest.raises(Unsupported):
        PAGE.fetch_invoice(Scripted(), INVOICE, {})


def test_the_signed_link_is_never_kept(paid):
    kept = PAGE.canonical(paid)

    assert kept["invoiceUrl"] is True
    assert "signature" not in json.dumps(kept)
    assert kept == PAGE.canonical(paid | {"invoiceUrl": "https://files.example.com/other?signature=2"})
    assert PAGE.canonical(paid | {"invoiceUrl": None})["invoiceUrl"] is False
    assert PAGE.canonical(without(paid, "invoiceUrl")) == without(paid, "invoiceUrl")
    assert normalized(kept) == normalized(paid)
    assert PAGE.complete(Scripted(), paid) == kept
    assert PAGE.fetch_invoice(Scripted(a_list(paid)), INVOICE, {"charge_id": CHARGE}) == kept


def test_another_signature_is_no_change(paid):
    later = paid | {"invoiceUrl": "https://files.example.com/other?signature=2"}

    assert PAGE.steady(json.dumps(later).encode()) == PAGE.steady(json.dumps(paid).encode())
    assert PAGE.steady(json.dumps(paid | {"amountDue": 1}).encode()) != PAGE.steady(json.dumps(paid).encode())
    assert PAGE.steady(b"[1]") == b"[1]"


def test_the_pdf_is_fetched_by_a_fresh_link(paid):
    http = Scripted(a_list(paid))

    assert PAGE.fetch_pdf(http, INVOICE, {"charge_id": CHARGE}) == b"%PDF-1.7 fetched"
    assert http.documents == [paid["invoiceUrl"]]
    with pytest.raises(Missing):
        PAGE.fetch_pdf(Scripted(a_list(without(paid, "invoiceUrl"))), INVOICE, {"charge_id": CHARGE})


def test_a_customer_is_read_by_id(read):
    http = Scripted(read("checkoutpage_customer"))

    assert PAGE.fetch_customer(http, CUSTOMER)["email"] == "compta@atelier-lumen.example"
    assert PAGE.fetch_customer(Scripted(), "email:a@b.example") is None
    with pytest.raises(NotUnderstood):
        PAGE.fetch_customer(Scripted(read("checkoutpage_customer")), "another")


def test_an_id_is_found_or_not():
    assert PAGE.identity(b'{"lineItems": [{"id": "x"}], "id": "a"}') == "a"
    assert [PAGE.identity(record) for record in (b"{}", b'{"id": 5}', b"[]", b"{")] == [""] * 4


# --- the one change ---


def test_the_pdf_is_drawn_again(read):
    request, endpoint = PAGE.request("regenerate_pdf", INVOICE, {}), PAGE.endpoints["regenerate_pdf"]

    assert (endpoint.method, endpoint.path.format_map(request.path)) == ("POST", f"/v1/invoices/{INVOICE}/regenerate")
    assert (request.query, request.body, endpoint.safe) == ((), {}, False)

    answer = PAGE.said("regenerate_pdf", said(read("checkoutpage_invoice")), INVOICE)
    assert (answer.outcome, answer.invoice["id"], answer.invoice["invoiceUrl"]) == ("done", INVOICE, True)


def test_an_answer_about_something_else_proves_nothing(read):
    invoice, errors = read("checkoutpage_invoice"), read("checkoutpage_errors")

    for wrong in (
        altered(invoice, "data.id", "another"),
        without(invoice, "data.id"),
        invoice["data"],
        {"data": [invoice["data"]]},
        errors["not_found_or_validation"],
        errors["auth_401"],
        [],
        None,
    ):
        with pytest.raises(NotUnderstood):
            PAGE.said("regenerate_pdf", said(wrong), INVOICE)


def test_nothing_else_can_be_changed():
    assert {name for name, endpoint in PAGE.endpoints.items() if not endpoint.safe} == {"regenerate_pdf"}
    with pytest.raises(Unsupported):
        PAGE.request("void_invoice", INVOICE, {})
    with pytest.raises(Unsupported):
        PAGE.said("void_invoice", said({}), INVOICE)
    assert not set(PAGE.not_offered) & set(PAGE.endpoints)


def test_errors_in_three_shapes(read):
    errors = read("checkoutpage_errors")

    assert PAGE.error_text(errors["not_found_or_validation"]) == "Not Found id: Invalid id"
    assert PAGE.error_text(errors["auth_401"]) == "Missing or invalid API key"
    assert PAGE.error_text(errors["sdk_spec_not_found"]) == "Customer not found"
    assert [PAGE.error_text(other) for other in ({}, [], "no", {"message": 5})] == [None] * 4


def test_the_test_call_counts_the_invoices(read):
    assert PAGE.probe(Scripted(read("checkoutpage_invoice_list"))) == {"invoices": 2}
