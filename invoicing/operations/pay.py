from datetime import timedelta

from invoicing.mirror.snapshots import snapshot_of
from invoicing.operations.reading_back import fresh, payload_of
from invoicing.operations.verb import Call, Consequence, Effect, Proof, Reading, Verb, Verdict
from invoicing.providers.normalizing import moment_of
from invoicing.vocabulary import CallClass

ATTEMPTS = "Payment attempts"


class Pay(Verb):
    """Charge the customer's payment method now. What counts is that Orb says paid, not that it answered."""

    key = "pay"
    name = "Charge customer"
    done = "paid"
    summary = "Orb charges the customer's payment method with what is due."
    calls = {
        "orb": Call(
            endpoint="pay_invoice",
            call_class=CallClass.KEYED,
            key_window=timedelta(hours=48),
            patience=timedelta(days=7),  # bank transfers take days
        )
    }

    def refusal_by_status(self, invoice):
        word = invoice.provider_status
        if word == "paid":
            return "It is paid already."
        if word != "issued":
            return f"Orb charges issued invoices only; this one is {word}."
        if not invoice.amount_due or invoice.amount_due <= 0:
            return "Nothing is due on it."
        return ""

    def consequences(self, invoice, snapshot):
        yield Consequence(
            effect=Effect.MONEY,
            text="is charged to the customer's default payment method",
            amount=invoice.amount_due,
            unit=invoice.currency,
        )
        yield Consequence(
            effect=Effect.OUTSIDE, text="The payment provider may send the customer a receipt, or a notice of failure."
        )
        yield Consequence(
            effect=Effect.NOT, text="A declined charge is not tried again from here, and a bank transfer takes days."
        )

    def before(self, invoice):
        return {ATTEMPTS: [attempt.external_id for attempt in snapshot_of(invoice).payments]}

    def proof(self, reading: Reading):
        """Paid; or a new attempt that is under way, or failed; or no new attempt at all."""
        invoice = fresh(reading)
        if invoice.provider_status == "paid":
            return Proof(verdict=Verdict.APPLIED, saw="Status paid")
        known = reading.operation.seen["before"][ATTEMPTS]
        if all(attempt.external_id in known for attempt in snapshot_of(invoice).payments):
            return Proof(verdict=Verdict.ABSENT, saw=f"Status {invoice.provider_status}, no new payment attempt")
        payload = payload_of(invoice)
        started, failed = (_moment(payload.get(f"payment_{name}_at")) for name in ("started", "failed"))
        if started and (failed is None or failed < started):
            return Proof(verdict=Verdict.UNCLEAR, saw=f"Status {invoice.provider_status}, a payment is under way")
        return Proof(verdict=Verdict.FAILED, saw="Orb tried, and the payment failed. Nothing was paid.")


def _moment(text):
    return moment_of(text) if text else None
