"""Checkout Page's sandbox over HTTP: what its contract promises, and what it leaves open."""

import json
import re
from decimal import Decimal

import pytest

NAME = "checkout-page"
MISSING = "0123456789abcdef01234567"


def unlinked(invoice):
    """Without what every answer makes anew."""
    return {field: value for field, value in invoice.items() if field != "invoiceUrl"}


@pytest.fixture(scope="module")
def store(store_of, sandbox):
    return store_of(sandbox)


# ---- shape and data


def test_invoices_have_the_shape_of_the_example(store, shape):
    example, rows = shape(example="checkoutpage_invoice_list"), store.get("/v1/invoices/", limit=100)
    ours = shape(rows)

    assert ours.keys() == example.keys()
    assert {place: types - example[place] for place, types in ours.items() if types - example[place]} == {}
    full = shape({"data": rows["data"][-1]})
    assert full == shape(example="checkoutpage_invoice")
    assert shape(json.loads(store.sandbox.invoices(NAME)[0])) == shape(rows["data"][-1])


def test_customers_have_the_shape_of_the_example(store, shape):
    customers = store.every("/v1/customers/")
    single = store.get(f"/v1/customers/{customers[-1]['id']}")

    assert shape(single) == shape(example="checkoutpage_customer")
    assert single["data"] == customers[-1]
    assert all({"id", "email", "sellerId", "createdAt", "updatedAt"} <= customer.keys() for customer in customers)
    assert any("taxId" not in customer for customer in customers)


def test_every_status_currency_and_oddity_is_there(store):
    rows = store.every()

    assert len(rows) == 60
    statuses = {"draft", "open", "paid", "uncollectible", "refunded", "partially_refunded", "void"}
    assert {row["status"] for row in rows} == statuses
    assert {"jpy", "kwd", "bhd", "eur", "usd"} <= {row["currency"] for row in rows}
    assert {row["livemode"] for row in rows} == {True, False}
    assert {len(row["lineItems"]) for row in rows} >= {1, 400, 3000}
    assert {"inclusive", "exclusive", "none", "two"} == {
        "none" if not row["taxRates"] else "two" if len(row["taxRates"]) == 2
        else "inclusive" if row["taxRates"][0]["inclusive"] else "exclusive" for row in rows
    }  # fmt: skip
    assert any(row["amount"] == 0 for row in rows)
    assert any(line["amount"] < 0 for row in rows for line in row["lineItems"])
    assert any("<script>" in row.get("customerName", "") for row in rows)
    for field in ("coupon", "bulkDiscount", "poNumber", "invoiceUrl", "billing", "customerName"):
        assert {field in row for row in rows} == {True, False}, field
    assert any("taxId" not in row["billing"] for row in rows if "billing" in row)
    assert all(row["amount"] % 10 == 0 for row in rows if row["currency"] in ("kwd", "bhd"))


def test_the_amounts_add_up(store):
    for row in store.every():
        lines, bulk, coupon = row["lineItems"], row.get("bulkDiscount"), row.get("coupon")
        assert all(line["quantity"] * line["unitPrice"] == line["amount"] for line in lines)
        assert sum(line["amount"] for line in lines) == row["subtotal"]
        assert sum(line["bulkDiscountAmount"] for line in lines) == (bulk["amount"] if bulk else 0)
        assert sum(line["couponDiscountAmount"] for line in lines) == (coupon["discount"] if coupon else 0)
        off = (bulk["amount"] if bulk else 0) + (coupon["discount"] if coupon else 0)
        assert row["subtotalAfterDiscount"] == row["subtotal"] - off
        assert row["amountExcludingTax"] + row["taxAmount"] == row["amount"]
        assert sum(tax["taxAmount"] for tax in row["taxBreakdown"]) == row["taxAmount"]
        net = row["subtotalAfterDiscount"] + sum(fee["amount"] for fee in row["fees"])
        inclusive = any(rate["inclusive"] for rate in row["taxRates"])
        assert net == (row["amount"] if inclusive else row["amountExcludingTax"])
        assert row["amountDue"] == row["amount"] - row["amountPaid"]
        assert 0 <= row["amountRefunded"] <= row["amountPaid"]
        assert (row["amountRefunded"] == 0) == (row["status"] not in ("refunded", "partially_refunded"))


