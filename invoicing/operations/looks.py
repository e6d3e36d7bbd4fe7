"""When an unknown outcome is looked into again, scaled by the quiet time Q."""

from datetime import datetime, timedelta

from django.conf import settings

STANDARD_QUIET = 600.0
AFTER_SECONDS = (0, 15, 60, 300, 900, 3600, 6 * 3600, 24 * 3600)
READ_TO_WRITE_SECONDS = 5.0  # a worker that takes longer than this from the claim to the first byte does not write


def quiet_seconds() -> float:
    return settings.DESK_QUIET_SECONDS


def scaled(seconds: float) -> timedelta:
    """`seconds` at the standard Q, shortened in proportion where Q is shorter (tests, fast providers)."""
    return timedelta(seconds=seconds * min(1.0, quiet_seconds() / STANDARD_QUIET))


def next_look(now: datetime, looks: int, quiet_at: datetime | None) -> datetime:
    """When to read back after `looks` reads: by the schedule, but never past the end of the quiet time without a look."""
    due = now + scaled(AFTER_SECONDS[min(looks, len(AFTER_SECONDS) - 1)])
    if quiet_at and now < quiet_at < due:
        return quiet_at + timedelta(milliseconds=50)
    return due


def quiet_after(last_write: datetime) -> datetime:
    """From when on an absent effect stays absent: the last moment a byte may have been written, plus Q."""
    return last_write + timedelta(seconds=quiet_seconds())


def key_holds(made_at: datetime, window: timedelta | None, now: datetime) -> bool:
    """Whether the provider still knows a key, even if what is written now arrives as late as it may."""
    return window is not None and now - made_at <= window - timedelta(seconds=quiet_seconds())


def lease() -> timedelta:
    """How long a claim holds: longer than a call may take."""
    return timedelta(seconds=max(2 * settings.DESK_CALL_DEADLINE_SECONDS, 2 * READ_TO_WRITE_SECONDS))
