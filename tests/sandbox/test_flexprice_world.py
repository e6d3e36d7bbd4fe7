"""FlexPrice's documents and the world around it: links that die, colleagues who act, records that go."""

from decimal import Decimal
from io import BytesIO

import pytest
import requests
from pypdf import PdfReader

from tests.sandbox.flexprice_api import Api


@pytest.fixture(scope="module")
def api(sandbox):
    return Api(sandbox)


def words(document):
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(document)).pages)


# ---- documents


def test_the_pdf_is_drawn_anew_on_each_call(api):
    made = api.created(
        metadata={"notes": "Thank you", "vat": "DE811234567"},
        line_items=[{"display_name": "Chair", "amount": "100", "quantity": "1"}, {"display_name": "Free gift", "amount": "0", "quantity": "1"}],
    )  # fmt: skip
    answer = api.get(f"/invoices/{made['id']}/pdf")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert "Content-Disposition" not in answer.headers
    text = words(answer.content)
    assert made["invoice_number"] in text and "Chair" in text and "Thank you" in text and "DE811234567" in text
    assert "Free gift" not in text  # lines of zero amount are hidden
    assert "2026-10-15" in text
    api.put(f"/invoices/{made['id']}/payment", {"payment_status": "SUCCEEDED"})
    assert "SUCCEEDED" in words(api.get(f"/invoices/{made['id']}/pdf").content)


def test_a_link_needs_no_key_reuses_the_stored_file_and_dies_after_an_hour(api, sandbox):
    made = api.created()
    path = f"/invoices/{made['id']}/pdf"
    link = api.get(path, url="true").json()["presigned_url"]
    assert set(api.get(path, url="true").json()) == {"presigned_url"}
    first = requests.get(link)
    assert (first.status_code, first.headers["Content-Type"]) == (200, "application/pdf")

    api.put(f"/invoices/{made['id']}/payment", {"payment_status": "SUCCEEDED"})
    assert requests.get(api.get(path, url="true").json()["presigned_url"]).content == first.content  # as it was stored
    anew = api.get(path, url="true", force_generate="true").json()["presigned_url"]
    assert "SUCCEEDED" in words(requests.get(anew).content)

    assert requests.get(link.replace("Signature=", "Signature=0")).status_code == 403
    sandbox.advance(3500)
    assert requests.get(link).status_code == 200
    sandbox.advance(200)
    expired = requests.get(link)
    assert expired.status_code == 403
    assert "Request has expired" in expired.text


def test_a_stored_pdf_url_is_returned_unchanged(api):
    stored = next(i for i in api.search()["items"] if "invoice_pdf_url" in i)
    for query in ({"url": "true"}, {"url": "true", "force_generate": "true"}):
        assert api.get(f"/invoices/{stored['id']}/pdf", **query).json() == {"presigned_url": stored["invoice_pdf_url"]}
    assert api.get(f"/invoices/{stored['id']}/pdf", url="1").content.startswith(
        b"%PDF-"
    )  # only the literal true counts


def test_without_storage_there_is_no_link(api, sandbox):
    made = api.created()
    sandbox.act("flexprice", "storage_disabled", enabled=True)
    try:
        body = api.refused(api.get(f"/invoices/{made['id']}/pdf", url="true"), 500,
                           "s3 is not enabled but is required to generate invoice pdf url.")  # fmt: skip
        assert body["code"] == "system_error"
        assert api.get(f"/invoices/{made['id']}/pdf").content.startswith(b"%PDF-")
    finally:
        sandbox.act("flexprice", "storage_disabled", enabled=False)


# ---- the world acts


def test_a_customer_pays_by_card(api, sandbox):
    made = api.created()
    sandbox.act("flexprice", "customer_pays", made["id"], amount="40")
    sandbox.act("flexprice", "customer_pays", made["id"])
    held = api.read(made["id"])
    assert (held["payment_status"], held["amount_remaining"]) == ("SUCCEEDED", "0")
    payments = api.get("/payments", destination_id=made["id"], order="asc").json()["items"]
    assert [(p["amount"], p["payment_gateway"]) for p in payments] == [("40", "stripe"), ("60", "stripe")]


