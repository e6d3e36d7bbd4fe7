"""One pass over one connection: slice by slice, page by page, each page stored together with where the run stands.

A run that is killed is gone on with at its page. While a page is stored, the next one is on its way. What makes a run
incomplete is said on it; an incomplete run concludes nothing from what it did not see.
"""

import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connections
from django.utils import timezone

from invoicing.jobs.progress import Cancelled
from invoicing.mirror import absence, runs, wires
from invoicing.mirror.apply import Applied, Mirror
from invoicing.mirror.patience import TRIES, Patience, told
from invoicing.mirror.runs import Incomplete, Interrupted
from invoicing.mirror.seen import Seen, of_run, packed
from invoicing.models import Connection, Customer, SeenPage, SyncRun
from invoicing.models.sealing import CannotUnseal
from invoicing.providers.base import Http, Page, Slice
from invoicing.providers.errors import KeyRefused, Missing, ProviderError, Refused
from invoicing.providers.registry import PROVIDERS

SLICE_REPEATS = 3
FORGIVEN = 3  # records of a page that may stay incomplete, once nothing else helped
EMPTY_PAGES = 5  # in a row, each with a new cursor
PAGE_CAP = 50_000  # of one slice

State = SyncRun.State


def sync_connection(
    connection: Connection,
    *,
    full: bool = False,
    on_page: Callable[[SyncRun], object] | None = None,
    patience: float = 0,
    job_id=None,
    wire: Callable[[], Http] | None = None,
    sleep: Callable[[float], object] = time.sleep,
    page_size: int | None = None,
) -> SyncRun:
    """Sync, and return the run as it ended: complete, incomplete (it says why), or running (interrupted; sync again).

    `patience`: seconds it may wait, in all, for a provider that asks for it; `wire` makes what calls the provider.
    Errors: Busy; RetryLater, to be gone on with when the wait is over; Cancelled.
    """
    run = runs.begin(connection, PROVIDERS[connection.provider], full=full, owner=runs.new_owner(), job_id=job_id)
    try:
        with _calm_collector(), ThreadPoolExecutor(1, thread_name_prefix="next-page") as ahead:
            wires_of = wire or (lambda: wires.wire_for(connection))
            waiting = Patience(connection, run, seconds=patience, sleep=sleep)
            work = _Sync(connection, run, wires_of, ahead, on_page or (lambda _: None), waiting, page_size)
            try:
                work.go()
            finally:
                ahead.submit(connections.close_all).result()
                work.close()
        runs.finish(run, State.COMPLETE)
    except Incomplete as reason:
        runs.finish(run, State.INCOMPLETE, str(reason))
        runs.failed(connection, reason)
    except (Interrupted, CannotUnseal, ProviderError) as reason:
        runs.note(run, told(reason), where=run.slice_key)
        runs.failed(connection, told(reason))
        runs.release(run)
    except Cancelled as reason:
        if str(reason) == "cancelled":
            runs.finish(run, State.CANCELLED)
        else:
            runs.release(run)
        raise
    except runs.Lost:
        raise
    except BaseException:
        runs.release(run)
        raise
    run.refresh_from_db()
    connection.refresh_from_db()
    return run


