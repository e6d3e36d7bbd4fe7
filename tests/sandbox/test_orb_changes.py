"""Orb's simulator, changed: the status machine, what each change takes with it, and what is refused."""

import io
from decimal import Decimal

import orb
import pytest
import requests
from pypdf import PdfReader

from tests.sandbox.orb_api import Api, example, new_key, sums, unexplained


@pytest.fixture(scope="module")
def api(sandbox):
    return Api(sandbox)


@pytest.fixture
def find(api):
    """An invoice as wanted, as it is now: by fields, or by a question."""

    def found(question=lambda invoice: True, **wanted):
        for invoice in api.invoices():
            if all(invoice[name] == value for name, value in wanted.items()) and question(invoice):
                return invoice
        raise AssertionError(f"no invoice with {wanted}")

    return found


def plain_issued(invoice):
    """Nothing happened to it since it was issued."""
    untouched = not invoice["payment_started_at"] and not invoice["customer_balance_transactions"]
    return untouched and Decimal(invoice["amount_due"]) > 50 and len(invoice["line_items"]) < 50


CHANGES = {
    "void": ("POST", "/invoices/{id}/void", {}),
    "pay": ("POST", "/invoices/{id}/pay", {}),
    "mark_paid": ("POST", "/invoices/{id}/mark_paid", {"payment_received_date": "2026-10-01"}),
    "issue": ("POST", "/invoices/{id}/issue", {}),
    "issue_summary": ("POST", "/invoices/summary/{id}/issue", {}),
    "net_terms": ("PUT", "/invoices/{id}", {"net_terms": 5}),
    "due_date": ("PUT", "/invoices/{id}", {"due_date": "2026-12-01"}),
    "auto_collection": ("PUT", "/invoices/{id}", {"auto_collection": False}),
    "invoice_date": ("PUT", "/invoices/{id}", {"invoice_date": "2026-12-01"}),
    "regenerate_invoice_pdf": ("POST", "/invoices/{id}/regenerate_invoice_pdf", {}),
    "regenerate_receipt_pdf": ("POST", "/invoices/{id}/regenerate_receipt_pdf", {}),
    "add_line": (
        "POST",
        "/invoice_line_items",
        {"amount": "1.00", "quantity": 1, "start_date": "2026-10-01", "end_date": "2026-10-01", "name": "X"},
    ),
    "delete_line": ("DELETE", "/invoices/{id}/invoice_line_items/{line}", None),
}
REFUSED = {
    "draft": ("void", "pay", "mark_paid", "regenerate_invoice_pdf", "regenerate_receipt_pdf"),
    "issued": ("issue", "issue_summary", "net_terms", "due_date", "auto_collection", "invoice_date", "add_line",
               "delete_line", "regenerate_receipt_pdf"),
    "synced": ("void", "pay", "issue", "issue_summary", "net_terms", "due_date", "auto_collection", "invoice_date",
               "add_line", "delete_line", "regenerate_receipt_pdf"),
    "paid": ("void", "pay", "mark_paid", "issue", "issue_summary", "net_terms", "due_date", "auto_collection",
             "invoice_date", "add_line", "delete_line"),
    "void": ("void", "pay", "mark_paid", "issue", "issue_summary", "net_terms", "due_date", "auto_collection",
             "invoice_date", "add_line", "delete_line", "regenerate_receipt_pdf"),
}  # fmt: skip


@pytest.mark.parametrize("status, verb", [(status, verb) for status, verbs in REFUSED.items() for verb in verbs])
def test_what_a_status_does_not_allow_is_refused_and_changes_nothing(api, find, status, verb):
    invoice = find(lambda i: len(i["line_items"]) < 50, status=status)
    method, path, body = CHANGES[verb]
    path = path.format(id=invoice["id"], line=invoice["line_items"][0]["id"])
    given = {} if body is None else {"json": {**body, "invoice_id": invoice["id"]} if verb == "add_line" else body}
    detail = api.refused(method, path, "400-constraint-violation", **given)
    assert invoice["id"] in detail or verb == "invoice_date"
    assert api.invoice(invoice["id"]) == invoice


@pytest.mark.parametrize("verb", [verb for verb in CHANGES if verb != "add_line"])
def test_an_unknown_invoice_cannot_be_changed(api, verb):
    method, path, body = CHANGES[verb]
    api.refused(method, path.format(id="nope", line="nope"), "404-resource-not-found", json=body)


# ---- void


