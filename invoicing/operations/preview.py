from django import forms

from invoicing.operations.arguments import Arguments, DayField
from invoicing.operations.verb import Call, Consequence, Effect, Verb
from invoicing.vocabulary import CallClass


class Period(Arguments):
    period_start = DayField(required=False, label="From", help_text="The subscription's running period when left out.")
    period_end = DayField(required=False, label="To")
    hide_zero_charges_line_items = forms.BooleanField(required=False, label="Leave out lines of zero")

    def clean(self):
        start, end = self.cleaned_data.get("period_start"), self.cleaned_data.get("period_end")
        if start and end and end <= start:
            self.add_error("period_end", "The period cannot end before it begins.")


class Preview(Verb):
    """What FlexPrice would bill. The invoice it answers with has an id that leads nowhere."""

    key = "preview"
    name = "Preview"
    done = "previewed"
    summary = "Shows what FlexPrice would bill the subscription for a period. Nothing is stored, there or here."
    starts_from = "subscription"
    right = "refresh"
    reads_only = True
    destructive = False
    form = Period
    calls = {"flexprice": Call(endpoint="preview_invoice", call_class=CallClass.READING)}

    def consequences(self, start, snapshot=None):
        yield Consequence(effect=Effect.NOT, text="No invoice is made, and no credits are drawn.")
