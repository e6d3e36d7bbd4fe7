"""A page that waits for background work about its invoice: what it is, how it stands, what came of it."""

import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from invoicing.models import Invoice, Job, User, WorkerBeat
from invoicing.web.finding import asked_by_htmx
from invoicing.web.invoice_tabs.history import Change, changes_since, hidden_from

WORK = {  # task: what it is while it runs, and when it has ended
    "refresh_invoice_job": (gettext_lazy("Reading the invoice again"), gettext_lazy("Read again")),
    "fetch_pdf_job": (gettext_lazy("Fetching the provider's PDF"), "PDF"),
}
SILENCE = timedelta(seconds=60)
MOST_CHANGES = 8
UNASKED = object()


def last_error(job: Job) -> str:
    """A job's last failure in one line, without the name of its class."""
    return re.sub(r"\A[\w.]+: ", "", job.error.strip().rpartition("\n")[2])[:400]


def worker_seen_at():
    """When any worker was last alive; None when none was ever seen."""
    return WorkerBeat.objects.order_by("-seen_at").values_list("seen_at", flat=True).first()


def worker_is_there(seen_at=UNASKED) -> bool:
    """Whether one was alive within the last minute; asks for `seen_at` unless it is given."""
    seen = worker_seen_at() if seen_at is UNASKED else seen_at
    return seen is not None and timezone.now() - seen < SILENCE


@dataclass
class Waiting:
    job: Job
    invoice: Invoice
    was: int | None  # the invoice's version when the work was asked for
    tab: str
    hidden: frozenset[str]  # the fields whose values who looks may not see

    @property
    def open(self) -> bool:
        return self.job.state in (Job.State.QUEUED, Job.State.RUNNING)

    @property
    def task(self) -> str:
        return self.job.task.rpartition(".")[2]

    @property
    def doing(self) -> str:
        return WORK[self.task][0]

    @property
    def done(self) -> str:
        return WORK[self.task][1]

    @property
    def is_refresh(self) -> bool:
        return self.task == "refresh_invoice_job"

    @property
    def found_nothing(self) -> bool:
        """It ended well, and there was nothing to be had: the note says why."""
        return self.job.state == Job.State.DONE and not self.is_refresh and self.job.done == 0

    @property
    def found_missing(self) -> bool:
        """The provider was asked and says that it has no such invoice."""
        return self.is_refresh and self.job.note.startswith("The provider says")

    @property
    def again_at(self):
        """When it is tried again after a failure."""
        waits = self.job.state == Job.State.QUEUED and (self.job.error or self.job.note)
        return self.job.run_at if waits else None

    @property
    def error(self) -> str:
        return last_error(self.job)

    @cached_property
    def no_worker(self) -> bool:
        return self.job.state == Job.State.QUEUED and not worker_is_there()

    @cached_property
    def changes(self) -> list[Change]:
        """What the invoice's versions since then changed; empty when nothing did."""
        if self.was is None or self.invoice.version <= self.was:
            return []
        return changes_since(self.invoice, self.was, hidden=self.hidden)

    @property
    def first_changes(self) -> list[Change]:
        return self.changes[:MOST_CHANGES]

    @property
    def further(self) -> int:
        return max(0, len(self.changes) - MOST_CHANGES)

    @property
    def every(self) -> int:
        """Seconds between two polls: soon at first, then more patient."""
        age = (timezone.now() - self.job.created_at).total_seconds()
        return 1 if age < 15 else 3 if age < 120 else 10

    @property
    def _query(self) -> str:
        return urlencode({"was": "" if self.was is None else self.was, "tab": self.tab})

    @property
    def poll_url(self) -> str:
        return f"{reverse('invoice_job', args=[self.invoice.pk, self.job.pk])}?{self._query}"

    @property
    def page_url(self) -> str:
        return f"{reverse('invoice', args=[self.invoice.pk])}?{urlencode({'job': self.job.pk})}&{self._query}"


def waiting_for(job_id: str, invoice: Invoice, user: User, *, was: str = "", tab: str = "") -> Waiting | None:
    """The job of that id, if it is work about this very invoice."""
    try:
        job = Job.objects.filter(pk=uuid.UUID(job_id)).first()
    except ValueError:
        return None
    if job is None or job.task.rpartition(".")[2] not in WORK or job.arguments.get("invoice_id") != invoice.pk:
        return None
    number = int(was) if was.isdecimal() and len(was) < 9 else None
    return Waiting(job, invoice, number, tab or "summary", hidden_from(user, invoice))


def answer_with_job(request: HttpRequest, invoice: Invoice, job_id: str) -> HttpResponse:
    """Back to the invoice, which waits for the job; htmx gets the waiting strip alone."""
    waiting = waiting_for(
        job_id, invoice, request.user, was=str(invoice.version), tab=request.POST.get("tab", "summary")
    )
    if asked_by_htmx(request, "waiting"):
        return render(request, "invoice/_waiting.html", {"invoice": invoice, "waiting": waiting})
    return redirect(waiting.page_url)