def test_void_gives_the_balance_back(api, find, sandbox):
    invoice = find(
        lambda i: any(row["action"] == "applied_to_invoice" for row in i["customer_balance_transactions"]),
        status="issued", currency="USD",
    )  # fmt: skip
    before = Decimal(api.customer(invoice)["balance"])

    voided = api.post(f"/invoices/{invoice['id']}/void")

    assert voided["status"] == "void" and voided["voided_at"] and voided["issued_at"] == invoice["issued_at"]
    assert (voided["total"], voided["amount_due"]) == (invoice["total"], invoice["amount_due"])
    returned = voided["customer_balance_transactions"][-1]
    assert (returned["action"], returned["type"]) == ("return_from_voiding", "increment")
    assert returned["amount"] == invoice["customer_balance_transactions"][0]["amount"]
    assert Decimal(api.customer(invoice)["balance"]) == before + Decimal(returned["amount"])
    rows = api.get(f"/customers/{invoice['customer']['id']}/balance_transactions")["data"]
    assert rows[0] == returned
    assert not list(unexplained(voided, example("invoice_void")))
    assert [e["verb"] for e in sandbox.effects(external_id=invoice["id"])] == ["void"]
    assert voided["auto_collection"]["next_attempt_at"] is None


def test_void_takes_the_credit_block_and_the_top_up_with_it(api):
    seen = set()
    for customer in api.every("/customers"):
        path = f"/customers/{customer['id']}/credits"
        for block in api.get(path, ("include_all_blocks", "true"))["data"]:
            purchase = api.get(f"/credit_blocks/{block['id']}/invoices")["invoices"][0]
            assert (block["status"] == "active") == (purchase["status"] == "paid")
            if purchase["status"] != "issued":
                continue
            top_ups = api.get(f"{path}/top_ups")["data"]
            assert bool(top_ups) == (block["credit_block_source"] == "top_up")
            api.post(f"/invoices/{purchase['id']}/void")
            assert api.get(f"/credit_blocks/{block['id']}")["balance"] == 0
            assert block["id"] not in [left["id"] for left in api.get(path)["data"]]
            assert api.get(f"{path}/top_ups")["data"] == []
            seen.add(block["credit_block_source"])
    assert seen == {"manual", "top_up"}


# ---- payment


def test_mark_paid_from_issued_and_from_synced(api, find):
    for status in ("issued", "synced"):
        invoice = find(lambda i: len(i["line_items"]) < 50, status=status)
        body = {"payment_received_date": "2026-10-12", "external_id": "wire-7", "notes": "By wire"}
        paid = api.post(f"/invoices/{invoice['id']}/mark_paid", body)
        assert paid["status"] == "paid" and paid["paid_at"].startswith("2026-10-15")
        assert paid["payment_received_at"].startswith(("2026-10-12", "2026-10-11"))  # a midnight of the customer's
        assert paid["payment_attempts"] == invoice["payment_attempts"]
    path = f"/invoices/{find(status='issued')['id']}/mark_paid"
    errors = api.refused("POST", path, "400-request-validation-errors", json={"payment_received_date": "12.10.2026"})
    assert errors == ["payment_received_date: invalid date format, expected YYYY-MM-DD"]
    api.refused("POST", path, "400-request-validation-errors", json={"payment_received_date": "2026-10-12", "x": 1})
    api.refused("POST", path, "400-request-validation-errors", data=b"{")


def test_pay_charges_the_saved_card(api, find, sandbox):
    invoice = find(lambda i: plain_issued(i) and api.customer(i)["default_payment_method"], status="issued")
    api.act("next_payment", invoice["id"], outcome="succeeded")
    paid = api.post(f"/invoices/{invoice['id']}/pay")
    assert paid["status"] == "paid" and paid["paid_at"]
    attempt = paid["payment_attempts"][-1]
    assert attempt["succeeded"] and attempt["amount"] == invoice["amount_due"]
    assert requests.get(attempt["receipt_pdf"], timeout=10).content.startswith(b"%PDF")

    again = api.post(f"/invoices/{invoice['id']}/regenerate_receipt_pdf")
    assert again["payment_attempts"][-1]["receipt_pdf"] != attempt["receipt_pdf"]
    assert [e["verb"] for e in sandbox.effects(external_id=invoice["id"])] == ["pay", "regenerate_receipt_pdf"]


