from invoicing.operations.verb import Call, Consequence, Effect, Verb
from invoicing.vocabulary import CallClass


class CustomerSummary(Verb):
    """FlexPrice's figures of a customer. Reading them makes it announce what is overdue, so only a person asks."""

    key = "customer_summary"
    name = "Ask for summary (announces overdue invoices)"
    done = "asked for"
    summary = (
        "FlexPrice's own figures of the customer. Each time they are asked for, FlexPrice announces every overdue "
        "invoice to the systems connected to it."
    )
    starts_from = "customer"
    reads_only = True
    destructive = False
    calls = {"flexprice": Call(endpoint="customer_summary", call_class=CallClass.INVISIBLE)}

    def consequences(self, start, snapshot=None):
        yield Consequence(
            effect=Effect.OUTSIDE,
            text="FlexPrice sends one overdue event for each overdue invoice of the customer; reminders may follow.",
        )
        yield Consequence(effect=Effect.NOT, text="Our own totals do not change: they come from the mirror.")
