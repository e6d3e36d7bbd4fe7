"""What changes at Checkout Page's sandbox: PDFs drawn again, purchases, payments, refunds, a restart."""

import io
import re

import pypdf
import requests

NAME = "checkout-page"


def unlinked(invoice):
    """Without what every answer makes anew."""
    return {field: value for field, value in invoice.items() if field != "invoiceUrl"}


def test_a_purchase_during_paging_comes_before_the_cursor(start_sandbox, store_of):
    store = store_of(start_sandbox(invoices=60, seed=2))
    first = store.get("/v1/invoices/", limit=30)

    new = store.sandbox.act(NAME, "purchase", status="open")
    rest = store.get("/v1/invoices/", limit=100, starting_after=first["data"][-1]["id"])

    assert len({row["id"] for row in first["data"] + rest["data"]}) == 60
    assert rest["total"] == 61
    newest = store.get("/v1/invoices/", limit=1)["data"][0]
    assert (newest["id"], newest["status"], newest["invoiceNumber"]) == (new["id"], "open", "2026-000061")
    assert store.get("/v1/payments/", limit=1)["data"][0]["invoiceId"] == new["id"]
    store.sandbox.act(NAME, "vanish", new["id"])
    assert store.get("/v1/invoices/", limit=1)["total"] == 60
    assert store.ask(f"/v1/invoices/{new['id']}/regenerate", "POST", json={}).status_code == 404


# ---- regenerate and its PDF


