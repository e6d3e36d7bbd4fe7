"""What runs by itself: checking new versions, putting them in the queue by rule, ending claims, raising what is late."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from invoicing.mirror.snapshots import snapshot_of, snapshots_of
from invoicing.models import Anomaly, Invoice, InvoiceVersion, Look, Mute, SweepMark, clock
from invoicing.providers.errors import NotUnderstood, PayloadNotUnderstood
from invoicing.providers.snapshots import InvoiceSnapshot
from invoicing.reviews import checks, claiming, following, rulebooks
from invoicing.reviews.rules import Rule, Subject, applies
from invoicing.vocabulary import Direction, Status

AT_ONCE = 200
SETTLING = timedelta(minutes=10)  # longer than any transaction that writes versions
REVIEWED = (Status.DRAFT, Status.FINALIZING, Status.FINALIZED, Status.UNRECOGNIZED)
BEFORE_LOOKED_AT = 3


@dataclass
class Swept:
    checked: int = 0
    entered: int = 0
    followed: int = 0
    expired: int = 0
    escalated: int = 0
    more: bool = False  # time was over before the versions were


def sweep(*, seconds: float = 20) -> Swept:
    """Everything that is due; at most so long on the checks."""
    done = Swept(followed=following.follow_all(), expired=claiming.expire_claims(), escalated=claiming.escalate())
    until = time.monotonic() + seconds
    rules = rulebooks.rules_now()
    mark, _made = SweepMark.objects.get_or_create(pk=1)
    last, settling = mark.settled, clock.now() - SETTLING
    while time.monotonic() < until:
        newer = InvoiceVersion.objects.filter(pk__gt=last).order_by("pk")
        versions = list(newer.values_list("pk", "invoice_id", "read_at")[:AT_ONCE])
        if not versions:
            break
        consider(_unseen(invoice_id for _pk, invoice_id, _read_at in versions), rules, done)
        if mark.settled == last:  # no lower id can still come than what was read long ago
            old = [pk for pk, _invoice_id, _read_at in takewhile(lambda each: each[2] < settling, versions)]
            SweepMark.objects.filter(pk=1).update(settled=old[-1] if old else last)
            mark.settled = old[-1] if old else last
        last = versions[-1][0]
    else:
        done.more = True
    consider(list(_about_to_issue()), rules, done)
    return done


def consider(invoices: Sequence[Invoice], rules: Sequence[Rule], done: Swept) -> None:
    """Check each invoice's newest version, and put it in the queue where a rule asks for it."""
    for invoice, snapshot in snapshots_of(invoices):
        found = findings_of(invoice, snapshot) if snapshot else []
        with transaction.atomic():
            unmuted = _keep(invoice, found)
            asking = [rule for rule in rules if snapshot and applies(rule, subject_of(invoice, snapshot, unmuted))]
            done.checked += 1
            if asking and invoice.status in REVIEWED and not following.is_over(invoice):
                done.entered += following.enter(invoice, asking)[1]


def apply_rules(after: int = 0, *, seconds: float = 60) -> tuple[Swept, int]:
    """Hold what is there already against the rules as they are now, from an id of ours on; and how far time reached."""
    done, rules, last = Swept(), rulebooks.rules_now(), after
    until = time.monotonic() + seconds
    recent = Invoice.objects.filter(listed_on__gte=_horizon(), gone_at=None, status__in=REVIEWED, review=None)
    while True:
        part = list(recent.filter(pk__gt=last).select_related("connection", "customer").order_by("pk")[:AT_ONCE])
        if not part or time.monotonic() > until:
            done.more = bool(part)
            return done, last
        last = part[-1].pk
        consider(part, rules, done)


def findings_of(invoice: Invoice, snapshot: InvoiceSnapshot) -> list[checks.Finding]:
    return checks.findings(case_of(invoice, snapshot))


