"""Orb's simulator, read: by plain requests, by its official client, and against the example bodies."""

import io
import json
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

import orb
import pytest
import requests
from pypdf import PdfReader

from tests.sandbox.orb_api import EVERY_STATUS, Api, example, sums, unexplained


@pytest.fixture(scope="module")
def api(sandbox):
    return Api(sandbox)


@pytest.fixture(scope="module")
def invoices(api):
    return api.invoices()


@pytest.fixture(scope="module")
def client(sandbox):
    """The official client; it refuses what does not fit its types, and does not try twice."""
    connection = sandbox.connections["orb"]
    return orb.Orb(
        base_url=connection["base_url"],
        api_key=connection["api_key"],
        max_retries=0,
        _strict_response_validation=True,
    )


# ---- lists


def test_a_list_without_statuses_leaves_drafts_and_voids_out(api, invoices):
    assert {invoice["status"] for invoice in api.every("/invoices")} == {"issued", "paid", "synced"}
    assert {invoice["status"] for invoice in invoices} == {"draft", "issued", "paid", "synced", "void"}
    drafts = api.every("/invoices", ("status[]", "draft"))
    assert [draft["id"] for draft in drafts] == [invoice["id"] for invoice in invoices if invoice["status"] == "draft"]
    assert api.every("/invoices", ("status", "void")) == api.every("/invoices", ("status[]", "void"))


def test_the_most_recent_invoice_date_comes_first_on_every_page(api, invoices):
    dates = [invoice["invoice_date"] for invoice in invoices]
    assert dates == sorted(dates, reverse=True)
    by_sevens = api.every("/invoices", *EVERY_STATUS, limit=7)
    assert [invoice["id"] for invoice in by_sevens] == [invoice["id"] for invoice in invoices]
    assert len({invoice["id"] for invoice in invoices}) == len(invoices) >= 60


def test_a_page_has_twenty_unless_asked_and_never_more_than_a_hundred(api):
    assert len(api.get("/invoices")["data"]) == 20
    for limit in ("101", "0", "-1", "many"):
        errors = api.refused("GET", "/invoices", "400-request-validation-errors", params={"limit": limit})
        assert errors[0].startswith("limit: ")
    errors = api.refused("GET", "/invoices", "400-request-validation-errors", params={"cursor": "nonsense"})
    assert errors == ["cursor: invalid cursor"]
    api.refused("GET", "/invoices", "400-request-validation-errors", params={"status[]": "finalized"})


def test_each_read_by_id_says_what_the_list_says(api, invoices):
    for invoice in invoices[::5]:
        assert api.invoice(invoice["id"]) == invoice
    summaries = api.every("/invoices/summary", *EVERY_STATUS)
    assert [summary["id"] for summary in summaries] == [invoice["id"] for invoice in invoices]
    assert set(invoices[0]) - set(summaries[0]) == {
        *("line_items", "subtotal", "discount", "discounts", "minimum", "minimum_amount", "maximum", "maximum_amount"),
        "hidden_line_item_count",
    }


