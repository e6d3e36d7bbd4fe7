from decimal import Decimal

from invoicing.money import exact_text
from invoicing.operations.reading_back import fresh
from invoicing.operations.verb import Call, Consequence, Effect, Proof, Reading, Verb, Verdict
from invoicing.vocabulary import CallClass, Payment, Status

PAID = "Amount paid"


class AttemptPayment(Verb):
    """Have FlexPrice pay from the customer's wallets. It answers success also when there was nothing to pay with."""

    key = "attempt_payment"
    name = "Pay from wallet"
    done = "paid from the wallet"
    summary = "FlexPrice pays what is left from the customer's wallet credits, as far as they reach."
    success_may_be_empty = True
    calls = {"flexprice": Call(endpoint="attempt_payment", call_class=CallClass.UNGUARDED)}

    def refusal_by_status(self, invoice):
        if invoice.status != Status.FINALIZED:
            return "FlexPrice pays finalized invoices only."
        if invoice.payment_status in (Payment.PAID, Payment.OVERPAID):
            return "It is paid already."
        if invoice.payment_status not in (Payment.UNPAID, Payment.PARTLY_PAID, Payment.FAILED):
            return f"FlexPrice pays nothing while the payment is {invoice.provider_status.split(' / ')[-1]}."
        if not invoice.amount_due or invoice.amount_due <= 0:
            return "Nothing is left to pay."
        return ""

    def consequences(self, invoice, snapshot):
        yield Consequence(
            effect=Effect.MONEY,
            text="at most is taken from the customer's wallets, depending on what they hold",
            amount=invoice.amount_due,
            unit=invoice.currency,
        )
        yield Consequence(
            effect=Effect.CHANGE,
            text="It counts as done only once the amount paid has moved: FlexPrice answers success with an empty wallet too.",
        )
        yield Consequence(
            effect=Effect.OUTSIDE,
            text="For a subscription, its payment behavior decides whether a card is charged as well.",
        )
        yield Consequence(effect=Effect.NOT, text="It is never sent a second time by itself.")

    def before(self, invoice):
        return {PAID: _paid(invoice)}

    def proof(self, reading: Reading):
        """Amounts moved, or they did not. Nothing else proves it."""
        invoice = fresh(reading)
        before, now = Decimal(reading.operation.seen["before"][PAID]), Decimal(_paid(invoice))
        saw = f"{exact_text(now)} {invoice.currency} paid, {exact_text(before)} before"
        return Proof(verdict=Verdict.APPLIED if now > before else Verdict.ABSENT, saw=saw)


def _paid(invoice) -> str:
    return exact_text(invoice.amount_paid or Decimal(0))
