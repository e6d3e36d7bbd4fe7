"""Roles: what each carries, with who would gain and lose by a change; and which duties meet in one hand."""

import csv

from django.contrib import messages
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from invoicing.access import rights, roles
from invoicing.access.people import CannotChange
from invoicing.access.shipped import RIGHTS, WORDS
from invoicing.models import AuditEntry, Connection
from invoicing.web.people import in_words
from invoicing.web.people_forms import NewRoleForm, RightsForm
from invoicing.web.stepping_up import confirmed


@require_http_methods(["GET", "POST"])
@confirmed
def listing(request: HttpRequest) -> HttpResponse:
    """The table of rights by role, and a role of one's own."""
    rights.require(request.user, "people")
    form = NewRoleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = roles.add_role(given["name"], by=request.user, reason=given["reason"], purpose=given["purpose"])
            messages.success(request, _("The role carries nothing yet. Choose what it carries."))
            return redirect("role", made.pk)
        except CannotChange as problem:
            form.add_error(problem.field if problem.field in form.fields else None, str(problem))
    shown = roles.all_roles()
    table = [
        {"right": right, "words": WORDS[right], "cells": [(role, right in role.rights) for role in shown]}
        for right in RIGHTS
    ]
    context = {"roles": shown, "table": table, "form": form}
    return render(request, "people/roles.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@confirmed
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """One role. `preview` shows who a change touches; nothing is changed by it."""
    rights.require(request.user, "people")
    role = next((each for each in roles.all_roles() if each.pk == get_object_or_404(Group, pk=pk).pk), None)
    form = RightsForm(initial={"purpose": role.purpose, "rights": sorted(role.rights)})
    effects = None
    if request.method == "POST" and "preview" in request.POST:
        chosen = [right for right in request.POST.getlist("rights") if right in RIGHTS]
        effects = roles.effects(role.name, chosen)
        kept = {name: request.POST.get(name, "") for name in ("purpose", "reason")}
        form = RightsForm(initial=kept | {"rights": chosen})
    elif request.method == "POST":
        form = RightsForm(request.POST)
        if form.is_valid():
            given = form.cleaned_data
            try:
                roles.set_rights(
                    role.name, given["rights"], by=request.user, reason=given["reason"], purpose=given["purpose"]
                )
                messages.success(request, _("The role is set. Whom it touches signs in again."))
                return redirect("role", role.pk)
            except CannotChange as problem:
                form.add_error(problem.field if problem.field in form.fields else None, str(problem))
    context = {"role": role, "form": form, "effects": effects}
    return render(request, "people/role.html", context, status=422 if form.errors else 200)


@require_GET
def duties(request: HttpRequest) -> HttpResponse:
    """Who has two rights that an auditor wants to see in two hands."""
    _may_read_duties(request)
    return render(
        request,
        "people/duties.html",
        {"rows": _duties(), "pairs": _pairs(), "may_people": rights.can(request.user, "people")},
    )


@require_GET
def duties_file(request: HttpRequest) -> HttpResponse:
    """The same as CSV, on record."""
    _may_read_duties(request)
    rows = _duties()
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="duties.csv"'
    writer = csv.writer(answer)
    writer.writerow(["person", "e-mail", "roles", "first right", "second right", "reach"])
    for row in rows:
        texts = [str(row["person"]), row["person"].email, ", ".join(row["roles"]), row["first"], row["second"]]
        writer.writerow([plain(text) for text in [*texts, "; ".join(row["reach"])]])
    AuditEntry.objects.record("duties.exported", actor=request.user, rows=len(rows))
    return answer


def plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r\n\0＝＋－＠" and text else text


def _may_read_duties(request: HttpRequest) -> None:
    if not rights.can(request.user, "audit"):
        rights.require(request.user, "people")


def _duties() -> list[dict]:
    names = dict(Connection.objects.values_list("pk", "name"))
    return [
        {
            "person": each.person,
            "roles": sorted(each.standing.roles),
            "first": each.first,
            "second": each.second,
            "words": (WORDS[each.first], WORDS[each.second]),
            "reach": in_words(each.standing.reach, names),
        }
        for each in roles.meetings()
    ]


def _pairs() -> list[tuple[str, str]]:
    return [(WORDS[first], WORDS[second]) for first, second in roles.DUTIES]
