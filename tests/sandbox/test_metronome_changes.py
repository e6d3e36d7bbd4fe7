"""Metronome's simulator, changed: by calls, by the clock, and by what the world does without us."""

from decimal import Decimal

import metronome
import pytest
import requests

from tests.sandbox.metronome_api import NOWHERE, USD, Api

HOUR, DAY = 3600, 86400


@pytest.fixture(scope="module")
def api(sandbox):
    return Api(sandbox)


@pytest.fixture
def pick(api):
    """pick(status=..., external=..., where=...) an invoice as it stands now; each test takes another customer's."""

    def one(status, external=None, where=lambda invoice: True):
        for customer in api.customers():
            for invoice in api.invoices(customer["id"]):
                outside = (invoice["external_invoice"] or {}).get("external_status")
                if invoice["status"] == status and external in (None, outside) and where(invoice):
                    return invoice
        raise AssertionError(f"no {status} invoice is left")

    return one


def balances(api, invoice):
    """The ledgers of the invoice's customer, by name."""
    body = {"customer_id": invoice["customer_id"], "include_ledgers": True, "include_balance": True}
    rows = api.post("/v1/contracts/customerBalances/list", body | {"include_contract_balances": True})["data"]
    return {row["name"]: row for row in rows}


def applied(invoice):
    return any(line["type"] == "applied_commit_or_credit" for line in invoice["line_items"])


def test_void_changes_the_status_alone_and_gives_credit_back(sandbox, api, pick):
    invoice = pick("FINALIZED", "PAID", lambda i: i["type"] == "USAGE" and applied(i))
    before = balances(api, invoice)

    answer = api.session.post(api.base + "/v1/invoices/void", json={"id": invoice["id"]}, timeout=9)

    assert answer.json() == {"data": {"id": invoice["id"]}}
    effect = sandbox.effects(external_id=invoice["id"])
    assert [(e["verb"], e["provider"]) for e in effect] == [("void", "metronome")]
    assert answer.headers["X-Sandbox-Effect"] == effect[0]["id"]
    assert api.invoice(invoice) == invoice | {"status": "VOID"}  # lines and Stripe's copy stay
    after = balances(api, invoice)
    for name in ("Annual prepaid commit", "Promotional credit"):
        taken = next(e for e in after[name]["ledger"] if e.get("invoice_id") == invoice["id"] and e["amount"] < 0)
        given = next(e for e in after[name]["ledger"] if e.get("invoice_id") == invoice["id"] and e["amount"] > 0)
        assert given["type"].endswith("_CREDITED") and given["amount"] == -taken["amount"]
        assert after[name]["balance"] == before[name]["balance"] - taken["amount"]
        assert after[name]["balance"] == sum(e["amount"] for e in after[name]["ledger"])
    assert "state" in api.post("/v1/invoices/void", {"id": invoice["id"]}, 400)["message"]
    assert len(sandbox.effects(external_id=invoice["id"])) == 1


@pytest.mark.parametrize("status", ["DRAFT", "VOID"])
def test_only_a_finalized_invoice_can_be_voided(api, pick, status):
    invoice = pick(status)
    assert set(api.post("/v1/invoices/void", {"id": invoice["id"]}, 400)) == {"message"}
    assert api.invoice(invoice) == invoice
    assert api.post("/v1/invoices/void", {"id": NOWHERE}, 404)


def test_regenerate_bills_again_once_and_from_void_alone(sandbox, api, pick):
    invoice = pick("FINALIZED", "PARTIALLY_PAID", lambda i: i["type"] == "USAGE")
    assert api.post("/v1/invoices/regenerate", {"id": invoice["id"]}, 400)
    api.post("/v1/invoices/void", {"id": invoice["id"]})

    new = api.post("/v1/invoices/regenerate", {"id": invoice["id"]})["data"]["id"]

    assert new != invoice["id"]
    made = api.invoice(invoice | {"id": new})
    assert made["regenerated_from_invoice_id"] == invoice["id"] and made["status"] == "FINALIZED"
    assert made["external_invoice"] == {"billing_provider_type": "stripe", "external_status": "QUEUED"}
    metered = sum(line["total"] for line in invoice["line_items"] if line["type"] == "usage")
    assert invoice["total"] - made["total"] == metered * Decimal("0.1")  # at today's rates
    assert api.invoices(invoice["customer_id"])[0]["id"] == new  # listed by its own date of issue
    assert api.invoice(invoice)["status"] == "VOID"
    assert api.post("/v1/invoices/regenerate", {"id": invoice["id"]}, 400)
    assert [e["verb"] for e in sandbox.effects(external_id=invoice["id"])] == ["void", "regenerate"]

    sandbox.option("metronome", recalculate=False)
    api.post("/v1/invoices/void", {"id": new})
    again = api.post("/v1/invoices/regenerate", {"id": new})["data"]["id"]
    assert api.invoice(invoice | {"id": again})["line_items"] == made["line_items"]
    sandbox.option("metronome", recalculate=True)


