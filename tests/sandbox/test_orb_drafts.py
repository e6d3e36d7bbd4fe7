"""Orb's simulator: drafts and how they become invoices; and what lasts over a restart."""

import time
from decimal import Decimal

import pytest

from tests.sandbox.orb_api import EVERY_STATUS, Api, example, new_key, sums, unexplained


@pytest.fixture(scope="module")
def api(sandbox):
    return Api(sandbox)


@pytest.fixture
def draft(api):
    """A one-off draft of its own for each test: 240.00 before tax, dated yesterday."""
    customer = next(
        c for c in api.customers(timezone="America/Los_Angeles") if c["payment_provider"] == "stripe_charge"
    )
    return api.one_off(customer, (3, "80.00"))


def waits_for_review(invoice):
    """A subscription's draft that may be issued by hand."""
    ready = invoice["eligible_to_issue_at"] < "2026-10-15" and not invoice["will_auto_issue"]
    return ready and invoice["invoice_source"] == "subscription" and not invoice["issue_failed_at"]


def next_for_review(api):
    return next(i for i in api.every("/invoices", ("status[]", "draft")) if waits_for_review(i))


# ---- one-off invoices


def test_a_one_off_invoice_begins_as_a_draft(api, draft, sandbox):
    assert (draft["status"], draft["invoice_source"], draft["subscription"]) == ("draft", "one_off", None)
    assert Decimal(draft["subtotal"]) == 240 and sums(draft)[0] == Decimal(draft["total"]) == Decimal(
        draft["amount_due"]
    )
    assert draft["invoice_pdf"] is None and draft["due_date"] is None and draft["issued_at"] is None
    assert draft["eligible_to_issue_at"] == draft["invoice_date"] and draft["scheduled_issue_at"] is None
    assert draft["memo"] == "Thank you for your business."
    assert api.invoice(draft["id"]) == draft
    assert draft["id"] in [i["id"] for i in api.every("/invoices", ("status[]", "draft"))]
    assert not list(unexplained(draft, example("invoice_draft")))
    assert [e["verb"] for e in sandbox.effects(external_id=draft["id"])] == ["create"]


def test_the_example_request_is_understood(api):
    customer, item = api.customers(currency="USD")[0], api.get("/items")["data"][0]["id"]
    wanted = example("request_create_one_off_invoice") | {"customer_id": customer["id"]}
    wanted["line_items"][0]["item_id"] = item
    made = api.post("/invoices", wanted, 201)
    assert (made["memo"], made["metadata"]) == ("Ad hoc onboarding", {"ticket": "OPS-118"})
    assert made["auto_collection"]["enabled"] is False
    assert made["discount"] == made["discounts"][0] and made["discount"]["percentage_discount"] == 0.1
    line = made["line_items"][0]
    assert (line["subtotal"], line["adjusted_subtotal"], line["amount"]) == ("240.00", "216.00", "216.00")
    assert line["adjustments"][0]["is_invoice_level"] and sums(made)[0] == Decimal(made["total"])


def test_a_discount_says_which_prices_it_is_for(api, draft):
    scope = {
        "applies_to_price_ids": ["nobody's"],
        "filters": [{"field": "price_id", "operator": "includes", "values": ["nobody's"]}],
    }
    discount = {"discount_type": "percentage", "percentage_discount": 0.1}
    made = api.one_off(api.customer(draft), (1, "50.00"), discount=discount | scope)
    assert {name: made["discount"][name] for name in scope} == scope
    assert made["line_items"][0]["adjustments"] == []

    every = [invoice for invoice in api.every("/invoices", *EVERY_STATUS) if len(invoice["discounts"]) > 1]
    for invoice in every:
        prices = [line["price"]["id"] for line in invoice["line_items"]]
        assert all(discount["applies_to_price_ids"] == prices for discount in invoice["discounts"])
        assert all(discount["filters"][0]["values"] == prices for discount in invoice["discounts"])
    assert every

    wrong = {"applies_to_price_ids": [1], "filters": [{"field": "price_id"}]}
    errors = api.refused(
        "POST",
        "/invoices",
        "400-request-validation-errors",
        json={"discount": discount | wrong},
    )
    assert {error.partition(":")[0] for error in errors} >= {"discount.applies_to_price_ids", "discount.filters"}


