"""Approvals inside other pages: {% approval_of operation %}, {% approvals_wanted invoice verb as needs %}."""

from django import template
from django.utils.html import format_html

from invoicing.approvals import asking
from invoicing.approvals.people import Desk
from invoicing.models import ApprovalRequest, Operation
from invoicing.money import parse_amount
from invoicing.operations.approving import request_of
from invoicing.templatetags.desk import money
from invoicing.web.approvals import places, row_of

register = template.Library()


@register.inclusion_tag("operation/_approvals_card.html", takes_context=True)
def approval_of(context, operation: Operation):
    """Who has to approve an operation, who did, and the way to decide; nothing where nobody is asked."""
    asked = request_of(operation)
    if asked is None:
        return {"asked": None}
    user = context["request"].user
    return {
        "asked": asked,
        "row": row_of(asked, user, Desk()),
        "places": places(asked),
        "decisions": asked.decisions.select_related("by", "in_place_of").order_by("at", "pk"),
        "of_batch": asked.operation_id is None,
        "ended_without": asked.state
        in (ApprovalRequest.State.REJECTED, ApprovalRequest.State.WITHDRAWN, ApprovalRequest.State.EXPIRED),
    }


@register.simple_tag
def approvals_wanted(invoice, verb):
    """Who would have to approve this verb of this invoice, said before it is asked for; empty when nobody."""
    return asking.needed(verb.key, invoice.connection, invoice, {})


@register.simple_tag(takes_context=True)
def figure(context, text: str, unit: str):
    """An amount where a unit says that it is one, else the text; a dash for nothing."""
    if not text:
        return "\N{EM DASH}"
    try:
        return money(context, parse_amount(text), unit) if unit else format_html("{}", text)
    except ValueError:
        return text
