from invoicing.operations.verb import Call, Consequence, Effect, Proof, Reading, Verb, Verdict
from invoicing.vocabulary import CallClass


class TriggerCommunication(Verb):
    """Have FlexPrice announce the invoice, so that whatever writes to the customer does. It leaves no trace to read back."""

    key = "trigger_communication"
    name = "Notify customer"
    done = "announced"
    summary = (
        "FlexPrice announces the invoice to the system that writes to customers. "
        "If the answer is lost, nobody can tell whether it did: a person decides."
    )
    destructive = False
    answer_proves = True
    calls = {"flexprice": Call(endpoint="trigger_communication", call_class=CallClass.INVISIBLE)}

    def consequences(self, invoice, snapshot):
        yield Consequence(
            effect=Effect.OUTSIDE,
            text="FlexPrice sends an event to the systems connected to it; one of them may write to the customer.",
        )
        yield Consequence(
            effect=Effect.CHANGE,
            text="FlexPrice keeps no record of it. If its answer is lost, the outcome stays unknown until a person "
            "settles it, for the customer may have been written to.",
        )
        yield Consequence(effect=Effect.NOT, text="It is never sent a second time by itself.")
        yield Consequence(effect=Effect.NOT, text="FlexPrice itself sends no e-mail, and the invoice does not change.")

    def proof(self, reading: Reading):
        return Proof(verdict=Verdict.UNCLEAR, saw="FlexPrice keeps no record of what it announced.")
