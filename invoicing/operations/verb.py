"""What every verb says of itself. One file a verb; the page, the form, the bulk action, the command and the worker ask it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any, ClassVar

from django import forms

from invoicing.models import Connection, Invoice, Operation
from invoicing.operations.arguments import Arguments
from invoicing.operations.targets import About, kind_of, starting
from invoicing.providers.base import Http, Provider
from invoicing.providers.registry import PROVIDERS
from invoicing.providers.snapshots import InvoiceSnapshot
from invoicing.vocabulary import CallClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Which endpoint a verb uses at one provider, and what makes doubling impossible there."""

    endpoint: str
    call_class: CallClass
    key_window: timedelta | None = None  # how long the provider remembers our key
    replays_errors: bool = False  # a stored error is replayed under the same key, so a definite answer is never resent
    patience: timedelta = timedelta(0)  # how long the provider may take over what it accepted
    steps: tuple[str, ...] = ()  # made of these verbs in turn, each an operation with its own key, class and attempts


class Effect(Enum):
    """What a line of a consequence card is about."""

    MONEY = "money"
    CHANGE = "change"
    OUTSIDE = "outside"
    NOT = "not"  # what will not happen, though one might expect it


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    effect: Effect
    text: str
    amount: Decimal | None = None
    unit: str = ""


class Verdict(Enum):
    APPLIED = "applied"
    ABSENT = "absent"
    UNCLEAR = "unclear"
    FAILED = "failed"  # the provider tried, and says that it came to nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What reading back showed."""

    verdict: Verdict
    saw: str
    created: str = ""  # external id of what the effect made
    stage: str = ""  # how far a longer operation has come
    incident: str = ""  # what should not be possible, and is: a person looks at it


class NoLonger(Exception):
    """What was asked for no longer holds. Nothing was sent; the message says why, `changed` what of the invoice changed."""

    def __init__(self, message: str, *, changed: Sequence[str] = ()):
        super().__init__(message)
        self.changed = list(changed)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a read-back may use: the operation, its provider's adapter, the wire."""

    operation: Operation
    provider: Provider
    http: Http

    @property
    def invoice(self) -> Invoice:
        return target(self.operation)


def target(operation: Operation) -> Invoice:
    """The invoice an operation is about. Errors: LookupError where it is about none (a one-off to be made)."""
    if operation.invoice is None:
        raise LookupError(f"Operation {operation.pk} is about no invoice.")
    return operation.invoice


class Verb:
    """Base of the verbs. Instances are stateless and stand in the registry."""

    key: ClassVar[str]
    name: ClassVar[str]  # on the button: "Void"
    done: ClassVar[str]  # in a sentence: "voided"
    summary: ClassVar[str]
    starts_from: ClassVar[str] = "invoice"  # or "customer", "subscription"
    right: ClassVar[str] = "request"
    destructive: ClassVar[bool] = True
    reads_only: ClassVar[bool] = False  # answered at once and never an operation
    calls: ClassVar[Mapping[str, Call]] = {}
    form: ClassVar[type[Arguments] | None] = None  # further arguments beside reason and reference
    answer_proves: ClassVar[bool] = False  # the effect cannot be read back more surely than its answer says it
    success_may_be_empty: ClassVar[bool] = False  # the provider answers success also when nothing happened

    def call_at(self, connection: Connection) -> Call | None:
        """The call it makes there; None where it is not offered."""
        return self.calls.get(connection.provider)

    def call_of(self, operation: Operation) -> Call:
        """The call of an operation that was stored. Errors: NoLonger, where its connection offers it no more."""
        call = self.call_at(operation.connection)
        if call is None:
            raise NoLonger(f"{PROVIDERS[operation.connection.provider].name} no longer offers this.")
        return call

    def about(self, operation: Operation) -> About:
        return operation.invoice or starting(self.starts_from, operation.connection, operation.external_id)

    def refusal(self, about: About) -> str:
        """Why this cannot be asked now; empty when it can. Only what the provider's rules and our own certainty demand."""
        provider = PROVIDERS[about.connection.provider]
        if not self.calls.get(provider.key):
            return provider.not_offered.get(self.key) or f"{provider.name} does not offer this."
        if kind_of(about) != self.starts_from:
            return f"This starts from a {self.starts_from}, not from a {kind_of(about)}."
        if isinstance(about, Invoice):
            if about.gone_at:
                return f"{provider.name} no longer has this invoice."
            if about.unrecognized:
                return f"{provider.name} calls it “{about.provider_status}”, a status this desk does not know yet."
        return self.refusal_by_status(about)

    def refusal_by_status(self, about: Any) -> str:
        return ""

    def form_for(self, about: About) -> Callable[..., Arguments] | None:
        """The form of its further arguments, fitted to what it is about; called as a form class is."""
        return partial(self.form, about=about) if self.form else None

    def cleaned(self, about: About, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments, read and JSON-ready. Errors: ValidationError, by field."""
        make = self.form_for(about)
        form = make(dict(given)) if make else Arguments(dict(given), about=about)
        known = ", ".join(name for name, one in form.fields.items() if not one.disabled) or "none"
        unknown = {
            name: f"{self.name} takes no “{name}”; its arguments are: {known}."
            for name in set(given) - set(form.fields)
        }
        if unknown:
            raise forms.ValidationError(unknown)
        if not form.is_valid():
            raise forms.ValidationError(form.errors.as_data())
        return form.given()

    def consequences(self, about: Any, snapshot: InvoiceSnapshot) -> Iterable[Consequence]:
        """What it will do, as data: money that moves and where to, what else changes, what will not happen."""
        return ()

    def before(self, about: Any) -> dict[str, Any]:
        """What else must still be as it was seen when it is sent, by its label, JSON-ready; the read-back compares with it."""
        return {}

    def wire_arguments(self, operation: Operation) -> dict[str, Any]:
        """The JSON-ready arguments the adapter builds the request from."""
        return dict(operation.arguments)

    def prepare(self, reading: Reading) -> None:
        """What must be safe before the wire is touched (the former PDF kept).

        Errors: NoLonger; any ProviderError. Either means: not sent.
        """

    def proof(self, reading: Reading) -> Proof:
        """Read back whether the effect exists. Errors: any ProviderError, which means "cannot tell"."""
        raise NotImplementedError

    def settle(self, reading: Reading, created: str) -> None:
        """What follows a success: mirror what was made, keep the new PDF. Runs after the outcome is committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """A verb as one invoice's menu shows it."""

    verb: Verb
    refusal: str = field(default="")

    @property
    def offered(self) -> bool:
        return not self.refusal
