"""From a page's records to what is worth storing: the unchanged are passed over by the hash of their bytes, the others
parsed, completed and normalized. Network happens here, transactions do not.

A record that cannot be read costs nobody but itself. Errors: ProviderError, when completing a record fails on the wire.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from invoicing.mirror import customers, hashing, rows
from invoicing.mirror.customers import CustomerRecord, Customers
from invoicing.models import Connection, Customer, Invoice
from invoicing.providers import strict_json
from invoicing.providers.base import Context, Http, Provider
from invoicing.providers.errors import Missing, NotUnderstood, PayloadNotUnderstood, Unknown, Unsupported
from invoicing.providers.snapshots import InvoiceSnapshot
from invoicing.vocabulary import Status

log = logging.getLogger(__name__)

CRASHES = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


@dataclass(slots=True)
class InvoiceRecord:
    """One invoice as it was read."""

    external_id: str
    text: bytes  # the JSON that its version keeps
    wire_hash: bytes  # empty where the text is not a list record
    content_hash: bytes
    snapshot: InvoiceSnapshot
    said: dict[str, Any]  # the columns that follow from the snapshot


@dataclass(frozen=True, slots=True)
class Unreadable:
    external_id: str
    field: str
    problem: str
    text: bytes


@dataclass(slots=True)
class PageRead:
    """What a page of invoices holds, ready to be stored."""

    unchanged: dict[str, int] = field(default_factory=dict)  # our ids by external id
    records: list[InvoiceRecord] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    customers: list[CustomerRecord] = field(default_factory=list)  # fetched because nobody knew them
    vanished: list[str] = field(default_factory=list)  # listed, and gone when we asked for the rest of them


class Reader:
    """Reads records of one connection. Remembers customers between pages; opens no transaction."""

    def __init__(
        self, connection: Connection, provider: Provider, http: Http | None = None, suspects: Iterable[str] = ()
    ):
        self.connection, self.provider, self.http = connection, provider, http
        self.customers = Customers(connection, provider)
        self.suspects = set(suspects)  # known to be unreadable: read again, whatever their bytes
        self.forgive = 0  # how many records of a page may fail to be completed before the page does

    @property
    def context(self) -> Context:
        return Context(units=self.connection.units, customers=self.customers)

    def page(self, listed: Iterable[bytes]) -> PageRead:
        """A list page's invoices."""
        result, self._forgiven = PageRead(), 0
        texts = [(self.provider.identity(text), hashing.of_bytes(self.provider.steady(text)), text) for text in listed]
        known = _known(self.connection, [identity for identity, *_ in texts if identity])
        parsed: dict[str, tuple[bytes, bytes, dict]] = {}
        for identity, wire_hash, text in texts:
            if identity in known and known[identity].same(wire_hash) and identity not in self.suspects:
                result.unchanged[identity] = known[identity].pk
                continue
            try:
                payload = strict_json.loads(text)
                if not isinstance(payload, dict):
                    raise NotUnderstood("It is not an object.")
            except NotUnderstood as error:
                result.unreadable.append(_unreadable(identity, text, "(whole)", str(error)))
                continue
            if identity in parsed and parsed[identity][0] != wire_hash:
                payload = self._newer(identity, parsed[identity][2], payload)
            parsed[identity or wire_hash.hex()] = (wire_hash, text, payload)
        for identity in parsed.keys() & result.unchanged.keys():  # the same invoice twice, once as we know it
            del result.unchanged[identity]
        self._know_customers(payload for *_, payload in parsed.values())
        for wire_hash, text, payload in parsed.values():
            self._read(result, payload, text, wire_hash)
        result.customers = self._fetched
        return result

    def one(self, payload: dict) -> PageRead:
        """One invoice fetched by id, completed already."""
        result, self._forgiven = PageRead(), 0
        self._know_customers([payload])
        self._read(result, payload, strict_json.dumps(payload), b"", completed=True)
        result.customers = self._fetched
        return result

    def units(self, listed: Iterable[bytes]) -> dict[str, dict]:
        """Pricing units by id. One that cannot be read is left out: the invoices that need it will say so."""
        found = {}
        for text in listed:
            try:
                identity, unit = self.provider.unit(strict_json.loads(text))
                found[identity] = unit
            except (NotUnderstood, PayloadNotUnderstood, *CRASHES):
                log.warning("A pricing unit of %s could not be read", self.connection)
        return found

    def snapshot(self, text: bytes) -> InvoiceSnapshot | None:
        """A stored payload in our words; None where it cannot be read any more."""
        try:
            return self.provider.invoice(strict_json.loads(text), self.context)
        except (NotUnderstood, PayloadNotUnderstood, *CRASHES):
            return None

    def _know_customers(self, payloads: Iterable[dict]) -> None:
        """Load the page's customers at once, and ask the provider for those that nobody stored."""
        self._fetched: list[CustomerRecord] = []
        missing = self.customers.load({customers.named_in(payload) for payload in payloads} - {""})
        if missing and self.http is not None:
            self._fetched = customers.fetched(self.provider, self.http, missing)
            for record in self._fetched:
                self.customers.remember(record.snapshot)

    def _read(self, result: PageRead, payload: dict, text: bytes, wire_hash: bytes, *, completed: bool = False) -> None:
        provider, identity = self.provider, ""
        try:
            identity = provider.identity(text)
            if not completed and self.http is not None:
                whole = provider.complete(self.http, payload)
                if whole is not payload:
                    payload, text = whole, strict_json.dumps(whole)
            snapshot = provider.invoice(payload, self.context)
            record = InvoiceRecord(
                external_id=snapshot.external_id,
                text=text,
                wire_hash=wire_hash,
                content_hash=hashing.of_content(provider.canonical(payload)),
                snapshot=snapshot,
                said=rows.said(snapshot, self.connection),
            )
        except Missing:
            result.vanished.append(identity)
        except Unknown as error:
            self._forgiven += 1
            if self._forgiven > self.forgive:
                raise
            result.unreadable.append(_unreadable(identity, text, "(whole)", f"The rest of it cannot be read: {error}"))
        except PayloadNotUnderstood as error:
            result.unreadable.append(_unreadable(identity, text, error.field, error.problem))
        except CRASHES as error:
            log.exception("A record of %s could not be read", self.connection)
            result.unreadable.append(_unreadable(identity, text, "(whole)", f"{type(error).__name__}: {error}"))
        else:
            result.records.append(record)

    def _newer(self, identity: str, first: dict, second: dict) -> dict:
        """One page has the same invoice twice, differing: the newer by its own word, else as it is when asked for."""
        stamps = []
        for payload in (first, second):
            try:
                stamps.append(self.provider.invoice(payload, self.context).updated_at)
            except PayloadNotUnderstood:
                return second
        if all(stamps) and stamps[0] != stamps[1]:
            return first if stamps[0] > stamps[1] else second
        if self.http is None:
            return second
        try:
            handles = self.provider.invoice(second, self.context).handles
            return self.provider.fetch_invoice(self.http, identity, handles)
        except (Missing, Unsupported):
            return second


