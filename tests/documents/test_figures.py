from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.documents import figures
from invoicing.documents.typefaces import MINUS

D = Decimal
units = st.sampled_from(["USD", "JPY", "BHD", "CLF", "CRDB_CLOUD_CREDITS", "AI credits", ""])


@given(st.decimals(allow_nan=False, allow_infinity=False), units)
def test_the_printed_amount_is_the_amount(value, unit):
    shown = figures.amount(value, unit)

    assert Decimal(shown.replace(",", "").replace(MINUS, "-")) == value


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=8), units)
def test_an_amount_shows_its_currencys_decimals_and_no_needless_zero(value, unit):
    fraction = figures.amount(value, unit).partition(".")[2]

    assert len(fraction) >= figures.decimals(unit)
    assert len(fraction) == figures.decimals(unit) or not fraction.endswith("0")


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        ("8", "USD", "8.00"),
        ("1234567.5", "EUR", "1,234,567.50"),
        ("19.99000000", "USD", "19.99"),
        ("0.00012", "USD", "0.00012"),
        ("-0.5", "USD", f"{MINUS}0.50"),
        ("-0.00", "USD", "0.00"),
        ("1000.00", "JPY", "1,000"),
        ("80.5", "JPY", "80.5"),
        ("1.5", "BHD", "1.500"),
        ("250.0", "CRDB_CLOUD_CREDITS", "250"),
        ("2", "gpu", "2"),
        ("1E+3", "USD", "1,000.00"),
        ("1E+400", "USD", "1E+400"),
    ],
)
def test_amounts_as_people_write_them(value, unit, shown):
    assert figures.amount(D(value), unit) == shown


def test_what_the_provider_does_not_say_is_not_zero():
    assert figures.amount(None, "USD") == figures.money(None, "USD") == "–"
    assert figures.quantity(None) == figures.price(None, "USD") == ""


def test_digits_beyond_all_reason_are_counted_not_rounded():
    assert figures.quantity(D("1." + "3" * 5000)) == "1." + "3" * 158 + "… [4,842 more characters]"


LOS_ANGELES = ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        (datetime(2026, 6, 1, 7), datetime(2026, 7, 1, 7), "1 – 30 Jun 2026"),
        (datetime(2026, 6, 1, 7), datetime(2026, 6, 2, 7), "1 Jun 2026"),
        (datetime(2026, 6, 15, 7), datetime(2026, 8, 1, 7), "15 Jun – 31 Jul 2026"),
        (datetime(2026, 12, 1, 8), datetime(2027, 2, 1, 8), "1 Dec 2026 – 31 Jan 2027"),
        (datetime(2026, 6, 1, 0), datetime(2026, 7, 1, 0), "31 May 2026 17:00 – 30 Jun 2026 17:00"),
        (datetime(2026, 6, 1, 7), datetime(2026, 6, 1, 7), "1 Jun 2026"),
        (datetime(2026, 6, 1, 7), None, "from 1 Jun 2026"),
        (None, datetime(2026, 7, 1, 7), "to 30 Jun 2026"),
        (None, None, ""),
    ],
)
def test_a_period_shows_its_first_and_its_last_day_in_the_providers_zone(start, end, shown):
    start, end = (side and side.replace(tzinfo=UTC) for side in (start, end))

    assert figures.period(start, end, LOS_ANGELES) == shown


def test_an_instant_states_its_offset_in_summer_and_in_winter():
    assert (
        figures.instant(datetime(2026, 7, 1, 19, 14, 22, tzinfo=UTC), LOS_ANGELES)
        == f"1 Jul 2026 12:14:22 UTC{MINUS}07:00"
    )
    assert figures.instant(datetime(2026, 1, 1, 19, 14, tzinfo=UTC), LOS_ANGELES) == f"1 Jan 2026 11:14 UTC{MINUS}08:00"
    assert (
        figures.instant(datetime(2026, 1, 1, 19, 14, tzinfo=UTC), ZoneInfo("Asia/Kolkata"))
        == "2 Jan 2026 00:44 UTC+05:30"
    )
    assert figures.instant(datetime(2026, 7, 2, 14, 3, tzinfo=UTC)) == "2 Jul 2026 14:03 UTC"


def test_a_zone_nobody_knows_is_utc():
    assert figures.zone("Mars/Olympus") is figures.zone("../../etc/passwd") is figures.zone("") is UTC


def test_dates_at_the_ends_of_the_calendar_can_be_shown():
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)

    assert figures.day_in(first, LOS_ANGELES) == "1 Jan 1"
    assert figures.instant(last, ZoneInfo("Asia/Kolkata")) == "31 Dec 9999 23:59 UTC"
    assert figures.period(first, first, LOS_ANGELES) == "1 Jan 1"
    assert figures.day(date(2026, 2, 28)) == "28 Feb 2026"
