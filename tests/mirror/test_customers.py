"""Customers: their own record before what invoices say of them."""

from datetime import timedelta

import pytest

from invoicing.models import Customer, Invoice
from invoicing.providers.errors import Missing
from tests.mirror.plain import NOON, sent, told

LATER = NOON + timedelta(hours=1)

pytestmark = pytest.mark.django_db


def test_a_new_name_sorts_its_invoices_anew(apply, mirror):
    mirror.customers(sent({"id": "acme", "name": "Acme"}), read_started_at=NOON)
    apply(told("in_1"), told("in_2", customer={"id": "other", "name": "Other"}))
    mirror.customers(sent({"id": "acme", "name": "Ärzte GmbH", "email": "a@b.example"}), read_started_at=LATER)
    customer = Customer.objects.get(external_id="acme")
    assert (customer.name, customer.search_text) == ("Ärzte GmbH", "ärzte gmbh\na@b.example\nacme")
    assert dict(Invoice.objects.values_list("external_id", "customer_sort")) == {
        "in_1": "a\u0308rzte gmbh",
        "in_2": "other",
    }


def test_an_older_read_of_a_customer_changes_nothing(mirror):
    mirror.customers(sent({"id": "acme", "name": "New"}), read_started_at=LATER)
    mirror.customers(sent({"id": "acme", "name": "Old"}), read_started_at=NOON)
    assert Customer.objects.get().name == "New"


def test_an_invoice_does_not_overwrite_a_customers_own_record(apply, mirror):
    mirror.customers(sent({"id": "acme", "name": "Acme"}), read_started_at=NOON)
    apply(told("in_1", customer={"id": "acme", "name": "As it was then"}), at=LATER)
    assert Customer.objects.get().name == "Acme"


def test_where_only_invoices_speak_of_a_customer_the_one_listed_last_is_heard(apply, mirror):
    def speaks(identity, name, listed):
        return told(identity, customer={"id": "acme", "name": name}, listed=listed)

    apply(speaks("in_1", "Now", "2026-03-01"), speaks("in_2", "Then", "2025-03-01"))
    assert Customer.objects.get().name == "Now"
    mirror.reader.customers.met.clear()
    apply(speaks("in_3", "Long ago", "2024-03-01"))
    assert Customer.objects.get().name == "Now"
    mirror.reader.customers.met = {"acme": None}  # nobody we know, so the invoice speaks
    apply(speaks("in_4", "Next", "2026-04-01"), at=LATER)
    assert Customer.objects.get().name == "Next"
    assert set(Invoice.objects.values_list("customer_sort", flat=True)) == {"next"}


def test_a_customer_nobody_knows_is_asked_for_once(apply, world):
    world.customers["acme"] = {"id": "acme", "name": "Acme Corporation"}
    apply(told("in_1", customer={"id": "acme"}), told("in_2", customer={"id": "acme"}))
    assert Invoice.objects.get(external_id="in_1").customer.name == "Acme Corporation"
    apply(told("in_3", customer={"id": "acme"}))
    assert world.asked.count(("customer", "acme")) == 1


def test_a_customer_the_provider_does_not_give_is_what_the_invoice_says(apply, world, monkeypatch):
    def nobody(external_id):
        raise Missing("No such customer.", status=404)

    monkeypatch.setattr(world, "customer", nobody)
    apply(told("in_1", customer={"id": "acme"}))
    assert str(Customer.objects.get()) == "acme"


def test_units_are_kept_on_the_connection(mirror, connection):
    mirror.units(sent({"id": "u1", "name": "AI credits", "is_currency": False}, {"name": "no id"}))
    connection.refresh_from_db()
    assert connection.units == {"u1": {"name": "AI credits", "is_currency": False}}
