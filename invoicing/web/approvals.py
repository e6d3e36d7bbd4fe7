"""What waits for approval, the page on which one decides, and changing what was asked for."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from invoicing.access import rights
from invoicing.access.scopes import covers
from invoicing.approvals import counting
from invoicing.approvals.deciding import CannotDecide
from invoicing.approvals.people import Desk, Stand, Table
from invoicing.models import ApprovalRequest, Connection, Invoice
from invoicing.operations import approving, preimage
from invoicing.operations.registry import VERBS
from invoicing.web.actions import consequence_card
from invoicing.web.finding import address_of, must_see
from invoicing.web.invoice_tabs.shown import shown_version
from invoicing.web.stepping_up import confirmed

MOST, SHOWN_ROWS = 200, 60
RELATED = (
    "operation__connection",
    "operation__invoice__customer",
    "operation__invoice__connection",
    "requester",
    "policy",
)
SHOWS = ("me", "open", "mine", "decided")


@dataclass(frozen=True)
class Row:
    """One request as lists and parts of pages show it."""

    asked: ApprovalRequest
    missing: int
    wanted: int
    stand: Stand

    @property
    def given(self) -> int:
        return self.wanted - self.missing

    @property
    def late(self) -> bool:
        return self.asked.open and self.asked.due_at <= timezone.now()

    @property
    def totals(self) -> list[tuple[Decimal | None, str]]:
        """What it is about, each in its unit."""
        amounts = self.asked.content.get("totals") or self.asked.content["amounts"]
        return [(None if text is None else Decimal(text), unit) for text, unit in amounts[:3]]

    @property
    def rules(self) -> list[str]:
        return [need["rule"] for need in self.asked.needs]

    @property
    def address(self) -> str:
        return reverse("approval", args=[self.asked.pk])

    @property
    def rows(self) -> int:
        return len(self.asked.content.get("rows", ()))


class DecisionForm(forms.Form):
    """What a person says about exactly one content. Whose content it is, is no field of it."""

    seal = forms.RegexField(r"\A[0-9a-f]{64}\Z", widget=forms.HiddenInput)
    decision = forms.ChoiceField(choices=[("approve", "approve"), ("reject", "reject")])
    reason = forms.CharField(required=False, max_length=2000)
    in_place_of = forms.IntegerField(required=False)


def row_of(asked: ApprovalRequest, user, desk: Desk | None = None) -> Row:
    table = Table(asked, desk)
    wanted = max((counting.asked(need) for need in asked.needs), default=0)
    return Row(asked, table.missing if asked.open else 0, wanted, table.stand_of(user))


@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """What needs this person's decision; or all that waits, what they asked for, what was decided."""
    must_see(request)
    show = request.GET.get("show", "me")
    if show not in SHOWS:
        raise Http404
    requests = ApprovalRequest.objects.select_related(*RELATED).prefetch_related("decisions__by")
    open_ones = requests.filter(state=ApprovalRequest.State.OPEN)
    found = {
        "me": open_ones,
        "open": open_ones,
        "mine": requests.filter(requester=request.user).order_by("-asked_at"),
        "decided": requests.exclude(state=ApprovalRequest.State.OPEN).order_by("-decided_at"),
    }[show][: MOST + 1]
    desk = Desk()
    rows = [row_of(each, request.user, desk) for each in found if may_see(request.user, each)]
    if show == "me":
        rows = [row for row in rows if row.stand.may]
    context = {
        "rows": rows[:MOST],
        "more": len(rows) > MOST,
        "show": show,
        "tabs": _tabs(),
        "may_approve": rights.can(request.user, "approve"),
        "next_due": open_ones.values_list("due_at", flat=True).first(),
    }
    return render(request, "approvals/queue.html", context)


def _tabs() -> list[tuple[str, str]]:
    words = (_("Wait for me"), _("All that wait"), _("Asked by me"), _("Decided"))
    return list(zip(SHOWS, words, strict=True))


@require_http_methods(["GET", "HEAD", "POST"])
@confirmed
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """One request: what will happen, what is signed, who signed, and the decision."""
    asked = approval_for(request, pk)
    if request.method != "POST":
        return _page(request, asked, DecisionForm(initial={"seal": asked.seal}))
    form = DecisionForm(request.POST)
    if not form.is_valid():
        rights.require(request.user, "approve")
        return _page(request, asked, form, problem=_("This form is no longer valid. Look at it again, then decide."))
    given = form.cleaned_data
    decision: dict[str, Any] = {
        "by": request.user,
        "seal": given["seal"],
        "reason": given["reason"],
        "ip": address_of(request),
    }
    try:
        if given["decision"] == "reject":
            approving.reject(asked, **decision)
        else:
            approving.approve(asked, in_place_of=given["in_place_of"], **decision)
    except rights.NotAllowed as missing:
        return _page(request, asked, form, problem=str(missing), status=403)
    except CannotDecide as refusal:
        if refusal.field in form.fields:
            form.add_error(refusal.field, str(refusal))
            return _page(request, asked, form)
        return _page(request, asked, form, problem=str(refusal))
    messages.success(request, _told(asked))
    return redirect(_way_on(asked))


