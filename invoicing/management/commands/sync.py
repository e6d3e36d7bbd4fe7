import json
import time

from django.core.management import BaseCommand, CommandError

from invoicing.jobs.api import RetryLater
from invoicing.mirror.runs import Busy
from invoicing.mirror.sync import sync_connection
from invoicing.mirror.tasks import told
from invoicing.models import Connection, SyncRun

PATIENCE = 300  # seconds a person at the terminal is kept waiting for a provider, in all
EVERY = 1.0  # a progress line at most so often


class Command(BaseCommand):
    help = "Read invoices from providers into the mirror. One connection's trouble does not stop the others."

    def add_arguments(self, parser):
        parser.add_argument("names", nargs="*", metavar="NAME", help="connections; default: all that are enabled")
        parser.add_argument("--full", action="store_true", help="read everything, whatever was read before")
        parser.add_argument("--json", action="store_true", help="one JSON object per connection")

    def handle(self, *, names, full, **options):
        self.as_json = options["json"]
        unfinished = [connection.name for connection in self._chosen(names) if not self._sync(connection, full)]
        if unfinished:
            raise CommandError(f"Not finished: {', '.join(unfinished)}. Run again to continue.")

    def _chosen(self, names) -> list[Connection]:
        if not names:
            return list(Connection.objects.filter(enabled=True))
        found = {connection.name: connection for connection in Connection.objects.filter(name__in=names)}
        if missing := [name for name in names if name not in found]:
            raise CommandError(f"There is no connection named {', '.join(missing)}.")
        return [found[name] for name in names]

    def _sync(self, connection: Connection, full: bool) -> bool:
        """Whether it finished."""
        self.said_at, began, run, problem = 0.0, time.monotonic(), None, ""
        try:
            run = self._in_turn(connection, full)
        except (Busy, RetryLater) as reason:
            problem = str(reason)
        seconds = time.monotonic() - began
        finished = run is not None and run.state == SyncRun.State.COMPLETE
        if self.as_json:
            self.stdout.write(json.dumps(_record(connection, run, problem, seconds), ensure_ascii=False))
        elif finished:
            self.stdout.write(self.style.SUCCESS(f"{connection.name:<20} {told(run)} in {seconds:.1f} s"))
        else:
            problem = problem or connection.last_error
            self.stderr.write(self.style.ERROR(f"{connection.name:<20} not finished: {problem}"))
        return finished

    def _in_turn(self, connection: Connection, full: bool) -> SyncRun:
        """A worker may be at this very connection: then wait for it, and read after it. Errors: Busy when it takes too long."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return sync_connection(connection, full=full, on_page=self._progress, patience=PATIENCE)
            except Busy:
                if time.monotonic() > end:
                    raise
                time.sleep(0.3)

    def _progress(self, run: SyncRun) -> None:
        if self.as_json or time.monotonic() - self.said_at < EVERY:
            return
        self.said_at = time.monotonic()
        of = f" of {run.expected}" if run.expected else ""
        self.stdout.write(
            f"{run.connection.name:<20} page {run.pages:>4} {run.seen:>7}{of} read, {run.changed} changed"
        )
        self.stdout.flush()


def _record(connection: Connection, run: SyncRun | None, problem: str, seconds: float) -> dict:
    counted = ("seen", "created", "changed", "unchanged", "quarantined", "gone")
    return {
        "name": connection.name,
        "provider": connection.provider,
        "state": run.state if run else "waiting",
        "full": run.full if run else None,
        **{name: getattr(run, name) if run else 0 for name in counted},
        "errors": ([error["problem"] for error in run.errors] if run else []) + ([problem] if problem else []),
        "seconds": round(seconds, 3),
    }
