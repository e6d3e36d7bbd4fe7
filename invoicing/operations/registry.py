"""Every verb, in the order menus show them. A new one is one file and one line here."""

from collections.abc import Iterable

from invoicing.models import Brake, Invoice, Operation
from invoicing.operations import brakes, incidents
from invoicing.operations.add_line import AddLine
from invoicing.operations.attempt_payment import AttemptPayment
from invoicing.operations.create_invoice import CreateInvoice
from invoicing.operations.customer_summary import CustomerSummary
from invoicing.operations.finalize import Finalize
from invoicing.operations.mark_paid import MarkPaid
from invoicing.operations.move_issue_date import MoveIssueDate
from invoicing.operations.outage import outage
from invoicing.operations.pay import Pay
from invoicing.operations.preview import Preview
from invoicing.operations.recalculate import Recalculate
from invoicing.operations.record_payment_status import RecordPaymentStatus
from invoicing.operations.regenerate_invoice import RegenerateInvoice
from invoicing.operations.regenerate_pdf import RegeneratePdf
from invoicing.operations.remove_line import RemoveLine
from invoicing.operations.targets import About
from invoicing.operations.trigger_communication import TriggerCommunication
from invoicing.operations.upcoming import Upcoming
from invoicing.operations.update import Update
from invoicing.operations.usage_breakdown import UsageBreakdown
from invoicing.operations.verb import Availability, Verb
from invoicing.operations.void import Void
from invoicing.operations.void_and_replace import VoidAndReplace
from invoicing.vocabulary import OPEN_STATES

VERBS: dict[str, Verb] = {
    verb.key: verb
    for verb in (
        Finalize(),
        Void(),
        VoidAndReplace(),
        RegenerateInvoice(),
        Recalculate(),
        RegeneratePdf(),
        Update(),
        AddLine(),
        RemoveLine(),
        MoveIssueDate(),
        RecordPaymentStatus(),
        MarkPaid(),
        AttemptPayment(),
        Pay(),
        TriggerCommunication(),
        CreateInvoice(),
        Preview(),
        Upcoming(),
        CustomerSummary(),
        UsageBreakdown(),
    )
}


def open_operation(invoice: Invoice) -> Operation | None:
    """The one operation of this invoice that has not ended, if any."""
    return Operation.objects.filter(
        connection_id=invoice.connection_id,
        external_id=invoice.external_id,
        invoice__isnull=False,
        state__in=OPEN_STATES,
        parent=None,
    ).first()


def why_not(verb: Verb, about: About, holding: Iterable[Brake] | None = None) -> str:
    """Why this cannot be asked now, by the provider's rules or because the desk holds it back; empty when it can.

    `holding`: the active brakes, where they are known.
    """
    return (
        verb.refusal(about)
        or brakes.stopped(about.connection.provider, verb.key, holding)
        or (incidents.locked(about) if isinstance(about, Invoice) and not verb.reads_only else "")
    )


def availability(invoice: Invoice) -> list[Availability]:
    """Every verb with the reason why it cannot be asked of this invoice now, if there is one."""
    running, holding, rests = open_operation(invoice), brakes.active(), incidents.locked(invoice)
    busy = f"{VERBS[running.verb].name} is under way; one thing at a time." if running else ""
    down, found = outage(invoice), []
    for verb in VERBS.values():
        if verb.starts_from == "invoice":
            stopped = brakes.stopped(invoice.connection.provider, verb.key, holding)
            resting = "" if verb.reads_only else rests or busy
            found.append(Availability(verb=verb, refusal=verb.refusal(invoice) or stopped or down or resting))
    return found