def test_dates_run_up_to_the_anchor_and_numbers_follow_them(store):
    rows = store.every()

    created = [row["createdAt"] for row in rows]
    assert created == sorted(created, reverse=True)
    assert "2025-08" <= created[-1][:7] <= "2025-09"
    assert "2026-10-01" < created[0][:10] <= "2026-10-15"
    assert all(row["createdAt"] <= row["updatedAt"] < "2026-10-15T12" for row in rows)
    assert all(re.fullmatch(r"\d{4}-\d{6}", row["invoiceNumber"]) for row in rows)
    assert len({row["invoiceNumber"] for row in rows}) == 60


# ---- keys and errors


@pytest.mark.parametrize("header", [None, "Bearer sk_live_wrong", "Basic x"])
def test_without_the_key_nothing_is_said(store, header):
    answer = store.ask("/v1/invoices/", headers={"Authorization": header} if header else {})

    assert answer.status_code == 401
    assert answer.json() == {"error": "Unauthorized", "message": "Missing or invalid API key"}


def test_one_invoice_cannot_be_read_nor_changed_otherwise(store):
    invoice = store.every()[0]

    for method, path in (
        ("GET", f"/v1/invoices/{invoice['id']}"), ("DELETE", f"/v1/invoices/{invoice['id']}"),
        ("POST", "/v1/invoices/"), ("POST", f"/v1/invoices/{invoice['id']}/void"), ("GET", "/v1/nothing/"),
        ("GET", f"/v1/invoices/{invoice['id']}/regenerate"), ("POST", f"/v1/invoices/{MISSING}/regenerate"),
    ):  # fmt: skip
        answer = store.ask(path, method, json={} if method == "POST" else None)
        assert answer.status_code == 404, (method, path)
        assert answer.json().keys() == {"status", "type", "message", "errors"}
        assert answer.json()["message"] == "Not Found"


def test_bad_parameters_are_named(store):
    first = store.every()[0]["id"]

    for limit in ("0", "101", "-1", "ten", "", "1.5"):
        assert store.refused("/v1/invoices/", limit=limit) == "limit"
    assert store.refused("/v1/invoices/", status="overdue") == "status"
    assert store.refused("/v1/invoices/", status=["paid", "open"]) == "status"
    assert store.refused("/v1/invoices/", status="paid,open") == "status"
    assert store.refused("/v1/invoices/", search="") == "search"
    assert store.refused("/v1/invoices/", search="x" * 201) == "search"
    assert store.refused("/v1/invoices/", chargeId="nope") == "chargeId"
    assert store.refused("/v1/invoices/", starting_after="nope") == "starting_after"
    assert store.refused("/v1/invoices/", starting_after=MISSING) == "starting_after"
    assert store.refused("/v1/invoices/", starting_after=first, ending_before=first) == "ending_before"
    assert store.refused("/v1/payments/", status="partially_refunded") == "status"
    assert store.refused("/v1/payments/", pageId="nope") == "pageId"
    for path, method in (("/v1/invoices/nope/regenerate", "POST"), ("/v1/customers/nope", "GET")):
        assert store.ask(path, method, json={} if method == "POST" else None).status_code == 400
    assert store.ask(f"/v1/customers/{MISSING}").json() == {"message": "Customer not found"}
    bad_body = store.ask(f"/v1/invoices/{first}/regenerate", "POST", data="{")
    assert bad_body.status_code == 400