def test_a_declined_charge_leaves_the_invoice_issued(api, find, sandbox):
    invoice = find(
        lambda i: (api.customer(i)["default_payment_method"] or {}).get("external_payment_method_id") == "pm_declined",
        status="issued",
    )
    refused = api.post(f"/invoices/{invoice['id']}/pay")
    assert refused["status"] == "issued" and refused["payment_failed_at"]
    assert (
        refused["payment_attempts"][-1] | {"succeeded": False, "receipt_pdf": None} == refused["payment_attempts"][-1]
    )
    assert [e["verb"] for e in sandbox.effects(external_id=invoice["id"])] == ["pay_declined"]

    sandbox.option("orb", declined_status=400)
    api.refused("POST", f"/invoices/{invoice['id']}/pay", "400-constraint-violation")
    sandbox.option("orb", declined_status=200)
    assert len(api.invoice(invoice["id"])["payment_attempts"]) == len(refused["payment_attempts"]) + 1


def test_a_payment_under_way_may_succeed_or_fail_and_is_not_started_twice(api, find):
    charged = ("adyen", "stripe_charge")
    invoice = find(lambda i: plain_issued(i) and api.customer(i)["payment_provider"] in charged, status="issued")
    api.act("next_payment", invoice["id"], outcome="pending")
    started = api.post(f"/invoices/{invoice['id']}/pay")
    assert started["status"] == "issued" and started["payment_started_at"] and not started["payment_failed_at"]
    api.refused("POST", f"/invoices/{invoice['id']}/pay", "400-constraint-violation")
    assert api.act("payment_failed", invoice["id"])["payment_failed_at"]
    assert api.act("customer_pays", invoice["id"])["status"] == "paid"
    undone = api.act("undo_paid", invoice["id"])
    assert undone["status"] == "issued" and undone["paid_at"] is None


def test_without_a_payment_method_nothing_is_charged(api, find):
    invoice = find(lambda i: api.customer(i)["default_payment_method"] is None, status="issued")
    path = f"/invoices/{invoice['id']}/pay"
    assert "payment method" in api.refused("POST", path, "400-constraint-violation")
    assert api.post(path, {"shared_payment_token_id": "spt_1"})["status"] == "paid"


# ---- documents


def test_a_regenerated_pdf_has_a_new_address_and_the_old_one_stays(api, find, sandbox):
    invoice = find(status="void")
    again = api.post(f"/invoices/{invoice['id']}/regenerate_invoice_pdf")
    assert again["invoice_pdf"] != invoice["invoice_pdf"]
    pages = [requests.get(each["invoice_pdf"], timeout=10).content for each in (invoice, again)]
    words = [PdfReader(io.BytesIO(page)).pages[0].extract_text() for page in pages]
    assert "Drawing 1" in words[0] and "Drawing 2" in words[1]
    assert {**again, "invoice_pdf": None} == {**invoice, "invoice_pdf": None}


# ---- credit notes


def test_a_note_on_an_unpaid_invoice_lowers_what_is_due(api, find):
    invoice = find(lambda i: plain_issued(i) and i["line_items"][0]["tax_amounts"], status="issued")
    line = invoice["line_items"][0]
    body = {"line_items": [{"invoice_line_item_id": line["id"], "amount": "2.00"}], "reason": "order_change"}
    note = api.post("/credit_notes", body, 201)
    assert (note["type"], note["reason"], note["invoice_id"]) == ("adjustment", "Order change", invoice["id"])
    assert Decimal(note["total"]) >= 2 and note["line_items"][0]["amount"].startswith("2")
    assert api.get(f"/credit_notes/{note['id']}") == note
    credited = api.invoice(invoice["id"])
    assert Decimal(credited["amount_due"]) == Decimal(invoice["amount_due"]) - Decimal(note["total"])
    assert credited["credit_notes"][-1]["id"] == note["id"] and credited["total"] == invoice["total"]
    assert not list(unexplained(note, example("credit_note")))

    beyond = body | {"line_items": [{"invoice_line_item_id": line["id"], "amount": line["amount"]}]}
    api.refused("POST", "/credit_notes", "400-constraint-violation", json=beyond)
    api.act("void_credit_note", note["id"])
    restored = api.invoice(invoice["id"])
    assert restored["amount_due"] == invoice["amount_due"] and restored["credit_notes"][-1]["voided_at"]


