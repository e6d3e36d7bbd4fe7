"""The accounts we mirror: how each is doing, what its syncs found, and having it synced now."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from invoicing.access import rights
from invoicing.access.scopes import visible_connections
from invoicing.jobs.api import enqueue
from invoicing.mirror.tasks import sync_connection_job
from invoicing.models import Connection, Job, SyncRun
from invoicing.providers.registry import PROVIDERS
from invoicing.web.context import freshness
from invoicing.web.finding import connection_for, must_see
from invoicing.web.waiting import worker_is_there, worker_seen_at

RUNS = 6
ACTIVE = (Job.State.QUEUED, Job.State.RUNNING)

REMEDIES = (  # what an error says, and what a person can do about it
    (
        "does not accept the key",
        gettext_lazy("Make a new key at the provider and run the connect command again with it."),
    ),
    ("has no key", gettext_lazy("Run the connect command again with a key.")),
    (
        "cannot be opened",
        gettext_lazy(
            "The sealing key (DESK_FIELD_KEYS) is not the one it was sealed with. Restore it, or connect again."
        ),
    ),
    ("asks us to wait", gettext_lazy("Nothing to do: it goes on by itself when the wait is over.")),
    (
        "name could not be",
        gettext_lazy("Check the base URL, and whether this machine can resolve the provider's name."),
    ),
    (
        "refused the connection",
        gettext_lazy("The provider is down or unreachable from here. Syncing is tried again by itself."),
    ),
    (
        "failed with 5",
        gettext_lazy("The provider has trouble of its own. Syncing is tried again by itself."),
    ),
    (
        "not in its own form",
        gettext_lazy("Something in between answered, or the base URL is not the API's. Check the base URL."),
    ),
    (
        "sent us elsewhere",
        gettext_lazy("The base URL leads to a redirect. Connect again with the address it leads to."),
    ),
)
OTHERWISE = gettext_lazy(
    "Syncing goes on where it stands by itself. If this stays, run a full sync and read its errors."
)


@dataclass
class Account:
    """One connection with everything its card shows."""

    connection: Connection
    runs: list[SyncRun]
    job: Job | None
    freshness: str

    @property
    def running(self) -> SyncRun | None:
        return next((run for run in self.runs if run.state == SyncRun.State.RUNNING), None)

    @property
    def busy(self) -> bool:
        return self.job is not None or self.moving

    @property
    def moving(self) -> bool:
        """Whether somebody is at work on a run now, be it a job or a command."""
        run = self.running
        return run is not None and bool(run.owner) and timezone.now() - run.heartbeat_at < timedelta(seconds=60)

    @property
    def interrupted(self) -> SyncRun | None:
        return None if self.busy else self.running

    @property
    def done(self) -> int:
        return self.running.seen if self.running else self.job.done if self.job else 0

    @property
    def expected(self) -> int | None:
        """How many the provider says there are, where it says."""
        return (self.running.expected if self.running else None) or (self.job.expected if self.job else None)

    @property
    def paused(self) -> bool:
        return self.connection.paused_until is not None and self.connection.paused_until > timezone.now()

    @property
    def has_failed(self) -> bool:
        return bool(self.connection.last_error) and self.freshness in ("failing", "never", "stale")

    @property
    def remedy(self) -> str:
        said = self.connection.last_error
        return next((remedy for part, remedy in REMEDIES if part in said), OTHERWISE)

    @property
    def command(self) -> str:
        return f"manage.py connect {self.connection.provider} {self.connection.name} --api-key -"

    @property
    def every(self) -> int:
        """Seconds between two looks of the page at this card; 0 when nothing moves."""
        return 2 if self.busy else 0


def accounts(rows) -> list[Account]:
    """These connections with their latest runs and active syncs; four queries however many there are."""
    connections = list(rows.defer("sealed_key", "sealed_webhook_secret", "units"))
    latest = SyncRun.objects.filter(connection__in=connections).annotate(
        place=Window(RowNumber(), partition_by="connection_id", order_by=F("started_at").desc())
    )
    runs: dict[int, list[SyncRun]] = defaultdict(list)
    for run in latest.filter(place__lte=RUNS).order_by("-started_at"):
        runs[run.connection_id].append(run)
    keys = {f"sync:{each.pk}": each.pk for each in connections}
    jobs = {keys[job.unique_key]: job for job in Job.objects.filter(unique_key__in=keys, state__in=ACTIVE)}
    now = timezone.now()
    return [Account(each, runs[each.pk], jobs.get(each.pk), freshness(each, now=now)) for each in connections]


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    must_see(request)
    seen_at = worker_seen_at()
    context = {
        "accounts": accounts(visible_connections(request.user)),
        "may_sync": rights.can(request.user, "sync"),
        "may_connect": rights.can(request.user, "connect"),
        "providers": PROVIDERS.values(),
        "worker_is_there": worker_is_there(seen_at),
        "worker_seen_at": seen_at,
    }
    return render(request, "connections/page.html", context)


@require_GET
def card(request: HttpRequest, pk: int) -> HttpResponse:
    """One connection's card, polled while it syncs."""
    connection = connection_for(request, pk)
    if not request.htmx:
        return redirect("connections")
    return _card(request, connection)


def _card(request: HttpRequest, connection: Connection) -> HttpResponse:
    context = {
        "account": accounts(Connection.objects.filter(pk=connection.pk))[0],
        "may_sync": rights.can(request.user, "sync", connection),
    }
    return render(request, "connections/_card.html", context)


@require_POST
def sync(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the worker sync it now; `full` reads everything again. Errors: PermissionDenied."""
    connection = connection_for(request, pk)
    try:
        rights.require(request.user, "sync", connection)
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    full = request.POST.get("full") == "1"
    if not connection.enabled:
        messages.error(request, _("%(connection)s is switched off.") % {"connection": connection})
        return redirect("connections")
    job = Job.objects.get(pk=enqueue(sync_connection_job, by=request.user, connection_id=connection.pk, full=full))
    if job.arguments.get("full") != full:
        messages.info(
            request,
            _("A sync of %(connection)s is under way already. Ask again when it has ended.")
            % {"connection": connection},
        )
    if request.htmx and job.arguments.get("full") == full:
        return _card(request, connection)
    return redirect("connections")
