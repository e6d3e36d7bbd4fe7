"""A batch shown before it is asked for: what can be asked and what cannot and why, what it comes to, what it will do, how
long it takes. Nothing is stored beside the rows, nothing is sent; every row is checked by the very function that a single
request goes through."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from invoicing.access import rights
from invoicing.bulk import queue
from invoicing.bulk.collecting import CannotBatch, audit
from invoicing.bulk.verbs import bulk_verb
from invoicing.mirror.snapshots import snapshots_of
from invoicing.models import Batch, BatchRow, Connection, Invoice, Job, User, clock
from invoicing.money import exact_text, total_of
from invoicing.operations.requesting import Wish, hindrance
from invoicing.operations.verb import Effect
from invoicing.providers.registry import PROVIDERS

AT_ONCE = 100
"""So many rows are rehearsed while the person waits; more in the background."""
CALLS_A_ROW = 3
"""Read before it is sent, the change itself, read back."""


def token_of(row: BatchRow) -> str:
    """One per row, so that a row can never be asked twice."""
    return f"batch-{row.batch_id.hex}-{row.position}"


def wish_of(batch: Batch, row: BatchRow) -> Wish:
    """What the row asks for; the rehearsal checks it, the run asks it."""
    return Wish(
        verb=batch.verb,
        by=batch.requester,
        reason=batch.reason,
        reference=batch.reference,
        token=token_of(row),
        invoice=row.invoice,
        arguments=batch.arguments,
        seen_version=row.version,
        cancel_window=False,  # the batch had its own
        correlation=batch.pk,
    )


def prepare(
    batch: Batch, *, by: User, reason: str, reference: str = "", arguments: dict[str, Any] | None = None, ip: str = ""
) -> None:
    """Store why and with what, then rehearse. Errors: CannotBatch; rights.NotAllowed."""
    rights.require(by, "batch")
    if not reason.strip():
        raise CannotBatch(_("Say why. The reason stays in the audit trail."), field="reason")
    moved = Batch.objects.filter(pk=batch.pk, state__in=[Batch.State.COLLECTED, Batch.State.REHEARSED]).update(
        reason=reason.strip(), reference=reference.strip(), arguments=arguments or {}, state=Batch.State.COLLECTED
    )
    if not moved:
        raise CannotBatch(_("This batch was confirmed or discarded already."))
    batch.refresh_from_db()
    begin(batch, by=by, ip=ip)


def begin(batch: Batch, *, by: User, anew: bool = False, ip: str = "") -> None:
    """Rehearse now what is soon done; what takes longer is a worker's. Errors: CannotBatch; rights.NotAllowed."""
    rights.require(by, "batch")
    if not batch.reason:
        raise CannotBatch(_("Say why. The reason stays in the audit trail."), field="reason")
    if batch.rows.count() <= AT_ONCE:
        rehearse(batch, by=by, anew=anew, ip=ip)
        return
    with transaction.atomic():
        Batch.objects.filter(pk=batch.pk, state=Batch.State.REHEARSED).update(state=Batch.State.COLLECTED)
        queue.rehearse(batch, by=by, anew=anew)


def being_rehearsed(batch: Batch) -> bool:
    """Whether a worker has it."""
    active = Job.objects.filter(unique_key=f"rehearse:{batch.pk}", state__in=[Job.State.QUEUED, Job.State.RUNNING])
    return batch.state == Batch.State.COLLECTED and active.exists()


