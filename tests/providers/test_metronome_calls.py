"""What Metronome is asked, and what its answers are taken to mean."""

import json
from datetime import UTC, datetime

import pytest

from invoicing.providers.base import Context, Slice
from invoicing.providers.errors import (
    Conflict,
    KeyRefused,
    Missing,
    NotUnderstood,
    PayloadNotUnderstood,
    RateLimited,
    Refused,
    TooLarge,
    Unknown,
    Unsupported,
)
from invoicing.providers.metronome.adapter import Metronome
from invoicing.providers.translation import error_for
from tests.providers.scripted import Scripted, said

METRONOME = Metronome()
CUSTOMER = "3f0c9a4e-6d21-4b8a-9c57-1e2f3a4b5c6d"
INVOICE = "11f7c3a8-0d5e-4b29-9a64-8c7b6a5f4e3d"
VOIDED = "33d5e5ca-2b30-4947-9c86-0e9d8c7b6a5f"
DRAFT = "22e6d4b9-1c4f-4a38-8b75-9d8c7b6a5f4e"


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_full_run_reads_units_both_kinds_of_customers_then_each_ones_invoices(example):
    known = []
    slices = METRONOME.slices(customers=(each for each in known), since=None)
    first = [next(slices) for _ in range(3)]
    known += ["c1", "c2"]  # learnt from the customer lists, after the generator began
    names = ("pricing_unit_list", "customer_list", "customer_list_archived", "invoice_list")
    http = Scripted(*(example(f"metronome_{name}") for name in names))

    rest = list(slices)
    pages = [METRONOME.page(http, part, None) for part in (*first, rest[0])]

    assert [part.key for part in (*first, *rest)] == [
        "units", "customers", "customers:archived", "invoices:c1", "invoices:c2",
    ]  # fmt: skip
    assert METRONOME.complete_slices(None)
    assert http.asked == [
        ("GET", "/v1/credit-types/list", (("limit", "100"),), None),
        ("GET", "/v1/customers", (("limit", "100"),), None),
        ("GET", "/v1/customers", (("limit", "100"), ("only_archived", "true")), None),
        ("GET", "/v1/customers/c1/invoices", (("limit", "100"), ("sort", "date_asc")), None),
    ]
    assert METRONOME.identity(pages[3].records[0]) == DRAFT
    assert pages[3].next_cursor == "0c34b75b47491b73db66d46737d9a870"


def test_an_incremental_run_reads_each_customers_drafts_and_last_months():
    since = datetime(2026, 9, 1, tzinfo=UTC)
    *_, drafts, recent = METRONOME.slices(customers=["c1"], since=since)
    http = Scripted({"data": []}, {"data": [], "next_page": ""})

    ends = [METRONOME.page(http, part, "cur", size=7).next_cursor for part in (drafts, recent)]

    assert not METRONOME.complete_slices(since)
    assert ends == [None, None]
    assert [query for _, _, query, _ in http.asked] == [
        (("limit", "7"), ("sort", "date_asc"), ("status", "DRAFT"), ("next_page", "cur")),
        (("limit", "7"), ("sort", "date_asc"), ("starting_on", "2026-06-01T00:00:00.000Z"), ("next_page", "cur")),
    ]


@pytest.mark.parametrize("body", [{}, {"data": {}}, {"data": [], "next_page": 7}, [], b"", b"<html>", {"message": "x"}])
def test_what_is_no_list_is_not_an_empty_one(body):
    with pytest.raises(NotUnderstood):
        METRONOME.page(Scripted(body), Slice(kind="units", key="units"), None)


def test_a_page_too_large_is_asked_for_in_smaller_portions(example):
    http = Scripted(TooLarge("10 MiB"), example("metronome_invoice_list"))
    part = Slice(kind="invoices", key="invoices:c1", params={"customer_id": "c1"})

    METRONOME.page(http, part, None)

    assert [query[0] for _, _, query, _ in http.asked] == [("limit", "100"), ("limit", "25")]


def test_one_invoice_is_read_with_its_customer_in_the_path(example):
    http = Scripted(example("metronome_invoice"), example("metronome_customer"), b"%PDF-1.7 drawn")
    handles = {"customer_id": CUSTOMER}

    assert METRONOME.fetch_invoice(http, INVOICE, handles)["id"] == INVOICE
    assert METRONOME.fetch_customer(http, CUSTOMER)["name"] == "Northwind Traders"
    assert METRONOME.fetch_pdf(http, INVOICE, handles) == b"%PDF-1.7 drawn"
    assert [asked[:2] for asked in http.asked] == [
        ("GET", f"/v1/customers/{CUSTOMER}/invoices/{INVOICE}"),
        ("GET", f"/v1/customers/{CUSTOMER}"),
        ("GET", f"/v1/customers/{CUSTOMER}/invoices/{INVOICE}/pdf"),
    ]


def test_without_its_customer_an_invoice_cannot_be_read():
    http = Scripted()

    for read in (METRONOME.fetch_invoice, METRONOME.fetch_pdf):
        with pytest.raises(Unsupported):
            read(http, INVOICE, {})
    assert http.asked == []


def test_another_record_than_the_one_asked_for_is_not_taken(example):
    for body in (example("metronome_invoice_void"), {"data": None}, {"data": []}, {"id": INVOICE}, []):
        with pytest.raises(NotUnderstood):
            METRONOME.fetch_invoice(Scripted(body), INVOICE, {"customer_id": CUSTOMER})


def test_pricing_units_are_read_with_their_kind(example):
    records = json.loads(example("metronome_pricing_unit_list"))["data"]

    assert METRONOME.unit(records[2]) == (
        "7c2d9e40-1b6f-4f3a-9a58-0d4e8c6b2f73",
        {"name": "AI credits", "is_currency": False},
    )
    for broken in ({}, {"id": "x"}, {"id": "x", "name": 7}, {"id": "x", "name": "y", "is_currency": "no"}, None):
        with pytest.raises(PayloadNotUnderstood):
            METRONOME.unit(broken)


