"""FlexPrice's simulator beside the example bodies: which response carries what, in which words."""

import json
import re
from pathlib import Path

import pytest

from tests.sandbox.flexprice_api import Api

EXAMPLES = Path(__file__).parents[1] / "examples"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z")
DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?")
MONEY = {
    "amount", "amount_due", "amount_paid", "amount_remaining", "subtotal", "total", "total_discount", "total_tax",
    "adjustment_amount", "refunded_amount", "total_prepaid_credits_applied", "quantity", "taxable_amount", "tax_amount",
    "original_price", "final_price", "discounted_amount", "overpaid_amount", "line_item_discount", "balance",
}  # fmt: skip
PARTS = ("line_items", "customer", "subscription", "taxes", "coupon_applications")
# Fields whose presence depends on the record, not on the response.
OPTIONAL = {
    "contact", "metadata", "invoice_line_item_id", "adjusted_entitlement_quantity", "meter_id", "meter_display_name",
    "payment_id", "credit_note_id", "payment_gateway", "gateway_refund_id", "gateway_tracking_id",
    "gateway_idempotency_token", "gateway_metadata", "discount_percentage", "cancelled_at", "tax_association_id",
}  # fmt: skip


@pytest.fixture(scope="module")
def api(sandbox):
    return Api(sandbox)


@pytest.fixture(scope="module")
def unpaid(api):
    """The kind of invoice the examples show: a subscription's, in euros, with tax, a coupon and prepaid credits."""
    found = api.search(
        currency="eur", invoice_type="SUBSCRIPTION", payment_status=["PENDING"], invoice_status=["FINALIZED"]
    )
    return next(invoice for invoice in found["items"] if invoice["total_prepaid_credits_applied"] != "0")


def example(name):
    return json.loads((EXAMPLES / f"flexprice_{name}.json").read_text())


def differences(wanted, found, path=""):
    """Where a body differs in keys, nesting or types from an example; maps of free keys are only checked for type."""
    if type(wanted) is not type(found):
        return [f"{path}: {type(found).__name__}, not {type(wanted).__name__}"]
    if isinstance(wanted, dict) and not path.endswith(("metadata", "coupon_snapshot")):
        apart = {name for name in wanted.keys() ^ found.keys() if name not in OPTIONAL}
        inside = [differences(wanted[name], found[name], f"{path}/{name}") for name in wanted.keys() & found.keys()]
        return [f"{path}/{name}: {'missing' if name in wanted else 'too much'}" for name in sorted(apart)] + sum(
            inside, []
        )
    if isinstance(wanted, list) and wanted and found:
        return sum((differences(wanted[0], one, f"{path}[]") for one in found), [])
    return []


def test_reading_one_carries_subscription_customer_and_taxes(api, unpaid):
    assert differences(example("invoice_get"), api.read(unpaid["id"])) == []


def test_listing_carries_the_customer_and_coupons(api, unpaid):
    assert differences(example("invoices_search_response")["items"][0], unpaid) == []
    assert set(api.search(limit=1)) == {"items", "pagination"}


def test_voided_and_paid_looks_as_in_the_example(api):
    voided = api.one(invoice_status="VOIDED", payment_status="REFUNDED", currency="jpy")
    assert differences(example("invoice_voided_paid"), api.read(voided["id"])) == []


def test_creating_answers_without_customer_and_taxes(api):
    request = example("invoice_create_request") | {"customer_id": api.stranger(), "due_date": "2026-11-30T00:00:00Z"}
    created = api.post("/invoices", request)
    assert created.status_code == 201
    assert differences(example("invoice_create_response"), created.json()) == []
    assert (created.json()["currency"], created.json()["billing_period"], created.json()["billing_sequence"]) == (
        "jpy",
        "",
        0,
    )