def _unreadable(identity: str, text: bytes, field_name: str, problem: str) -> Unreadable:
    return Unreadable(identity or f"digest:{hashing.of_bytes(text).hex()}", field_name[:200], problem[:1000], text)


@dataclass(frozen=True, slots=True)
class Known:
    pk: int
    wire_hash: bytes
    gone: bool
    due_to_end: bool

    def same(self, wire_hash: bytes) -> bool:
        """Nothing to read. A draft whose period ended since is read again: what it is may depend on the day."""
        return self.wire_hash == wire_hash and not self.gone and not self.due_to_end


def _known(connection: Connection, external_ids: Iterable[str]) -> Mapping[str, Known]:
    """What is stored of a page's invoices, in one query; `wire_hash` decides what is read at all."""
    found: dict[str, Known] = {}
    today = date.today()  # noqa: DTZ011 - a day more or less only reads a draft once more
    listed = Invoice.objects.filter(connection=connection, external_id__among=external_ids).values_list(
        "external_id", "pk", "wire_hash", "gone_at", "status", "period_end", "read_at"
    )
    for identity, pk, wire_hash, gone_at, status, period_end, read_at in listed:
        ended = status == Status.DRAFT and period_end is not None and read_at.date() <= period_end <= today
        found[identity] = Known(pk, bytes(wire_hash), gone_at is not None, ended)
    return found


def read_customers(connection: Connection, provider: Provider, listed: Iterable[bytes]) -> tuple[list, list, int]:
    """A page of customers' own records: those that changed, those that cannot be read, and how many there are."""
    texts = [(provider.identity(text), hashing.of_bytes(text), text) for text in listed]
    stored = Customer.objects.filter(connection=connection, external_id__among=[each for each, *_ in texts])
    known = {identity: bytes(found) for identity, found in stored.values_list("external_id", "content_hash")}
    records, unreadable = [], []
    for identity, content_hash, text in texts:
        if identity and known.get(identity) == content_hash:
            continue
        try:
            payload = strict_json.loads(text)
            records.append(CustomerRecord(text, content_hash, provider.customer(payload)))
        except PayloadNotUnderstood as error:
            unreadable.append(_unreadable(identity, text, error.field, error.problem))
        except NotUnderstood as error:
            unreadable.append(_unreadable(identity, text, "(whole)", str(error)))
        except CRASHES as error:
            log.exception("A customer of %s could not be read", connection)
            unreadable.append(_unreadable(identity, text, "(whole)", f"{type(error).__name__}: {error}"))
    return records, unreadable, len(texts)


__all__ = ["InvoiceRecord", "PageRead", "Reader", "Unreadable", "read_customers"]
