"""CockroachDB Cloud's bills in our words. Nothing can be changed there, and no call here could."""

import json
from datetime import UTC, date, datetime

import pytest

from invoicing.providers.base import Context
from invoicing.providers.cockroachdb.adapter import CockroachDB
from invoicing.providers.errors import KeyRefused, Missing, NotUnderstood, PayloadNotUnderstood, Refused, Unsupported
from invoicing.providers.snapshots import CustomerSnapshot
from invoicing.providers.strict_json import loads
from invoicing.vocabulary import Direction
from tests.providers.scripted import Scripted, altered, said, texts, without

CRDB = CockroachDB()
BILL = "b6b3a2f4-9a54-4c3c-8e0b-61a4f5b9c0de"
USD, CREDITS = "USD", "CRDB_CLOUD_CREDITS"


@pytest.fixture
def read(example):
    return lambda name: json.loads(example(name))


@pytest.fixture
def bill(read):
    return read("cockroachdb_invoice")


@pytest.fixture
def at(monkeypatch):
    """Sets the clock."""

    def set_clock(moment):
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return moment

        monkeypatch.setattr("invoicing.providers.cockroachdb.adapter.datetime", Clock)
        monkeypatch.setattr("invoicing.providers.cockroachdb.normalize.datetime", Clock)

    return set_clock


