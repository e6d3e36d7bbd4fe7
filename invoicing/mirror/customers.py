"""Customers: those a run knows while it reads invoices, and how their rows are kept.

A customer's own record is the authority. Where a provider only embeds customers in invoices, the invoice listed last
speaks for them; it never overwrites a record of their own.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db import transaction
from django.db.models import Max

from invoicing.mirror import bulk, hashing
from invoicing.mirror.rows import sort_name
from invoicing.models import Connection, Customer, Invoice
from invoicing.models.search import fold
from invoicing.models.version import packed, unpacked
from invoicing.providers import strict_json
from invoicing.providers.base import Http, Provider
from invoicing.providers.errors import NotUnderstood, PayloadNotUnderstood, Refused
from invoicing.providers.snapshots import CustomerSnapshot

log = logging.getLogger(__name__)

FACTS = ("name", "email", "reference", "timezone", "archived", "tax_id")
COLUMNS = ("connection_id", "external_id", *FACTS, "search_text", "payload", "content_hash", "read_at")
WIDTHS = {"name": 500, "email": 320, "reference": 255, "timezone": 64, "tax_id": 64}
TAX_KIND = re.compile(r"\A[a-z]{2,}_[a-z0-9_]+\s+")  # "us_ein 12-3456789"
REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """A customer's own record, read."""

    text: bytes
    content_hash: bytes
    snapshot: CustomerSnapshot


class Customers(Mapping):
    """Customers of one connection by external id, as normalization needs them; loaded when asked for, a page at once."""

    def __init__(self, connection: Connection, provider: Provider):
        self.connection, self.provider = connection, provider
        self.met: dict[str, CustomerSnapshot | None] = {}

    def load(self, external_ids: Iterable[str]) -> set[str]:
        """Fetch what is stored of these in one query; those nobody stored."""
        wanted = {identity for identity in external_ids if identity not in self.met}
        if len(self.met) > REMEMBERED:
            self.met.clear()
        if wanted:
            rows = Customer.objects.filter(connection=self.connection, external_id__among=wanted)
            self.met |= {row.external_id: snapshot_of_row(row, self.provider) for row in rows}
        return {identity for identity in wanted if identity not in self.met}

    def remember(self, snapshot: CustomerSnapshot) -> None:
        self.met[snapshot.external_id] = snapshot

    def __getitem__(self, external_id: str) -> CustomerSnapshot:
        if external_id not in self.met:
            self.load([external_id])
        found = self.met.setdefault(external_id, None)  # so that nobody is asked for twice
        if found is None:
            raise KeyError(external_id)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter([identity for identity, found in self.met.items() if found])

    def __len__(self) -> int:
        return len(list(iter(self)))


def snapshot_of_row(row: Customer, provider: Provider) -> CustomerSnapshot:
    """What is stored of a customer, from their own record where there is one."""
    if row.payload:
        try:
            return provider.customer(strict_json.loads(unpacked(row.payload)))
        except (NotUnderstood, PayloadNotUnderstood):
            log.warning("Customer %s of %s was readable once and is not now", row.pk, row.connection_id)
    return CustomerSnapshot(
        external_id=row.external_id,
        name=row.name,
        email=row.email,
        reference=row.reference,
        timezone=row.timezone,
        archived=row.archived,
    )


def named_in(payload: Mapping) -> str:
    """The customer an invoice most likely names: only a hint, which saves a query a row where it is right."""
    inner = payload.get("customer")
    guess = inner.get("id") if isinstance(inner, Mapping) else None
    guess = guess or payload.get("customer_id") or payload.get("customerId")
    return guess if isinstance(guess, str) else ""


def fetched(provider: Provider, http: Http, external_ids: Iterable[str]) -> list[CustomerRecord]:
    """The records of customers nobody stored yet, one call each; those the provider does not give are left out."""
    records = []
    for identity in sorted(external_ids):
        try:
            payload = provider.fetch_customer(http, identity)
            if payload is not None:
                text = strict_json.dumps(payload)
                records.append(CustomerRecord(text, hashing.of_bytes(text), provider.customer(payload)))
        except (Refused, PayloadNotUnderstood) as error:  # their invoices still say who they are, if not all of it
            log.info("Customer %s could not be read: %s", identity, error)
    return records