@contextmanager
def _calm_collector() -> Iterator[None]:
    """A page makes a hundred thousand objects and no cycles: looking for some every 700 objects costs a tenth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Sync:
    def __init__(self, connection, run, wire, ahead, on_page, patience, page_size):
        self.connection: Connection = connection
        self.run: SyncRun = run
        self.ahead: ThreadPoolExecutor = ahead
        self.on_page, self.patience, self.page_size = on_page, patience, page_size
        self.provider = PROVIDERS[connection.provider]
        self.listing = wire()  # used by the thread ahead alone
        self.http = wire()
        self.mirror = Mirror(connection, self.http)
        self.resumed = bool(run.slice_key)
        self.expected: dict[str, int] = {}

    def close(self) -> None:
        for each in (self.listing, self.http):
            getattr(each, "close", lambda: None)()

    def go(self) -> None:
        self.patience.with_a_pause()
        for part, cursor in self._slices():
            self._slice(part, cursor)
        if self.run.full:
            absence.look_into(self.connection, self.run, self.mirror, self.http, self.on_page, self.patience)

    def _slices(self) -> Iterator[tuple[Slice, str | None]]:
        """What is left to read, and where in it to begin."""
        reached = not self.resumed
        for part in self.provider.slices(customers=known_customers(self.connection), since=self.run.since):
            if not reached:
                if part.key != self.run.slice_key:
                    continue
                reached = True
                if not self.run.slice_done:
                    yield part, self.run.cursor
                continue
            yield part, None
        if not reached:
            raise Incomplete(f"The list “{self.run.slice_key}”, where the run stood, is not there any more.")

    def _slice(self, part: Slice, cursor: str | None) -> None:
        """One list to its end. Where the provider says how many there are, fewer means that rows moved under us: again."""
        for _ in range(SLICE_REPEATS):
            met = of_run(self.run, part.key) if cursor is not None and part.kind == "invoices" else Seen()
            if self._pages(part, cursor, met):
                return
            cursor = None
        raise Incomplete(f"The provider counts {self.expected.get(part.key)} in “{part.key}”, and lists {len(met)}.")

    def _pages(self, part: Slice, cursor: str | None, met: Seen) -> bool:
        """Read and store the pages from `cursor` on; whether as many were met as the provider says there are."""
        cursors, empty = {cursor}, 0
        coming = self._fetch(part, cursor)
        for number in range(PAGE_CAP):
            read_started_at, page = self._arrived(part, cursor, coming, first=number == 0)
            following = page.next_cursor
            looping = following is not None and following in cursors
            if following is not None and not looping:
                coming = self._fetch(part, following)
            enough = self._is_enough(part, page, met)
            news = self._store(part, page, read_started_at, met, enough, None if looping else following)
            self.on_page(self.run)
            if looping:
                raise Incomplete(f"The list “{part.key}” leads in a circle.")
            if following is None:
                return self.run.slice_done
            empty = 0 if page.records else empty + 1
            if empty > EMPTY_PAGES or (page.records and part.kind == "invoices" and not news):
                raise Incomplete(f"The list “{part.key}” goes on without anything new.")
            cursors.add(following)
            cursor = following
        raise Incomplete(f"The list “{part.key}” does not end.")

    # ---- one page

    def _fetch(self, part: Slice, cursor: str | None) -> Future:
        def fetch() -> tuple[datetime, Page]:
            return timezone.now(), self.provider.page(self.listing, part, cursor, size=self.page_size)

        return self.ahead.submit(fetch)

    def _arrived(self, part: Slice, cursor: str | None, coming: Future, *, first: bool) -> tuple[datetime, Page]:
        """The page, asked for again where that may help."""
        futures = [coming]

        def take() -> tuple[datetime, Page]:
            return (futures.pop() if futures else self._fetch(part, cursor)).result()

        try:
            return self.patience(take, where=part.key)
        except KeyRefused:
            raise
        except Missing as error:
            if not part.params:
                raise Incomplete(told(error)) from None
            runs.note(self.run, told(error), where=part.key)  # whose list it was is gone; its invoices are asked for
            return timezone.now(), Page(records=(), next_cursor=None)
        except Refused as error:
            if first and cursor is not None:
                raise Incomplete("The provider no longer knows where the run stood. It begins anew.") from None
            raise Incomplete(told(error)) from None

    def _is_enough(self, part: Slice, page: Page, met: Seen) -> Callable[[Applied], bool]:
        """After the last page: whether the list was as long as the provider ever said while it was read.

        A row that goes takes one off the count and lets another slip over a page's edge: the last count alone would agree.
        """
        if page.total is None or part.kind != "invoices":
            return lambda applied: True
        met.told = max(met.told, page.total)
        self.expected[part.key] = page.total
        self.run.expected = sum(self.expected.values())
        return lambda applied: not self.run.full or len(met) + met.news(applied.ids, applied.strangers) >= met.told

    def _store(self, part, page: Page, read_started_at, met: Seen, enough, following) -> int:
        """Facts and position in one transaction; how many of the page's invoices the list had not named before."""
        position: dict[str, Any] = {}

        def move(applied: Applied) -> None:
            position.update(self._position(part, applied, following, done=page.next_cursor is None and enough(applied)))
            runs.move(self.run, **position)
            if part.kind == "invoices" and self.run.full:
                SeenPage.objects.create(
                    run=self.run, slice_key=part.key, ids=packed(applied.ids), unreadable=len(applied.strangers)
                )

        def store(turn: int) -> Applied:
            self.mirror.reader.forgive = FORGIVEN if turn == TRIES else 0
            if part.kind == "units":
                return self.mirror.units(page.records, also=move)
            if part.kind == "customers":
                return self.mirror.customers(page.records, read_started_at=read_started_at, also=move)
            return self.mirror.invoices(page.records, read_started_at=read_started_at, also=move)

        applied = self.patience.storing(store, where=part.key)
        for name, value in position.items():
            setattr(self.run, name, value)
        news = met.news(applied.ids, applied.strangers)
        met.add(applied.ids, applied.strangers)
        return news

    def _position(self, part: Slice, applied: Applied, following: str | None, *, done: bool) -> dict[str, Any]:
        """Where the run stands after a page, and what it has counted."""
        run = self.run
        counts = {"pages": run.pages + 1, "quarantined": run.quarantined + applied.quarantined}
        if part.kind == "invoices":
            for name in ("seen", "created", "changed", "unchanged"):
                counts[name] = getattr(run, name) + getattr(applied, name)
            counts["gone"] = run.gone + applied.retired
        return {"slice_key": part.key, "cursor": following, "slice_done": done, "expected": run.expected, **counts}


def known_customers(connection: Connection) -> Iterator[str]:
    """The external ids of all customers, in a lasting order, a thousand at a time."""
    last = 0
    while True:
        rows = Customer.objects.filter(connection=connection, pk__gt=last).order_by("pk")
        part = list(rows.values_list("pk", "external_id")[:1000])
        yield from (external_id for _, external_id in part)
        if len(part) < 1000:
            return
        last = part[-1][0]
