"""What happened with a customer, over all providers, newest first: invoices, payments, operations, links.

Units: each amount stands beside its own unit; nothing is added.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from invoicing.mirror.snapshots import snapshots_of
from invoicing.models import AuditEntry, Customer, Invoice, Operation
from invoicing.operations.registry import VERBS
from invoicing.vocabulary import OperationState, Payment
from invoicing.web.formats import within
from invoicing.web.sentences import said

PAGE = 50
PAID_FROM = 60
"""So many of the newest invoices that money came for are read for their payments."""
MOST_ASKED = 2000
"""So many operations of one customer are looked through."""
MOVED = (
    Payment.PROCESSING,
    Payment.PARTLY_PAID,
    Payment.PAID,
    Payment.OVERPAID,
    Payment.FAILED,
    Payment.PARTLY_REFUNDED,
    Payment.REFUNDED,
)


Place = tuple[datetime, str, int]
"""When, of which kind, which one: the order of the timeline, in which no two events are equal."""


@dataclass(frozen=True, kw_only=True)
class Event:
    at: datetime
    kind: str
    number: int
    what: str
    icon: str
    tone: str = ""
    invoice: Invoice | None = None
    operation: Operation | None = None
    amount: Decimal | None = None
    unit: str = ""
    who: str = ""
    note: str = ""
    whole_day: bool = False  # the provider gives a day, no moment

    @property
    def place(self) -> Place:
        return self.at, self.kind, self.number


@dataclass(frozen=True)
class Timeline:
    events: list[Event]
    older: str  # where the next page begins; empty on the last


def timeline(customers: Iterable[Customer], *, before: str = "") -> Timeline:
    """One page of events. `before`: as the former page's `older` said; what is no such mark begins anew."""
    mark = _mark(before)
    found = [event for event in _events(list(customers), mark) if mark is None or event.place < mark]
    found.sort(key=lambda event: event.place, reverse=True)
    last = found[PAGE - 1] if len(found) > PAGE else None
    return Timeline(found[:PAGE], f"{last.at.isoformat()}~{last.kind}~{last.number}" if last else "")


def _mark(text: str) -> Place | None:
    parts = text.split("~")
    if len(parts) != 3 or not parts[2].isdecimal() or len(parts[2]) > 18:
        return None
    try:
        at = datetime.fromisoformat(parts[0])
    except ValueError:
        return None
    return (at, parts[1], int(parts[2])) if at.tzinfo else None


def _events(people: list[Customer], mark: Place | None) -> Iterator[Event]:
    """The newest of each kind before the mark: enough of each that the newest of all are among them."""
    invoices = Invoice.objects.filter(customer__in=people).select_related("connection")
    for field, what, icon, tone in (
        ("issued_at", _("Issued"), "receipt-text", "blue"),
        ("voided_at", _("Voided"), "ban", ""),
        ("gone_at", _("Gone at the provider"), "archive", "red"),
    ):
        for row in _newest(invoices, field, field, mark):
            at = getattr(row, field)
            yield _of_invoice(row, at, field, what=what, icon=icon, tone=tone, amount=row.total)
    yield from _due(invoices, mark)
    yield from _payments(invoices)
    asked = Operation.objects.filter(invoice__customer__in=people, parent=None)
    for operation in asked.select_related("invoice__connection", "requester").order_by("-created_at")[:MOST_ASKED]:
        yield _of_operation(operation)
    entries = AuditEntry.objects.filter(target__in=[f"customer:{each.pk}" for each in people])
    members = {each.pk for each in people}
    for entry in _newest(entries, "at", "entry", mark):
        other = entry.facts.get("other")
        if not (other in members and entry.target > f"customer:{other}"):  # a link is on record at both ends
            yield _of_entry(entry)


def _newest(rows, field: str, kind: str, mark: Place | None):
    """Those before the mark in the timeline's order, the newest first."""
    return _before(rows.exclude(**{field: None}), field, kind, mark).order_by(f"-{field}", "-pk")[: PAGE + 1]


def _before(rows, field: str, kind: str, mark: Place | None, at=None):
    if mark is None:
        return rows
    at = mark[0] if at is None else at
    same = Q(**{field: at})
    if kind == mark[1]:
        same &= Q(pk__lt=mark[2])
    earlier = Q(**{f"{field}__lt": at})
    return rows.filter(earlier if kind > mark[1] else earlier | same)


def _due(invoices, mark: Place | None) -> Iterator[Event]:
    today = timezone.localdate()
    rows = invoices.filter(due_date__lte=today, outstanding=True)
    if mark is not None:
        day = timezone.localdate(mark[0])
        rows = (
            _before(rows, "due_date", "due", mark, day) if mark[0] == _begins(day) else rows.filter(due_date__lte=day)
        )
    for row in rows.order_by("-due_date", "-pk")[: PAGE + 1]:
        late = row.due_date < today
        what, tone = (_("Fell due, and is not paid"), "red") if late else (_("Is due today"), "amber")
        yield _of_invoice(
            row,
            _begins(row.due_date),
            "due",
            what=what,
            icon="calendar",
            tone=tone,
            amount=row.amount_due,
            whole_day=True,
        )


def _begins(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _payments(invoices) -> Iterator[Event]:
    """Payments one by one where the provider lists them, else the moment it calls the invoice paid."""
    moved = invoices.filter(payment_status__in=MOVED).order_by("-listed_on", "-pk")[:PAID_FROM]
    for row, snapshot in snapshots_of(moved):
        listed = [payment for payment in snapshot.payments if payment.at] if snapshot else []
        for nth, payment in enumerate(listed):
            yield Event(
                at=payment.at,
                kind=f"payment{nth:06}",
                number=row.pk,
                what=_("Payment: %(status)s") % {"status": payment.status},
                icon="banknote",
                tone="red" if "fail" in payment.status.lower() else "green",
                invoice=row,
                amount=payment.amount,
                unit=payment.unit,
                note=payment.method,
            )
        if not listed and row.paid_at:
            paid = row.amount_paid
            yield _of_invoice(row, row.paid_at, "paid", what=_("Paid"), icon="banknote", tone="green", amount=paid)


def _of_invoice(row: Invoice, at: datetime, kind: str, **said) -> Event:
    return Event(at=at, kind=kind, number=row.pk, invoice=row, unit=row.currency, **said)


def _of_operation(operation: Operation) -> Event:
    name = str(said(VERBS[operation.verb].name)) if operation.verb in VERBS else operation.verb
    state = within(OperationState(operation.state).label)
    return Event(
        at=operation.created_at,
        kind="operation",
        number=operation.pk.int % 10**15,
        what=f"{name}: {state}",
        icon="send",
        tone="violet",
        invoice=operation.invoice,
        operation=operation,
        who=str(operation.requester),
        note=operation.reason,
    )


def _of_entry(entry: AuditEntry) -> Event:
    linked = entry.action == "customer.linked"
    joined = _("Linked with %(name)s") % {"name": entry.facts.get("other_name", "")}
    return Event(
        at=entry.at,
        kind="entry",
        number=entry.pk,
        what=joined if linked else _("Parted from the others"),
        icon="link" if linked else "unplug",
        who=entry.actor_name,
        note=entry.reason,
    )
