"""Snapshots as rows: pure functions, and the bulk path read back through the ORM."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from invoicing.mirror import bulk, rows
from invoicing.mirror.changes import MOST, changes
from invoicing.models import AuditEntry, Connection, Customer, Invoice, LineItem, LineText, SyncRun
from invoicing.providers.base import Context
from invoicing.providers.snapshots import Adjustment, LineSnapshot
from tests.mirror.plain import NOON, Plain, told


def snapshot(**more):
    return Plain().invoice(told("in_1", **more), Context())


def of_lines(*lines, subtotal):
    return replace(snapshot(lines=[]), subtotal=Decimal(subtotal), lines=lines)


def line(amount, unit="USD", counts=True, adjustments=()):
    return LineSnapshot(
        position=0, text="Seats", unit=unit, amount=amount if amount is None else Decimal(amount), counts=counts,
        adjustments=tuple(Adjustment(label="Discount", amount=a if a is None else Decimal(a), unit=unit) for a in adjustments),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "subtotal", "difference"),
    [
        ([line("7.50"), line("2.50")], "10.00", None),
        ([line("7.50"), line("2.49")], "10.00", "-0.01"),
        ([], "10.00", "-10.00"),
        ([line("10.00"), line("99", unit="CREDITS")], "10", None),  # converted by another line, if at all
        ([line("10.00"), line("99", counts=False)], "10", None),
        ([line("10.00"), line(None)], "10", None),  # cannot be compared
        ([line("8.00", adjustments=["-2.00"])], "10.00", None),  # the line after its discount, the subtotal before
        ([line("10.00", adjustments=["-2.00"])], "10.00", None),  # both before
        ([line("8.00", adjustments=["-2.00"])], "9.50", "0.50"),  # neither: the nearer one is told
        ([line("8.00", adjustments=[None])], "10.00", None),
    ],
)
def test_the_difference_between_lines_and_subtotal(lines, subtotal, difference):
    found = rows.line_difference(of_lines(*lines, subtotal=subtotal))
    assert found == (None if difference is None else Decimal(difference))


@pytest.mark.parametrize(
    ("name", "sorted_as"),
    [
        ("ACME", "acme"),
        ("Ärzte", "a\u0308rzte"),
        ("ﬁrst", "first"),
        ("straße", "strasse"),
        ("x" * 200, "x" * 80),
        ("", ""),
    ],
)
def test_names_sort_without_case_and_form(name, sorted_as):
    assert rows.sort_name(name) == sorted_as


@pytest.mark.parametrize(
    ("more", "outstanding"),
    [
        ({}, True),
        ({"paid": "paid"}, False),
        ({"paid": "not_tracked"}, False),
        ({"paid": "failed"}, True),
        ({"status": "draft"}, False),
        ({"status": "void"}, False),
        ({"due": "0.00"}, False),
        ({"due": "-5.00"}, False),
        ({"due": None}, False),
    ],
)
def test_outstanding_is_what_is_final_owed_and_left(more, outstanding):
    assert rows.said(snapshot(**more), Connection(direction="receivable"))["outstanding"] is outstanding


def test_periods_are_days_of_the_providers_zone():
    midnight = datetime(2026, 3, 1, 7, tzinfo=UTC)  # midnight in Los Angeles, before summer time
    said = rows.said(
        replace(snapshot(), period_start=midnight, timezone="America/Los_Angeles"), Connection(direction="payable")
    )
    assert said["period_start"] == date(2026, 2, 28)
    assert said["book"] == 3


READ, EARLIER = date(2026, 3, 9), date(2026, 3, 2)
TOLD = datetime(2026, 3, 5, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("more", "told", "known", "found"),
    [
        ({"status": "draft"}, {}, None, (None, False, None, False)),
        ({}, {"finalized_at": TOLD}, None, (date(2026, 3, 5), False, None, False)),
        ({}, {"issued_at": TOLD}, None, (date(2026, 3, 5), False, None, False)),
        ({}, {}, None, (READ, True, None, False)),
        ({}, {}, {"finalized_on": EARLIER}, (EARLIER, True, None, False)),
        ({"status": "void"}, {}, {"finalized_on": EARLIER}, (EARLIER, True, READ, True)),
        ({"status": "void"}, {}, {"finalized_on": EARLIER, "voided_on": EARLIER}, (EARLIER, True, EARLIER, True)),
        ({"status": "void"}, {"issued_at": TOLD, "voided_at": TOLD}, {"voided_on": READ},
         (date(2026, 3, 5), False, date(2026, 3, 5), False)),
        ({"status": "void"}, {}, None, (None, False, READ, True)),  # when it was finalized nobody can say any more
        ({"status": "draft"}, {}, {"finalized_on": EARLIER, "voided_on": EARLIER}, (None, False, None, False)),
    ],
)  # fmt: skip
def test_the_days_it_was_finalized_and_voided_are_the_providers_or_the_first_we_saw(more, told, known, found):
    row = None if known is None else Invoice(**known)
    assert rows.milestones(replace(snapshot(**more), **told), row, READ) == found


def test_digits_below_a_millionth_are_marked():
    assert rows.said(snapshot(total="0.0000001"), Connection(direction="receivable"))["sub_micro"] is True
    assert rows.said(snapshot(total="0.000001"), Connection(direction="receivable"))["sub_micro"] is False


# ---- changes


def test_money_comes_first_then_standing_then_lines_then_the_rest():
    before = snapshot(lines=[["Seats", "10.00"], ["Storage", "1.00"]])
    after = snapshot(total="9.00", due="9.00", status="void", listed="2026-03-02", customer={"id": "acme", "name": "Acme 2"},
                     lines=[["Seats", "9.00"], ["Egress", "0.10"]])  # fmt: skip
    assert [(c["field"], c["before"], c["after"]) for c in changes(before, after)] == [
        ("total", "10.00", "9.00"),
        ("amount_due", "10.00", "9.00"),
        ("status", "finalized", "void"),
        ("provider_status", "finalized", "void"),
        ("lines", "1.00 USD", None),
        ("lines.amount", "10.00", "9.00"),
        ("lines", None, "0.10 USD"),
        ("customer.name", "Acme", "Acme 2"),
        ("listed_on", "2026-03-01", "2026-03-02"),
    ]


def test_equal_lines_are_told_apart_by_their_order():
    before = snapshot(lines=[["Seats", "1"], ["Seats", "2"]])
    after = snapshot(lines=[["Seats", "1"], ["Seats", "3"]])
    entry = {"field": "lines.amount", "before": "2", "after": "3", "line": "Seats", "unit": "USD"}
    assert changes(before, after) == [entry]


def test_a_digit_more_is_no_change_of_the_amount():
    assert changes(snapshot(total="10.00", due=None), snapshot(total="10.0", due=None)) == []


def test_endless_changes_end_with_a_count():
    before = snapshot(lines=[[f"Line {n}", "1"] for n in range(MOST + 50)])
    found = changes(before, snapshot(lines=[]))
    assert len(found) == MOST + 1
    assert found[-1] == {"field": "further_changes", "before": None, "after": "50"} | {"after": 50}


# ---- bulk


@pytest.mark.django_db
def test_what_is_inserted_in_bulk_reads_back_through_the_orm(connection):
    text = LineText.objects.create(digest=b"0" * 16, text="Seats")
    customer = (
        connection.pk,
        "acme",
        "Acme “Ltd”\t\\N",
        "",
        "",
        "Europe/Berlin",
        True,
        "DE123",
        "acme",
        b"\x00\xff\\.",
        b"",
        NOON,
    )
    from invoicing.mirror.customers import COLUMNS

    bulk.insert(Customer, COLUMNS, [customer])
    stored = Customer.objects.get()
    assert (
        tuple(
            bytes(value) if isinstance(value, memoryview) else value for value in (getattr(stored, n) for n in COLUMNS)
        )
        == customer
    )
    invoice = rows.said(snapshot(), connection)
    kept = (stored.pk, "acme", True, 1, b"w" * 16, b"c" * 16, NOON, None, date(2026, 3, 1), True, None, False)
    bulk.insert(Invoice, rows.NEW, [(connection.pk, "in_1", *(invoice[name] for name in rows.SAID), *kept)])
    row = Invoice.objects.get()
    assert {name: getattr(row, name) for name in rows.SAID} == invoice
    assert (row.finalized_on, row.finalized_seen, row.voided_on) == (date(2026, 3, 1), True, None)
    names = ("invoice_id", "position", "text_id", "kind", "unit", "quantity", "unit_price", "amount", "period_start",
             "period_end", "counts", "details")  # fmt: skip
    values = (
        row.pk,
        0,
        text.pk,
        "",
        "USD",
        Decimal("1E+2"),
        None,
        Decimal("-0.10"),
        NOON,
        None,
        False,
        {"a": ["ü", None]},
    )
    bulk.insert(LineItem, names, [values])
    assert tuple(getattr(LineItem.objects.get(), name) for name in names) == values
    assert LineItem.objects.get().quantity == 100


@pytest.mark.django_db
def test_rows_are_updated_in_bulk_by_their_key(connection):
    runs = [SyncRun.objects.create(connection=connection, full=True, state="complete", started_at=NOON, heartbeat_at=NOON)
            for _ in range(2)]  # fmt: skip
    bulk.update(SyncRun, ("seen", "errors", "since"), [(5, [{"a": 1}], NOON, runs[1].pk)])
    assert list(SyncRun.objects.order_by("pk").values_list("seen", "errors", "since")) == [
        (0, [], None),
        (5, [{"a": 1}], NOON),
    ]


@pytest.mark.django_db
def test_nothing_to_write_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        bulk.insert(AuditEntry, ("at",), [])
        bulk.update(AuditEntry, ("at",), [])


def test_chunks_hold_everything_once():
    assert list(bulk.in_chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
