"""Before something that cannot be taken back: is it still the person who signed in?

What was typed waits in the page that asks, so nothing is lost and nothing is kept elsewhere. It asks for the second factor
where there is one, else for the password, once in fifteen minutes. Signing in counts.
"""

import time
from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit, urlunsplit

from allauth.account.forms import ReauthenticateForm as PasswordForm
from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from allauth.core.exceptions import RateLimited
from allauth.mfa.base.forms import ReauthenticateForm as CodeForm
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import ReauthenticateWebAuthnForm as PasskeyForm
from allauth.mfa.webauthn.internal.auth import begin_authentication
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _

from invoicing.web import doors
from invoicing.web.accounts import CONFIRMED_AT

OWN_FIELDS = ("confirm_password", "confirm_code", "confirm_credential")


def asked_to_confirm(request: HttpRequest) -> HttpResponse | None:
    """None when the person was confirmed lately, or just now; else the page that asks and keeps what was sent."""
    if confirmed_lately(request):
        return None
    forms = _forms(request)
    if not forms:
        return _through_the_provider(request)
    for field, form in forms.items():
        if request.POST.get(field) and _holds(form):
            _confirm(request, form)
            return None
    return _page(request, forms)


def confirmed(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For a view whose POST cannot be taken back."""

    @wraps(view)
    def asking(request: HttpRequest, *given, **named) -> HttpResponse:
        return (asked_to_confirm(request) if request.method == "POST" else None) or view(request, *given, **named)

    return asking


def confirmed_lately(request: HttpRequest) -> bool:
    minutes = settings.DESK_STEP_UP_MINUTES
    return minutes <= 0 or time.time() - request.session.get(CONFIRMED_AT, 0) < minutes * 60


def _forms(request: HttpRequest) -> dict:
    """Field → the form that checks it: second factors where there are some, else the password."""
    user, sent = request.user, request.POST
    kinds = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    forms: dict = {}
    if Authenticator.Type.TOTP in kinds:
        forms["confirm_code"] = CodeForm(_as(sent, "confirm_code", "code"), user=user)
    if Authenticator.Type.WEBAUTHN in kinds:
        forms["confirm_credential"] = PasskeyForm(_as(sent, "confirm_credential", "credential"), user=user)
    if not forms and user.has_usable_password():
        forms["confirm_password"] = PasswordForm(_as(sent, "confirm_password", "password"), user=user)
    return forms


def _as(sent, name: str, inner: str) -> dict | None:
    return {inner: sent[name]} if sent.get(name) else None


def _holds(form) -> bool:
    try:
        return form.is_valid()
    except RateLimited:
        form.add_error(None, _("Too many tries. Wait a minute."))
        return False


def _confirm(request: HttpRequest, form) -> None:
    request.session.cycle_key()
    if isinstance(form, PasswordForm):
        reauthenticate_by_password(request)
    else:
        form.save()
    request.session[CONFIRMED_AT] = time.time()


def _page(request: HttpRequest, forms: dict) -> HttpResponse:
    kept = [(name, value) for name, values in request.POST.lists() for value in values if name not in KEPT_OUT]
    context = {
        "kept": kept,
        "minutes": round(settings.DESK_STEP_UP_MINUTES),
        "errors": [
            error for form in forms.values() if form.is_bound for each in form.errors.values() for error in each
        ],
        "asks_password": "confirm_password" in forms,
        "asks_code": "confirm_code" in forms,
        "asks_passkey": "confirm_credential" in forms,
        "passkey": {"request_options": begin_authentication(request.user)} if "confirm_credential" in forms else None,
        "files": bool(request.FILES),
        "back": _came_from(request),
    }
    tried = any(request.POST.get(name) for name in OWN_FIELDS)
    if tried:
        doors.record(request, "sign_in.failed", step="confirm")
    response = render(request, "account/confirm.html", context, status=422 if tried else 200)
    if request.headers.get("HX-Request") == "true":
        response["HX-Retarget"], response["HX-Reswap"] = "body", "innerHTML"
    return response


def _came_from(request: HttpRequest) -> str:
    """The page the form stood on."""
    address = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(address, {request.get_host()}):
        return "/"
    parts = urlsplit(address)
    return urlunsplit(("", "", parts.path, parts.query, "")) or "/"


KEPT_OUT = {"csrfmiddlewaretoken", *OWN_FIELDS}


def _through_the_provider(request: HttpRequest) -> HttpResponse:
    """Somebody without password and second factor signs in anew where they signed in."""
    back = request.get_full_path()
    address = reverse("openid_connect_login", args=["desk"])
    query = urlencode({"process": "login", "auth_params": "prompt=login", "next": back})
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(status=204)
        response["HX-Redirect"] = f"{address}?{query}"
        return response
    return redirect(f"{address}?{query}")