@pytest.mark.parametrize("operator, keeps", [("gte", ">="), ("gt", ">"), ("lt", "<"), ("lte", "<=")])
def test_invoice_dates_bound_a_list(api, invoices, operator, keeps):
    bound = invoices[len(invoices) // 2]["invoice_date"]
    compare = {">=": str.__ge__, ">": str.__gt__, "<": str.__lt__, "<=": str.__le__}[keeps]
    found = api.invoices((f"invoice_date[{operator}]", bound))
    assert [i["id"] for i in found] == [i["id"] for i in invoices if compare(i["invoice_date"], bound)]
    assert 0 < len(found) < len(invoices)


def test_lists_of_one_customer_or_one_subscription(api, invoices):
    of = next(i for i in invoices if i["subscription"] and i["customer"]["external_customer_id"])
    customer = of["customer"]
    mine = [i["id"] for i in invoices if i["customer"] == customer]
    assert [i["id"] for i in api.invoices(("customer_id", customer["id"]))] == mine
    assert [i["id"] for i in api.invoices(("external_customer_id", customer["external_customer_id"]))] == mine
    found = api.invoices(("subscription_id", of["subscription"]["id"]))
    assert [i["id"] for i in found] == [i["id"] for i in invoices if i["subscription"] == of["subscription"]]
    assert api.invoices(("customer_id", "nobody")) == []


def test_lists_by_due_date_amount_and_recurrence(api, invoices):
    one_offs = api.invoices(("is_recurring", "false"))
    assert {i["invoice_source"] for i in one_offs} == {"one_off"}
    assert len(one_offs) + len(api.invoices(("is_recurring", "true"))) == len(invoices)

    large = api.invoices(("amount[gt]", "1000"))
    assert [i["id"] for i in large] == [i["id"] for i in invoices if Decimal(i["total"]) > 1000]
    exactly = api.invoices(("amount", invoices[9]["total"]))
    assert {Decimal(i["total"]) for i in exactly} == {Decimal(invoices[9]["total"])}

    week = api.invoices(("due_date_window", "7d"))
    now = datetime.fromisoformat("2026-10-15T12:00:00+00:00")
    for invoice in week:
        assert timedelta(-1) <= now - datetime.fromisoformat(invoice["due_date"]) < timedelta(9)
    assert len(week) < len(api.invoices(("due_date_window", "2m"))) < len(invoices)
    later = api.invoices(("due_date[gt]", "2026-10-15"))
    assert later and all(i["due_date"] > "2026-10-15" for i in later)
    by_due = api.invoices(("date_type", "due_date"), ("invoice_date[gte]", "2026-10-16T00:00:00Z"))
    assert by_due and all(i["due_date"] >= "2026-10-16" for i in by_due)


def test_lines_without_quantity_are_hidden_and_counted_on_request(api, invoices):
    invoice = next(i for i in invoices if sum(line["quantity"] == 0 for line in i["line_items"]) == 3)
    shown = api.get(f"/invoices/{invoice['id']}", ("include_zero_quantity_line_items", "false"))
    assert invoice["hidden_line_item_count"] == 0
    assert shown["hidden_line_item_count"] == 2
    kept = [line for line in shown["line_items"] if line["quantity"] == 0]
    assert [made["adjustment_type"] for line in kept for made in line["adjustments"]] == ["minimum"]


# ---- shapes


@pytest.mark.parametrize("status", ["draft", "issued", "paid", "void", "synced"])
def test_invoices_have_the_shape_of_the_examples(invoices, status):
    sample = example(f"invoice_{status if status != 'synced' else 'issued'}")
    whole = example("invoice_schema_coverage")
    for invoice in invoices:
        if invoice["status"] == status:
            assert not list(unexplained(invoice, sample))
            assert not list(unexplained(invoice, whole))


def test_everything_else_has_the_shape_of_its_example(api, invoices):
    asked = {
        "ping": api.get("/ping"),
        "invoice_list": api.get("/invoices"),
        "invoice_summary_list": api.get("/invoices/summary"),
        "customer_list": api.get("/customers"),
        "credit_note_list": api.get("/credit_notes"),
    }
    for name, answer in asked.items():
        assert not list(unexplained(answer, example(name))), name
    for customer in asked["customer_list"]["data"]:
        assert not list(unexplained(customer, example("customer")))
        page = api.get(f"/customers/{customer['id']}/balance_transactions")
        assert not list(unexplained(page, example("balance_transaction_list")))
    for note in asked["credit_note_list"]["data"]:
        assert not list(unexplained(note, example("credit_note")))
        assert api.get(f"/credit_notes/{note['id']}") == note
    subscription = next(i["subscription"]["id"] for i in invoices if i["subscription"])
    upcoming = api.get("/invoices/upcoming", ("subscription_id", subscription))
    assert not list(unexplained(upcoming, example("invoice_upcoming")))


def test_the_official_client_reads_all_of_it_strictly(client, invoices):
    read = list(client.invoices.list(limit=50, status=["draft", "issued", "paid", "synced", "void"]))
    assert [invoice.id for invoice in read] == [invoice["id"] for invoice in invoices]
    assert {line.price.price_model_type for invoice in read for line in invoice.line_items} >= {
        *("unit", "tiered", "bulk", "package", "matrix", "threshold_total_amount", "grouped_tiered", "percent"),
        *("minimum_composite", "event_output", "matrix_with_display_name", "cumulative_grouped_bulk"),
    }
    assert len(list(client.invoices.list_summary(limit=100))) == len(
        [i for i in read if i.status not in ("draft", "void")]
    )
    assert client.invoices.list(invoice_date_gte=datetime.fromisoformat("2026-10-01T00:00:00+00:00")).data
    for customer in client.customers.list(limit=15):
        assert client.customers.fetch(customer.id) == customer
        list(client.customers.balance_transactions.list(customer.id))
        list(client.customers.credits.list(customer.id, include_all_blocks=True))
        list(client.customers.credits.top_ups.list(customer.id))
    for subscription in client.subscriptions.list(limit=5).data:
        assert client.subscriptions.fetch(subscription.id) == subscription
        assert client.invoices.fetch_upcoming(subscription_id=subscription.id).target_date
    assert [client.credit_notes.fetch(note.id) for note in client.credit_notes.list()]
    assert [client.items.fetch(item.id) for item in client.items.list()]
    assert client.top_level.ping().response == "pong"


# ---- what is in it


def test_invoices_add_up(invoices):
    for invoice in invoices:
        total, due = sums(invoice)
        assert Decimal(invoice["total"]) == total
        assert Decimal(invoice["amount_due"]) == due
        subtotal = sum(Decimal(line["subtotal"]) for line in invoice["line_items"])
        assert Decimal(invoice["subtotal"]) == subtotal
        for line in invoice["line_items"]:
            before = Decimal(line["adjusted_subtotal"]) - Decimal(line["credits_applied"])
            assert Decimal(line["amount"]) == before - Decimal(line["partially_invoiced_amount"])
            if line["sub_line_items"]:
                parts = sum(Decimal(part["amount"]) for part in line["sub_line_items"])
                assert parts == Decimal(line["subtotal"])


def test_every_oddity_is_there(invoices, api):
    lines = [line for invoice in invoices for line in invoice["line_items"]]
    assert {invoice["currency"] for invoice in invoices} >= {"USD", "EUR", "JPY", "BHD", "KWD", "credits"}
    assert {invoice["invoice_source"] for invoice in invoices} == {"subscription", "partial", "one_off"}
    assert {part["type"] for line in lines for part in line["sub_line_items"]} == {"tier", "matrix", "'null'"}
    assert {made["adjustment_type"] for line in lines for made in line["adjustments"]} == {
        *(
            "usage_discount",
            "amount_discount",
            "percentage_discount",
            "tiered_percentage_discount",
            "minimum",
            "maximum",
        )
    }
    assert any(Decimal(line["amount"]) < 0 for line in lines)
    assert any(Decimal(invoice["total"]) == 0 for invoice in invoices)
    assert any(Decimal(invoice["total"]) < 0 for invoice in invoices)
    assert sorted(len(invoice["line_items"]) for invoice in invoices)[-2:] == [400, 3000]
    assert any([bool(n["voided_at"]) for n in invoice["credit_notes"]] == [False, True] for invoice in invoices)
    assert any(invoice["payment_failed_at"] and invoice["status"] == "issued" for invoice in invoices)
    assert any(len(line["name"]) >= 200 for line in lines)
    assert any("<script>" in invoice["memo"] for invoice in invoices if invoice["memo"])
    yen = next(invoice for invoice in invoices if invoice["currency"] == "JPY")
    dinar = next(invoice for invoice in invoices if invoice["currency"] == "BHD")
    assert "." not in yen["total"] and len(dinar["total"].split(".")[1]) == 3
    names = {customer["name"] for customer in api.every("/customers")}
    assert any("<script>" in name for name in names) and any(len(name) == 200 for name in names)


def test_dates_are_midnights_of_the_customer(api, invoices):
    for invoice in invoices[::7]:
        timezone = api.customer(invoice)["timezone"]
        offset = {"America/Los_Angeles": "07", "Europe/Berlin": "22", "Asia/Tokyo": "15"}.get(timezone)
        if offset and invoice["invoice_date"][5:7] in ("06", "07", "08", "09", "10"):
            assert invoice["invoice_date"][11:] == f"{offset}:00:00+00:00"


def test_a_customer_balance_is_where_its_last_transaction_ended(api):
    told = 0
    for customer in api.every("/customers"):
        rows = api.every(f"/customers/{customer['id']}/balance_transactions")
        assert [row["created_at"] for row in rows] == sorted((row["created_at"] for row in rows), reverse=True)
        for newer, older in zip(rows, rows[1:], strict=False):
            assert newer["starting_balance"] == older["ending_balance"]
        for row in rows:
            change = Decimal(row["ending_balance"]) - Decimal(row["starting_balance"])
            assert abs(change) == Decimal(row["amount"])
            assert (change > 0) == (row["type"] == "increment")
        if rows:
            assert customer["balance"] == rows[0]["ending_balance"]
            told += 1
    assert told >= 5


def test_customers_are_found_by_either_id(api):
    customers = api.every("/customers", limit=9)
    assert [c["created_at"] for c in customers] == sorted((c["created_at"] for c in customers), reverse=True)
    for customer in customers[:10]:
        assert api.get(f"/customers/{customer['id']}") == customer
        if customer["external_customer_id"]:
            by_external = f"/customers/external_customer_id/{customer['external_customer_id']}"
            assert api.get(by_external) == customer
    api.refused("GET", "/customers/external_customer_id/acct_999999", "404-resource-not-found")


# ---- documents, keys, what is not there


def test_documents_need_no_key(invoices):
    issued = next(invoice for invoice in invoices if invoice["status"] == "issued")
    answer = requests.get(issued["invoice_pdf"], timeout=10)
    assert answer.headers["Content-Type"] == "application/pdf"
    words = PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    assert issued["invoice_number"] in words and issued["total"] in words
    page = requests.get(issued["hosted_invoice_url"], timeout=10)
    assert issued["invoice_number"] in page.text
    paid = next(i for i in invoices if any(made["receipt_pdf"] for made in i["payment_attempts"]))
    receipt = requests.get(paid["payment_attempts"][-1]["receipt_pdf"], timeout=10)
    assert receipt.content.startswith(b"%PDF")
    assert requests.get(issued["invoice_pdf"] + "x", timeout=10).status_code == 404
    assert all(invoice["invoice_pdf"] is None for invoice in invoices if invoice["status"] == "draft")


def test_without_the_key_nothing_is_told(api, invoices):
    for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": api.session.headers["Authorization"][7:]}):
        for path in ("/ping", "/invoices", f"/invoices/{invoices[0]['id']}", "/nowhere"):
            answer = requests.get(api.base_url + path, headers=header, timeout=10)
            assert answer.status_code == 401
            assert answer.json()["type"].endswith("#401-authentication-error")


def test_what_is_not_there_is_told_apart(api):
    detail = api.refused("GET", "/invoices/nope", "404-resource-not-found")
    assert detail == "Could not find a resource of type Invoice with identifier: nope."
    api.refused("GET", "/invoices/nope/more", "404-url-not-found")
    api.refused("DELETE", "/invoices/nope", "404-url-not-found")
    api.refused("GET", "/invoices/upcoming", "400-request-validation-errors")
    api.refused("GET", "/invoices/upcoming", "404-resource-not-found", params={"subscription_id": "nope"})


def test_an_upcoming_invoice_is_no_draft(api, invoices):
    subscription = next(i["subscription"]["id"] for i in invoices if i["subscription"])
    upcoming = api.get("/invoices/upcoming", ("subscription_id", subscription))
    assert upcoming["target_date"] > "2026-10-31" and "invoice_date" not in upcoming
    assert Decimal(upcoming["total"]) == sums(upcoming)[0]
    api.refused("GET", f"/invoices/{upcoming['id']}", "404-resource-not-found")


def test_the_account_is_the_same_for_the_same_seed(start_sandbox, invoices):
    again = Api(start_sandbox()).invoices()
    strip = {"invoice_pdf", "hosted_invoice_url", "payment_attempts"}  # these have the port in them
    assert [{k: v for k, v in i.items() if k not in strip} for i in again] == [
        {k: v for k, v in i.items() if k not in strip} for i in invoices
    ]
    other = Api(start_sandbox(seed=2)).invoices()
    assert Counter(i["status"] for i in other) and other[0]["id"] != invoices[0]["id"]


def test_the_control_plane_tells_what_reading_tells(sandbox, api, invoices):
    held = {invoice["id"]: invoice for invoice in map(json.loads, sandbox.invoices("orb"))}
    assert held == {invoice["id"]: invoice for invoice in invoices}
