"""The version of an invoice that a page shows, and what stands in its header."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property

from django.conf import settings
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from invoicing.mirror.snapshots import snapshot_of
from invoicing.models import Invoice, InvoiceVersion
from invoicing.models.version import packed
from invoicing.providers.errors import NotUnderstood, PayloadNotUnderstood
from invoicing.providers.registry import PROVIDERS
from invoicing.providers.snapshots import InvoiceSnapshot
from invoicing.vocabulary import OWED, Direction, Environment, Payment, Status
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
    as_of: datetime | None = None  # the moment asked for, where one was
    asked: str = ""  # that moment as it stands in the address
    until: datetime | None = None  # what came later than this is left out; None where it is shown as it is now
    too_early: bool = False  # the moment is before the first version, which is shown instead

    @property
    def is_current(self) -> bool:
        return self.version.number == self.invoice.version

    @property
    def is_past(self) -> bool:
        """Shown as it was, not as it is: nothing can be asked of it here, even if nothing changed since."""
        return self.as_of is not None or not self.is_current

    @property
    def place(self) -> dict[str, str]:
        """What in the address leads to this version."""
        if self.as_of is not None:
            return {"as_of": self.asked}
        return {} if self.is_current else {"version": str(self.version.number)}

    @property
    def _says(self) -> Invoice | InvoiceSnapshot:
        """Who is asked for the states: the row now, what was read then."""
        return self.snapshot if self.is_past and self.snapshot else self.invoice

    @property
    def status(self) -> Status:
        return Status(self._says.status)

    @property
    def payment_status(self) -> Payment:
        return Payment(self._says.payment_status)

    @property
    def provider_status(self) -> str:
        return self._says.provider_status

    @property
    def number(self) -> str:
        return self._says.number

    @property
    def reference(self) -> str:
        """What people call it: the printed number, else the provider's id."""
        return self.number or self.invoice.external_id

    @property
    def total(self) -> Decimal | None:
        return self.snapshot.total if self.snapshot else self.invoice.total

    @property
    def currency(self) -> str:
        return self.snapshot.currency if self.snapshot else self.invoice.currency

    @property
    def is_outstanding(self) -> bool:
        if not self.is_past:
            return self.invoice.outstanding
        due = self._says.amount_due
        return self.status == Status.FINALIZED and self.payment_status in OWED and due is not None and due > 0

    @property
    def left_to_pay(self) -> tuple[Decimal | None, str]:
        """What is left to pay, or in words why there is no such figure. Absent is not nothing."""
        due, name = self._says.amount_due, PROVIDERS[self.invoice.connection.provider].name
        if self.is_outstanding:
            return due, ""
        if self.is_estimate:
            return None, _("not owed yet")
        if self.status in (Status.VOID, Status.SKIPPED):
            return None, _("nothing: it is %(status)s") % {"status": formats.within(self.status.label)}
        if self.payment_status == Payment.NOT_TRACKED:
            return None, _("not tracked by %(name)s") % {"name": name}
        if self.payment_status == Payment.UNCOLLECTIBLE:
            return None, _("given up as uncollectible")
        if self.payment_status in SETTLED or (due is not None and due <= 0):
            return None, _("nothing")
        return due, _("not given by %(name)s") % {"name": name}

    @property
    def is_estimate(self) -> bool:
        return self.status in (Status.DRAFT, Status.FINALIZING)

    @property
    def is_payable(self) -> bool:
        return self.invoice.connection.direction == Direction.PAYABLE

    @property
    def is_test(self) -> bool:
        live = self.invoice.connection.environment == Environment.LIVE
        return not live or (self.snapshot is not None and not self.snapshot.livemode)

    @property
    def gone_at(self) -> datetime | None:
        """When the provider was found not to have it any more, if it was by then."""
        gone = self.invoice.gone_at
        return gone if gone and (self.until is None or gone <= self.until) else None

    @property
    def confirmed_at(self) -> datetime:
        """The latest moment of which these facts are known: it was read, or a whole sync found it unchanged."""
        whole = None if self.invoice.gone_at else self.invoice.connection.complete_as_of
        return max(self.invoice.read_at, whole) if whole else self.invoice.read_at

    @cached_property
    def is_stale(self) -> bool:
        return not self.is_past and timezone.now() - self.confirmed_at > timedelta(hours=settings.DESK_STALE_HOURS)

    @cached_property
    def days_overdue(self) -> int:
        """How many days past due, then or now; 0 when it is not, or nothing is owed. Due today is not overdue."""
        due = self._says.due_date
        if not self.is_outstanding or due is None:
            return 0
        moment = self.as_of or (self.version.read_at if self.is_past else timezone.now())
        return max(0, (timezone.localdate(moment) - due).days)

    @cached_property
    def dates(self) -> list[Fact]:
        """The dates worth seeing first. A planned issue is called so, and never an issue."""
        snapshot = self.snapshot
        if snapshot is None:
            return []
        zone = "" if snapshot.timezone == settings.DESK_TIME_ZONE else snapshot.timezone
        found = [
            Fact(_("Issued"), snapshot.issued_at, _as_day_there(snapshot.issued_at, zone))
            if snapshot.issued_at
            else None,
            Fact(_("Planned issue"), snapshot.planned_issue_at, _("not issued yet"))
            if snapshot.planned_issue_at and not snapshot.issued_at
            else None,
            Fact(_("Due"), snapshot.due_date, _("day in %(zone)s") % {"zone": zone} if zone else "")
            if snapshot.due_date
            else None,
            Fact(_("Period"), period, _("days in %(zone)s") % {"zone": zone} if zone else "")
            if (period := period_of(snapshot.period_start, snapshot.period_end, snapshot.timezone))
            else None,
            Fact(_("Voided"), snapshot.voided_at) if snapshot.voided_at else None,
            Fact(_("Paid"), snapshot.paid_at) if snapshot.paid_at else None,
        ]
        return [fact for fact in found if fact]

    @cached_property
    def further_dates(self) -> list[Fact]:
        """The remaining dates, for the summary."""
        snapshot = self.snapshot
        if snapshot is None:
            return []
        named = (
            (_("Finalized"), snapshot.finalized_at),
            (_("Created at the provider"), snapshot.created_at),
            (_("Updated at the provider"), snapshot.updated_at),
        )
        listed = Fact(_("Listed under"), snapshot.listed_on, formats.within(snapshot.listed_by.label))
        return [*(Fact(label, value) for label, value in named if value), listed]


