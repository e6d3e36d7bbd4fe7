"""What is owed by age is the same read by days and months as added up from the invoices."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from invoicing.listing.overview import owed
from invoicing.models import Book, Invoice
from tests.factories import make_invoice

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "today", [date(2026, 3, 15), date(2026, 1, 1), date(2026, 12, 31), date(2024, 2, 29), date(2026, 8, 25)]
)
def test_every_invoice_falls_into_exactly_one_age(connection_to, today):
    orb = connection_to("orb")
    for days in (-800, -400, -121, -92, -91, -90, -89, -61, -60, -31, -30, -1, 0, 1, 6, 7, 30, 31, 62, 400):
        make_invoice(orb, total=f"{days + 1000}.000001", due_date=today + timedelta(days=days))
    make_invoice(orb, total="5", due_date=None)

    expected = dict.fromkeys(("not_due", "d30", "d60", "d90", "older"), Decimal(0))
    for invoice in Invoice.objects.all():
        late = (today - invoice.due_date).days if invoice.due_date else 0
        age = "not_due" if late < 1 else "d30" if late < 31 else "d60" if late < 61 else "d90" if late < 91 else "older"
        expected[age] += invoice.amount_due
    (row,) = owed(Book.RECEIVABLE, today, [orb.pk])
    assert {age: part.amount for age, part in row.ages.items()} == expected
    assert (row.soon.invoices, row.undated.invoices, row.outstanding.invoices) == (3, 1, 21)
    assert row.outstanding.amount == row.overdue.amount + row.ages["not_due"].amount
    assert owed(Book.RECEIVABLE, today, []) == []
