"""The queue of what has to be reviewed, deciding on one, and the rules that ask for it."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from invoicing.access import rights
from invoicing.access.scopes import visible
from invoicing.models import Anomaly, Invoice, Look, Mention, Mute, Review, User
from invoicing.reviews import claiming, commenting, deciding, evidence, following, muting
from invoicing.reviews.moving import CannotReview, Overtaken
from invoicing.reviews.people import Makers
from invoicing.web.finding import address_of, invoice_for, must_see
from invoicing.web.review_panel import TONES, Panel, panel_of
from invoicing.web.review_thread import thread_of

MOST = 100
SHOWS = ("me", "open", "mine", "late", "decided")
RELATED = ("invoice__connection", "invoice__customer", "invoice__look", "claimed_by")


@dataclass(frozen=True)
class Row:
    review: Review
    found: int
    kept_out: str

    @property
    def tone(self) -> str:
        return TONES[Review.State(self.review.state)]

    @property
    def late(self) -> bool:
        return self.review.waits and self.review.due_at <= timezone.now()

    @property
    def address(self) -> str:
        return f"{reverse('invoice', args=[self.review.invoice_id])}?tab=review"


def waiting_for(user: User):
    """The reviews this person could see to now: nobody else holds them, and they said nothing of them yet."""
    free = Q(claimed_by=None) | Q(claimed_by=user) | Q(claim_until__lte=timezone.now())
    mine = visible(Review.objects.filter(state__in=Review.WAITING), user, "invoice__connection").filter(free)
    asked = Q(state=Review.State.NEEDS_INFO) & ~Q(claimed_by=user)
    said = Q(decisions__by=user, decisions__kind="approved", decisions__undone_at=None, decisions__round=F("round"))
    return mine.exclude(asked).exclude(pk__in=Review.objects.filter(said).values("pk"))


def in_order(reviews):
    """What was raised first, then what is due first."""
    return reviews.order_by(F("escalated_at").asc(nulls_last=True), "due_at", "pk")


@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """What waits for this person; or all that waits, what they hold, what is late, what was decided."""
    must_see(request)
    show = request.GET.get("show", "me")
    if show not in SHOWS:
        raise Http404
    user, seen = request.user, visible(Review.objects.all(), request.user, "invoice__connection")
    waiting = seen.filter(state__in=Review.WAITING)
    found = {
        "me": in_order(waiting_for(user)),
        "open": in_order(waiting),
        "mine": in_order(waiting.filter(claimed_by=user)),
        "late": in_order(waiting.filter(due_at__lte=timezone.now())),
        "decided": seen.exclude(state__in=Review.WAITING).order_by(F("decided_at").desc(nulls_last=True), "-pk"),
    }[show]
    reviews = list(found.select_related(*RELATED)[: MOST + 1])
    makers = Makers(reviews)
    context = {
        "rows": [_row(each, user, makers) for each in reviews[:MOST]],
        "more": len(reviews) > MOST,
        "show": show,
        "tabs": list(
            zip(SHOWS, (_("Wait for me"), _("All that wait"), _("Held by me"), _("Late"), _("Decided")), strict=True)
        ),
        "asked": commenting.asked_of(user)[:20],
        "next_due": waiting.order_by("due_at").values_list("due_at", flat=True).first(),
        "may_rule": rights.can(user, "review_rules"),
        "may_approve": rights.can(user, "approve"),
    }
    return render(request, "reviews/queue.html", context)


def _row(review: Review, user: User, makers: Makers) -> Row:
    look: Look | None = getattr(review.invoice, "look", None)
    found = look.found if look and look.version == review.invoice.version else 0
    return Row(review, found, makers.kept_out(review).get(user.pk, "") if review.waits else "")


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """One invoice's review by itself: where a form goes, and where one stays when it was refused."""
    invoice = invoice_for(request, pk)
    if request.method != "POST":
        return _page(request, panel_of(invoice, request.user))
    try:
        told = decide(request, invoice)
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    except CannotReview as refusal:
        invoice = invoice_for(request, pk)
        panel = panel_of(invoice, request.user, given=given_in(request), wrong={refusal.field or "all": str(refusal)})
        return _page(request, panel, status=409 if isinstance(refusal, Overtaken) else 422)
    messages.success(request, told)
    return redirect(back(request, tab_of(invoice)))


def given_in(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "")[:4000] for name in ("reason", "decision", "to")}


def decide(request: HttpRequest, invoice: Invoice) -> str:
    """Do what the form says; what to tell the person. Errors: CannotReview; rights.NotAllowed."""
    by: dict[str, Any] = {"by": request.user, "ip": address_of(request)}
    decision, reason = request.POST.get("decision", ""), request.POST.get("reason", "")[:4000]
    if decision == "request":
        following.ask_for(invoice, reason=reason, **by)
        return _("It is in the queue.")
    review = Review.objects.select_related(*deciding.RELATED).filter(invoice=invoice).first()
    if review is None:
        raise CannotReview(_("It has no review."))
    if "points" in request.POST and decision in ("approve", "ticks"):
        _tick(review, request, by)
    seal = request.POST.get("seal", "")
    if decision == "approve":
        made = deciding.approve(review, seal=seal, reason=reason, clear="clear" in request.POST, **by)
        return _told(Review.objects.get(pk=made.review_id))
    if decision in ("reject", "ask", "dispute", "clear"):
        getattr(deciding, decision)(review, seal=seal, reason=reason, **by)
    elif decision in ("answer", "reopen"):
        getattr(deciding, decision)(review, reason=reason, **by)
    elif decision == "undo":
        deciding.undo(review, **by)
    elif decision in ("claim", "release"):
        getattr(claiming, decision)(review, **by)
    elif decision == "assign":
        to = User.objects.filter(pk=request.POST["to"]).first() if request.POST.get("to", "").isdecimal() else None
        if to is None:
            raise CannotReview(_("Choose somebody."), field="to")
        claiming.assign(review, to=to, **by)
    elif decision != "ticks":
        raise CannotReview(_("This form is no longer valid. Look at it again, then decide."))
    return DONE[decision]()


