"""Background work: what runs, what waits, what failed; stopping it and having it tried again."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from invoicing.access import rights
from invoicing.access.scopes import covers
from invoicing.jobs import running
from invoicing.models import Connection, Job
from invoicing.web.finding import must_see
from invoicing.web.waiting import last_error, worker_is_there, worker_seen_at

NAMES = {
    "sync_connection_job": gettext_lazy("Sync"),
    "sync_all": gettext_lazy("Start every sync"),
    "refresh_invoice_job": gettext_lazy("Read one invoice again"),
    "fetch_pdf_job": gettext_lazy("Fetch the provider's PDF"),
    "dispatch_operation": gettext_lazy("Send an operation"),
    "settle_operation": gettext_lazy("Read an operation back"),
    "settle_due": gettext_lazy("Settle what is due"),
    "ask_provider": gettext_lazy("Ask a provider"),
    "write_export_job": gettext_lazy("Write an export"),
    "gather_part_job": gettext_lazy("Gather PDFs"),
    "assemble_job": gettext_lazy("Put PDFs together"),
    "sweep_exports": gettext_lazy("Sweep old exports"),
}
MOST = 100
ROUTINE = (
    "settle_due",
    "sync_all",
    "sweep_exports",
)  # fired by the schedule all day; shown when they fail, not when they end well


@dataclass(frozen=True)
class Told:
    """One job for reading."""

    job: Job
    name: str
    about: str = ""
    url: str = ""

    @property
    def error(self) -> str:
        return last_error(self.job)

    @property
    def can_be_cancelled(self) -> bool:
        return self.job.state in (Job.State.QUEUED, Job.State.RUNNING) and not self.job.cancel_requested

    @property
    def is_late(self) -> bool:
        return self.job.state == Job.State.QUEUED and self.job.run_at > timezone.now()


def told(jobs, by) -> list[Told]:
    """What each job is and which record it is about, as far as `by` reaches; one query however many there are."""
    jobs = [job for job in jobs if covers(by, job)]
    wanted = {job.arguments.get("connection_id") for job in jobs} - {None}
    names = dict(Connection.objects.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}
    return [_told(job, names) for job in jobs]


def _told(job: Job, names: dict[int, str]) -> Told:
    task, given = job.task.rpartition(".")[2], job.arguments
    name = NAMES.get(task) or task.replace("_", " ").capitalize()
    if task == "sync_connection_job" and given.get("full"):
        name = _("Full sync")
    if given.get("connection_id") in names:
        return Told(job, name, names[given["connection_id"]], reverse("connections"))
    if isinstance(given.get("invoice_id"), int):
        return Told(job, name, f"invoice {given['invoice_id']}", reverse("invoice", args=[given["invoice_id"]]))
    if given.get("operation_id"):
        return Told(
            job, name, f"operation {str(given['operation_id'])[:8]}", reverse("operation", args=[given["operation_id"]])
        )
    return Told(job, name)


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    must_see(request)
    jobs = Job.objects.select_related("requested_by").defer("unique_key")
    ended = jobs.filter(state__in=[Job.State.DONE, Job.State.CANCELLED])
    for task in ROUTINE:
        ended = ended.exclude(task__endswith=f".{task}")
    now_running = jobs.filter(state=Job.State.RUNNING).order_by("created_at")
    queued = jobs.filter(state=Job.State.QUEUED).order_by("priority", "run_at")
    failed = jobs.filter(state=Job.State.FAILED).order_by("-created_at")
    seen_at = worker_seen_at()
    context = {
        "sections": [
            ("running", _("Running"), told(now_running[:MOST], request.user), _("Nothing runs at this moment.")),
            ("queued", _("Queued"), told(queued[:MOST], request.user), _("Nothing waits.")),
            ("failed", _("Failed"), told(failed[:MOST], request.user), _("Nothing has failed.")),
            (
                "ended",
                _("Ended lately"),
                told(ended.order_by("-created_at")[:20], request.user),
                _("Nothing has ended lately."),
            ),
        ],
        "may_sync": rights.can(request.user, "sync"),
        "worker_is_there": worker_is_there(seen_at),
        "worker_seen_at": seen_at,
    }
    return render(request, "jobs/page.html", context)


@require_POST
def cancel(request: HttpRequest, pk) -> HttpResponse:
    """Ask a job to stop. Errors: PermissionDenied."""
    job = _job_for(request, pk)
    if running.cancel(job.pk):
        job.refresh_from_db()
        ended = job.state == Job.State.CANCELLED
        messages.success(request, _("It was cancelled.") if ended else _("It stops at its next safe point."))
    else:
        messages.info(request, _("It has ended already."))
    return _back(request)


@require_POST
def retry(request: HttpRequest, pk) -> HttpResponse:
    """Queue a failed or cancelled job again. Errors: PermissionDenied."""
    job = _job_for(request, pk)
    try:
        with transaction.atomic():
            again = running.retry(job.pk)
    except IntegrityError:
        messages.info(request, _("The same work is under way already."))
        return _back(request)
    if again:
        messages.success(request, _("It is queued again."))
    else:
        messages.info(request, _("Only work that failed or was cancelled can be tried again."))
    return _back(request)


def _job_for(request: HttpRequest, pk) -> Job:
    """Errors: Http404, PermissionDenied."""
    if not rights.can(request.user, "view"):
        raise Http404
    job = get_object_or_404(Job, pk=pk)
    if not rights.can(request.user, "view", job):
        raise Http404
    try:
        rights.require(request.user, "sync", job)
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    return job


def _back(request: HttpRequest) -> HttpResponse:
    """To where the button stood, if that is a page of ours."""
    wanted = request.POST.get("next", "")
    if wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return redirect(wanted)
    return redirect("jobs")
