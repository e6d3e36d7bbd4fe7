from datetime import timedelta

from django.utils import timezone

from invoicing.operations.reading_back import by_status, payload_of
from invoicing.operations.verb import Call, Consequence, Effect, Proof, Reading, Verb, Verdict
from invoicing.vocabulary import CallClass, Status

FAILED_AT = "Last failed issue"


class Finalize(Verb):
    """Freeze a draft, so that it is owed. Orb says "issue"."""

    key = "finalize"
    name = "Finalize"
    done = "finalized"
    summary = "Freezes the draft, so that it is owed. A finalized invoice can only be voided."
    calls = {
        "orb": Call(
            endpoint="finalize_invoice",
            call_class=CallClass.KEYED,
            key_window=timedelta(hours=48),
            patience=timedelta(hours=24),
        ),
        "flexprice": Call(endpoint="finalize_invoice", call_class=CallClass.GUARDED),
    }

    def refusal_by_status(self, invoice):
        if invoice.status == Status.FINALIZING:
            return "The provider is finalizing it already."
        if invoice.status == Status.SKIPPED:
            return "FlexPrice skipped this invoice because there was nothing to bill; finalizing would do nothing."
        if invoice.status != Status.DRAFT:
            return f"Only a draft can be finalized; this one is {invoice.status}."
        if invoice.connection.provider == "orb":
            if invoice.handles.get("will_auto_issue") == "true":
                return "Orb issues this draft by itself when its time comes."
            if invoice.planned_issue_at and invoice.planned_issue_at > timezone.now():
                return f"Orb can issue it from {invoice.planned_issue_at:%Y-%m-%d %H:%M} UTC on."
        return ""

    def consequences(self, invoice, snapshot):
        if snapshot.total is not None:
            yield Consequence(
                effect=Effect.MONEY,
                text="is the total of the draft as last computed; the final one can differ",
                amount=snapshot.total,
                unit=snapshot.currency,
            )
        if invoice.connection.provider == "orb":
            yield Consequence(
                effect=Effect.CHANGE, text="Orb computes taxes, assigns the final amounts and freezes them."
            )
            yield Consequence(effect=Effect.CHANGE, text="The customer's balance is applied.")
            yield Consequence(
                effect=Effect.OUTSIDE,
                text="If so configured in Orb: an e-mail to the customer, automatic collection, a copy to other systems.",
            )
            yield Consequence(
                effect=Effect.NOT, text="It is not done at once: Orb accepts it and issues a moment later."
            )
        else:
            yield Consequence(effect=Effect.CHANGE, text="FlexPrice assigns the invoice number and recomputes taxes.")
            yield Consequence(effect=Effect.MONEY, text="The customer's prepaid wallet credits are drawn.")
            yield Consequence(effect=Effect.NOT, text="No payment is attempted.")

    def before(self, invoice):
        """Orb says when issuing last failed, and leaves it standing after a later success."""
        return {FAILED_AT: payload_of(invoice).get("issue_failed_at")} if invoice.connection.provider == "orb" else {}

    def proof(self, reading: Reading):
        found = by_status(reading, applied=Status.FINALIZED, absent=(Status.DRAFT,))
        if found.verdict is not Verdict.ABSENT or reading.provider.key != "orb":
            return found
        reading.invoice.refresh_from_db()
        failed_at = payload_of(reading.invoice).get("issue_failed_at")
        if failed_at != reading.operation.seen["before"][FAILED_AT]:
            return Proof(verdict=Verdict.FAILED, saw="Orb tried, and could not issue it. Orb itself shows why.")
        return found
