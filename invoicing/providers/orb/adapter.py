"""Orb's REST API, version 1.

Incremental runs: Orb has no filter on changes, so a run since a moment reads what is dated within the last two months in
every status, and every draft and issued invoice of any date. What else may change (metadata, a credit note on an old paid
invoice, a payment undone) is seen by full runs, which alone are complete.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from invoicing.providers import strict_json
from invoicing.providers.base import Answer, Context, Endpoint, Http, Page, Provider, Request, Said, Slice
from invoicing.providers.errors import Missing, NotUnderstood
from invoicing.providers.orb import normalize, writes
from invoicing.providers.paging import shrinking
from invoicing.providers.snapshots import CustomerSnapshot, InvoiceSnapshot

PAGE_SIZE = 100  # the largest Orb allows
WINDOW = timedelta(days=60)  # an issued invoice leaves the open ones when it is paid; by then it is in here
OVERLAP = timedelta(days=1)
ERROR_TYPE = "error-responses#"
NOT_A_RECORD = ("404-url-not-found", "404-feature-not-available")


class Identified(msgspec.Struct):
    id: str = ""


_identified = msgspec.json.Decoder(Identified)


class Orb(Provider):
    key = "orb"
    name = "Orb"
    base_url = "https://api.withorb.com/v1"
    hosts = ("api.withorb.com",)
    requests_per_second = 10  # a trial account's limit; live ones allow 100
    endpoints = {
        "ping": Endpoint("GET", "/ping", safe=True),
        "list_invoices": Endpoint("GET", "/invoices", safe=True),
        "get_invoice": Endpoint("GET", "/invoices/{invoice_id}", safe=True),
        "upcoming_invoice": Endpoint("GET", "/invoices/upcoming", safe=True),
        "list_customers": Endpoint("GET", "/customers", safe=True),
        "get_customer": Endpoint("GET", "/customers/{customer_id}", safe=True),
        "list_balance_transactions": Endpoint("GET", "/customers/{customer_id}/balance_transactions", safe=True),
        "list_credit_notes": Endpoint("GET", "/credit_notes", safe=True),
        "get_credit_note": Endpoint("GET", "/credit_notes/{credit_note_id}", safe=True),
        "create_invoice": Endpoint("POST", "/invoices", safe=False),
        "update_invoice": Endpoint("PUT", "/invoices/{invoice_id}", safe=False),
        "finalize_invoice": Endpoint("POST", "/invoices/{invoice_id}/issue", safe=False),
        "void_invoice": Endpoint("POST", "/invoices/{invoice_id}/void", safe=False),
        "mark_paid": Endpoint("POST", "/invoices/{invoice_id}/mark_paid", safe=False),
        "pay_invoice": Endpoint("POST", "/invoices/{invoice_id}/pay", safe=False),
        "add_line": Endpoint("POST", "/invoice_line_items", safe=False),
        "remove_line": Endpoint("DELETE", "/invoices/{invoice_id}/invoice_line_items/{line_item_id}", safe=False, answers="none"),
        "regenerate_pdf": Endpoint("POST", "/invoices/{invoice_id}/regenerate_invoice_pdf", safe=False),
    }  # fmt: skip
    statuses = tuple((word, str(status), str(payment)) for word, (status, payment) in normalize.STATUSES.items())
    not_offered = {
        "regenerate_invoice": "Orb bills a voided invoice anew by no call; a one-off invoice can take its place.",
        "void_and_replace": "Orb has no replacement call; void the invoice, then create a one-off invoice.",
        "recalculate": "Orb recomputes its drafts by itself.",
        "preview": "Orb shows a subscription's running period as its upcoming invoice.",
        "record_payment_status": "Orb takes one word only: paid. Mark it paid.",
        "trigger_communication": "Orb sends its e-mails itself, when it issues an invoice.",
        "customer_summary": "Orb has no summary of a customer's invoices.",
        "usage_breakdown": "Orb's lines carry their sub-lines; they stand with each line.",
        "create_credit_note": "Credit notes are shown here, and made in Orb itself.",
        "regenerate_receipt": "Receipts are linked in Orb itself.",
        "invoice_summaries": "The full list carries all that the summaries do.",
        "issue_by_summary": "Issuing by the full invoice does the same.",
        "credit_block_invoices": "The call is experimental; an invoice names its credits itself.",
        "delete_credit_block": "Deleting a block voids invoices by the way; it is left to Orb's own pages.",
    }

    def error_text(self, payload: Any) -> str | None:
        """Problem details whose type leads to Orb's own list of errors."""
        if not isinstance(payload, dict) or ERROR_TYPE not in str(payload.get("type")):
            return None
        words = payload.get("detail") or payload.get("title") or str(payload["type"]).rpartition("#")[2]
        problems = payload.get("validation_errors")
        return " ".join(
            [str(words), *(str(each) for each in problems[:10])] if isinstance(problems, list) else [str(words)]
        )

    def says_missing(self, payload: Any) -> bool:
        return str(payload.get("type")).rpartition("#")[2] not in NOT_A_RECORD

    def probe(self, http: Http) -> dict[str, Any]:
        """Orb names no account; the key is proved by what it may read."""
        answer = http.call(self.endpoints["ping"]).json()
        if not isinstance(answer, dict) or not isinstance(answer.get("response"), str):
            raise NotUnderstood("Orb did not answer its own test call.")
        self.page(http, Slice(kind="invoices", key="invoices"), None, size=1)
        return {"answered": answer["response"][:100], "reads_invoices": True}

    def slices(self, *, customers: Iterable[str], since: datetime | None) -> Iterator[Slice]:
        """Lists are account-wide; without every status named, drafts and voids stay out."""
        if since is None:
            yield Slice(kind="customers", key="customers")
            yield Slice(kind="invoices", key="invoices")
            return
        yield Slice(kind="customers", key="customers:new", params={"created_at[gte]": _instant(since - OVERLAP)})
        yield Slice(kind="invoices", key="invoices:recent", params={"invoice_date[gte]": _instant(since - WINDOW)})
        for status in ("draft", "issued"):
            yield Slice(kind="invoices", key=f"invoices:{status}", params={"status": status})

    def page(self, http: Http, part: Slice, cursor: str | None, *, size: int | None = None) -> Page:
        if part.kind == "customers":
            return self._page(http, "list_customers", part.params.items(), cursor, size)
        statuses = [part.params["status"]] if "status" in part.params else list(normalize.STATUSES)
        filters = [(name, value) for name, value in part.params.items() if name != "status"]
        return self._page(http, "list_invoices", [*(("status[]", word) for word in statuses), *filters], cursor, size)

    def _page(
        self,
        http: Http,
        name: str,
        filters: Iterable[tuple[str, str]],
        cursor: str | None,
        size: int | None = None,
        path: Mapping[str, str] | None = None,
    ) -> Page:
        following = [("cursor", cursor)] if cursor else []
        filters = list(filters)

        def read(limit: int) -> Page:
            query = [("limit", str(limit)), *filters, *following]
            return _page(http.call(self.endpoints[name], path=path, query=query))

        return shrinking(read, min(size or PAGE_SIZE, PAGE_SIZE))

    def read_all(
        self, http: Http, name: str, *, path: Mapping[str, str] | None = None, most: int = 1000
    ) -> list[dict[str, Any]]:
        """The records of a further list (balance transactions, credit notes), newest first, `most` of them at most."""
        found: list[dict[str, Any]] = []
        seen: set[str | None] = set()
        cursor = None
        while cursor not in seen and len(found) < most:
            seen.add(cursor)
            page = self._page(http, name, (), cursor, path=path)
            found += [record for record in map(strict_json.loads, page.records) if isinstance(record, dict)]
            cursor = page.next_cursor
            if cursor is None:
                break
        return found[:most]

    def identity(self, record: bytes) -> str:
        try:
            return _identified.decode(record).id
        except (msgspec.MsgspecError, ValueError):
            return ""

    def canonical(self, payload: dict) -> dict:
        """Links carry tokens that are made anew; that there is a document counts, where it lies does not."""
        kept = {name: value for name, value in payload.items() if name != "hosted_invoice_url"}
        kept["invoice_pdf"] = payload.get("invoice_pdf") is not None
        attempts = payload.get("payment_attempts")
        if isinstance(attempts, list) and all(isinstance(attempt, dict) for attempt in attempts):
            kept["payment_attempts"] = [
                {**attempt, "receipt_pdf": attempt.get("receipt_pdf") is not None} for attempt in attempts
            ]
        return kept

    def fetch_invoice(self, http: Http, external_id: str, handles: Mapping[str, str]) -> dict:
        return self._one(http, "get_invoice", {"invoice_id": external_id}, external_id)

    def fetch_customer(self, http: Http, external_id: str) -> dict | None:
        return self._one(http, "get_customer", {"customer_id": external_id}, external_id)

    def _one(self, http: Http, name: str, path: Mapping[str, str], external_id: str) -> dict:
        payload = http.call(self.endpoints[name], path=path).json()
        if not isinstance(payload, dict) or payload.get("id") != external_id:
            raise NotUnderstood("Orb did not answer with the record asked for.")
        return payload

    def request(self, name: str, external_id: str, arguments: Mapping[str, Any]) -> Request:
        return writes.request(name, external_id, arguments)

    def said(self, name: str, answer: Answer, external_id: str) -> Said:
        return writes.said(name, answer, external_id)

    def invoice(self, payload: dict, context: Context) -> InvoiceSnapshot:
        return normalize.invoice(payload, context)

    def customer(self, payload: dict) -> CustomerSnapshot:
        return normalize.customer(payload)

    def fetch_pdf(self, http: Http, external_id: str, handles: Mapping[str, str]) -> bytes:
        """The link is asked for anew each time: how long one lives, Orb does not say."""
        link = self.fetch_invoice(http, external_id, handles).get("invoice_pdf")
        if not isinstance(link, str) or not link:
            raise Missing("Orb has no PDF of this invoice; drafts have none.")
        return http.fetch_document(link)


def _page(answer: Answer) -> Page:
    items, envelope = strict_json.records(answer.body, ("data",))
    place = envelope.get("pagination_metadata")
    if not isinstance(place, dict) or not isinstance(place.get("has_more"), bool):
        raise NotUnderstood("Orb's list does not say whether it goes on.")
    following = place.get("next_cursor")
    if following is not None and not isinstance(following, str):
        raise NotUnderstood("Orb's list does not say where it goes on.")
    return Page(records=tuple(items), next_cursor=(following or None) if place["has_more"] else None)


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
