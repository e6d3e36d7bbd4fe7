"""Into the queue, and along with the invoice: what begins a review, and what a new version does to it."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.approvals import workdays
from invoicing.mirror.changes import MONEY
from invoicing.models import AuditEntry, Invoice, InvoiceVersion, Review, User, clock
from invoicing.reviews import rulebooks
from invoicing.reviews.checklists import points_for
from invoicing.reviews.moving import CannotReview, Overtaken, move
from invoicing.reviews.rules import Rule
from invoicing.vocabulary import Status

State = Review.State
PAYING = {"amount_paid", "payment_status", "paid_at"}
BREAKS = {*MONEY, "status", "replaces", "replaced_by", "further_changes"} - {"amount_paid", "balances"}
"""Fields whose change breaks a seal; lines do as well. That a customer pays changes nothing of what was looked at."""

Change = dict[str, Any]


def breaking(changes: Iterable[Change]) -> list[Change]:
    """Those of one version's changes that concern its money, its lines or what it is."""
    found = list(changes)
    paid = any(each["field"] in PAYING for each in found)
    return [
        each
        for each in found
        if each["field"].startswith("lines")
        or (each["field"] in BREAKS and not (paid and each["field"] == "amount_due"))
    ]


def merged(changes: Iterable[Change]) -> list[Change]:
    """Several versions' changes as one difference: from the first figure to the last. What came back is left out."""
    found: dict[tuple, Change] = {}
    for each in changes:
        key = (each["field"], each.get("line", ""))
        known = found.get(key)
        if known is None or each["field"] == "lines":
            found[key if known is None else (*key, len(found))] = dict(each)
        else:
            known["after"] = each["after"]
    return [each for each in found.values() if each["before"] != each["after"] or each["field"] == "lines.details"]


def is_over(invoice: Invoice) -> bool:
    """Whether there is nothing left to review: voided, replaced, or gone at the provider."""
    return invoice.status == Status.VOID or bool(invoice.replaced_by) or invoice.gone_at is not None


def ask_for(invoice: Invoice, *, by: User, reason: str, ip: str = "") -> Review:
    """A person wants it reviewed. Errors: CannotReview; rights.NotAllowed."""
    rights.require(by, "claim", invoice)
    if not reason.strip():
        raise CannotReview(_("Say what should be looked at."), field="reason")
    if is_over(invoice):
        raise CannotReview(_("It was voided, replaced or is gone: there is nothing left to review."))
    review, made = enter(invoice, (), asked_by=by, reason=reason.strip(), ip=ip)
    if not made:
        raise CannotReview(_("It has a review already: “%(state)s”.") % {"state": review.get_state_display()})
    return review


def enter(
    invoice: Invoice, asking: Iterable[Rule], *, asked_by: User | None = None, reason: str = "", ip: str = ""
) -> tuple[Review, bool]:
    """The invoice's review, begun unless there is one, and whether it was."""
    rules, book = list(asking), rulebooks.newest()
    now = clock.now()
    try:
        with transaction.atomic():
            review = Review.objects.create(
                invoice=invoice,
                version=invoice.version,
                followed=invoice.version,
                seal=bytes(invoice.content_hash).hex(),
                rulebook=book,
                rules=[rule.name for rule in rules],
                wanted=max((rule.people for rule in rules), default=1),
                checklist=points_for(invoice, book),
                asked_by=asked_by,
                asked_reason=reason,
                entered_at=now,
                due_at=workdays.due_after(now, due_days(rules)),
            )
            AuditEntry.objects.record(
                "review.entered",
                actor=asked_by,
                ip=ip,
                target=f"invoice:{invoice.pk}",
                reason=reason,
                before="not_required",
                after=str(State.UNREVIEWED),
                round=1,
                version=review.version,
                seal=review.seal,
                rules=review.rules,
                rulebook=book.number if book else None,
            )
    except IntegrityError:
        return Review.objects.select_related("rulebook").get(invoice=invoice), False
    return review, True


def due_days(rules: Iterable[Rule]) -> int:
    given = [rule.due_days for rule in rules if rule.due_days is not None]
    return min(given, default=settings.DESK_REVIEW_DUE_DAYS)


def follow(review: Review) -> bool:
    """Take the invoice's newest version into account; whether that changed what is reviewed. One transaction."""
    invoice = review.invoice
    if review.state == State.SUPERSEDED:
        return False
    if is_over(invoice):
        with transaction.atomic():
            move(review, State.SUPERSEDED, "superseded", claimed_by=None, claim_until=None, decided_at=clock.now())
            _begin_replacement(review)
        return True
    if review.followed >= invoice.version:
        return False
    newer = InvoiceVersion.objects.filter(invoice=invoice, number__gt=review.followed, number__lte=invoice.version)
    per_version = list(newer.order_by("number").values_list("changes", flat=True))
    broken = [each for changes in per_version for each in breaking(changes)]
    seal = bytes(invoice.content_hash).hex()
    if not broken:
        columns: dict[str, Any] = {"followed": invoice.version}
        if review.waits:
            columns |= {"version": invoice.version, "seal": seal}
        Review.objects.filter(pk=review.pk, turn=review.turn).update(**columns)
        for name, value in columns.items():
            setattr(review, name, value)
        return False
    with transaction.atomic():
        _begin_anew(review, broken, seal)
    return True


def _begin_anew(review: Review, broken: list[Change], seal: str) -> None:
    """A new round over what the invoice is now, with what changed attached."""
    former = [*review.difference] if review.waits else []
    if review.state in Review.SEALED:
        move(review, State.SEAL_BROKEN, "seal_broken", facts={"changes": broken[:50]})
    keeps = review.state in (State.IN_REVIEW, State.NEEDS_INFO)
    now, book = clock.now(), rulebooks.newest()
    columns: dict[str, Any] = {
        "round": review.round + 1,
        "version": review.invoice.version,
        "followed": review.invoice.version,
        "seal": seal,
        "difference": merged([*former, *broken]),
        "rulebook": book,
        "checklist": points_for(review.invoice, book),
        "entered_at": now,
        "due_at": workdays.due_after(now, settings.DESK_REVIEW_DUE_DAYS),
        "escalated_at": None,
        "decided_at": None,
    }
    if not keeps:
        columns |= {"claimed_by": None, "assigned_by": None, "claim_until": None}
    to = review.state if keeps else State.UNREVIEWED
    move(review, to, "changed", facts={"changes": broken[:50]}, **columns)


def _begin_replacement(review: Review) -> None:
    """What replaces a reviewed invoice is reviewed as well, where it is mirrored."""
    old = review.invoice
    others = Invoice.objects.filter(connection=old.connection_id, gone_at=None).exclude(status=Status.VOID)
    new = others.filter(external_id=old.replaced_by).first() if old.replaced_by else None
    new = new or others.filter(replaces=old.external_id).first()
    if new is not None:
        enter(new, (), reason=_("It replaces an invoice that was under review."))


def behind() -> Iterable[Review]:
    """Reviews whose invoice went on without them."""
    live = Review.objects.exclude(state=State.SUPERSEDED).select_related("invoice__connection", "rulebook")
    over = Q(invoice__status=Status.VOID) | Q(invoice__gone_at__isnull=False) | ~Q(invoice__replaced_by="")
    return live.filter(Q(followed__lt=F("invoice__version")) | over)


def follow_all() -> int:
    """Every review brought along; how many changed."""
    changed = 0
    for review in list(behind()[:2000]):
        try:
            changed += follow(review)
        except Overtaken:
            continue  # the next sweep sees how it stands then
    return changed