def test_plan_invoices_are_not_regenerated_and_take_one_time_charges(api, pick):
    voided = pick("FINALIZED", where=lambda i: i["type"] == "PLAN_ARREARS")
    api.post("/v1/invoices/void", {"id": voided["id"]})
    assert "contract" in api.post("/v1/invoices/regenerate", {"id": voided["id"]}, 400)["message"]

    draft = pick("DRAFT", where=lambda i: i["type"] == "PLAN_ARREARS")
    plan = api.get(f"/v1/customers/{draft['customer_id']}/plans")["data"][0]["id"]
    charge = {"charge_id": NOWHERE, "customer_plan_id": plan, "description": "Onboarding fee",
              "invoice_start_timestamp": draft["start_timestamp"], "price": 75000.5, "quantity": 2}  # fmt: skip
    path = f"/v1/customers/{draft['customer_id']}/addCharge"
    assert api.post(path, charge) == {}
    assert api.invoice(draft)["total"] == draft["total"] + 150001
    assert api.post(path, charge | {"invoice_start_timestamp": "2020-01-01T00:00:00Z"}, 400)
    assert api.post(path, charge | {"price": "75000"}, 400)


def test_a_draft_s_issue_date_can_be_moved(sandbox, api, pick):
    draft = pick("DRAFT", where=lambda i: i["type"] == "SCHEDULED")
    path, body = (
        "/v1/contracts/updateInvoiceIssueDate",
        {"invoice_id": draft["id"], "issue_date": "2026-12-05T00:00:00Z"},
    )
    assert api.post(path, body) == {"data": {"id": draft["id"]}}
    assert api.invoice(draft) == draft | {"issued_at": "2026-12-05T00:00:00Z"}
    assert "end of the contract" in api.post(path, body | {"issue_date": "2036-12-05T00:00:00Z"}, 400)["message"]
    assert api.post(path, body | {"invoice_id": NOWHERE}, 404)
    assert api.post(path, body | {"issue_date": "soon"}, 400)
    assert api.post(path, body | {"issue_date": "2026-10-15T00:00:00Z"})  # the past: issued at once
    assert api.invoice(draft)["status"] == "FINALIZED"
    assert api.post(path, body, 400)


def test_a_key_answers_the_same_for_a_day_and_for_one_request_alone(start_sandbox):
    sandbox = start_sandbox()
    api = Api(sandbox)
    first, second = [i for i in api.invoices(api.customers()[10]["id"]) if i["status"] == "FINALIZED"][:2]
    path = "/v1/invoices/void"
    done = api.post(path, {"id": first["id"]}, key="k1")
    assert api.post(path, {"id": first["id"]}, key="k1") == done
    assert len(sandbox.effects(external_id=first["id"])) == 1
    assert api.post(path, {"id": second["id"]}, 409, key="k1")
    assert api.invoice(second)["status"] == "FINALIZED"

    refused = api.post(path, {"id": first["id"]}, 400, key="k2")  # a final answer, although an error
    assert api.post(path, {"id": first["id"]}, 400, key="k2") == refused
    api.post(path, {"id": "no uuid"}, 400, key="k3")  # a refusal by validation leaves the key unused
    sandbox.fault(connection="metronome", method="POST", path=path, fault="status", status=500, remember=True)
    api.post(path, {"id": second["id"]}, 500, key="k3")
    api.post(path, {"id": second["id"]}, 500, key="k3")  # a stored 500 never turns good
    assert api.invoice(second)["status"] == "FINALIZED"
    api.post(path, {"id": second["id"]}, key="k4")

    sandbox.advance(DAY + HOUR)
    assert api.post(path, {"id": first["id"]}, 400, key="k1")  # forgotten: tried anew, and void already


def test_the_clock_finalizes_drafts_a_day_after_their_period(start_sandbox):
    sandbox = start_sandbox(anchor="2026-10-15")
    api = Api(sandbox)
    account = next(c for c in api.customers() if len(api.invoices(c["id"])) == 2 and c["external_id"].endswith("13"))
    scheduled, usage = api.invoices(account["id"])
    assert (usage["status"], usage["end_timestamp"], usage["issued_at"]) == (
        "DRAFT", "2026-10-15T00:00:00Z", "2026-10-16T00:00:00Z")  # fmt: skip
    assert scheduled["status"] == "DRAFT" and usage["external_invoice"] is None

    sandbox.advance(12 * HOUR + 60)
    issued = api.invoice(usage)
    assert issued["status"] == "FINALIZED" and issued["external_invoice"]["external_status"] == "QUEUED"
    assert {k: v for k, v in issued.items() if k not in ("status", "external_invoice")}.items() <= usage.items()
    sandbox.advance(2 * HOUR)
    assert api.invoice(usage)["external_invoice"]["external_status"] == "FINALIZED"
    sandbox.advance(20 * DAY)
    assert api.invoice(scheduled)["status"] == "FINALIZED"


