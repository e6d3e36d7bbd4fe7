"""FlexPrice, today's server, driven by its official Python client (2.1.43)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import requests
from flexprice import Flexprice
from flexprice.models import errors

EVERY_STATUS = ["DRAFT", "FINALIZED", "VOIDED", "SKIPPED"]


@pytest.fixture
def client(sandbox):
    connection = sandbox.connections["flexprice"]
    with Flexprice(api_key_auth=connection["api_key"], server_url=connection["base_url"]) as client:
        yield client


@pytest.fixture
def customer(client):
    """A customer without subscriptions, so that nothing but the test touches its invoices."""
    newest = client.customers.query_customer(limit=1, order="desc").items[0]
    return newest.id


def one_off(client, customer, **given):
    given = {"currency": "USD", "subtotal": "100", "total": "100", "amount_due": "100"} | given
    return client.invoices.create_invoice(customer_id=customer, invoice_type="ONE_OFF", **given)


def test_a_full_pull_sees_every_invoice_once_and_each_reads_the_same_alone(client):
    pulled = []
    while True:
        page = client.invoices.query_invoice(
            limit=20, offset=len(pulled), invoice_status=EVERY_STATUS,
            sort=[{"field": "created_at", "direction": "asc"}, {"field": "id", "direction": "asc"}],
        )  # fmt: skip
        assert page.pagination.offset == len(pulled)  # echoed, whatever the documentation says
        pulled += page.items
        if len(pulled) >= page.pagination.total:
            break

    assert len({invoice.id for invoice in pulled}) == len(pulled) == 58  # of 60, one archived and one deleted
    assert [invoice.created_at for invoice in pulled] == sorted(invoice.created_at for invoice in pulled)
    for listed in pulled[::7]:
        alone = client.invoices.get_invoice(id=listed.id)
        assert (alone.total, alone.version, alone.invoice_number) == (
            listed.total,
            listed.version,
            listed.invoice_number,
        )
        assert {line.id: line.amount for line in alone.line_items or ()} == {
            line.id: line.amount for line in listed.line_items or ()
        }


def test_the_data_shows_every_status_and_every_oddity(client):
    invoices = client.invoices.query_invoice(limit=1000, invoice_status=EVERY_STATUS).items

    assert {invoice.invoice_status for invoice in invoices} == set(EVERY_STATUS)
    assert {invoice.payment_status for invoice in invoices} == {
        "INITIATED", "PENDING", "PROCESSING", "SUCCEEDED", "OVERPAID", "FAILED", "REFUNDED", "PARTIALLY_REFUNDED",
        "VOIDED",
    }  # fmt: skip
    assert {invoice.invoice_type for invoice in invoices} == {"SUBSCRIPTION", "ONE_OFF", "CREDIT"}
    assert {"jpy", "kwd", "bhd", "isk", "vnd", "clf", "usd", "eur"} <= {invoice.currency for invoice in invoices}
    lines = [line for invoice in invoices for line in invoice.line_items or ()]
    assert {400, 2400} <= {len(invoice.line_items or ()) for invoice in invoices}
    assert any(Decimal(line.amount) < 0 for line in lines)
    assert any(line.price_unit == "crd" and Decimal(line.price_unit_amount) > 0 for line in lines)
    assert any(line.parent_line_item_id for line in lines)
    assert any(line.commitment_info and Decimal(line.commitment_info.computed_true_up_amount) for line in lines)
    assert any(Decimal(repr(float(line.amount))) != Decimal(line.amount) for line in lines)  # no float holds it
    assert any(len(invoice.subtotal.partition(".")[2]) == 8 for invoice in invoices)
    assert len({invoice.billing_reason for invoice in invoices}) >= 6
    assert any(len(invoice.customer.name) == 200 for invoice in invoices)
    assert any(invoice.recalculated_invoice_id for invoice in invoices)
    assert any(
        invoice.customer_id != invoice.subscription_customer_id for invoice in invoices if invoice.subscription_id
    )
    assert any("<script>" in (line.display_name or "") for line in lines)


def test_amounts_add_up_as_flexprice_computes_them(client):
    for invoice in client.invoices.query_invoice(limit=1000, invoice_status=EVERY_STATUS).items:
        at = {name: Decimal(getattr(invoice, name)) for name in (
            "subtotal", "total_discount", "total_prepaid_credits_applied", "total_tax", "total", "adjustment_amount",
            "amount_due", "amount_paid", "amount_remaining",
        )}  # fmt: skip
        asked = at["subtotal"] - at["total_discount"] - at["total_prepaid_credits_applied"] + at["total_tax"]
        assert at["total"] == max(0, asked), invoice.id
        assert at["amount_due"] == at["total"] - at["adjustment_amount"], invoice.id
        assert at["amount_remaining"] == max(0, at["amount_due"] - at["amount_paid"]), invoice.id
        if invoice.line_items and invoice.invoice_type == "SUBSCRIPTION":
            assert sum(Decimal(line.amount) for line in invoice.line_items) == at["subtotal"], invoice.id
            on_lines = sum(
                Decimal(line.line_item_discount) + Decimal(line.invoice_level_discount) for line in invoice.line_items
            )
            assert on_lines == at["total_discount"], invoice.id
            credits = sum(Decimal(line.prepaid_credits_applied) for line in invoice.line_items)
            assert credits == at["total_prepaid_credits_applied"], invoice.id
        overpaid = invoice.payment_status == "OVERPAID"
        assert (invoice.overpaid_amount is not None) == overpaid


def test_a_one_off_invoice_is_created_finalized_paid_and_voided(client, customer, sandbox):
    created = one_off(client, customer, idempotency_key="sdk-1", description="Workshop", due_date=in_days(30),
                      line_items=[{"display_name": "Workshop", "amount": "100", "quantity": "1"}])  # fmt: skip
    assert (created.invoice_status, created.payment_status, created.currency) == ("FINALIZED", "PENDING", "usd")
    assert created.invoice_number.startswith("INV-202610-")
    assert (created.customer, created.taxes) == (None, None)
    with pytest.raises(errors.FlexpriceDefaultError) as again:
        one_off(client, customer, idempotency_key="sdk-1")
    assert again.value.status_code == 409
    assert "invoice already exists" in again.value.body

    paid = client.invoices.update_invoice_payment_status(id=created.id, payment_status="SUCCEEDED", amount="3")
    assert (paid.amount_paid, paid.amount_remaining, paid.payment_status) == ("100", "0", "SUCCEEDED")
    assert paid.customer.id == customer

    done = client.invoices.void_invoice(id=created.id)
    assert done.message == "invoice voided successfully"
    voided = client.invoices.get_invoice(id=created.id)
    assert (voided.invoice_status, voided.payment_status, voided.refunded_amount) == ("VOIDED", "REFUNDED", "100")
    assert (voided.amount_due, voided.amount_paid) == ("100", "100")  # they stay; receivables leave voided ones out
    wallet = client.wallets.get_wallets_by_customer_id(id=customer)[0]
    assert (wallet.name, wallet.balance, wallet.wallet_type) == ("Subscription Wallet", "100", "PRE_PAID")
    movement = client.wallets.get_wallet_transactions(id_path_parameter=wallet.id).items[0]
    assert (movement.transaction_reason, movement.idempotency_key) == ("INVOICE_VOID_REFUND", created.id)
    assert [effect["verb"] for effect in sandbox.effects(external_id=created.id)] == [
        "create",
        "payment_status",
        "void",
    ]


def in_days(days):
    return datetime(2026, 10, 15, tzinfo=UTC) + timedelta(days=days)


def test_a_draft_is_recalculated_previewed_and_finalized(client):
    draft = next(
        invoice
        for invoice in client.invoices.query_invoice(invoice_status=["DRAFT"]).items
        if Decimal(invoice.total) and invoice.currency == "usd"
    )
    again = client.invoices.recalculate_invoice_v2(id=draft.id, finalize=False)
    assert again.invoice_status == "DRAFT"
    assert Decimal(again.subtotal) > Decimal(draft.subtotal)  # usage came in since
    assert {line.id for line in again.line_items} == {line.id for line in draft.line_items}  # updated in place

    shown = client.invoices.get_invoice_preview(
        subscription_id=draft.subscription_id, hide_zero_charges_line_items=True
    )
    assert (shown.invoice_number, shown.idempotency_key, shown.billing_sequence) == (None, None, None)
    with pytest.raises(errors.ErrorResponse) as unknown:  # a preview is not stored
        client.invoices.get_invoice(id=shown.id)
    assert unknown.value.data.code == "not_found"

    assert client.invoices.finalize_invoice(id=draft.id).message == "invoice finalized successfully"
    assert client.invoices.get_invoice(id=draft.id).invoice_number
    with pytest.raises(errors.ErrorResponse) as twice:
        client.invoices.finalize_invoice(id=draft.id)
    assert twice.value.data.message == "invoice must be in draft status to be finalized"


def test_lines_of_a_draft_are_edited_as_the_newest_servers_offer_it(client):
    draft = next(i for i in client.invoices.query_invoice(invoice_status=["DRAFT"]).items if i.currency == "jpy")
    added = client.invoices.execute_invoice_modify(id=draft.id, type_="line_item", line_item_params={
        "action": "add", "items": [{"display_name": "Courier", "amount": "1200", "quantity": "1"}],
    }).invoice  # fmt: skip
    assert Decimal(added.subtotal) == Decimal(draft.subtotal) + 1200
    assert added.is_manually_edited
    courier = next(line for line in added.line_items if line.display_name == "Courier")
    changed = client.invoices.execute_invoice_modify(id=draft.id, type_="line_item", line_item_params={
        "action": "update", "line_item_id": courier.id, "update": {"amount": "1500"},
    }).invoice  # fmt: skip
    replaced = next(line for line in changed.line_items if line.display_name == "Courier")
    assert (replaced.amount, replaced.parent_line_item_id) == ("1500", courier.id)
    removed = client.invoices.execute_invoice_modify(id=draft.id, type_="line_item", line_item_params={
        "action": "remove", "line_item_ids": [replaced.id],
    }).invoice  # fmt: skip
    assert removed.subtotal == draft.subtotal


def test_the_pdf_comes_as_bytes(client):
    invoice = client.invoices.query_invoice(limit=1).items[0]
    document = client.invoices.get_invoice_pdf(id=invoice.id)
    assert document.read().startswith(b"%PDF-")


def test_a_wrong_key_is_refused_in_its_own_shape(sandbox):
    base = sandbox.connections["flexprice"]["base_url"]
    for headers, said in (
        ({}, "Unauthorized"),
        ({"x-api-key": "sk_nobody"}, "Unauthorized"),
        ({"Authorization": "Basic abc"}, "Invalid authorization header format"),
        ({"Authorization": "Bearer abc"}, "Invalid token"),
    ):
        answer = requests.get(f"{base}/invoices", headers=headers)
        assert (answer.status_code, answer.json()) == (401, {"error": said})
    assert requests.get(f"{base}/nothing").text == "404 page not found"  # nobody asks for a key there


def test_a_key_that_only_reads_may_not_write(sandbox):
    connection = sandbox.connections["flexprice"]
    reader = {"x-api-key": connection["read_only_api_key"]}
    found = requests.post(f"{connection['base_url']}/invoices/search", json={"limit": 1}, headers=reader)
    assert found.status_code == 200
    identity = found.json()["items"][0]["id"]
    refused = requests.post(f"{connection['base_url']}/invoices/{identity}/void", headers=reader)
    assert (refused.status_code, refused.json()) == (403, {"message": "insufficient permissions"})

    session = {"Authorization": f"Bearer {connection['session_token']}"}
    nowhere = requests.get(f"{connection['base_url']}/invoices", headers=session)
    assert (nowhere.status_code, nowhere.json()["message"]) == (403, "Invalid or inaccessible environment")
    session["X-Environment-ID"] = connection["environment_id"]
    assert requests.get(f"{connection['base_url']}/invoices", headers=session).status_code == 200


def test_a_suspended_tenant_reads_and_does_not_write(sandbox):
    connection = sandbox.connections["flexprice"]
    key = {"x-api-key": connection["api_key"], "X-Request-ID": "r-17"}
    sandbox.act("flexprice", "tenant_suspended")
    try:
        answer = requests.post(f"{connection['base_url']}/invoices", json={}, headers=key)
        assert (answer.status_code, answer.json()) == (403, {"message": "tenant account is suspended"})
        assert answer.headers["X-Request-ID"] == "r-17"
        assert requests.get(f"{connection['base_url']}/invoices", headers=key).status_code == 200
    finally:
        sandbox.act("flexprice", "tenant_suspended", enabled=False)
