"""The history of an invoice: its versions, any two of them compared, and the way to how it was at a moment."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from invoicing.models import Invoice
from invoicing.web.invoice_tabs import history
from invoicing.web.invoice_tabs.comparison import Comparison, compared
from invoicing.web.invoice_tabs.shown import Shown, shown_version


def of_tab(request: HttpRequest, shown: Shown) -> dict[str, Any]:
    """Errors: Http404 for a version there is none of."""
    hidden = history.hidden_from(request.user, shown.invoice)
    versions = history.versions(shown.invoice, hidden=hidden)
    numbers = [each.version.number for each in versions]
    older, newer = request.GET.get("from", ""), request.GET.get("to", "")
    picked = {
        "older": older or str(numbers[1] if len(numbers) > 1 else ""),
        "newer": newer or str(numbers[0] if numbers else ""),
    }
    return {
        "versions": versions,
        "picked": picked,
        "comparison": _compared(shown.invoice, older, newer, hidden) if older and newer else None,
        "asked_as_of": request.GET.get("as_of", ""),
        "today": timezone.localdate(),
    }


def _compared(invoice: Invoice, one: str, other: str, hidden: frozenset[str]) -> Comparison:
    """The older of the two comes first, whichever was picked as such."""
    first, second = (shown_version(invoice, number) for number in (one, other))
    if first.version.number > second.version.number:
        first, second = second, first
    return compared(first, second, hidden=hidden)
