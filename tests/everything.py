"""One of everything that has a page: waiting, running, finished and stuck. For the crawl in a browser and for pictures."""

import uuid
from datetime import timedelta

from django.utils import timezone

from invoicing.approvals import delegations, publishing
from invoicing.approvals.policies import ready_made
from invoicing.bulk import collecting, confirming, rehearsing
from invoicing.exports import ordering
from invoicing.exports.asked import Wanted
from invoicing.models import Attempt, Incident, Operation, Policy, SavedView, UnreadableRecord, User
from invoicing.models.version import packed
from invoicing.operations.requesting import Wish, request_operation
from invoicing.reviews import commenting, following

WHY = "Billed twice; the customer's procurement asked for one invoice"


def asked_for(invoice, *, by, verb="void", **more) -> Operation:
    return request_operation(Wish(verb=verb, invoice=invoice, by=by, reason=WHY, token=uuid.uuid4().hex, **more))


def batch_of(invoices, *, by, verb="void", confirmed=False):
    """Selected; with `confirmed` also rehearsed and let run."""
    made = collecting.collect(verb, [each.pk for each in invoices], by=by, token=uuid.uuid4().hex)
    if confirmed is not None:
        rehearsing.prepare(made, by=by, reason=WHY, reference="FIN-2041")
    if confirmed:
        made.refresh_from_db()
        confirming.confirm(made, by=by, digest=made.digest, typed=str(made.size))
    return made


def policies(first: User, second: User) -> tuple[Policy, Policy]:
    """The ready-made one in force, published by two, and a draft of one that is shorter."""
    made = publishing.draft(ready_made(), by=first, note="What the auditors asked for")
    for by in (first, second):
        publishing.publish(made, by=by, digest=made.digest, reason="Agreed in the meeting of the 3rd")
    return made, publishing.draft(made.rules[:2], by=first, note="Simpler", based_on=made)


def view(owner: User) -> SavedView:
    query = "status=finalized&overdue=1&sort=due&order=asc&columns=number,customer,total,due"
    return SavedView.objects.create(
        slug="overdue-first", name="Overdue, the oldest first", direction="receivable", query=query, owner=owner
    )


def incident(invoice) -> Incident:
    return Incident.objects.create(
        kind="foreign", connection=invoice.connection, invoice=invoice, mark=f"end:{invoice.pk}:1", seen_at=timezone.now(),
        text="Orb shows it as void since 09:12, and nobody here asked for that.",
    )  # fmt: skip


def unreadable(connection) -> UnreadableRecord:
    now = timezone.now()
    return UnreadableRecord.objects.create(
        connection=connection, kind="invoice", external_id="in_unreadable", payload=packed(b'{"status": "frozen"}'),
        field="status", problem="An invoice has no status called frozen.", first_seen_at=now - timedelta(days=2), last_seen_at=now,
    )  # fmt: skip


def stuck(invoice, requester: User) -> Operation:
    """An operation whose outcome two people have to say; the first has said it."""
    now = timezone.now()
    said = {"by": 0, "name": "Ada", "applied": True, "reason": "It is void there", "at": now.isoformat()}
    return Operation.objects.create(
        verb="void", token=uuid.uuid4().hex, key=uuid.uuid4().hex, connection=invoice.connection, invoice=invoice,
        external_id=invoice.external_id, call_class="K", seen={}, seen_digest="", requester=requester, reason=WHY,
        state="needs_person", created_at=now, outcome={"message": "The answer was lost.", "proposal": said},
    )  # fmt: skip


def unknown(invoice, requester: User) -> Operation:
    """An operation whose answer was lost; reading back goes on."""
    now = timezone.now()
    operation = Operation.objects.create(
        connection=invoice.connection, invoice=invoice, external_id=invoice.external_id, verb="void", call_class="K",
        seen={"total": str(invoice.total), "currency": invoice.currency, "provider_status": "issued", "version": 1},
        seen_digest="", token=uuid.uuid4().hex, key=uuid.uuid4().hex, requester=requester, reason=WHY, state="unknown",
        attempt=1, created_at=now, quiet_at=now, next_look_at=now, outcome={"message": "The connection broke."},
        evidence=[{"at": now.isoformat(), "attempt": 1, "verdict": "absent", "saw": "Status issued"}],
    )  # fmt: skip
    Attempt.objects.create(
        operation=operation, number=1, lease_token="t", committed_at=now, wire="maybe", classified="unknown",
        request={"endpoint": "void_invoice", "body": {"a": 1}}, said="The connection broke.", ended_at=now,
    )  # fmt: skip
    return operation


def unreplaced(invoice, requester: User) -> Operation:
    """Voided, and what should stand in its place is missing."""
    return Operation.objects.create(
        verb="void_and_replace", token=uuid.uuid4().hex, key=uuid.uuid4().hex, connection=invoice.connection,
        invoice=invoice, external_id=invoice.external_id, call_class="K", seen={}, seen_digest="", requester=requester,
        reason=WHY, state="needs_person", created_at=timezone.now(), outcome={"stage": "voided, replacement missing"},
    )  # fmt: skip


def stands_in(giver: User, taker: User):
    today = timezone.localdate()
    return delegations.delegate(
        giver=giver, taker=taker, starts_on=today, ends_on=today + timedelta(days=14), reason="Summer leave", by=giver
    )


def reviewed(invoices, *, by: User) -> None:
    """Reviews somebody asked for, with a word beside the first."""
    for each in invoices:
        following.ask_for(each, by=by, reason="Twice what it was in the month before")
    commenting.comment_on(invoices[0], "Is the platform fee meant to be in it?", by=by)


def files(person: User) -> None:
    """A list and its lines, asked for."""
    ordering.ask(Wanted(format="csv", query="status=finalized", person=person))
    ordering.ask(Wanted(format="xlsx", level="lines", person=person))