def _as_day_there(instant: datetime, zone: str) -> str:
    """The provider's day, where it is another one than ours."""
    if not zone:
        return ""
    there = in_zone(instant, zone_named(zone)).date()
    return (
        ""
        if there == timezone.localtime(instant).date()
        else _("%(day)s in %(zone)s") % {"day": formats.day_text(there), "zone": zone}
    )


class BadMoment(ValueError):
    """The moment asked for is none, or lies ahead; the message says it."""


def moment_of(text: str) -> datetime | None:
    """A day, to its end, or a moment, in the accounting time zone unless it names another. None: today, so as it is now.

    Errors: BadMoment.
    """
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            moment = timezone.make_aware(datetime.combine(day, time.max))
            if day == timezone.localdate():
                return None
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else timezone.make_aware(moment)
        ahead = moment > timezone.now()
    except (ValueError, OverflowError):
        raise BadMoment(_("“%(text)s” is no day. Write it like 2026-05-31.") % {"text": text[:40]}) from None
    if ahead:
        raise BadMoment(_("That day lies ahead; nothing is known of it yet."))
    return moment


def shown_as_of(invoice: Invoice, text: str) -> Shown:
    """The version that stood at a moment; the first one where it was not mirrored yet. Errors: BadMoment."""
    moment = moment_of(text)
    if moment is None:
        return shown_version(invoice, "")
    by_number = InvoiceVersion.objects.filter(invoice=invoice).order_by("number").values_list("number", "read_at")
    stood = [number for number, read_at in by_number if read_at <= moment]
    first = by_number.first()
    shown = shown_version(invoice, str(max(stood) if stood else first[0] if first else ""))
    shown.as_of, shown.asked, shown.until = moment, text, moment
    shown.too_early = not stood
    return shown


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
        return Shown(invoice, bare, None, problem=_("what the provider sent is not kept"))
    version.invoice = invoice
    until = None
    if number != invoice.version:
        later = InvoiceVersion.objects.filter(invoice=invoice, number__gt=number).order_by("number")
        until = later.values_list("read_at", flat=True).first()
    try:
        return Shown(invoice, version, snapshot_of(version), until=until)
    except (PayloadNotUnderstood, NotUnderstood) as error:
        return Shown(invoice, version, None, problem=str(error), until=until)