def rehearse(batch: Batch, *, by: User, anew: bool = False, ip: str = "") -> None:
    """Check every row and store what is found. `anew`: as the invoices are now; the ids stay those that were selected."""
    rows = list(
        batch.rows.exclude(state=BatchRow.State.REMOVED).select_related("invoice__connection", "invoice__customer")
    )
    for row in rows:
        row.batch = batch
        if anew:
            row.version = row.invoice.version
    _check(batch, rows)
    with transaction.atomic(durable=True):
        current = Batch.objects.select_for_update().get(pk=batch.pk)
        if not current.preparing:
            raise CannotBatch(_("This batch was confirmed or discarded already."))
        BatchRow.objects.bulk_update(
            rows, ["state", "why", "version", "amount", "unit", "consequences"], batch_size=200
        )
        current.state, current.rehearsed_at = Batch.State.REHEARSED, clock.now()
        current.digest = digest_of(current)
        current.save(update_fields=["state", "rehearsed_at", "digest"])
        counts = {state: sum(row.state == state for row in rows) for state in ("collected", "left_out")}
        audit(current, "rehearsed", actor=by, ip=ip, digest=current.digest, arguments=current.arguments, **counts)
    batch.refresh_from_db()


@translation.override("en")  # what is kept is kept in one language
def _check(batch: Batch, rows: list[BatchRow]) -> None:
    """Each row's state, why it is left out, what it comes to and what it would do."""
    verb = bulk_verb(batch.verb)
    requester = User.objects.get(pk=batch.requester_id)  # as the rights are now
    batch.requester = requester
    by_invoice = {row.invoice_id: row for row in rows}
    for invoice, snapshot in snapshots_of(row.invoice for row in rows):
        row = by_invoice[invoice.pk]
        row.amount = "" if invoice.total is None else exact_text(invoice.total)
        row.unit, row.consequences = invoice.currency, []
        row.why = changed(row) or hindrance(wish_of(batch, row))
        if not row.why and snapshot is None:
            row.why = _(
                "What the provider sent last cannot be read by this desk, so what this would do cannot be shown."
            )
        row.state = BatchRow.State.LEFT_OUT if row.why else BatchRow.State.COLLECTED
        if not row.why and snapshot is not None:
            row.consequences = [
                [each.effect.value, each.text, "" if each.amount is None else exact_text(each.amount), each.unit]
                for each in verb.consequences(invoice, snapshot)
            ]


def changed(row: BatchRow) -> str:
    """That the invoice is no longer the version that was frozen; empty when it is."""
    if row.invoice.version == row.version:
        return ""
    return _("It changed after it was selected: version %(was)s then, version %(now)s now.") % {
        "was": row.version,
        "now": row.invoice.version,
    }


def remove(batch: Batch, row_ids: Iterable[int], *, by: User, ip: str = "") -> int:
    """Take rows out of a batch that is not confirmed yet; how many. Errors: CannotBatch; rights.NotAllowed."""
    rights.require(by, "batch")
    with transaction.atomic(durable=True):
        current = Batch.objects.select_for_update().get(pk=batch.pk)
        if current.state != Batch.State.REHEARSED:
            raise CannotBatch(_("Only a rehearsed batch that was not confirmed yet can lose rows."))
        chosen = current.rows.filter(pk__in=list(row_ids), state=BatchRow.State.COLLECTED)
        names = [str(row.invoice) for row in chosen.select_related("invoice__connection")]
        count = chosen.update(state=BatchRow.State.REMOVED, why=gettext_noop("Taken out by %(who)s.") % {"who": by})
        if count:
            current.digest = digest_of(current)
            current.save(update_fields=["digest"])
            audit(current, "rows_removed", actor=by, ip=ip, invoices=names[:50], count=count, digest=current.digest)
    batch.refresh_from_db()
    return count