def test_the_rate_limit_is_off_until_asked_for(store):
    assert {store.ask("/v1/invoices/?limit=1").status_code for _ in range(120)} == {200}
    store.sandbox.option(NAME, rate_limit=3)
    store.sandbox.advance(60)  # a new minute

    statuses = [store.ask("/v1/invoices/?limit=1") for _ in range(4)]
    store.sandbox.advance(60)
    rested = store.ask("/v1/invoices/?limit=1").status_code
    store.sandbox.option(NAME, rate_limit=None)

    assert [answer.status_code for answer in statuses] == [200, 200, 200, 429]
    assert statuses[-1].json()["type"] == "error"
    assert rested == 200


def test_a_key_may_lack_the_permission_to_regenerate(store):
    invoice = store.every()[0]
    store.sandbox.option(NAME, read_only_key=True)

    answer = store.ask(f"/v1/invoices/{invoice['id']}/regenerate", "POST", json={})
    store.sandbox.option(NAME, read_only_key=False)

    assert answer.status_code == 403
    assert unlinked(store.again(invoice)) == unlinked(invoice)


# ---- pages and searches


def test_pages_follow_each_other_both_ways(store):
    everything = [row["id"] for row in store.every()]

    assert len(store.get("/v1/invoices/")["data"]) == 20
    first = store.get("/v1/invoices/", limit=7)
    second = store.get("/v1/invoices/", limit=7, starting_after=first["data"][-1]["id"])
    back = store.get("/v1/invoices/", limit=7, ending_before=second["data"][0]["id"])
    close = store.get("/v1/invoices/", limit=3, ending_before=everything[10])

    assert [row["id"] for row in first["data"] + second["data"]] == everything[:14]
    assert [row["id"] for row in back["data"]] == everything[:7]
    assert (first["has_more"], back["has_more"], first["total"]) == (True, False, 60)
    assert [row["id"] for row in close["data"]] == everything[7:10]
    assert close["has_more"] is True
    last = store.get("/v1/invoices/", limit=7, starting_after=everything[-1])
    assert last == {"data": [], "total": 60, "has_more": False}


def test_statuses_divide_the_list(store):
    rows = store.every()

    for status in {row["status"] for row in rows}:
        assert [row["id"] for row in store.every(status=status)] == [r["id"] for r in rows if r["status"] == status]


def test_search_looks_where_the_shape_of_the_text_sends_it(store):
    rows = store.every()

    def found(text):
        return {row["id"] for row in store.every(search=text)}

    def having(*fields, text):
        return {row["id"] for row in rows if any(text.lower() in row.get(field, "").lower() for field in fields)}

    email = rows[0]["customerEmail"]
    assert found(email.upper()) == having("customerEmail", text=email) != set()
    number = rows[5]["invoiceNumber"]
    assert found(number) == {rows[5]["id"]}
    assert found("0000") == having("invoiceNumber", text="0000")
    assert found("accounts1") == set()  # a digit: only numbers are searched, though e-mails hold it
    two = next(
        row["customerName"]
        for row in rows
        if re.fullmatch(r"[^\W\d_]+ [^\W\d_]+ [^\W\d_]+", row.get("customerName", ""))
    )
    assert found(two.upper()) == having("customerName", "productTitle", text=two) != set()
    one = rows[0]["productTitle"].split()[0]
    assert found(one) == having("customerName", "customerEmail", "productTitle", text=one) != set()
    assert found("zzzzz") == set()


# ---- neighbors


def test_payments_belong_to_invoices_or_stand_alone(store):
    payments, rows = store.every("/v1/payments/"), {row["id"]: row for row in store.every()}

    assert all({"id", "amount", "taxBreakdown", "status", "createdAt", "updatedAt"} <= p.keys() for p in payments)
    statuses = {payment["status"] for payment in payments}
    assert statuses == {"created", "pending", "unpaid", "partially_paid", "paid", "canceled", "failed", "partial_refund",
                        "refunded", "draft", "draft_expired"}  # fmt: skip
    created = [payment["createdAt"] for payment in payments]
    assert created == sorted(created, reverse=True)
    linked = [payment for payment in payments if "invoiceId" in payment]
    assert len(linked) == 60 < len(payments)
    for payment in linked:
        invoice = rows[payment["invoiceId"]]
        assert (payment["id"], payment["amount"], payment["currency"]) == (
            invoice["chargeId"],
            invoice["amount"],
            invoice["currency"],
        )
    assert {p["id"] for p in store.every("/v1/payments/", status="failed")} == {
        p["id"] for p in payments if p["status"] == "failed"
    }
    order = payments[3]["orderId"]
    assert [payment["id"] for payment in store.every("/v1/payments/", search=order.lower())] == [payments[3]["id"]]
    page = payments[0]["pageId"]
    assert {p["id"] for p in store.every("/v1/payments/", pageId=page)} == {
        p["id"] for p in payments if p["pageId"] == page
    }


