"""Lists and single reads at FlexPrice: what is asked, and what an answer is worth."""

import json
from datetime import UTC, datetime

import pytest

from invoicing.providers.errors import KeyRefused, Missing, NotUnderstood, Refused, Unknown
from invoicing.providers.flexprice.adapter import FlexPrice
from tests.providers.scripted import Scripted, altered

FLEX = FlexPrice()
INVOICE = "inv_01K2A2INVOICEAUGUST000000A"


@pytest.fixture
def read(example):
    return lambda name: json.loads(example(name))


# --- reading lists ---


def test_a_full_run_reads_archived_rows_too_and_asks_for_every_status(example):
    slices = list(FLEX.slices(customers=(), since=None))
    http = Scripted(example("flexprice_invoices_search_response"))
    page = FLEX.page(http, slices[2], None)

    assert [part.key for part in slices] == ["customers", "customers:archived", "invoices", "invoices:archived"]
    assert FLEX.complete_slices(None)
    assert http.asked == [
        (
            "POST",
            "/invoices/search",
            (),
            {
                "limit": 200,
                "offset": 0,
                "sort": [{"field": "created_at", "direction": "asc"}, {"field": "id", "direction": "asc"}],
                "invoice_status": ["DRAFT", "FINALIZED", "VOIDED", "SKIPPED"],
            },
        )
    ]
    assert [FLEX.identity(record) for record in page.records] == [INVOICE, "inv_01K2B0ONEOFFSETUPFEE00000A"]
    assert (page.next_cursor, page.total) == (None, 2)


def test_an_incremental_run_looks_back_a_little(example):
    slices = list(FLEX.slices(customers=(), since=datetime(2026, 9, 1, 0, 10, tzinfo=UTC)))
    http = Scripted({"items": [], "pagination": {"total": 0, "limit": 200, "offset": 0}})
    FLEX.page(http, slices[3], None, size=5000)

    body = http.asked[0][3]
    assert not FLEX.complete_slices(datetime(2026, 9, 1, tzinfo=UTC))
    assert (body["limit"], body["status"]) == (1000, "archived")
    assert body["filters"] == [
        {"field": "updated_at", "operator": "after", "data_type": "date", "value": {"date": "2026-09-01T00:00:00Z"}}
    ]


def test_the_next_offset_is_counted_never_believed():
    items = [{"id": f"inv_{number}"} for number in range(3)]
    part = list(FLEX.slices(customers=(), since=None))[2]
    http = Scripted(
        {"items": items, "pagination": {"total": 4, "limit": 3, "offset": 0}},
        {"items": items[:1], "pagination": {"total": 4, "limit": 3, "offset": 900}},
        {"items": [], "pagination": {"total": 9, "limit": 3, "offset": 0}},
    )

    first = FLEX.page(http, part, None, size=3)
    assert first.next_cursor == "3"
    assert FLEX.page(http, part, first.next_cursor, size=3).next_cursor is None
    assert FLEX.page(http, part, "6", size=3).next_cursor is None  # empty: the end, whatever the total says
    assert [asked[3]["offset"] for asked in http.asked] == [0, 3, 6]


def test_a_server_that_does_not_know_skipped_is_asked_without_it_from_then_on():
    part = list(FLEX.slices(customers=(), since=None))[2]
    page = {"items": [{"id": "inv_1"}], "pagination": {"total": 2, "limit": 1, "offset": 0}}
    http = Scripted(Refused("no", status=400), page, page)

    first = FLEX.page(http, part, None, size=1)
    second = FLEX.page(http, part, first.next_cursor, size=1)

    assert [asked[3]["invoice_status"][-1] for asked in http.asked] == ["SKIPPED", "VOIDED", "VOIDED"]
    assert (http.asked[2][3]["offset"], second.next_cursor) == (1, None)
    with pytest.raises(Refused):
        FLEX.page(Scripted(Refused("no", status=400), Refused("no", status=400)), part, None)


@pytest.mark.parametrize(
    "body", [b"[]", b'{"pagination": {}}', b'{"items": {}}', b'{"items": [', b'{"error": "Unauthorized"}']
)
def test_a_page_of_another_shape_is_no_page(body):
    with pytest.raises(NotUnderstood):
        FLEX.page(Scripted(body), list(FLEX.slices(customers=(), since=None))[2], None)


def test_a_complete_record_has_the_taxes_of_the_read_and_the_coupons_of_the_list(read):
    listed, alone = read("flexprice_invoices_search_response")["items"][0], read("flexprice_invoice_get")
    alone["customer"] = alone["customer"] | {"id": "cust_CHILD", "name": "The subscriber"}
    http = Scripted(alone)
    whole = FLEX.complete(http, listed)

    assert http.asked == [("GET", f"/invoices/{INVOICE}", (("expand", "tax_applied.tax_rate"),), None)]
    assert whole["taxes"] == alone["taxes"]
    assert whole["coupon_applications"] == listed["coupon_applications"]
    assert whole["customer"]["name"] == "Northwind Analytics GmbH"


def test_an_archived_record_that_cannot_be_read_alone_stays_as_listed(read):
    listed = read("flexprice_invoices_search_response")["items"][0]
    archived = listed | {"status": "archived"}

    assert FLEX.complete(Scripted(Missing("gone", status=404)), archived) == archived
    with pytest.raises(Missing):
        FLEX.complete(Scripted(Missing("gone", status=404)), listed)
    assert FLEX.complete(Scripted(), {"total": "1"}) == {"total": "1"}


