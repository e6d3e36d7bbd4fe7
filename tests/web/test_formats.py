"""Amounts keep every digit on their way to the screen; days, periods and ages are written in one way."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from invoicing.web import formats, marks

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=None, min_value=-(10**24), max_value=10**24)
PLAIN = str.maketrans({",": None, formats.MINUS: "-", "\N{NO-BREAK SPACE}": None})


@given(amount=AMOUNTS, unit=st.sampled_from(["USD", "JPY", "BHD", "CRDB_CLOUD_CREDITS", "AI credits"]))
def test_no_digit_is_lost_or_invented(amount, unit):
    written = formats.amount_text(amount, unit)
    figure, finer = formats.figure_parts(amount, unit)

    assert Decimal(written.translate(PLAIN)) == amount
    assert figure + finer == written
    decimals = len(written.partition(".")[2])
    assert decimals >= formats.decimals(unit)
    assert len(figure.partition(".")[2]) in (formats.decimals(unit), decimals)


@pytest.mark.parametrize(
    ("amount", "unit", "written"),
    [
        ("1234.5", "USD", "1,234.50 USD"),
        ("19.9900000000", "USD", "19.99 USD"),
        ("0.00012", "USD", "0.00012 USD"),
        ("-1500", "JPY", "−1,500 JPY"),
        ("7.125", "BHD", "7.125 BHD"),
        ("45.6", "CRDB_CLOUD_CREDITS", "45.60 Cloud credits"),
        ("2.50", "AI credits", "2.5 AI credits"),
        ("-0.00", "EUR", "0.00 EUR"),
        ("1E+3", "USD", "1,000.00 USD"),
    ],
)
def test_an_amount_stands_with_its_unit(amount, unit, written):
    assert formats.money_text(Decimal(amount), unit).replace("\N{NO-BREAK SPACE}", " ") == written


def test_numbers_and_days_follow_the_reader():
    with translation.override("de"):
        assert formats.amount_text(Decimal("1234567.5"), "EUR") == "1.234.567,50"
        assert formats.figure_parts(Decimal("1.23456"), "EUR") == ("1,23", "456")
        assert formats.day_text(date(2026, 3, 4)) == "04.03.2026"
    assert formats.day_text(date(2026, 3, 4)) == "4 Mar 2026"


@pytest.mark.parametrize(
    ("start", "end", "written"),
    [
        (date(2026, 10, 1), date(2026, 11, 1), "1–31 Oct 2026"),
        (date(2026, 10, 15), date(2026, 11, 15), "15 Oct – 14 Nov 2026"),
        (date(2025, 12, 1), date(2026, 2, 1), "1 Dec 2025 – 31 Jan 2026"),
        (date(2026, 10, 1), date(2026, 10, 2), "1 Oct 2026"),
        (date(2026, 10, 1), date(2026, 10, 1), "1 Oct 2026"),
    ],
)
def test_a_period_is_written_by_its_first_and_last_day(start, end, written):
    assert formats.period_text(start, end) == written


@pytest.mark.parametrize(
    ("ago", "written"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=12), "12 min ago"),
        (timedelta(hours=47, minutes=59), "47 h ago"),
        (timedelta(days=5), "5 days ago"),
    ],
)
def test_ages_are_told_in_the_largest_unit_that_fits(ago, written):
    now = datetime(2026, 3, 15, tzinfo=UTC)
    assert formats.since_text(now - ago, now=now) == written


def test_signs_are_escaped_when_they_are_made():
    assert "<b>" not in marks.pill("<b>x")
    assert "<i>" not in marks.provider_badge("orb", "<i>me")
    assert marks.moment(datetime(2026, 3, 4, 5, 6, tzinfo=UTC)) == (
        '<time datetime="2026-03-04T05:06:00+00:00">4 Mar 2026, 05:06 UTC</time>'
    )