def digest_of(batch: Batch) -> str:
    """Of exactly what would be asked: verb, arguments, reason, and each invoice with its version, in order."""
    rows = batch.rows.filter(state=BatchRow.State.COLLECTED).order_by("position")
    content = [
        batch.verb,
        batch.arguments,
        batch.reason,
        batch.reference,
        [list(each) for each in rows.values_list("position", "invoice_id", "invoice__external_id", "version")],
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


# What is shown of it


@dataclass(frozen=True)
class Reason:
    """Rows that are left out for the same reason."""

    why: str
    rows: list[BatchRow]


@dataclass(frozen=True)
class Summed:
    """The same consequence of several invoices. Amounts of one unit are added, of two never."""

    effect: Effect
    text: str
    invoices: int
    amount: Decimal | None
    unit: str


@dataclass(frozen=True)
class Pacing:
    """How long the rows of one connection take at least, by the provider's limit."""

    connection: Connection
    rows: int
    seconds: int


@dataclass(frozen=True)
class Rehearsal:
    """Everything a person reads before confirming."""

    eligible: list[BatchRow] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    removed: list[BatchRow] = field(default_factory=list)

    @property
    def totals(self) -> dict[str, Decimal]:
        return totals_of(self.eligible)

    @property
    def contained(self) -> int:
        """How many stand in another invoice already, and so in no total."""
        return sum(not row.invoice.in_totals for row in self.eligible)

    @property
    def left_out(self) -> int:
        return sum(len(reason.rows) for reason in self.reasons)

    @property
    def consequences(self) -> list[Summed]:
        return list(summed(self.eligible))

    @property
    def pacing(self) -> list[Pacing]:
        """The slowest first; connections are worked on side by side."""
        counts: dict[Connection, int] = defaultdict(int)
        for row in self.eligible:
            counts[row.invoice.connection] += 1
        found = [
            Pacing(connection, count, round(count * CALLS_A_ROW / PROVIDERS[connection.provider].requests_per_second))
            for connection, count in counts.items()
        ]
        return sorted(found, key=lambda each: (-each.seconds, each.connection.name))

    @property
    def seconds(self) -> int:
        return max((each.seconds for each in self.pacing), default=0)


def rehearsal_of(batch: Batch) -> Rehearsal:
    """As it was found; one query."""
    eligible, removed, reasons = [], [], defaultdict(list)
    for row in batch.rows.select_related("invoice__connection", "invoice__customer").order_by("position"):
        if row.state == BatchRow.State.LEFT_OUT:
            reasons[row.why].append(row)
        elif row.state == BatchRow.State.REMOVED:
            removed.append(row)
        else:
            eligible.append(row)
    grouped = sorted((Reason(why, rows) for why, rows in reasons.items()), key=lambda each: -len(each.rows))
    return Rehearsal(eligible, grouped, removed)


def totals_of(rows: Iterable[BatchRow]) -> dict[str, Decimal]:
    """Unit → exact total, the unit of most rows first. What stands in another invoice is not counted twice."""
    amounts: dict[str, list[Decimal]] = defaultdict(list)
    for row in rows:
        if row.amount and row.invoice.in_totals:
            amounts[row.unit].append(Decimal(row.amount))
    return {unit: total_of(amounts[unit]) for unit in sorted(amounts, key=lambda unit: (-len(amounts[unit]), unit))}


def summed(rows: Iterable[BatchRow]) -> Iterator[Summed]:
    """The rows' consequences, those with the same words and unit together, in the order a card shows them."""
    amounts: dict[tuple[str, str, str], list[Decimal]] = defaultdict(list)
    invoices: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    for row in rows:
        for effect, text, amount, unit in row.consequences:
            key = (effect, text, unit)
            invoices[key].add(row.pk)
            if amount:
                amounts[key].append(Decimal(amount))
    for effect in Effect:
        for key in invoices:
            if key[0] == effect.value:
                total = total_of(amounts[key]) if key in amounts else None
                yield Summed(effect, key[1], len(invoices[key]), total, key[2])


def common_arguments(batch: Batch) -> Invoice | None:
    """The invoice by which the form of the verb's arguments is fitted: the first that could be asked at all."""
    verb = bulk_verb(batch.verb)
    invoices = [row.invoice for row in batch.rows.select_related("invoice__connection", "invoice__customer")]
    return next((each for each in invoices if not verb.refusal(each)), invoices[0] if invoices else None)