def test_balances_are_read_by_customer_to_their_end(example):
    first = json.loads(example("metronome_balance_list")) | {"next_page": "two"}
    http = Scripted(first, example("metronome_balance_list"))

    found = METRONOME.balances(http, CUSTOMER)

    assert [each["type"] for each in found] == ["PREPAID", "PREPAID"]
    assert [body for *_, body in http.asked] == [
        {"customer_id": CUSTOMER, "include_balance": True, "limit": 25},
        {"customer_id": CUSTOMER, "include_balance": True, "limit": 25, "next_page": "two"},
    ]


def test_a_new_link_to_the_outside_pdf_is_no_new_version(example):
    one, other = (json.loads(example("metronome_invoice"))["data"] for _ in range(2))
    other["external_invoice"]["pdf_url"] = "https://elsewhere.example/x.pdf"

    assert METRONOME.canonical(one) == METRONOME.canonical(other)
    other["external_invoice"]["external_status"] = "VOID"
    assert METRONOME.canonical(one) != METRONOME.canonical(other)
    assert "pdf_url" in one["external_invoice"]  # the payload itself is kept as it came


def test_the_test_call_reads_units_and_customers(example):
    http = Scripted(example("metronome_pricing_unit_list"), example("metronome_customer_list"))

    assert METRONOME.probe(http) == {"pricing_units": 3, "reads_customers": True}
    with pytest.raises(KeyRefused):
        METRONOME.probe(Scripted(KeyRefused("no")))


# --- changing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "external_id", "arguments", "recorded"),
    [
        ("void_invoice", INVOICE, {}, "void"),
        ("regenerate_invoice", VOIDED, {}, "regenerate"),
        ("move_issue_date", DRAFT, {"issue_date": "2026-08-05"}, "update_issue_date"),
        ("move_issue_date", DRAFT, {"issue_date": "2026-08-05T00:00:00Z"}, "update_issue_date"),
    ],
)
def test_each_change_in_metronomes_words(example, name, external_id, arguments, recorded):
    wanted = json.loads(example("metronome_requests"))[recorded]

    request = METRONOME.request(name, external_id, arguments)

    endpoint = METRONOME.endpoints[name]
    assert (endpoint.method, endpoint.path, request.body) == (wanted["method"], wanted["path"], wanted["body"])
    assert (request.path, request.query, endpoint.safe) == ({}, (), False)


def test_what_metronome_does_not_offer_is_refused_aloud():
    for name in ("finalize_invoice", "mark_paid", "add_line", "create_invoice"):
        assert not METRONOME.offers(name)
        with pytest.raises(Unsupported):
            METRONOME.request(name, INVOICE, {})
    assert "by itself" in METRONOME.not_offered["finalize"]


def test_answers_that_are_as_promised(example):
    void = METRONOME.said("void_invoice", said(example("metronome_invoice_voided_response")), VOIDED)
    regenerated = METRONOME.said("regenerate_invoice", said(example("metronome_invoice_regenerate_response")), VOIDED)
    moved = METRONOME.said("move_issue_date", said(example("metronome_invoice_update_issue_date_response")), DRAFT)

    assert (void.outcome, void.created) == ("done", "")
    assert (regenerated.outcome, regenerated.created) == ("done", "44c4f6db-3a21-4856-8d97-1f0e9d8c7b6a")
    assert (moved.outcome, moved.created) == ("done", "")


@pytest.mark.parametrize("name", ["void_invoice", "regenerate_invoice", "move_issue_date"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        b"null",
        {"data": None},
        {"data": {}},
        {"data": {"id": ""}},
        {"data": {"id": 7}},
        {"message": "no"},
        {"id": "x"},
    ],
)
def test_a_success_without_an_id_proves_nothing(name, body):
    with pytest.raises(NotUnderstood):
        METRONOME.said(name, said(body), INVOICE)


def test_the_wrong_id_proves_nothing():
    for name in ("void_invoice", "move_issue_date"):
        with pytest.raises(NotUnderstood, match="another"):
            METRONOME.said(name, said({"data": {"id": VOIDED}}), INVOICE)
    with pytest.raises(NotUnderstood, match="old"):
        METRONOME.said("regenerate_invoice", said({"data": {"id": VOIDED}}), VOIDED)


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("bad_request", Refused),
        ("unauthorized", KeyRefused),
        ("forbidden", KeyRefused),
        ("not_found", Missing),
        ("conflict", Conflict),
        ("rate_limited", RateLimited),
        ("server", Unknown),
    ],
)
def test_each_of_metronomes_errors(example, case, kind):
    problem = json.loads(example("metronome_errors"))[case]

    error = error_for(
        problem["http_status"],
        problem.get("headers", {}),
        json.dumps(problem["body"]).encode(),
        provider=METRONOME,
        safe=False,
    )

    assert type(error) is kind
    assert error.said == problem["body"]["message"]


def test_errors_in_another_form_are_not_believed():
    for stranger in ({"error": "x"}, {"message": 7}, [], None, "x"):
        assert METRONOME.error_text(stranger) is None


def test_every_example_list_is_read_page_by_page_into_snapshots(example):
    part = Slice(kind="invoices", key="invoices:c1", params={"customer_id": CUSTOMER})
    page = METRONOME.page(Scripted(example("metronome_invoice_list")), part, None)

    read = [METRONOME.invoice(said(record).json(), Context()) for record in page.records]

    assert [each.external_id for each in read] == [METRONOME.identity(record) for record in page.records]
    assert len(read) == 7
