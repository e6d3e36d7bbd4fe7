from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from invoicing.mirror.snapshots import snapshot_of
from invoicing.operations.arguments import Arguments, DayField, PairsField
from invoicing.operations.reading_back import fresh, payload_of
from invoicing.operations.verb import Call, Consequence, Effect, Proof, Reading, Verb, Verdict
from invoicing.providers.normalizing import day_of
from invoicing.vocabulary import CallClass, Payment, Status

DUE, METADATA, LINK = "Due date", "Metadata", "PDF link"
COLLECTS, DATED = "Automatic collection", "Invoice date"
PO = "po_number"
TAKES_LINK = ("flexprice",)
FURTHEST = timedelta(days=365)  # how far ahead Orb dates an invoice


class Changes(Arguments):
    due_date = DayField(required=False, label="Due date")
    po_number = forms.CharField(
        required=False, max_length=200, label="PO number", help_text=f"Kept as metadata “{PO}”."
    )
    metadata = PairsField(
        required=False, label="Metadata", help_text="name=value, one a line. A name without a value is removed."
    )
    invoice_date = DayField(required=False, label="Invoice date", help_text="Of one-off drafts, at most a year ahead.")
    auto_collection = forms.ChoiceField(
        required=False,
        label="Automatic collection",
        choices=[("", "Leave as it is"), ("true", "Orb collects by itself"), ("false", "Orb does not collect")],
    )
    invoice_pdf_url = forms.CharField(required=False, max_length=2000, label="Link to a PDF of your own")

    def fit(self):
        if self.about and self.provider not in TAKES_LINK:
            del self.fields["invoice_pdf_url"]
        if self.about and (self.provider != "orb" or self.about.provider_status != "draft"):
            del self.fields["auto_collection"]
        if self.about and (self.provider != "orb" or not dated_freely(self.about)):
            del self.fields["invoice_date"]

    def clean_invoice_date(self):
        day = self.cleaned_data["invoice_date"]
        if day and day > timezone.now().date() + FURTHEST:
            raise forms.ValidationError("Orb dates an invoice at most a year ahead.")
        return day

    def clean_due_date(self):
        day = self.cleaned_data["due_date"]
        if day and self.provider == "flexprice" and day <= timezone.now().date():
            raise forms.ValidationError("FlexPrice takes a due date in the future only.")
        if day and self.provider == "orb" and self.about.provider_status != "draft":
            raise forms.ValidationError(
                f"Orb changes the due date of drafts only; this invoice is {self.about.provider_status}."
            )
        return day

    def clean_invoice_pdf_url(self):
        link = self.cleaned_data["invoice_pdf_url"]
        if link and not link.startswith("https://"):
            raise forms.ValidationError("The link must begin with https://.")
        return link

    def clean(self):
        given = self.cleaned_data
        if given.get("po_number") and PO in (given.get("metadata") or {}):
            self.add_error("po_number", f"“{PO}” stands in the metadata too; say it once.")
        if self.errors or self.about is None:
            return
        now, wanted = state(self.about), wanted_of(self.given())
        if not wanted:
            raise forms.ValidationError("Say what is to change.")
        if all(_holds(now, name, value) for name, value in wanted.items()):
            raise forms.ValidationError("It stands so already; nothing would change.")
        if METADATA in wanted and self._metadata_is_closed():
            raise forms.ValidationError("This FlexPrice server changes only due date and PDF link of a paid invoice.")

    def _metadata_is_closed(self) -> bool:
        early = self.about.connection.facts.get("generation") == "A"
        return early and self.about.payment_status == Payment.PAID


