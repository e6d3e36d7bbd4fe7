from datetime import timedelta

from django import forms

from invoicing.operations import flexprice_server
from invoicing.operations.arguments import Arguments
from invoicing.operations.reading_back import by_id, fresh
from invoicing.operations.regenerate_invoice import RegenerateInvoice
from invoicing.operations.verb import Call, Consequence, Effect, Proof, Reading, Verb, Verdict
from invoicing.operations.void import Void
from invoicing.vocabulary import CallClass, Status

MISSING = "voided, replacement missing"
PAUSED = "voided, waiting before it is replaced"


class Pausing(Arguments):
    pause = forms.BooleanField(
        required=False,
        label="Stop after voiding, until a person goes on",
        help_text="So that the copy outside can be cancelled in between.",
    )

    def fit(self):
        if self.about and self.provider != "metronome":
            del self.fields["pause"]


class VoidAndReplace(Verb):
    """Cancel an invoice and have its period billed anew, as one thing with two halves. Half of it is never called done.

    FlexPrice does both in one call, later, and keeps its failures to itself. At Metronome they are two operations of
    their own, one after the other.
    """

    key = "void_and_replace"
    name = "Void and replace"
    done = "voided and replaced"
    summary = "Cancels the invoice for good and bills its period anew, with a new number and today's usage and rates."
    form = Pausing
    calls = {
        "flexprice": Call(endpoint="void_and_replace", call_class=CallClass.UNGUARDED, patience=timedelta(hours=24)),
        "metronome": Call(
            endpoint="void_invoice",
            call_class=CallClass.KEYED,
            key_window=timedelta(hours=24),
            replays_errors=True,
            steps=("void", "regenerate_invoice"),
        ),
    }
    to_replace = {"flexprice": "void_and_replace", "metronome": "regenerate_invoice"}
    """The verb that makes the missing half."""

    def refusal_by_status(self, invoice):
        return getattr(self, f"_refusal_at_{invoice.connection.provider}")(invoice)

    def _refusal_at_metronome(self, invoice):
        if invoice.status == Status.VOID:
            return "It is void already: regenerate it."
        if not invoice.handles.get("contract_id"):
            return "Metronome regenerates contract invoices only; this one belongs to no contract."
        return Void().refusal_by_status(invoice)

    def _refusal_at_flexprice(self, invoice):
        found = flexprice_server.generation(invoice.connection)
        if not found:
            return flexprice_server.UNKNOWN
        if found == "A":
            return "This FlexPrice server recalculates drafts only; it has no call that replaces an invoice."
        if invoice.replaced_by:
            return f"It was replaced already, by {invoice.replaced_by}."
        if invoice.kind != "SUBSCRIPTION":
            return (
                f"FlexPrice replaces subscription invoices only; this one is {invoice.kind or 'of no kind it knows'}."
            )
        if not invoice.period_start or not invoice.period_end:
            return "FlexPrice replaces invoices of a billing period only; this one has none."
        return "" if invoice.status == Status.VOID else Void().refusal_by_status(invoice)

    def consequences(self, invoice, snapshot):
        yield Consequence(
            effect=Effect.MONEY,
            text="is its total; the new invoice is computed with today's usage, rates and balances and can differ",
            amount=snapshot.total,
            unit=snapshot.currency,
        )
        if invoice.status != Status.VOID:
            yield from Void().consequences(invoice, snapshot)
        if invoice.connection.provider == "metronome":
            yield from list(RegenerateInvoice().consequences(invoice, snapshot))[1:]
            yield Consequence(
                effect=Effect.CHANGE,
                text="It is done in two steps, each on record. If the second fails, the invoice stays void, and this "
                "waits here as “voided, replacement missing”.",
            )
            return
        yield Consequence(
            effect=Effect.CHANGE, text="The new invoice is finalized at once, gets a number of its own and is owed."
        )
        yield Consequence(
            effect=Effect.MONEY, text="FlexPrice tries to collect the new invoice, from the wallet or by its usual way."
        )
        yield Consequence(
            effect=Effect.CHANGE,
            text="FlexPrice only says that it will, and does it a moment later. If there is nothing to bill, the invoice "
            "stays void without a replacement, and this waits here as “voided, replacement missing”.",
        )
        yield Consequence(effect=Effect.OUTSIDE, text="Systems connected to FlexPrice hear of both invoices.")

    def prepare(self, reading: Reading):
        if reading.provider.key == "flexprice":
            flexprice_server.must_be_the_same(reading)

    def proof(self, reading: Reading):
        """Both halves: the old one void, the new one named by it (or naming it) and mirrored. One half is a stage, no end."""
        if reading.provider.key == "metronome":
            found = RegenerateInvoice().proof(reading)
            if found.verdict is Verdict.APPLIED:
                return found
            reading.invoice.refresh_from_db()
            if reading.invoice.status != Status.VOID:
                return Proof(verdict=Verdict.ABSENT, saw=f"Status {reading.invoice.provider_status}")
            stage = reading.operation.outcome.get("stage") or MISSING
            return Proof(verdict=Verdict.UNCLEAR, saw=found.saw, stage=stage, incident=found.incident)
        invoice = fresh(reading)
        saw = f"Status {invoice.provider_status}"
        if invoice.replaced_by:
            made = by_id(reading, invoice.replaced_by, {})
            return Proof(verdict=made.verdict, saw=f"{saw}, replaced by {made.saw}", created=made.created)
        if invoice.status != Status.VOID:
            return Proof(verdict=Verdict.ABSENT, saw=saw)
        began_void = reading.operation.seen["provider_status"].startswith("VOIDED")
        verdict = Verdict.ABSENT if began_void else Verdict.UNCLEAR
        return Proof(verdict=verdict, saw=f"{saw}, no replacement yet", stage=MISSING)
