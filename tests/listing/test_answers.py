"""The list is quick because it goes below the ORM. Whatever is asked, it must answer what the ORM answers slowly."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from invoicing.benchmarks import plain
from invoicing.listing import facets, page, ways
from invoicing.listing.criteria import SORTS, Criteria, Span
from invoicing.listing.invoice_list import InvoiceList
from invoicing.mirror import containment
from invoicing.mirror.summary import Cells, change
from invoicing.models import Book, Customer, Invoice, InvoiceTotal, LineItem, LineText
from invoicing.models.search import fold
from invoicing.money import micros, split
from invoicing.vocabulary import OWED, Payment, Status

TODAY = date(2026, 3, 15)
NEVER = date(9999, 12, 31)
UNITS = ["USD", "EUR", "JPY", "AI credits"]
AMOUNTS = ["0", "0.01", "-12.50", "19.99", "1000", "123456789.123456", "0.0000001", "99.9999999999", "3000000000000000"]
NAMES = ["Nordlicht GmbH", "Süd & Söhne", "Acme 100%", "under_score Ltd", "Ångström", "nordic foods", "x"]
TEXTS = ["Compute hours, eu-north", "Storage", "Support plan (nord)", "100% extra"]
SOUGHT = ["nord", "NORD", "söhne", "100%", "_", "inv-0", "storage", "id-1", "no such thing", "x", "å"]


@pytest.fixture
def world(connection_to):
    """Four hundred invoices of four connections, in every book, with everything an invoice can be."""
    chance = random.Random(7)
    connections = [connection_to("orb", name="orb"), connection_to("orb", name="orb two"), connection_to("metronome")]
    connections += [connection_to("cockroachdb", name="crdb")]
    texts = [LineText.objects.create(digest=bytes([n] * 16), text=t, search_text=fold(t)) for n, t in enumerate(TEXTS)]
    for connection in connections:
        people = [
            Customer.objects.create(
                connection=connection,
                external_id=f"cus{n}",
                name=name,
                search_text=fold(name, f"cus{n}"),
                read_at=datetime(2026, 3, 1, tzinfo=UTC),
            )
            for n, name in enumerate(NAMES)
        ]
        for number in range(100):
            _invoice(chance, connection, chance.choice(people), number, texts)
    cells = Cells()
    for row in Invoice.objects.all():
        cells.add(containment.counted(row, containment.further_totals([row.pk]).get(row.pk, ())))
    change(cells)
    return connections


def _invoice(chance, connection, customer, number, texts):
    status, payment = chance.choice([*Status, Status.FINALIZED, Status.FINALIZED]), chance.choice([*Payment, *OWED])
    total = None if chance.random() < 0.05 else Decimal(chance.choice(AMOUNTS)) * chance.choice([1, 1, 1, 7])
    due = total if total is not None and total > 0 and chance.random() < 0.8 else None
    listed = TODAY - timedelta(days=chance.choice([0, 0, 1, 14, 15, 40, 80, 400, 730]))
    due_date = chance.choice([None, listed, listed + timedelta(days=14), listed + timedelta(days=30)])
    begins = chance.choice([None, listed - timedelta(days=30)])
    live, gone = chance.random() < 0.9, chance.random() < 0.1
    book = Book.of(connection.direction, live=live, gone=gone)
    row = Invoice.objects.create(
        connection=connection,
        external_id=f"id-{number}",
        book=book,
        customer=customer,
        number="" if number % 5 == 0 else f"INV-{number:04d}",
        status=status,
        payment_status=payment,
        provider_status=status,
        currency=chance.choice(UNITS[:2] * 3 + UNITS),
        total=total,
        amount_due=due,
        total_micros=0 if total is None else micros(total),
        due_micros=0 if due is None else micros(due),
        sub_micro=any(amount is not None and split(amount)[2] != 0 for amount in (total, due)),
        outstanding=status == Status.FINALIZED and payment in OWED and due is not None,
        in_totals=chance.random() < 0.9,
        listed_on=listed,
        listed_by="issued",
        due_date=due_date,
        due_sort=due_date or NEVER,
        customer_sort=customer.name.casefold(),
        search_text=fold(f"INV-{number:04d}", f"id-{number}"),
        period_start=begins,
        period_end=chance.choice([None, listed]) if begins else None,
        unrecognized=status == Status.UNRECOGNIZED,
        line_difference=Decimal("0.01") if chance.random() < 0.1 else None,
        read_at=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=chance.randrange(400)),
        finalized_on=chance.choice([None, listed]) if status != Status.DRAFT else None,
        voided_on=listed + timedelta(days=3) if status == Status.VOID else None,
    )
    for position in range(chance.randrange(3)):
        LineItem.objects.create(invoice=row, position=position, text=chance.choice(texts), unit=row.currency)
    if connection.direction == "payable" and chance.random() < 0.5:
        further = Decimal(chance.choice(AMOUNTS))
        unit = next(unit for unit in UNITS if unit != row.currency)
        InvoiceTotal.objects.create(invoice=row, book=book, unit=unit, total=further, total_micros=micros(further))


def asked(chance, connections):
    """Something a person might ask for: mostly little, sometimes much at once."""

    def some(values, share=0.25, most=2):
        return tuple(chance.sample([*values], chance.randint(1, most))) if chance.random() < share else ()

    def span(share):
        if chance.random() > share:
            return Span()
        first = TODAY - timedelta(days=chance.choice([0, 1, 20, 74, 90, 800]))
        return chance.choice(
            [Span(first), Span(None, first), Span(first, first + timedelta(days=chance.choice([0, 30, 100])))]
        )

    amounts = chance.random() < 0.25
    least, most = sorted([Decimal(chance.choice(AMOUNTS)), Decimal(chance.choice(AMOUNTS))])
    customers = list(Customer.objects.values_list("pk", flat=True))
    return Criteria(
        book=chance.choice([Book.RECEIVABLE] * 4 + [Book.PAYABLE] * 2 + [*Book]),
        today=TODAY,
        connections=some(c.pk for c in connections),
        statuses=some(Status),
        payments=some(Payment, most=4),
        currencies=(chance.choice(UNITS[:2]),) if amounts else some(UNITS),
        customers=some(customers, 0.1, 1),
        without_currencies=() if amounts else some(UNITS, 0.1),
        without_customers=some(customers, 0.1),
        listed=span(0.25),
        due=span(0.1),
        period=span(0.1),
        finalized=span(0.1),
        voided=span(0.07),
        synced=span(0.07),
        least=chance.choice([least, None]) if amounts else None,
        most=chance.choice([most, None]) if amounts else None,
        overdue=chance.random() < 0.1,
        unrecognized=chance.random() < 0.05,
        differing=chance.random() < 0.05,
        search=chance.choice(SOUGHT) if chance.random() < 0.3 else "",
        sort=chance.choice(["listed", *SORTS]),
        descending=chance.random() < 0.6,
    )


def pages(criteria, *, size=7):
    """All ids by walking on from page to page, and those met on the way back."""
    on, mark = [], ""
    while True:
        shown = InvoiceList(criteria).page(size=size, after=mark)
        on.append([row.pk for row in shown.rows])
        mark = shown.older
        if not mark:
            break
    back, mark = [on[-1]], shown.newer
    while mark:
        shown = InvoiceList(criteria).page(size=size, before=mark)
        back.append([row.pk for row in shown.rows])
        mark = shown.newer
    return on, back


def test_the_list_answers_what_the_orm_answers(world):
    chance = random.Random(11)
    for _ in range(150):
        criteria = asked(chance, world)
        expected = [row.pk for row in plain.ordered(criteria)]
        found = InvoiceList(criteria)
        assert [row.pk for row in found.page(size=50).rows] == expected[:50], criteria
        assert list(found.ids()) == expected, criteria
        told = found.facets
        assert (told.count, told.capped) == (len(expected), False), criteria
        counted = {name: {v: n for v, n in values.items() if n} for name, values in told.by.items()}
        assert counted == {name: dict(values) for name, values in plain.counts(criteria).items()}, criteria
        assert {t.unit: (t.amounts, t.total, t.due) for t in told.totals} == plain.totals(criteria), criteria
        assert told.left_out == plain.matching(criteria).filter(in_totals=False).count(), criteria


def test_pages_meet_every_row_once_both_ways_in_every_order(world):
    chance = random.Random(13)
    for sort in SORTS:
        for descending in (True, False):
            criteria = replace(asked(chance, world), sort=sort, descending=descending, book=Book.RECEIVABLE)
            expected = [row.pk for row in plain.ordered(criteria)]
            on, back = pages(criteria)
            assert [pk for page in on for pk in page] == expected, criteria
            assert [pk for page in reversed(back[1:]) for pk in page] == [pk for page in on[:-1] for pk in page], (
                criteria
            )


def test_whichever_way_is_taken_the_page_is_the_same(world, monkeypatch):
    chance = random.Random(17)
    taken = set()
    for _ in range(80):
        criteria = asked(chance, world)
        expected = [row.pk for row in plain.ordered(criteria)[:50]]
        found = InvoiceList(criteria)
        if criteria.impossible or (found.found is not None and not found.found):
            continue
        for option in ways._options(found.asked, SORTS[criteria.sort]):
            taken |= {way.index for way in option}
            monkeypatch.setattr(page, "weighed", lambda *_, option=option, **__: (option, 0))
            first = found.page(size=7)
            assert [row.pk for row in first.rows] == expected[:7], (criteria, option)
            if first.older:
                second = found.page(size=7, after=first.older)
                assert [row.pk for row in second.rows] == expected[7:14], (criteria, option)
                assert [row.pk for row in found.page(size=7, before=second.newer).rows] == expected[:7], (
                    criteria,
                    option,
                )
    assert taken >= {
        "inv_words",
        "inv_customer",
        "inv_total",
        "inv_due",
        "inv_outstanding",
        "inv_unrecognized",
        "inv_period_end",
    }
    assert taken >= {"inv_period_start", "inv_finalized", "inv_voided", "inv_read", ""}


def test_of_too_many_it_says_how_many_there_are_at_least(world, monkeypatch):
    monkeypatch.setattr(ways, "PROBE", 3)
    chance = random.Random(19)
    capped = 0
    for _ in range(150):
        criteria = asked(chance, world)
        found, count = InvoiceList(criteria), plain.matching(criteria).count()
        told = facets.from_rows(found.asked, cap=3)
        if told.capped:
            capped += 1
            assert told.count <= count, criteria
            assert told.totals == [], criteria
        else:
            assert told.count == count, criteria
        assert facets.from_rows(found.asked, cap=None).count == count, criteria
    assert capped > 30


def test_a_walk_that_is_given_up_ends_at_the_same_rows(world, monkeypatch):
    monkeypatch.setattr(page, "GOOD", 0)
    chance = random.Random(23)
    for patience in (1, 20, 1000):
        monkeypatch.setattr(page, "patience", lambda cost, patience=patience: patience)
        for _ in range(50):
            criteria = asked(chance, world)
            expected = [row.pk for row in plain.ordered(criteria)]
            first = InvoiceList(criteria).page(size=7)
            assert [row.pk for row in first.rows] == expected[:7], criteria
            if first.older:
                second = InvoiceList(criteria).page(size=7, after=first.older)
                assert [row.pk for row in second.rows] == expected[7:14], criteria
