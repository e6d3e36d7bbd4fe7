"""A small world of invoices as files are made of, and a folder of their own for the files."""

from datetime import date

import pytest

from invoicing.models import Export
from invoicing.vocabulary import Payment, Status
from tests.factories import make_invoice


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.DESK_EXPORTS = tmp_path / "exports"
    settings.MEDIA_ROOT = tmp_path / "files"
    return settings.DESK_EXPORTS


@pytest.fixture
def orb(connection_to):
    return connection_to("orb")


@pytest.fixture
def crdb(connection_to):
    return connection_to("cockroachdb")


@pytest.fixture
def world(orb, connection_to):
    flexprice = connection_to("flexprice")
    return {
        "open": make_invoice(
            orb, number="ORB-7", total="100.50", due_date=date(2026, 4, 1), lines=("Seats", "Usage"), line_count=2
        ),
        "tiny": make_invoice(orb, total="0.123456789012345678901", due="0.000000001", listed_on=date(2026, 2, 2)),
        "void": make_invoice(flexprice, status=Status.VOID, total="7.125", currency="BHD", customer="=1+1"),
        "paid": make_invoice(flexprice, payment=Payment.PAID, total="12", currency="EUR", customer="Söhne AG"),
        "none": make_invoice(flexprice, status=Status.DRAFT, total=None, listed_on=date(2025, 12, 31)),
    }


@pytest.fixture
def controller(person):
    return person("controller")


@pytest.fixture
def latest():
    return lambda: Export.objects.latest("created_at")
