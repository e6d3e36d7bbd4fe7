from django import forms

from invoicing.money import exact_text
from invoicing.operations.add_line import LINES, draft_only
from invoicing.operations.arguments import Arguments
from invoicing.operations.reading_back import fresh
from invoicing.operations.recalculate import line_ids
from invoicing.operations.verb import Call, Consequence, Effect, Proof, Reading, Verb, Verdict
from invoicing.vocabulary import CallClass


class WhichLine(Arguments):
    line_item_id = forms.ChoiceField(
        label="Line", choices=(), error_messages={"invalid_choice": "The invoice has no line with this id."}
    )

    def fit(self):
        if self.about:
            self.offer("line_item_id", [(_id(line), _told(line)) for line in lines_with_ids(self.about)])


class RemoveLine(Verb):
    """Take a one-off line off an Orb draft."""

    key = "remove_line"
    name = "Remove line"
    done = "relieved of a line"
    summary = "Takes a line that was added by hand off the draft."
    form = WhichLine
    calls = {"orb": Call(endpoint="remove_line", call_class=CallClass.SETTING)}

    def refusal_by_status(self, invoice):
        return draft_only(invoice, "Lines can be removed from drafts only") or (
            ""
            if any(True for _ in lines_with_ids(invoice)) or not invoice.pk
            else "It has no line that could be removed."
        )

    def consequences(self, invoice, snapshot):
        yield Consequence(
            effect=Effect.MONEY,
            text="is the draft's total with the line",
            amount=snapshot.total,
            unit=snapshot.currency,
        )
        yield Consequence(effect=Effect.CHANGE, text="Orb computes subtotal, taxes and total anew.")
        yield Consequence(
            effect=Effect.NOT, text="Lines that come from a subscription stay: Orb removes lines added by hand only."
        )
        yield Consequence(effect=Effect.NOT, text="Nothing is issued and nothing is sent to the customer.")

    def before(self, invoice):
        return {LINES: line_ids(invoice)}

    def proof(self, reading: Reading):
        """The line is there, or it is not; which others there are plays no part."""
        there = reading.operation.arguments["line_item_id"] in line_ids(fresh(reading))
        if there:
            return Proof(verdict=Verdict.ABSENT, saw="The line is still there")
        return Proof(verdict=Verdict.APPLIED, saw="The line is gone")


def lines_with_ids(invoice):
    if not invoice.pk:
        return ()
    return (line for line in invoice.lines.select_related("text").order_by("position") if _id(line))


def _id(line) -> str:
    return line.details.get("external_id", "")


def _told(line) -> str:
    amount = f": {exact_text(line.amount)} {line.unit}" if line.amount is not None else ""
    return f"{line.text.text[:120]}{amount}"