def test_a_preview_carries_explicit_nulls_and_taxes_without_ids(api, unpaid):
    wanted = example("invoice_preview_response") | {"coupon_applications": []}
    for tax in wanted["taxes"]:
        del tax["id"]
    shown = api.post("/invoices/preview", {"subscription_id": unpaid["subscription_id"]}).json()
    assert differences(wanted, shown) == []
    assert [shown[name] for name in ("invoice_number", "idempotency_key", "billing_sequence")] == [None] * 3


def test_a_preview_is_what_finalizing_would_make_of_the_draft(api):
    draft = api.one(invoice_status="DRAFT", currency="jpy")
    wallets = api.wallets(draft["customer_id"])
    shown = api.post("/invoices/preview", {"subscription_id": draft["subscription_id"]}).json()
    assert (shown["subtotal"], shown["total_tax"]) == (draft["subtotal"], draft["total_tax"])
    assert shown["total_prepaid_credits_applied"] != "0"
    assert api.wallets(draft["customer_id"]) == wallets  # nothing was taken
    api.post(f"/invoices/{draft['id']}/finalize")
    assert api.read(draft["id"])["total"] == shown["total"]


def test_which_response_carries_what(api, unpaid):
    draft = api.one(invoice_status="DRAFT", currency="usd", payment_status="PENDING")
    responses = {
        "search": unpaid,
        "search without lines": api.search(invoice_ids=[unpaid["id"]], skip_line_items=True)["items"][0],
        "get": api.read(unpaid["id"]),
        "put": api.put(f"/invoices/{unpaid['id']}", {}).json(),
        "recalculate-v2": api.post(f"/invoices/{draft['id']}/recalculate-v2", finalize="false").json(),
        "payment": api.put(f"/invoices/{unpaid['id']}/payment", {"payment_status": "PENDING"}).json(),
        "one-off": api.read(api.created()["id"]),
    }
    carried = {name: [part for part in PARTS if part in body] for name, body in responses.items()}
    assert carried == {
        "search": ["line_items", "customer", "coupon_applications"],
        "search without lines": ["customer", "coupon_applications"],
        "get": ["line_items", "customer", "subscription", "taxes"],
        "put": ["line_items"],
        "recalculate-v2": ["line_items", "customer", "subscription", "taxes"],
        "payment": ["line_items", "customer", "subscription", "taxes"],
        "one-off": ["customer"],
    }


def test_every_invoice_uses_only_words_the_examples_know(api):
    known = example("invoice_all_fields")
    line = known["line_items"][0] | known["line_items"][1]
    for invoice in api.search()["items"]:
        alone = api.read(invoice["id"])
        assert set(invoice) | set(alone) <= set(known)
        assert all(set(one) <= set(line) for one in invoice.get("line_items", ()))
        assert {"id", "invoice_number", "idempotency_key", "billing_sequence", "version"} <= set(invoice)


def test_decimals_are_trimmed_text_times_have_up_to_six_digits_and_currencies_are_small(api):
    def walk(value, name=""):
        if isinstance(value, dict):
            for inner, one in value.items():
                walk(one, inner)
        elif isinstance(value, list):
            for one in value:
                walk(one, name)
        elif name in MONEY:
            assert isinstance(value, str) and DECIMAL.fullmatch(value), (name, value)
        elif name.endswith("_at") or name in ("due_date", "issue_date", "period_start", "period_end"):
            assert INSTANT.fullmatch(value), (name, value)
        elif name == "currency":
            assert value.islower() and len(value) == 3

    listed = api.search()["items"]
    walk(listed)
    walk([api.read(invoice["id"]) for invoice in listed[:20]])
    assert any("." in invoice["created_at"] for invoice in listed)


def test_single_read_shows_the_subscriptions_customer_where_a_parent_pays(api):
    invoice = next(
        i for i in api.search()["items"] if i.get("subscription_customer_id", i["customer_id"]) != i["customer_id"]
    )
    assert invoice["customer"]["id"] == invoice["customer_id"]
    assert api.read(invoice["id"])["customer"]["id"] == invoice["subscription_customer_id"]


