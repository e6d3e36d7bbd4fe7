"""Where a desk asks everybody for a second factor, nobody works before they have one."""

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from invoicing.web.accounts import has_second_factor
from invoicing.web.middleware import OPEN_PATHS

ENROLLED = "second_factor"


class SecondFactor:
    """Sends a person without one to the page that makes one. Single sign-on brings its own, so it is not asked twice."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = settings.DESK_SECOND_FACTOR and request.user.is_authenticated
        if asked and not request.path.startswith(OPEN_PATHS) and not self._has_one(request):
            return self._to_enrolling(request)
        return self.get_response(request)

    @staticmethod
    def _has_one(request: HttpRequest) -> bool:
        if request.session.get(ENROLLED):
            return True
        records = get_authentication_records(request, request.user)
        found = any(each.get("method") == "socialaccount" for each in records) or has_second_factor(request.user)
        if found:
            request.session[ENROLLED] = True
        return found

    @staticmethod
    def _to_enrolling(request: HttpRequest) -> HttpResponse:
        address = reverse("mfa_index")
        if request.headers.get("HX-Request") == "true":
            response = HttpResponse(status=403)
            response["HX-Redirect"] = address
            return response
        messages.info(request, _("This desk asks everybody for a second factor. Add an app or a passkey to go on."))
        return redirect(address)
