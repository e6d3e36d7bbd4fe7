from datetime import timedelta

from invoicing.mirror.refresh import refresh_customer_invoices
from invoicing.models import Invoice
from invoicing.operations.outside_copy import when_billed_anew
from invoicing.operations.verb import Call, Consequence, Effect, Proof, Reading, Verb, Verdict
from invoicing.vocabulary import CallClass, Status


class RegenerateInvoice(Verb):
    """Compute a voided invoice anew: a new invoice with a new id, at today's rates. Metronome, contract invoices."""

    key = "regenerate_invoice"
    name = "Regenerate invoice"
    done = "regenerated"
    summary = "Bills the voided invoice's period anew: a new invoice with a new id, computed with what holds today."
    calls = {
        "metronome": Call(
            endpoint="regenerate_invoice",
            call_class=CallClass.KEYED,
            key_window=timedelta(hours=24),
            replays_errors=True,
        ),
    }

    def refusal_by_status(self, invoice):
        if invoice.status != Status.VOID:
            return "Only a void invoice can be regenerated. Void it first."
        replacement = replacements(invoice).first()
        if replacement:
            return f"It was regenerated already, as {replacement.number or replacement.external_id}."
        if not invoice.handles.get("contract_id"):
            return "Metronome regenerates contract invoices only; this one belongs to no contract."
        return ""

    def consequences(self, invoice, snapshot):
        yield Consequence(
            effect=Effect.MONEY,
            text="was the voided total; the new one is computed with today's usage, rates and balances and can differ",
            amount=snapshot.total,
            unit=snapshot.currency,
        )
        yield Consequence(effect=Effect.CHANGE, text="A new invoice with a new id appears; this one stays void.")
        yield from when_billed_anew(snapshot.outside_copy, snapshot.currency)
        yield Consequence(effect=Effect.NOT, text="Usage older than 34 days can no longer be corrected by it.")

    def proof(self, reading: Reading):
        """Metronome's own link back proves it: exactly one invoice that names ours as what it was regenerated from."""
        invoice = reading.invoice
        refresh_customer_invoices(invoice, http=reading.http)
        found = list(replacements(invoice))
        if len(found) == 1:
            return Proof(
                verdict=Verdict.APPLIED, saw=f"Replaced by {found[0].external_id}", created=found[0].external_id
            )
        if found:
            saw = f"{len(found)} invoices say they replace it: {', '.join(each.external_id for each in found)}"
            return Proof(verdict=Verdict.UNCLEAR, saw=saw, incident=saw)
        return Proof(verdict=Verdict.ABSENT, saw="No invoice says it replaces this one")


def replacements(invoice):
    return Invoice.objects.filter(connection_id=invoice.connection_id, replaces=invoice.external_id)
