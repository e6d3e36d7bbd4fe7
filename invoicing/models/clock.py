"""One clock for all machines of a desk: the database server's. What one machine writes another one compares with its own
time, and their clocks differ."""

from datetime import datetime

from django.db import connection
from django.utils import timezone


def now() -> datetime:
    """The time at the database. SQLite has no server and lives on one machine: there it is this machine's."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