def test_archiving_ends_contracts_invoices_and_balances(start_sandbox):
    sandbox = start_sandbox()
    api = Api(sandbox)
    customer = api.customers()[0]["id"]
    before = {i["id"]: i for i in api.invoices(customer)}
    contract = api.post("/v2/contracts/list", {"customer_id": customer})["data"][0]["id"]
    body = {"customer_id": customer, "contract_id": contract, "void_invoices": False}
    assert api.post("/v1/contracts/archive", body) == {"data": {"id": contract}}
    after = {i["id"]: i for i in api.invoices(customer)}
    gone = before.keys() - after.keys()
    assert {before[i]["status"] for i in gone} == {"DRAFT"} and after.items() <= before.items()
    assert api.post("/v1/contracts/archive", body, 400)
    assert api.post("/v2/contracts/list", {"customer_id": customer})["data"] == []
    assert api.post("/v2/contracts/list", {"customer_id": customer, "include_archived": True})["data"][0]["archived_at"]
    held = api.post("/v1/contracts/customerBalances/list", {
        "customer_id": customer, "include_archived": True, "include_contract_balances": True,
        "include_ledgers": True, "include_balance": True})["data"]  # fmt: skip
    prepaid = next(row for row in held if row["type"] == "PREPAID" and "contract" in row)
    assert prepaid["balance"] == 0 and prepaid["ledger"][-1]["type"] == "PREPAID_COMMIT_EXPIRATION"

    other = api.customers()[3]["id"]
    assert api.post("/v1/customers/archive", {"id": other}) == {"data": {"id": other}}
    assert {i["status"] for i in api.invoices(other)} == {"VOID"}
    assert other in {c["id"] for c in api.pages("/v1/customers", only_archived="true")}
    assert other not in {c["id"] for c in api.pages("/v1/customers")}
    assert api.post("/v1/customers/archive", {"id": other}, 400)


def test_net_balance_counts_drafts_unless_told_otherwise(api, pick):
    draft = pick("DRAFT", where=applied)
    body = {"customer_id": draft["customer_id"]}
    path = "/v1/contracts/customerBalances/getNetBalance"
    pending = -sum(
        line["total"]
        for line in draft["line_items"]
        if line["type"] == "applied_commit_or_credit" and line["credit_type"]["id"] == USD
    )
    now = api.post(path, body)["data"]
    assert now["credit_type_id"] == USD
    assert api.post(path, body | {"invoice_inclusion_mode": "FINALIZED"})["data"]["balance"] == now["balance"] + pending
    only_credit = {"filters": [{"balance_types": ["CREDIT"]}]}
    assert api.post(path, body | only_credit)["data"]["balance"] == 0
    units = next(u["id"] for u in api.pages("/v1/credit-types/list") if u["name"] == "AI credits")
    assert api.post(path, body | only_credit | {"credit_type_id": units})["data"]["balance"] > 0
    quantity = api.post(path, body | {"access_type": "QUANTITY"})["data"]
    assert quantity["credit_type_id"] == "00000000-0000-0000-0000-000000000000"
    page = api.post("/v1/contracts/customerBalances/list", body | {"limit": 1, "include_contract_balances": True})
    assert len(page["data"]) == 1 and page["next_page"]
    assert api.post("/v1/contracts/customerBalances/list", body | {"limit": 26}, 400)


