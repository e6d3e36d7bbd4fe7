"""FlexPrice's three meanings of recalculate, in both generations."""

from decimal import Decimal

import pytest
import requests

from tests.sandbox.flexprice_api import Api


@pytest.fixture(scope="module")
def api(sandbox):
    return Api(sandbox)


@pytest.fixture(scope="module")
def january(sandbox):
    return Api(sandbox, "flexprice-2026-01")


def run(api, identity, sandbox):
    """Start the workflow, wait for it, and read it."""
    accepted = api.post(f"/invoices/{identity}/recalculate")
    assert (accepted.status_code, accepted.json()["message"]) == (202, "recalculate invoice workflow started")
    path = f"/workflows/{accepted.json()['workflow_id']}/{accepted.json()['run_id']}"
    assert api.get(path).json()["status"] == "Running"
    sandbox.advance(3)
    return api.get(path).json()


# ---- today: void and replace, later


def test_recalculating_voids_refunds_replaces_finalizes_and_tries_to_collect(api, sandbox):
    old = next(
        invoice for invoice in api.search(invoice_type="SUBSCRIPTION", payment_status=["SUCCEEDED"], currency="inr")["items"]
        if invoice["total"] != "0"
    )  # fmt: skip
    accepted = api.post(f"/invoices/{old['id']}/recalculate")
    assert accepted.status_code == 202
    assert "recalculated_invoice_id" not in api.read(old["id"])  # not yet
    sandbox.advance(3)

    voided = api.read(old["id"])
    assert (voided["invoice_status"], voided["payment_status"]) == ("VOIDED", "REFUNDED")
    new = api.read(voided["recalculated_invoice_id"])
    assert (new["invoice_status"], new["period_start"], new["period_end"]) == (
        "FINALIZED", old["period_start"], old["period_end"],
    )  # fmt: skip
    assert Decimal(new["subtotal"]) > Decimal(old["subtotal"])
    assert new["invoice_number"] not in ("", old["invoice_number"])
    assert Decimal(new["total_prepaid_credits_applied"]) > 0  # from the very refund
    verbs = [
        effect["verb"]
        for effect in sandbox.effects(connection="flexprice")
        if effect["external_id"] in (old["id"], new["id"])
    ]
    assert verbs[:4] == ["start_replacement", "void", "create", "finalize"]
    workflow = api.get(f"/workflows/{accepted.json()['workflow_id']}/{accepted.json()['run_id']}").json()
    assert (workflow["status"], workflow["metadata"]["invoice_id"]) == ("Completed", old["id"])

    again = run(api, old["id"], sandbox)
    assert again["status"] == "Failed"
    said = again["activities"][0]["error"]["message"]
    assert said == f"invoice {old['id']} was already recalculated as {new['id']}"


def test_a_voided_invoice_is_replaced_as_well(api, sandbox):
    voided = next(i for i in api.search(invoice_status=["VOIDED"])["items"]
                  if i["currency"] == "usd" and i["invoice_type"] == "SUBSCRIPTION" and "recalculated_invoice_id" not in i)  # fmt: skip
    assert run(api, voided["id"], sandbox)["status"] == "Completed"
    assert api.read(api.read(voided["id"])["recalculated_invoice_id"])["invoice_status"] == "FINALIZED"


def test_the_caller_never_hears_of_failures(api, sandbox):
    one_off = api.created()
    failed = run(api, one_off["id"], sandbox)
    assert failed["activities"][0]["error"]["message"] == "only SUBSCRIPTION invoices can be recalculated, got ONE_OFF"
    assert api.read(one_off["id"])["invoice_status"] == "FINALIZED"

    stuck = api.one(invoice_type="SUBSCRIPTION", invoice_status="FINALIZED", payment_status="PROCESSING")
    failed = run(api, stuck["id"], sandbox)
    assert failed["activities"][0]["error"]["message"] == "invoice payment status - PROCESSING is not allowed"
    assert run(api, "inv_none", sandbox)["status"] == "Failed"

    nothing = api.one(invoice_status="SKIPPED")
    failed = run(api, nothing["id"], sandbox)
    assert failed["activities"][0]["error"]["message"] == "recalculation resulted in zero subtotal for this period"
    left = api.read(nothing["id"])
    assert left["invoice_status"] == "VOIDED"
    assert "recalculated_invoice_id" not in left


def test_without_a_workflow_engine_it_says_so(api, sandbox):
    sandbox.act("flexprice", "workflow_engine_down")
    try:
        answer = api.post(f"/invoices/{api.one(invoice_type='SUBSCRIPTION')['id']}/recalculate")
        assert api.refused(answer, 503, "Try again later.")["code"] == "service_unavailable"
    finally:
        sandbox.act("flexprice", "workflow_engine_down", enabled=False)


# ---- today: the same draft


def test_recalculate_v2_finalizes_unless_anything_but_true_is_said(api):
    for query, status in (({"finalize": "false"}, "DRAFT"), ({"finalize": "yes"}, "DRAFT"), ({}, "FINALIZED")):
        draft = api.one(invoice_status="DRAFT", currency="jpy")
        answer = api.post(f"/invoices/{draft['id']}/recalculate-v2", **query).json()
        assert (answer["id"], answer["invoice_status"]) == (draft["id"], status)
        assert Decimal(answer["subtotal"]) > Decimal(draft["subtotal"])
        assert {line["id"] for line in answer["line_items"]} == {line["id"] for line in draft["line_items"]}