def test_an_amount_off_is_shared_out_to_the_cent(api, draft):
    customer = api.customer(draft)
    discount = {"discount_type": "amount", "amount_discount": "10.00"}
    made = api.one_off(customer, (1, "33.33"), (1, "33.33"), (1, "-5.00"), (1, "33.34"), discount=discount)
    shares = [Decimal(made["amount"]) for line in made["line_items"] for made in line["adjustments"]]
    assert sum(shares) == 10 and len(shares) == 3
    assert sum(Decimal(line["amount"]) for line in made["line_items"]) == Decimal("85.00")
    usage = {"discount_type": "usage", "usage_discount": 5}
    given = {"json": {"discount": usage}}
    assert any(
        "usage discount" in e for e in api.refused("POST", "/invoices", "400-request-validation-errors", **given)
    )


def test_a_date_not_in_the_future_is_issued_during_creation(api, draft):
    customer = api.customer(draft)
    issued = api.one_off(customer, (1, "50.00"), will_auto_issue=True, due_date="2026-12-24")
    assert issued["status"] == "issued" and issued["invoice_pdf"] and issued["due_date"].startswith("2026-12-24")
    assert not list(unexplained(issued, example("invoice_issued")))


def test_one_off_invoices_that_cannot_be(api, draft):
    customer, terms = api.customer(draft), {"net_terms": 5, "due_date": "2026-12-01"}

    def problem(**more):
        return api.one_off(customer, (1, "1.00"), status=400, **more)["type"].split("#")[1]

    assert (
        problem(currency="JPY") == problem(**terms) == problem(invoice_date="2028-01-01") == "400-constraint-violation"
    )
    for wrong in (
        {"external_customer_id": "acct_000000"},
        {"net_terms": -1},
        {"surprise": 1},
        {"invoice_date": "0001-01-01"},
        {"metadata": {"a": 1}},
    ):
        assert problem(**wrong) == "400-request-validation-errors"
    body = {"currency": "USD", "invoice_date": "2026-10-01", "line_items": [{}], "customer_id": customer["id"]}
    errors = api.refused("POST", "/invoices", "400-request-validation-errors", json=body)
    assert "line_items.0.unit_config: field required" in errors and "line_items.0.name: field required" in errors
    assert api.one_off({"id": "nope", "currency": "USD"}, status=404)["type"].endswith("404-resource-not-found")


# ---- lines


def test_lines_come_and_go_and_the_sums_follow(api, draft, sandbox):
    wanted = {"invoice_id": draft["id"], "amount": "120.00", "quantity": 2, "start_date": "2026-07-10",
              "end_date": "2026-07-11", "name": "Support hours"}  # fmt: skip
    line = api.post("/invoice_line_items", wanted, 201)
    assert (line["amount"], line["quantity"], line["name"]) == ("120.00", 2, "Support hours")
    assert Decimal(line["price"]["unit_config"]["unit_amount"]) == 60
    assert not list(unexplained(line, example("invoice_line_item")))
    assert api.get(f"/items/{line['price']['item']['id']}")["name"] == "Support hours"
    more = api.invoice(draft["id"])
    assert more["line_items"][-1] == line and sums(more)[0] == Decimal(more["total"]) > Decimal(draft["total"])

    by_item = api.post("/invoice_line_items", wanted | {"name": None, "item_id": line["price"]["item"]["id"]}, 201)
    assert by_item["price"]["item"] == line["price"]["item"]
    for one in (line, by_item):
        api.ask("DELETE", f"/invoices/{draft['id']}/invoice_line_items/{one['id']}", 204)
    assert api.invoice(draft["id"]) == draft
    api.refused("DELETE", f"/invoices/{draft['id']}/invoice_line_items/{line['id']}", "404-resource-not-found")
    verbs = [effect["verb"] for effect in sandbox.effects(external_id=draft["id"])]
    assert verbs == ["create", "add_line", "add_line", "delete_line", "delete_line"]

    nameless = {name: value for name, value in wanted.items() if name != "name"}
    errors = api.refused("POST", "/invoice_line_items", "400-request-validation-errors", json=nameless)
    assert errors == ["at least one of item_id and name is required"]
    api.post("/invoice_line_items", wanted | {"amount": "-20.00"}, 201)
    assert Decimal(api.invoice(draft["id"])["subtotal"]) == 220


