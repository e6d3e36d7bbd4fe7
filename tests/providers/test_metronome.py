"""Metronome's answers in our words: every example read by hand, units above all, and what breaks it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.money import EXACT, exact_text
from invoicing.providers.base import Context
from invoicing.providers.errors import PayloadNotUnderstood
from invoicing.providers.metronome.adapter import Metronome
from invoicing.providers.metronome.units import US_DOLLAR, Unit, unit_of
from invoicing.providers.normalizing import Part
from invoicing.providers.strict_json import loads
from invoicing.vocabulary import ListedBy, Payment, Status

METRONOME = Metronome()
CUSTOMER = "3f0c9a4e-6d21-4b8a-9c57-1e2f3a4b5c6d"
FINALIZED = "11f7c3a8-0d5e-4b29-9a64-8c7b6a5f4e3d"
VOIDED = "33d5e5ca-2b30-4947-9c86-0e9d8c7b6a5f"


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.fixture
def context(example):
    """The pricing units and the customers of the examples."""
    units = dict(METRONOME.unit(record) for record in loads(example("metronome_pricing_unit_list"))["data"])
    customers = [METRONOME.customer(record) for record in loads(example("metronome_customer_list"))["data"]]
    return Context(units=units, customers={each.external_id: each for each in customers})


@pytest.fixture
def read(example, context):
    """read("metronome_invoice", status="VOID") normalizes the example, with changes."""
    return lambda name, **changes: METRONOME.invoice(loads(example(name))["data"] | changes, context)


@pytest.fixture
def listed(example, context):
    """The invoices of a list, by the first four characters of their ids."""
    rows = lambda name: [METRONOME.invoice(row, context) for row in loads(example(name))["data"]]  # noqa: E731
    both = rows("metronome_invoice_list") + rows("metronome_invoice_list_second_customer")
    return {each.external_id[:4]: each for each in both}


# --- examples --------------------------------------------------------------------------------------------------------


def test_a_finalized_invoice(read):
    invoice = read("metronome_invoice")

    assert (invoice.external_id, invoice.number, invoice.kind) == (FINALIZED, "", "USAGE")
    assert (invoice.status, invoice.payment_status) == (Status.FINALIZED, Payment.PAID)
    assert invoice.provider_status == "FINALIZED / PAID"
    assert (invoice.currency, exact_text(invoice.total), exact_text(invoice.subtotal)) == ("USD", "247.50", "247.50")
    assert (invoice.amount_due, invoice.amount_paid, invoice.tax, invoice.credits) == (None, None, None, None)
    assert invoice.issued_at == utc(2026, 7, 2)
    assert invoice.planned_issue_at is None
    assert invoice.due_date == date(2026, 8, 1)  # 30 days later
    assert (invoice.period_start, invoice.period_end) == (utc(2026, 6, 1), utc(2026, 7, 1))
    assert (invoice.listed_on, invoice.listed_by) == (date(2026, 7, 2), ListedBy.ISSUED)
    assert invoice.customer.name == "Northwind Traders"
    assert invoice.handles == {"customer_id": CUSTOMER, "contract_id": "c5a1e7f2-3b94-4d60-8e2a-9f8e7d6c5b4a"}
    assert invoice.has_pdf
    assert invoice.notices == ()


def test_its_lines_in_their_own_units(read):
    lines = read("metronome_invoice").lines

    assert [(line.text, exact_text(line.amount), line.unit, line.counts) for line in lines] == [
        ("API calls", "100.00", "USD", True),
        ("API calls", "37.50", "USD", True),
        ("Compute hours", "39.38375", "USD", True),
        ("Annual prepaid commit applied", "-39.38375", "USD", True),
        ("Support seats", "100.00", "USD", True),
        ("AI inference", "200", "AI credits", False),
        ("Promotional credit applied", "-200", "AI credits", False),
        ("AI inference", "400", "AI credits", False),
        ("AI credits converted to USD", "10.00", "USD", True),
    ]
    compute, conversion = lines[2], lines[8]
    assert (exact_text(compute.quantity), exact_text(compute.unit_price)) == ("321.5", "0.1225")
    assert (exact_text(conversion.unit_price), conversion.kind) == ("0.025", "cpu_conversion")
    assert {("region", "eu-central-1"), ("size", "large"), ("Commit or credit", "prepaid")} <= set(compute.facts)
    assert ("Tier", "1, from 0, size 100000") in lines[0].facts
    assert ("Tier", "2, from 100000 on") in lines[1].facts
    assert {line.external_id for line in lines} == {""}


def test_its_copy_in_the_billing_provider(read):
    copy = read("metronome_invoice").outside_copy

    assert (copy.system, copy.status, copy.external_id) == ("stripe", "PAID", "in_1QExampleAaBbCcDd")
    assert (exact_text(copy.total), exact_text(copy.tax), copy.error) == ("267.30", "19.80", "")


def test_a_drafts_issue_date_is_a_plan(read):
    draft = read("metronome_invoice_draft")

    assert (draft.status, draft.payment_status, draft.provider_status) == (Status.DRAFT, Payment.NOT_TRACKED, "DRAFT")
    assert (draft.issued_at, draft.due_date) == (None, None)
    assert draft.planned_issue_at == utc(2026, 8, 2)
    assert (draft.listed_on, draft.listed_by) == (date(2026, 8, 2), ListedBy.PLANNED)
    assert exact_text(draft.total) == "142.00"
    assert draft.outside_copy is None


def test_a_void_invoice_whose_copy_is_still_open_says_so(read):
    void = read("metronome_invoice_void")

    assert (void.status, void.payment_status) == (Status.VOID, Payment.UNPAID)
    assert void.notices == ("Void at Metronome, but the copy in stripe is FINALIZED.",)
    assert void.issued_at == utc(2026, 6, 2)
    assert read("metronome_invoice_void", external_invoice=None).notices == ()


def test_a_regenerated_invoice_names_the_one_it_replaces(read):
    replacement = read("metronome_invoice_regenerated")

    assert (replacement.replaces, exact_text(replacement.total)) == (VOIDED, "90.00")
    assert replacement.outside_copy.status == "QUEUED"


def test_a_consolidated_invoice_contains_others_and_leaves_postpaid_out(listed):
    parent, child = listed["7791"], listed["8880"]

    assert parent.kind == "USAGE_CONSOLIDATED"
    assert parent.constituents == ("aa825c31-9447-42b2-83fd-75645342312f", "88803a1f-7625-4492-91db-534231201f0e")
    assert [(exact_text(line.amount), line.counts) for line in parent.lines] == [
        ("100.00", True),
        ("39.38375", True),
        ("-39.38375", False),  # postpaid: settled by its true-up
    ]
    assert parent.notices == ("Contains 2 other invoices, which are not counted again.",)
    assert child.notices == (f"Another customer pays for it: {CUSTOMER}.",)


def test_lines_that_count_come_to_the_subtotal_in_every_example(listed, read):
    for invoice in [*listed.values(), *map(read, ("metronome_invoice", "metronome_invoice_schema_coverage"))]:
        assert sum(line.amount for line in invoice.lines if line.counts) == invoice.subtotal


def test_euros_are_whole_and_scheduled_invoices_have_no_period(listed):
    euros, scheduled = listed["66a2"], listed["55b3"]

    assert (euros.currency, exact_text(euros.total), exact_text(euros.lines[0].unit_price)) == ("EUR", "598.5", "199.5")
    assert (euros.payment_status, euros.outside_copy.system) == (Payment.NOT_TRACKED, "netsuite")
    assert euros.notices == ("netsuite refused it: Customer is inactive in the billing provider.",)
    assert (scheduled.period_start, scheduled.period_end, scheduled.listed_on) == (None, None, date(2026, 6, 15))
    assert exact_text(scheduled.lines[2].amount) == "-50.00"


def test_every_key_of_the_schema_reads(read):
    every = read("metronome_invoice_schema_coverage")

    assert (exact_text(every.subtotal), exact_text(every.credits), exact_text(every.total)) == (
        "143.92",
        "3.92",
        "140.00",
    )
    assert every.payment_status == Payment.FAILED
    assert every.created_at == utc(2026, 7, 1, 0, 0, 7)
    assert ("Issued there", "2026-07-02 00:11 UTC") in every.facts  # five fractional digits
    [grant] = every.credit_items
    assert (grant.label, exact_text(grant.amount), grant.unit) == ("Promotional grant", "-3.92", "USD")
    [line] = every.lines
    assert exact_text(line.unit_price) == "0.09672043010752688"
    assert [(part.text, exact_text(part.amount)) for part in line.sub_lines] == [("CPU hours", "143.92")]
    assert [(tier.label, exact_text(tier.amount)) for tier in line.tiers] == [
        ("CPU hours, from 0", "100.00"),
        ("CPU hours, from 1001", "43.92"),
    ]
    assert every.notices == (
        "stripe refused it: Example error text",
        "netsuite could not take it: Example error text",
        "Contains 1 other invoice, which is not counted again.",
        f"Corrects invoice {VOIDED}: pricing, Rate corrected.",
    )


def test_customers_archived_or_not(example):
    [contoso] = (METRONOME.customer(row) for row in loads(example("metronome_customer_list_archived"))["data"])
    northwind = METRONOME.customer(loads(example("metronome_customer"))["data"])

    assert (contoso.name, contoso.archived) == ("Contoso (closed)", True)
    assert (northwind.reference, northwind.archived, northwind.email) == ("northwind", False, "")


# --- units -----------------------------------------------------------------------------------------------------------

UNITS = {
    "yen": {"name": "JPY", "is_currency": True},
    "cents": {"name": "EUR (cents)", "is_currency": True},
    "odd": {"name": "Euro", "is_currency": True},
    "credits": {"name": "AI credits", "is_currency": False},
    "token": {"name": "TOK", "is_currency": False},
}


def counted(unit_id, name, units=UNITS):
    return unit_of(Part("x", {"credit_type": {"id": unit_id, "name": name}}), units)


def test_what_an_amount_is_counted_in():
    assert counted(US_DOLLAR, "USD (cents)") == Unit("USD", 2)
    assert counted(US_DOLLAR, "renamed by someone", units={}) == Unit("USD", 2)  # the id decides
    assert counted("yen", "JPY") == Unit("JPY", 0)
    assert counted("credits", "AI credits") == Unit("AI credits", 0)
    assert counted("token", "TOK") == Unit("TOK (pricing unit)", 0)  # not to be taken for a currency
    assert counted("new", "GBP", units={}) == Unit("GBP", 0)
    assert counted("new", "GPU hours", units={}) == Unit("GPU hours", 0)


@pytest.mark.parametrize(
    ("unit_id", "name"), [("cents", "EUR (cents)"), ("odd", "Euro"), ("new", "CHF (rappen)"), ("new", "USD")]
)
def test_between_cents_and_whole_units_nothing_is_guessed(unit_id, name):
    with pytest.raises(PayloadNotUnderstood) as caught:
        counted(unit_id, name)
    assert caught.value.field == "credit_type.name"


def test_a_line_in_such_a_unit_sets_the_invoice_aside(example, context):
    payload = loads(example("metronome_invoice"))["data"]
    payload["line_items"][5]["credit_type"] = {"id": "new", "name": "SEK (ore)"}

    with pytest.raises(PayloadNotUnderstood) as caught:
        METRONOME.invoice(payload, context)
    assert caught.value.field == "line_items.5.credit_type.name"


@given(st.decimals(-(10**25), 10**25, places=12))
def test_cents_become_dollars_without_losing_a_digit(cents):
    dollars = Unit("USD", 2).major(cents)

    assert EXACT.multiply(dollars, Decimal(100)) == cents
    assert dollars.as_tuple().digits == cents.as_tuple().digits


# --- what breaks it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "payment"),
    [
        ("PAID", Payment.PAID),
        ("PARTIALLY_PAID", Payment.PARTLY_PAID),
        ("PAYMENT_FAILED", Payment.FAILED),
        ("UNCOLLECTIBLE", Payment.UNCOLLECTIBLE),
        ("FINALIZED", Payment.UNPAID),
        ("QUEUED", Payment.UNPAID),
        ("DELETED", Payment.NOT_TRACKED),
        ("SKIPPED", Payment.NOT_TRACKED),
    ],
)
def test_payment_is_what_the_copy_outside_says(read, word, payment):
    invoice = read("metronome_invoice", external_invoice={"billing_provider_type": "stripe", "external_status": word})

    assert invoice.payment_status == payment
    assert invoice.unrecognized == ()


def test_unknown_words_are_rows_without_actions(read):
    odd = read("metronome_invoice", status="ON_HOLD", type="BARTER", external_invoice={"external_status": "LOST"})

    assert (odd.status, odd.payment_status, odd.kind) == (Status.UNRECOGNIZED, Payment.UNRECOGNIZED, "BARTER")
    assert odd.unrecognized == ("status=ON_HOLD", "external_status=LOST")
    assert odd.provider_status == "ON_HOLD / LOST"
    assert (odd.issued_at, odd.listed_by) == (None, ListedBy.PLANNED)


def test_an_invoice_not_computed_yet_has_no_total(read, example, context):
    payload = loads(example("metronome_invoice_draft"))["data"] | {"status": "DRAFT_INCOMPLETE"}
    del payload["total"], payload["line_items"]

    waiting = METRONOME.invoice(payload, context)

    assert (waiting.status, waiting.total, waiting.lines) == (Status.UNRECOGNIZED, None, ())
    assert "Metronome has not computed it yet." in waiting.notices


REQUIRED = ("id", "customer_id", "credit_type", "line_items", "status", "total")


@pytest.mark.parametrize("field", REQUIRED)
def test_a_missing_required_field_is_named(example, context, field):
    payload = loads(example("metronome_invoice"))["data"]

    for changed in ({name: value for name, value in payload.items() if name != field}, payload | {field: None}):
        with pytest.raises(PayloadNotUnderstood) as caught:
            METRONOME.invoice(changed, context)
        assert caught.value.field == field


@pytest.mark.parametrize(
    ("where", "field"),
    [
        (("total",), "total"),
        (("line_items", 0, "total"), "line_items.0.total"),
        (("line_items", 0, "credit_type"), "line_items.0.credit_type"),
        (("line_items", 2, "unit_price"), "line_items.2.unit_price"),
        (("issued_at",), "issued_at"),
        (("external_invoice", "invoiced_total"), "external_invoice.invoiced_total"),
        (("net_payment_terms_days",), "net_payment_terms_days"),
    ],
)
@pytest.mark.parametrize("wrong", ["soon", [], True])
def test_a_field_of_the_wrong_type_is_named_with_its_place(example, context, where, field, wrong):
    payload = part = loads(example("metronome_invoice"))["data"]
    for step in where[:-1]:
        part = part[step]
    part[where[-1]] = wrong

    with pytest.raises(PayloadNotUnderstood) as caught:
        METRONOME.invoice(payload, context)
    assert caught.value.field == field


def test_the_least_that_is_promised_reads(example, context):
    payload = loads(example("metronome_invoice"))["data"]
    least = {name: payload[name] for name in (*REQUIRED, "type")}
    least["line_items"] = [{"name": "x", "total": 5, "credit_type": payload["credit_type"]}]

    invoice = METRONOME.invoice(least, context)

    assert (exact_text(invoice.total), exact_text(invoice.lines[0].amount)) == ("247.50", "0.05")
    assert (invoice.subtotal, invoice.due_date, invoice.outside_copy) == (None, None, None)
    assert invoice.lines[0].counts
    assert "Metronome gives no date for it." in invoice.notices


def test_numbers_may_come_as_text_and_decorations_may_be_anything(read):
    invoice = read(
        "metronome_invoice", total="24750.0", billable_status={"value": "unbillable"}, custom_fields=[1], new=1
    )

    assert exact_text(invoice.total) == "247.500"
    assert read("metronome_invoice", billable_status="unbillable").notices == (
        "Unbillable: Metronome does not send it to the billing provider.",
    )
    assert read("metronome_invoice", net_payment_terms_days=Decimal("1.5")).due_date is None
