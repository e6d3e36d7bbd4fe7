"""The customers of every provider, linked identities as one, with what each owes."""

import base64
import binascii
import json

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from invoicing.access import rights
from invoicing.listing.customers import customer_page
from invoicing.providers.registry import PROVIDERS
from invoicing.web.finding import must_see
from invoicing.web.links import Here
from invoicing.web.rendering import render_pair

PART = "customers"
"""The id of the element that holds the list, which htmx swaps."""
LINKED = (("", gettext_lazy("All")), ("yes", gettext_lazy("Linked")), ("no", gettext_lazy("Not linked")))


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The customers by name. What is no filter of ours shows nothing and says so."""
    must_see(request)
    here = Here(request.path, request.GET)
    text = request.GET.get("q", "").strip()[:200]
    provider, linked = request.GET.get("provider", ""), request.GET.get("linked", "")
    wrong = [value for value, known in ((provider, PROVIDERS), (linked, dict(LINKED))) if value and value not in known]
    mark = _mark(request.GET.get("after", ""))
    found = None
    if not wrong:
        found = customer_page(
            request.user, text=text, providers=[provider] if provider else [], linked=linked, after=mark
        )
    context = {
        "page": found,
        "wrong": wrong,
        "text": text,
        "provider": provider,
        "linked": linked,
        "providers": PROVIDERS.values(),
        "ways": [{"label": label, "url": here.but(linked=key or None), "here": key == linked} for key, label in LINKED],
        "first_url": here.but() if mark else "",
        "older_url": here.but(after=_mark_text(*found.older)) if found and found.older else "",
        "clear": request.path,
        "narrowed": bool(text or provider or linked),
        "may_see_money": rights.can(request.user, "view_money"),
        "may_see_personal": rights.can(request.user, "view_personal"),
    }
    return render_pair(request, "customers/page.html", "customers/_list.html", context, target=PART)


def _mark_text(name: str, pk: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([name, pk]).encode()).decode().rstrip("=")


def _mark(text: str) -> tuple[str, int] | None:
    """Where a page begins; None for the first, and for what is no such mark."""
    try:
        name, pk = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        return None
    whole = type(pk) is int and 0 <= pk < 2**63 and isinstance(name, str) and "\x00" not in name
    return (name, pk) if whole else None
