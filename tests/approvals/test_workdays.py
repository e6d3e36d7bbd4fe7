"""Business days in the accounting time zone."""

from datetime import UTC, date, datetime

import pytest

from invoicing.approvals import workdays

FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)


@pytest.mark.parametrize(
    ("day", "count", "then"),
    [
        (FRIDAY, 0, FRIDAY),
        (FRIDAY, 1, MONDAY),
        (date(2026, 11, 21), 0, MONDAY),
        (date(2026, 11, 21), 1, date(2026, 11, 24)),
        (MONDAY, 5, date(2026, 11, 30)),
        (date(2026, 12, 24), 1, date(2026, 12, 28)),
    ],
)
def test_counting_on(settings, day, count, then):
    settings.DESK_HOLIDAYS = ["2026-12-25"]
    assert workdays.after(day, count) == then


def test_counting_between(settings):
    settings.DESK_HOLIDAYS = ["2026-11-24"]
    assert workdays.between(FRIDAY, FRIDAY) == 0
    assert workdays.between(FRIDAY, MONDAY) == 1
    assert workdays.between(FRIDAY, date(2026, 11, 25)) == 2
    assert workdays.between(date(2026, 11, 25), FRIDAY) == -2


def test_due_at_the_end_of_a_day_where_the_books_are_kept(settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    late_thursday = datetime(2026, 11, 19, 16, tzinfo=UTC)  # Friday in Tokyo
    assert workdays.due_after(late_thursday, 1) == datetime(2026, 11, 23, 15, tzinfo=UTC)


def test_a_week_without_business_days_is_told_and_not_searched_for_ever(settings):
    settings.DESK_WORK_WEEK = ""
    with pytest.raises(ValueError, match="no business day"):
        workdays.after(FRIDAY, 1)