def test_lines_of_a_subscription_stay(api):
    invoice = next_for_review(api)
    line = next(line for line in invoice["line_items"] if line["price"]["cadence"] == "monthly")
    path = f"/invoices/{invoice['id']}/invoice_line_items/{line['id']}"
    assert "comes from a subscription" in api.refused("DELETE", path, "400-constraint-violation")


# ---- update


def test_an_update_changes_what_was_sent_and_nothing_else(api, draft):
    path = f"/invoices/{draft['id']}"
    changed = api.ask("PUT", path, json={"metadata": {"a": "1", "b": "2"}})
    assert changed == draft | {"metadata": {"a": "1", "b": "2"}}
    assert api.ask("PUT", path, json={"metadata": {"a": None, "c": "3"}})["metadata"] == {"b": "2", "c": "3"}
    assert api.ask("PUT", path, json={"metadata": None})["metadata"] == {}
    assert api.ask("PUT", path, json={"due_date": "2026-11-30"})["due_date"].startswith("2026-11-30")
    assert api.ask("PUT", path, json={"auto_collection": True})["auto_collection"]["enabled"] is True
    moved = api.ask("PUT", path, json={"invoice_date": "2026-12-01"})
    assert moved["invoice_date"] == moved["eligible_to_issue_at"] and moved["invoice_date"].startswith("2026-12-01")
    api.refused("POST", f"{path}/issue", "400-constraint-violation")
    assert api.get("/invoices", ("status[]", "draft"))["data"][1]["id"] == draft["id"]  # listed by its new date

    both = {"net_terms": 3, "due_date": "2026-12-01"}
    api.refused("PUT", path, "400-constraint-violation", json=both)
    api.refused("PUT", path, "400-request-validation-errors", json={"net_terms": "soon"})
    api.refused("PUT", f"/invoices/{next_for_review(api)['id']}", "400-constraint-violation",
                json={"invoice_date": "2026-12-01"})  # fmt: skip


# ---- issue


def test_an_issue_that_is_waited_for_is_done_when_answered(api, draft):
    api.ask("PUT", f"/invoices/{draft['id']}", json={"net_terms": 10})
    issued = api.post(f"/invoices/{draft['id']}/issue", {"synchronous": True})
    assert issued["status"] == "issued" and issued["issued_at"] and issued["eligible_to_issue_at"] is None
    assert issued["due_date"][:10] == "2026-10-25" and issued["invoice_pdf"]
    assert issued["invoice_number"] == draft["invoice_number"] and issued["total"] == draft["total"]


def test_an_issue_not_waited_for_answers_the_draft_and_is_done_a_moment_later(api, sandbox):
    invoice, key = next_for_review(api), new_key()
    usage = api.refused(
        "POST", f"/invoices/{invoice['id']}/issue", "400-constraint-violation", json={"synchronous": True}
    )
    assert "usage fees" in usage
    path = f"/invoices/summary/{invoice['id']}/issue"
    first = api.post(path, {"synchronous": False}, key=key)
    assert first["status"] == "draft" and not list(unexplained(first, example("invoice_issue_summary")))
    assert api.post(path, {"synchronous": False}, key=key) == first
    assert api.post(f"/invoices/{invoice['id']}/issue")["status"] == "draft"
    sandbox.advance(1)
    issued = api.invoice(invoice["id"])
    assert issued["status"] in ("issued", "paid", "synced") and issued["due_date"]
    assert [e["verb"] for e in sandbox.effects(external_id=invoice["id"])] == ["issue"]


