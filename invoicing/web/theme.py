from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from invoicing.models import Preferences, preferences_of
from invoicing.web import errors

YEAR = 365 * 24 * 3600


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or the system's, and go back to where the person was."""
    chosen = request.POST.get("theme")
    if chosen not in Preferences.Theme.values:
        return errors.problem(request, errors.BAD_REQUEST, text=_("The theme is light, dark or as the system."))
    if request.user.is_authenticated:
        mine = preferences_of(request.user)
        mine.user, mine.theme = request.user, chosen
        mine.save()
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    return remember(redirect(back), chosen)


def remember(response: HttpResponse, chosen: str) -> HttpResponse:
    """The same in a cookie, for the pages one sees before signing in."""
    if chosen == Preferences.Theme.SYSTEM:
        response.delete_cookie("theme", samesite="Lax")
    else:
        response.set_cookie("theme", chosen, max_age=YEAR, samesite="Lax", secure=settings.HTTPS, httponly=True)
    return response
