"""FlexPrice's lists: filters, sorting and pages, with the server's faults."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.sandbox.flexprice_api import EVERY_STATUS, Api

INCREMENT = Path(__file__).parents[1] / "examples" / "flexprice_invoices_search_request_incremental.json"


@pytest.fixture(scope="module")
def api(sandbox):
    return Api(sandbox)


@pytest.fixture(scope="module")
def everything(api):
    return api.search()["items"]


def ids(found):
    return [invoice["id"] for invoice in found["items"]]


def condition(field, operator, data_type, value):
    return {"filters": [{"field": field, "operator": operator, "data_type": data_type, "value": {data_type: value}}]}


def at(invoice, name):
    return datetime.fromisoformat(invoice[name])


def test_the_offset_of_invoices_is_echoed_and_of_everything_else_the_next(api):
    found = api.search(limit=7, offset=14)
    assert found["pagination"] == {"total": 58, "limit": 7, "offset": 14}
    assert len(found["items"]) == 7
    assert api.search(limit=7, offset=5000)["items"] == []
    assert api.post("/invoices/search", {}).json()["pagination"]["limit"] == 50

    assert api.post("/customers/search", {"limit": 5, "offset": 5}).json()["pagination"]["offset"] == 10
    for path in ("/payments", "/creditnotes"):
        assert api.get(path, limit=2, offset=0).json()["pagination"]["offset"] == 2


def test_skipped_invoices_are_hidden_unless_asked_for(api, everything):
    shown = api.post("/invoices/search", {"limit": 1000}).json()["items"]
    assert {invoice["invoice_status"] for invoice in shown} == {"DRAFT", "FINALIZED", "VOIDED"}
    skipped = api.search(invoice_status=["SKIPPED"])["items"]
    assert [invoice["subtotal"] for invoice in skipped] == ["0"]
    assert len(everything) == len(shown) + len(skipped)


def test_archived_rows_are_listed_only_by_their_status(api, everything):
    archived = api.search(status="archived")["items"]
    assert len(archived) == 1
    assert archived[0]["id"] not in [invoice["id"] for invoice in everything]
    assert api.read(archived[0]["id"])["status"] == "archived"
    assert len(api.search(status="deleted")["items"]) == 1


@pytest.mark.parametrize(
    ("given", "meets"),
    [
        ({"invoice_type": "CREDIT"}, lambda i: i["invoice_type"] == "CREDIT"),
        ({"currency": "eur"}, lambda i: i["currency"] == "eur"),
        ({"currency": "EUR"}, lambda i: False),
        ({"invoice_status": ["DRAFT", "VOIDED"]}, lambda i: i["invoice_status"] in ("DRAFT", "VOIDED")),
        ({"payment_status": ["FAILED"]}, lambda i: i["payment_status"] == "FAILED"),
        ({"billing_reason": "PRORATION"}, lambda i: i["billing_reason"] == "PRORATION"),
        ({"amount_due_gt": "5000.01"}, lambda i: float(i["amount_due"]) > 5000.01),
        ({"amount_remaining_gt": 0}, lambda i: float(i["amount_remaining"]) > 0),
        ({"start_time": "2026-08-01T00:00:00Z"}, lambda i: i.get("period_start", "") >= "2026-08-01T00:00:00Z"),
        ({"end_time": "2026-08-01T00:00:00Z"}, lambda i: "" < i.get("period_end", "") <= "2026-08-01T00:00:00Z"),
        (
            {"period_start_lte": "2026-03-01T00:00:00Z"},
            lambda i: "" < i.get("period_start", "") <= "2026-03-01T00:00:00Z",
        ),
        ({"expand": "whatever", "unknown_field": 7}, lambda i: True),
    ],
)
def test_filters(api, everything, given, meets):
    expected = {invoice["id"] for invoice in everything if meets(invoice)}
    assert set(ids(api.search(**given))) == expected
    assert expected or given == {"currency": "EUR"}


def test_invoices_of_a_customer_by_either_id_and_of_a_subscription(api, everything):
    invoice = next(
        i for i in everything if i.get("subscription_id") and i["customer_id"] == i["subscription_customer_id"]
    )
    mine = {i["id"] for i in everything if i["customer_id"] == invoice["customer_id"]}
    assert set(ids(api.search(customer_id=invoice["customer_id"]))) == mine
    assert set(ids(api.search(external_customer_id=invoice["customer"]["external_id"]))) == mine
    assert ids(api.search(customer_id="cust_nobody")) == []
    api.refused(api.post("/invoices/search", {"external_customer_id": "crm-1"}), 404, "customer crm-1 not found")
    subscribed = {i["id"] for i in everything if i.get("subscription_id") == invoice["subscription_id"]}
    assert set(ids(api.search(subscription_id=invoice["subscription_id"]))) == subscribed
    owned = api.search(subscription_customer_id=[invoice["subscription_customer_id"]])
    assert set(ids(owned)) == subscribed


def test_newest_first_unless_sorted_otherwise(api, everything):
    assert [at(i, "created_at") for i in everything] == sorted((at(i, "created_at") for i in everything), reverse=True)
    assert ids(api.search(order="asc")) == [i["id"] for i in reversed(everything)]
    by_total = api.search(sort=[{"field": "currency", "direction": "asc"}, {"field": "total", "direction": "desc"}])[
        "items"
    ]
    keys = [(i["currency"], -float(i["total"])) for i in by_total]
    assert keys == sorted(keys)
    overrides = api.search(order="desc", sort=[{"field": "created_at", "direction": "asc"}])
    assert ids(overrides) == [i["id"] for i in reversed(everything)]


@pytest.mark.parametrize(
    ("asked", "meets"),
    [
        (condition("currency", "eq", "string", "kwd"), lambda i: i["currency"] == "kwd"),
        (condition("invoice_number", "contains", "string", "-202609-"), lambda i: "-202609-" in i["invoice_number"]),
        (condition("currency", "not_contains", "string", "u"), lambda i: "u" not in i["currency"]),
        (condition("total", "gt", "number", 5000), lambda i: float(i["total"]) > 5000),
        (condition("version", "lt", "number", 3), lambda i: i["version"] < 3),
        (condition("currency", "in", "array", ["eur", "jpy"]), lambda i: i["currency"] in ("eur", "jpy")),
        (condition("currency", "not_in", "array", ["usd"]), lambda i: i["currency"] != "usd"),
        (condition("created_at", "before", "date", "2026-03-01T00:00:00Z"), lambda i: i["created_at"] < "2026-03-01"),
        (
            condition("voided_at", "after", "date", "2026-01-01T00:00:00Z"),
            lambda i: "voided_at" in i and i["voided_at"] > "2026",
        ),
    ],
)
def test_generic_conditions(api, everything, asked, meets):
    expected = {invoice["id"] for invoice in everything if meets(invoice)}
    assert 0 < len(expected) < len(everything)
    assert set(ids(api.search(**asked))) == expected


def test_an_increment_is_strictly_after_its_watermark(api):
    body = json.loads(INCREMENT.read_text())
    body["filters"][0]["value"]["date"] = "2026-10-01T00:00:00Z"
    found = api.post("/invoices/search", body).json()["items"]
    assert found
    assert [at(i, "updated_at") for i in found] == sorted(at(i, "updated_at") for i in found)
    body["filters"][0]["value"]["date"] = found[0]["updated_at"]
    assert [i["id"] for i in api.post("/invoices/search", body).json()["items"]] == [i["id"] for i in found[1:]]


def test_gte_is_accepted_and_ignored(api, everything):
    asked = condition("created_at", "gte", "date", "2026-10-01T00:00:00Z")
    assert len(api.search(**asked)["items"]) == len(everything)


def test_a_condition_without_a_value_crashes_the_handler(api):
    for value in ({"value": {}}, {"value": None}, {}, {"value": {"string": "2026-01-01"}}):
        broken = {"field": "created_at", "operator": "after", "data_type": "date", **value}
        answer = api.post("/invoices/search", {"filters": [broken]})
        assert (answer.status_code, answer.content) == (500, b"")


def test_an_unknown_field_is_refused_with_either_of_two_statuses(api):
    asked = condition("shoe_size", "eq", "string", "42")
    answers = [api.post("/invoices/search", asked) for _ in range(4)]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (400, "validation_error"), (500, "database_error"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "invalid request body"),
        ([], "invalid request body"),
        ({"limit": "50"}, "invalid request body"),
        ({"invoice_status": "DRAFT"}, "invalid request body"),
        ({"amount_due_gt": "many"}, "invalid request body"),
        ({"start_time": "yesterday"}, "invalid request body"),
        ({"limit": 1001}, "invalid query filter"),
        ({"limit": 0}, "invalid query filter"),
        ({"offset": -1}, "invalid query filter"),
        ({"order": "sideways"}, "invalid query filter"),
        (
            {"start_time": "2026-02-01T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"},
            "Please provide a valid time range",
        ),
    ],
)
def test_malformed_searches_are_refused(api, body, message):
    api.refused(api("POST", "/invoices/search", body), 400, message)


def test_the_refusals_say_what_is_wrong(api):
    body = api.post("/invoices/search", {"limit": 1001}).json()
    assert body["details"] == {"limit": "must be between 1 and 1000"}


def test_the_undocumented_get_takes_the_same_names_and_repeated_ones(api, everything):
    answer = api.get("/invoices", limit=1000, invoice_status=EVERY_STATUS, sort="total")
    assert [i["id"] for i in answer.json()["items"]] == [i["id"] for i in everything]
    some = api.get("/invoices", currency="jpy", skip_line_items="true").json()
    assert {i["currency"] for i in some["items"]} == {"jpy"}
    assert not any("line_items" in i for i in some["items"])
    assert api.get("/invoices", invoice_status="DRAFT,FINALIZED").json()["items"] == []  # no comma lists
    assert api.get("/invoices", limit=5000).status_code == 400


def test_the_replica_lags_when_told_to(api, sandbox):
    sandbox.act("flexprice", "replica_lag", seconds=30)
    try:
        created = api.created(idempotency_key="lagging")
        changed = api.one(invoice_status="FINALIZED", currency="cad")
        api.put(f"/invoices/{changed['id']}", {"metadata": {"seen": "not yet"}})

        assert api.read(created["id"])["invoice_number"]  # the single read is current
        assert created["id"] not in ids(api.search())
        assert "seen" not in (api.one(id=changed["id"]).get("metadata") or {})
        sandbox.advance(31)
        assert created["id"] in ids(api.search())
        assert api.one(id=changed["id"])["metadata"] == {"seen": "not yet"}
    finally:
        sandbox.option("flexprice", replica_lag=0)


def test_customers_are_searched(api):
    found = api.post("/customers/search", {"limit": 1000}).json()
    assert found["pagination"]["total"] == len(found["items"]) == 23
    assert len(api.post("/customers/search", {"status": "archived"}).json()["items"]) == 1
    one = found["items"][5]
    for body in (
        {"customer_ids": [one["id"]]}, {"external_ids": [one["external_id"]]}, {"external_id": one["external_id"]},
        {"email": one["email"]}, condition("name", "eq", "string", one["name"]),
    ):  # fmt: skip
        assert [c["id"] for c in api.post("/customers/search", body).json()["items"]] == [one["id"]]
    assert "integrations" in api.post("/customers/search", {"limit": 1, "expand": "integrations"}).json()["items"][0]
    assert any(len(c["name"]) > 50 or "<" in c["name"] or "=" in c["name"] for c in found["items"])


def test_subscriptions_are_searched_and_read(api, everything):
    subscribed = next(invoice for invoice in everything if invoice.get("subscription_id"))
    one = api.get(f"/subscriptions/{subscribed['subscription_id']}").json()
    assert one["plan"]["id"] == one["plan_id"]
    assert one["customer"]["id"] == one["customer_id"]
    external = one["customer"]["external_id"]
    for found in (
        api.post("/subscriptions/search", {"external_customer_id": external}).json(),
        api.get(f"/customers/external/{external}/subscriptions").json(),
    ):
        assert [row["id"] for row in found["items"]] == [one["id"]]
    api.refused(api.get("/subscriptions/subs_none"), 404, "subscription subs_none not found")


def test_payments_and_credit_notes_are_listed_by_their_invoice(api, everything):
    failed = next(i for i in everything if i["payment_status"] == "FAILED" and i["invoice_type"] == "SUBSCRIPTION")
    found = api.get("/payments", destination_type="INVOICE", destination_id=failed["id"]).json()["items"]
    assert [(p["payment_method_type"], p["payment_status"], p["amount"]) for p in found] == [
        ("CARD", "FAILED", failed["amount_due"])
    ]
    assert [attempt["attempt_number"] for attempt in found[0]["attempts"]] == [1, 2]
    assert api.get(f"/payments/{found[0]['id']}").json() == found[0]

    adjusted = next(i for i in everything if i["adjustment_amount"] != "0")
    notes = api.get("/creditnotes", invoice_id=adjusted["id"]).json()["items"]
    assert [(n["credit_note_type"], n["credit_note_status"], n["total_amount"]) for n in notes] == [
        ("ADJUSTMENT", "FINALIZED", adjusted["adjustment_amount"])
    ]
    whole = api.get(f"/creditnotes/{notes[0]['id']}").json()
    assert whole["invoice"]["id"] == adjusted["id"]
    assert whole["customer"]["id"] == adjusted["customer_id"]
