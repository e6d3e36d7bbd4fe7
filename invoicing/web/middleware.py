import re
import time
import uuid
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils import translation
from django.utils.cache import patch_vary_headers

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
    """Every page but the sign-in needs a person who was here lately. A fragment never becomes the sign-in page: htmx is
    told to go there. What a right forbids is said in words.

    Pages are private and never stored: what was shown must not come back after signing out.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.method in UNSAFE and request.headers.get("Sec-Fetch-Site") == "cross-site":
            return errors.problem(request, errors.FORM_EXPIRED, text="The form came from another site.")
        if request.user.is_authenticated:
            self._notice(request)
        if not request.user.is_authenticated and not request.path.startswith(OPEN_PATHS):
            return self._to_sign_in(request)
        response = self.get_response(request)
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
        address = f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': request.get_full_path()})}"
        if request.headers.get("HX-Request") == "true":
            response = HttpResponse(status=401)
            response["HX-Redirect"] = address
            return response
        return redirect(address)
