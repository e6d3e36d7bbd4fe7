"""What every provider looks like from inside the house: a table of endpoints, slices to enumerate, records to normalize.

An adapter turns HTTP into snapshots and back. It knows no models, opens no transaction, keeps no state.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol

from invoicing.providers.errors import Unsupported
from invoicing.providers.snapshots import CustomerSnapshot, InvoiceSnapshot
from invoicing.vocabulary import Direction


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call a provider offers. `safe` says that repeating it changes nothing (a POST that searches is safe)."""

    method: str
    path: str  # "/invoices/{invoice_id}/void"
    safe: bool
    answers: Literal["json", "pdf", "none"] = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A 2xx answer, read whole within deadline and cap."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        """The body with every number a Decimal or int. Errors: NotUnderstood (NaN, duplicate keys, too deep, no JSON)."""
        from invoicing.providers.strict_json import loads

        return loads(self.body)


class Http(Protocol):
    """What adapters are given: one connection's wire, with its base URL, key, pacing, deadline and caps inside.

    Implemented by providers/http.py. Errors: the family in providers/errors.py.
    """

    def call(
        self,
        endpoint: Endpoint,
        *,
        path: Mapping[str, str] | None = None,
        query: Iterable[tuple[str, str]] = (),
        body: Any = None,
        key: str = "",
    ) -> Answer: ...

    def fetch_document(self, url: str) -> bytes:
        """A PDF behind a keyless link: address checked at every hop, at most three redirects, capped, begins with %PDF."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One list to read to its end; a killed run restarts inside it at the stored cursor."""

    kind: Literal["units", "customers", "invoices"]
    key: str  # unique within a run and stable: "invoices", "invoices:archived", "invoices:<customer id>"
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a slice: each record's own bytes as the provider sent them, and where the next page begins."""

    records: tuple[bytes, ...]
    next_cursor: str | None
    total: int | None = None  # how many the provider says there are in this slice


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The parts of one write, ready for the wire; the ledger stores their digest before sending."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None  # None sends no body


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a 2xx answer to a write claims. The ledger still reads back before it believes it."""

    outcome: Literal["done", "accepted"]  # accepted: the provider will do it later
    invoice: dict | None = None  # the invoice's payload, where the answer carries it
    created: str = ""  # external id of a new invoice
    facts: Mapping[str, str] = field(default_factory=dict)  # workflow id, new total: JSON-ready, worth keeping


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What normalization needs beside the payload: pricing units by id, the connection's environment."""

    units: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    customers: Mapping[str, CustomerSnapshot] = field(default_factory=dict)


class Provider:
    """Base of the five adapters. Subclasses are stateless; one instance of each stands in the registry."""

    key: ClassVar[str]
    name: ClassVar[str]
    direction: ClassVar[Direction] = Direction.RECEIVABLE
    base_url: ClassVar[str]
    hosts: ClassVar[tuple[str, ...]]  # hosts a key of this provider may be entered for; others only by setting
    requests_per_second: ClassVar[float] = 10
    final_replaces_draft: ClassVar[bool] = False  # a final invoice ends its period's draft even under another id
    endpoints: ClassVar[Mapping[str, Endpoint]]
    statuses: ClassVar[
        tuple[tuple[str, str, str], ...]
    ] = ()  # (provider's word, our status, our payment status): shown on a page
    not_offered: ClassVar[Mapping[str, str]] = {}  # verb → why there is no such call, shown on the capability page

    def offers(self, name: str) -> bool:
        """Whether there is such a call: a verb is offered exactly when it has a row in `endpoints`."""
        return name in self.endpoints

    def auth_headers(self, api_key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {api_key}"}

    def error_text(self, payload: Any) -> str | None:
        """The provider's own words if this JSON is its error shape; None when it is not, so that someone in between answered."""
        return None

    def says_missing(self, payload: Any) -> bool:
        """Whether a 404 in the error shape says that there is no such record (and not: no such address or feature)."""
        return True

    def probe(self, http: Http) -> dict[str, Any]:
        """The test call of `connect`: JSON-ready facts to keep and show (account name, what the key may do, server generation).

        Errors: KeyRefused names what is missing.
        """
        raise NotImplementedError

    def slices(self, *, customers: Iterable[str], since: datetime | None) -> Iterator[Slice]:
        """Every list a sync must read, in order: units, customers, invoices.

        `customers` is iterated lazily, after the customer slices are done: the external ids known by then.
        `since` asks for an incremental run where the provider allows it (the adapter adds its own overlap).
        """
        raise NotImplementedError

    def complete_slices(self, since: datetime | None) -> bool:
        """Whether a run over these slices has seen every invoice there is, so that absence may be looked into."""
        return since is None

    def page(self, http: Http, part: Slice, cursor: str | None, *, size: int | None = None) -> Page:
        raise NotImplementedError

    def identity(self, record: bytes) -> str:
        """The external id inside a list record, found without reading it all; "" when there is none."""
        raise NotImplementedError

    def steady(self, record: bytes) -> bytes:
        """The list record without what differs from answer to answer though nothing changed; equal means: not read again."""
        return record

    def complete(self, http: Http, payload: dict) -> dict:
        """The payload with what only a second read gives (FlexPrice: taxes). Called for new and changed records only."""
        return payload

    def canonical(self, payload: dict) -> dict:
        """The payload without what changes though the invoice does not (signed links, line order): what the content hash covers."""
        return payload

    def fetch_invoice(self, http: Http, external_id: str, handles: Mapping[str, str]) -> dict:
        """One invoice as it is now, completed. Errors: Missing when the provider says there is none; Unsupported."""
        raise Unsupported(f"{self.name} cannot read one invoice.")

    def fetch_customer(self, http: Http, external_id: str) -> dict | None:
        """One customer's payload, or None where the provider has no such call."""
        return None

    def request(self, name: str, external_id: str, arguments: Mapping[str, Any]) -> Request:
        """The request of write `name` (a key of `endpoints`) for this invoice. Arguments are validated and JSON-ready (amounts as text)."""
        raise NotImplementedError

    def said(self, name: str, answer: Answer, external_id: str) -> Said:
        """Reads the 2xx answer of write `name`. Errors: NotUnderstood when it is not what the contract promises (other id, error body, wrong shape)."""
        raise NotImplementedError

    def invoice(self, payload: dict, context: Context) -> InvoiceSnapshot:
        """Errors: PayloadNotUnderstood, naming the field."""
        raise NotImplementedError

    def customer(self, payload: dict) -> CustomerSnapshot:
        """Errors: PayloadNotUnderstood, naming the field."""
        raise NotImplementedError

    def unit(self, payload: dict) -> tuple[str, dict[str, Any]]:
        """(id, {"name", "is_currency"}) of a pricing unit record."""
        raise NotImplementedError

    def fetch_pdf(self, http: Http, external_id: str, handles: Mapping[str, str]) -> bytes:
        """The provider's own PDF, fresh link included. Errors: Unsupported; Missing when there is none for this invoice."""
        raise Unsupported(f"{self.name} gives no PDF through its API.")
