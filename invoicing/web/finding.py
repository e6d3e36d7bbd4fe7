"""The object an address names, for the person who asks. What is not theirs to see is not there."""

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from invoicing.access import rights
from invoicing.models import Connection, Document, Incident, Invoice, Operation
from invoicing.web.context import shell_of


def invoice_for(request: HttpRequest, pk: int) -> Invoice:
    """Errors: Http404, also when this person may not see it."""
    invoice = get_object_or_404(Invoice.objects.select_related("connection", "customer"), pk=pk)
    shell_of(request).shows = invoice.connection.direction
    return _if_seen(request, invoice)


def operation_for(request: HttpRequest, pk) -> Operation:
    """Errors: Http404, also when this person may not see it."""
    related = ("connection", "invoice__connection", "invoice__customer", "requester")
    return _if_seen(request, get_object_or_404(Operation.objects.select_related(*related), pk=pk))


def document_for(request: HttpRequest, pk: int) -> Document:
    """Errors: Http404, also when this person may not see its invoice."""
    document = get_object_or_404(Document.objects.select_related("invoice__connection"), pk=pk)
    _if_seen(request, document.invoice)
    return document


def connection_for(request: HttpRequest, pk: int) -> Connection:
    """Errors: Http404, also when this person may not see it."""
    return _if_seen(request, get_object_or_404(Connection, pk=pk))


def incident_for(request: HttpRequest, pk: int) -> Incident:
    """Errors: Http404, also when this person may not see it."""
    related = ("connection", "invoice__connection", "invoice__customer", "operation", "closed_by")
    return _if_seen(request, get_object_or_404(Incident.objects.select_related(*related), pk=pk))


def _if_seen(request: HttpRequest, thing):
    if not rights.can(request.user, "view", thing):
        raise Http404
    return thing


def must_see(request: HttpRequest) -> None:
    """For pages about no single object. Errors: Http404."""
    _if_seen(request, None)


def address_of(request: HttpRequest) -> str:
    """Where the request came from, for the audit trail."""
    return request.META.get("REMOTE_ADDR", "")[:45]


def asked_by_htmx(request: HttpRequest, part: str) -> bool:
    """Whether htmx asks for the element with that id alone. Going back in the browser asks for whole pages."""
    return bool(request.htmx) and not request.htmx.history_restore_request and request.htmx.target == part
