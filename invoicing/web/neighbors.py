"""The list an invoice was opened from: the way back to it, and the invoices before and after in its order."""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone

from invoicing.access.rights import can
from invoicing.access.scopes import connection_ids
from invoicing.listing import page as paging
from invoicing.listing.filters import InvoiceFilters
from invoicing.listing.invoice_list import InvoiceList
from invoicing.listing.summary import BookSummary
from invoicing.models import Book, Invoice
from invoicing.vocabulary import Direction
from invoicing.web.context import shell_of

LONGEST = 2000
LISTS = {"receivables": Direction.RECEIVABLE, "payables": Direction.PAYABLE}


@dataclass(frozen=True)
class Beside:
    """`back` is the list's own address; `former` and `latter` are addresses of invoices, empty at either end."""

    back: str
    direction: Direction
    former: str = ""
    latter: str = ""


def listed_in(address: str) -> tuple[str, Direction, QueryDict] | None:
    """An address that is one of our lists, taken apart; None for anything else."""
    try:
        parts = urlsplit(address) if 0 < len(address) <= LONGEST else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme or parts.netloc or parts.fragment or "\\" in address:
        return None
    for name, direction in LISTS.items():
        if parts.path == reverse(name):
            return address, direction, QueryDict(parts.query)
    return None


def beside(request: HttpRequest, invoice: Invoice, *, tab: str = "") -> Beside | None:
    """The neighbors in the list that the address names; None where it names none of ours."""
    found = listed_in(request.GET.get("list", ""))
    if found is None:
        return None
    address, direction, query = found
    today, data = timezone.localdate(), query.get("data", "live")
    reach = connection_ids(request.user)
    summary = BookSummary(Book.of(direction, live=data != "test", gone=data == "gone"), today, reach)
    connections = shell_of(request).connections
    own = {"reach": reach, "currencies": summary.units, "money": can(request.user, "view_money")}
    filters = InvoiceFilters(query, direction=direction, connections=connections, **own)
    listed = InvoiceList(filters.criteria(today=today), summary)
    former, latter = paging.beside(listed.asked, invoice)
    return Beside(address, direction, _address(former, address, tab), _address(latter, address, tab))


def _address(pk: int | None, listed_at: str, tab: str) -> str:
    if pk is None:
        return ""
    query = {"tab": tab} if tab not in ("", "summary") else {}
    return f"{reverse('invoice', args=[pk])}?{urlencode(query | {'list': listed_at})}"
