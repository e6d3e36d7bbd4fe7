"""How a sync bears trouble: waits that a provider asks for, answers that are garbled, a database that is busy."""

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError
from django.utils import timezone

from invoicing.jobs.api import RetryLater
from invoicing.mirror import runs, wires
from invoicing.mirror.runs import Incomplete, Interrupted
from invoicing.models import Connection, SyncRun
from invoicing.providers.errors import NotUnderstood, RateLimited, Unknown

TRIES = 3  # more, after a first one that failed
LONGEST_BACKOFF = 3600.0
BEAT = 10.0  # seconds between signs of life while waiting

T = TypeVar("T")


class Patience:
    """Of one run. `seconds` is how long it may wait in all; beyond that, somebody comes back later."""

    def __init__(self, connection: Connection, run: SyncRun, *, seconds: float, sleep: Callable[[float], object]):
        self.connection, self.run, self.seconds, self.sleep = connection, run, seconds, sleep

    def __call__(self, what: Callable[[], T], *, where: str) -> T:
        """Call until it works, within reason. Errors: RetryLater; Incomplete; Interrupted; other ProviderErrors as they are."""
        return self._until_it_works(lambda _: what(), where, NotUnderstood)

    def storing(self, what: Callable[[int], T], *, where: str) -> T:
        """The same for a page under way to the database, which may ask the provider for the rest of its records.

        `what` is told how often it failed before.
        """
        return self._until_it_works(what, where, Unknown)

    def _until_it_works(self, what: Callable[[int], T], where: str, passing: type[Exception]) -> T:
        turn = 0
        while True:
            try:
                return what(turn)
            except RateLimited as error:
                self.wait_out(error)
            except (passing, OperationalError) as error:
                turn += 1
                runs.note(self.run, error, where=where)
                if turn > TRIES:
                    ending = Incomplete if isinstance(error, NotUnderstood) else Interrupted
                    raise ending(str(error)) from None
                self.sleep(0.25 * 2**turn)

    def with_a_pause(self) -> None:
        """Respect a pause that is under way. Errors: RetryLater."""
        until = self.connection.paused_until
        if until is not None and until > timezone.now():
            seconds = max(1.0, (until - timezone.now()).total_seconds())
            self.wait_out(RateLimited(self.connection.pause_reason, retry_after=seconds))

    def wait_out(self, error: RateLimited) -> None:
        """Wait here if it is short, else let everybody wait. A wait nobody measured doubles each time.

        Errors: RetryLater.
        """
        waits = sum(entry["problem"].startswith("Waited") for entry in self.run.errors)
        seconds = error.retry_after or min(LONGEST_BACKOFF, 15.0 * 2**waits)
        runs.note(self.run, f"Waited {seconds:.0f} s: {told(error)}", where=self.run.slice_key)
        wires.pause(self.connection, seconds, str(error))
        if seconds > self.seconds:
            runs.release(self.run)
            raise RetryLater(seconds, f"{self.connection.name} asks us to wait {seconds:.0f} s.")
        self.seconds -= seconds
        slept = 0.0
        while slept < seconds:
            step = min(BEAT, seconds - slept)
            self.sleep(step)
            slept += step
            runs.move(self.run)
        wires.resume(self.connection)


def told(error: BaseException) -> str:
    """An error in a line, with the provider's own words."""
    said = getattr(error, "said", "")
    return f"{error} {said}".strip() if said else str(error)
