"""Which verbs may be asked of many invoices at once, and why the others may not. Every verb stands in one of the two."""

from django.utils.translation import gettext_lazy as _

from invoicing.models import Book, Connection
from invoicing.operations.registry import VERBS
from invoicing.operations.verb import Verb

IN_BULK = ("finalize", "void", "regenerate_invoice", "recalculate", "regenerate_pdf", "mark_paid")
"""In the order menus show them."""

ONE_BY_ONE = {
    "void_and_replace": _("Each replacement has to be looked at before the next invoice is voided."),
    "update": _("Its fields are another one's for every invoice."),
    "add_line": _("A line belongs to one invoice."),
    "remove_line": _("A line belongs to one invoice."),
    "move_issue_date": _("The date depends on each invoice's billing period."),
    "record_payment_status": _("Amount and status are another one's for every payment."),
    "attempt_payment": _("It collects money, and what came of one attempt decides the next."),
    "pay": _("It collects money, and what came of one attempt decides the next."),
    "trigger_communication": _("It writes to customers, and nobody can see afterwards what was sent."),
    "create_invoice": _("It starts from a customer, not from an invoice."),
    "preview": _("It only reads, and is looked at one by one."),
    "upcoming": _("It only reads, and is looked at one by one."),
    "usage_breakdown": _("It only reads, and is looked at one by one."),
    "customer_summary": _("It only reads, and is looked at one by one."),
}


def bulk_verb(key: str) -> Verb:
    """Errors: KeyError, for a verb that is not asked in bulk."""
    if key not in IN_BULK:
        raise KeyError(key)
    return VERBS[key]


def offered_in(book: Book) -> list[Verb]:
    """The verbs that some connected provider of these invoices offers."""
    providers = set(Connection.objects.filter(direction=book.direction).values_list("provider", flat=True))
    return [VERBS[key] for key in IN_BULK if providers & VERBS[key].calls.keys()]