def test_one_invoice_is_read_whole(read):
    listed, alone = read("flexprice_invoices_search_response"), read("flexprice_invoice_get")
    http = Scripted(alone, listed | {"items": listed["items"][:1]})
    whole = FLEX.fetch_invoice(http, INVOICE, {})

    assert http.asked[1][3]["invoice_ids"] == [INVOICE]
    assert FLEX.canonical(whole) == FLEX.canonical(FLEX.complete(Scripted(alone), listed["items"][0]))
    with pytest.raises(NotUnderstood):
        FLEX.fetch_invoice(Scripted(alone | {"id": "inv_OTHER"}), INVOICE, {})
    with pytest.raises(Missing):
        FLEX.fetch_invoice(Scripted(alone | {"status": "deleted"}), INVOICE, {})


def test_tax_names_are_asked_for_where_the_server_knows_to_give_them(read):
    http = Scripted(Refused("tax_applied is not allowed to be expanded", status=400), read("flexprice_invoice_get"))

    assert FLEX.complete(http, {"id": INVOICE})["taxes"]
    assert [asked[2] for asked in http.asked] == [(("expand", "tax_applied.tax_rate"),), ()]


def test_what_moves_without_the_invoice_does_not_change_it(read):
    payload = read("flexprice_invoice_all_fields")
    moved = altered(payload, "subscription.current_period_start", "2026-10-01T00:00:00Z")
    moved["line_items"].reverse()
    moved["customer"]["updated_at"] = "2026-12-01T00:00:00Z"
    del moved["line_items"][0]["usage_breakdown"]

    assert FLEX.canonical(moved) == FLEX.canonical(payload)
    assert FLEX.canonical(payload | {"amount_paid": "0"}) != FLEX.canonical(payload)
    assert FLEX.canonical({"line_items": [1, "x"], "customer": None}) == {"line_items": [1, "x"], "customer": None}


def test_another_order_of_lines_is_no_change(read):
    payload = read("flexprice_invoice_get")
    reordered = payload | {"line_items": payload["line_items"][::-1]}

    assert FLEX.steady(json.dumps(reordered).encode()) == FLEX.steady(json.dumps(payload).encode())
    for other in (payload | {"amount_paid": "1"}, altered(payload, "line_items.0.amount", "98")):
        assert FLEX.steady(json.dumps(other).encode()) != FLEX.steady(json.dumps(payload).encode())
    assert [FLEX.steady(record) for record in (b"{", b"[1]", b'{"line_items": 5}')] == [
        b"{",
        b"[1]",
        b'{"line_items": 5}',
    ]


def test_an_id_is_found_or_not():
    assert FLEX.identity(b'{"line_items": [{"id": "inv_line_1"}], "id": "inv_1"}') == "inv_1"
    assert [FLEX.identity(record) for record in (b"{}", b'{"id": 5}', b'{"id": null}', b"[1]", b"{")] == [""] * 5


# --- which server it is ---


@pytest.mark.parametrize(
    ("answer", "generation", "may_write"),
    [
        (Missing("no such invoice", status=404), "B", True),
        (NotUnderstood("?", status=404, content_type="text/plain"), "A", None),
        (NotUnderstood("?", status=404, content_type="text/html"), "unknown", None),
        (Unknown("broken", status=502), "unknown", None),
        (Refused("bad", status=400), "unknown", None),
        (KeyRefused("read only", status=403), "unknown", False),
        ({"id": "inv_1"}, "unknown", None),
    ],
)
def test_the_meaning_of_recalculate_is_asked_of_an_invoice_that_does_not_exist(answer, generation, may_write):
    http = Scripted({"items": [], "pagination": {"total": 7, "limit": 1, "offset": 0}}, answer)

    assert FLEX.probe(http) == {"invoices": 7, "generation": generation, "may_write": may_write}
    method, path, query, body = http.asked[1]
    assert (method, query, body) == ("POST", (("finalize", "false"),), None)
    assert path.startswith("/invoices/inv_") and path.endswith("/recalculate-v2")


def test_a_key_that_is_not_accepted_is_said():
    with pytest.raises(KeyRefused):
        FLEX.probe(Scripted(KeyRefused("no", status=401)))


def test_errors_of_both_generations_are_read(read):
    today, older = read("flexprice_errors"), read("flexprice_errors_legacy_and_auth")

    assert FLEX.error_text(today["current_404"]) == f"invoice {INVOICE} not found"
    assert FLEX.error_text(older["legacy_until_2026_04"]) == "invoice must be in draft status to be finalized"
    assert FLEX.error_text(older["auth_401"]) == "Unauthorized"
    assert FLEX.error_text(older["environment_403"]) == "Invalid or inaccessible environment"
    assert FLEX.error_text(older["permission_403"]) == "insufficient permissions"
    assert FLEX.says_missing(today["current_404"]) and FLEX.says_missing(older["legacy_until_2026_04"])
    assert not FLEX.says_missing({"message": "no Route matched"})
    assert [FLEX.error_text(other) for other in ({}, [], "no", {"error": {"code": 1}}, {"detail": "x"})] == [None] * 5
