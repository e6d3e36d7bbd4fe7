"""Approval policies: the one in force, its versions and how they differ, drafting, trying and publishing one."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from invoicing.access import rights
from invoicing.access.rights import Agreement
from invoicing.access.scopes import visible
from invoicing.approvals import policies, publishing, simulating
from invoicing.approvals.policies import NotAPolicy, Rule
from invoicing.approvals.publishing import CannotPublish
from invoicing.models import Connection, Operation, Policy
from invoicing.operations.registry import VERBS
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import Direction
from invoicing.web.finding import address_of, must_see
from invoicing.web.formats import number_text
from invoicing.web.sentences import said
from invoicing.web.stepping_up import confirmed

EMPTY: dict[str, Any] = {"steps": []}
STEPS_SHOWN = policies.MOST_STEPS


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """What decides now, and every version there ever was."""
    must_see(request)
    in_force = Policy.objects.in_force()
    context = {
        "policy": in_force,
        "rules": worded(in_force.rules) if in_force else [],
        "versions": Policy.objects.select_related("made_by", "proposed_by", "published_by", "based_on"),
        "may": rights.can(request.user, "publish_policy"),
        "ready": worded([rule.as_json() for rule in policies.rules_in(policies.ready_made())]),
    }
    return render(request, "policies/list.html", context)


@require_POST
def draft(request: HttpRequest) -> HttpResponse:
    """A new version: from the ready-made one, from another version (to change it, or to go back to it), or empty."""
    start, note = request.POST.get("from", ""), request.POST.get("note", "")
    based_on = _numbered(int(start)) if start.isdecimal() and len(start) < 9 else None
    rules = based_on.rules if based_on else policies.ready_made() if start == "ready" else []
    try:
        made = publishing.draft(rules, by=request.user, note=note, based_on=based_on, ip=address_of(request))
    except CannotPublish as refusal:
        messages.error(request, str(refusal))
        return redirect("policies")
    return redirect("policy" if start == "ready" else "policy_edit", made.number)


@require_GET
def page(request: HttpRequest, number: int) -> HttpResponse:
    """One version: its rules in words, what it changes, and what can be done with it."""
    must_see(request)
    return _page(request, _numbered(number))


def _page(request: HttpRequest, policy: Policy, *, problem: str = "", status: int = 200) -> HttpResponse:
    against = request.GET.get("against", "")
    other = _numbered(int(against)) if against.isdecimal() and len(against) < 9 else _usual_other(policy)
    context = {
        "policy": policy,
        "rules": worded(policy.rules),
        "other": other,
        "differences": [_worded_difference(each) for each in publishing.differences(other, policy)] if other else [],
        "versions": Policy.objects.exclude(pk=policy.pk).exclude(state=Policy.State.DISCARDED),
        "may": rights.can(request.user, "publish_policy"),
        "editable": policy.state in publishing.EDITABLE,
        "proposed_by_me": policy.proposed_by_id == request.user.pk,
        "alone": _alone(request.user),
        "problem": problem,
        "reason": request.POST.get("reason", ""),
    }
    return render(request, "policies/page.html", context, status=status)


def _usual_other(policy: Policy) -> Policy | None:
    """What a version is compared with where nothing is said: what it would replace, or did replace."""
    if policy.state in publishing.EDITABLE:
        return Policy.objects.in_force()
    earlier = Policy.objects.filter(
        Q(state=Policy.State.RETIRED) | Q(state=Policy.State.IN_FORCE), number__lt=policy.number
    )
    return policy.based_on or earlier.first()


def _alone(user) -> bool:
    return (
        rights.can(user, "publish_policy")
        and rights.agreement("publish_policy", asked_by=None, by=user) is Agreement.SOLO
    )


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, number: int) -> HttpResponse:
    """The rules as a form. Adding a rule sends the form and comes back with one more; nothing is stored before saving."""
    policy = _numbered(number)
    rights.require(request.user, "publish_policy")
    if policy.state not in publishing.EDITABLE:
        return redirect("policy", policy.number)
    if request.method != "POST":
        return _edit_page(request, policy, policy.rules or [EMPTY], policy.note)
    rules, note = _rules_of(request.POST), request.POST.get("note", "")
    if "add" in request.POST:
        return _edit_page(request, policy, [*rules, EMPTY], note, added=True)
    try:
        publishing.edit(policy, rules, by=request.user, note=note, ip=address_of(request))
    except NotAPolicy as wrong:
        return _edit_page(request, policy, rules, note, wrong=wrong)
    except CannotPublish as refusal:
        return _page(request, policy, problem=str(refusal), status=422)
    return redirect("policy", policy.number)


@require_POST
@confirmed
def publish(request: HttpRequest, number: int) -> HttpResponse:
    """Propose a version, or put what another one proposed in force."""
    policy = _numbered(number)
    given = {"digest": request.POST.get("digest", ""), "reason": request.POST.get("reason", "")}
    try:
        found = publishing.publish(policy, by=request.user, ip=address_of(request), **given)
    except CannotPublish as refusal:
        return _page(request, policy, problem=str(refusal), status=422)
    if found is Agreement.ASKED:
        messages.success(request, _("Proposed. It decides nothing before somebody else publishes it."))
    else:
        messages.success(request, _("In force. What is asked for from now on goes by it."))
    return redirect("policy", policy.number)


@require_POST
def discard(request: HttpRequest, number: int) -> HttpResponse:
    """Set a draft aside."""
    policy = _numbered(number)
    try:
        publishing.discard(policy, by=request.user, ip=address_of(request))
    except CannotPublish as refusal:
        return _page(request, policy, problem=str(refusal), status=422)
    return redirect("policies")


@require_GET
def trial(request: HttpRequest, number: int) -> HttpResponse:
    """The version tried on the operations of the last 90 days."""
    must_see(request)
    policy = _numbered(number)
    found = simulating.simulate(policy.rules, visible=visible(Operation.objects.all(), request.user))
    context = {
        "policy": policy,
        "trial": found,
        "days": simulating.DAYS,
        "by_rule": found.by_rule.most_common(),
        "by_person": found.by_person.most_common(20),
        "by_verb": found.by_verb.most_common(),
    }
    return render(request, "policies/trial.html", context)


def _numbered(number: int) -> Policy:
    related = ("made_by", "edited_by", "proposed_by", "published_by", "based_on")
    return get_object_or_404(Policy.objects.select_related(*related), number=number)


# ---- rules in words


def worded(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_in_words(rule) for rule in policies.rules_in(stored)]


def _worded_difference(found: publishing.Difference) -> dict[str, Any]:
    words = {"added": _("Added"), "removed": _("Removed"), "changed": _("Changed")}
    was, is_ = (None if rule is None else _in_words(rule) for rule in (found.was, found.is_))
    return {"name": found.name, "kind": found.kind, "word": words[found.kind], "was": was, "is": is_}


def _in_words(rule: Rule) -> dict[str, Any]:
    return {"name": rule.name, "when": _when(rule), "asks": _asks(rule)}


def _when(rule: Rule) -> list[str]:
    """What a rule applies to, condition by condition."""
    found = [
        _("every action")
        if not rule.verbs
        else ", ".join(str(said(VERBS[key].name)) if key in VERBS else key for key in rule.verbs)
    ]
    if rule.rows_above is not None:
        found.append(
            _("batches")
            if rule.rows_above == 0
            else ngettext("batches of more than %(n)d row", "batches of more than %(n)d rows", rule.rows_above)
            % {"n": rule.rows_above}
        )
    if rule.providers:
        found.append(_("at %(names)s") % {"names": ", ".join(_provider(key) for key in rule.providers)})
    if rule.connections:
        found.append(_("of the connections %(names)s") % {"names": ", ".join(rule.connections)})
    if rule.direction:
        found.append(_("receivables") if rule.direction == Direction.RECEIVABLE else _("payables"))
    if rule.customer:
        found.append(_("of the customer %(name)s") % {"name": rule.customer})
    unit = rule.unit or _("in the invoice's own unit")
    if rule.above is not None:
        found.append(_("above %(amount)s %(unit)s") % {"amount": number_text(rule.above), "unit": unit})
    if rule.up_to is not None:
        found.append(_("up to %(amount)s %(unit)s") % {"amount": number_text(rule.up_to), "unit": unit})
    if rule.unit and rule.above is None and rule.up_to is None:
        found.append(_("in %(unit)s") % {"unit": rule.unit})
    return found


def _asks(rule: Rule) -> str:
    joined = _(", then ") if rule.ordered else _(" and ")
    return joined.join(
        ngettext("%(n)d person", "%(n)d people", step.count) % {"n": step.count}
        + (_(" out of %(roles)s") % {"roles": ", ".join(step.roles)} if step.roles else "")
        for step in rule.steps
    )


def _provider(key: str) -> str:
    return PROVIDERS[key].name if key in PROVIDERS else key


# ---- the form


def _rules_of(sent) -> list[dict[str, Any]]:
    """The rules as the form has them; those marked for removal and empty ones left out."""
    count = sent.get("count", "")
    if not count.isdecimal() or int(count) > policies.MOST_RULES + 1:
        raise Http404
    found = []
    for at in range(int(count)):
        start = f"r{at}-"
        if sent.get(f"{start}remove"):
            continue
        steps = []
        for nth in range(STEPS_SHOWN):
            people, roles = sent.get(f"{start}people{nth}", "").strip(), sent.getlist(f"{start}roles{nth}")
            if people not in ("", "0"):
                steps.append(
                    {"count": int(people) if people.isdecimal() and len(people) < 4 else people, "roles": roles}
                )
        rule: dict[str, Any] = {"steps": steps, "ordered": bool(sent.get(f"{start}ordered"))}
        rule |= {name: sent.getlist(f"{start}{name}") for name in ("verbs", "providers", "connections")}
        for name in ("name", "direction", "customer", "unit", "above", "up_to", "rows_above"):
            rule[name] = sent.get(f"{start}{name}", "").strip()
        if rule["name"] or steps:
            found.append(rule)
    return found


def _edit_page(request, policy, rules, note, *, wrong: NotAPolicy | None = None, added: bool = False) -> HttpResponse:
    context = {
        "policy": policy,
        "forms": [_form(at, rule, wrong if wrong and wrong.rule == at + 1 else None) for at, rule in enumerate(rules)],
        "note": note,
        "problem": str(wrong) if wrong and not wrong.rule else "",
        "wrong": wrong,
        "added": added,
        "verbs": [each for each in VERBS.values() if not each.reads_only],
        "providers": PROVIDERS.values(),
        "connections": Connection.objects.values_list("name", flat=True),
        "roles": sorted(rights.roles_with("approve")),
        "directions": Direction.choices,
    }
    return render(request, "policies/edit.html", context, status=422 if wrong else 200)


def _form(at: int, rule: dict[str, Any], wrong: NotAPolicy | None) -> dict[str, Any]:
    steps = list(rule.get("steps", ()))
    steps += [{"count": "", "roles": []}] * (STEPS_SHOWN - len(steps))
    return {
        "at": at,
        "start": f"r{at}-",
        "rule": rule,
        "steps": steps[:STEPS_SHOWN],
        "wrong": wrong,
        "field": wrong.field if wrong else "",
    }