def store(connection: Connection, records: Iterable[CustomerRecord], *, read_started_at: datetime) -> int:
    """Keep customers' own records, in the caller's transaction; how many rows changed. An older read changes nothing."""
    by_id = {record.snapshot.external_id: record for record in records}
    known = _rows(connection, by_id)
    inserts, updates = [], []
    for identity, record in by_id.items():
        row = known.get(identity)
        facts = _facts(record.snapshot)
        found_by = _found_by(identity, facts)
        values = (*facts, found_by, packed(record.text), record.content_hash, read_started_at)
        if row is None:
            inserts.append((connection.pk, identity, *values))
        elif bytes(row.content_hash) != record.content_hash and (
            not row.content_hash or row.read_at <= read_started_at
        ):
            updates.append((row, values))
    bulk.insert(Customer, COLUMNS, inserts)
    bulk.update(Customer, COLUMNS[2:], [(*values, row.pk) for row, values in updates])
    for row, values in updates:
        _renamed(row, name=values[0], email=values[1])
    return len(inserts) + len(updates)


def ensure(
    connection: Connection,
    embedded: Mapping[str, tuple[CustomerSnapshot, date]],
    *,
    read_started_at: datetime,
) -> dict[str, tuple[int, str]]:
    """(our id, sort name) of the customers a page's invoices name, storing those nobody stored.

    `embedded`: what the invoice listed last says of each, and the day it is listed on.
    """
    known = _rows(connection, embedded)
    new = [
        (connection.pk, identity, *(facts := _facts(snapshot)), _found_by(identity, facts), b"", b"", read_started_at)
        for identity, (snapshot, _) in embedded.items()
        if identity not in known
    ]
    bulk.insert(Customer, COLUMNS, new)
    _follow_embedded(known, embedded, read_started_at)
    if new:
        known = _rows(connection, embedded)
    return {identity: (row.pk, sort_name(str(row))) for identity, row in known.items()}


def _follow_embedded(known: dict[str, Customer], embedded: Mapping, read_started_at: datetime) -> None:
    differing = []
    for identity, row in known.items():
        snapshot, listed_on = embedded[identity]
        facts = _facts(snapshot)
        if not row.content_hash and any(facts[:2]) and facts != tuple(getattr(row, name) for name in FACTS):
            differing.append((row, facts, listed_on))
    if not differing:
        return
    newest = dict(
        Invoice.objects.filter(customer__in=[row.pk for row, *_ in differing])
        .values_list("customer")
        .annotate(Max("listed_on"))
    )
    for row, facts, listed_on in differing:
        if listed_on >= newest.get(row.pk, date.min):
            Customer.objects.filter(pk=row.pk).update(**dict(zip(FACTS, facts, strict=True)), read_at=read_started_at)
            _renamed(row, name=facts[0], email=facts[1])
            for name, value in zip(FACTS, facts, strict=True):
                setattr(row, name, value)


def _renamed(row: Customer, *, name: str, email: str) -> None:
    """A customer's invoices sort by their name."""
    before, after = sort_name(str(row)), sort_name(name or email or row.external_id)
    if before != after:
        Invoice.objects.filter(customer=row.pk).update(customer_sort=after)


def _found_by(external_id: str, facts: tuple) -> str:
    name, email, reference, *_ = facts
    return fold(name, email, reference, external_id)


def _facts(snapshot: CustomerSnapshot) -> tuple:
    said = {name: getattr(snapshot, name) for name in FACTS[:-1]} | {"tax_id": tax_id_of(snapshot)}
    return tuple(value[: WIDTHS[name]] if isinstance(value, str) else value for name, value in said.items())


def tax_id_of(snapshot: CustomerSnapshot) -> str:
    """Letters and digits of the tax id, without what some providers write before it; empty where none is given."""
    printed = snapshot.address.tax_id if snapshot.address else ""
    return "".join(letter for letter in TAX_KIND.sub("", printed).upper() if letter.isalnum())


def _rows(connection: Connection, external_ids: Iterable[str]) -> dict[str, Customer]:
    found = Customer.objects.filter(connection=connection, external_id__among=external_ids).defer("payload")
    return {row.external_id: row for row in found}


def remember_after_commit(customers: Customers, records: Iterable[CustomerRecord]) -> None:
    """What was stored is known to the run only once it is really stored."""
    snapshots = [replace(record.snapshot) for record in records]
    transaction.on_commit(lambda: [customers.remember(snapshot) for snapshot in snapshots])
