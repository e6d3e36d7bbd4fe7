"""The arguments of verbs: forms that read what a page, a bulk row or a command gives, and say plainly what is wrong."""

import json
import re
from decimal import Decimal
from typing import Any

from babel.numbers import list_currencies
from django import forms

from invoicing.documents import figures
from invoicing.mirror.rows import json_ready
from invoicing.money import EXACT, exact_text, parse_amount
from invoicing.operations.targets import About

CURRENCIES = frozenset(list_currencies())
MOST_DIGITS = 40
KEY = re.compile(r"[^\s=][^=]{0,79}")


class Arguments(forms.Form):
    """Base of the verbs' forms. `about` is the invoice, customer or subscription they are for, where that is known."""

    def __init__(self, *given, about: About | None = None, **named):
        super().__init__(*given, **named)
        self.about: Any = about
        self.fit()

    def offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        """What a field lets one choose from."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def fit(self) -> None:
        """Adapt the fields to what the form is about: choices, fields a provider does not take."""

    @property
    def provider(self) -> str:
        return self.about.connection.provider if self.about else ""

    def given(self) -> dict[str, Any]:
        """What was given, JSON-ready: amounts and days as text, nothing for what was left out."""
        cleaned = {name: self.cleaned_data.get(name) for name in self.fields}
        return {name: json_ready(value) for name, value in cleaned.items() if value not in (None, "", [], {}, False)}


class AmountField(forms.CharField):
    """A plain decimal number with every digit that was written."""

    def __init__(self, *, signed: bool = False, zero: bool = True, **named):
        super().__init__(max_length=MOST_DIGITS, **named)
        self.signed, self.zero = signed, zero
        self.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    def clean(self, value: Any) -> Decimal | None:
        text = super().clean(value)
        return amount_in(text, signed=self.signed, zero=self.zero) if text else None


def amount_in(text: str, *, signed: bool = False, zero: bool = True) -> Decimal:
    """Errors: ValidationError, saying how an amount is written."""
    if "," in text:
        raise forms.ValidationError("Write amounts with a dot and without thousands separators: 1234.50.")
    try:
        amount = parse_amount(text)
    except ValueError:
        raise forms.ValidationError(f"“{text[:40]}” is not an amount. Write it like 1234.50.") from None
    if abs(amount.adjusted()) > MOST_DIGITS:
        raise forms.ValidationError("This amount has too many digits.")
    if amount < 0 and not signed:
        raise forms.ValidationError("This amount cannot be negative.")
    if amount == 0 and not zero:
        raise forms.ValidationError("This amount cannot be zero.")
    return amount


def too_fine(amount: Decimal, currency: str, *, decimals: int | None = None) -> str:
    """Why an amount cannot stand in its currency without being rounded; empty when it can."""
    keeps = figures.decimals(currency) if decimals is None else decimals
    if currency not in CURRENCIES or amount == EXACT.quantize(amount, Decimal(1).scaleb(-keeps)):
        return ""
    return f"{currency} has {keeps or 'no'} decimals, and {exact_text(amount)} would be rounded."


class CurrencyField(forms.CharField):
    """An ISO 4217 code, in capitals."""

    def __init__(self, **named):
        super().__init__(max_length=3, min_length=3, **named)

    def clean(self, value: Any) -> str:
        code = super().clean(value).upper()
        if code and code not in CURRENCIES:
            raise forms.ValidationError(f"{code} is not a currency that ISO 4217 knows.")
        return code


class PairsField(forms.CharField):
    """Names with their values, `name=value` one a line. A name without a value is to be removed."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})

    def clean(self, value: Any) -> dict[str, str]:
        if isinstance(value, dict):
            value = "\n".join(f"{name}={text}" for name, text in value.items())
        pairs: dict[str, str] = {}
        for line in super().clean(value).splitlines():
            name, found, text = line.strip().partition("=")
            if not name and not found:
                continue
            if not found or not KEY.fullmatch(name.strip()):
                raise forms.ValidationError(f"“{line.strip()[:60]}”: write each as name=value, one a line.")
            pairs[name.strip()] = text.strip()
        return pairs


class LinesField(forms.CharField):
    """The lines of a new invoice: `text | quantity | unit price`, one a line; a command may give them as JSON.

    Cleaned: [{"text", "quantity", "unit_price"}], figures as text.
    """

    widget = forms.Textarea(attrs={"rows": 5, "spellcheck": "false"})
    NAMES = ("text", "quantity", "unit_price")
    MOST = 200

    def clean(self, value: Any) -> list[dict[str, str]]:
        rows = self._rows(value)
        if not rows and self.required:
            raise forms.ValidationError("An invoice needs at least one line.")
        if len(rows) > self.MOST:
            raise forms.ValidationError(f"At most {self.MOST} lines.")
        return [self._line(number, row) for number, row in enumerate(rows, 1)]

    def _rows(self, value: Any) -> list[Any]:
        if isinstance(value, list):
            return value
        text = super().clean(value)
        if not text.startswith("["):
            return [line.split("|") for line in text.splitlines() if line.strip()]
        try:
            return json.loads(text, parse_float=str, parse_int=str)
        except (ValueError, RecursionError):
            raise forms.ValidationError("These lines are not JSON.") from None

    def _line(self, number: int, row: Any) -> dict[str, str]:
        parts = [row.get(name, "") for name in self.NAMES] if isinstance(row, dict) else row
        if not isinstance(parts, list) or len(parts) != 3 or (isinstance(row, dict) and set(row) - set(self.NAMES)):
            raise forms.ValidationError(f"Line {number}: write it as text | quantity | unit price.")
        text, *figures = (str(part).strip() for part in parts)
        if not text or len(text) > 500:
            raise forms.ValidationError(f"Line {number}: say what is charged, in at most 500 letters.")
        try:
            quantity = amount_in(figures[0] or "1", zero=False)
            price = amount_in(figures[1], signed=True)
        except forms.ValidationError as problem:
            raise forms.ValidationError(f"Line {number}: {problem.messages[0]}") from None
        return {"text": text, "quantity": json_ready(quantity), "unit_price": json_ready(price)}


class DayField(forms.DateField):
    """A day, `2026-10-31`. Other ways of writing one are refused: 03/04 is two days."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    input_formats = ("%Y-%m-%d",)
    default_error_messages = {"invalid": "Write the day as 2026-10-31."}