def pdf_text(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/pdf"
    return pypdf.PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()


def test_regenerate_takes_billing_from_the_payment_and_leaves_the_money(start_sandbox, store_of):
    store = store_of(start_sandbox(invoices=60, seed=3))
    invoice = store.every(status="paid")[3]
    store.sandbox.act(
        NAME,
        "edit_payment",
        invoice["id"],
        billing={"name": "New Owner Ltd", "email": "n@owner.example"},
        po_number="PO-7",
    )
    store.sandbox.act(
        NAME, "edit_customer", invoice["customerId"], taxId="NEW-TAX", taxIdType="eu_vat", name="Renamed SA"
    )
    assert unlinked(store.again(invoice)) == unlinked(invoice)  # nothing shows before it is drawn again

    drawn = store.regenerate(invoice)

    assert drawn["billing"] == {
        "name": "New Owner Ltd",
        "email": "n@owner.example",
        "taxId": "NEW-TAX",
        "taxIdType": "eu_vat",
    }
    assert (drawn["poNumber"], drawn["customerName"]) == ("PO-7", "Renamed SA")
    assert drawn["updatedAt"] > invoice["updatedAt"]
    kept = invoice.keys() - {"billing", "poNumber", "poNumberLabel", "customerName", "updatedAt", "invoiceUrl"}
    assert {field: drawn[field] for field in kept} == {field: invoice[field] for field in kept}
    assert unlinked(store.again(invoice)) == unlinked(drawn)
    assert {row["id"] for row in store.every(search="renamed")} == {invoice["id"]}
    [effect] = store.sandbox.effects(provider="checkout_page", external_id=invoice["id"])
    assert effect["verb"] == "regenerate"


def test_what_is_undecided_about_regenerate_can_be_switched(start_sandbox, store_of):
    store = store_of(start_sandbox(invoices=60, seed=3))
    invoice = store.every(status="paid")[3]
    store.sandbox.option(NAME, regenerate_renews_names=False, regenerate_moves_updated_at=False)
    store.sandbox.act(NAME, "edit_customer", invoice["customerId"], name="Renamed SA")

    drawn = store.regenerate(invoice)

    assert (drawn["customerName"], drawn["updatedAt"]) == (invoice["customerName"], invoice["updatedAt"])


def test_the_pdf_is_drawn_over_and_its_links_die_after_an_hour(start_sandbox, store_of):
    store = store_of(start_sandbox(invoices=60, seed=4))
    invoice = store.every(status="paid")[0]
    old = requests.get(invoice["invoiceUrl"], timeout=10)
    assert invoice["invoiceNumber"] in pdf_text(old)
    assert requests.get(invoice["invoiceUrl"], timeout=10).content == old.content

    drawn = store.regenerate(invoice)

    assert drawn["invoiceUrl"] != invoice["invoiceUrl"]
    new = requests.get(invoice["invoiceUrl"], timeout=10)
    assert new.content != old.content  # the same link leads to the new file; the old one is gone
    assert requests.get(drawn["invoiceUrl"], timeout=10).content == new.content
    store.sandbox.advance(3601)
    assert requests.get(drawn["invoiceUrl"], timeout=10).status_code == 403
    assert requests.get(store.again(invoice)["invoiceUrl"], timeout=10).content == new.content
    forged = re.sub(r"expires=\d+", "expires=99999999999", drawn["invoiceUrl"])
    assert requests.get(forged, timeout=10).status_code == 403


def test_every_status_can_be_regenerated(start_sandbox, store_of):
    store = store_of(start_sandbox(invoices=60, seed=5))

    for status in ("draft", "open", "paid", "uncollectible", "refunded", "partially_refunded", "void"):
        invoice = store.every(status=status)[0]
        answer = store.ask(f"/v1/invoices/{invoice['id']}/regenerate", "POST", json={})
        assert answer.json()["data"]["status"] == status
        assert answer.headers["X-Sandbox-Effect"]
    assert len(store.sandbox.effects()) == 7


# ---- the world acts


def test_customers_pay_and_are_refunded(start_sandbox, store_of):
    store = store_of(start_sandbox(invoices=60, seed=6))
    act = store.sandbox.act
    invoice = next(row for row in store.every(status="open") if row["amount"] > 100)

    act(NAME, "mark_uncollectible", invoice["id"])
    assert store.again(invoice)["status"] == "uncollectible"
    act(NAME, "customer_pays", invoice["id"])
    paid = store.again(invoice)
    act(NAME, "refund", invoice["id"], amount=30)
    part = store.again(invoice)
    act(NAME, "refund", invoice["id"])
    refunded = store.again(invoice)

    assert (paid["status"], paid["amountPaid"], paid["amountDue"]) == ("paid", invoice["amount"], 0)
    assert (part["status"], part["amountRefunded"]) == ("partially_refunded", 30)
    assert (refunded["status"], refunded["amountRefunded"]) == ("refunded", invoice["amount"])
    assert refunded["updatedAt"] > paid["createdAt"]
    assert invoice["id"] in {row["id"] for row in store.every(status="refunded")}
    payment = next(p for p in store.every("/v1/payments/", status="refunded") if p["invoiceId"] == invoice["id"])
    assert payment["id"] == invoice["chargeId"]
    refusal = requests.post(store.sandbox.url + "/_sandbox/act", timeout=10, json={
        "connection": NAME, "what": "void_at_provider", "external_id": invoice["id"]})  # fmt: skip
    assert refusal.status_code == 400


def test_drafts_are_finalized_edited_and_voided_elsewhere(start_sandbox, store_of):
    store = store_of(start_sandbox(invoices=60, seed=6))
    invoice = store.every(status="draft")[0]

    store.sandbox.act(NAME, "finalize", invoice["id"])
    assert store.again(invoice)["status"] == "open"
    store.sandbox.act(NAME, "edit", invoice["id"], amount=12345)
    assert store.again(invoice)["amount"] == 12345
    store.sandbox.act(NAME, "void_at_provider", invoice["id"])
    assert store.again(invoice)["status"] == "void"
    assert store.sandbox.effects() == []  # none of it was a client's doing


def test_killed_in_the_middle_it_goes_on_where_it_was(start_sandbox, store_of, tmp_path):
    sandbox = start_sandbox(state=tmp_path / "state")
    store = store_of(sandbox)
    invoice = store.every(status="open")[0]
    store.sandbox.act(NAME, "customer_pays", invoice["id"])
    drawn = store.regenerate(invoice)
    new = store.sandbox.act(NAME, "purchase")
    effects = sandbox.effects()
    sandbox.kill()

    again = store_of(start_sandbox(state=tmp_path / "state"))

    assert unlinked(again.again(invoice)) == unlinked(drawn)
    assert again.again(invoice)["status"] == "paid"
    assert again.get("/v1/invoices/", limit=1)["data"][0]["id"] == new["id"]
    assert again.sandbox.effects() == effects
    assert len(effects) == 1
    assert again.sandbox.connections[NAME]["api_key"] == store.sandbox.connections[NAME]["api_key"]
