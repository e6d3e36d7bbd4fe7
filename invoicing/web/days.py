"""Days and periods as the provider means them: in its own time zone, which is named wherever it is not ours."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from invoicing.web.formats import day_text, period_text


@lru_cache(maxsize=256)
def zone_named(name: str) -> tzinfo:
    """UTC where the name means nothing here."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def in_zone(instant: datetime, zone: tzinfo) -> datetime:
    """The instant on the clocks there; as it came where the calendar ends (year 1, year 9999)."""
    try:
        return instant.astimezone(zone)
    except OverflowError:
        return instant


def period_of(start: datetime | None, end: datetime | None, zone_name: str) -> str:
    """First to last day where it is of whole days: "1–31 Oct 2026"; else both instants. `end` is not included."""
    if start is None and end is None:
        return ""
    zone = zone_named(zone_name)
    begins, ends = (in_zone(side, zone) if side else None for side in (start, end))
    whole = all(side is None or side.time() == time() for side in (begins, ends))
    if begins is None:
        last = ends - timedelta(days=1) if whole and ends.year > 1 else ends
        return f"to {_side(last, whole)}"
    if ends is None:
        return f"from {_side(begins, whole)}"
    if whole and ends.year > 1:
        return period_text(begins.date(), ends.date())
    return f"{_side(begins, whole)} – {_side(ends, whole)}"


def _side(moment: datetime, whole: bool) -> str:
    return day_text(moment.date()) if whole else f"{day_text(moment.date())} {moment:%H:%M}"
