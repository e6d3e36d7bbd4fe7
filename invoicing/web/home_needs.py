"""What waits for a person, most urgent first: each a count, what it means, and where to see to it."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from invoicing.access.rights import can
from invoicing.access.scopes import visible
from invoicing.approvals.people import waiting_for
from invoicing.listing.overview import past_drafts
from invoicing.models import Approval, ApprovalRequest, Batch, BatchRow, Book, Incident, Operation, Review
from invoicing.reviews.commenting import asked_of
from invoicing.vocabulary import OPEN_STATES, Direction, OperationState, Status
from invoicing.web.approvals import RELATED, may_see
from invoicing.web.context import Shell, address
from invoicing.web.reviews import waiting_for as waiting_for_review

GRACE = timedelta(days=1)  # providers leave a draft a day after its period before they finalize it
LATELY = timedelta(days=7)
MOST = 6
LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class Need:
    key: str
    tone: str  # red: only a person can go on; amber: worth a look
    icon: str
    count: int
    title: str
    text: str
    url: str


def needs_of(shell: Shell, today: date) -> list[Need]:
    """What waits, as far as this person reaches."""
    found = (
        *_approvals(shell),
        *_seals(shell),
        *_reviews(shell),
        *_operations(shell),
        *_ledger(shell),
        *_mirror(shell, today),
    )
    return [need for need in found if need.count]


def _approvals(shell: Shell):
    user = shell.request.user
    if not can(user, "approve"):
        return
    asked = ApprovalRequest.objects.filter(state=ApprovalRequest.State.OPEN).order_by("due_at")
    asked = asked.select_related(*RELATED).prefetch_related("decisions__by")[:LOOKED_AT]
    count = len(waiting_for(user, [each for each in asked if may_see(user, each)]))
    yield Need(
        "approvals", "red", "stamp", count,
        ngettext("request waits for your decision", "requests wait for your decision", count),
        _("Nothing of it is sent before it is approved."),
        address("approvals"),
    )  # fmt: skip


def _reviews(shell: Shell):
    user = shell.request.user
    asked = asked_of(user).count() if can(user, "view") else 0
    yield Need(
        "asked", "red", "circle-help", asked,
        ngettext("comment asks you by name", "comments ask you by name", asked),
        _("Somebody wants to know something before they go on."),
        address("queue"),
    )  # fmt: skip
    if not can(user, "approve"):
        return
    count = waiting_for_review(user).count()
    yield Need(
        "reviews", "red", "eye", count,
        ngettext("invoice waits for your review", "invoices wait for your review", count),
        _("Rules or people want them looked at. One at a time goes quickest."),
        address("queue"),
    )  # fmt: skip
    raised = visible(
        Review.objects.filter(state__in=Review.WAITING, escalated_at__isnull=False), user, "invoice__connection"
    )
    late = raised.count() if can(user, "review_rules") else 0
    yield Need(
        "late_reviews", "amber", "clock", late,
        ngettext("review is long past due", "reviews are long past due", late),
        _("Nobody decided in time. Give them to somebody, or decide yourself."),
        f"{address('queue')}?show=late",
    )  # fmt: skip


def _seals(shell: Shell):
    broken = _broken_seals(shell.request.user)
    yield Need(
        "broken", "amber", "file-pen", len(broken),
        ngettext("request changed after it was asked for or approved", "requests changed after they were asked for or approved", len(broken)),
        _("What was approved of it counts no more: %(titles)s. See what changed.") % {"titles": ", ".join(each.title for each in broken[:MOST])},
        reverse("approval", args=[broken[0].pk]) if len(broken) == 1 else f"{address('approvals')}?show=open",
    )  # fmt: skip


def _broken_seals(user) -> list[ApprovalRequest]:
    """What this person asked for or approved, and is not what it was; whoever changed it, or approved it again, knows."""
    mine = Q(requester=user) | Q(decisions__by=user, decisions__decision=Approval.Decision.APPROVED)
    changed = ApprovalRequest.objects.filter(mine, state=ApprovalRequest.State.OPEN, round__gt=1).exclude(editor=user)
    known = Approval.objects.filter(request=OuterRef("pk"), round=OuterRef("round"), by=user)
    rows = changed.exclude(Exists(known)).select_related(*RELATED).order_by("due_at").distinct()
    return [each for each in rows[:LOOKED_AT] if may_see(user, each)]


def _operations(shell: Shell):
    states = dict(
        visible(Operation.objects, shell.request.user)
        .filter(parent=None, state__in=[OperationState.NEEDS_PERSON, OperationState.UNKNOWN])
        .order_by()
        .values_list("state")
        .annotate(Count("pk"))
    )
    stuck, unknown = states.get(OperationState.NEEDS_PERSON, 0), states.get(OperationState.UNKNOWN, 0)
    place = address("operations")
    yield Need(
        "needs_person", "red", "circle-alert", stuck,
        ngettext("operation needs a person", "operations need a person", stuck),
        _("What came of them could not be read back. Look at the evidence and settle them."),
        f"{place}?state={OperationState.NEEDS_PERSON}",
    )  # fmt: skip
    yield Need(
        "unknown", "amber", "hourglass", unknown,
        ngettext("outcome is unknown", "outcomes are unknown", unknown),
        _("The desk keeps reading back. Do not ask again meanwhile."),
        f"{place}?state={OperationState.UNKNOWN}",
    )  # fmt: skip


def _ledger(shell: Shell):
    user = shell.request.user
    incidents = visible(Incident.objects.filter(closed_at=None), user).count()
    yield Need(
        "incidents", "red", "triangle-alert", incidents,
        ngettext("incident is open", "incidents are open", incidents),
        _("Something happened at a provider that no operation of ours explains."),
        address("incidents") or address("operations"),
    )  # fmt: skip
    failed = (
        Batch.objects.filter(requester=user, finished_at__gte=timezone.now() - LATELY)
        .filter(
            Q(rows__state=BatchRow.State.NOT_ASKED)
            | Q(rows__operation__state__in=[OperationState.NOT_DONE, OperationState.REFUSED])
        )
        .distinct()
        .count()
    )
    yield Need(
        "batches", "amber", "layers", failed,
        ngettext("batch of yours has failed rows", "batches of yours have failed rows", failed),
        _("Of the last seven days. Each says which rows and why, and retries those alone."),
        address("batches"),
    )  # fmt: skip


def _mirror(shell: Shell, today: date):
    unreadable = sum(each.unreadable_records for each in shell.connections)
    yield Need(
        "unreadable", "amber", "circle-help", unreadable,
        ngettext("record cannot be read", "records cannot be read", unreadable),
        _("They are kept whole, and stand in no list and no total until they can be."),
        address("unreadable"),
    )  # fmt: skip
    failing = [each.name for each in shell.enabled if each.freshness == "failing"]
    yield Need(
        "failing", "red", "refresh-cw", len(failing),
        ngettext("connection does not sync", "connections do not sync", len(failing)),
        _("%(names)s: what you see of it may be old.") % {"names": ", ".join(failing[:MOST])},
        address("connections"),
    )  # fmt: skip
    late = [each.name for each in shell.enabled if each.freshness in ("stale", "never")]
    yield Need(
        "late", "amber", "clock", len(late),
        ngettext("connection is behind", "connections are behind", len(late)),
        _("%(names)s: not synced lately, or not yet.") % {"names": ", ".join(late[:MOST])},
        address("connections"),
    )  # fmt: skip
    own = [each.pk for each in shell.connections if each.direction == Direction.RECEIVABLE]
    drafts = past_drafts(Book.RECEIVABLE, today - GRACE, own)
    query = urlencode({"status": Status.DRAFT, "issued_to": (today - GRACE - timedelta(days=1)).isoformat()})
    yield Need(
        "drafts", "amber", "file-clock", drafts,
        ngettext("draft is past its date", "drafts are past their date", drafts),
        _("Planned for earlier and not finalized by now. Finalize them, or find out what holds them."),
        f"{address('receivables')}?{query}",
    )  # fmt: skip


def my_open_operations(shell: Shell) -> list[Operation]:
    """The newest of what this person asked for and has not ended."""
    mine = visible(Operation.objects, shell.request.user).filter(
        requester=shell.request.user, parent=None, state__in=OPEN_STATES
    )
    return list(mine.select_related("invoice", "connection").order_by("-created_at")[:MOST])


def may_connect(shell: Shell) -> bool:
    return can(shell.request.user, "connect")