def test_an_issue_may_fail_afterwards_and_be_tried_again(api, sandbox, draft):
    api.act("next_issue_fails", draft["id"])
    assert api.post(f"/invoices/{draft['id']}/issue")["status"] == "draft"
    sandbox.advance(1)
    failed = api.invoice(draft["id"])
    assert failed["status"] == "draft" and failed["issue_failed_at"]
    assert "issue" not in [e["verb"] for e in sandbox.effects(external_id=draft["id"])]

    sandbox.option("orb", issue_seconds=0)
    issued = api.post(f"/invoices/{draft['id']}/issue")
    sandbox.option("orb", issue_seconds=1)
    assert issued["status"] == "issued" and issued["issue_failed_at"] == failed["issue_failed_at"]


def test_what_another_system_invoices_becomes_synced(api, sandbox):
    customer = next(c for c in api.customers(currency="USD") if c["payment_provider"] == "bill.com")
    waited_for = api.one_off(customer, (1, "90.00"))
    assert api.post(f"/invoices/{waited_for['id']}/issue", {"synchronous": True})["status"] == "synced"
    left_alone = api.one_off(customer, (1, "90.00"), will_auto_issue=True)
    assert left_alone["status"] == "issued"
    sandbox.advance(1)
    assert api.invoice(left_alone["id"])["status"] == "synced"


def test_some_drafts_may_not_be_issued(api, draft):
    drafts = api.every("/invoices", ("status[]", "draft"))
    by_itself = next(d for d in drafts if d["will_auto_issue"])
    running = next(d for d in drafts if not d["will_auto_issue"] and d["eligible_to_issue_at"] > "2026-10-31")
    for refused, why in ((by_itself, "issues itself"), (running, "not eligible")):
        assert why in api.refused("POST", f"/invoices/{refused['id']}/issue", "400-constraint-violation")


# ---- the world moves


def test_usage_moves_a_draft(api):
    invoice = next_for_review(api)
    moved = api.act("edit", invoice["id"], quantity="5000")
    assert Decimal(moved["total"]) != Decimal(invoice["total"]) and sums(moved)[0] == Decimal(moved["total"])
    assert api.invoice(invoice["id"]) == moved


def test_a_draft_may_make_way_for_another(api):
    invoice = next_for_review(api)
    api.act("add_line", invoice["id"], amount="3.00")
    new = api.act("replace_draft", invoice["id"])
    api.refused("GET", f"/invoices/{invoice['id']}", "404-resource-not-found")
    assert new["id"] != invoice["id"] and new["invoice_date"] == invoice["invoice_date"]
    kept = [line["amount"] for line in invoice["line_items"] if line["price"]["cadence"] == "monthly"]
    assert [line["amount"] for line in new["line_items"]] == kept  # what was added by hand is lost
    ids = [i["id"] for i in api.invoices()]
    assert new["id"] in ids and invoice["id"] not in ids


def test_an_invoice_may_vanish_or_grow_too_large(api, draft):
    api.act("too_large", draft["id"])
    api.refused("GET", f"/invoices/{draft['id']}", "413-resource-too-large")
    api.act("vanish", draft["id"])
    api.refused("GET", f"/invoices/{draft['id']}", "404-resource-not-found")
    assert draft["id"] not in [i["id"] for i in api.invoices()]


def test_a_renamed_customer(api, draft):
    customer = api.customer(draft)
    renamed = api.act("edit_customer", customer["id"], name="After & Co.", email="after@example.com")
    assert api.customer(draft) == renamed == customer | {"name": "After & Co.", "email": "after@example.com"}


def test_a_customer_without_issued_invoices_can_be_deleted_and_its_drafts_follow(api, sandbox):
    customer = next(c for c in api.every("/customers") if not api.invoices(("customer_id", c["id"])))
    draft = api.one_off(customer | {"currency": customer["currency"] or "USD"}, (1, "5.00"))
    api.ask("DELETE", f"/customers/{customer['id']}", 204)
    api.refused("GET", f"/customers/{customer['id']}", "404-resource-not-found")
    assert api.invoice(draft["id"])["status"] == "draft"
    sandbox.advance(121)
    api.refused("GET", f"/invoices/{draft['id']}", "404-resource-not-found")
    issued = api.get("/invoices")["data"][0]
    api.refused("DELETE", f"/customers/{issued['customer']['id']}", "400-constraint-violation")