def _told(asked: ApprovalRequest) -> str:
    if asked.state == ApprovalRequest.State.APPROVED:
        return _("Approved. It is on its way.")
    if asked.state == ApprovalRequest.State.REJECTED:
        return _("Rejected. Nothing is sent.")
    return _("Your approval counts. Somebody else has to approve it, too.")


def _way_on(asked: ApprovalRequest) -> str:
    return (
        reverse("operation", args=[asked.operation_id]) if asked.operation_id else reverse("approval", args=[asked.pk])
    )


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what was asked for, as long as nobody decided."""
    asked = approval_for(request, pk)
    if not approving.withdraw(asked, by=request.user, ip=address_of(request)):
        messages.warning(request, _("It was too late to take it back. This is how it stands."))
    return redirect(_way_on(asked))


def approval_for(request: HttpRequest, pk: int) -> ApprovalRequest:
    """Errors: Http404, also when this person may not see it."""
    asked = get_object_or_404(ApprovalRequest.objects.select_related(*RELATED), pk=pk)
    if not may_see(request.user, asked):
        raise Http404
    return asked


def may_see(user, asked: ApprovalRequest) -> bool:
    if asked.operation:
        return rights.can(user, "view", asked.operation)
    reached = Connection.objects.filter(pk__in=asked.content["connections"])
    return rights.can(user, "view") and all(covers(user, each) for each in reached)


def _page(request, asked: ApprovalRequest, form: DecisionForm, *, problem: str = "", status: int = 422) -> HttpResponse:
    if request.method == "POST":
        asked = approval_for(request, asked.pk)
        form.data = form.data.copy()
        form.data["seal"] = asked.seal
    row = row_of(asked, request.user)
    context = {
        "asked": asked,
        "row": row,
        "form": form,
        "problem": problem,
        "places": places(asked),
        "decisions": asked.decisions.select_related("by", "in_place_of").order_by("at", "pk"),
        "signed": signed_pairs(asked),
        "others": [each for each in Table(asked).able() if each.pk != request.user.pk] if asked.open else [],
        "may_withdraw": asked.open and rights.can(request.user, "cancel", asked.operation),
        "may_reject": asked.open and _may_reject(request.user, asked),
        **(_about_operation(asked, request.user) if asked.operation else _about_batch(asked)),
    }
    return render(request, "approvals/page.html", context, status=status if request.method == "POST" else 200)


def _may_reject(user, asked: ApprovalRequest) -> bool:
    return user.pk != asked.requester_id and rights.can(user, "approve") and Table(asked).may_sign_at_all(user)


def _about_operation(asked: ApprovalRequest, user) -> dict[str, Any]:
    operation = asked.operation
    verb, invoice = VERBS[operation.verb], operation.invoice
    about = verb.about(operation)
    snapshot = shown_version(invoice, "").snapshot if invoice else None
    shows = snapshot is not None or not invoice
    now = preimage.differences(operation.seen, preimage.seen(about, verb)) if asked.open else []
    return {
        "operation": operation,
        "verb": verb,
        "invoice": invoice,
        "effects": consequence_card(verb, about, snapshot) if shows and not verb.refusal(about) else [],
        "differs_now": now,
        "may_rework": rights.can(user, verb.right, operation) and not (operation.open and not asked.open),
    }


def _about_batch(asked: ApprovalRequest) -> dict[str, Any]:
    rows = asked.content["rows"]
    invoices = Invoice.objects.select_related("customer", "connection").in_bulk([row[0] for row in rows[:SHOWN_ROWS]])
    try:
        address = reverse("batch", args=[asked.batch])
    except NoReverseMatch:
        address = ""
    return {
        "batch_rows": [invoices[row[0]] for row in rows[:SHOWN_ROWS] if row[0] in invoices],
        "further": max(0, len(rows) - SHOWN_ROWS),
        "batch_address": address,
        "verb": VERBS[asked.content["verb"]],
    }


def signed_pairs(asked: ApprovalRequest) -> list[tuple[str, str, str]]:
    """What stands under the seal, as (what, text, unit); an amount has its unit."""
    content = asked.content
    seen, unit = content.get("seen", {}), content.get("seen", {}).get("currency", "")
    found = [
        (label, str(seen[name]), unit if is_amount else "")
        for name, label, is_amount in (
            ("total", _("Total"), True),
            ("amount_due", _("Amount due"), True),
            ("provider_status", _("Status"), False),
            ("version", _("Version"), False),
        )
        if seen.get(name) not in (None, "")
    ]
    found += [(str(name), str(value), "") for name, value in content["arguments"].items()]
    return found


@dataclass(frozen=True)
class Place:
    """One step of one rule: how many are wanted, of which roles, how many are there."""

    rule: str
    ordered: bool
    count: int
    roles: list[str]
    taken: int

    @property
    def full(self) -> bool:
        return self.taken >= self.count


def places(asked: ApprovalRequest) -> list[Place]:
    table = Table(asked)
    alone = any(each.solo for each in table.signed)
    return [
        Place(need["rule"], need["ordered"], step["count"], step["roles"], step["count"] if alone else taken)
        for need in asked.needs
        for step, taken in zip(need["steps"], counting.filled(need, table.given), strict=True)
    ]