def test_what_recalculate_v2_refuses(api):
    for status in ("FINALIZED", "VOIDED"):
        invoice = api.one(invoice_status=status)
        api.refused(
            api.post(f"/invoices/{invoice['id']}/recalculate-v2"), 400, "Only draft invoices can be recalculated"
        )
    body = api.post("/invoices/inv_none/recalculate-v2", finalize="false")
    api.refused(body, 404, "invoice inv_none not found", id="inv_none")


def test_computing_a_draft(api, sandbox):
    blank = next(i for i in api.search(invoice_status=["DRAFT"])["items"] if "line_items" not in i)
    assert (blank["total"], "last_computed_at" in blank) == ("0", False)
    accepted = api.post(f"/invoices/{blank['id']}/compute")
    assert accepted.status_code == 202
    sandbox.advance(2)
    computed = api.read(blank["id"])
    assert Decimal(computed["subtotal"]) == sum(Decimal(line["amount"]) for line in computed["line_items"]) > 0

    body = api.post(f"/invoices/{blank['id']}/compute", sync="true").json()
    assert (body["skipped"], body["invoice"]["invoice_status"]) == (False, "DRAFT")
    final = api.one(invoice_status="FINALIZED")
    api.refused(api.post(f"/invoices/{final['id']}/compute"), 400, "Only draft or skipped invoices can be computed")


def test_a_skipped_invoice_becomes_a_draft_when_something_was_used(start_sandbox):
    sandbox = start_sandbox()
    api = Api(sandbox)
    skipped = api.one(invoice_status="SKIPPED")
    refused = api.post(f"/invoices/{skipped['id']}/recalculate-v2")
    api.refused(refused, 400, "Only draft invoices can be recalculated")
    body = api.post(f"/invoices/{skipped['id']}/compute", sync="true").json()
    assert (body["skipped"], body["invoice"]["invoice_status"]) == (True, "SKIPPED")
    sandbox.act("flexprice", "edit", skipped["id"], amount="12.50")
    body = api.post(f"/invoices/{skipped['id']}/compute", sync="true").json()
    assert (body["skipped"], body["invoice"]["invoice_status"], body["invoice"]["subtotal"]) == (False, "DRAFT", "12.5")
    sandbox.kill()


# ---- January 2026


def test_january_recalculates_at_once_and_finalizes_by_default(january):
    draft = january.one(invoice_status="DRAFT", currency="jpy")
    kept = january.post(f"/invoices/{draft['id']}/recalculate", finalize="false")
    assert (kept.status_code, kept.json()["invoice_status"]) == (200, "DRAFT")
    assert kept.json()["id"] == draft["id"]
    lines = {line["id"] for line in draft["line_items"]}
    assert not lines & {line["id"] for line in kept.json()["line_items"]}  # archived and made anew
    final = january.post(f"/invoices/{draft['id']}/recalculate").json()
    assert (final["invoice_status"], bool(final["invoice_number"])) == ("FINALIZED", True)
    refused = january.post(f"/invoices/{draft['id']}/recalculate")
    assert (refused.status_code, refused.json()["error"]["message"]) == (400, "Only draft invoices can be recalculated")


def test_the_generations_are_told_apart_by_an_unknown_invoice(api, january):
    path = "/invoices/inv_probe/recalculate-v2"
    today = api.post(path, finalize="false")
    assert (today.status_code, today.json()["code"]) == (404, "not_found")
    then = january.post(path, finalize="false")
    assert (then.status_code, then.text) == (404, "404 page not found")
    assert then.headers["Content-Type"].startswith("text/plain")


# ---- what survives


def test_an_accepted_recalculation_survives_a_power_cut(start_sandbox, tmp_path):
    first = start_sandbox(state=tmp_path / "world")
    api = Api(first)
    invoice = api.one(invoice_type="SUBSCRIPTION", payment_status="SUCCEEDED", currency="gbp")
    created = api.created(idempotency_key="before the cut")
    accepted = api.post(f"/invoices/{invoice['id']}/recalculate").json()
    first.kill()

    second = start_sandbox(state=tmp_path / "world")
    api = Api(second)
    assert api.read(created["id"]) == created | {"customer": api.read(created["id"])["customer"]}
    assert api.create(idempotency_key="before the cut").status_code == 409
    second.advance(3)
    path = f"/workflows/{accepted['workflow_id']}/{accepted['run_id']}"
    assert api.get(path).json()["status"] == "Completed"
    assert api.read(api.read(invoice["id"])["recalculated_invoice_id"])["invoice_status"] == "FINALIZED"
    later = api.created()
    assert later["invoice_number"] > created["invoice_number"]
    second.kill()


def test_a_lost_answer_leaves_the_effect(api, sandbox):
    made = api.created()
    sandbox.fault(connection="flexprice", method="POST", path="/invoices/*/void", fault="drop_after")
    with pytest.raises(requests.ConnectionError):
        api.post(f"/invoices/{made['id']}/void")
    assert api.read(made["id"])["invoice_status"] == "VOIDED"
    assert [e["verb"] for e in sandbox.effects(external_id=made["id"])] == ["create", "void"]
    sandbox.fault(connection="flexprice", path="/invoices/*", fault="stale", method="GET")
    assert api.read(made["id"])["invoice_status"] == "FINALIZED"
    sandbox.fault(connection="flexprice", path="/invoices/search", fault="stale", method="POST")
    assert api.one(id=made["id"])["invoice_status"] == "FINALIZED"
    assert api.one(id=made["id"])["invoice_status"] == "VOIDED"