def normalized(payload, context=None):
    """From the bytes as sent, or a payload: then its floats are written as they were read."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload, default=float).encode()
    return CRDB.invoice(loads(body), context or Context())


# --- what a bill says ---


def test_a_final_bill_in_dollars_and_credits(example):
    invoice = normalized(example("cockroachdb_invoice"))

    assert (invoice.external_id, invoice.number) == (BILL, "")
    assert (invoice.status, invoice.payment_status, invoice.provider_status) == (
        "finalized",
        "not_tracked",
        "FINALIZED",
    )
    assert (invoice.currency, str(invoice.total)) == (USD, "1289.4387")
    assert [(total.unit, str(total.amount)) for total in invoice.further_totals] == [(CREDITS, "250.0")]
    assert [(left.unit, str(left.amount)) for left in invoice.balances] == [(USD, "0.0"), (CREDITS, "4750.0")]
    assert texts(invoice, "subtotal", "tax", "amount_paid", "amount_due") == dict.fromkeys(
        ("subtotal", "tax", "amount_paid", "amount_due")
    )
    assert (invoice.period_start, invoice.period_end) == (
        datetime(2026, 8, 1, tzinfo=UTC),
        datetime(2026, 9, 1, tzinfo=UTC),
    )
    assert (invoice.listed_on, invoice.listed_by, invoice.issued_at) == (date(2026, 9, 1), "period_end", None)
    assert [
        (
            line.position,
            line.group,
            line.text,
            str(line.quantity),
            line.quantity_unit,
            str(line.unit_price),
            str(line.amount),
            line.unit,
        )
        for line in invoice.lines[:5]
    ] == [
        (0, "orders-prod", "m6i.xlarge (us-east-1)", "2232.0", "HOURS", "0.512", "1142.784", USD),
        (1, "orders-prod", "Storage", "111600.0", "GIB_HOURS", "0.00050766", "56.6547", USD),
        (2, "sessions-std", "Provisioned compute", "2976.0", "VCPU_HOURS", "0.07", "208.32", CREDITS),
        (3, "sessions-std", "Egress", "416.8", "GIB", "0.1", "41.68", CREDITS),
        (4, "sessions-std", "Request units", "0.0", "REQUEST_UNITS", "0.0", "0.0", CREDITS),
    ]
    assert [(line.kind, line.group, line.text, str(line.amount)) for line in invoice.lines[5:]] == [
        ("adjustment", "", "Premium Support", "120.0"),
        ("adjustment", "", "Promotional credit", "-30.0"),
    ]
    assert ("Folder", "platform") in invoice.lines[2].facts
    assert sum(line.amount for line in invoice.lines if line.unit == USD) == invoice.total
    assert invoice.facts[0] == ("Clusters before adjustments", "1199.4387 USD")
    assert (invoice.has_pdf, invoice.notices, invoice.unrecognized) == (False, (), ())


def test_the_running_month_is_a_draft(read):
    invoice = normalized(read("cockroachdb_invoice_list")["invoices"][1])

    assert (invoice.status, str(invoice.total), invoice.lines, invoice.further_totals) == ("draft", "96.2114", (), ())


def test_floats_keep_the_digits_they_were_sent_with(example):
    body = (
        example("cockroachdb_invoice")
        .replace(b"1289.4387", b"0.30000000000000004")
        .replace(b"0.00050766", b"5.0766e-4")
    )
    invoice = normalized(body)

    assert (str(invoice.total), str(invoice.lines[1].unit_price)) == ("0.30000000000000004", "0.00050766")


def test_a_bill_in_credits_alone(bill):
    invoice = normalized(bill | {"totals": [{"amount": 250.0, "currency": CREDITS}]})

    assert (invoice.currency, str(invoice.total), invoice.further_totals) == (CREDITS, "250.0", ())


def test_dollars_come_first_wherever_they_stand(bill):
    bill["totals"].reverse()

    assert normalized(bill).currency == USD


def test_an_omitted_amount_is_zero_and_an_omitted_currency_dollars(bill):
    invoice = normalized(bill | {"totals": [{}], "balances": [{"currency": CREDITS}, {"amount": 5, "currency": None}]})

    assert (invoice.currency, str(invoice.total)) == (USD, "0")
    assert [(left.unit, str(left.amount)) for left in invoice.balances] == [(CREDITS, "0"), (USD, "5")]


def test_two_totals_of_one_unit_are_parts_of_one(bill):
    invoice = normalized(altered(bill, "totals.1.currency", USD))

    assert (str(invoice.total), invoice.further_totals) == ("1539.4387", ())


def test_no_totals_are_not_a_total_of_zero(bill):
    invoice = normalized(bill | {"totals": [], "invoice_items": [], "adjustments": []})

    assert (invoice.currency, invoice.total, invoice.lines) == (USD, None, ())
    assert invoice.notices == ("The provider states no total.",)


@pytest.mark.parametrize(("month", "status", "verb"), [(8, "draft", "ends"), (9, "finalized", "ended")])
def test_an_old_server_sends_no_status_so_the_period_decides(bill, at, month, status, verb):
    at(datetime(2026, month, 10, tzinfo=UTC))
    invoice = normalized(without(bill, "status"))

    assert (invoice.status, invoice.provider_status, invoice.unrecognized) == (status, "", ())
    assert f"Its period {verb} on 2026-09-01" in invoice.notices[0]


def test_a_bill_without_status_is_read_again_when_its_month_is_over(bill, at):
    old = without(bill, "status")
    at(datetime(2026, 8, 31, tzinfo=UTC))
    running = CRDB.canonical(old)
    at(datetime(2026, 9, 1, tzinfo=UTC))

    assert CRDB.canonical(old) != running
    assert "status_by_period" not in CRDB.canonical(bill)


def test_the_customer_is_the_organization(read, bill):
    organization = CRDB.customer(read("cockroachdb_organization"))

    assert (organization.external_id, organization.name, organization.reference) == (
        "organization",
        "Acme Payments",
        "acme-x7p",
    )
    assert normalized(bill).customer == CustomerSnapshot(external_id="organization")
    assert normalized(bill, Context(customers={"organization": organization})).customer == organization


# --- what cannot be read ---


@pytest.mark.parametrize("name", ["invoice_id", "period_start", "period_end", "totals", "balances", "invoice_items"])
@pytest.mark.parametrize("value", ["missing", None, {}, True, 5])
def test_a_bill_without_its_required_fields_is_set_aside(bill, name, value):
    payload = without(bill, name) if value == "missing" else bill | {name: value}

    with pytest.raises(PayloadNotUnderstood) as complaint:
        normalized(payload)
    assert complaint.value.field == name


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("totals.0.amount", "lots", "totals.0.amount"),
        ("totals.0.amount", "", "totals.0.amount"),
        ("totals.0.amount", True, "totals.0.amount"),
        ("balances.0", 5, "balances.0"),
        ("invoice_items.0.cluster", None, "invoice_items.0.cluster"),
        ("invoice_items.1.line_items", None, "invoice_items.1.line_items"),
        ("invoice_items.0.line_items.1.total", None, "invoice_items.0.line_items.1.total"),
        ("invoice_items.0.line_items.0.quantity", "a few", "invoice_items.0.line_items.0.quantity"),
        ("adjustments.0.amount", None, "adjustments.0.amount"),
        ("period_end", "the first", "period_end"),
    ],
)
def test_a_value_that_is_there_must_be_readable(bill, path, value, field):
    with pytest.raises(PayloadNotUnderstood) as complaint:
        normalized(altered(bill, path, value))
    assert complaint.value.field == field


def test_unknown_words_are_kept_and_owned_up_to(bill):
    invoice = normalized(bill | {"status": "DISPUTED", "totals": [{"amount": 5, "currency": "EUR"}]})

    assert (invoice.status, invoice.provider_status, invoice.currency) == ("unrecognized", "DISPUTED", "EUR")
    assert invoice.unrecognized == ("status=DISPUTED", "currency=EUR")
    assert normalized(altered(bill, "invoice_items.0.line_items.0.quantity_unit", "MOONS")).unrecognized == ()


@pytest.mark.parametrize(
    "path",
    [
        "status",
        "adjustments",
        "folder_resources",
        "folder_resources.0.path",
        "invoice_items.0.totals",
        "invoice_items.0.cluster.name",
        "invoice_items.0.cluster.config",
        "invoice_items.0.line_items.0.description",
        "invoice_items.0.line_items.0.quantity",
        "invoice_items.0.line_items.0.unit_cost",
        "invoice_items.0.line_items.0.quantity_unit",
        "adjustments.0.name",
    ],
)
def test_an_optional_field_may_be_absent_or_null(bill, path):
    for payload in (without(bill, path), altered(bill, path, None)):
        invoice = normalized(payload | {"something_new": [{}]})
        assert str(invoice.total) == "1289.4387"
    if path.endswith("quantity"):
        assert invoice.lines[0].quantity is None
    if path.endswith("cluster.name"):
        assert invoice.lines[0].group == "5f2c6b0e-3f0a-4a51-9d39-6f8c2a7f1c11"


# --- reading ---


def test_a_run_is_always_whole(example):
    since = datetime(2026, 9, 1, tzinfo=UTC)

    assert [(part.kind, part.key) for part in CRDB.slices(customers=(), since=since)] == [
        ("customers", "organization"),
        ("invoices", "invoices"),
    ]
    assert CRDB.complete_slices(since)
    assert CRDB.direction is Direction.PAYABLE


def test_one_call_brings_all_when_the_running_month_is_among_them(example, at):
    at(datetime(2026, 9, 20, tzinfo=UTC))
    http = Scripted(example("cockroachdb_invoice_list"))
    page = CRDB.page(http, list(CRDB.slices(customers=(), since=None))[1], None)

    assert http.asked == [("GET", "/api/v1/invoices", (), None)]
    assert [CRDB.identity(record) for record in page.records] == [BILL, "e4f0b5a2-2f39-4a05-9f07-3b8fb6c1d77a"]
    assert page.next_cursor is None


def test_the_running_month_is_asked_for_where_the_list_hides_it(read, at):
    at(datetime(2026, 12, 31, 23, 0, tzinfo=UTC))
    bills, part = read("cockroachdb_invoice_list"), list(CRDB.slices(customers=(), since=None))[1]
    running = bills["invoices"][1] | {"period_start": "2026-12-01T00:00:00Z", "period_end": "2027-01-01T00:00:00Z"}
    http = Scripted(bills, {"invoices": [bills["invoices"][0], running]})

    first = CRDB.page(http, part, None)
    second = CRDB.page(http, part, first.next_cursor)

    assert http.asked[1][2] == (("status", "DRAFT"), ("end_time", "2027-01-02T00:00:00Z"))
    assert [CRDB.identity(record) for record in second.records] == [running["invoice_id"]]  # the others we had
    assert second.next_cursor is None


def test_an_older_server_refuses_to_be_asked_for_the_running_month(read, at):
    at(datetime(2026, 11, 20, tzinfo=UTC))
    part = list(CRDB.slices(customers=(), since=None))[1]

    assert CRDB.page(Scripted(Refused("unknown field", status=400)), part, "running month").records == ()
    with pytest.raises(KeyRefused):
        CRDB.page(Scripted(KeyRefused("no", status=403)), part, "running month")


def test_the_organization_is_read_where_the_key_may(example):
    part = next(iter(CRDB.slices(customers=(), since=None)))
    page = CRDB.page(Scripted(example("cockroachdb_organization")), part, None)

    assert [CRDB.identity(record) for record in page.records] == ["organization"]
    assert CRDB.page(Scripted(KeyRefused("no", status=403)), part, None).records == ()
    assert CRDB.fetch_customer(Scripted(KeyRefused("no", status=403)), "organization") is None


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"invoices": {}}', b'{"code": 13, "message": "oops"}'])
def test_a_list_of_another_shape_is_no_list(body):
    with pytest.raises(NotUnderstood):
        CRDB.page(Scripted(body), list(CRDB.slices(customers=(), since=None))[1], None)


def test_one_bill(bill):
    http = Scripted(bill)

    assert normalized(CRDB.fetch_invoice(http, BILL, {})).external_id == BILL
    assert http.asked == [("GET", f"/api/v1/invoices/{BILL}", (), None)]
    with pytest.raises(NotUnderstood):
        CRDB.fetch_invoice(Scripted(bill | {"invoice_id": "another"}), BILL, {})


def test_a_404_without_a_body_is_an_absence_and_one_in_html_is_not():
    with pytest.raises(Missing):
        CRDB.fetch_invoice(Scripted(NotUnderstood("?", status=404)), BILL, {})
    with pytest.raises(NotUnderstood):
        CRDB.fetch_invoice(Scripted(NotUnderstood("?", status=404, content_type="text/html")), BILL, {})


def test_the_state_of_a_cluster_is_not_the_bill(bill):
    stopped = altered(bill, "invoice_items.0.cluster.state", "DELETED")

    assert CRDB.canonical(stopped) == CRDB.canonical(bill)
    assert CRDB.canonical(altered(bill, "invoice_items.0.cluster.name", "orders")) != CRDB.canonical(bill)
    assert CRDB.canonical({"invoice_items": [5]}) == {"invoice_items": [5]}


# --- connecting ---


def test_the_test_call_tells_the_organization_where_it_may(read):
    listed, organization = read("cockroachdb_invoice_list"), read("cockroachdb_organization")

    assert CRDB.probe(Scripted(listed, organization)) == {
        "invoices": 2,
        "organization": "Acme Payments",
        "organization_id": "1f7ce8d6-6c5b-4bb3-9c3f-0b2f2ecb7a10",
        "organization_label": "acme-x7p",
    }
    assert CRDB.probe(Scripted(listed, KeyRefused("no", status=403)))["organization"] == ""


def test_the_test_call_names_the_missing_role(read):
    with pytest.raises(KeyRefused, match="BILLING_COORDINATOR or CLUSTER_ADMIN") as refusal:
        CRDB.probe(Scripted(KeyRefused("no", status=403, said="permission denied")))
    assert refusal.value.said == "permission denied"
    with pytest.raises(KeyRefused, match="no"):
        CRDB.probe(Scripted(KeyRefused("no", status=401)))
    assert CRDB.error_text(read("cockroachdb_error")) == "permission denied"
    assert [CRDB.error_text(other) for other in ({}, [], "no")] == ["", None, None]


def test_the_version_of_the_interface_is_always_said():
    assert CRDB.auth_headers("key") == {"Authorization": "Bearer key", "Cc-Version": "2024-09-16"}


def test_no_change_is_offered_or_reachable():
    assert {endpoint.method for endpoint in CRDB.endpoints.values()} == {"GET"}
    assert all(endpoint.safe for endpoint in CRDB.endpoints.values())
    for name in ("void_invoice", "list_invoices", "regenerate_pdf"):
        with pytest.raises(Unsupported):
            CRDB.request(name, BILL, {})
        with pytest.raises(Unsupported):
            CRDB.said(name, said({}), BILL)
    with pytest.raises(Unsupported):
        CRDB.fetch_pdf(Scripted(), BILL, {})
    assert not set(CRDB.not_offered) & set(CRDB.endpoints)