DONE = {
    "reject": lambda: _("Rejected."),
    "ask": lambda: _("Asked. It waits for the answer."),
    "answer": lambda: _("Answered. It is with the reviewer again."),
    "reopen": lambda: _("Reopened. It is in the queue again."),
    "clear": lambda: _("Cleared for payment."),
    "dispute": lambda: _("Disputed. It is not to be paid as it is."),
    "undo": lambda: _("Taken back."),
    "claim": lambda: _("It is yours to look at."),
    "release": lambda: _("Let go."),
    "assign": lambda: _("Given."),
    "ticks": lambda: _("The checklist is kept."),
}


def _tick(review: Review, request: HttpRequest, by: dict[str, Any]) -> None:
    wanted = set(request.POST.getlist("tick"))
    done = set(review.ticks.filter(round=review.round).values_list("key", flat=True))
    for point in review.checklist:
        if (point["key"] in wanted) != (point["key"] in done):
            deciding.tick(review, point["key"], on=point["key"] in wanted, **by)


def _told(review: Review) -> str:
    if review.state == Review.State.CLEARED:
        return _("Approved and cleared for payment.")
    if review.state == Review.State.APPROVED:
        return _("Approved.")
    return _("Your approval counts. Somebody else has to approve it, too.")


def back(request: HttpRequest, otherwise: str) -> str:
    """To where the form stood, if that is one of our pages."""
    wanted = request.POST.get("next", "")
    ours = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if ours else otherwise


def tab_of(invoice: Invoice) -> str:
    return f"{reverse('invoice', args=[invoice.pk])}?tab=review"


def _page(request: HttpRequest, panel: Panel, *, status: int = 200) -> HttpResponse:
    context = of_tab(request, panel.invoice, panel=panel)
    return render(request, "reviews/page.html", context, status=status)


def of_tab(request: HttpRequest, invoice: Invoice, *, panel: Panel | None = None) -> dict[str, Any]:
    """What the invoice page's tab needs: the review, and what was said."""
    return {
        "invoice": invoice,
        "panel": panel or panel_of(invoice, request.user),
        "thread": thread_of(invoice, request.user),
        "today": timezone.localdate(),
    }


@require_GET
def evidence_file(request: HttpRequest, pk: int) -> HttpResponse:
    """What was seen at each decision, as a file."""
    invoice = invoice_for(request, pk)
    try:
        rights.require(request.user, "view_money", invoice)
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    review = get_object_or_404(Review.objects.select_related(*deciding.RELATED), invoice=invoice)
    answer = JsonResponse(evidence.exported(review), json_dumps_params={"ensure_ascii": False, "indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="review-of-invoice-{invoice.pk}.json"'
    return answer


@require_POST
def mute(request: HttpRequest, pk: int) -> HttpResponse:
    """Expect this from now on, until a day."""
    anomaly = get_object_or_404(Anomaly.objects.select_related("invoice__connection", "invoice__customer"), pk=pk)
    invoice = invoice_for(request, anomaly.invoice_id)
    try:
        muting.mute(
            anomaly, by=request.user, reason=request.POST.get("reason", ""), ip=address_of(request),
            until=parse_date(request.POST.get("until", "")[:10]) or timezone.localdate().min,
        )  # fmt: skip
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    except (CannotReview, ValueError) as refusal:
        wrong = {"mute": str(refusal) if isinstance(refusal, CannotReview) else _("That is no day.")}
        given = {
            "mute": str(anomaly.pk),
            "mute_reason": request.POST.get("reason", "")[:2000],
            "until": request.POST.get("until", "")[:10],
        }
        return _page(request, panel_of(invoice, request.user, given=given, wrong=wrong), status=422)
    messages.success(request, _("It is expected now and says nothing until that day."))
    return redirect(back(request, tab_of(invoice)))


@require_POST
def unmute(request: HttpRequest, pk: int) -> HttpResponse:
    """It is unusual again."""
    muted = get_object_or_404(Mute.objects.select_related("customer__connection"), pk=pk)
    if not rights.can(request.user, "view", muted.customer.connection):
        raise Http404
    try:
        muting.end(muted, by=request.user, ip=address_of(request))
    except rights.NotAllowed as missing:
        raise PermissionDenied(str(missing)) from None
    messages.success(request, _("It counts as unusual again."))
    return redirect(back(request, reverse("queue")))


@require_POST
def mention_done(request: HttpRequest, pk: int) -> HttpResponse:
    """One saw to what one was asked."""
    must_see(request)
    mention = get_object_or_404(Mention, pk=pk, person=request.user)
    commenting.seen_to(mention, by=request.user)
    messages.success(request, _("Done. It is off your list."))
    return redirect(back(request, reverse("queue")))