def test_lines_come_in_no_order(api):
    identity = next(i["id"] for i in api.search()["items"] if len(i.get("line_items", ())) == 400)
    orders = [[line["id"] for line in api.read(identity)["line_items"]] for _ in range(3)]
    assert orders[0] != orders[1] or orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[1])


def test_expanding_and_grouping_a_read(api, unpaid):
    expanded = api.get(f"/invoices/{unpaid['id']}", expand="tax_applied.tax_rate").json()
    assert differences(example("invoice_all_fields")["taxes"][0]["tax_rate"] | {}, {
        "fixed_value": "0", **expanded["taxes"][0]["tax_rate"]}) == []  # fmt: skip
    refused = api.get(f"/invoices/{unpaid['id']}", expand="everything")
    assert refused.status_code == 400
    assert "not allowed to be expanded" in refused.json()["message"]

    grouped = api.get(
        f"/invoices/{unpaid['id']}", group_by=["source", "properties.org_id"], expand_by_source="true"
    ).json()
    usage = next(line for line in grouped["line_items"] if line["price_type"] == "USAGE")
    assert set(usage["usage_breakdown"][0]["grouped_by"]) == {"source", "properties.org_id"}
    assert all(re.fullmatch(r"\d+\.\d\d", part["cost"]) for part in usage["usage_breakdown"])
    assert "usage_analytics" not in usage  # ignored by today's server
    assert grouped["total"] == unpaid["total"]
    again = api.get(f"/invoices/{unpaid['id']}", group_by="source", force_runtime_recalculation="true").json()
    assert again["total"] != unpaid["total"]
    assert api.read(unpaid["id"])["total"] == unpaid["total"]


def test_customers_read_as_in_the_example(api, unpaid):
    customer = api.get(f"/customers/{unpaid['customer_id']}", expand="integrations").json()
    assert differences(example("customer"), customer) == []
    same = api.get(f"/customers/external/{customer['external_id']}").json()
    assert same == {name: value for name, value in customer.items() if name != "integrations"}
    api.refused(api.get("/customers/cust_nobody"), 404, "customer cust_nobody not found")


def test_the_summary_reads_as_in_the_example_and_publishes_what_is_overdue(api, unpaid, sandbox):
    path = f"/customers/{unpaid['customer_id']}/invoices/summary"
    answer = api.get(path)
    summary = answer.json()
    assert differences(example("customer_invoice_summary"), summary) == []
    counted = [
        invoice
        for invoice in api.search(customer_id=unpaid["customer_id"], currency="eur")["items"]
        if invoice["invoice_status"] in ("DRAFT", "FINALIZED")
    ]
    one = summary["summaries"][0]
    assert one["total_invoice_count"] == len(counted)
    assert one["unpaid_invoice_count"] == sum(invoice["payment_status"] != "SUCCEEDED" for invoice in counted)
    assert one["overdue_invoice_count"] > 0
    assert len(answer.headers["X-Sandbox-Effect"].split(",")) == one["overdue_invoice_count"]  # an event for each

    nobody = api.get("/customers/cust_nobody/invoices/summary")
    assert (nobody.status_code, nobody.json()) == (
        200, {"customer_id": "cust_nobody", "default_currency": "", "summaries": []},
    )  # fmt: skip
    assert api.get(f"/customers/{api.stranger()}/invoices/summary").json()["summaries"] == []


def test_accepted_recalculation_and_refunds_read_as_in_the_examples(api):
    subscribed = api.one(invoice_type="SUBSCRIPTION", invoice_status="VOIDED", payment_status="PENDING")
    accepted = api.post(f"/invoices/{subscribed['id']}/recalculate")
    assert accepted.status_code == 202
    assert differences(example("recalculate_accepted"), accepted.json()) == []
    assert differences(example("refund_list"), api.get("/refunds").json()) == []
