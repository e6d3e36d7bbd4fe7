from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from invoicing.money import total_of
from invoicing.operations.outside_copy import when_voided
from invoicing.operations.reading_back import by_status, payload_of
from invoicing.operations.verb import Call, Consequence, Effect, Reading, Verb, Verdict
from invoicing.providers.flexprice.writes import OPERATION_MARK
from invoicing.vocabulary import CallClass, Payment, Status

REFUNDABLE = (Payment.PAID, Payment.OVERPAID, Payment.PARTLY_PAID, Payment.PARTLY_REFUNDED)


class Void(Verb):
    """Cancel a finalized invoice: kept on record, never collected. No provider can undo it."""

    key = "void"
    name = "Void"
    done = "voided"
    summary = "Cancels the invoice for good. It stays on record and is never collected."
    calls = {
        "metronome": Call(
            endpoint="void_invoice",
            call_class=CallClass.KEYED,
            key_window=timedelta(hours=24),
            replays_errors=True,
        ),
        "orb": Call(endpoint="void_invoice", call_class=CallClass.KEYED, key_window=timedelta(hours=48)),
        "flexprice": Call(endpoint="void_invoice", call_class=CallClass.GUARDED),
    }

    def refusal_by_status(self, invoice):
        if invoice.status == Status.VOID:
            return "It is void already."
        return getattr(self, f"_refusal_at_{invoice.connection.provider}")(invoice)

    def _refusal_at_orb(self, invoice):
        word = invoice.provider_status
        if word == "draft":
            return (
                "Orb voids issued invoices only. A draft would have to be issued first, which may e-mail the customer."
            )
        if word == "paid":
            return "Orb does not void a paid invoice. A credit note corrects it."
        if word == "synced":
            return (
                "Orb handed this invoice to another invoicing system and does not void it; it must be cancelled there."
            )
        return "" if word == "issued" else f"Orb voids issued invoices only; this one is {word}."

    def _refusal_at_metronome(self, invoice):
        if invoice.status != Status.FINALIZED:
            return "Metronome voids finalized invoices only."
        return ""

    def _refusal_at_flexprice(self, invoice):
        if invoice.payment_status == Payment.REFUNDED:
            return "FlexPrice does not void an invoice that was refunded."
        if invoice.payment_status in (Payment.PROCESSING, Payment.NOT_TRACKED):
            return f"FlexPrice does not void an invoice whose payment is {invoice.provider_status.split(' / ')[-1]}."
        if invoice.connection.facts.get("generation") == "A" and invoice.payment_status in REFUNDABLE:
            return "This FlexPrice server voids only invoices whose payment is pending or failed."
        return ""

    def consequences(self, invoice, snapshot):
        return getattr(self, f"_consequences_at_{invoice.connection.provider}")(invoice, snapshot)

    def _consequences_at_orb(self, invoice, snapshot):
        yield Consequence(effect=Effect.CHANGE, text="Orb marks it void and cancels future payment attempts.")
        returned = total_of(
            -item.amount for item in snapshot.credit_items if item.amount is not None and "balance" in item.detail
        )
        if returned:
            yield Consequence(
                effect=Effect.MONEY,
                text="goes back to the customer's Orb balance",
                amount=returned,
                unit=snapshot.currency,
            )
        yield Consequence(
            effect=Effect.CHANGE,
            text="If it bought a credit block that is unpaid, the block is voided; if an automatic top-up made it, the "
            "top-up is switched off.",
        )
        yield Consequence(effect=Effect.NOT, text="Nothing is refunded to a card or bank account.")

    def _consequences_at_metronome(self, invoice, snapshot):
        yield Consequence(
            effect=Effect.CHANGE, text="Metronome marks it void at once and gives back the credits it drew."
        )
        yield from when_voided(snapshot.outside_copy, snapshot.currency)
        yield Consequence(
            effect=Effect.CHANGE, text="It can be regenerated afterwards, with today's usage, rates and balances."
        )
        yield Consequence(effect=Effect.NOT, text="Metronome sends no credit memo and tells no other system.")

    def _consequences_at_flexprice(self, invoice, snapshot):
        yield Consequence(effect=Effect.CHANGE, text="FlexPrice marks it voided.")
        parts = (snapshot.amount_paid, snapshot.credits)
        back = total_of(part for part in parts if part) - (snapshot.amount_refunded or Decimal(0))
        if back > 0 and invoice.connection.facts.get("generation") != "A":
            yield Consequence(
                effect=Effect.MONEY,
                text="is credited to the customer's prepaid wallet; if there is none, FlexPrice creates one",
                amount=back,
                unit=snapshot.currency,
            )
        yield Consequence(effect=Effect.NOT, text="Nothing returns to a card or bank account.")
        yield Consequence(effect=Effect.NOT, text="Its amounts do not change; only its status says that it is void.")

    def wire_arguments(self, operation):
        return {"operation_id": str(operation.pk)}

    def proof(self, reading: Reading):
        """Its status; and at FlexPrice our mark on it, which tells whether it was us."""
        found = by_status(reading, applied=Status.VOID, absent=(Status.FINALIZED, Status.DRAFT, Status.SKIPPED))
        if found.verdict is not Verdict.APPLIED or reading.provider.key != "flexprice":
            return found
        reading.invoice.refresh_from_db()
        mark = (payload_of(reading.invoice).get("metadata") or {}).get(OPERATION_MARK)
        whose = "with our mark" if mark == str(reading.operation.pk) else "without our mark: somebody else voided it"
        return replace(found, saw=f"{found.saw}, {whose}")
