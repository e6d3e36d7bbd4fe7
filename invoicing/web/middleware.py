import re
import time
import uuid
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from invoicing.access.rights import NotAllowed
from invoicing.logs import request_id
from invoicing.models import preferences_of
from invoicing.web import errors

OPEN_PATHS = ("/accounts/", "/healthz", "/readyz", "/static/", "/theme/", "/webhooks/")
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


class RequestId:
    """Gives each request an id for its log lines, taken from X-Request-ID where a proxy set a sane one."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        given = request.headers.get("X-Request-ID", "")
        request.id = given if re.fullmatch(r"[\w-]{8,64}", given) else uuid.uuid4().hex
        token = request_id.set(request.id)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(token)
        response["X-Request-ID"] = request.id
        return response


class Language:
    """Speaks the language the person chose, else the one their browser asks for."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        chosen = preferences_of(request.user).language
        language = chosen or translation.get_language_from_request(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response["Content-Language"] = language
        if not chosen:
            patch_vary_headers(response, ("Accept-Language",))
        return response


class SignedIn:
    """Every page but the sign-in needs a person who was here lately. A fragment never becomes the sign-in page. What a
    right forbids, and what an address does not take, is said in words.

    Pages are private and never stored: what was shown must not come back after signing out.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.method in UNSAFE and request.headers.get("Sec-Fetch-Site") == "cross-site":
            return errors.problem(request, errors.FORM_EXPIRED, text=_("The form came from another site."))
        if request.user.is_authenticated:
            self._notice(request)
        if not request.user.is_authenticated and not request.path.startswith(OPEN_PATHS):
            return self._to_sign_in(request)
        response = self.get_response(request)
        if response.status_code == 405 and not response.content:
            allowed, response = response["Allow"], errors.problem(request, errors.ONLY_FORMS)
            response["Allow"] = allowed
        if "Cache-Control" not in response:
            response["Cache-Control"] = "no-store, private"
        response.headers["Vary"] = ", ".join(
            dict.fromkeys(filter(None, [*response.headers.get("Vary", "").split(", "), "Cookie", "HX-Request"]))
        )
        return response

    def process_exception(self, request, exception):
        if isinstance(exception, NotAllowed):
            return errors.problem(request, errors.FORBIDDEN, text=str(exception))
        return None

    @staticmethod
    def _notice(request):
        """Ends a session left alone for too long; otherwise notes, once a minute, that its person is here."""
        now, seen = int(time.time()), request.session.get("seen_at")
        if seen is not None and now - seen > settings.DESK_IDLE_MINUTES * 60:
            logout(request)
        elif seen is None or now - seen >= 60:
            request.session["seen_at"] = now

    @staticmethod
    def _to_sign_in(request):
        """A page goes to the sign-in and comes back. A fragment stays where it is, with its form, and is told the way; a
        form sent as a page comes back to the page it stood on, which says that nothing was sent; where words were
        typed into it, they are shown first. It is never sent again from here: whose form it was, nobody checked.
        """
        fragment, form = request.headers.get("HX-Request") == "true", request.method in UNSAFE
        back = request.headers.get("HX-Current-URL" if fragment else "Referer", "") if fragment or form else ""
        if back and url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
            parts = urlsplit(back)
            back = f"{parts.path}?{parts.query}" if parts.query else parts.path
        else:
            back = "/" if form else request.get_full_path()
        address = f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': back})}"
        if fragment:
            response = HttpResponse(status=401)
            response["X-Sign-In"] = address
            return response
        if form and any(len(value.split()) > 1 for _name, value in errors.typed(request)):
            return errors.problem(request, errors.SIGNED_OUT, sign_in=address)
        if form:
            messages.warning(request, _("You were signed out, so nothing was sent. Sign in and send it again."))
        return redirect(address)
