from invoicing.operations.verb import Call, Consequence, Effect, Verb
from invoicing.vocabulary import CallClass


class Upcoming(Verb):
    """What Orb has counted for the running period. It is no draft, and it is never stored as one."""

    key = "upcoming"
    name = "Upcoming invoice"
    done = "looked at"
    summary = "Shows what Orb has counted for the subscription's running period so far. Nothing is stored."
    starts_from = "subscription"
    right = "refresh"
    reads_only = True
    destructive = False
    calls = {"orb": Call(endpoint="upcoming_invoice", call_class=CallClass.READING)}

    def consequences(self, start, snapshot=None):
        yield Consequence(effect=Effect.NOT, text="No invoice is made, and nothing is sent to the customer.")
