"""What went wrong between an invoice and its provider, in words, and what to do next: one table for every provider."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoicing.models import Attempt, Connection, Invoice, Job, Operation
from invoicing.operations.outage import outage
from invoicing.operations.registry import VERBS
from invoicing.vocabulary import OperationState
from invoicing.web import sentences
from invoicing.web.marks import provider_name
from invoicing.web.waiting import WORK, last_error

LOOKED_THROUGH = 400  # of the newest failed jobs
RECENT = timedelta(days=30)
FRESH = timedelta(days=7)
STATUSES = {401: "key", 403: "role", 404: "missing", 409: "conflict", 429: "waits", 400: "invalid", 422: "invalid"}
WORDS = (  # what our own sentences and providers' words are known by; the first that is found
    ("paid", r"already (been )?paid|is paid|paid invoice|marked as paid"),
    ("waits", r"asks us to wait|rate limit|too many requests|connection is paused"),
    ("role", r"lacks the role|permission|not authorized|forbidden|access denied"),
    ("key", r"does not accept the key|invalid api key|unauthori[sz]ed|no key opens|cannot be unsealed"),
    ("missing", r"has no such (record|invoice)|not found|no longer has"),
    ("unreachable", r"cannot be (reached|resolved)|was not accepted\.|before anything was sent"),
    ("silent", r"did not answer in time|connection broke"),
    ("garbled", r"cannot be read|not in its own form|understood"),
    ("server", r"failed with 5|answered 5"),
    ("conflict", r"conflict"),
    ("invalid", r"refused|invalid|must be"),
)
TOLD = {
    "paid": (
        gettext_lazy("It was paid in the meantime, at %(provider)s or elsewhere."),
        gettext_lazy(
            "Refresh the invoice: its state decides what can still be asked. A paid one is corrected by a credit."
        ),
    ),
    "waits": (
        gettext_lazy("%(provider)s asks us to send less often."),
        gettext_lazy(
            "Nothing is lost: it is tried again by itself. If it keeps happening, fewer syncs or other programs help."
        ),
    ),
    "key": (
        gettext_lazy("%(provider)s does not accept the key of this connection."),
        gettext_lazy("A sync admin makes a new key at %(provider)s and enters it with the connection."),
    ),
    "role": (
        gettext_lazy("The key of this connection may not do that at %(provider)s."),
        gettext_lazy("Give the key the missing permission at %(provider)s, or connect with a key that has it."),
    ),
    "missing": (
        gettext_lazy("%(provider)s says that it has no such invoice."),
        gettext_lazy(
            "Look for its id there. The next complete sync settles it: the invoice stays here, marked as gone."
        ),
    ),
    "conflict": (
        gettext_lazy("%(provider)s was busy with this invoice, or heard the same request twice."),
        gettext_lazy("Refresh the invoice, then look whether it still needs to be done."),
    ),
    "invalid": (
        gettext_lazy("%(provider)s refused what was asked, and did nothing."),
        gettext_lazy("Read its words, correct what they name, and ask again."),
    ),
    "server": (
        gettext_lazy("%(provider)s had a fault of its own."),
        gettext_lazy("Reads are tried again by themselves. What was asked for is read back before anybody repeats it."),
    ),
    "unreachable": (
        gettext_lazy("%(provider)s could not be reached from here; nothing was sent."),
        gettext_lazy("Look whether %(provider)s has an outage, then check the connection's address and this network."),
    ),
    "silent": (
        gettext_lazy("%(provider)s did not answer in time."),
        gettext_lazy("Refresh to see what is so now. An unknown outcome is read back by itself; do not ask twice."),
    ),
    "garbled": (
        gettext_lazy("%(provider)s answered something the desk does not understand."),
        gettext_lazy(
            "Its last facts stay. If it repeats, the provider changed its answers: quote this to whoever keeps the desk."
        ),
    ),
    "other": (
        gettext_lazy("It did not work at %(provider)s."),
        gettext_lazy("Refresh the invoice and look at its activity before asking again."),
    ),
}
"""Kind → what it means, and what to do next."""

OWN = {
    ("cockroachdb", "role"): gettext_lazy(
        "In CockroachDB Cloud, give the service account the role Billing Coordinator or Cluster Admin for the organization."
    ),
    ("cockroachdb", "waits"): gettext_lazy(
        "CockroachDB Cloud allows ten requests a second and user; it goes on by itself."
    ),
    ("metronome", "role"): gettext_lazy(
        "Metronome's tokens can be read-only or limited to some endpoints: make one that may do this."
    ),
    ("metronome", "key"): gettext_lazy(
        "Metronome also answers so where a token lacks a permission: look at the token there before replacing it."
    ),
    ("metronome", "paid"): gettext_lazy("Metronome does not collect: look at the copy outside, where it was paid."),
    ("flexprice", "role"): gettext_lazy(
        "In FlexPrice, look at the key's role and environment; a suspended account answers so too."
    ),
    ("checkout_page", "role"): gettext_lazy("In Checkout Page, make a key with the permission for invoices."),
    ("checkout_page", "waits"): gettext_lazy(
        "Checkout Page allows 100 requests a minute and key; it goes on by itself."
    ),
    ("orb", "conflict"): gettext_lazy("Orb is still busy with the former request for it. Refresh in a minute."),
}
"""(Provider, kind) → what to do next, where a provider has ways of its own."""


@dataclass(frozen=True)
class Failure:
    """One thing that did not work: what was tried, what it means, what the provider said, what to do next."""

    what: str
    at: datetime
    kind: str
    meaning: str
    remedy: str
    said: str = ""
    status: int | None = None
    operation: Operation | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether it still is what one should know first."""
        return timezone.now() - self.at < FRESH


