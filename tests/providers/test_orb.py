"""Orb's answers in our words, and our wishes in Orb's: every example read by hand, and what breaks it."""

import copy
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from invoicing.money import exact_text
from invoicing.providers.base import Context
from invoicing.providers.errors import PayloadNotUnderstood
from invoicing.providers.orb.adapter import Orb
from invoicing.providers.strict_json import loads
from invoicing.vocabulary import ListedBy, Payment, Status

ORB = Orb()


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.fixture
def customers(example):
    found = [ORB.customer(record) for record in loads(example("orb_customer_list"))["data"]]
    return Context(customers={each.external_id: each for each in found})


@pytest.fixture
def read(example, customers):
    """read("orb_invoice_issued", status="paid") normalizes the example, with changes."""

    def normalize(name, context=customers, **changes):
        return ORB.invoice(loads(example(name)) | changes, context)

    return normalize


# --- examples --------------------------------------------------------------------------------------------------------


def test_an_issued_invoice(read):
    issued = read("orb_invoice_issued")

    assert (issued.external_id, issued.number) == ("iNv0iceIssued001", "NWRBT-00042")
    assert (issued.status, issued.payment_status) == (Status.FINALIZED, Payment.UNPAID)
    assert (issued.provider_status, issued.kind) == ("issued", "subscription")
    assert issued.currency == "USD"
    assert texts(issued) == {
        "subtotal": "185.40",
        "discount": "19.70",
        "tax": "14.90",
        "total": "196.20",
        "credits": "37.00",
        "amount_due": "159.20",
        "amount_paid": None,
    }
    assert issued.issued_at == issued.finalized_at == utc(2026, 7, 1, 19, 14, 22)
    assert issued.created_at == utc(2026, 6, 1, 7, 2, 41)
    assert (issued.listed_on, issued.listed_by) == (date(2026, 7, 1), ListedBy.ISSUED)
    assert issued.due_date == date(2026, 7, 31)  # midnight in Los Angeles
    assert issued.timezone == "America/Los_Angeles"
    assert issued.subscription_id == "sUb4Lm8QvT2xYc6R"
    assert issued.memo == "Thank you for your business."
    assert issued.has_pdf
    assert issued.handles == {"customer_id": "Kq7TzP2mXw9RbNd4", "will_auto_issue": "false"}
    assert issued.links == (("Customer's page", "https://invoices.withorb.com/view?token=EXAMPLE.TOKEN"),)
    assert issued.notices == ("The last payment failed on 2026-07-01.", "2 lines without quantity left out by Orb.")
    assert ("cost_center", "robotics-ops") in issued.facts


def texts(snapshot):
    names = ("subtotal", "discount", "tax", "total", "credits", "amount_due", "amount_paid")
    amounts = {name: getattr(snapshot, name) for name in names}
    return {name: None if amount is None else exact_text(amount) for name, amount in amounts.items()}


def test_names_and_addresses_come_from_the_customer_and_the_invoice(read):
    issued = read("orb_invoice_issued")

    assert (issued.customer.name, issued.customer.email) == ("Northwind Robotics, Inc.", "billing@northwind.example")
    assert issued.customer.reference == "acct_northwind_01"
    assert issued.billed_to.lines == ("410 Harbor Way", "Suite 9", "Oakland, CA 94607", "US")
    assert issued.billed_to.name == "Northwind Robotics, Inc."
    assert issued.billed_to.tax_id == "us_ein 12-3456789"


def test_without_its_customer_an_invoice_still_reads(read):
    alone = read("orb_invoice_issued", context=Context())

    assert (alone.customer.external_id, alone.customer.name) == ("Kq7TzP2mXw9RbNd4", "")
    assert alone.customer.reference == "acct_northwind_01"
    assert alone.timezone == "UTC"


def test_lines_with_tiers_cells_minimums_and_a_negative_one(read):
    calls, compute, platform, goodwill = read("orb_invoice_issued").lines

    assert (calls.text, exact_text(calls.quantity), exact_text(calls.amount)) == ("API calls", "150000", "96.30")
    assert calls.unit_price is None  # three tiers, three prices
    assert [(tier.label, exact_text(tier.unit_price), exact_text(tier.amount)) for tier in calls.tiers] == [
        ("Tier one, 0 to 10000, region us-west", "0.001", "10.00"),
        ("Tier two, 10000 to 100000", "0.0008", "72.00"),
        ("Tier three, above 100000", "0.0005", "25.00"),
    ]
    assert [(each.label, exact_text(each.amount), each.detail) for each in calls.adjustments] == [
        ("Discount", "-10.70", "Launch partner")
    ]
    assert [(tax.label, exact_text(tax.amount), exact_text(tax.percentage)) for tax in calls.taxes] == [
        ("California Sales Tax", "7.70", "8.00")
    ]
    assert [(part.text, exact_text(part.amount)) for part in compute.sub_lines] == [
        ("us-west, large", "20.00"),
        ("eu-central, large", "14.40"),
    ]
    assert [(each.label, exact_text(each.amount)) for each in compute.adjustments] == [("Minimum", "15.60")]
    assert (exact_text(platform.unit_price), platform.kind) == ("49.00", "fixed_price")
    assert platform.period_start == utc(2026, 7, 1, 7)
    assert (exact_text(goodwill.amount), exact_text(goodwill.unit_price)) == ("-5.00", "-5.00")
    assert ("Item", "Compute") in compute.facts


