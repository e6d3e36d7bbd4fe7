"""Checkout Page's words in ours: documents drawn from payments, in minor units."""

import json
from datetime import date

import pytest

from invoicing.providers.base import Context
from invoicing.providers.checkout_page.adapter import CheckoutPage
from invoicing.providers.errors import PayloadNotUnderstood
from invoicing.providers.snapshots import CustomerSnapshot
from invoicing.providers.strict_json import loads
from tests.providers.scripted import altered, texts, without

PAGE = CheckoutPage()
INVOICE, CHARGE, CUSTOMER = "66f1c0a4b7d2e94c1a2b3c4d", "66f1c091b7d2e94c1a2b3c22", "66f1c08eb7d2e94c1a2b3c11"
AMOUNTS = ("subtotal", "discount", "tax", "total", "amount_paid", "amount_due", "amount_refunded")


@pytest.fixture
def read(example):
    return lambda name: json.loads(example(name))


@pytest.fixture
def paid(read):
    return read("checkoutpage_invoice")["data"]


def normalized(payload, context=None):
    return PAGE.invoice(loads(json.dumps(payload).encode()), context or Context())


# --- what an invoice says ---


def test_a_paid_invoice(paid):
    invoice = normalized(paid)

    assert (invoice.external_id, invoice.number, invoice.po_number) == (INVOICE, "2026-000118", "PO-2026-118")
    assert (invoice.status, invoice.payment_status, invoice.provider_status) == ("finalized", "paid", "paid")
    assert invoice.currency == "EUR"
    assert texts(invoice, *AMOUNTS) == {
        "subtotal": "198.00",
        "discount": "24.80",
        "tax": "35.24",
        "total": "211.44",
        "amount_paid": "211.44",
        "amount_due": "0.00",
        "amount_refunded": "0.00",
    }
    assert (invoice.listed_on, invoice.listed_by, invoice.issued_at) == (date(2026, 9, 23), "created", None)
    assert invoice.customer == CustomerSnapshot(
        external_id=CUSTOMER, name="Atelier Lumen SARL", email="compta@atelier-lumen.example"
    )
    seat, fee = invoice.lines
    assert (seat.text, str(seat.quantity), str(seat.unit_price), str(seat.amount), seat.counts) == (
        "Photo workshop seat",
        "2",
        "99.00",
        "198.00",
        True,
    )
    assert [(part.label, str(part.amount), part.detail) for part in seat.adjustments] == [
        ("Bulk discount", "-19.80", ""),
        ("Coupon", "-5.00", "AUTUMN5"),
    ]
    assert (fee.text, fee.kind, str(fee.amount), fee.counts) == ("Booking fee", "fee", "3.00", False)
    assert [(part.label, str(part.amount)) for part in invoice.discounts] == [
        ("Bulk discount", "-19.80"),
        ("Autumn", "-5.00"),
    ]
    assert [(tax.label, str(tax.amount), str(tax.percentage), tax.detail) for tax in invoice.taxes] == [
        ("VAT", "35.24", "20", "FR, standard rated")
    ]
    assert invoice.billed_to.lines == ("14 Quai des Belges", "2e etage", "13001 Marseille, PAC", "FR")
    assert (invoice.billed_to.tax_id, invoice.billed_by.name) == ("eu_vat FR40303265045", "Studio Cobalt BV")
    assert invoice.handles == {"charge_id": CHARGE, "number": "2026-000118"}
    assert (invoice.has_pdf, invoice.livemode, invoice.links, invoice.unrecognized) == (True, True, (), ())


def test_a_partly_refunded_one(read):
    invoice = normalized(read("checkoutpage_invoice_list")["data"][1])

    assert (invoice.payment_status, str(invoice.amount_refunded)) == ("partly_refunded", "50.00")


@pytest.mark.parametrize(
    ("word", "status", "payment"),
    [
        ("draft", "draft", "unpaid"),
        ("open", "finalized", "unpaid"),
        ("paid", "finalized", "paid"),
        ("uncollectible", "finalized", "uncollectible"),
        ("refunded", "finalized", "refunded"),
        ("partially_refunded", "finalized", "partly_refunded"),
        ("void", "void", "unpaid"),
    ],
)
def test_status_words(paid, word, status, payment):
    invoice = normalized(paid | {"status": word, "amountPaid": 0})

    assert (invoice.status, invoice.payment_status) == (status, payment)


def test_an_open_one_with_something_paid_is_partly_paid(paid):
    assert normalized(paid | {"status": "open", "amountPaid": 100, "amountDue": 21044}).payment_status == "partly_paid"