def kind_of(text: str, status: int | None = None) -> str:
    """What kind of failure it is, by the HTTP status and the words."""
    lowered = text.lower()
    if re.search(WORDS[0][1], lowered):
        return "paid"
    if status in STATUSES:
        return STATUSES[status]
    if status is not None and status >= 500:
        return "server"
    return next((kind for kind, words in WORDS if re.search(words, lowered)), "other")


def told(provider: str, kind: str) -> tuple[str, str]:
    """What it means and what to do next, at this provider."""
    meaning, remedy = TOLD[kind]
    name = {"provider": provider_name(provider)}
    return str(meaning) % name, str(OWN.get((provider, kind), remedy)) % name


def of_invoice(invoice: Invoice, *, until: datetime | None = None) -> list[Failure]:
    """The last read and the last operation of this invoice that failed, newest first; what worked since is left out."""
    found = [_last_operation(invoice, until), None if until else _last_read(invoice)]
    return sorted((each for each in found if each), key=lambda each: each.at, reverse=True)


def of_connection(connection: Connection) -> Failure | None:
    """What keeps the whole connection from working now: an outage, a refused key, or a wait that was asked for."""
    now, name = timezone.now(), provider_name(connection.provider)
    if connection.paused_until and connection.paused_until > now:
        meaning, remedy = told(connection.provider, "waits")
        return Failure(name, connection.paused_until, "waits", meaning, remedy, connection.pause_reason)
    if not outage(connection):
        return None
    kind = kind_of(connection.last_error)
    meaning, remedy = told(connection.provider, kind)
    return Failure(name, connection.last_error_at, kind, meaning, remedy, connection.last_error)


def _last_operation(invoice: Invoice, until: datetime | None) -> Failure | None:
    operations = invoice.operations.filter(parent=None).order_by("-created_at")
    last = (operations.filter(created_at__lte=until) if until else operations).first()
    failed = (OperationState.NOT_DONE, OperationState.REFUSED, OperationState.UNKNOWN, OperationState.NEEDS_PERSON)
    if last is None or last.state not in failed:
        return None
    tried = Attempt.objects.filter(operation__in=[last.pk, *last.steps.values_list("pk", flat=True)])
    attempt = tried.exclude(ended_at=None).order_by("-ended_at").first()
    said = (attempt.said if attempt else "") or last.outcome.get("message", "")
    status = attempt.http_status if attempt else None
    kind = kind_of(said, status if status and status >= 400 else None)
    meaning, remedy = told(invoice.connection.provider, kind)
    what = str(sentences.said(VERBS[last.verb].name)) if last.verb in VERBS else last.verb
    at = (attempt.ended_at if attempt else None) or last.finished_at or last.created_at
    return Failure(what, at, kind, meaning, remedy, said, status, last)


def _last_read(invoice: Invoice) -> Failure | None:
    """The last job about this invoice, if it failed and nothing was read since. Jobs are asked for by age: few fail."""
    since = max(invoice.read_at, timezone.now() - RECENT)
    failed = Job.objects.filter(state=Job.State.FAILED, created_at__gt=since).order_by("-created_at")
    for job in failed[:LOOKED_THROUGH]:
        task = job.task.rpartition(".")[2]
        if task in WORK and job.arguments.get("invoice_id") == invoice.pk:
            said = last_error(job)
            kind = kind_of(said)
            meaning, remedy = told(invoice.connection.provider, kind)
            return Failure(_(WORK[task][0]), job.finished_at or job.created_at, kind, meaning, remedy, said)
    return None
