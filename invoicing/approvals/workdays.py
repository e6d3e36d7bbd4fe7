"""Business days of the accounting time zone: Monday to Friday unless a setting says otherwise, without the holidays set."""

from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.utils import timezone

MOST_DAYS = 3660  # no calendar is so full of holidays


def is_workday(day: date) -> bool:
    return str(day.isoweekday()) in settings.DESK_WORK_WEEK and day.isoformat() not in settings.DESK_HOLIDAYS


def after(day: date, count: int) -> date:
    """The day that is `count` business days later; 0 is the day itself, or the next business day."""
    for _ in range(MOST_DAYS):
        if is_workday(day):
            if count <= 0:
                return day
            count -= 1
        day += timedelta(days=1)
    raise ValueError("DESK_WORK_WEEK and DESK_HOLIDAYS leave no business day.")


def due_after(moment: datetime, count: int) -> datetime:
    """The end of the business day that is `count` business days after this moment's."""
    day = after(timezone.localdate(moment), count)
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


def between(start: date, end: date) -> int:
    """Business days from `start` to `end`, without the first and with the last; negative where `end` is earlier."""
    if end < start:
        return -between(end, start)
    return sum(is_workday(start + timedelta(days=step)) for step in range(1, (end - start).days + 1))