def case_of(invoice: Invoice, snapshot: InvoiceSnapshot) -> checks.Case:
    """The invoice beside what its customer was billed before."""
    earlier = (
        Invoice.objects.filter(customer=invoice.customer_id, gone_at=None, status=Status.FINALIZED, book=invoice.book)
        .filter(listed_on__lte=invoice.listed_on)
        .exclude(pk=invoice.pk)
        .select_related("connection")
        .order_by("-listed_on", "-pk")[: 2 * checks.PERIODS]
    )
    rows = list(earlier)
    return checks.Case(
        invoice=snapshot,
        start=invoice.period_start,
        end=invoice.period_end,
        past=[
            checks.Past(
                name=str(each), kind=each.kind, currency=each.currency, total=each.total, day=each.listed_on,
                period_start=each.period_start, period_end=each.period_end,
            )
            for each in rows
        ],
        former=_former(rows, invoice, snapshot),
        now=clock.now(),
        payable=invoice.connection.direction == Direction.PAYABLE,
    )  # fmt: skip


def subject_of(invoice: Invoice, snapshot: InvoiceSnapshot, unmuted: Iterable[str]) -> Subject:
    further = tuple((each.amount, each.unit) for each in snapshot.further_totals)
    return Subject(
        provider=invoice.connection.provider,
        direction=invoice.connection.direction,
        status=invoice.status,
        customers=frozenset({invoice.customer.name, invoice.customer.external_id}),
        amounts=((invoice.total, invoice.currency), *further),
        anomalies=frozenset(unmuted),
    )


def _former(rows: Sequence[Invoice], invoice: Invoice, snapshot: InvoiceSnapshot) -> InvoiceSnapshot | None:
    """The invoice before of the same kind and subscription. One for the same period is no former one."""
    candidates = [
        each
        for each in rows
        if each.kind == invoice.kind and (each.period_start is None or each.period_start != invoice.period_start)
    ]
    for each in candidates[:BEFORE_LOOKED_AT]:
        try:
            former = snapshot_of(each)
        except (PayloadNotUnderstood, NotUnderstood, InvoiceVersion.DoesNotExist):
            continue
        if former.subscription_id == snapshot.subscription_id:
            return former
    return None


def _keep(invoice: Invoice, found: Sequence[checks.Finding]) -> list[str]:
    """Store what was found in place of what an earlier look at this version found; the kinds that nobody muted."""
    Anomaly.objects.filter(invoice=invoice, version=invoice.version).delete()
    Anomaly.objects.bulk_create(
        Anomaly(
            invoice=invoice, version=invoice.version, kind=each.kind, about=each.about, here=each.here[:120],
            there=each.there[:120], unit=each.unit[:64], against=each.against,
        )
        for each in found
    )  # fmt: skip
    muted = Mute.objects.filter(customer=invoice.customer_id, ended_at=None, until__gte=timezone.localdate())
    silent = set(muted.values_list("kind", "about")) if found else set()
    unmuted = [str(each.kind) for each in found if not {(each.kind, ""), (each.kind, each.about)} & silent]
    Look.objects.update_or_create(
        invoice=invoice, defaults={"version": invoice.version, "found": len(unmuted), "at": clock.now()}
    )
    return unmuted


def _unseen(invoice_ids: Iterable[int]) -> list[Invoice]:
    """Those whose newest version no check has seen, as far back as one looks."""
    found = Invoice.objects.filter(pk__in=set(invoice_ids), listed_on__gte=_horizon(), gone_at=None)
    found = found.filter(status__in=REVIEWED).exclude(look__version=F("version"))
    return list(found.select_related("connection", "customer"))


def _about_to_issue() -> Iterable[Invoice]:
    """Drafts that will issue by themselves soon, and were last checked before that was so."""
    today, now = timezone.localdate(), clock.now()
    drafts = Invoice.objects.filter(
        status=Status.DRAFT, gone_at=None, listed_on__range=(today - timedelta(days=1), today + timedelta(days=3)),
        planned_issue_at__range=(now, now + checks.SOON), look__at__lt=F("planned_issue_at") - checks.SOON,
    )  # fmt: skip
    return drafts.select_related("connection", "customer")[:AT_ONCE]


def _horizon():
    return timezone.localdate() - timedelta(days=settings.DESK_REVIEW_LOOK_BACK_DAYS)
