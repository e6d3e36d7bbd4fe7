"""The one place where a stored connection becomes something that can call: key unsealed, calls paced, transactions refused."""

import math
import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import connection as database
from django.utils import timezone

from invoicing.models import Connection, Pace
from invoicing.providers.errors import KeyRefused, RateLimited
from invoicing.providers.http import Wire
from invoicing.providers.registry import PROVIDERS
from invoicing.providers.secret import Secret

PATIENCE = 30.0  # the longest a worker sleeps for its turn; a longer wait is for the job to come back after


class InsideTransaction(AssertionError):
    """A provider would have been called while a transaction was open. Nothing was sent."""


def wire_for(
    connection: Connection, *, pacer=None, key: str = "", sleep: Callable[[float], object] = time.sleep
) -> Wire:
    """A wire of the connection's own, to be used by one thread. `key` is one to try out instead of those it has.

    Errors: CannotUnseal; KeyRefused when no key is set; Blocked when the base URL is not one to call.
    """
    trying, key = bool(key), key or connection.api_key()
    if not key:
        raise KeyRefused(f"{connection.name} has no key. Connect it again.")
    provider = PROVIDERS[connection.provider]
    return Wire(
        provider=provider,
        base_url=connection.base_url,
        api_key=Secret(key),
        write_key=(lambda: Secret(connection.write_key())) if connection.sealed_write_key and not trying else None,
        pacer=pacer or Pacer(connection.pk, provider.requests_per_second),
        deadline=settings.DESK_CALL_DEADLINE_SECONDS,
        allow_private_hosts=settings.DESK_ALLOW_PRIVATE_HOSTS,
        extra_hosts=settings.DESK_EXTRA_HOSTS,
        before_write=refuse_inside_transaction,
        sleep=sleep,
    )


def refuse_inside_transaction() -> None:
    """The row before the wire: what a transaction holds is not committed yet."""
    if database.in_atomic_block:
        raise InsideTransaction("A provider may not be called inside a database transaction.")


class Pacer:
    """A connection's turn to call, handed out by one row, so that all workers together keep the provider's limit.

    Each call takes the next free moment, one interval after the former. A row far in the future is a pause that the
    provider asked for. Times are the database server's; SQLite's clock is this machine's.

    Errors: RateLimited when the turn is more than `patience` seconds away; nothing is taken then.
    """

    def __init__(
        self,
        connection_id: int,
        per_second: float,
        *,
        patience: float = PATIENCE,
        sleep: Callable[[float], object] = time.sleep,
    ):
        self.connection_id, self.interval = connection_id, 1 / per_second
        self.patience, self.sleep = patience, sleep

    def wait(self) -> None:
        if (seconds := self.take()) > 0:
            self.sleep(seconds)

    def take(self) -> float:
        """Take the next turn; how many seconds it is away."""
        table = database.ops.quote_name(Pace._meta.db_table)
        now = "extract(epoch FROM clock_timestamp())" if database.vendor == "postgresql" else repr(time.time())
        later = f"CASE WHEN {table}.next_at > {now} THEN {table}.next_at ELSE {now} END"
        with database.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (connection_id, next_at) VALUES (%s, {now} + %s) "
                f"ON CONFLICT (connection_id) DO UPDATE SET next_at = {later} + %s "
                f"WHERE {table}.next_at <= {now} + %s RETURNING next_at - %s - {now}",
                [self.connection_id, self.interval, self.interval, self.patience, self.interval],
            )
            row = cursor.fetchone()
            if row is not None:
                return float(row[0])
            cursor.execute(f"SELECT next_at - {now} FROM {table} WHERE connection_id = %s", [self.connection_id])
            wait = float(cursor.fetchone()[0])
        raise RateLimited("This connection is paused.", retry_after=max(1.0, wait))


def pause(connection: Connection, seconds: float, reason: str) -> None:
    """No worker calls this provider before the time is up; a page says so, with the reason."""
    until = timezone.now() + timedelta(seconds=math.ceil(seconds))
    connection.paused_until, connection.pause_reason = until, reason[:300]
    connection.save(update_fields=["paused_until", "pause_reason"])
    Pace.objects.update_or_create(connection=connection, defaults={"next_at": until.timestamp()})


def resume(connection: Connection) -> None:
    """End a pause early: a person said so."""
    connection.paused_until, connection.pause_reason = None, ""
    connection.save(update_fields=["paused_until", "pause_reason"])
    Pace.objects.filter(connection=connection).update(next_at=0)