class Update(Verb):
    """Set due date, PO number, metadata, PDF link and, of Orb's drafts, date and collection to given values.

    A value set twice is the same value. Orb's net terms are left out: no invoice shows them, so that nothing proves them;
    a due date says the same.
    """

    key = "update"
    name = "Edit details"
    done = "edited"
    summary = "Sets dates, the PO number, metadata, how it is collected or a PDF link. Amounts and lines stay."
    destructive = False
    form = Changes
    calls = {
        "orb": Call(endpoint="update_invoice", call_class=CallClass.SETTING),
        "flexprice": Call(endpoint="update_invoice", call_class=CallClass.SETTING),
    }

    def refusal_by_status(self, invoice):
        if invoice.connection.provider == "flexprice" and invoice.status not in (Status.DRAFT, Status.FINALIZED):
            return "FlexPrice edits draft and finalized invoices only."
        return ""

    def consequences(self, invoice, snapshot):
        if invoice.connection.provider == "flexprice":
            yield Consequence(
                effect=Effect.CHANGE, text="FlexPrice replaces all metadata at once; what it holds now is sent along."
            )
            yield Consequence(effect=Effect.OUTSIDE, text="Systems connected to FlexPrice hear that it changed.")
            yield Consequence(
                effect=Effect.OUTSIDE,
                text="With a PDF link, customers are led to that address instead of FlexPrice's own document.",
            )
        else:
            yield Consequence(effect=Effect.CHANGE, text="Orb changes what is given and keeps the rest.")
            if invoice.provider_status != "draft":
                yield Consequence(effect=Effect.NOT, text="Its PDF is not drawn again by this.")
        yield Consequence(effect=Effect.NOT, text="No amount, line, tax or status changes.")

    def before(self, invoice):
        return state(invoice)

    def wire_arguments(self, operation):
        """What the adapter sends. FlexPrice's map is replaced whole, in Orb's a null takes a name away."""
        wanted = wanted_of(operation.arguments)
        sent: dict[str, Any] = {}
        if DUE in wanted:
            sent["due_date"] = wanted[DUE]
        if DATED in wanted:
            sent["invoice_date"] = wanted[DATED]
        if COLLECTS in wanted:
            sent["auto_collection"] = wanted[COLLECTS] == "true"
        if LINK in wanted:
            sent["invoice_pdf_url"] = wanted[LINK]
        if METADATA in wanted:
            changes = wanted[METADATA]
            if operation.connection.provider == "flexprice":
                merged = {**operation.seen["before"][METADATA], **changes}
                sent["metadata"] = {name: text for name, text in merged.items() if text}
            else:
                sent["metadata"] = {name: text or None for name, text in changes.items()}
        return sent

    def proof(self, reading: Reading):
        now, before = state(fresh(reading)), reading.operation.seen["before"]
        wanted = wanted_of(reading.operation.arguments)
        saw = "; ".join(f"{name}: {now[name]}" for name in wanted)
        if all(_holds(now, name, value) for name, value in wanted.items()):
            return Proof(verdict=Verdict.APPLIED, saw=saw)
        same = all(now[name] == before[name] for name in wanted)
        return Proof(verdict=Verdict.ABSENT if same else Verdict.UNCLEAR, saw=saw)


def state(invoice) -> dict[str, Any]:
    """What can be edited, as the provider has it now."""
    payload, snapshot = payload_of(invoice), snapshot_of(invoice)
    due = snapshot.due_date
    held = {DUE: due.isoformat() if due else None, METADATA: payload.get("metadata") or {}}
    if invoice.connection.provider in TAKES_LINK:
        held[LINK] = payload.get("invoice_pdf_url")
    if invoice.connection.provider == "orb":
        dated = day_of(payload.get("invoice_date"), snapshot.timezone)
        collection = payload.get("auto_collection") or {}
        held[DATED] = dated.isoformat() if dated else None
        collects = collection.get("enabled")
        held[COLLECTS] = str(collects).lower() if isinstance(collects, bool) else None
    return held


def dated_freely(invoice) -> bool:
    """Whether Orb lets its date be set: of a draft that no subscription made."""
    return invoice.provider_status == "draft" and invoice.kind == "one_off"


def wanted_of(arguments: dict[str, Any]) -> dict[str, Any]:
    """What is to be set, by its label; the PO number is one of the metadata."""
    pairs = dict(arguments.get("metadata") or {})
    if arguments.get("po_number"):
        pairs[PO] = arguments["po_number"]
    found = {
        DUE: arguments.get("due_date"),
        METADATA: pairs,
        LINK: arguments.get("invoice_pdf_url"),
        DATED: arguments.get("invoice_date"),
        COLLECTS: arguments.get("auto_collection"),
    }
    return {name: value for name, value in found.items() if value}


def _holds(now: dict[str, Any], name: str, value: Any) -> bool:
    if name != METADATA:
        return now.get(name) == value
    return all(now[METADATA].get(key, "") == text for key, text in value.items())
