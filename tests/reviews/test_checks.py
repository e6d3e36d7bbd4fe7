"""What is unusual, by the two figures each check compares."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.models import AnomalyKind as Kind
from invoicing.money import parse_amount
from invoicing.providers.snapshots import Address, CustomerSnapshot, InvoiceSnapshot, LineSnapshot
from invoicing.reviews.checks import PERIODS, Case, Past, findings, median
from invoicing.vocabulary import ListedBy, Payment, Status

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
AMOUNTS = {Kind.AMOUNT, Kind.NEW_LINE, Kind.LOST_LINE, Kind.UNIT_PRICE, Kind.NO_QUANTITY, Kind.SUM, Kind.CREDIT}


def line(text="Seats", amount="10", **more):
    given = {name: Decimal(more.pop(name)) for name in ("quantity", "unit_price") if name in more}
    return LineSnapshot(position=0, text=text, unit="USD", amount=Decimal(amount), **given, **more)


def invoice(total="10", **more):
    facts = {
        "provider": "orb", "external_id": "i", "status": Status.FINALIZED, "payment_status": Payment.UNPAID,
        "provider_status": "issued", "customer": CustomerSnapshot(external_id="c"), "currency": "USD",
        "total": None if total is None else Decimal(total), "listed_on": date(2026, 3, 1), "listed_by": ListedBy.ISSUED,
    }  # fmt: skip
    return InvoiceSnapshot(**facts | more)


def past(*totals, currency="USD", **more):
    return [
        Past(name=f"P{n}", kind="", currency=currency, total=Decimal(each), **more) for n, each in enumerate(totals)
    ]


def months(*first, total="10", length=1):
    """A period of a month from each first month on, newest first."""
    return [
        Past(name=f"M{n}", kind="", currency="USD", total=Decimal(total), period_start=date(2026, n, 1),
             period_end=date(2026, n + length, 1))
        for n in sorted(first, reverse=True)
    ]  # fmt: skip


def found(made=None, **more):
    return findings(Case(invoice=made or invoice(), now=NOW, **more))


def only(kind, *given, **more):
    """The one finding of this kind, as its two figures."""
    of_kind = [each for each in found(*given, **more) if each.kind == kind]
    assert len(of_kind) == 1
    return of_kind[0].here, of_kind[0].there


def test_an_ordinary_invoice_is_not_unusual():
    ordinary = invoice("30", subtotal=Decimal(30), lines=(line(amount="10"), line("Support", "20")))
    assert found(ordinary, past=past("28", "31", "30", "29"), former=ordinary) == []


def test_an_amount_far_from_the_last_six_is_shown_with_their_median():
    assert only(Kind.AMOUNT, invoice("31"), past=past("10", "20", "20", "20", "12", "18", "9000")) == ("31", "19")
    assert found(invoice("29"), past=past("20", "20", "20")) == []  # less than half as much again
    assert found(invoice("31"), past=past("20", "20", "32")) == []  # it has been as much
    assert found(invoice("31"), past=past("20", "20")) == []  # too few to say


def test_a_growing_draft_is_not_yet_too_little():
    low = invoice("1", status=Status.DRAFT)
    assert found(low, past=past("10", "10", "10")) == []
    assert only(Kind.AMOUNT, replace(low, status=Status.FINALIZED), past=past("10", "10", "10")) == ("1", "10")


def test_lines_that_came_and_went_whatever_the_month_in_their_text():
    former = invoice(lines=(line("Seats, 1 Feb 2026 to 1 Mar 2026"), line("Old thing", "4")))
    now = invoice(lines=(line("Seats, 1 Mar 2026 to 1 Apr 2026"), line("New thing", "5")))
    assert only(Kind.NEW_LINE, now, former=former) == ("5", "0")
    assert only(Kind.LOST_LINE, now, former=former) == ("0", "4")
    assert not [each for each in found(now) if each.kind in (Kind.NEW_LINE, Kind.LOST_LINE)]  # nothing to compare with


def test_a_unit_price_that_changed():
    former, now = (invoice(lines=(line(unit_price=price, quantity="10"),)) for price in ("1.00", "1.10"))
    assert only(Kind.UNIT_PRICE, now, former=former) == ("1.10", "1.00")
    assert found(former, former=former) == []


def test_charged_without_a_quantity():
    assert only(Kind.NO_QUANTITY, invoice(lines=(line(quantity="0.00"),))) == ("10", "0")
    assert found(invoice(lines=(line(amount="0", quantity="0"),))) == []


def dated(first, last, **more):
    return {"start": first, "end": last, **more}


def test_a_gap_an_overlap_and_a_period_billed_twice():
    april = dated(date(2026, 4, 1), date(2026, 5, 1))
    assert found(invoice("12"), past=months(1, 2, 3), **april) == []
    assert only(Kind.GAP, invoice("12"), past=months(1, 2), **april) == ("2026-04-01", "2026-03-01")
    assert only(Kind.OVERLAP, invoice("12"), past=months(3), **dated(date(2026, 3, 15), date(2026, 4, 15))) == (
        "2026-03-15/2026-04-15", "2026-03-01/2026-04-01",
    )  # fmt: skip
    assert only(Kind.DUPLICATE, invoice("10"), past=months(4), **april) == (
        "2026-04-01/2026-05-01", "2026-04-01/2026-05-01",
    )  # fmt: skip


def test_the_same_amount_twice_on_a_day_where_there_are_no_periods():
    assert only(Kind.DUPLICATE, past=past("10", day=date(2026, 3, 1))) == ("2026-03-01", "2026-03-01")
    assert found(past=past("11", day=date(2026, 3, 1))) == found(past=past("10", day=date(2026, 3, 2))) == []


def test_periods_side_by_side_say_nothing_of_gaps():
    both = [*months(1, 2, 3), *months(1, 2, 3, total="77")]
    assert found(invoice("12"), past=both, **dated(date(2026, 6, 1), date(2026, 7, 1))) == []


def test_lines_that_do_not_add_up():
    assert only(Kind.SUM, invoice(subtotal=Decimal("10.01"), lines=(line(),))) == ("10", "10.01")
    assert found(invoice(subtotal=Decimal("5"), lines=(line(counts=False),))) == []


def test_no_tax_and_no_tax_number_where_one_of_the_two_is_wanted():
    abroad = {"billed_to": Address(country="DE"), "tax": Decimal(0)}
    assert only(Kind.TAX_ID, invoice(**abroad)) == ("0", "10")
    assert found(invoice(**abroad), payable=True) == []
    assert found(invoice(**abroad | {"billed_to": Address(country="DE", tax_id="DE1")})) == []
    assert found(invoice(**abroad | {"tax": Decimal("1.90")})) == []
    assert found(invoice(**abroad | {"billed_to": Address(country="US")})) == []
    lost = invoice(billed_to=Address(country="US"))
    assert only(Kind.TAX_ID, lost, former=invoice(billed_to=Address(country="US", tax_id="us_ein 1"))) == ("0", "10")


def test_more_credited_than_charged():
    assert only(Kind.CREDIT, invoice("-5", lines=(line(), line("Credit", "-15")))) == ("15", "10")
    assert found(invoice("0", lines=(line(), line("Credit", "-10")))) == []


def test_another_currency_than_ever():
    assert only(Kind.UNIT, invoice(), past=past("1", "2", "3", currency="EUR")) == ("USD", "EUR")
    assert found(invoice(), past=[*past("1", "2", currency="EUR"), *past("3")]) == []


@pytest.mark.parametrize(("hours", "soon"), [(-1, False), (1, True), (48, True), (49, False)])
def test_a_draft_about_to_issue_by_itself(hours, soon):
    draft = invoice(status=Status.DRAFT, planned_issue_at=NOW + timedelta(hours=hours))
    assert [each.kind for each in found(draft)] == [Kind.SELF_ISSUE] * soon
    assert found(replace(draft, status=Status.FINALIZED)) == []


# Whatever a provider says

figures = st.decimals(-1_000_000, 1_000_000, places=3)
lines = st.builds(
    lambda text, amount, quantity, price: LineSnapshot(
        position=0, text=text, unit="USD", amount=amount, quantity=quantity, unit_price=price
    ),
    st.sampled_from(["Seats", "Usage 3 May", "Usage 4 Jun", "Ünïcode ☃", ""]),
    st.none() | figures,
    st.none() | figures,
    st.none() | figures,
)
invoices = st.builds(
    lambda total, subtotal, rows, status: (
        invoice(None, subtotal=subtotal, lines=tuple(rows), status=status)
        if total is None
        else replace(invoice(), total=total, subtotal=subtotal, lines=tuple(rows), status=status)
    ),
    st.none() | figures,
    st.none() | figures,
    st.lists(lines, max_size=6),
    st.sampled_from([Status.DRAFT, Status.FINALIZED]),
)
pasts = st.lists(figures.map(lambda each: past(each)[0]), max_size=9)


@given(invoices, st.none() | invoices, pasts)
def test_every_finding_has_two_figures_that_differ_and_is_found_again(made, former, earlier):
    case = Case(invoice=made, past=earlier, former=former, now=NOW)
    first = findings(case)
    assert first == findings(case)
    for each in first:
        assert each.here and each.there
        if each.kind in AMOUNTS:
            assert parse_amount(each.here) != parse_amount(each.there) or each.kind == Kind.NO_QUANTITY


@given(invoices, pasts)
def test_compared_with_itself_no_line_and_no_price_is_new(made, earlier):
    kinds = {each.kind for each in findings(Case(invoice=made, former=made, past=earlier, now=NOW))}
    assert not kinds & {Kind.NEW_LINE, Kind.LOST_LINE, Kind.UNIT_PRICE}


@given(st.lists(figures, min_size=3, max_size=PERIODS), figures)
def test_no_amount_within_what_was_billed_before_is_unusual(totals, total):
    kinds = {each.kind for each in found(replace(invoice(), total=total), past=past(*totals))}
    if min(totals) <= total <= max(totals):
        assert Kind.AMOUNT not in kinds


@given(st.lists(figures, min_size=1, max_size=9))
def test_half_of_the_figures_lie_on_either_side_of_the_median(totals):
    middle = median(totals)
    assert 2 * sum(each <= middle for each in totals) >= len(totals) <= 2 * sum(each >= middle for each in totals)
