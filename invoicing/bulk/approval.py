"""A batch before the policy in force: who has to approve it as a whole, and what becomes of it when they have decided."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from invoicing.approvals import asking
from invoicing.bulk import queue
from invoicing.bulk.collecting import audit
from invoicing.bulk.verbs import bulk_verb
from invoicing.models import ApprovalRequest, Batch, BatchRow, Invoice, User, clock
from invoicing.operations import approving

STATE, ASKED = Batch.State, ApprovalRequest.State


def needed(batch: Batch, invoices: list[Invoice]) -> list[dict[str, Any]]:
    """What the policy asks for, were it confirmed now; empty when nobody is asked."""
    return asking.needed_for_batch(batch.verb, invoices, batch.arguments) if invoices else []


def title_of(batch: Batch, count: int) -> str:
    names = {"verb": bulk_verb(batch.verb).name, "count": count}
    return ngettext("%(verb)s %(count)s invoice", "%(verb)s %(count)s invoices", count) % names


def request_for(batch: Batch, invoices: list[Invoice]) -> ApprovalRequest | None:
    """The request that this batch waits for, in the caller's transaction; None where nobody is asked."""
    if not needed(batch, invoices):
        return None
    return approving.open_for_batch(
        batch.pk,
        verb=batch.verb,
        arguments=batch.arguments,
        invoices=invoices,
        by=batch.requester,
        title=title_of(batch, len(invoices)),
        then=queue.APPROVED,
        digest=batch.digest,
    )


def let_run(batch: Batch) -> None:
    """Its approval is complete, or nobody is asked: the cancel window begins. In the caller's transaction or its own."""
    with transaction.atomic():
        now = clock.now()
        window = timedelta(seconds=settings.DESK_BATCH_CANCEL_SECONDS)
        moved = Batch.objects.filter(pk=batch.pk, state=STATE.AWAITING).update(
            state=STATE.CONFIRMED, not_before=now + window
        )
        if moved:
            batch.refresh_from_db()
            audit(batch, "approved")
            queue.start(batch, at=batch.not_before)


def follow(batch: Batch) -> None:
    """A waiting batch whose request was decided, but nobody told it: it runs, or has ended without anything being sent."""
    asked = asking.covering(batch.pk)
    if asked is None or asked.open:
        return
    if asked.state == ASKED.APPROVED:
        let_run(batch)
        return
    with transaction.atomic():
        moved = Batch.objects.filter(pk=batch.pk, state=STATE.AWAITING).update(
            state=STATE.STOPPED, stopped_at=clock.now()
        )
        if moved:
            why = _("The approval of the batch: %(state)s.") % {"state": asked.get_state_display().lower()}
            batch.rows.filter(state=BatchRow.State.WAITING).update(state=BatchRow.State.STOPPED, why=why)
            batch.refresh_from_db()
            audit(batch, "not_approved", state=asked.state)


def withdraw(batch: Batch, *, by: User, ip: str = "") -> None:
    """A batch that is called back asks nobody any more."""
    asked = asking.covering(batch.pk)
    if asked is not None and asked.open:
        approving.withdraw(asked, by=by, ip=ip)