def test_a_stale_read_answers_as_before_the_change(api, sandbox, draft):
    api.ask("PUT", f"/invoices/{draft['id']}", json={"metadata": {"seen": "late"}})
    sandbox.fault(connection="orb", method="GET", path="/invoices/*", fault="stale")
    assert api.invoice(draft["id"]) == draft
    assert api.invoice(draft["id"])["metadata"] == {"seen": "late"}


def test_faults_speak_orbs_language(api, sandbox):
    sandbox.fault(connection="orb", fault="status", status=429, headers={"Retry-After": "1"})
    api.refused("GET", "/invoices", "429-too-many-requests")
    sandbox.fault(connection="orb", fault="status", status=500, headers={"Transient-Error": "true"})
    answer = api.raw("GET", "/invoices")
    assert answer.headers["Transient-Error"] == "true" and answer.json()["type"].endswith("#500-internal-server-error")


# ---- time and restarts


def test_drafts_that_issue_themselves_do_so_when_their_time_comes(start_sandbox):
    sandbox = start_sandbox()
    api = Api(sandbox)
    before = api.every("/invoices", ("status[]", "draft"))
    ahead = [d for d in before if d["will_auto_issue"]]
    last = max(d["scheduled_issue_at"] for d in ahead if d["invoice_source"] == "subscription")
    assert len(ahead) >= 3 and last.startswith("2026-11-01")

    sandbox.advance(18 * 24 * 3600)  # noon of 2 November

    for draft in ahead:
        now = api.invoice(draft["id"])
        due = draft["scheduled_issue_at"] < "2026-11-02"
        assert (now["status"] != "draft") == due
        assert (now["scheduled_issue_at"] is None) == due
    by_hand = [d for d in before if not d["will_auto_issue"]]
    assert {api.invoice(d["id"])["status"] for d in by_hand} == {"draft"}
    sandbox.advance(60 * 24 * 3600)
    assert {api.invoice(d["id"])["status"] != "draft" for d in ahead} == {True}


def test_what_is_collected_automatically_is_collected_on_the_due_date(start_sandbox):
    sandbox = start_sandbox()
    api = Api(sandbox)
    customer = next(c for c in api.customers(currency="USD", payment_provider="stripe_charge") if c["auto_collection"])
    issued = api.one_off(customer, (1, "70.00"), will_auto_issue=True, net_terms=14)
    assert issued["auto_collection"]["next_attempt_at"] == issued["due_date"]
    sandbox.advance(13 * 24 * 3600)
    assert api.invoice(issued["id"]) == issued
    sandbox.advance(2 * 24 * 3600)
    assert api.invoice(issued["id"])["status"] == "paid"


def test_a_killed_sandbox_begins_again_where_it_was(start_sandbox, tmp_path):
    first = start_sandbox(state=tmp_path / "state.jsonl")
    api = Api(first)
    draft = api.one_off(api.customers(currency="USD")[0], (1, "50.00"))
    waiting = next_for_review(api)
    key, gone = new_key(), next(i for i in api.every("/invoices", ("status[]", "draft")) if i["issue_failed_at"])
    api.act("vanish", gone["id"])
    issued = next(i for i in api.every("/invoices") if i["status"] == "issued")
    voided = api.post(f"/invoices/{issued['id']}/void", key=key)
    api.post(f"/invoices/{waiting['id']}/issue")
    first.kill()
    time.sleep(1.1)  # the world's clock goes on meanwhile, and the issue falls due

    second = Api(start_sandbox(state=tmp_path / "state.jsonl"))

    path = f"/invoices/{issued['id']}"
    now = second.invoice(issued["id"])
    assert now["status"] == "void" and now["voided_at"] == voided["voided_at"]
    replayed = second.raw("POST", f"{path}/void", headers={"Idempotency-Key": key})
    assert replayed.json() == voided and replayed.headers["Idempotent-Replayed"] == "true"
    assert second.invoice(draft["id"])["line_items"] == draft["line_items"]
    assert second.invoice(waiting["id"])["status"] != "draft"
    second.refused("GET", f"/invoices/{gone['id']}", "404-resource-not-found")
    assert len(second.invoices()) == len(api_ids := {i["id"] for i in second.invoices()})
    assert draft["id"] in api_ids and gone["id"] not in api_ids