def test_a_note_on_a_paid_invoice_raises_the_balance(api, find):
    invoice = find(lambda i: Decimal(i["line_items"][0]["amount"]) > 9, status="paid")
    before = Decimal(api.customer(invoice)["balance"])
    line = invoice["line_items"][0]["id"]
    body = {"line_items": [{"invoice_line_item_id": line, "amount": "5.00"}], "reason": "duplicate"}
    note = api.post("/credit_notes", body | {"start_date": "2026-09-01", "end_date": "2026-09-30"}, 201)
    assert note["type"] == "refund"
    period = note["line_items"][0]["start_time_inclusive"], note["line_items"][0]["end_time_exclusive"]
    assert period[0] < "2026-09-01T13" and period[1] > "2026-09-30T13"  # both days inclusive, at the customer's
    assert Decimal(api.customer(invoice)["balance"]) == before + Decimal(note["total"])
    row = api.invoice(invoice["id"])["customer_balance_transactions"][-1]
    assert (row["action"], row["credit_note"]) == ("credit_note_applied", {"id": note["id"]})
    api.act("void_credit_note", note["id"])
    assert Decimal(api.customer(invoice)["balance"]) == before


def test_notes_that_cannot_be(api, find):
    def refused(code, *lines, **more):
        body = {"line_items": list(lines), "reason": "duplicate"} | more
        return api.refused("POST", "/credit_notes", code, json=body)

    def of(invoice, **more):
        return {"invoice_line_item_id": invoice["line_items"][0]["id"], "amount": "1.00", **more}

    one, two = find(plain_issued, status="issued"), find(lambda i: len(i["line_items"]) < 50, status="paid")
    refused("400-constraint-violation", of(one), of(two))
    for status in ("synced", "draft", "void"):
        refused("400-constraint-violation", of(find(lambda i: len(i["line_items"]) < 50, status=status)))
    refused("404-resource-not-found", {"invoice_line_item_id": "nope", "amount": "1.00"})
    dated = {"start_date": "2026-09-01", "end_date": "2026-09-02"}
    refused("400-constraint-violation", of(one, **dated), **dated)
    refused("400-request-validation-errors", of(one, amount="-1.00"))
    refused("400-request-validation-errors", of(one), reason="because")
    refused("400-request-validation-errors")


# ---- balances


def test_a_balance_is_changed_by_hand_and_used_at_the_next_issue(api):
    customer = next(c for c in api.customers(currency="USD") if c["payment_provider"] in (None, "stripe_charge"))
    path = f"/customers/{customer['id']}/balance_transactions"
    row = api.post(path, {"amount": "30.00", "type": "increment", "description": "Thanks"})
    assert (row["action"], row["type"], row["description"]) == ("manual_adjustment", "increment", "Thanks")
    assert not list(unexplained(row, example("balance_transaction")))
    balance = Decimal(row["ending_balance"])

    invoice = api.one_off(customer, (2, "100.00"), will_auto_issue=True)

    assert invoice["status"] == "issued"
    applied = invoice["customer_balance_transactions"][0]
    assert (applied["action"], applied["type"], Decimal(applied["amount"])) == (
        "applied_to_invoice",
        "decrement",
        balance,
    )
    assert Decimal(invoice["amount_due"]) == sums(invoice)[1] == Decimal(invoice["total"]) - balance
    assert Decimal(api.customer(invoice)["balance"]) == 0

    api.post(path, {"amount": "7.50", "type": "decrement"})
    charged = api.one_off(customer, (1, "100.00"), will_auto_issue=True)
    assert Decimal(charged["amount_due"]) == Decimal(charged["total"]) + Decimal("7.50")
    assert Decimal(api.customer(invoice)["balance"]) == 0
    api.refused("POST", path, "400-request-validation-errors", json={"amount": "0", "type": "increment"})
    api.refused("POST", path, "400-request-validation-errors", json={"amount": 5, "type": "raise"})


def test_too_little_to_charge_is_carried_over_and_nothing_is_paid_at_once(api):
    customer = next(c for c in api.customers(currency="USD", payment_provider="stripe_charge", balance="0.00"))
    small = api.one_off(customer, (1, "0.20"), will_auto_issue=True)
    assert (small["status"], Decimal(small["amount_due"])) == ("paid", 0)
    assert small["customer_balance_transactions"][-1]["action"] == "small_invoice_carryover"
    assert Decimal(api.customer(small)["balance"]) == -Decimal(small["total"])
    nothing = api.one_off(customer, (0, "5.00"), will_auto_issue=True)
    assert nothing["status"] == "paid" and nothing["paid_at"] == nothing["issued_at"]


