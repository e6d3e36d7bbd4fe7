"""Metronome's API, versions 1 and 2.

There is no account-wide list: a full run lists every customer, archived ones too, then each one's invoices without any
filter, and is complete. A run since a moment lists each customer's drafts, and what was billed for the last three months
by its period; scheduled invoices have no period, and payment outside changes silently, so only full runs are complete.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from invoicing.providers import strict_json
from invoicing.providers.base import Answer, Context, Endpoint, Http, Page, Provider, Request, Said, Slice
from invoicing.providers.errors import NotUnderstood, Unsupported
from invoicing.providers.metronome import normalize, writes
from invoicing.providers.normalizing import Part, understood
from invoicing.providers.paging import shrinking
from invoicing.providers.snapshots import CustomerSnapshot, InvoiceSnapshot

PAGE_SIZE = 100
WINDOW = timedelta(days=92)
LISTS = {"units": "list_units", "customers": "list_customers", "invoices": "list_invoices"}


class Identified(msgspec.Struct):
    id: str = ""


_identified = msgspec.json.Decoder(Identified)


class Metronome(Provider):
    key = "metronome"
    name = "Metronome"
    base_url = "https://api.metronome.com"
    hosts = ("api.metronome.com",)
    requests_per_second = 8  # the one limit it publishes for a comparable call
    endpoints = {
        "list_units": Endpoint("GET", "/v1/credit-types/list", safe=True),
        "list_customers": Endpoint("GET", "/v1/customers", safe=True),
        "get_customer": Endpoint("GET", "/v1/customers/{customer_id}", safe=True),
        "list_invoices": Endpoint("GET", "/v1/customers/{customer_id}/invoices", safe=True),
        "get_invoice": Endpoint("GET", "/v1/customers/{customer_id}/invoices/{invoice_id}", safe=True),
        "get_pdf": Endpoint("GET", "/v1/customers/{customer_id}/invoices/{invoice_id}/pdf", safe=True, answers="pdf"),
        "net_balance": Endpoint("POST", "/v1/contracts/customerBalances/getNetBalance", safe=True),
        "list_balances": Endpoint("POST", "/v1/contracts/customerBalances/list", safe=True),
        "list_billing_providers": Endpoint("POST", "/v1/getCustomerBillingProviderConfigurations", safe=True),
        "void_invoice": Endpoint("POST", "/v1/invoices/void", safe=False),
        "regenerate_invoice": Endpoint("POST", "/v1/invoices/regenerate", safe=False),
        "move_issue_date": Endpoint("POST", "/v1/contracts/updateInvoiceIssueDate", safe=False),
    }  # fmt: skip
    statuses = (
        *((word, str(status), "") for word, status in normalize.STATUSES.items()),
        *((f"outside {word}", "", str(payment)) for word, payment in normalize.OUTSIDE.items()),
        ("no copy outside", "", str(normalize.Payment.NOT_TRACKED)),
    )
    not_offered = {
        "finalize": "Metronome finalizes drafts by itself; moving a draft's issue date is the nearest to it.",
        "recalculate": "Metronome computes its drafts anew all the time, and finalized invoices only by regenerating.",
        "regenerate_pdf": "Metronome draws the PDF anew each time it is fetched.",
        "add_line": "Metronome adds charges to contracts, not lines to invoices.",
        "remove_line": "Metronome's invoices are computed from contracts and usage; their lines cannot be edited.",
        "add_charge": "The old charge call works on deprecated plans only and is left out.",
        "update": "Metronome's invoices cannot be edited; only a draft's issue date can be moved.",
        "create_invoice": "Metronome makes invoices from contracts only.",
        "preview": "Metronome's drafts are its preview.",
        "upcoming": "Metronome's drafts are its upcoming invoices.",
        "record_payment_status": "Metronome hears of payments from the billing provider alone.",
        "mark_paid": "Metronome hears of payments from the billing provider alone.",
        "attempt_payment": "The billing provider collects, not Metronome.",
        "pay": "The billing provider collects, not Metronome.",
        "trigger_communication": "The billing provider writes to customers, not Metronome.",
        "customer_summary": "Metronome has no summary of a customer's invoices.",
        "usage_breakdown": "Usage by day and hour is left to Metronome's own pages.",
        "archive_contract": "Archiving voids invoices by the way; it is left to Metronome's own pages.",
        "archive_customer": "Archiving voids every invoice and cannot be undone; it is left to Metronome's own pages.",
        "historical_invoices": "Invoices of the past are imported in Metronome itself.",
    }

    def error_text(self, payload: Any) -> str | None:
        message = payload.get("message") if isinstance(payload, dict) else None
        return message if isinstance(message, str) else None

    def probe(self, http: Http) -> dict[str, Any]:
        """Metronome names no account; the key is proved by what it may read."""
        units = self.page(http, Slice(kind="units", key="units"), None)
        self.page(http, Slice(kind="customers", key="customers"), None, size=1)
        return {"pricing_units": len(units.records), "reads_customers": True}

    def slices(self, *, customers: Iterable[str], since: datetime | None) -> Iterator[Slice]:
        yield Slice(kind="units", key="units")
        yield Slice(kind="customers", key="customers")
        yield Slice(kind="customers", key="customers:archived", params={"only_archived": "true"})
        for customer in customers:
            if since is None:
                yield Slice(kind="invoices", key=f"invoices:{customer}", params={"customer_id": customer})
                continue
            drafts = {"customer_id": customer, "status": "DRAFT"}
            recent = {"customer_id": customer, "starting_on": _instant(since - WINDOW)}
            yield Slice(kind="invoices", key=f"invoices:{customer}:drafts", params=drafts)
            yield Slice(kind="invoices", key=f"invoices:{customer}:recent", params=recent)

    def page(self, http: Http, part: Slice, cursor: str | None, *, size: int | None = None) -> Page:
        """Oldest first: what is added while we read comes at the end."""
        filters = [(name, value) for name, value in part.params.items() if name != "customer_id"]
        order = [("sort", "date_asc")] if part.kind == "invoices" else []
        following = [("next_page", cursor)] if cursor else []
        path = {"customer_id": part.params["customer_id"]} if part.kind == "invoices" else {}
        endpoint = self.endpoints[LISTS[part.kind]]

        def read(limit: int) -> Page:
            query = [("limit", str(limit)), *order, *filters, *following]
            return _page(http.call(endpoint, path=path, query=query))

        return shrinking(read, min(size or PAGE_SIZE, PAGE_SIZE))

    def identity(self, record: bytes) -> str:
        try:
            return _identified.decode(record).id
        except (msgspec.MsgspecError, ValueError):
            return ""

    def canonical(self, payload: dict) -> dict:
        """The link to the outside copy's PDF is made anew now and then; the invoice stands."""
        copy = payload.get("external_invoice")
        if not isinstance(copy, dict) or "pdf_url" not in copy:
            return payload
        return {**payload, "external_invoice": {name: value for name, value in copy.items() if name != "pdf_url"}}

    def fetch_invoice(self, http: Http, external_id: str, handles: Mapping[str, str]) -> dict:
        path = {"customer_id": _customer_in(handles), "invoice_id": external_id}
        return _one(http.call(self.endpoints["get_invoice"], path=path), external_id)

    def fetch_customer(self, http: Http, external_id: str) -> dict | None:
        return _one(http.call(self.endpoints["get_customer"], path={"customer_id": external_id}), external_id)

    def balances(self, http: Http, customer_id: str, *, most: int = 1000) -> list[dict[str, Any]]:
        """A customer's commits and credits with what is left of each, `most` of them at most."""
        found: list[dict[str, Any]] = []
        seen: set[str] = set()
        cursor: str | None = ""
        while cursor is not None and cursor not in seen and len(found) < most:
            seen.add(cursor)
            body = {"customer_id": customer_id, "include_balance": True, "limit": 25}
            page = _page(
                http.call(self.endpoints["list_balances"], body=body | ({"next_page": cursor} if cursor else {}))
            )
            found += [record for record in map(strict_json.loads, page.records) if isinstance(record, dict)]
            cursor = page.next_cursor
        return found[:most]

    def request(self, name: str, external_id: str, arguments: Mapping[str, Any]) -> Request:
        return writes.request(name, external_id, arguments)

    def said(self, name: str, answer: Answer, external_id: str) -> Said:
        return writes.said(name, answer, external_id)

    def invoice(self, payload: dict, context: Context) -> InvoiceSnapshot:
        return normalize.invoice(payload, context)

    def customer(self, payload: dict) -> CustomerSnapshot:
        return normalize.customer(payload)

    def unit(self, payload: dict) -> tuple[str, dict[str, Any]]:
        with understood("Metronome pricing unit"):
            raw = Part("Metronome pricing unit", payload)
            return raw.identifier("id"), {
                "name": raw.required_text("name", 200),
                "is_currency": raw.flag("is_currency"),
            }

    def fetch_pdf(self, http: Http, external_id: str, handles: Mapping[str, str]) -> bytes:
        """Drawn anew at Metronome each time, which asks not to call this often."""
        path = {"customer_id": _customer_in(handles), "invoice_id": external_id}
        return http.call(self.endpoints["get_pdf"], path=path).body


def _customer_in(handles: Mapping[str, str]) -> str:
    if not handles.get("customer_id"):
        raise Unsupported("Metronome reads an invoice only together with its customer's id, which is not known.")
    return handles["customer_id"]


def _page(answer: Answer) -> Page:
    """The end is where no next page is named: null, missing or empty."""
    items, envelope = strict_json.records(answer.body, ("data",))
    following = envelope.get("next_page")
    if following is not None and not isinstance(following, str):
        raise NotUnderstood("Metronome's list does not say where it goes on.")
    return Page(records=tuple(items), next_cursor=following or None)


def _one(answer: Answer, external_id: str) -> dict:
    payload = answer.json()
    data = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(data, dict) or data.get("id") != external_id:
        raise NotUnderstood("Metronome did not answer with the record asked for.")
    return data


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