def test_balance_and_credit_notes_say_what_they_change(read):
    issued = read("orb_invoice_issued")

    assert [(item.label, exact_text(item.amount)) for item in issued.credit_items] == [
        ("Applied to invoice", "-25.00"),
        ("Credit note CN-NWRBT-00003", "-12.00"),
        ("Credit note CN-NWRBT-00002", "0"),  # voided
    ]
    assert "balance" in issued.credit_items[0].detail
    assert "voided on 2026-07-02" in issued.credit_items[2].detail
    assert issued.total + sum(item.amount for item in issued.credit_items) == issued.amount_due
    assert [(tax.label, exact_text(tax.amount)) for tax in issued.taxes] == [
        ("California Sales Tax", "14.90"),
        ("Not taxable", "0.00"),
    ]


def test_a_draft_is_listed_by_its_plan(read):
    draft = read("orb_invoice_draft")

    assert (draft.status, draft.payment_status) == (Status.DRAFT, Payment.UNPAID)
    assert (draft.issued_at, draft.due_date) == (None, None)
    assert draft.planned_issue_at == utc(2026, 8, 1, 19)
    assert (draft.listed_on, draft.listed_by) == (date(2026, 8, 1), ListedBy.PLANNED)
    assert not draft.has_pdf
    assert draft.links == ()


def test_a_paid_invoice_with_its_payment(read):
    paid = read("orb_invoice_paid")

    assert (paid.status, paid.payment_status) == (Status.FINALIZED, Payment.PAID)
    assert paid.paid_at == utc(2026, 6, 3, 11, 0, 31)
    assert exact_text(paid.amount_paid) == "196.20"
    [payment] = paid.payments
    assert (payment.status, payment.method, payment.external_id) == ("succeeded", "stripe", "pAyAttempt000009")
    assert ("Payment received", "2026-06-03") in paid.facts


def test_a_void_invoice_gave_its_balance_back(read):
    void = read("orb_invoice_void")

    assert (void.status, void.payment_status) == (Status.VOID, Payment.UNPAID)
    assert void.voided_at == utc(2026, 7, 3, 16, 20, 5)
    assert [exact_text(item.amount) for item in void.credit_items] == ["-25.00", "25.00"]
    assert exact_text(void.amount_due) == "171.20"


def test_an_upcoming_invoice_reads_though_it_has_no_invoice_date(read):
    upcoming = read("orb_invoice_upcoming")

    assert (upcoming.status, exact_text(upcoming.total)) == (Status.DRAFT, "196.20")
    assert upcoming.listed_on == date(2026, 8, 1)


def test_every_variant_of_the_schema_reads(read):
    every = read("orb_invoice_schema_coverage")

    [line] = every.lines
    assert [each.label for each in line.adjustments] == [
        "Usage discount", "Discount", "Discount", "Tiered discount", "Minimum", "Maximum",
    ]  # fmt: skip
    assert {each.amount for each in line.adjustments} == {None}  # 1+2+3+4-5+0 is not 107.00-96.30: nothing is guessed
    assert line.adjustments[0].detail == "Orb says 1.00"
    assert exact_text(line.adjustments[2].percentage) == "3.00"
    assert every.discount is None
    assert [(each.label, each.amount, each.detail) for each in every.discounts] == [
        ("Percentage discount", None, "Annual prepay"),
        ("Amount discount", None, "4.00 USD"),
        ("Trial discount", None, "Trial, 2.00 USD"),
        ("Tiered percentage discount", None, ""),
    ]
    assert ("Minimum", "100.00 USD") in every.facts


def test_the_lists_of_the_examples_read(example, customers):
    listed = [ORB.invoice(record, customers) for record in loads(example("orb_invoice_list"))["data"]]

    assert [(each.external_id, each.provider_status) for each in listed] == [
        ("iNv0iceIssued001", "issued"),
        ("iNv0icePaid00004", "paid"),
    ]


def test_customers_with_and_without_an_address(example):
    northwind, lakeshore = (ORB.customer(record) for record in loads(example("orb_customer_list"))["data"])

    assert (northwind.external_id, northwind.timezone, northwind.currency) == (
        "Kq7TzP2mXw9RbNd4", "America/Los_Angeles", "USD",
    )  # fmt: skip
    assert northwind.address.country == "US"
    assert (lakeshore.name, lakeshore.reference, lakeshore.timezone) == (
        "Lakeshore Analytics GmbH",
        "",
        "Europe/Berlin",
    )
    assert lakeshore.address.lines == ()


# --- money and days --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("0.0008", "0.0008"),
        ("500", "500"),
        ("-0.00", "0.00"),
        ("1E+2", "100"),
        ("123456789012345678901234.123456789012", "123456789012345678901234.123456789012"),
        (Decimal("19.90"), "19.90"),
        (7, "7"),
    ],
)
def test_amounts_keep_every_digit(read, sent, kept):
    assert exact_text(read("orb_invoice_issued", total=sent).total) == kept


