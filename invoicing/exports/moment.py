"""Reading a whole list as of one moment, while syncs go on writing."""

import contextvars
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from invoicing.jobs import progress

EVERY_SECONDS = 0.5


@contextmanager
def one_moment() -> Iterator[None]:
    """Everything read inside is of one moment, and nobody has to wait for it. Nothing is to be written inside.

    Inside a transaction of somebody else it is that transaction which decides.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")  # Django's own transactions here take the write lock at once
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
    else:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield


class Teller:
    """Says how far a job is, beside the reading: through a database connection of its own.

    Errors: progress.Cancelled out of `so_far`, when the job was stopped.
    """

    def __init__(self, expected: int | None = None):
        self.done, self.expected = 0, expected
        self._stopped: BaseException | None = None
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Teller":
        if progress.current.get() is not None and not connection.in_atomic_block:
            context = contextvars.copy_context()
            self._thread = threading.Thread(target=context.run, args=(self._tell,), daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *problem) -> None:
        self._end.set()
        if self._thread:
            self._thread.join()

    def so_far(self, done: int) -> None:
        self.done = done
        if self._stopped:
            raise self._stopped
        if self._thread is None:
            progress.report(done, expected=self.expected)

    def _tell(self) -> None:
        try:
            while not self._end.wait(EVERY_SECONDS):
                progress.report(self.done, expected=self.expected)
        except Exception as stop:  # a stop, or no database: the reading learns of it at its next row
            self._stopped = stop
        finally:
            connection.close()
