"""Beginning, taking over and ending runs. A run belongs to one owner; whoever lost it cannot commit another page."""

import logging
import os
import socket
import uuid
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from invoicing.logs import redacted
from invoicing.models import Connection, SeenPage, SyncRun
from invoicing.providers.base import Provider

log = logging.getLogger(__name__)

SILENCE = timedelta(seconds=60)  # a run that has not moved for so long is nobody's
TOO_OLD = timedelta(hours=24)  # to be gone on with; and from which age a complete run no longer spares the next one
MOST_ERRORS = 50


class Busy(Exception):
    """Somebody else is syncing this connection now."""


class Lost(Exception):
    """The run went to somebody else; what was under way was rolled back."""


class Incomplete(Exception):
    """The run cannot have seen everything, and says why."""


class Interrupted(Exception):
    """Something outside failed; the run stays where it is, to be gone on with."""


def new_owner() -> str:
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def plan(connection: Connection, provider: Provider, *, full: bool) -> tuple[bool, datetime | None]:
    """(full, since): incremental where the last complete look is younger than a day and the provider can tell what changed."""
    as_of = connection.complete_as_of
    if full or as_of is None or timezone.now() - as_of > TOO_OLD:
        return True, None
    last = SyncRun.objects.filter(connection=connection, state=SyncRun.State.COMPLETE).order_by("-started_at").first()
    since = last.started_at if last else as_of
    return provider.complete_slices(since), since


def begin(connection: Connection, provider: Provider, *, full: bool, owner: str, job_id=None) -> SyncRun:
    """The run to go on with, or a new one. Errors: Busy."""
    try:
        with transaction.atomic():
            rows = SyncRun.objects.select_for_update().filter(connection=connection, state=SyncRun.State.RUNNING)
            run = rows.first()
            now = timezone.now()
            if run is not None:
                if not abandoned(run, now):
                    raise Busy(f"{connection.name} is being synced by another process.")
                if now - run.started_at < TOO_OLD and (run.full or not full):
                    run.owner, run.heartbeat_at, run.job_id = owner, now, job_id
                    run.save(update_fields=["owner", "heartbeat_at", "job_id"])
                    return run
                finish(run, SyncRun.State.INCOMPLETE, "Begun anew before it was done.")
            whole, since = plan(connection, provider, full=full)
            return SyncRun.objects.create(
                connection=connection,
                full=whole,
                since=since,
                started_at=now,
                heartbeat_at=now,
                owner=owner,
                job_id=job_id,
            )
    except IntegrityError:
        raise Busy(f"{connection.name} is being synced by another process.") from None


def abandoned(run: SyncRun, now: datetime) -> bool:
    """Whether nobody works on it: released, silent for long, or its process is dead."""
    if not run.owner or now - run.heartbeat_at > SILENCE:
        return True
    host, pid, _ = run.owner.rsplit(":", 2)
    return host == socket.gethostname()[:40] and not _alive(int(pid))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def move(run: SyncRun, **columns) -> None:
    """Write the run's position in the caller's transaction. Errors: Lost, which rolls the page back."""
    mine = SyncRun.objects.filter(pk=run.pk, owner=run.owner, state=SyncRun.State.RUNNING)
    if not mine.update(heartbeat_at=timezone.now(), **columns):
        raise Lost("The run went to another process.")


def release(run: SyncRun) -> None:
    """Leave the run where it is for whoever comes next."""
    SyncRun.objects.filter(pk=run.pk, owner=run.owner).update(owner="", heartbeat_at=timezone.now())


def note(run: SyncRun, problem: object, *, where: str = "") -> None:
    """Add to the run's errors, redacted; the last fifty are kept."""
    entry = {
        "at": timezone.now().isoformat(timespec="seconds"),
        "where": where,
        "problem": redacted(str(problem))[:500],
    }
    run.errors = [*run.errors, entry][-MOST_ERRORS:]
    SyncRun.objects.filter(pk=run.pk, owner=run.owner).update(errors=run.errors)


def finish(run: SyncRun, state: str, problem: str = "") -> None:
    """End a run. Only a complete one moves what the connection knows of itself forward."""
    now = timezone.now()
    if problem:
        note(run, problem, where=run.slice_key)
    with transaction.atomic():
        mine = SyncRun.objects.filter(pk=run.pk, owner=run.owner, state=SyncRun.State.RUNNING)
        if not mine.update(state=state, finished_at=now, heartbeat_at=now, owner=""):
            raise Lost("The run went to another process.")
        SeenPage.objects.filter(run=run).delete()
        if state == SyncRun.State.COMPLETE:
            columns = {"last_success_at": now, "last_error": "", "paused_until": None, "pause_reason": ""}
            if run.full:
                columns["complete_as_of"] = run.started_at
            Connection.objects.filter(pk=run.connection_id).update(**columns)
    run.state, run.finished_at, run.owner = state, now, ""


def failed(connection: Connection, problem: object) -> None:
    """Say on the connection what went wrong, with its time; its facts stay as they are."""
    text = redacted(str(problem))[:1000]
    Connection.objects.filter(pk=connection.pk).update(last_error=text, last_error_at=timezone.now())