@pytest.mark.parametrize(
    "sent", ["", "NaN", "Infinity", "1e400", "1,234.00", "12 USD", "0x10", "1_000", True, [], {}, None]
)
def test_a_total_that_is_no_amount_is_set_aside(read, sent):
    with pytest.raises(PayloadNotUnderstood) as caught:
        read("orb_invoice_issued", total=sent)
    assert caught.value.field == "total"


def test_days_are_the_customers(read):
    midnight_in_los_angeles = "2026-11-01T07:00:00+00:00"

    assert read("orb_invoice_issued", due_date=midnight_in_los_angeles).due_date == date(2026, 11, 1)
    assert read("orb_invoice_issued", issued_at="2026-07-01T03:00:00+00:00").listed_on == date(2026, 6, 30)


def test_a_price_in_another_unit_keeps_its_figures_apart(read, example):
    line = copy.deepcopy(loads(example("orb_invoice_issued"))["line_items"][2])
    line["price"]["currency"], line["credits_applied"] = "pricing-unit-7", "3"

    [converted] = read("orb_invoice_issued", line_items=[line]).lines

    assert (converted.unit, exact_text(converted.amount), converted.unit_price) == ("USD", "40.00", None)
    assert {each.unit for each in converted.adjustments} == {"pricing-unit-7"}
    assert [(each.label, exact_text(each.amount)) for each in converted.adjustments][-1] == ("Prepaid credits", "-3")


def test_credits_are_a_unit_and_can_lack_an_amount_due(read):
    in_credits = read("orb_invoice_issued", currency="credits", amount_due=None)

    assert (in_credits.currency, in_credits.amount_due) == ("credits", None)


# --- what breaks it --------------------------------------------------------------------------------------------------


def test_an_unknown_status_is_a_row_without_actions(read):
    odd = read("orb_invoice_issued", status="on_hold")

    assert (odd.status, odd.payment_status) == (Status.UNRECOGNIZED, Payment.UNRECOGNIZED)
    assert odd.provider_status == "on_hold"
    assert odd.unrecognized == ("status=on_hold",)
    assert exact_text(odd.total) == "196.20"


@pytest.mark.parametrize(
    "field", ["id", "status", "currency", "total", "subtotal", "amount_due", "customer", "line_items"]
)
def test_a_missing_required_field_is_named(example, field):
    payload = loads(example("orb_invoice_issued"))
    del payload[field]

    with pytest.raises(PayloadNotUnderstood, match="missing") as caught:
        ORB.invoice(payload, Context())
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("where", "field"),
    [
        (("customer", "id"), "customer.id"),
        (("line_items", 1, "amount"), "line_items.1.amount"),
        (("line_items", 0, "tax_amounts", 0, "amount"), "line_items.0.tax_amounts.0.amount"),
        (("credit_notes", 0, "total"), "credit_notes.0.total"),
        (("issued_at",), "issued_at"),
        (("due_date",), "due_date"),
        (("line_items",), "line_items"),
        (("status",), "status"),
    ],
)
def test_a_field_of_the_wrong_type_is_named_with_its_place(example, where, field):
    payload = part = loads(example("orb_invoice_issued"))
    for step in where[:-1]:
        part = part[step]
    part[where[-1]] = {"not": "this"}

    with pytest.raises(PayloadNotUnderstood) as caught:
        ORB.invoice(payload, Context())
    assert caught.value.field == field


REQUIRED = {"id", "status", "currency", "total", "subtotal", "amount_due", "customer", "line_items"}


def test_every_optional_field_can_be_missing_or_null_and_is_not_taken_for_zero(example):
    whole = loads(example("orb_invoice_issued"))

    for field in set(whole) - REQUIRED:
        for changed in ({name: value for name, value in whole.items() if name != field}, whole | {field: None}):
            assert exact_text(ORB.invoice(changed, Context()).total) == "196.20"
    bare = ORB.invoice({name: value for name, value in whole.items() if name in REQUIRED | {"created_at"}}, Context())
    assert (bare.due_date, bare.paid_at, bare.amount_paid, bare.credits, bare.memo) == (None, None, None, None, "")
    assert (bare.listed_on, bare.listed_by) == (date(2026, 6, 1), ListedBy.CREATED)


def test_extra_fields_and_long_ids_are_accepted(read):
    assert read("orb_invoice_issued", id="x" * 200, brand_new={"a": [1]}).external_id == "x" * 200


@pytest.mark.parametrize("payload", [None, [], "text", 7, {}, {"id": 1}])
def test_what_is_no_invoice_at_all_is_set_aside(payload):
    with pytest.raises(PayloadNotUnderstood):
        ORB.invoice(payload, Context())


def test_links_lead_to_orb_alone(read):
    for link in (
        "http://invoices.withorb.com/x",
        "https://withorb.com.evil.example/",
        "javascript:alert(1)",
        "https://a@withorb.com",
    ):
        assert read("orb_invoice_issued", hosted_invoice_url=link).links == ()
