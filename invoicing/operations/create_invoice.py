from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms

from invoicing.mirror.customers import snapshot_of_row
from invoicing.money import EXACT, exact_text, total_of
from invoicing.operations.arguments import Arguments, CurrencyField, DayField, LinesField, too_fine
from invoicing.operations.reading_back import by_id, listed
from invoicing.operations.verb import Call, Consequence, Effect, Proof, Reading, Verb, Verdict
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import CallClass

MARK = "invoice_desk_operation"  # the metadata name under which the new invoice carries our operation's id
ORB_ONLY = ("invoice_date", "item_id", "will_auto_issue", "memo")
FLEXPRICE_ONLY = ("description",)
FLEXPRICE_DECIMALS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "KWD": 3, "CLF": 4}


class OneOff(Arguments):
    currency = CurrencyField(label="Currency")
    lines = LinesField(
        max_length=100_000,
        label="Lines",
        help_text="One a line: text | quantity | unit price. 1 where no quantity stands.",
    )
    item_id = forms.CharField(
        max_length=64, label="Orb item id", help_text="The item of your Orb account that is sold."
    )
    invoice_date = DayField(label="Invoice date")
    due_date = DayField(required=False, label="Due date")
    memo = forms.CharField(required=False, max_length=1000, label="Memo on the invoice")
    description = forms.CharField(required=False, max_length=1000, label="Description")
    will_auto_issue = forms.BooleanField(
        required=False, label="Issue by itself on the invoice date", help_text="At once, where that is today or past."
    )

    def fit(self):
        for name in {"orb": FLEXPRICE_ONLY, "flexprice": ORB_ONLY}.get(self.provider, ()):
            del self.fields[name]

    def clean_currency(self):
        code = self.cleaned_data["currency"]
        billed_in = _currency_of(self.about)
        if self.provider == "orb" and billed_in and billed_in != code:
            raise forms.ValidationError(f"Orb bills this customer in {billed_in}.")
        return code

    def clean(self):
        given = self.cleaned_data
        lines = given.get("lines")
        if self.provider == "flexprice" and lines and total(lines) < 0:
            self.add_error("lines", "FlexPrice makes no invoice with a negative total.")
        for number, line in enumerate(lines or (), 1):
            why = too_fine(Decimal(amount_of(line)), given.get("currency", ""), decimals=self._decimals())
            if why:
                self.add_error("lines", f"Line {number}: {why}")
        if given.get("invoice_date") and given.get("due_date") and given["due_date"] < given["invoice_date"]:
            self.add_error("due_date", "It cannot be due before the invoice date.")

    def _decimals(self) -> int | None:
        """FlexPrice has a table of its own: two decimals for all but these, also where ISO 4217 has three or none."""
        if self.provider != "flexprice":
            return None
        return FLEXPRICE_DECIMALS.get(self.cleaned_data.get("currency", ""), 2)


class CreateInvoice(Verb):
    """Bill a customer once, apart from any subscription. The provider's own key, or our mark on it, proves which is ours."""

    key = "create_invoice"
    name = "One-off invoice"
    done = "created"
    summary = "Bills the customer once, for lines that you write."
    starts_from = "customer"
    destructive = False
    form = OneOff
    calls = {
        "flexprice": Call(
            endpoint="create_invoice",
            call_class=CallClass.KEYED,
            key_window=timedelta(days=3650),  # unique as long as the invoice is not voided
        ),
        "orb": Call(endpoint="create_invoice", call_class=CallClass.KEYED, key_window=timedelta(hours=48)),
    }

    def consequences(self, start, snapshot=None):
        if start.connection.provider == "flexprice":
            yield Consequence(
                effect=Effect.CHANGE,
                text="FlexPrice finalizes it at once: it gets its number and is owed. There is no draft.",
            )
            yield Consequence(
                effect=Effect.MONEY, text="The customer's prepaid wallet credits are applied, and taxes are added."
            )
            yield Consequence(effect=Effect.OUTSIDE, text="Systems connected to FlexPrice hear of it.")
        else:
            yield Consequence(
                effect=Effect.CHANGE,
                text="Orb makes a draft that can still be changed, unless it is to issue by itself and its date has come.",
            )
            yield Consequence(
                effect=Effect.MONEY, text="Once issued, taxes are added and the customer's balance is applied."
            )
            yield Consequence(
                effect=Effect.OUTSIDE,
                text="When it is issued, if so configured in Orb: an e-mail to the customer, automatic collection.",
            )
        yield Consequence(effect=Effect.NOT, text="No subscription changes, and no later invoice is lowered by it.")

    def wire_arguments(self, operation):
        given, provider = operation.arguments, operation.connection.provider
        common: dict[str, Any] = {
            "customer_id": operation.external_id,
            "currency": given["currency"],
            "metadata": {MARK: str(operation.pk)},
        }
        common |= {name: given[name] for name in ("due_date", "memo", "description") if name in given}
        if provider == "flexprice":
            lines = [
                {"text": line["text"], "quantity": line["quantity"], "amount": amount_of(line)}
                for line in given["lines"]
            ]
            return common | {"lines": lines, "idempotency_key": operation.key}
        of_all = {"item_id": given["item_id"], **dict.fromkeys(("period_start", "period_end"), given["invoice_date"])}
        return common | {
            "lines": [line | of_all for line in given["lines"]],
            "invoice_date": given["invoice_date"],
            "will_auto_issue": given.get("will_auto_issue", False),
        }

    def proof(self, reading: Reading):
        """By the id of the answer; without one, by our mark among the customer's invoices."""
        operation = reading.operation
        known = operation.outcome.get("created", "")
        if known:
            return by_id(reading, known, {"customer_id": operation.external_id})
        ours = [
            found["id"] for found in listed(reading, customer_id=operation.external_id) if is_ours(found, operation)
        ]
        if len(ours) == 1:
            return by_id(reading, ours[0], {"customer_id": operation.external_id})
        if ours:
            saw = f"{len(ours)} invoices carry this operation's mark: {', '.join(ours)}"
            return Proof(verdict=Verdict.UNCLEAR, saw=saw, incident=saw)
        return Proof(verdict=Verdict.ABSENT, saw="None of the customer's invoices carries this operation's mark")


def is_ours(found: dict[str, Any], operation) -> bool:
    metadata = found.get("metadata")
    marked = isinstance(metadata, dict) and metadata.get(MARK) == str(operation.pk)
    return isinstance(found.get("id"), str) and (marked or found.get("idempotency_key") == operation.key)


def amount_of(line: dict[str, str]) -> str:
    return exact_text(EXACT.multiply(Decimal(line["quantity"]), Decimal(line["unit_price"])))


def total(lines: list[dict[str, str]]) -> Decimal:
    return total_of(Decimal(amount_of(line)) for line in lines)


def _currency_of(start) -> str:
    if start is None or start.customer is None:
        return ""
    return snapshot_of_row(start.customer, PROVIDERS[start.connection.provider]).currency