# ---- credit blocks, webhook endpoints, and idempotency


def test_deleting_a_credit_block_undoes_its_purchase(api):
    done = {}
    for customer in api.every("/customers"):
        for block in api.get(f"/customers/{customer['id']}/credits", ("include_all_blocks", "true"))["data"]:
            purchase = api.get(f"/credit_blocks/{block['id']}/invoices")["invoices"][0]
            assert api.ask("DELETE", f"/credit_blocks/{block['id']}", 204) is None
            api.refused("GET", f"/credit_blocks/{block['id']}", "404-resource-not-found")
            left = api.raw("GET", f"/invoices/{purchase['id']}")
            done[purchase["status"]] = left.json() if left.ok else None
    assert done["draft"] is None
    assert [note["type"] for note in done["paid"]["credit_notes"]] == ["refund"]


def test_webhook_endpoints_by_the_official_client(sandbox):
    connection = sandbox.connections["orb"]
    client = orb.Orb(base_url=connection["base_url"], api_key=connection["api_key"], max_retries=0,
                     _strict_response_validation=True)  # fmt: skip
    made = client.webhook_endpoints.create(url="https://desk.example/hooks", enabled_event_types=["invoice.issued"])
    assert made.enabled and len(made.secret) == 64
    changed = client.webhook_endpoints.update(made.id, enabled_event_types=None, payload_style="standard")
    assert (changed.enabled_event_types, changed.payload_style) == (None, "standard")
    assert client.webhook_endpoints.disable(made.id).enabled is False
    assert client.webhook_endpoints.enable(made.id).enabled is True
    assert [endpoint.id for endpoint in client.webhook_endpoints.list()] == [made.id]
    assert "secret" not in client.webhook_endpoints.retrieve(made.id).to_dict()
    with pytest.raises(orb.BadRequestError):
        client.webhook_endpoints.create(url="http://elsewhere.example/")
    for number in range(19):
        client.webhook_endpoints.create(url=f"https://desk.example/{number}")
    with pytest.raises(orb.BadRequestError, match="at most 20"):
        client.webhook_endpoints.create(url="https://desk.example/hooks")
    client.webhook_endpoints.delete(made.id)
    with pytest.raises(orb.NotFoundError):
        client.webhook_endpoints.retrieve(made.id)


def test_a_key_makes_a_post_happen_once_for_two_days(api, sandbox):
    customer, key = api.customers(currency="USD")[0], new_key()
    path, body = f"/customers/{customer['id']}/balance_transactions", {"amount": "1.00", "type": "increment"}
    first = api.raw("POST", path, json=body, headers={"Idempotency-Key": key})
    second = api.raw("POST", path, json=body, headers={"Idempotency-Key": key})
    assert second.json() == first.json() and first.headers["Idempotency-Key"] == key
    assert second.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
    assert "X-Sandbox-Effect" in first.headers and "X-Sandbox-Effect" not in second.headers
    other = {"json": body | {"amount": "2.00"}, "headers": {"Idempotency-Key": key}}
    api.refused("POST", path, "409-resource-conflict", **other)
    assert len(sandbox.effects(external_id=customer["id"], key=key)) == 1
    api.refused("POST", path, "400-request-validation-errors", json=body, headers={"Idempotency-Key": "k" * 65})

    sandbox.advance(48 * 3600 + 1)
    third = api.raw("POST", path, json=body, headers={"Idempotency-Key": key})
    assert third.json()["id"] != first.json()["id"]


def test_a_refusal_is_not_kept_so_the_key_may_try_again(api):
    customer, key = api.customers(currency="USD")[0], new_key()
    path = f"/customers/{customer['id']}/balance_transactions"
    api.refused("POST", path, "400-request-validation-errors", json={"amount": "x"}, headers={"Idempotency-Key": key})
    assert api.post(path, {"amount": "1.00", "type": "increment"}, key=key)["amount"] == "1.00"


def test_a_body_beyond_a_megabyte_is_refused(api):
    api.refused("POST", "/invoices", "413-request-too-large", data=b" " * 1_000_001)


def test_a_rate_can_be_set_and_is_kept(api, sandbox):
    sandbox.option("orb", reads_per_second=5, retry_after=1)
    answers = [api.raw("GET", "/ping") for _ in range(8)]
    sandbox.option("orb", reads_per_second=0, retry_after=None)
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert answers[-1].headers["Retry-After"] == "1" and answers[-1].json()["type"].endswith("#429-too-many-requests")
