"""Made-up data has to be what a sync would have left, or what is measured on it means nothing."""

from datetime import date

import pytest
from django.db import connection as database

from invoicing.benchmarks import data
from invoicing.benchmarks.filling import NotEmpty, fill
from invoicing.mirror import drift, rows
from invoicing.mirror.snapshots import snapshot_of
from invoicing.models import Connection, Customer, Invoice, LineItem, LineText, SummaryCell

pytestmark = pytest.mark.django_db(transaction=True)

TODAY = date(2026, 6, 30)


def schema():
    with database.cursor() as cursor:
        if database.vendor == "sqlite":
            cursor.execute("SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger')")
        else:
            cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
        return sorted(row for row in cursor.fetchall() if row[1] is not None)


def test_what_is_filled_in_is_what_reading_its_payload_gives():
    before = schema()
    fill(400, seed=7, today=TODAY)
    assert schema() == before
    assert (Invoice.objects.count(), Connection.objects.count()) == (400, 12)
    for invoice in Invoice.objects.select_related("connection", "customer"):
        snapshot = snapshot_of(invoice)
        expected = rows.said(snapshot, invoice.connection)
        assert {name: getattr(invoice, name) for name in expected} == expected
        lines = [(line.text.text, line.unit, line.amount, line.quantity) for line in
                 invoice.lines.select_related("text").order_by("position")]  # fmt: skip
        assert lines == [(line.text, line.unit, line.amount, line.quantity) for line in snapshot.lines]
        assert invoice.customer_sort == rows.sort_name(str(invoice.customer))


def test_summary_and_search_know_it():
    fill(400, seed=7, today=TODAY)
    for connection in Connection.objects.all():
        assert drift.recount(connection) == []
    invoice = Invoice.objects.exclude(number="").first()
    if database.vendor == "sqlite":
        with database.cursor() as cursor:
            needle = f'"{invoice.number[-8:]}"'
            cursor.execute("SELECT rowid FROM invoicing_invoice_find WHERE invoicing_invoice_find MATCH %s", [needle])
            assert (invoice.pk,) in cursor.fetchall()
    fresh = Customer.objects.first()
    fresh.search_text = "renamed"
    fresh.save()  # the triggers are back
    assert SummaryCell.objects.exists()


def test_the_same_seed_is_the_same_data_and_five_lines_on_average():
    first = list(data.drawn(3000, seed=1, today=TODAY))
    assert first == list(data.drawn(3000, seed=1, today=TODAY))
    assert first != list(data.drawn(3000, seed=2, today=TODAY))
    lines = [len(drawn.amounts) for drawn in first]
    assert 4.7 < sum(lines) / len(lines) < 5.3
    assert max(lines) <= 60
    assert min(drawn.day for drawn in first) > date(2023, 6, 29)
    assert max(drawn.day for drawn in first) <= TODAY
    assert {drawn.state for drawn in first} == {"draft", "open", "paid", "void"}


def test_made_up_data_does_not_go_beside_real_data():
    fill(50, today=TODAY)
    with pytest.raises(NotEmpty):
        fill(50, today=TODAY)
    assert LineItem.objects.count() > 50
    assert LineText.objects.count() == 3000
    made = Invoice.objects.create(
        connection=Connection.objects.first(), external_id="later", book=1, customer=Customer.objects.first(),
        currency="USD", listed_on=TODAY, due_sort=TODAY, read_at="2026-06-30T00:00:00Z",
    )  # fmt: skip
    assert made.pk > 50  # numbering goes on behind what was filled in
