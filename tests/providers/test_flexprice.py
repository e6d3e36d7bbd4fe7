"""FlexPrice's words in ours."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from invoicing.providers.base import Context
from invoicing.providers.errors import PayloadNotUnderstood
from invoicing.providers.flexprice.adapter import FlexPrice
from invoicing.providers.snapshots import Adjustment, CustomerSnapshot
from invoicing.providers.strict_json import loads
from tests.providers.scripted import altered, texts, without

FLEX = FlexPrice()
INVOICE = "inv_01K2A2INVOICEAUGUST000000A"
AMOUNTS = ("subtotal", "discount", "credits", "tax", "total", "amount_paid", "amount_due", "amount_refunded")


@pytest.fixture
def read(example):
    return lambda name: json.loads(example(name))


def normalized(payload, context=None):
    return FLEX.invoice(loads(json.dumps(payload).encode()), context or Context())


# --- what an invoice says ---


def test_an_unpaid_subscription_invoice(read):
    invoice = normalized(read("flexprice_invoice_get"))

    assert (invoice.external_id, invoice.number) == (INVOICE, "INV-202609-00042")
    assert (invoice.status, invoice.payment_status, invoice.provider_status) == (
        "finalized",
        "unpaid",
        "FINALIZED / PENDING",
    )
    assert invoice.currency == "EUR"
    assert texts(invoice, *AMOUNTS) == {
        "subtotal": "311.5",
        "discount": "10",
        "credits": "50",
        "tax": "57.29",
        "total": "308.79",
        "amount_paid": "0",
        "amount_due": "308.79",
        "amount_refunded": "0",
    }
    assert invoice.issued_at == datetime(2026, 9, 1, 0, 4, 11, 482913, UTC)
    assert (invoice.listed_on, invoice.listed_by) == (date(2026, 9, 1), "issued")
    assert invoice.due_date == date(2026, 10, 1)
    assert invoice.customer == CustomerSnapshot(
        external_id="cust_01K2A1CUSTNORTHWIND000000A",
        name="Northwind Analytics GmbH",
        email="billing@northwind.example",
        reference="crm-48213",
        timezone="Europe/Berlin",
        address=invoice.billed_to,
    )
    assert invoice.billed_to.lines == ("Invalidenstrasse 12", "Hof 3", "10115 Berlin, BE", "DE")
    assert invoice.billed_to.tax_id == "DE811234567"
    assert [(line.position, line.text, str(line.amount), str(line.quantity), line.unit) for line in invoice.lines] == [
        (0, "API calls", "212.5", "42500", "EUR"),
        (1, "Growth platform fee", "99", "1", "EUR"),
    ]
    assert all(line.unit_price is None for line in invoice.lines)  # a tiered amount over its quantity is no price
    assert [(tax.label, str(tax.amount), tax.detail) for tax in invoice.taxes] == [("Tax", "57.29", "on 301.5 EUR")]
    assert invoice.has_pdf
    assert invoice.unrecognized == ()


def test_every_field_at_once(read):
    invoice = normalized(read("flexprice_invoice_all_fields"))

    assert (invoice.payment_status, invoice.replaced_by) == ("overpaid", "inv_01K2A9REPLACEMENT00000000A")
    assert texts(invoice, "total", "amount_paid", "amount_due") == {
        "total": "308.79",
        "amount_paid": "310",
        "amount_due": "0",
    }
    assert invoice.notices == ("Overpaid by 1.21 EUR.", "Replaced by inv_01K2A9REPLACEMENT00000000A.")
    api_calls, platform = invoice.lines
    assert [(part.text, str(part.amount)) for part in api_calls.sub_lines] == [
        ("Commitment used", "200"),
        ("Overage", "12.5"),
        ("True-up to the commitment", "0"),
        ("source: api", "170.00"),
        ("source: batch", "42.50"),
    ]
    assert ("Commitment", "200 monthly, overage × 1.25") in api_calls.facts
    assert ("Free units deducted", "10000") in api_calls.facts
    assert platform.adjustments == (
        Adjustment(
            label="Launch",
            amount=Decimal("-10"),
            unit="EUR",
            percentage=Decimal("3.21"),
            detail="coup_01K2A0COUPONLAUNCH10000000A",
            external_id="ca_01K2A2COUPONAPPLICATION00000A",
        ),
    )
    assert invoice.discounts == ()  # the one coupon there is belongs to a line
    assert [(tax.label, str(tax.percentage)) for tax in invoice.taxes] == [("German VAT", "19")]
    assert invoice.links == ()


def test_what_newer_servers_add_is_read_or_left(read):
    today, newer = (
        normalized(read("flexprice_invoice_all_fields")),
        normalized(read("flexprice_invoice_sdk_2_1_43_all_fields")),
    )

    assert newer.total == today.total
    assert newer.customer.currency == "EUR"
    assert ("Total in custom currency", "30879 CRD") in newer.facts
    assert "Tax exemption: Customer accounts for the tax" in newer.notices
    assert newer.links == ()  # the hosted page in the example is not on FlexPrice's own hosts


def test_a_voided_and_refunded_invoice(read):
    invoice = normalized(read("flexprice_invoice_voided_paid"))

    assert (invoice.status, invoice.payment_status) == ("void", "refunded")
    assert texts(invoice, "amount_paid", "amount_due", "amount_refunded") == {
        "amount_paid": "308.79",
        "amount_due": "0",
        "amount_refunded": "358.79",
    }
    assert invoice.voided_at == datetime(2026, 9, 5, 8, 0, tzinfo=UTC)


def test_a_one_off_in_yen_right_after_its_creation(read):
    invoice = normalized(read("flexprice_invoice_create_response"))

    assert (invoice.currency, str(invoice.total), str(invoice.amount_due)) == ("JPY", "48000", "48000")
    assert (invoice.kind, invoice.customer) == (
        "ONE_OFF",
        CustomerSnapshot(external_id="cust_01K2A1CUSTNORTHWIND000000A"),
    )
    assert invoice.period_start is None


def test_a_preview_is_a_draft_without_number_listed_under_its_planned_date(read):
    invoice = normalized(read("flexprice_invoice_preview_response"))

    assert (invoice.status, invoice.number, invoice.issued_at) == ("draft", "", None)
    assert (invoice.listed_by, invoice.planned_issue_at) == ("planned", datetime(2026, 9, 1, 0, 4, 11, 482913, UTC))


def test_a_list_and_a_webhook_say_the_same_invoice(read):
    listed = normalized(read("flexprice_invoices_search_response")["items"][0])
    pushed = normalized(read("flexprice_webhook_invoice_update_finalized")["invoice"])

    assert (listed.external_id, listed.total, listed.lines[0]) == (pushed.external_id, pushed.total, pushed.lines[0])
    assert listed.lines[1].adjustments[0].label == "Launch"


def test_the_first_generation_lacks_fields_and_lacks_no_zeros(read):
    newer = ("issue_date", "adjustment_amount", "refunded_amount", "total_prepaid_credits_applied", "environment_id")
    payload = read("flexprice_invoice_get")
    for name in (*newer, "is_manually_edited", "last_computed_at", "subscription_customer_id"):
        payload.pop(name, None)
    for line in payload["line_items"]:
        for name in ("prepaid_credits_applied", "line_item_discount", "invoice_level_discount", "environment_id"):
            del line[name]
    invoice = normalized(payload)

    assert (invoice.credits, invoice.amount_refunded) == (None, None)
    assert invoice.issued_at == datetime(2026, 9, 1, 2, 6, 30, 118204, UTC)  # finalized: it has no date of issue


@pytest.mark.parametrize(
    ("word", "paid", "ours"),
    [
        ("PENDING", "0", "unpaid"),
        ("PENDING", "100", "partly_paid"),
        ("INITIATED", "0", "processing"),
        ("PROCESSING", "0", "processing"),
        ("SUCCEEDED", "308.79", "paid"),
        ("OVERPAID", "310", "overpaid"),
        ("FAILED", "0", "failed"),
        ("REFUNDED", "308.79", "refunded"),
        ("PARTIALLY_REFUNDED", "308.79", "partly_refunded"),
        ("VOIDED", "0", "not_tracked"),
    ],
)
def test_payment_words(read, word, paid, ours):
    payload = read("flexprice_invoice_get") | {"payment_status": word, "amount_paid": paid}

    assert normalized(payload).payment_status == ours


def test_the_customer_of_the_subscription_is_not_the_one_invoiced(read):
    payload = altered(read("flexprice_invoice_get"), "customer.id", "cust_CHILD")
    parent = CustomerSnapshot(external_id="cust_01K2A1CUSTNORTHWIND000000A", name="Parent AG")

    assert normalized(payload).customer == CustomerSnapshot(external_id="cust_01K2A1CUSTNORTHWIND000000A")
    assert normalized(payload, Context(customers={parent.external_id: parent})).customer == parent


def test_a_customer(read):
    customer = FLEX.customer(read("flexprice_customer"))

    assert (customer.external_id, customer.reference, customer.archived) == (
        "cust_01K2A1CUSTNORTHWIND000000A",
        "crm-48213",
        False,
    )
    assert FLEX.customer(read("flexprice_customer") | {"status": "archived"}).archived


# --- what cannot be read ---


@pytest.mark.parametrize("name", ["invoice_status", "payment_status"])
def test_an_unknown_word_is_kept_and_owned_up_to(read, name):
    invoice = normalized(read("flexprice_invoice_get") | {name: "ON_HOLD"})

    assert "unrecognized" in (invoice.status, invoice.payment_status)
    assert invoice.unrecognized == (f"{name}=ON_HOLD",)
    assert "ON_HOLD" in invoice.provider_status


@pytest.mark.parametrize("name", ["id", "customer_id", "invoice_status", "payment_status", "currency", "total"])
@pytest.mark.parametrize("value", ["missing", None, {}, [], True])
def test_a_record_without_its_required_fields_is_set_aside(read, name, value):
    payload = read("flexprice_invoice_get")
    payload = without(payload, name) if value == "missing" else payload | {name: value}

    with pytest.raises(PayloadNotUnderstood) as complaint:
        normalized(payload)
    assert complaint.value.field == name


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("currency", "euro", "currency"),
        ("total", "12,50", "total"),
        ("total", "NaN", "total"),
        ("amount_paid", "1e400", "amount_paid"),
        ("amount_remaining", {"amount": "1"}, "amount_remaining"),
        ("due_date", "next week", "due_date"),
        ("line_items", {"0": {}}, "line_items"),
        ("line_items.1.amount", [], "line_items.1.amount"),
        ("taxes.0.tax_amount", True, "taxes.0.tax_amount"),
        ("customer", "Northwind", "customer"),
    ],
)
def test_a_value_that_is_there_must_be_readable(read, path, value, field):
    with pytest.raises(PayloadNotUnderstood) as complaint:
        normalized(altered(read("flexprice_invoice_get"), path, value))
    assert complaint.value.field == field


def test_any_other_field_may_be_absent_or_null(read):
    payload = read("flexprice_invoice_get")
    optional = set(payload) - {"id", "customer_id", "invoice_status", "payment_status", "currency", "total"}
    assert len(optional) > 30
    for name in optional:
        for thinner in (without(payload, name), payload | {name: None}):
            assert str(normalized(thinner).total) == "308.79"

    told = normalized({name: value for name, value in payload.items() if name not in optional or name == "created_at"})
    assert texts(told, *AMOUNTS) == dict.fromkeys(AMOUNTS) | {"total": "308.79"}
    assert (told.listed_by, told.number, told.lines) == ("created", "", ())


def test_numbers_are_taken_as_numbers_or_as_text(read):
    payload = altered(read("flexprice_invoice_get"), "total", 308.79) | {"something_new": {"deep": [1]}}

    assert str(normalized(payload).total) == "308.79"


def test_an_amount_of_forty_digits_loses_none_when_its_sign_changes(read):
    digits = "12345678901234567890123456789012345678.90"
    payload = read("flexprice_invoice_get") | {"total_prepaid_credits_applied": digits}

    assert str(normalized(payload).credit_items[0].amount) == f"-{digits}"
