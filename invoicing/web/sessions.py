"""Ending one signed-in browser: one's own, or, for an access admin, somebody's."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from invoicing.access import rights
from invoicing.models import AuditEntry


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """Errors: Http404, also where it is somebody else's and not theirs to end."""
    session = UserSession.objects.filter(pk=pk).select_related("user").first()
    own = session is not None and session.user_id == request.user.pk
    if session is None or not (own or rights.can(request.user, "people")):
        raise Http404
    person = session.user
    session.end()
    AuditEntry.objects.record("session.ended", actor=request.user, target=f"user:{person.pk}", ip=session.ip)
    messages.success(request, _("That browser is signed out."))
    return redirect("usersessions_list") if own else redirect("person", person.pk)
