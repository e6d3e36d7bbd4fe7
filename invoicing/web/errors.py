"""What a person reads when something does not work: what happened, what was kept, the next step, the id to quote.

A fragment is answered in one sentence of plain text, which the page shows as a message and keeps its form.
"""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.template import loader


@dataclass(frozen=True)
class Problem:
    """One kind of trouble, in words."""

    status: int
    title: str
    text: str
    next_step: str


BAD_REQUEST = Problem(
    400,
    "This request could not be understood",
    "The address or the form held something the desk does not accept. Nothing was changed.",
    "Go back and try again from the page itself.",
)
FORBIDDEN = Problem(
    403, "You may not do this", "Your roles do not allow it. Nothing was changed.", "Ask an access admin."
)
FORM_EXPIRED = Problem(
    403,
    "This form is no longer valid",
    "It was open for too long, or you signed in again meanwhile. Nothing was changed.",
    "Go back, reload the page and send it again.",
)
NOT_FOUND = Problem(
    404,
    "Nothing is here",
    "The address is wrong, or what it named was never in the mirror.",
    "Search for the number or the provider's id.",
)
BROKEN = Problem(
    500,
    "Something went wrong here",
    "The desk met an error of its own. An action that was asked for is in the ledger before it is sent, so look there "
    "before asking again.",
    "Try again; if it stays, report the id below.",
)


def problem(request: HttpRequest, kind: Problem, *, text: str = "", next_step: str = "") -> HttpResponse:
    """The page of a problem, or its one sentence for a fragment. Asks no database, so that it works when that does not."""
    said = text or kind.text
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(f"{kind.title}. {said}", status=kind.status, content_type="text/plain; charset=utf-8")
    context = {
        "problem": kind,
        "said": said,
        "next_step": next_step or kind.next_step,
        "request_id": getattr(request, "id", ""),
        "theme": request.COOKIES.get("theme", ""),
    }
    page = loader.render_to_string(f"{kind.status}.html", context)
    return HttpResponse(page, status=kind.status)


def bad_request(request, exception=None):
    return problem(request, BAD_REQUEST)


def forbidden(request, exception=None):
    return problem(request, FORBIDDEN, text=str(exception) if exception and exception.args else "")


def not_found(request, exception=None):
    return problem(request, NOT_FOUND)


def broken(request):
    try:
        return problem(request, BROKEN)
    except Exception:  # even the page that says so is broken
        return HttpResponse(f"{BROKEN.title}. {BROKEN.next_step}", status=500, content_type="text/plain; charset=utf-8")


def csrf_failed(request, reason=""):
    return problem(request, FORM_EXPIRED)
