"""Setting a desk up: what is done, what is left, and the next step of each."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from invoicing.access import people, rights
from invoicing.models import Connection, Policy
from invoicing.providers.registry import PROVIDERS
from invoicing.web.accounts import has_second_factor
from invoicing.web.stepping_up import confirmed
from invoicing.web.waiting import worker_is_there


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to set up. `optional`: a desk works well without it."""

    key: str
    title: str
    done: bool
    told: str
    link: str = ""
    link_text: str = ""
    command: str = ""
    optional: bool = False


@require_http_methods(["GET", "POST"])
@confirmed
def page(request: HttpRequest) -> HttpResponse:
    """The steps; by POST, whoever made the desk takes the first role. Errors: Http404."""
    if not people.may_set_up(request.user):
        raise Http404
    if request.method == "POST":
        try:
            people.first_access_admin(request.user, reason=_("Setting the desk up"))
            request.user.refresh_from_db()
            update_session_auth_hash(request, request.user)
            messages.success(request, _("You manage people and roles now. It is on record."))
        except people.CannotChange as problem:
            messages.error(request, str(problem))
        return redirect("setup")
    found = steps(request.user)
    needed = [step for step in found if not step.optional]
    context = {
        "steps": found,
        "may_begin": people.may_begin(request.user),
        "left": sum(not step.done for step in needed),
        "next": next((step.key for step in needed if not step.done), ""),
    }
    return render(request, "setup/page.html", context)


def steps(user) -> list[Step]:
    """Each asked of the desk as it is now."""
    connections = list(Connection.objects.all())
    synced = [each for each in connections if each.complete_as_of]
    operators, approvers = rights.people_with("request"), rights.people_with("approve")
    policy = Policy.objects.in_force()
    return [
        Step(
            "admin",
            _("Somebody manages people"),
            bool(rights.people_with("people")),
            _(
                "An access admin adds people and gives roles, and can never approve. Being made with createsuperuser gives no right."
            ),
        ),
        Step(
            "people",
            _("People have roles"),
            bool(operators),
            _("%(operators)d can ask for actions, %(approvers)d can approve.")
            % {"operators": len(operators), "approvers": len(approvers)},
            _address("people"),
            _("People and roles"),
        ),
        Step(
            "connection",
            _("A provider is connected"),
            bool(connections),
            _(
                "The key is read from standard input, tested with one call and sealed. A second key for changing calls keeps reading and acting apart."
            )
            + " "
            + _("Providers: %(names)s.") % {"names": ", ".join(PROVIDERS)},
            _address("connections"),
            _("Connections"),
            "manage.py connect PROVIDER NAME --api-key - --environment live",
        ),
        Step(
            "worker",
            _("A worker is at work"),
            worker_is_there(),
            _("Syncs, actions and files are done by a worker; any number of them, on any machine."),
            _address("jobs"),
            _("Background jobs"),
            "manage.py work",
        ),
        Step(
            "sync",
            _("The first sync is complete"),
            bool(connections) and len(synced) == len(connections),
            _("%(synced)d of %(all)d connections were read whole.") % {"synced": len(synced), "all": len(connections)},
            _address("connections"),
            _("Connections"),
            "manage.py sync",
        ),
        Step(
            "policy",
            _("A policy says who approves"),
            policy is not None,
            _("Without one, a person with the right acts alone and nothing waits. That suits a desk of one."),
            _address("policies"),
            _("Policies"),
            optional=True,
        ),
        Step(
            "factor",
            _("You have a second factor"),
            has_second_factor(user),
            _("It is asked for before what cannot be taken back. DESK_SECOND_FACTOR=true asks everybody for one."),
            _address("mfa_index"),
            _("Two-factor sign-in"),
            optional=True,
        ),
        Step(
            "single_sign_on",
            _("Single sign-on"),
            bool(settings.DESK_OIDC_URL),
            _("Set DESK_OIDC_URL, DESK_OIDC_CLIENT_ID and DESK_OIDC_SECRET; DESK_OIDC_ROLES maps groups to roles."),
            optional=True,
        ),
    ]


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def elsewhere(request: HttpRequest) -> HttpResponse:
    """Where somebody begins who may not see invoices: with people, with setting up, or with whom to ask."""
    if rights.can(request.user, "people"):
        return redirect("people")
    if people.may_set_up(request.user):
        return redirect("setup")
    return render(request, "setup/no_role.html", {"admins": rights.people_with("people")})
