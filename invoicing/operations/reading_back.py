"""The read-backs several verbs share."""

from collections.abc import Iterator
from typing import Any

from invoicing.mirror.refresh import mirror_new, refresh_invoice
from invoicing.models import Invoice, InvoiceVersion
from invoicing.operations.verb import Proof, Reading, Verdict
from invoicing.providers import strict_json
from invoicing.providers.base import Answer, Slice
from invoicing.providers.errors import Missing, NotSent, NotUnderstood
from invoicing.vocabulary import Status

MOST_PAGES = 200


class NoWire:
    """In place of the wire where only the mirror is to be asked: an effect is looked for in what was read already."""

    def call(self, *_given: Any, **_named: Any) -> Answer:
        raise NotSent("Nothing is read for this.")

    def fetch_document(self, url: str) -> bytes:
        raise NotSent("Nothing is read for this.")


def fresh(reading: Reading) -> Invoice:
    """The operation's invoice as it is now. Errors: ProviderError; Missing when the provider says it has none."""
    if isinstance(reading.http, NoWire):
        return reading.invoice
    result = refresh_invoice(reading.invoice, source=InvoiceVersion.Source.OPERATION, http=reading.http)
    if not result.found:
        raise Missing("The provider says it has no such invoice.")
    return result.invoice


def payload_of(invoice: Invoice) -> dict[str, Any]:
    """What the provider last sent of it; numbers as text."""
    return invoice.versions.get(number=invoice.version).payload_json()


def by_status(reading: Reading, *, applied: Status, absent: tuple[Status, ...]) -> Proof:
    """Fetch the invoice by id: its status proves the effect, or its absence. Anything else is unclear."""
    invoice = fresh(reading)
    saw = f"Status {invoice.provider_status}"
    if invoice.status == applied:
        return Proof(verdict=Verdict.APPLIED, saw=saw)
    if invoice.status in absent:
        return Proof(verdict=Verdict.ABSENT, saw=saw)
    return Proof(verdict=Verdict.UNCLEAR, saw=saw)


def by_word(reading: Reading, *, applied: tuple[str, ...], absent: tuple[str, ...]) -> Proof:
    """The same by the provider's own words, where ours tell less."""
    word = fresh(reading).provider_status
    verdict = Verdict.APPLIED if word in applied else Verdict.ABSENT if word in absent else Verdict.UNCLEAR
    return Proof(verdict=verdict, saw=f"Status {word}")


def by_value(saw: str, *, now: Any, wanted: Any, before: Any) -> Proof:
    """A value that was to be set: it is as wanted, or still as it was, or neither."""
    verdict = Verdict.APPLIED if now == wanted else Verdict.ABSENT if now == before else Verdict.UNCLEAR
    return Proof(verdict=verdict, saw=saw)


def by_id(reading: Reading, external_id: str, handles: dict[str, str]) -> Proof:
    """What the answer says it made: read by that id, and mirrored."""
    made = mirror_new(reading.operation.connection, external_id, http=reading.http, handles=handles)
    return Proof(verdict=Verdict.APPLIED, saw=f"{made.provider_status}: {external_id}", created=external_id)


def listed(reading: Reading, **narrowed: str) -> Iterator[dict[str, Any]]:
    """The records of the provider's invoice list, narrowed as its adapter understands, to the end.

    Errors: ProviderError; NotUnderstood for a list that has no end: what is not in it is not known to be absent.
    """
    part = Slice(kind="invoices", key="invoices:read back", params=narrowed)
    cursor: str | None = None
    met: set[str | None] = set()
    while cursor not in met and len(met) < MOST_PAGES:
        met.add(cursor)
        page = reading.provider.page(reading.http, part, cursor)
        yield from (found for found in map(strict_json.loads, page.records) if isinstance(found, dict))
        cursor = page.next_cursor
        if cursor is None:
            return
    raise NotUnderstood("The provider's list does not end.")
