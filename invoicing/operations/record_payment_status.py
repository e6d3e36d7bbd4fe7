from decimal import Decimal

from django import forms

from invoicing.money import EXACT, exact_text
from invoicing.operations.arguments import AmountField, Arguments
from invoicing.operations.reading_back import by_value, fresh
from invoicing.operations.verb import Call, Consequence, Effect, Reading, Verb
from invoicing.vocabulary import CallClass, Status

PAID = "Amount paid"
NEXT = {
    "PENDING": ("PENDING", "SUCCEEDED", "FAILED"),
    "FAILED": ("PENDING", "SUCCEEDED"),
    "SUCCEEDED": ("OVERPAID",),
}
"""What each payment status may be set to so that something changes. REFUNDED is documented, and always refused."""
WORDS = {
    "PENDING": "Pending, or partly paid with the amount",
    "SUCCEEDED": "Succeeded: paid in full",
    "FAILED": "Failed: nothing paid",
    "OVERPAID": "Overpaid",
}


class WordField(forms.ChoiceField):
    """FlexPrice's words, however they are written."""

    def to_python(self, value):
        return super().to_python(value).upper()


class PaymentStatus(Arguments):
    payment_status = WordField(label="Payment status", choices=list(WORDS.items()))
    amount = AmountField(
        required=False, label="Paid so far", help_text="With Pending only: the whole amount paid until now."
    )

    def fit(self):
        if self.about:
            self.offer("payment_status", [(word, WORDS[word]) for word in NEXT.get(word_of(self.about), ())])

    def clean(self):
        word, amount = self.cleaned_data.get("payment_status"), self.cleaned_data.get("amount")
        if word is None or self.errors:
            return
        if amount is not None and word != "PENDING":
            self.add_error("amount", "An amount is only taken with Pending; the others say by themselves how much.")
        elif word == "PENDING" and self.about:
            self._check_amount(amount)

    def _check_amount(self, amount):
        invoice = self.about
        paid = invoice.amount_paid or Decimal(0)
        if amount is None:
            if word_of(invoice) == "PENDING":
                self.add_error("amount", "It is pending already: say how much has been paid.")
        elif invoice.amount_due is not None and amount > EXACT.add(paid, invoice.amount_due):
            whole = f"{exact_text(EXACT.add(paid, invoice.amount_due))} {invoice.currency}"
            self.add_error("amount", f"That is more than the whole of it, {whole}.")
        elif amount == paid and word_of(invoice) == "PENDING":
            self.add_error("amount", "That is what FlexPrice has as paid already.")


class RecordPaymentStatus(Verb):
    """Tell FlexPrice how far an invoice is paid. It sets a value; no money moves by it."""

    key = "record_payment_status"
    name = "Record payment"
    done = "recorded"
    summary = "Tells FlexPrice whether, or how far, the invoice was paid outside of it."
    form = PaymentStatus
    calls = {"flexprice": Call(endpoint="set_payment_status", call_class=CallClass.SETTING)}

    def refusal_by_status(self, invoice):
        if invoice.status not in (Status.DRAFT, Status.FINALIZED):
            return "FlexPrice records payments of draft and finalized invoices only."
        if word_of(invoice) == "OVERPAID":
            return "It is overpaid, and FlexPrice lets nothing follow that."
        if word_of(invoice) not in NEXT:
            return f"FlexPrice does not let a payment status be set by hand while it is {word_of(invoice)}."
        return ""

    def consequences(self, invoice, snapshot):
        yield Consequence(effect=Effect.CHANGE, text="Succeeded counts all that is due as paid, Failed none of it.")
        if invoice.amount_due:
            yield Consequence(
                effect=Effect.MONEY,
                text="is left to pay now, and no more once it is recorded as succeeded",
                amount=invoice.amount_due,
                unit=invoice.currency,
            )
        yield Consequence(
            effect=Effect.OUTSIDE,
            text="With Succeeded, connected payment providers are told, and credits the invoice bought go to the wallet.",
        )
        yield Consequence(effect=Effect.NOT, text="Nothing is charged and nothing is refunded.")
        yield Consequence(
            effect=Effect.NOT, text="It is refused where FlexPrice itself took a payment for this invoice."
        )

    def before(self, invoice):
        return {PAID: _paid(invoice)}

    def proof(self, reading: Reading):
        """The word, and with Pending the amount; still both as before means that nothing happened."""
        invoice, arguments, seen = fresh(reading), reading.operation.arguments, reading.operation.seen
        word, paid = word_of(invoice), _paid(invoice)
        wanted = (arguments["payment_status"], arguments.get("amount", paid))
        before = (seen["provider_status"].split(" / ")[-1], seen["before"][PAID])
        saw = f"Payment {word}, {paid or 'nothing'} paid"
        return by_value(saw, now=_figures(word, paid), wanted=_figures(*wanted), before=_figures(*before))


def word_of(invoice) -> str:
    """FlexPrice's own word for how far it is paid."""
    return invoice.provider_status.split(" / ")[-1]


def _paid(invoice) -> str | None:
    return None if invoice.amount_paid is None else exact_text(invoice.amount_paid)


def _figures(word: str, paid: str | None) -> tuple[str, Decimal | None]:
    return word, None if paid is None else Decimal(paid)
