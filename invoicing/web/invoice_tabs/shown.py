"""The version of an invoice that a page shows, and what stands in its header."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property

from django.conf import settings
from django.http import Http404
from django.utils import timezone

from invoicing.mirror.snapshots import snapshot_of
from invoicing.models import Invoice, InvoiceVersion
from invoicing.models.version import packed
from invoicing.providers.errors import NotUnderstood, PayloadNotUnderstood
from invoicing.providers.registry import PROVIDERS
from invoicing.providers.snapshots import InvoiceSnapshot
from invoicing.vocabulary import Direction, Environment, Payment, Status
from invoicing.web import formats
from invoicing.web.days import in_zone, period_of, zone_named

SETTLED = (Payment.PAID, Payment.OVERPAID, Payment.REFUNDED, Payment.PARTLY_REFUNDED)


@dataclass(frozen=True)
class Fact:
    """A label and what stands under it. `value` is a day, a moment or text; `note` says what must be known of it."""

    label: str
    value: date | datetime | str
    note: str = ""

    @property
    def is_moment(self) -> bool:
        return isinstance(self.value, datetime)

    @property
    def is_day(self) -> bool:
        return isinstance(self.value, date) and not self.is_moment


@dataclass
class Shown:
    """One version of one invoice, with what follows from it for the header. `snapshot` is None where it cannot be read."""

    invoice: Invoice
    version: InvoiceVersion
    snapshot: InvoiceSnapshot | None
    problem: str = ""

    @property
    def is_current(self) -> bool:
        return self.version.number == self.invoice.version

    @property
    def reference(self) -> str:
        """What people call it: the printed number, else the provider's id."""
        return self.invoice.number or self.invoice.external_id

    @property
    def total(self) -> Decimal | None:
        return self.snapshot.total if self.snapshot else self.invoice.total

    @property
    def currency(self) -> str:
        return self.snapshot.currency if self.snapshot else self.invoice.currency

    @property
    def left_to_pay(self) -> tuple[Decimal | None, str]:
        """What is left to pay, or in words why there is no such figure. Absent is not nothing."""
        invoice, name = self.invoice, PROVIDERS[self.invoice.connection.provider].name
        if not self.is_current:
            due = self.snapshot.amount_due if self.snapshot else None
            return due, f"not given by {name}"
        if invoice.outstanding:
            return invoice.amount_due, ""
        if self.is_estimate:
            return None, "not owed yet"
        if invoice.status in (Status.VOID, Status.SKIPPED):
            return None, f"nothing: it is {invoice.get_status_display().lower()}"
        if invoice.payment_status == Payment.NOT_TRACKED:
            return None, f"not tracked by {name}"
        if invoice.payment_status == Payment.UNCOLLECTIBLE:
            return None, "given up as uncollectible"
        if invoice.payment_status in SETTLED or (invoice.amount_due is not None and invoice.amount_due <= 0):
            return None, "nothing"
        return invoice.amount_due, f"not given by {name}"

    @property
    def is_estimate(self) -> bool:
        return self.invoice.status in (Status.DRAFT, Status.FINALIZING)

    @property
    def is_payable(self) -> bool:
        return self.invoice.connection.direction == Direction.PAYABLE

    @property
    def is_test(self) -> bool:
        live = self.invoice.connection.environment == Environment.LIVE
        return not live or (self.snapshot is not None and not self.snapshot.livemode)

    @cached_property
    def is_stale(self) -> bool:
        return timezone.now() - self.invoice.read_at > timedelta(hours=settings.DESK_STALE_HOURS)

    @cached_property
    def days_overdue(self) -> int:
        """How many days past due; 0 when it is not, or nothing is owed. Due today is not overdue."""
        invoice = self.invoice
        if not invoice.outstanding or invoice.due_date is None:
            return 0
        return max(0, (timezone.localdate() - invoice.due_date).days)

    @cached_property
    def dates(self) -> list[Fact]:
        """The dates worth seeing first. A planned issue is called so, and never an issue."""
        snapshot = self.snapshot
        if snapshot is None:
            return []
        zone = "" if snapshot.timezone == settings.DESK_TIME_ZONE else snapshot.timezone
        found = [
            Fact("Issued", snapshot.issued_at, _as_day_there(snapshot.issued_at, zone)) if snapshot.issued_at else None,
            Fact("Planned issue", snapshot.planned_issue_at, "not issued yet")
            if snapshot.planned_issue_at and not snapshot.issued_at
            else None,
            Fact("Due", snapshot.due_date, f"day in {zone}" if zone else "") if snapshot.due_date else None,
            Fact("Period", period, f"days in {zone}" if zone else "")
            if (period := period_of(snapshot.period_start, snapshot.period_end, snapshot.timezone))
            else None,
            Fact("Voided", snapshot.voided_at) if snapshot.voided_at else None,
            Fact("Paid", snapshot.paid_at) if snapshot.paid_at else None,
        ]
        return [fact for fact in found if fact]

    @cached_property
    def further_dates(self) -> list[Fact]:
        """The remaining dates, for the summary."""
        snapshot = self.snapshot
        if snapshot is None:
            return []
        named = (
            ("Finalized", snapshot.finalized_at),
            ("Created at the provider", snapshot.created_at),
            ("Updated at the provider", snapshot.updated_at),
        )
        listed = Fact("Listed under", snapshot.listed_on, snapshot.listed_by.label.lower())
        return [*(Fact(label, value) for label, value in named if value), listed]


def _as_day_there(instant: datetime, zone: str) -> str:
    """The provider's day, where it is another one than ours."""
    if not zone:
        return ""
    there = in_zone(instant, zone_named(zone)).date()
    return "" if there == timezone.localtime(instant).date() else f"{formats.day_text(there)} in {zone}"


def shown_version(invoice: Invoice, wanted: str) -> Shown:
    """The version asked for by number, else the current one. Errors: Http404 when there is no such version."""
    number = invoice.version
    if wanted:
        if not wanted.isdecimal() or len(wanted) > 9:
            raise Http404
        number = int(wanted)
    version = InvoiceVersion.objects.filter(invoice=invoice, number=number).first()
    if version is None and number != invoice.version:
        raise Http404
    if version is None:
        bare = InvoiceVersion(invoice=invoice, number=number, read_at=invoice.read_at, payload=packed(b""))
        return Shown(invoice, bare, None, problem="what the provider sent is not kept")
    version.invoice = invoice
    try:
        return Shown(invoice, version, snapshot_of(version))
    except (PayloadNotUnderstood, NotUnderstood) as error:
        return Shown(invoice, version, None, problem=str(error))