def test_customers_and_subscriptions_are_listed_and_searched(store):
    customers, subscriptions = store.every("/v1/customers/"), store.every("/v1/subscriptions/")

    assert {row["customerId"] for row in store.every()} <= {customer["id"] for customer in customers}
    wanted = customers[4]["email"]
    assert [customer["email"] for customer in store.every("/v1/customers/", search=wanted.upper())] == [wanted]
    assert len({one["status"] for one in subscriptions}) == 12
    assert {one["status"] for one in store.every("/v1/subscriptions/", status="past_due")} == {"past_due"}
    assert store.every("/v1/subscriptions/", search="SUB-3")[0]["orderId"] == "SUB-3"
    assert {one["customerId"] for one in subscriptions} <= {customer["id"] for customer in customers}


# ---- size, and starting again


def test_the_same_seed_tells_the_same_story(start_sandbox, store_of, store):
    assert [unlinked(row) for row in store_of(start_sandbox()).every()] == [unlinked(row) for row in store.every()]
    assert store_of(start_sandbox(seed=9)).every()[0]["amount"] != store.every()[0]["amount"]


def test_a_large_store_computes_only_the_page_that_is_asked_for(monkeypatch):
    from datetime import date

    from invoicing.sandbox.checkout_page.data import Store as Data
    from invoicing.sandbox.checkout_page.simulator import CheckoutPage
    from invoicing.sandbox.core import Request, World

    made = []
    compute = Data.invoice
    monkeypatch.setattr(Data, "invoice", lambda self, index: made.append(index) or compute(self, index))
    simulator = CheckoutPage(World(count=100_000, anchor=date(2026, 10, 15)))
    key = {"authorization": f"Bearer {simulator.api_key()}"}

    def page(**query):
        made.clear()
        answer = simulator.handle(Request("GET", "/v1/invoices/", list(query.items()), key))
        return answer.body, len(made)

    first, computed = page(limit="50")
    assert (first["total"], len(first["data"]), computed) == (100_000, 50, 50)
    _, computed = page(limit="50", starting_after=first["data"][-1]["id"])
    assert computed == 50
    void, computed = page(limit="50", status="void")
    assert (void["total"], computed) == (5000, 50)
    _, computed = page(limit="50", search=first["data"][0]["invoiceNumber"])
    assert computed == 1


def test_amounts_in_dollars_follow_the_currency_s_own_units(store):
    rates = {}
    for row in store.every():
        decimals = {"jpy": 0, "kwd": 3, "bhd": 3}.get(row["currency"], 2)
        if row["amount"] > 1000:
            rate = Decimal(row["amountUsd"]) / 100 / (Decimal(row["amount"]).scaleb(-decimals))
            rates.setdefault(row["currency"], set()).add(round(rate, 2))
    assert rates["jpy"] == {Decimal("0.01")}
    assert rates["kwd"] == {Decimal("3.25")}
    assert rates["eur"] == {Decimal("1.11")}


def test_every_invoice_is_listed_behind_the_scenes(start_sandbox, store_of):
    store = store_of(start_sandbox(invoices=250))

    behind = [json.loads(line)["id"] for line in store.sandbox.invoices(NAME)]

    assert behind == [row["id"] for row in reversed(store.every())]
