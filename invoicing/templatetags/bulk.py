"""What a list offers to do with the rows that are ticked: {% bulk_of here as bulk %}; {% approval_of_batch batch %}."""

import uuid

from django import template
from django.http import QueryDict
from django.urls import reverse

from invoicing.access import rights
from invoicing.approvals import asking
from invoicing.approvals.people import Desk
from invoicing.bulk.verbs import offered_in
from invoicing.models import Batch, Book
from invoicing.vocabulary import Direction
from invoicing.web.approvals import places, row_of
from invoicing.web.links import LOOK, Here

register = template.Library()
WHERE = ("view",)
"""Which view opened a list says nothing of what it lists: its filters stand beside."""


@register.inclusion_tag("batches/_approvals.html", takes_context=True)
def approval_of_batch(context, batch: Batch):
    """Who has to approve a batch as a whole, who did, and the way to decide; nothing where nobody is asked."""
    asked = asking.covering(batch.pk)
    if asked is None:
        return {"asked": None}
    return {
        "asked": asked,
        "row": row_of(asked, context["request"].user, Desk()),
        "places": places(asked),
        "decisions": asked.decisions.select_related("by", "in_place_of").order_by("at", "pk"),
    }


@register.simple_tag(takes_context=True)
def bulk_of(context, here: Here) -> dict:
    """The list's own address without how it is shown (a selection belongs to it), the verbs, a token for one form."""
    user = context["request"].user
    payable = here.path == reverse("payables")
    data = (here.filters.get("data") or ["live"])[-1]
    book = Book.of(Direction.PAYABLE if payable else Direction.RECEIVABLE, live=data != "test", gone=data == "gone")
    may = rights.can(user, "batch") and rights.can(user, "request")
    filters = QueryDict(mutable=True)
    for name in sorted(here.filters):
        if name not in (*LOOK, *WHERE):
            filters.setlist(name, sorted(here.filters[name]))
    address = f"{here.path}?{filters.urlencode()}" if filters else here.path
    return {
        "verbs": offered_in(book) if may and data != "gone" else [],
        "may": may,
        "may_export": rights.can(user, "export"),
        "may_refresh": rights.can(user, "refresh"),
        "token": uuid.uuid4().hex,
        "list": address,
    }
