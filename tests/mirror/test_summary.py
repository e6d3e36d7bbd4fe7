"""The summary table says what the rows say, after anything at all."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoicing.mirror import absence, drift
from invoicing.mirror.apply import Mirror
from invoicing.mirror.summary import Cells, Counted, change
from invoicing.models import Customer, CustomerCell, Invoice, SummaryCell
from tests.mirror.plain import NOON, World, sent, told

NAMES = ["in_1", "in_2", "in_3", "in_4"]
amounts = st.sampled_from(["10.00", "0.01", "-3.50", "1234567890123.123456789", "0", "0.0000001", None])
records = st.builds(
    lambda identity, total, status, paid, currency, listed, due_date, contains, further, live: told(
        identity, total=total, due=total, status=status, paid=paid, currency=currency, listed=listed, live=live,
        contains=contains, further=further, **({"due_date": due_date} if due_date else {}),
    ),
    identity=st.sampled_from(NAMES),
    total=amounts,
    status=st.sampled_from(["draft", "finalized", "void"]),
    paid=st.sampled_from(["unpaid", "paid", "partly_paid", "not_tracked"]),
    currency=st.sampled_from(["USD", "JPY"]),
    listed=st.sampled_from(["2026-01-31", "2026-02-01", "2025-12-31"]),
    due_date=st.sampled_from([None, "2026-02-28", "2026-03-01"]),
    contains=st.lists(st.sampled_from(NAMES), max_size=2),
    further=st.dictionaries(st.sampled_from(["CREDITS", "USD"]), st.sampled_from(["1.5", "2"]), max_size=2),
    live=st.booleans(),
)  # fmt: skip
steps = st.one_of(
    st.tuples(st.just("page"), st.lists(records, min_size=1, max_size=4)),
    st.tuples(st.just("gone"), st.sampled_from(NAMES)),
)


@pytest.fixture
def any_sequence(connection):
    """Runs a sequence of pages and burials from nothing, and recounts after each."""

    def run(sequence):
        Invoice.objects.all().delete()
        SummaryCell.objects.all().delete()
        CustomerCell.objects.all().delete()
        mirror, at = Mirror(connection, World()), NOON
        for kind, what in sequence:
            at += timedelta(minutes=1)
            if kind == "page":
                mirror.invoices(sent(*what), read_started_at=at)
            elif invoice := Invoice.objects.filter(external_id=what).first():
                absence.bury(invoice, connection, at)
            assert drift.recount(connection) == []
        return mirror

    return run


@pytest.fixture
def of_somebody(connection):
    """of_somebody(**facts) counts an invoice of a customer there is."""
    customer = Customer.objects.create(connection=connection, external_id="acme", read_at=NOON)
    return lambda **facts: counted(connection_id=connection.pk, customer_id=customer.pk, **facts)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=st.lists(steps, min_size=1, max_size=6))
def test_after_any_sequence_the_table_agrees_with_the_rows(any_sequence, sequence):
    any_sequence(sequence)
    cells = SummaryCell.objects.filter(axis=SummaryCell.Axis.LISTED)
    for grain in SummaryCell.Grain:
        counted = sum(cells.filter(grain=grain).values_list("invoices", flat=True))
        assert counted == Invoice.objects.count()


def counted(**more):
    facts = {
        "book": 1, "connection_id": None, "customer_id": None, "status": "finalized", "payment_status": "unpaid", "currency": "USD", "in_totals": True,
        "listed_on": date(2026, 1, 31), "due_sort": date(2026, 2, 28), "outstanding": True, "total": Decimal("12.50"),
        "due": Decimal("2.50"),
    }  # fmt: skip
    return Counted(**facts | more)


def test_one_invoice_stands_in_three_grains_on_two_axes():
    cells = Cells()
    cells.add(counted())
    found = {(key[1], key[2], key[3]): (s.invoices, s.total, s.due) for key, s in cells.all().items()}
    assert set(found) == {
        (1, 1, date(1, 1, 1)), (1, 2, date(2026, 1, 1)), (1, 3, date(2026, 1, 31)),
        (2, 1, date(1, 1, 1)), (2, 2, date(2026, 2, 1)), (2, 3, date(2026, 2, 28)),
    }  # fmt: skip
    assert set(found.values()) == {(1, Decimal("12.50"), Decimal("2.50"))}


def test_what_is_not_outstanding_has_no_due_axis_and_no_due():
    cells = Cells()
    cells.add(counted(outstanding=False))
    assert {key[1] for key in cells.all()} == {1}
    assert {sums.due for sums in cells.all().values()} == {Decimal(0)}


def test_in_and_out_again_is_nothing():
    cells = Cells()
    cells.add(counted(further=(("CREDITS", Decimal("1")),)))
    cells.add(counted(further=(("CREDITS", Decimal("1")),)), -1)
    assert cells.all() == {}


def test_units_never_add(apply):
    apply(told("in_1", currency="USD"), told("in_2", currency="JPY"), told("in_3", further={"CREDITS": "7"}))
    found = SummaryCell.objects.filter(axis=1, grain=1).values_list("currency", "invoices", "amounts", "total_units")
    assert set(found) == {("USD", 2, 2, 20), ("JPY", 1, 1, 10), ("CREDITS", 0, 1, 7)}


def test_digits_below_a_millionth_are_kept_and_taken_back(of_somebody):
    for sign, rest in ((1, "0.0000001"), (1, "0.0000002"), (-1, "0.0000001")):
        cells = Cells()
        cells.add(of_somebody(total=Decimal("0.0000001"), due=Decimal("0")), sign)
        change(cells)
        for cell in (SummaryCell.objects.get(axis=1, grain=1), CustomerCell.objects.get()):
            assert cell.total_rest == Decimal(rest)


def test_sums_do_not_overflow_or_round(of_somebody):
    cells, huge = Cells(), Decimal("9999999999999.999999")
    for _ in range(1000):
        cells.add(of_somebody(total=huge, due=huge))
    change(cells)
    for cell in (SummaryCell.objects.get(axis=1, grain=1), CustomerCell.objects.get()):
        assert cell.total_units + Decimal(cell.total_millionths) / 10**6 + cell.total_rest == huge * 1000


def test_drift_is_found_told_and_repaired(apply, connection):
    apply(told("in_1"), told("in_2", currency="JPY"))
    Invoice.objects.filter(external_id="in_1").update(status="void")  # somebody wrote past the mirror
    found = drift.recount(connection)
    assert found
    assert all("status=" in str(each) for each in found)
    assert {each.key[0] for each in found if len(each.key) == 6} == {
        Customer.objects.get().pk
    }  # its customer's cells too
    assert drift.repair(connection) == found
    assert drift.recount(connection) == []
    assert drift.repair(connection) == []


def test_cells_of_another_connection_are_left_alone(apply, connection, connection_to, world, plain):
    other = connection_to("plain", name="other")
    Mirror(other, world).invoices(sent(told("in_1")), read_started_at=NOON)
    apply(told("in_1"))
    before = list(SummaryCell.objects.filter(connection=other).values())
    SummaryCell.objects.filter(connection=connection).delete()
    drift.repair(connection)
    assert list(SummaryCell.objects.filter(connection=other).values()) == before
