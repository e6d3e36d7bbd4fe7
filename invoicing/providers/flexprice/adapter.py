"""FlexPrice over HTTP. Two generations of its server are in use, with other errors and other meanings of recalculate."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from invoicing.providers import strict_json
from invoicing.providers.base import Answer, Context, Endpoint, Http, Page, Provider, Request, Said, Slice
from invoicing.providers.errors import KeyRefused, Missing, NotUnderstood, ProviderError, Refused
from invoicing.providers.flexprice import normalize, writes
from invoicing.providers.flexprice.lines import in_order
from invoicing.providers.snapshots import CustomerSnapshot, InvoiceSnapshot

PAGE_SIZE, MAX_PAGE_SIZE = 200, 1000
OVERLAP = timedelta(minutes=10)  # the list is read from a replica that lags, and "after" is strict
STATUSES = tuple(normalize.STATUSES)  # unnamed, SKIPPED ones are left out
OLD_STATUSES = ("DRAFT", "FINALIZED", "VOIDED")
OLDEST_FIRST = [{"field": "created_at", "direction": "asc"}, {"field": "id", "direction": "asc"}]
WITHOUT_SKIPPED = "old:"  # prefix of a cursor in a walk whose server does not know SKIPPED
READ = (("expand", "tax_applied.tax_rate"),)  # otherwise taxes come without name and percentage
VOLATILE = ("subscription", "checkout_session")  # their own state, which moves while the invoice stands still
VOLATILE_IN_LINES = ("usage_breakdown", "usage_analytics")
VOLATILE_IN_CUSTOMER = ("integrations", "updated_at", "updated_by")

GENERATION_PROBE = Endpoint("POST", "/invoices/{invoice_id}/recalculate-v2", safe=True)
"""Safe with an id that no invoice has; both server generations answer 404, each in its own way."""


class Identified(msgspec.Struct):
    id: str = ""


_identified = msgspec.json.Decoder(Identified)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raw_list = msgspec.json.Decoder(list[msgspec.Raw] | None)


class FlexPrice(Provider):
    """FlexPrice's REST API, version 1, of the servers of January 2026 ("A") and August 2026 ("B")."""

    key = "flexprice"
    name = "FlexPrice"
    base_url = "https://us.api.flexprice.io/v1"
    hosts = ("us.api.flexprice.io", "api.cloud.flexprice.io", "eu.api.flexprice.io", "canada.api.flexprice.io")
    endpoints = {
        "list_invoices": Endpoint("POST", "/invoices/search", safe=True),
        "get_invoice": Endpoint("GET", "/invoices/{invoice_id}", safe=True),
        "usage_breakdown": Endpoint("GET", "/invoices/{invoice_id}", safe=True),  # with group_by; never mirrored
        "get_pdf": Endpoint("GET", "/invoices/{invoice_id}/pdf", safe=True, answers="pdf"),
        "list_customers": Endpoint("POST", "/customers/search", safe=True),
        "get_customer": Endpoint("GET", "/customers/{customer_id}", safe=True),
        "list_payments": Endpoint("GET", "/payments", safe=True),
        "list_wallets": Endpoint("GET", "/customers/{customer_id}/wallets", safe=True),
        "list_credit_notes": Endpoint("GET", "/creditnotes", safe=True),
        "preview_invoice": Endpoint("POST", "/invoices/preview", safe=True),
        "create_invoice": Endpoint("POST", "/invoices", safe=False),
        "update_invoice": Endpoint("PUT", "/invoices/{invoice_id}", safe=False),
        "finalize_invoice": Endpoint("POST", "/invoices/{invoice_id}/finalize", safe=False),
        "void_invoice": Endpoint("POST", "/invoices/{invoice_id}/void", safe=False),
        "recalculate_invoice": Endpoint("POST", "/invoices/{invoice_id}/recalculate", safe=False),  # A
        "recalculate_draft": Endpoint("POST", "/invoices/{invoice_id}/recalculate-v2", safe=False),  # B
        "void_and_replace": Endpoint("POST", "/invoices/{invoice_id}/recalculate", safe=False),  # B
        "set_payment_status": Endpoint("PUT", "/invoices/{invoice_id}/payment", safe=False),
        "attempt_payment": Endpoint("POST", "/invoices/{invoice_id}/payment/attempt", safe=False),
        "trigger_communication": Endpoint("POST", "/invoices/{invoice_id}/comms/trigger", safe=False),
        "customer_summary": Endpoint("GET", "/customers/{customer_id}/invoices/summary", safe=False),  # fires webhooks
    }  # fmt: skip
    statuses = (
        *((word, str(status), "") for word, status in normalize.STATUSES.items()),
        *((f"payment {word}", "", str(payment)) for word, payment in normalize.PAYMENTS.items()),
        ("payment PENDING, something paid", "", "partly_paid"),
    )
    not_offered = {
        "regenerate_invoice": "FlexPrice computes a finalized invoice anew only by voiding and replacing it.",
        "regenerate_pdf": "FlexPrice draws the PDF anew each time it is fetched.",
        "add_line": "The servers we know edit lines only by recalculating from the subscription.",
        "remove_line": "The servers we know edit lines only by recalculating from the subscription.",
        "move_issue_date": "The issue date is fixed when the invoice is created.",
        "mark_paid": "Recording the payment status does this.",
        "upcoming": "The preview of a subscription does this.",
        "plain_list": "The search lists the same invoices; newer servers no longer document the plain list.",
        "pdf_link": "A link opens the invoice for whoever has it; the desk fetches the PDF itself and keeps it.",
        "compute": "The call is in no documentation; recalculating a draft does the same.",
        "trigger_webhook": "The call is in no documentation; the desk takes its news by reading.",
        "modify": "No server we know answers this call.",
    }

    def auth_headers(self, api_key: str) -> dict[str, str]:
        return {"x-api-key": api_key}

    def error_text(self, payload: Any) -> str | None:
        """Today's flat body, the enveloped one until April 2026, and the short ones of the access checks."""
        if not isinstance(payload, dict):
            return None
        error, message = payload.get("error"), payload.get("message")
        if isinstance(error, dict):
            return error["message"] if isinstance(error.get("message"), str) else None
        if isinstance(message, str):
            return message
        return error if isinstance(error, str) else None

    def says_missing(self, payload: Any) -> bool:
        """A gateway's bare message about a path is not FlexPrice speaking of a record."""
        return payload.get("code") == "not_found" or payload.get("http_status_code") == 404 or "success" in payload

    def probe(self, http: Http) -> dict[str, Any]:
        found = self._search(http, {"limit": 1, "offset": 0}, STATUSES)
        return {"invoices": found.total, **self._generation(http)}

    def _generation(self, http: Http) -> dict[str, Any]:
        """Which meaning recalculate has. Asked of an invoice that does not exist, so that nothing happens."""
        nobody = f"inv_{secrets.token_hex(13).upper()}"
        try:
            http.call(GENERATION_PROBE, path={"invoice_id": nobody}, query=(("finalize", "false"),))
        except Missing:
            return {"generation": "B", "may_write": True}
        except KeyRefused:
            return {"generation": "unknown", "may_write": False}
        except ProviderError as error:
            if error.status == 404 and error.content_type == "text/plain":  # the framework's own: no such route
                return {"generation": "A", "may_write": None}
        return {"generation": "unknown", "may_write": None}

    def slices(self, *, customers: Iterable[str], since: datetime | None) -> Iterator[Slice]:
        """Archived rows are in no list but their own."""
        params = {"updated_after": _instant(since - OVERLAP)} if since else {}
        for kind in ("customers", "invoices"):
            yield Slice(kind=kind, key=kind, params=params)
            yield Slice(kind=kind, key=f"{kind}:archived", params={**params, "status": "archived"})

    def page(self, http: Http, part: Slice, cursor: str | None, *, size: int | None = None) -> Page:
        """Oldest first, also when only the changed ones are asked for: a row that changes while we read keeps its place."""
        statuses = OLD_STATUSES if cursor and cursor.startswith(WITHOUT_SKIPPED) else STATUSES
        offset = int((cursor or "0").removeprefix(WITHOUT_SKIPPED))
        body: dict[str, Any] = {"limit": min(size or PAGE_SIZE, MAX_PAGE_SIZE), "offset": offset, "sort": OLDEST_FIRST}
        body |= {name: part.params[name] for name in ("status", "customer_id") if part.params.get(name)}
        if part.params.get("updated_after"):  # not "gte": it is accepted and ignored
            after = {"date": part.params["updated_after"]}
            body["filters"] = [{"field": "updated_at", "operator": "after", "data_type": "date", "value": after}]
        if part.kind == "customers":
            return _read(http.call(self.endpoints["list_customers"], body=body), offset)
        return self._search(http, body, statuses)

    def _search(self, http: Http, body: dict[str, Any], statuses: tuple[str, ...]) -> Page:
        """A server that does not know SKIPPED, and says so, has none of them either."""
        try:
            answer = http.call(self.endpoints["list_invoices"], body={**body, "invoice_status": list(statuses)})
        except Refused as error:
            if statuses == OLD_STATUSES or isinstance(error, KeyRefused | Missing):
                raise
            return self._search(http, body, OLD_STATUSES)
        page = _read(answer, body["offset"])
        if statuses == OLD_STATUSES and page.next_cursor:
            return replace(page, next_cursor=WITHOUT_SKIPPED + page.next_cursor)
        return page

    def identity(self, record: bytes) -> str:
        try:
            return _identified.decode(record).id
        except (msgspec.MsgspecError, ValueError):
            return ""

    def steady(self, record: bytes) -> bytes:
        """Lines come in any order; were that a change, every run would read every invoice alone."""
        try:
            members = _members.decode(record)
            lines = _raw_list.decode(members.get("line_items", b"null")) or []
            members["line_items"] = msgspec.Raw(b",".join(sorted(bytes(line) for line in lines)))
        except (msgspec.MsgspecError, ValueError):
            return record
        return b",".join(name.encode() + b":" + bytes(value) for name, value in sorted(members.items()))

    def complete(self, http: Http, payload: dict) -> dict:
        """Lists carry no taxes and no subscription, single reads no coupons. An archived row may not be readable alone."""
        external_id = payload.get("id")
        if not isinstance(external_id, str) or not external_id:
            return payload
        try:
            return _merged(self._read(http, external_id), payload)
        except Missing:
            if payload.get("status") == "archived":
                return payload
            raise

    def fetch_invoice(self, http: Http, external_id: str, handles: Mapping[str, str]) -> dict:
        """The read is from the primary and current; the list, asked for coupons and the customer only, may lag."""
        current = self._read(http, external_id)
        if current.get("status") == "deleted":
            raise Missing("FlexPrice has deleted this invoice.")
        body: dict[str, Any] = {"limit": 1, "offset": 0, "invoice_ids": [external_id]}
        if current.get("status") == "archived":
            body["status"] = "archived"
        listed = self._search(http, body, STATUSES).records
        if listed and self.identity(listed[0]) == external_id:
            return _merged(current, strict_json.loads(listed[0]))
        return _merged(current, {})

    def _read(self, http: Http, external_id: str) -> dict:
        endpoint, path = self.endpoints["get_invoice"], {"invoice_id": external_id}
        try:
            payload = http.call(endpoint, path=path, query=READ).json()
        except Refused as error:
            if error.status != 400:
                raise
            payload = http.call(endpoint, path=path).json()  # a server that does not know what to expand
        if not isinstance(payload, dict) or payload.get("id") != external_id:
            raise NotUnderstood("FlexPrice did not answer with the invoice asked for.")
        return payload

    def canonical(self, payload: dict) -> dict:
        """Lines come in no order; sorted, the same invoice is the same."""
        kept = {name: value for name, value in payload.items() if name not in VOLATILE}
        lines = kept.get("line_items")
        if isinstance(lines, list) and all(isinstance(line, dict) for line in lines):
            kept["line_items"] = [
                {name: value for name, value in line.items() if name not in VOLATILE_IN_LINES}
                for line in sorted(lines, key=in_order)
            ]
        for name in ("coupon_applications", "taxes"):
            rows = kept.get(name)
            if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
                kept[name] = sorted(rows, key=lambda row: str(row.get("id")))
        if isinstance(kept.get("customer"), dict):
            kept["customer"] = {
                name: value for name, value in kept["customer"].items() if name not in VOLATILE_IN_CUSTOMER
            }
        return kept

    def fetch_customer(self, http: Http, external_id: str) -> dict | None:
        payload = http.call(self.endpoints["get_customer"], path={"customer_id": external_id}).json()
        if not isinstance(payload, dict) or payload.get("id") != external_id:
            raise NotUnderstood("FlexPrice did not answer with the customer asked for.")
        return payload

    def fetch_pdf(self, http: Http, external_id: str, handles: Mapping[str, str]) -> bytes:
        """The bytes, always drawn anew. The link would lead to a stored file, perhaps of an older state, or to anyone's URL."""
        return http.call(self.endpoints["get_pdf"], path={"invoice_id": external_id}).body

    def request(self, name: str, external_id: str, arguments: Mapping[str, Any]) -> Request:
        return writes.request(name, external_id, arguments)

    def said(self, name: str, answer: Answer, external_id: str) -> Said:
        return writes.said(name, answer, external_id)

    def invoice(self, payload: dict, context: Context) -> InvoiceSnapshot:
        return normalize.invoice(payload, context)

    def customer(self, payload: dict) -> CustomerSnapshot:
        return normalize.customer(payload)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read(answer: Answer, offset: int) -> Page:
    """`pagination.offset` is never believed: for some lists it is where this page began, for others where the next one does."""
    items, envelope = strict_json.records(answer.body, ("items",))
    pagination = envelope.get("pagination")
    total = pagination.get("total") if isinstance(pagination, dict) else None
    total = total if isinstance(total, int) and not isinstance(total, bool) else None
    reached = offset + len(items)
    more = bool(items) and (total is None or reached < total)
    return Page(records=tuple(items), next_cursor=str(reached) if more else None, total=total)


def _merged(read: dict, listed: Mapping[str, Any]) -> dict:
    """The read, with what only lists carry. A read's customer can be the subscription's; the list's is the invoiced one."""
    merged = {name: value for name, value in read.items() if name != "coupon_applications"}
    if listed.get("coupon_applications") is not None:
        merged["coupon_applications"] = listed["coupon_applications"]
    for source in (listed.get("customer"), read.get("customer")):
        if isinstance(source, dict) and source.get("id") == read.get("customer_id"):
            return {**merged, "customer": source}
    merged.pop("customer", None)
    return merged
