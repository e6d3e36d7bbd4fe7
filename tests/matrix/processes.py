"""Rows that strike us rather than the wire: a worker killed or stopped, the database locked or gone, the disk full.

All cells of a row are under way at once, in a worker process of its own, when the row strikes; then everything is mended
and other workers take over.
"""

import contextlib
import os
import random
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, connections

from tests.matrix.cells import Cell
from tests.matrix.faults import Fault, by_answer_or_reading, change, done, done_or_not_begun

IN_FLIGHT = 4.0  # seconds the provider takes over each change
LONG_DEADLINE = 5.0


def forked(work: Callable[[], object]) -> int:
    """A process of our own that does `work`; its id."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def worker_process(*, threads: int, impatient: bool = False) -> int:
    """The product's worker, in a process that can be killed. `impatient`: it waits for the database for a moment only."""

    def work():
        from django.conf import settings

        from invoicing.jobs import worker

        settings.DESK_CALL_DEADLINE_SECONDS = LONG_DEADLINE
        if impatient:
            options = connection.settings_dict["OPTIONS"]
            if connection.vendor == "sqlite":
                options["timeout"] = 0.3
            else:
                options["options"] = "-c lock_timeout=300"
        worker.run(threads=threads)

    return forked(work)


def end(pid: int, number: int = signal.SIGKILL, *, patience: float = 30) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


def most_are_done(cells: list[Cell]) -> Callable[[], bool]:
    """The provider has done what was asked, and still keeps its answer back."""

    def look() -> bool:
        effects = cells[0].place.sandbox.effects()
        return sum(_hit(cell, effects) for cell in cells) >= 0.9 * len(cells)

    return look


def _hit(cell: Cell, effects: list[dict]) -> bool:
    key = cell.operation.key
    return any(e["external_id"] == cell.target.external_id or e["key"] == key for e in effects[cell.effects_before :])


def some_are_heard(cells: list[Cell]) -> Callable[[], bool]:
    return lambda: any(cell.hits() for cell in cells)


# ---- the strikes: from "all are asked for" to "it is mended"


def killed_after_the_effect(cells):
    pid = worker_process(threads=len(cells) + 2)
    wait_until(most_are_done(cells), IN_FLIGHT + 10)
    end(pid)


def killed_at_any_moment(cells):
    pid = worker_process(threads=6)
    time.sleep(random.Random(len(cells)).uniform(0.2, 2.0))
    end(pid)


def _held(lock: Callable[[], contextlib.AbstractContextManager]) -> Callable:
    """The database is in somebody else's hands while the answers come."""

    def strike(cells):
        pid = worker_process(threads=len(cells) + 2, impatient=True)
        wait_until(most_are_done(cells), IN_FLIGHT + 10)
        with lock():
            time.sleep(IN_FLIGHT + 2)
        end(pid, signal.SIGTERM)

    return strike


