"""Questions that a page hands to the workers. An answer is kept for an hour for those who may ask, and stored nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.utils.dateparse import parse_datetime

from invoicing.access import rights
from invoicing.jobs import progress
from invoicing.jobs.api import RetryLater, enqueue, task
from invoicing.models import Connection, Invoice, Job, User, clock
from invoicing.operations import asking
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import CannotRequest
from invoicing.operations.targets import About, kind_of, starting
from invoicing.operations.verb import Verb
from invoicing.providers import strict_json
from invoicing.providers.errors import KeyRefused, Missing, NotSent, NotUnderstood, ProviderError, RateLimited
from invoicing.providers.snapshots import InvoiceSnapshot

KEPT_SECONDS = 3600
WAIT_SECONDS = 15.0
TASK = "invoicing.operations.questions.ask_provider"
REMEDIES = (
    (KeyRefused, "The connection's key may not do this: give it the role it lacks, or enter another one."),
    (Missing, "The provider has no such record any more. Read the invoice or the customer again."),
    (RateLimited, "The provider takes no more calls just now. Ask again in a minute."),
    (NotSent, "Nothing left this machine. Look at the connection's state, then ask again."),
    (NotUnderstood, "The provider answers in a way this desk does not know. Its own pages show the figures."),
)
"""What a person can do about an error, by its kind, the narrower first."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What was asked, by whom and of what."""

    verb: Verb
    about: About
    arguments: Mapping[str, Any]
    reason: str
    job: Job


@dataclass(frozen=True, kw_only=True)
class Told:
    """What came of it: an invoice, figures, or a problem with what can be done about it."""

    at: datetime | None
    snapshot: InvoiceSnapshot | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    remedy: str = ""


def pose(
    key: str,
    about: About,
    *,
    by: User,
    token: str,
    reason: str = "",
    arguments: Mapping[str, Any] | None = None,
    ip: str = "",
) -> str:
    """Hand a question to the workers: the id of its job. The same token is the same question, however often it is sent.

    Errors: CannotRequest; rights.NotAllowed.
    """
    lately = clock.now() - timedelta(days=1)
    same = Job.objects.filter(created_at__gte=lately, task=TASK, unique_key=f"ask:{token}").first()
    if same:
        asked = (same.arguments["verb"], same.arguments["connection_id"], same.arguments["external_id"])
        if asked != (key, about.connection.pk, about.external_id):
            raise CannotRequest("This form was used for something else already. Open it again.")
        return str(same.pk)
    verb = VERBS[key]
    given = asking.checked(verb, about, by=by, reason=reason, arguments=arguments or {}, ip=ip)
    if asking.has_effects(verb, about.connection) and not reason.strip():
        raise CannotRequest("Say why. The reason stays in the audit trail.", field="reason")
    return enqueue(
        ask_provider,
        by=by,
        token=token,
        verb=key,
        kind=kind_of(about),
        connection_id=about.connection.pk,
        external_id=about.external_id,
        arguments=given,
        reason=reason.strip(),
        user_id=by.pk,
        ip=ip,
    )


@task(queue_name="operations", priority=60, unique="ask:{token}")
def ask_provider(
    token: str,
    verb: str,
    kind: str,
    connection_id: int,
    external_id: str,
    arguments: dict[str, Any],
    reason: str,
    user_id: int,
    ip: str,
) -> None:
    """Ask, and keep what came of it. What has an effect by being asked is asked once, whatever becomes of the worker."""
    job = progress.current.get()
    identity, by = str(job.pk) if job else token, User.objects.get(pk=user_id)
    about = _about(kind, Connection.objects.get(pk=connection_id), external_id)
    safe = not asking.has_effects(VERBS[verb], about.connection)
    if job and job.attempts > 1 and not safe:
        _keep(identity, problem="The worker ended while it was asking. What was announced by that, nobody knows.")
        return
    try:
        said = asking.ask(verb, about, by=by, reason=reason, arguments=arguments, ip=ip)
    except (CannotRequest, rights.NotAllowed) as refusal:
        _keep(identity, problem=str(refusal))
    except ProviderError as error:
        if safe and isinstance(error, RateLimited):
            raise RetryLater(error.retry_after or WAIT_SECONDS, str(error)) from None
        _keep(identity, problem=_words(error), remedy=_remedy(error))
    else:
        payload = strict_json.dumps(said.payload).decode() if said.payload else ""
        _keep(identity, payload=payload, facts=dict(said.facts))


def question(job: Job) -> Question | None:
    """The question a job is about; None for other work."""
    if job.task != TASK:
        return None
    given = job.arguments
    connection = Connection.objects.filter(pk=given["connection_id"]).first()
    if connection is None or given["verb"] not in VERBS:
        return None
    try:
        about = _about(given["kind"], connection, given["external_id"])
    except Invoice.DoesNotExist:
        return None
    return Question(
        verb=VERBS[given["verb"]], about=about, arguments=given["arguments"], reason=given["reason"], job=job
    )


def answer(asked: Question) -> Told | None:
    """What came of it, while it is kept; None when nothing is there (yet, or any more)."""
    kept = cache.get(_place(str(asked.job.pk)))
    if kept is None:
        return None
    at = parse_datetime(kept["at"])
    try:
        payload = strict_json.loads(kept["payload"].encode()) if kept.get("payload") else None
        snapshot = asking.read(asked.about.connection, payload)
    except NotUnderstood as error:
        return Told(at=at, problem=str(error), remedy=_remedy(error))
    return Told(
        at=at,
        snapshot=snapshot,
        facts=kept.get("facts", {}),
        problem=kept.get("problem", ""),
        remedy=kept.get("remedy", ""),
    )


def _about(kind: str, connection: Connection, external_id: str) -> About:
    """Errors: Invoice.DoesNotExist."""
    if kind == "invoice":
        invoices = Invoice.objects.select_related("connection", "customer")
        return invoices.get(connection=connection, external_id=external_id)
    return starting(kind, connection, external_id)


def _keep(identity: str, **what: Any) -> None:
    cache.set(_place(identity), {"at": clock.now().isoformat(), **what}, KEPT_SECONDS)
    progress.report(1, expected=1, note=str(what.get("problem") or "Answered"))


def _place(identity: str) -> str:
    return f"answer:{identity}"


def _words(error: ProviderError) -> str:
    """Ours, and behind them the provider's where they say more."""
    said = error.said if error.said and error.said not in str(error) else ""
    return f"{error} It said: {said}" if said else str(error)


def _remedy(error: ProviderError) -> str:
    return next((words for kind, words in REMEDIES if isinstance(error, kind)), "Ask again in a while.")
