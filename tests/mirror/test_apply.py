"""What a page of records does to the mirror."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from invoicing.mirror import drift
from invoicing.mirror.snapshots import snapshot_of
from invoicing.models import Customer, Invoice, InvoiceTotal, InvoiceVersion, LineText, SummaryCell
from tests.mirror.plain import NOON, sent, told

LATER = NOON + timedelta(hours=1)
EARLIER = NOON - timedelta(hours=1)

pytestmark = pytest.mark.django_db


def test_a_new_invoice_is_stored_with_all_that_belongs_to_it(apply, connection):
    applied = apply(told("in_1", number="A-1", due_date="2026-03-31", lines=[["Seats", "7.5"], ["Störung", "2.50"]]))

    invoice = Invoice.objects.get()
    assert (applied.seen, applied.created, applied.ids) == (1, 1, [invoice.pk])
    assert (invoice.connection, invoice.external_id, invoice.number) == (connection, "in_1", "A-1")
    assert (invoice.status, invoice.payment_status, invoice.currency) == ("finalized", "unpaid", "USD")
    assert (invoice.total, invoice.total_micros, invoice.due_micros) == (Decimal("10.00"), 10_000_000, 10_000_000)
    assert (invoice.outstanding, invoice.due_date, invoice.due_sort) == (True, date(2026, 3, 31), date(2026, 3, 31))
    assert (invoice.customer.name, invoice.customer_sort, invoice.read_at) == ("Acme", "acme", NOON)
    assert (invoice.version, invoice.line_count, invoice.search_text) == (1, 2, "a-1\nin_1")
    lines = list(invoice.lines.order_by("position").values_list("text__text", "text__search_text", "amount"))
    assert lines == [("Seats", "seats", Decimal("7.5")), ("Störung", "störung", Decimal("2.50"))]
    version = invoice.versions.get()
    assert (version.number, version.source, version.changes) == (1, "sync", [])
    assert version.payload_text() == sent(told("in_1", number="A-1", due_date="2026-03-31",
                                               lines=[["Seats", "7.5"], ["Störung", "2.50"]]))[0]  # fmt: skip
    assert snapshot_of(invoice).total == invoice.total


def test_what_did_not_change_costs_one_question_and_writes_nothing(apply, mirror, django_assert_num_queries):
    records = [told(f"in_{number}") for number in range(20)]
    apply(*records)
    with django_assert_num_queries(3):  # the page's hashes, and the transaction around nothing
        applied = mirror.invoices(sent(*records), read_started_at=LATER)
    assert (applied.unchanged, applied.changed, applied.created) == (20, 0, 0)
    assert set(Invoice.objects.values_list("read_at", flat=True)) == {NOON}
    assert InvoiceVersion.objects.count() == 20


def test_a_page_of_new_invoices_asks_no_question_a_row(mirror, django_assert_max_num_queries):
    records = [told(f"in_{n}", customer={"id": f"c{n}"}, lines=[[f"Text {n}", "10.00"]]) for n in range(40)]
    with django_assert_max_num_queries(60):  # 40 of them ask the provider for a customer, none the database
        mirror.invoices(sent(*records), read_started_at=NOON)
    assert (Invoice.objects.count(), Customer.objects.count(), LineText.objects.count()) == (40, 40, 40)


def test_a_change_makes_a_version_that_says_what_changed(apply):
    apply(told("in_1", lines=[["Seats", "10.00"]]))
    applied = apply(
        told("in_1", total="12.00", paid="paid", due="0.00", lines=[["Seats", "12.00"], ["Gift", "0"]]), at=LATER
    )

    invoice = Invoice.objects.get()
    assert applied.changed == 1
    assert (invoice.version, invoice.total, invoice.payment_status, invoice.outstanding) == (
        2,
        Decimal("12.00"),
        "paid",
        False,
    )
    assert invoice.read_at == LATER
    changes = invoice.versions.get(number=2).changes
    assert applied.changes == {invoice.pk: changes}
    assert changes[0] == {"field": "total", "before": "10.00", "after": "12.00"}
    assert [change["field"] for change in changes] == ["total", "amount_due", "payment_status", "lines.amount", "lines"]
    assert [line.amount for line in invoice.lines.order_by("position")] == [Decimal("12.00"), Decimal("0")]


def test_other_bytes_of_the_same_invoice_are_no_change(apply):
    apply(told("in_1"))
    applied = apply(told("in_1", noise="a link with a new signature"), at=LATER)
    assert (applied.changed, applied.unchanged, Invoice.objects.get().version) == (0, 1, 1)
    assert Invoice.objects.get().read_at == LATER  # it was read, and is as it was


def test_what_comes_back_to_what_it_was_is_a_third_version(apply):
    apply(told("in_1"))
    apply(told("in_1", total="12.00"), at=LATER)
    apply(told("in_1"), at=LATER + timedelta(hours=1))
    assert [v.changes[0]["after"] for v in InvoiceVersion.objects.filter(number__gt=1).order_by("number")] == [
        "12.00",
        "10.00",
    ]
    assert Invoice.objects.get().version == 3


# ---- the mirror only moves forward


def test_a_read_that_began_earlier_does_not_overwrite(apply):
    apply(told("in_1", total="12.00"))
    applied = apply(told("in_1", total="10.00"), at=EARLIER)
    assert (applied.changed, Invoice.objects.get().total) == (0, Decimal("12.00"))


def test_a_read_that_began_before_our_confirmed_change_does_not_overwrite(apply):
    apply(told("in_1"))
    Invoice.objects.update(confirmed_change_at=LATER)
    apply(told("in_1", total="12.00"), at=LATER - timedelta(seconds=1))
    assert Invoice.objects.get().total == Decimal("10.00")
    apply(told("in_1", total="13.00"), at=LATER)
    assert Invoice.objects.get().total == Decimal("13.00")


def test_an_older_stamp_of_the_provider_does_not_overwrite_however_late_it_is_read(apply):
    apply(told("in_1", total="12.00", updated="2026-02-02T00:00:00+00:00"))
    apply(told("in_1", total="10.00", updated="2026-02-01T00:00:00+00:00"), at=LATER)
    assert Invoice.objects.get().total == Decimal("12.00")


def test_a_newer_stamp_overwrites_even_from_an_earlier_read(apply):
    apply(told("in_1", total="12.00", updated="2026-02-02T00:00:00+00:00"))
    apply(told("in_1", total="10.00", updated="2026-02-03T00:00:00+00:00"), at=EARLIER)
    assert Invoice.objects.get().total == Decimal("10.00")


@pytest.mark.parametrize(("at", "total"), [(LATER, "10.00"), (EARLIER, "12.00")])
def test_a_tie_of_stamps_goes_to_the_later_read(apply, at, total):
    apply(told("in_1", total="12.00", updated="2026-02-02T00:00:00+00:00"))
    apply(told("in_1", total="10.00", updated="2026-02-02T00:00:00+00:00"), at=at)
    assert Invoice.objects.get().total == Decimal(total)


# ---- one page, the same invoice twice


def test_the_same_bytes_twice_are_one_row(apply):
    assert apply(told("in_1"), told("in_1")).created == 1


def test_of_two_that_differ_the_newer_by_its_stamp_is_kept(apply):
    newer = told("in_1", total="12.00", updated="2026-02-02T00:00:00+00:00")
    apply(newer, told("in_1", total="10.00", updated="2026-02-01T00:00:00+00:00"))
    assert Invoice.objects.get().total == Decimal("12.00")


def test_of_two_that_differ_without_stamps_the_provider_is_asked(apply, world):
    world.put(told("in_1", total="11.00"))
    apply(told("in_1", total="12.00"), told("in_1", total="10.00"))
    assert ("one", "in_1") in world.asked
    assert Invoice.objects.get().total == Decimal("11.00")


def test_a_stale_twin_beside_the_state_we_know_does_not_hide_the_new_one(apply):
    apply(told("in_1", updated="2026-02-01T00:00:00+00:00"))
    new = told("in_1", total="12.00", updated="2026-02-02T00:00:00+00:00")
    apply(told("in_1", updated="2026-02-01T00:00:00+00:00"), new, at=LATER)
    assert Invoice.objects.get().total == Decimal("12.00")


# ---- further facts


def test_several_totals_are_kept_by_unit_and_follow_a_change(apply):
    apply(told("in_1", further={"CREDITS": "3.25", "USD": "99"}))
    assert list(InvoiceTotal.objects.values_list("unit", "total", "total_micros")) == [
        ("CREDITS", Decimal("3.25"), 3_250_000)
    ]
    apply(told("in_1", further={"TOKENS": "4"}), at=LATER)
    assert list(InvoiceTotal.objects.values_list("unit", "total")) == [("TOKENS", Decimal("4"))]
    cell = SummaryCell.objects.get(axis=1, grain=1, currency="TOKENS")
    assert (cell.invoices, cell.amounts, cell.total_units) == (0, 1, 4)


def test_test_data_is_a_book_of_its_own(apply, connection):
    apply(told("in_1"), told("in_2", live=False))
    assert dict(Invoice.objects.values_list("external_id", "book")) == {"in_1": 1, "in_2": 2}
    connection.environment, connection.direction = "test", "payable"
    apply(told("in_3"))
    assert Invoice.objects.get(external_id="in_3").book == 4


def test_no_total_is_not_a_total_of_zero(apply):
    apply(told("in_1", total=None, due=None, lines=[]))
    assert Invoice.objects.get().total is None
    cell = SummaryCell.objects.get(axis=1, grain=1)
    assert (cell.invoices, cell.amounts, cell.total_units) == (1, 0, 0)


def test_what_a_second_read_adds_is_part_of_the_version(apply, world):
    world.completes["in_1"] = {"subtotal": "9.00"}
    apply(told("in_1"))
    invoice = Invoice.objects.get()
    assert (invoice.subtotal, invoice.line_difference) == (Decimal("9.00"), Decimal("1.00"))
    assert snapshot_of(invoice).subtotal == Decimal("9.00")
    assert apply(told("in_1"), at=LATER).unchanged == 1  # known by the bytes of the list


def test_a_draft_whose_month_ended_since_is_read_again(apply, monkeypatch):
    draft = told("in_1", status="draft", **{"from": "2026-02-01T00:00:00+00:00", "to": "2026-03-02T00:00:00+00:00"})
    apply(draft)  # read on the first of March
    applied = apply(draft, at=NOON + timedelta(days=2))
    assert Invoice.objects.get().read_at == NOON + timedelta(days=2)
    assert applied.unchanged == 1


def test_a_final_bill_ends_the_draft_of_its_month(apply, plain):
    plain.final_replaces_draft = True
    month = {"from": "2026-02-01T00:00:00+00:00", "to": "2026-03-01T00:00:00+00:00"}
    apply(told("draft_1", status="draft", **month), told("draft_2", status="draft"))
    applied = apply(told("bill_1", **month), at=LATER)
    assert applied.retired == 1
    gone = Invoice.objects.get(external_id="draft_1")
    assert gone.gone_at is not None
    assert gone.book == 5
    assert Invoice.objects.get(external_id="draft_2").gone_at is None


def test_a_draft_that_is_still_listed_beside_the_final_bill_stays(apply, plain):
    plain.final_replaces_draft = True
    month = {"from": "2026-02-01T00:00:00+00:00", "to": "2026-03-01T00:00:00+00:00"}
    draft = told("draft_1", status="draft", **month)
    apply(draft)
    assert apply(draft, told("bill_1", **month), at=LATER).retired == 0


def test_a_page_is_stored_whole_or_not_at_all(mirror, connection):
    def fail(applied):
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        mirror.invoices(sent(told("in_1")), read_started_at=NOON, also=fail)
    for model in (Invoice, Customer, LineText, InvoiceVersion, SummaryCell):
        assert not model.objects.exists()
    mirror.invoices(sent(told("in_1")), read_started_at=NOON)  # and nothing of the lost page is remembered
    assert Invoice.objects.get().lines.get().text.text == "Seats"
    assert drift.recount(connection) == []