@contextlib.contextmanager
def another_writer():
    """Somebody else writes, for long, and lets nobody else."""
    import sqlite3

    import psycopg

    if connection.vendor == "sqlite":
        other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, timeout=20)
        other.execute("BEGIN IMMEDIATE")
    else:
        other = psycopg.connect(_address())
        other.execute("LOCK TABLE invoicing_operation, invoicing_attempt IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        other.rollback() if connection.vendor != "sqlite" else other.execute("ROLLBACK")
        other.close()


def _address(database: str = "") -> str:
    given = connection.settings_dict
    host = f"host={given['HOST']} port={given['PORT'] or 5432} user={given['USER']}"
    return f"{host} dbname={database or given['NAME']}" + (
        f" password={given['PASSWORD']}" if given["PASSWORD"] else ""
    )


@contextlib.contextmanager
def no_database():
    """Every connection ends, and no new one is let in."""
    import psycopg

    name = connection.settings_dict["NAME"]
    connections.close_all()
    with psycopg.connect(_address("postgres"), autocommit=True) as server:
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def full_disk_while_answers_come(cells):
    pid = worker_process(threads=len(cells) + 2)
    wait_until(most_are_done(cells), IN_FLIGHT + 10)
    _limit(pid, 1)
    time.sleep(IN_FLIGHT + 2)
    _limit(pid, resource.RLIM_INFINITY)
    time.sleep(1)
    end(pid, signal.SIGTERM)


def full_disk_from_the_start(cells):
    pid = worker_process(threads=6)
    _limit(pid, 1)
    time.sleep(3)
    for cell in cells:
        if cell.written():
            cell.problems.append("SENT though nothing could be written down")
    end(pid)


def _limit(pid: int, size: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def stopped_for_longer_than_its_lease(cells):
    """It stands still with its calls under way; others take over; then it wakes up."""
    from tests.matrix.place import Workers

    pid = worker_process(threads=len(cells) + 2)
    wait_until(some_are_heard(cells), 20)
    time.sleep(0.5)
    os.kill(pid, signal.SIGSTOP)
    workers = Workers(threads=8)
    time.sleep(16)  # the lease, the quiet time, and some
    os.kill(pid, signal.SIGCONT)
    time.sleep(2)
    workers.stop()
    end(pid, signal.SIGTERM)


def two_workers_and_one_killed(cells):
    one, other = worker_process(threads=len(cells)), worker_process(threads=len(cells))
    wait_until(some_are_heard(cells), 20)
    end(one)
    wait_until(most_are_done(cells), IN_FLIGHT + 10)
    end(other, signal.SIGTERM)


def asked_to_end(cells):
    pid = worker_process(threads=len(cells) + 2)
    wait_until(some_are_heard(cells), 20)
    end(pid, signal.SIGTERM)


def a_clock_an_hour_ahead(cells):
    """Another machine, whose clock is wrong, does what is due by its clock, while the first one's calls are under way."""
    import datetime

    import time_machine

    def ahead():
        from invoicing.operations import tasks

        later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
        with time_machine.travel(later, tick=True):
            until = time.monotonic() + 3
            while time.monotonic() < until:
                tasks.reconcile()

    pid = worker_process(threads=len(cells) + 2)
    wait_until(some_are_heard(cells), 20)
    wrong = forked(ahead)
    os.waitpid(wrong, 0)
    time.sleep(IN_FLIGHT)
    end(pid, signal.SIGTERM)


def on_postgresql(case) -> str:
    return (
        "" if connection.vendor == "postgresql" else "SQLite: one machine, one clock, and a file that is there or not."
    )


@dataclass(frozen=True)
class Stroke(Fault):
    """A fault of ours: `strikes` still gives the sandbox's rules, `happens` does the rest."""

    happens: Callable = lambda cells: None


TAKES_LONG = change(fault="delay", seconds=IN_FLIGHT)
TAKES_LONG_FIRST = change(fault="delay", seconds=IN_FLIGHT, late=True)
STROKES = [
    Stroke("F23", "a second machine's clock an hour ahead", TAKES_LONG_FIRST, by_answer_or_reading, happens=a_clock_an_hour_ahead, applies=on_postgresql),
    Stroke("F31", "killed after the effect", TAKES_LONG, done_or_not_begun, happens=killed_after_the_effect),
    Stroke("F32", "killed at any moment", TAKES_LONG, lambda case: by_answer_or_reading(case) | {"not_done"}, happens=killed_at_any_moment),
    Stroke("F33", "locked when the answers come", TAKES_LONG, by_answer_or_reading, happens=_held(another_writer)),
    Stroke("F34", "gone when the answers come", TAKES_LONG, by_answer_or_reading, happens=_held(no_database), applies=on_postgresql),
    Stroke("F35", "disk full when the answers come", TAKES_LONG, by_answer_or_reading, happens=full_disk_while_answers_come),
    Stroke("F35", "disk full from the start", ends=done, happens=full_disk_from_the_start),
    Stroke("F36", "stopped for longer than its lease", TAKES_LONG, done_or_not_begun, happens=stopped_for_longer_than_its_lease),
    Stroke("F36", "two workers, one killed", TAKES_LONG, done_or_not_begun, happens=two_workers_and_one_killed),
    Stroke("F44", "asked to end while calls are under way", TAKES_LONG, done_or_not_begun, happens=asked_to_end),
]  # fmt: skip
