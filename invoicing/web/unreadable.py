from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from invoicing.access import rights
from invoicing.access.scopes import visible
from invoicing.logs import redacted
from invoicing.models import UnreadableRecord

SHOWN = 200
SHOWN_RAW = 200_000  # characters of a payload


@require_GET
def unreadable(request: HttpRequest) -> HttpResponse:
    """Records no list can hold, with what is wrong with them. They are in no total."""
    rights.require(request.user, "view")
    resolved = request.GET.get("resolved") == "yes"
    records = visible(UnreadableRecord.objects.select_related("connection"), request.user).defer("payload")
    records = records.filter(resolved_at__isnull=not resolved).order_by("-last_seen_at", "-pk")
    found = list(records[: SHOWN + 1])
    context = {"records": found[:SHOWN], "more": len(found) > SHOWN, "resolved": resolved}
    return render(request, "unreadable/list.html", context)


@require_GET
def record(request: HttpRequest, pk: int) -> HttpResponse:
    """One record: why it could not be read, and, for those who may see raw payloads, what the provider sent."""
    rights.require(request.user, "view")
    found = get_object_or_404(visible(UnreadableRecord.objects.select_related("connection"), request.user), pk=pk)
    raw = None
    if rights.can(request.user, "view_raw", found):
        raw = redacted(found.payload_text().decode(errors="replace"))[:SHOWN_RAW]
    return render(request, "unreadable/record.html", {"record": found, "raw": raw})
