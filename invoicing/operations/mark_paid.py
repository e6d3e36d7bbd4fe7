from datetime import timedelta

from django import forms
from django.utils import timezone

from invoicing.operations.arguments import Arguments, DayField
from invoicing.operations.reading_back import by_word
from invoicing.operations.verb import Call, Consequence, Effect, Reading, Verb
from invoicing.vocabulary import CallClass


class Received(Arguments):
    payment_received_date = DayField(label="Received on", help_text="A day of the customer's time zone.")
    notes = forms.CharField(required=False, max_length=500, label="Note kept in Orb")

    def clean_payment_received_date(self):
        day = self.cleaned_data["payment_received_date"]
        if day > (timezone.now() + timedelta(hours=14)).date():  # it may be tomorrow already where the customer is
            raise forms.ValidationError("This day is still to come: give the day the money arrived.")
        return day


class MarkPaid(Verb):
    """Record in Orb that the money came some other way. Orb's API has no way back."""

    key = "mark_paid"
    name = "Mark paid"
    done = "marked paid"
    summary = "Records that the invoice was paid outside of Orb. Nothing is charged."
    form = Received
    calls = {"orb": Call(endpoint="mark_paid", call_class=CallClass.KEYED, key_window=timedelta(hours=48))}

    def refusal_by_status(self, invoice):
        word = invoice.provider_status
        if word == "paid":
            return "It is paid already."
        return "" if word in ("issued", "synced") else f"Orb marks issued and synced invoices paid; this one is {word}."

    def consequences(self, invoice, snapshot):
        yield Consequence(
            effect=Effect.MONEY,
            text="counts as received, although Orb saw no payment",
            amount=invoice.amount_due,
            unit=invoice.currency,
        )
        yield Consequence(effect=Effect.CHANGE, text="Orb collects no more; attempts that were planned are dropped.")
        if invoice.provider_status == "synced":
            yield Consequence(
                effect=Effect.OUTSIDE, text="The system that Orb handed it to is not told and may still collect it."
            )
        yield Consequence(effect=Effect.NOT, text="Nothing is charged.")
        yield Consequence(effect=Effect.NOT, text="It cannot be undone from here; only in Orb's own dashboard.")

    def wire_arguments(self, operation):
        return {**operation.arguments, "external_id": str(operation.pk)}

    def proof(self, reading: Reading):
        return by_word(reading, applied=("paid",), absent=("issued", "synced"))
