"""People: who is here, what they may do, how far it reaches, where they are signed in."""

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from invoicing.access import people, rights, roles, scopes
from invoicing.access.people import CannotChange
from invoicing.models import AuditEntry, Connection, User
from invoicing.web.people_forms import PersonForm, Reason, RolesForm, ScopeForm, lines_of
from invoicing.web.stepping_up import confirmed

AUDITED = 20


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Everybody, those who can sign in first."""
    rights.require(request.user, "people")
    everybody = list(
        User.objects.prefetch_related("groups").select_related("scope").order_by("-is_active", "first_name", "email")
    )
    factors = set(
        Authenticator.objects.exclude(type=Authenticator.Type.RECOVERY_CODES).values_list("user_id", flat=True)
    )
    names = dict(Connection.objects.values_list("pk", "name"))
    known = scopes.standings([each.pk for each in everybody])
    rows = [
        {
            "person": each,
            "roles": sorted(group.name for group in each.groups.all()),
            "reach": in_words(known[each.pk].reach if each.pk in known else scopes.Reach(), names),
            "second_factor": each.pk in factors,
            "invited": not each.has_usable_password() and each.last_login is None,
        }
        for each in everybody
    ]
    return render(request, "people/list.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@confirmed
def add(request: HttpRequest) -> HttpResponse:
    """A new person, who gets a one-time link."""
    rights.require(request.user, "people")
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            person = people.add(
                email=given["email"], name=given["name"], roles=given["roles"], by=request.user, reason=given["reason"]
            )
            return _page(request, person, link=one_time_link(request, person))
        except CannotChange as problem:
            form.add_error(problem.field if problem.field in form.fields else None, str(problem))
    return render(request, "people/add.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@confirmed
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """One person. `what` says which of the page's forms was sent."""
    rights.require(request.user, "people")
    person = get_object_or_404(User, pk=pk)
    if request.method == "GET":
        return _page(request, person)
    what = request.POST.get("what", "")
    if what not in CHANGES:
        return _page(request, person, status=422)
    return CHANGES[what](request, person)


def _set_roles(request: HttpRequest, person: User) -> HttpResponse:
    form = RolesForm(request.POST)
    if "preview" in request.POST:
        chosen = [name for name in request.POST.getlist("roles") if name in dict(form.fields["roles"].choices)]
        form = RolesForm(initial={"roles": chosen, "reason": request.POST.get("reason", "")})
        return _page(request, person, roles_form=form, effect=roles.effect_on(person, chosen))
    if form.is_valid():
        try:
            people.set_roles(person, form.cleaned_data["roles"], by=request.user, reason=form.cleaned_data["reason"])
            return _done(request, person, _("The roles are set. %(person)s signs in again.") % {"person": person})
        except CannotChange as problem:
            form.add_error(problem.field if problem.field in form.fields else None, str(problem))
    return _page(request, person, roles_form=form, status=422)


def _set_scope(request: HttpRequest, person: User) -> HttpResponse:
    form = ScopeForm(request.POST)
    if form.is_valid():
        try:
            people.set_scope(person, form.reach(), by=request.user, reason=form.cleaned_data["reason"])
            return _done(request, person, _("The reach is set. %(person)s signs in again.") % {"person": person})
        except CannotChange as problem:
            form.add_error(problem.field if problem.field in form.fields else None, str(problem))
    return _page(request, person, scope_form=form, status=422)


def _set_active(request: HttpRequest, person: User) -> HttpResponse:
    form = Reason(request.POST)
    if form.is_valid():
        active = request.POST["what"] == "let_in"
        try:
            people.set_active(person, active, by=request.user, reason=form.cleaned_data["reason"])
            said = _("%(person)s can sign in again.") if active else _("%(person)s is locked out and signed out.")
            return _done(request, person, said % {"person": person})
        except CannotChange as problem:
            form.add_error(None, str(problem))
    return _page(request, person, lock_form=form, status=422)


def _make_link(request: HttpRequest, person: User) -> HttpResponse:
    people.link_made(person, by=request.user)
    return _page(request, person, link=one_time_link(request, person))


def _sign_out(request: HttpRequest, person: User) -> HttpResponse:
    people.sign_out(person, by=request.user)
    return _done(request, person, _("%(person)s is signed out everywhere.") % {"person": person})


CHANGES = {
    "roles": _set_roles,
    "scope": _set_scope,
    "lock_out": _set_active,
    "let_in": _set_active,
    "link": _make_link,
    "sign_out": _sign_out,
}


def _page(request: HttpRequest, person: User, *, status: int = 200, **given) -> HttpResponse:
    held = sorted(person.groups.values_list("name", flat=True))
    standing = scopes.standings([person.pk]).get(person.pk, scopes.Standing())
    context = {
        "person": person,
        "roles": held,
        "carried": set().union(*(role.rights for role in roles.all_roles() if role.name in held)),
        "standing": standing,
        "fallen": [right for role in roles.all_roles() if role.name in held for right in role.rights - standing.rights],
        "reach": in_words(standing.reach, dict(Connection.objects.values_list("pk", "name"))),
        "roles_form": RolesForm(initial={"roles": held}),
        "scope_form": ScopeForm(initial=ScopeForm.initial_of(standing.reach), auto_id="scope_%s"),
        "lock_form": Reason(auto_id="lock_%s"),
        "sessions": UserSession.objects.purge_and_list(person),
        "factors": Authenticator.objects.filter(user=person),
        "entries": AuditEntry.objects.filter(target=f"user:{person.pk}").order_by("-sequence")[:AUDITED],
    }
    return render(request, "people/page.html", context | given, status=status)


def _done(request: HttpRequest, person: User, said: str) -> HttpResponse:
    messages.success(request, said)
    return redirect("person", person.pk)


def one_time_link(request: HttpRequest, person: User) -> str:
    """Where the person chooses a password: once, and within PASSWORD_RESET_TIMEOUT."""
    given = {"uidb36": user_pk_to_url_str(person), "key": default_token_generator.make_token(person)}
    return request.build_absolute_uri(reverse("account_reset_password_from_key", kwargs=given))


def in_words(reach: scopes.Reach, names: dict[int, str]) -> list[str]:
    """A reach as a person reads it; empty is everywhere."""
    said = []
    if reach.connections is not None:
        chosen = ", ".join(sorted(names.get(pk, str(pk)) for pk in reach.connections))
        said.append(_("only %(names)s") % {"names": chosen} if chosen else _("no connection"))
    if reach.directions is not None:
        said.append(_("payables only") if "payable" in reach.directions else _("receivables only"))
    if limits := lines_of(reach, "request").replace("\n", ", "):
        said.append(_("asks up to %(limits)s") % {"limits": limits})
    if limits := lines_of(reach, "approve").replace("\n", ", "):
        said.append(_("approves up to %(limits)s") % {"limits": limits})
    return said
