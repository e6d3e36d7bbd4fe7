"""One review at a time, by keyboard or by plain forms, with the next one at hand. The list is frozen when one begins."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from invoicing.access import rights
from invoicing.models import Document, Invoice, Review
from invoicing.reviews.moving import CannotReview, Overtaken
from invoicing.reviews.people import Makers
from invoicing.web.context import shell_of
from invoicing.web.finding import asked_by_htmx, invoice_for, must_see
from invoicing.web.review_panel import panel_of
from invoicing.web.review_thread import Said, parts_of
from invoicing.web.reviews import RELATED, decide, given_in, in_order, waiting_for

MOST, LINES, COMMENTS = 200, 12, 3
DECISIONS = ("approve", "reject", "ask", "undo")


class Run:
    """Which reviews one goes through, what became of each. Kept in the session."""

    def __init__(self, request: HttpRequest):
        self.session = request.session
        kept = request.session.get("zen", {})
        self.ids: list[int] = kept.get("ids", [])
        self.done: dict[str, str] = kept.get("done", {})
        self.order: list[int] = kept.get("order", [])  # decided ones, the last one last

    def begin(self, ids: list[int]) -> None:
        self.ids, self.done, self.order = ids, {}, []
        self._keep()

    def note(self, pk: int, what: str) -> None:
        if what == "undo":
            self.done.pop(str(pk), None)
            self.order = [each for each in self.order if each != pk]
        else:
            self.done[str(pk)] = what
            self.order = [*(each for each in self.order if each != pk), pk]
        self._keep()

    def after(self, pk: int) -> int | None:
        """The next one that is not decided, from here on and then from the start."""
        at = self.ids.index(pk) + 1 if pk in self.ids else 0
        return next(
            (each for each in [*self.ids[at:], *self.ids[:at]] if each != pk and str(each) not in self.done), None
        )

    def beside(self, pk: int, step: int) -> int | None:
        at = self.ids.index(pk) + step if pk in self.ids else -1
        return self.ids[at] if 0 <= at < len(self.ids) else None

    def of(self, *whats: str) -> list[int]:
        return [pk for pk in self.ids if self.done.get(str(pk)) in whats]

    @property
    def undoable(self) -> int | None:
        """The last one decided, unless it was only skipped."""
        last = next(reversed(self.order), None)
        return last if last is not None and self.done.get(str(last)) in DECISIONS else None

    def _keep(self) -> None:
        self.session["zen"] = {"ids": self.ids, "done": self.done, "order": self.order}


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Freeze what waits for this person, and show the first."""
    must_see(request)
    reviews = list(in_order(waiting_for(request.user)).select_related(*RELATED)[:MOST])
    makers = Makers(reviews)
    run = Run(request)
    run.begin([each.invoice_id for each in reviews if request.user.pk not in makers.kept_out(each)])
    return redirect("zen_item", run.ids[0]) if run.ids else redirect("zen_end")


@require_http_methods(["GET", "HEAD", "POST"])
def item(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them. Its script posts with X-Zen and gets where to go on; a plain form is sent there."""
    invoice = invoice_for(request, pk)
    shell_of(request).shows = ""  # one is in the queue, not in a list
    if not Review.objects.filter(invoice=invoice).exists():
        raise Http404
    run = Run(request)
    if request.method != "POST":
        return _card(request, invoice, run)
    what = request.POST.get("decision", "")
    try:
        told = _("Skipped.") if what == "skip" else decide(request, invoice)
    except rights.NotAllowed as missing:
        return _refused(request, invoice, run, "all", str(missing), 403)
    except CannotReview as refusal:
        return _refused(
            request, invoice, run, refusal.field or "all", str(refusal), 409 if isinstance(refusal, Overtaken) else 422
        )
    run.note(pk, what)
    following = pk if what == "undo" else run.after(pk)
    address = reverse("zen_item", args=[following]) if following is not None else reverse("zen_end")
    if _by_script(request):
        undo = reverse("zen_item", args=[run.undoable]) if run.undoable is not None else ""
        return JsonResponse({"next": address, "told": told, "undo": undo, "done": len(run.done), "all": len(run.ids)})
    messages.success(request, told)
    return redirect(address)


@require_GET
def end(request: HttpRequest) -> HttpResponse:
    """What became of them, and those skipped."""
    must_see(request)
    run = Run(request)
    seen = {
        each.invoice_id: each
        for each in Review.objects.filter(invoice__in=run.ids).select_related(
            "invoice__connection", "invoice__customer"
        )
        if rights.can(request.user, "view", each.invoice)
    }
    groups = (
        (_("Approved"), run.of("approve")),
        (_("Rejected"), run.of("reject")),
        (_("Asked about"), run.of("ask")),
        (_("Skipped"), run.of("skip")),
        (_("Not looked at"), [pk for pk in run.ids if str(pk) not in run.done]),
    )
    context = {
        "groups": [(name, [seen[pk] for pk in ids if pk in seen]) for name, ids in groups],
        "run": run,
        "decided": len(run.of(*DECISIONS)),
        "undo": run.undoable,
    }
    return render(request, "zen/end.html", context)


def _by_script(request: HttpRequest) -> bool:
    return request.headers.get("X-Zen") == "1"


def _refused(request, invoice: Invoice, run: Run, field: str, problem: str, status: int) -> HttpResponse:
    if _by_script(request):
        return JsonResponse({"field": field, "problem": problem}, status=status)
    return _card(request, invoice, run, given=given_in(request), wrong={field: problem}, status=status)


def _card(request: HttpRequest, invoice: Invoice, run: Run, *, status: int = 200, **more: Any) -> HttpResponse:
    pk = invoice.pk
    following, former, latter = run.after(pk), run.beside(pk, -1), run.beside(pk, 1)
    comments = list(invoice.comments.select_related("by").order_by("-at", "-pk")[:COMMENTS])
    context = {
        "invoice": invoice,
        "panel": panel_of(invoice, request.user, **more),
        "lines": invoice.lines.select_related("text").order_by("position")[:LINES],
        "further_lines": max(0, invoice.line_count - LINES),
        "document": Document.objects.filter(invoice=invoice).order_by("-origin", "-last_fetched_at").first(),
        "sees_money": rights.can(request.user, "view_money", invoice),
        "said": [Said(each, parts_of(each.text)) for each in reversed(comments)],
        "run": run,
        "place": run.ids.index(pk) + 1 if pk in run.ids else 0,
        "next_url": reverse("zen_item", args=[following]) if following is not None else reverse("zen_end"),
        "ahead_url": reverse("zen_item", args=[following]) if following is not None else "",
        "former_url": reverse("zen_item", args=[former]) if former is not None else "",
        "latter_url": reverse("zen_item", args=[latter]) if latter is not None else "",
        "undo_url": reverse("zen_item", args=[run.undoable]) if run.undoable is not None else "",
    }
    template = "zen/_card.html" if asked_by_htmx(request, "zen") else "zen/page.html"
    answer = render(request, template, context, status=status)
    answer["Vary"] = "HX-Request, HX-Target, Cookie"
    return answer
