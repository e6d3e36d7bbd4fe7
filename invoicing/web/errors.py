"""What a person reads when something does not work: what happened, what was kept, the next step, the id to quote.

A fragment is answered in one sentence of plain text, which the page shows as a message and keeps its form. A form that was
sent as a page gets back what was typed into it.
"""

import sys
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.utils.translation import gettext_lazy as _

UNTOLD = ("csrf", "token", "password", "key", "secret", "code", "seen", "next", "credential")
"""Fields whose names hold one of these are never shown again."""
LONGEST_TOLD = 4000


@dataclass(frozen=True)
class Problem:
    """One kind of trouble, in words."""

    status: int
    title: str
    text: str
    next_step: str


BAD_REQUEST = Problem(
    400,
    _("This request could not be understood"),
    _("The address or the form held something the desk does not accept. Nothing was changed."),
    _("Go back and try again from the page itself."),
)
SIGNED_OUT = Problem(
    401,
    _("You were signed out"),
    _("Nothing was sent, and nothing was changed. What you had entered stands below."),
    _("Sign in beside this page. The form opens there: copy into it what is below, and send it again."),
)
FORBIDDEN = Problem(
    403,
    _("You may not do this"),
    _("Your roles do not allow it. Nothing was changed."),
    _("Ask an access admin."),
)
FORM_EXPIRED = Problem(
    403,
    _("This form is no longer valid"),
    _("It was open for too long, or you signed in again meanwhile. Nothing was changed."),
    _("Go back, reload the page and send it again."),
)
NOT_FOUND = Problem(
    404,
    _("Nothing is here"),
    _("The address is wrong, or what it named was never in the mirror."),
    _("Search for the number or the provider's id."),
)
ONLY_FORMS = Problem(
    405,
    _("This address is no page"),
    _("It takes a form that is sent from a page. Nothing was changed."),
    _("Open the page the form stands on and send it from there."),
)
CONFLICT = Problem(
    409,
    _("Somebody was faster"),
    _("What you saw has changed since. Nothing was changed by you."),
    _("Open it again, compare, and decide once more."),
)
NOT_ACCEPTED = Problem(
    422,
    _("This was not accepted"),
    _("Something in the form is missing or cannot be. Nothing was changed."),
    _("Go back, correct it and send it again."),
)
TOO_MANY = Problem(
    429,
    _("Too many tries"),
    _("There were too many just now, so this one was not looked at."),
    _("Wait a few minutes, then try again."),
)
BROKEN = Problem(
    500,
    _("Something went wrong here"),
    _(
        "The desk met an error of its own. An action that was asked for is in the ledger before it is sent, so look there "
        "before asking again."
    ),
    _("Try again; if it stays, report the id below."),
)
NOT_READY = Problem(
    503,
    _("The desk is not ready"),
    _("Its database does not answer just now. If you asked for an action, look into the ledger before asking again."),
    _("Try again in a minute; if it stays, report the id below."),
)


def problem(
    request: HttpRequest, kind: Problem, *, text: str = "", next_step: str = "", sign_in: str = ""
) -> HttpResponse:
    """The page of a problem, or its one sentence for a fragment. Asks no database, so that it works when that does not."""
    said = text or kind.text
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(f"{kind.title}. {said}", status=kind.status, content_type="text/plain; charset=utf-8")
        response.said = str(said)  # for the record of what was refused
        return response
    context = {
        "problem": kind,
        "said": said,
        "next_step": next_step or kind.next_step,
        "kept": typed(request),
        "sign_in": sign_in,
        "again": request.get_full_path() if request.method == "GET" and kind.status in (429, 500, 503) else "",
        "request_id": getattr(request, "id", ""),
        "theme": request.COOKIES.get("theme", ""),
    }
    response = HttpResponse(loader.render_to_string("errors/page.html", context), status=kind.status)
    response.said = str(said)
    return response


def typed(request: HttpRequest) -> list[tuple[str, str]]:
    """What a person wrote into the form that failed, to be copied out again; never a password, key or token."""
    if request.method != "POST":
        return []
    try:
        sent = [(name, value) for name, values in request.POST.lists() for value in values]
    except Exception:  # the body itself could not be read
        return []
    return [
        (name.replace("_", " "), value[:LONGEST_TOLD])
        for name, value in sent
        if value.strip() and not any(word in name.lower() for word in UNTOLD)
    ]


def bad_request(request, exception=None):
    return problem(request, BAD_REQUEST)


def forbidden(request, exception=None):
    return problem(request, FORBIDDEN, text=str(exception) if exception and exception.args else "")


def not_found(request, exception=None):
    return problem(request, NOT_FOUND)


def too_many(request, exception=None):
    return problem(request, TOO_MANY)


def broken(request):
    kind = NOT_READY if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)) else BROKEN
    try:
        return problem(request, kind)
    except Exception:  # even the page that says so is broken
        return HttpResponse(
            f"{kind.title}. {kind.next_step}", status=kind.status, content_type="text/plain; charset=utf-8"
        )


def csrf_failed(request, reason=""):
    return problem(request, FORM_EXPIRED)
