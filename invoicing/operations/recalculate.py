from invoicing.operations import flexprice_server
from invoicing.operations.reading_back import fresh, payload_of
from invoicing.operations.verb import Call, Consequence, Effect, Proof, Reading, Verb, Verdict
from invoicing.vocabulary import CallClass, Status

COMPUTED, LINES = "Last computed", "Line ids"


class Recalculate(Verb):
    """Compute a draft anew, without finalizing it. Two generations of FlexPrice's server have two addresses for it."""

    key = "recalculate"
    name = "Recalculate draft"
    done = "recalculated"
    summary = "FlexPrice computes the draft anew from its subscription and the usage until now. It stays a draft."
    destructive = False
    calls = {"flexprice": Call(endpoint="recalculate_draft", call_class=CallClass.UNGUARDED)}
    early = Call(endpoint="recalculate_invoice", call_class=CallClass.SETTING)

    def call_at(self, connection):
        """Today's server draws prepaid credits each time, so a second call is not harmless there."""
        found = flexprice_server.generation(connection)
        return self.early if found == "A" else self.calls.get(connection.provider) if found == "B" else None

    def refusal_by_status(self, invoice):
        if not flexprice_server.generation(invoice.connection):
            return flexprice_server.UNKNOWN
        if invoice.status != Status.DRAFT:
            return f"Only a draft can be recalculated; this one is {invoice.status}."
        if invoice.kind != "SUBSCRIPTION":
            return "FlexPrice recalculates subscription invoices only."
        if not invoice.period_start or not invoice.period_end:
            return "FlexPrice recalculates invoices of a billing period only; this one has none."
        return ""

    def consequences(self, invoice, snapshot):
        yield Consequence(
            effect=Effect.MONEY,
            text="is the draft's total as last computed; the new one can differ",
            amount=snapshot.total,
            unit=snapshot.currency,
        )
        yield Consequence(
            effect=Effect.CHANGE, text="Its lines, discounts and taxes are computed anew from the subscription."
        )
        if flexprice_server.generation(invoice.connection) == "B":
            yield Consequence(
                effect=Effect.MONEY, text="Prepaid credits in the customer's wallet are drawn for its usage."
            )
        yield Consequence(
            effect=Effect.CHANGE, text="What the server means by it is asked once more right before it is sent."
        )
        yield Consequence(effect=Effect.NOT, text="It is not finalized, gets no number, and nothing is collected.")

    def before(self, invoice):
        """Today's server says when it last computed; the first one puts new lines in the place of the old."""
        return {COMPUTED: payload_of(invoice).get("last_computed_at"), LINES: line_ids(invoice)}

    def prepare(self, reading: Reading):
        flexprice_server.must_be_the_same(reading)

    def proof(self, reading: Reading):
        invoice, before = fresh(reading), reading.operation.seen["before"]
        if invoice.status != Status.DRAFT:
            return Proof(verdict=Verdict.UNCLEAR, saw=f"No draft any more: {invoice.provider_status}")
        now = self.before(invoice)
        if now[COMPUTED] != before[COMPUTED]:
            return Proof(verdict=Verdict.APPLIED, saw=f"Computed at {now[COMPUTED]}")
        if now[LINES] != before[LINES]:
            return Proof(verdict=Verdict.APPLIED, saw="Its lines were made anew")
        return Proof(verdict=Verdict.ABSENT, saw="Neither computed again nor any line new")


def line_ids(invoice) -> list[str]:
    """The provider's ids of its lines, in no order of theirs."""
    return sorted(line.details.get("external_id", "") for line in invoice.lines.all())
