"""A signed-in person and a small world of invoices."""

from datetime import date

import pytest

from invoicing.vocabulary import ListedBy, Payment, Status
from tests.factories import make_invoice


@pytest.fixture
def browser(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def orb(connection_to):
    return connection_to("orb")


@pytest.fixture
def flexprice(connection_to):
    return connection_to("flexprice")


@pytest.fixture
def crdb(connection_to):
    return connection_to("cockroachdb")


@pytest.fixture
def world(orb, flexprice):
    """Six invoices that differ in everything one filters by."""
    day = date(2026, 3, 1)
    return {
        "draft": make_invoice(
            orb, status=Status.DRAFT, total="5", listed_on=date(2026, 3, 20), listed_by=ListedBy.PLANNED
        ),
        "open": make_invoice(orb, number="ORB-7", total="100.50", due_date=date(2026, 4, 1), listed_on=day),
        "late": make_invoice(orb, total="80", due="30.25", due_date=date(2026, 3, 2), payment=Payment.PARTLY_PAID),
        "paid": make_invoice(flexprice, payment=Payment.PAID, total="12", currency="EUR", customer="Söhne AG"),
        "void": make_invoice(
            flexprice, status=Status.VOID, total="7.125", currency="BHD", listed_on=date(2025, 12, 31)
        ),
        "odd": make_invoice(
            flexprice, status=Status.UNRECOGNIZED, unrecognized=True, total=None, lines=("Rare widget",)
        ),
    }


@pytest.fixture
def march(time_machine):
    time_machine.move_to("2026-03-15 12:00:00Z", tick=False)
