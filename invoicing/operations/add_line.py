from datetime import timedelta
from decimal import Decimal

from django import forms

from invoicing.money import EXACT
from invoicing.operations.arguments import AmountField, Arguments, DayField, too_fine
from invoicing.operations.reading_back import fresh
from invoicing.operations.recalculate import line_ids
from invoicing.operations.verb import Call, Consequence, Effect, Proof, Reading, Verb, Verdict
from invoicing.vocabulary import CallClass, Status

LINES = "Line ids"


class NewLine(Arguments):
    name = forms.CharField(required=False, max_length=200, label="What is charged")
    item_id = forms.CharField(
        required=False, max_length=64, label="Orb item id", help_text="Instead of, or beside a name."
    )
    amount = AmountField(signed=True, label="Amount", help_text="Of the whole line. Negative for a credit.")
    quantity = AmountField(required=False, zero=False, label="Quantity", help_text="1 when left out.")
    start_date = DayField(label="Service from")
    end_date = DayField(label="Service to")

    def clean(self):
        given = self.cleaned_data
        if not given.get("name") and not given.get("item_id") and "name" not in self.errors:
            self.add_error("name", "Name what is charged, or give one of Orb's items.")
        if given.get("start_date") and given.get("end_date") and given["end_date"] < given["start_date"]:
            self.add_error("end_date", "The service cannot end before it begins.")
        if given.get("amount") is not None and self.about and (why := too_fine(given["amount"], self.about.currency)):
            self.add_error("amount", why)


class AddLine(Verb):
    """Put one more line on an Orb draft."""

    key = "add_line"
    name = "Add line"
    done = "extended by a line"
    summary = "Adds one charge or credit to the draft."
    destructive = False
    form = NewLine
    calls = {"orb": Call(endpoint="add_line", call_class=CallClass.KEYED, key_window=timedelta(hours=48))}

    def refusal_by_status(self, invoice):
        return draft_only(invoice, "Lines can be added to drafts only")

    def consequences(self, invoice, snapshot):
        yield Consequence(
            effect=Effect.MONEY,
            text="is the draft's total without the line",
            amount=snapshot.total,
            unit=snapshot.currency,
        )
        yield Consequence(effect=Effect.CHANGE, text="Orb computes subtotal, taxes and total anew.")
        yield Consequence(
            effect=Effect.CHANGE, text="A name that no item of your Orb account has makes a new item in the account."
        )
        if snapshot.kind != "one_off":
            yield Consequence(
                effect=Effect.CHANGE,
                text="If the subscription changes before the invoice is issued, Orb may make a new draft without the line.",
            )
        yield Consequence(effect=Effect.NOT, text="Nothing is issued and nothing is sent to the customer.")

    def before(self, invoice):
        return {LINES: line_ids(invoice)}

    @staticmethod
    def amount_of(arguments) -> Decimal:
        return Decimal(arguments["amount"])

    def proof(self, reading: Reading):
        """Exactly one new line of that amount. More than one, or another, is for a person."""
        invoice, operation = fresh(reading), reading.operation
        known = operation.seen["before"][LINES]
        new = [line for line in invoice.lines.select_related("text") if line.details.get("external_id") not in known]
        if not new:
            return Proof(verdict=Verdict.ABSENT, saw=f"{invoice.line_count} lines, none of them new")
        wanted = Decimal(operation.arguments["amount"])
        if len(new) == 1 and new[0].amount is not None and EXACT.compare(Decimal(new[0].amount), wanted) == 0:
            saw = f"New line “{new[0].text.text[:80]}” of {new[0].amount} {new[0].unit}"
            return Proof(verdict=Verdict.APPLIED, saw=saw)
        return Proof(verdict=Verdict.UNCLEAR, saw=f"{len(new)} new lines: which is ours does not show")


def draft_only(invoice, rule: str) -> str:
    if invoice.status == Status.DRAFT:
        return ""
    return f"{rule}; this invoice is {invoice.provider_status}. A credit note or a one-off invoice corrects it."