@pytest.mark.parametrize(
    ("currency", "minor", "major"),
    [
        ("usd", 2500, "25.00"),
        ("USD", 1, "0.01"),
        ("jpy", 500, "500"),
        ("krw", 0, "0"),
        ("kwd", 12340, "12.340"),
        ("bhd", -5, "-0.005"),
        ("isk", 500, "5.00"),
        ("eur", 199.5, "1.995"),
        ("eur", 10**30 + 1, "10000000000000000000000000000.01"),
    ],
)
def test_minor_units_are_counted_as_the_payment_provider_counts_them(paid, currency, minor, major):
    invoice = normalized(paid | {"currency": currency, "amount": minor})

    assert (invoice.currency, str(invoice.total)) == (currency.upper(), major)


def test_test_data_says_so(paid):
    assert not normalized(paid | {"livemode": False}).livemode


def test_a_discount_is_the_difference_of_the_subtotals_or_the_sum_of_its_parts(paid):
    assert str(normalized(without(paid, "subtotalAfterDiscount")).discount) == "24.80"
    bare = without(without(without(paid, "subtotalAfterDiscount"), "coupon"), "bulkDiscount")
    assert normalized(bare).discount is None


def test_a_rate_is_told_only_where_its_scale_is_known(paid):
    second = {"displayName": "GST", "percentage": 5, "inclusive": True}

    assert [(tax.label, tax.percentage) for tax in normalized(altered(paid, "taxRates", [])).taxes] == [("VAT", None)]
    assert normalized(paid | {"taxRates": [second, second]}).taxes[0].percentage is None
    assert "included in the prices" in normalized(paid | {"taxRates": [second]}).taxes[0].detail


def test_without_a_customer_id_the_e_mail_address_tells_customers_apart(paid):
    assert normalized(without(paid, "customerId")).customer.external_id == "email:compta@atelier-lumen.example"
    nobody = without(without(without(paid, "customerId"), "customerEmail"), "billing")
    assert normalized(nobody).customer.external_id == "unknown"


def test_a_customer(read):
    customer = PAGE.customer(read("checkoutpage_customer")["data"])

    assert (customer.external_id, customer.name, customer.email) == (
        CUSTOMER,
        "Atelier Lumen SARL",
        "compta@atelier-lumen.example",
    )
    assert customer.address.tax_id == "eu_vat FR40303265045"


# --- what cannot be read ---


@pytest.mark.parametrize("name", ["id", "status", "currency", "amount"])
@pytest.mark.parametrize("value", ["missing", None, {}, True])
def test_a_record_without_its_required_fields_is_set_aside(paid, name, value):
    payload = without(paid, name) if value == "missing" else paid | {name: value}

    with pytest.raises(PayloadNotUnderstood) as complaint:
        normalized(payload)
    assert complaint.value.field == name


def test_the_fewest_fields_there_can_be():
    invoice = normalized(
        {"id": INVOICE, "status": "paid", "currency": "eur", "amount": 100, "createdAt": "2026-09-23T14:02:28Z"}
    )

    assert texts(invoice, *AMOUNTS) == dict.fromkeys(AMOUNTS) | {"total": "1.00"}
    assert (invoice.number, invoice.handles, invoice.has_pdf, invoice.billed_to) == ("", {}, False, None)
    with pytest.raises(PayloadNotUnderstood, match="no other date"):
        normalized({"id": INVOICE, "status": "paid", "currency": "eur", "amount": 100})


def test_any_other_field_may_be_absent_or_null(paid):
    for name in set(paid) - {"id", "status", "currency", "amount"}:
        for payload in (without(paid, name), paid | {name: None}):
            assert str(normalized(payload).total) == "211.44"


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("amountDue", "a lot", "amountDue"),
        ("currency", "EURO", "currency"),
        ("lineItems", {}, "lineItems"),
        ("lineItems.0.amount", [], "lineItems.0.amount"),
        ("coupon", "AUTUMN5", "coupon"),
        ("billing.address", 5, "billing.address"),
        ("createdAt", "yesterday", "createdAt"),
        ("livemode", "yes", "livemode"),
    ],
)
def test_a_value_that_is_there_must_be_readable(paid, path, value, field):
    with pytest.raises(PayloadNotUnderstood) as complaint:
        normalized(altered(paid, path, value))
    assert complaint.value.field == field


def test_an_unknown_status_is_kept_and_owned_up_to(paid):
    invoice = normalized(paid | {"status": "disputed", "brandNew": {"x": 1}})

    assert (invoice.status, invoice.payment_status, invoice.provider_status) == (
        "unrecognized",
        "unrecognized",
        "disputed",
    )
    assert invoice.unrecognized == ("status=disputed",)
