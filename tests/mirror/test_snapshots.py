"""Stored payloads read anew."""

import pytest

from invoicing.mirror.snapshots import snapshot_of, snapshots_of
from invoicing.models import Customer, Invoice
from invoicing.providers.errors import PayloadNotUnderstood
from tests.mirror.plain import NOON, sent, told

pytestmark = pytest.mark.django_db


def test_a_version_is_as_it_was_the_invoice_as_it_is(apply):
    apply(told("in_1"))
    apply(told("in_1", total="12.00"), at=NOON.replace(hour=13))
    invoice = Invoice.objects.get()
    assert snapshot_of(invoice).total == 12
    assert snapshot_of(invoice.versions.get(number=1)).total == 10


def test_the_customer_is_as_known_today(apply, mirror):
    apply(told("in_1"))
    mirror.customers(sent({"id": "acme", "name": "Acme Renamed"}), read_started_at=NOON)
    assert snapshot_of(Invoice.objects.get()).customer.name == "Acme Renamed"


def test_many_are_read_in_few_queries(apply, django_assert_max_num_queries):
    apply(*(told(f"in_{n}", customer={"id": f"c{n % 5}", "name": "Acme"}) for n in range(30)))
    assert Customer.objects.count() == 5
    invoices = Invoice.objects.select_related("connection").order_by("pk")
    with django_assert_max_num_queries(7):  # invoices, payloads, and each customer once
        found = list(snapshots_of(invoices))
    assert [(invoice.external_id, snapshot.external_id) for invoice, snapshot in found] == [
        (f"in_{n}",) * 2 for n in range(30)
    ]


def test_what_cannot_be_read_any_more_is_said(apply, plain, monkeypatch):
    apply(told("in_1"))

    def changed_its_mind(payload, context):
        raise PayloadNotUnderstood("Plain invoice", "total", "is in an older form")

    monkeypatch.setattr(plain, "invoice", changed_its_mind)
    assert [snapshot for _, snapshot in snapshots_of(Invoice.objects.all())] == [None]
    with pytest.raises(PayloadNotUnderstood):
        snapshot_of(Invoice.objects.get())