def test_the_world_acts_without_us(sandbox, api, pick):
    sent = pick("FINALIZED", "FINALIZED")
    paid = sandbox.act("metronome", "external_paid", sent["id"])["external_invoice"]
    assert paid["external_status"] == "PAID" and paid["external_payment_id"].startswith("pi_")
    assert api.invoice(sent)["status"] == "FINALIZED"
    draft = pick("DRAFT")
    sandbox.act("metronome", "draft_moves", draft["id"], quantity=5000)
    moved = api.invoice(draft)
    assert (len(moved["line_items"]), moved["total"]) == (len(draft["line_items"]) + 1, draft["total"] + 500)
    sandbox.act("metronome", "edit", draft["id"], amount="-12.5")
    assert api.invoice(draft)["total"] == moved["total"] - Decimal("12.5")
    assert sandbox.act("metronome", "finalize", draft["id"])["status"] == "FINALIZED"
    vanishing = pick("DRAFT")
    assert sandbox.act("metronome", "vanish", vanishing["id"])["gone"]
    assert api.invoice(vanishing, 404) and vanishing["id"] not in {
        i["id"] for i in api.invoices(vanishing["customer_id"])
    }
    new = sandbox.act("metronome", "charge_added", sent["customer_id"], amount="19.5", in_seconds=60)
    assert (new["status"], new["type"], new["total"]) == ("DRAFT", "SCHEDULED", 19.5)
    assert new["id"] in {i["id"] for i in api.invoices(sent["customer_id"])}
    gated = pick("FINALIZED", "SENT")
    failed = sandbox.act("metronome", "payment_gate_fails", gated["id"])
    assert (failed["status"], failed["external_invoice"]["external_status"]) == ("VOID", "PAYMENT_FAILED")
    for what, target, status in (
        ("void_at_provider", NOWHERE, 404),
        ("sing", sent["id"], 400),
        ("edit", sent["id"], 400),
    ):
        given = {"connection": "metronome", "what": what, "external_id": target}
        assert requests.post(sandbox.url + "/_sandbox/act", json=given, timeout=9).status_code == status


def test_what_was_done_survives_a_power_cut(start_sandbox, tmp_path):
    given = {"state": tmp_path / "state.jsonl", "anchor": "2026-10-15"}
    sandbox = start_sandbox(**given)
    api = Api(sandbox)
    customer = api.customers()[0]["id"]
    invoice = next(i for i in api.invoices(customer) if i["status"] == "FINALIZED" and i["type"] == "USAGE")
    api.post("/v1/invoices/void", {"id": invoice["id"]}, key="v")
    done = api.post("/v1/invoices/regenerate", {"id": invoice["id"]}, key="r")
    sandbox.act(
        "metronome", "edit", next(i["id"] for i in api.invoices(customer) if i["status"] == "DRAFT"), amount="0.1"
    )
    held = [{**i, "external_invoice": None} for i in api.invoices(customer)]  # the link there names the port
    sandbox.kill()

    api = Api(start_sandbox(state=given["state"]))
    assert [{**i, "external_invoice": None} for i in api.invoices(customer)] == held
    assert api.post("/v1/invoices/regenerate", {"id": invoice["id"]}, key="r") == done


def test_lists_misbehave_when_asked_to(sandbox, api):
    customer = api.customers()[10]["id"]
    every = [i["id"] for i in api.invoices(customer)]
    sandbox.option("metronome", empty_page=True)
    first = api.get(f"/v1/customers/{customer}/invoices", limit=100)
    assert first["data"] == [] and first["next_page"]
    assert [i["id"] for i in api.invoices(customer)] == every
    sandbox.option("metronome", empty_page=False, repeat_row=True)
    rows = [i["id"] for i in api.pages(f"/v1/customers/{customer}/invoices", limit=2, sort="date_desc")]
    assert len(rows) > len(every) and set(rows) == set(every)
    sandbox.option("metronome", repeat_row=False)
    for kind in ("client", "customer"):
        headers = {"X-Metronome-Rate-Limit-Type": kind} | ({"Retry-After": "1"} if kind == "customer" else {})
        sandbox.fault(connection="metronome", path="/v1/customers", fault="status", status=429, headers=headers)
        answer = api.session.get(api.base + "/v1/customers", timeout=9)
        assert answer.status_code == 429 and headers.items() <= answer.headers.items()


def test_a_lagging_read_shows_what_was_before(sandbox, api, pick):
    invoice = pick("FINALIZED", "PAID")
    api.post("/v1/invoices/void", {"id": invoice["id"]})
    sandbox.fault(connection="metronome", method="GET", fault="stale")
    assert api.invoice(invoice)["status"] == "FINALIZED"
    assert api.invoice(invoice)["status"] == "VOID"


def test_the_official_client_voids_regenerates_and_hears_why_not(sandbox, pick):
    connection = sandbox.connections["metronome"]
    client = metronome.Metronome(
        base_url=connection["base_url"],
        bearer_token=connection["api_key"],
        max_retries=0,
        _strict_response_validation=True,
    )
    invoice = pick("FINALIZED", "PAID", lambda i: "contract_id" in i)
    assert client.v1.invoices.void(id=invoice["id"]).data.id == invoice["id"]
    new = client.v1.invoices.regenerate(id=invoice["id"]).data.id
    read = client.v1.customers.invoices.retrieve(customer_id=invoice["customer_id"], invoice_id=new).data
    assert read.regenerated_from_invoice_id == invoice["id"]
    with pytest.raises(metronome.BadRequestError) as refused:
        client.v1.invoices.void(id=invoice["id"])
    assert set(refused.value.body) == {"message"}
    with pytest.raises(metronome.NotFoundError):
        client.v1.customers.invoices.list(customer_id=NOWHERE)
