"""Invoices inside invoices: their money counts once, whoever comes first."""

from datetime import timedelta

import pytest

from invoicing.mirror import absence
from invoicing.models import Constituent, Invoice, SummaryCell
from tests.mirror.plain import NOON, told

LATER = NOON + timedelta(hours=1)

pytestmark = pytest.mark.django_db


def counting():
    return set(Invoice.objects.filter(in_totals=True).values_list("external_id", flat=True))


def total():
    cells = SummaryCell.objects.filter(axis=1, grain=1, in_totals=True)
    return sum(cells.values_list("total_units", flat=True))


@pytest.mark.parametrize("order", [("whole", "part"), ("part", "whole")])
def test_the_part_counts_once_whichever_comes_first(apply, order):
    records = {"whole": told("whole", contains=["part"]), "part": told("part")}
    for name in order:
        apply(records[name])
    assert counting() == {"whole"}
    assert total() == 10


def test_both_on_one_page(apply):
    apply(told("part"), told("whole", contains=["part", "never mirrored"]))
    assert counting() == {"whole"}


def test_what_is_let_go_counts_again(apply):
    apply(told("part"), told("whole", contains=["part"]))
    apply(told("whole", contains=[]), at=LATER)
    assert counting() == {"whole", "part"}
    assert total() == 20


def test_a_part_of_two_counts_only_when_both_let_go(apply):
    apply(told("part"), told("one", contains=["part"]), told("two", contains=["part"]))
    apply(told("one"), at=LATER)
    assert "part" not in counting()
    apply(told("two"), at=LATER)
    assert "part" in counting()


def test_a_changed_part_stays_a_part(apply):
    apply(told("whole", contains=["part"]), told("part"))
    apply(told("part", total="99.00"), at=LATER)
    assert counting() == {"whole"}


def test_an_invoice_does_not_contain_itself(apply):
    apply(told("whole", contains=["whole"]))
    assert counting() == {"whole"}


def test_a_whole_that_is_gone_contains_nothing_until_it_is_back(apply, connection):
    apply(told("part"), told("whole", contains=["part"]))
    assert absence.bury(Invoice.objects.get(external_id="whole"), connection, LATER)
    assert counting() == {"whole", "part"}  # the whole in the book of the gone
    assert Invoice.objects.get(external_id="whole").book == 5
    apply(told("whole", contains=["part"]), at=LATER + timedelta(hours=1))
    assert counting() == {"whole"}
    assert Constituent.objects.count() == 1


def test_another_connections_invoice_of_that_id_is_another(apply, connection_to, plain, world):
    from invoicing.mirror.apply import Mirror
    from tests.mirror.plain import sent

    apply(told("whole", contains=["part"]))
    Mirror(connection_to("plain", name="other"), world).invoices(sent(told("part")), read_started_at=NOON)
    assert counting() == {"whole", "part"}
