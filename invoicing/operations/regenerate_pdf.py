from datetime import timedelta

from invoicing.documents.vault import fetch_provider_pdf
from invoicing.mirror.refresh import refresh_invoice
from invoicing.models import InvoiceVersion
from invoicing.operations.verb import Call, Consequence, Effect, Proof, Reading, Verb, Verdict
from invoicing.vocabulary import CallClass


class RegeneratePdf(Verb):
    """Have the provider draw the same invoice again; its amounts stay. The former file is kept here first."""

    key = "regenerate_pdf"
    name = "Regenerate PDF"
    done = "drawn again"
    summary = "The provider draws the document again. Amounts, number and status stay as they are."
    destructive = False
    answer_proves = True
    calls = {
        "checkout_page": Call(endpoint="regenerate_pdf", call_class=CallClass.SETTING),
        "orb": Call(endpoint="regenerate_pdf", call_class=CallClass.KEYED, key_window=timedelta(hours=48)),
    }

    def refusal_by_status(self, invoice):
        if not invoice.has_pdf:
            return "There is no PDF yet that could be drawn again."
        if invoice.connection.provider == "orb" and invoice.provider_status == "draft":
            return "Orb draws a document only once the invoice is issued."
        return ""

    def consequences(self, invoice, snapshot):
        if invoice.connection.provider == "checkout_page":
            yield Consequence(
                effect=Effect.CHANGE,
                text="Checkout Page overwrites billing details and PO number with those of the payment, and the PDF in place.",
            )
        else:
            yield Consequence(
                effect=Effect.CHANGE,
                text="Orb draws the PDF again and archives the former one. Replacing an issued tax document can be unlawful.",
            )
        yield Consequence(
            effect=Effect.CHANGE, text="The former PDF is kept here, byte for byte, before anything is sent."
        )
        yield Consequence(effect=Effect.NOT, text="Lines, amounts, taxes, number and status do not change.")
        yield Consequence(effect=Effect.NOT, text="Nothing is sent to the customer.")

    def prepare(self, reading: Reading):
        fetch_provider_pdf(reading.invoice, http=reading.http, by=reading.operation.requester)

    def proof(self, reading: Reading):
        """The file itself says nothing of who drew it; the invoice's update time does, where the provider moves it."""
        before = reading.operation.seen.get("provider_updated_at")
        result = refresh_invoice(reading.invoice, source=InvoiceVersion.Source.OPERATION, http=reading.http)
        after = result.invoice.provider_updated_at
        if result.found and after and before and after.isoformat() > before:
            return Proof(verdict=Verdict.APPLIED, saw=f"Updated at the provider {after:%Y-%m-%d %H:%M:%S} UTC")
        return Proof(verdict=Verdict.ABSENT, saw="The provider shows no newer update")

    def settle(self, reading: Reading, created):
        fetch_provider_pdf(reading.invoice, http=reading.http, by=reading.operation.requester)
