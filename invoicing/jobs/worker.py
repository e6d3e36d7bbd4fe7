"""The embedded engine: threads that claim jobs, one that renews leases and fires schedules."""

import logging
import os
import signal
import socket
import threading
import time

from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from invoicing.jobs import running, schedule
from invoicing.models import WorkerBeat

log = logging.getLogger(__name__)


class Waker:
    """Waits until there may be work: SQLite tells of a change without reading a table, PostgreSQL is asked ten times a second."""

    def __init__(self):
        self.seen = None

    def wait(self, stop: threading.Event, seconds: float = 1.0) -> None:
        if connection.vendor != "sqlite":
            stop.wait(0.1)
            return
        end = time.monotonic() + seconds
        while not stop.is_set() and time.monotonic() < end:
            with connection.cursor() as cursor:
                version = cursor.execute("PRAGMA data_version").fetchone()[0]
            if version != self.seen:
                self.seen = version
                return
            stop.wait(0.05)


def _work(owner: str, stop: threading.Event) -> None:
    waker = Waker()
    while not stop.is_set():
        close_old_connections()
        try:
            job = running.claim(owner)
            if job:
                running.execute(job)
            else:
                waker.wait(stop)
        except DatabaseError:
            log.exception("The worker lost the database; it goes on")
            stop.wait(1)
    connection.close()


def _keep_alive(prefix: str, stop: threading.Event) -> None:
    while True:
        try:
            close_old_connections()
            running.renew(prefix)
            WorkerBeat.objects.update_or_create(name=prefix.rstrip(":"), defaults={"seen_at": timezone.now()})
            schedule.fire_due()
        except DatabaseError:
            log.exception("Leases could not be renewed")
        if stop.wait(running.LEASE.total_seconds() / 3):
            break
    connection.close()


def run(threads: int = 2, stop: threading.Event | None = None) -> None:
    """Work until told to stop; a job under way is finished first."""
    own_signals = stop is None
    stop = stop or threading.Event()
    prefix = f"{socket.gethostname()}:{os.getpid()}:"
    if own_signals:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    workers = [threading.Thread(target=_work, args=(f"{prefix}{n}", stop)) for n in range(threads)]
    keeper = threading.Thread(target=_keep_alive, args=(prefix, stop), daemon=True)
    for thread in [*workers, keeper]:
        thread.start()
    while not stop.wait(0.5):
        pass
    for thread in workers:
        thread.join()
    WorkerBeat.objects.filter(name=prefix.rstrip(":")).delete()


def drain() -> int:
    """Run what is due now and end; how many jobs ran."""
    schedule.fire_due()
    owner, count = f"{socket.gethostname()}:{os.getpid()}:once", 0
    stop = threading.Event()
    keeper = threading.Thread(target=_keep_alive, args=(owner, stop), daemon=True)
    keeper.start()
    try:
        while job := running.claim(owner):
            running.execute(job)
            count += 1
    finally:
        stop.set()
        keeper.join()
    return count