def test_colleagues_void_finalize_and_edit(api, sandbox):
    made = api.created()
    sandbox.act("flexprice", "void_at_provider", made["id"], reason="by a colleague")
    assert api.read(made["id"])["metadata"] == {"reason": "by a colleague"}
    draft = api.one(invoice_status="DRAFT", currency="usd")
    sandbox.act("flexprice", "edit", draft["id"], amount="7")
    assert Decimal(api.read(draft["id"])["subtotal"]) == Decimal(draft["subtotal"]) + 7
    sandbox.act("flexprice", "finalize", draft["id"])
    assert api.read(draft["id"])["invoice_status"] == "FINALIZED"
    sandbox.act("flexprice", "payment_fails", draft["id"])
    assert api.read(draft["id"])["payment_status"] == "FAILED"


def test_what_cannot_happen_is_refused(sandbox, api):
    voided = api.one(invoice_status="VOIDED")
    for what, identity, status in (
        ("void_at_provider", voided["id"], 400), ("customer_pays", voided["id"], 400), ("finalize", voided["id"], 400),
        ("edit", "inv_none", 404), ("dance", voided["id"], 400),
    ):  # fmt: skip
        answer = requests.post(sandbox.url + "/_sandbox/act",
                               json={"connection": "flexprice", "what": what, "external_id": identity})  # fmt: skip
        assert answer.status_code == status


def test_an_invoice_vanishes_or_is_archived(api, sandbox):
    gone, archived = api.created(), api.created()
    sandbox.act("flexprice", "vanish", gone["id"])
    sandbox.act("flexprice", "archive", archived["id"])
    listed = {invoice["id"] for invoice in api.search()["items"]}
    assert not {gone["id"], archived["id"]} & listed
    assert api.get(f"/invoices/{gone['id']}").status_code == 404
    assert api.read(archived["id"])["status"] == "archived"
    assert archived["id"] in {invoice["id"] for invoice in api.search(status="archived")["items"]}


def test_the_control_plane_lists_every_invoice_that_can_be_found(api, sandbox):
    import json

    held = {invoice["id"]: invoice for invoice in map(json.loads, sandbox.invoices("flexprice"))}
    found = [*api.search()["items"], *api.search(status="archived")["items"]]
    assert set(held) == {invoice["id"] for invoice in found}
    one = next(iter(held))
    assert held[one]["total"] == api.read(one)["total"]
    assert set(held[one]) == set(api.read(one))


def test_faults_speak_flexprice(api, sandbox):
    sandbox.fault(
        connection="flexprice", path="/invoices/search", fault="status", status=429, headers={"Retry-After": "2"}
    )
    limited = api.post("/invoices/search", {})
    assert (limited.status_code, limited.json()["code"], limited.headers["Retry-After"]) == (
        429,
        "too_many_requests",
        "2",
    )
    sandbox.fault(connection="flexprice", path="/invoices/search", fault="status", status=401)
    assert api.post("/invoices/search", {}).json() == {"error": "Unauthorized"}
    sandbox.fault(connection="flexprice", path="/invoices/search", fault="unknown_status", value="MELTED")
    assert {i["invoice_status"] for i in api.post("/invoices/search", {}).json()["items"]} == {"MELTED"}


def test_a_hundred_times_as_many_invoices_are_listed_alike(start_sandbox):
    sandbox = start_sandbox(invoices=6000)
    api = Api(sandbox)
    seen, offset = set(), 0
    while True:
        page = api.search(limit=1000, offset=offset, skip_line_items=True)
        seen |= {invoice["id"] for invoice in page["items"]}
        offset += len(page["items"])
        if offset >= page["pagination"]["total"]:
            break
    assert len(seen) == 5998
    assert api.read(min(seen))["id"] == min(seen)
    sandbox.kill()
