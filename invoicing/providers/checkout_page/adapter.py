"""Checkout Page over HTTP: invoices are drawn from payments, and their PDF is all that can be changed."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from invoicing.providers import strict_json
from invoicing.providers.base import Answer, Context, Endpoint, Http, Page, Provider, Request, Said, Slice
from invoicing.providers.checkout_page import normalize
from invoicing.providers.errors import Missing, NotUnderstood, Unsupported
from invoicing.providers.normalizing import moment_of
from invoicing.providers.snapshots import CustomerSnapshot, InvoiceSnapshot

MAX_PAGE_SIZE = 100
SHORT_LOOK_BACK = timedelta(days=2)
LONG_LOOK_BACK = timedelta(days=90)
FROM_PAYMENT = "Checkout Page draws invoices from payments; this is not in its API."


class Identified(msgspec.Struct):
    id: str = ""


class Created(msgspec.Struct):
    createdAt: str = ""


_identified, _created = msgspec.json.Decoder(Identified), msgspec.json.Decoder(Created)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class CheckoutPage(Provider):
    """Checkout Page's REST API, version 1. List paths end in a slash, as documented."""

    key = "checkout_page"
    name = "Checkout Page"
    base_url = "https://api.checkoutpage.com"
    hosts = ("api.checkoutpage.com",)
    requests_per_second = 1.6  # 100 a minute for one key
    endpoints = {
        "list_invoices": Endpoint("GET", "/v1/invoices/", safe=True),
        "list_customers": Endpoint("GET", "/v1/customers/", safe=True),
        "get_customer": Endpoint("GET", "/v1/customers/{customer_id}", safe=True),
        "list_payments": Endpoint("GET", "/v1/payments/", safe=True),
        "regenerate_pdf": Endpoint("POST", "/v1/invoices/{invoice_id}/regenerate", safe=False),
    }
    statuses = (
        *((word, str(status), str(payment)) for word, (status, payment) in normalize.STATUSES.items()),
        ("open, something paid", "finalized", "partly_paid"),
    )
    not_offered = {
        **dict.fromkeys(
            (
                "void",
                "finalize",
                "void_and_replace",
                "regenerate_invoice",
                "recalculate",
                "add_line",
                "remove_line",
                "update",
                "move_issue_date",
                "create_invoice",
                "preview",
                "upcoming",
                "usage_breakdown",
                "record_payment_status",
                "mark_paid",
                "attempt_payment",
                "trigger_communication",
                "customer_summary",
            ),
            FROM_PAYMENT,
        ),
        "get_invoice": "There is no documented read of one invoice; it is found in the list by its payment.",
    }

    def error_text(self, payload: Any) -> str | None:
        """`message` in all three shapes, with the parameters it complains about."""
        if not isinstance(payload, dict):
            return None
        text = payload.get("message") or payload.get("error")
        if not isinstance(text, str):
            return None
        errors = payload.get("errors")
        details = [
            f"{error.get('param')}: {error.get('message')}"
            for error in (errors if isinstance(errors, list) else ())
            if isinstance(error, dict) and error.get("message")
        ]
        return " ".join([text, *details])

    def probe(self, http: Http) -> dict[str, Any]:
        found = _read(http.call(self.endpoints["list_invoices"], query=(("limit", "1"),)))
        return {"invoices": found.total}

    def slices(self, *, customers: Iterable[str], since: datetime | None) -> Iterator[Slice]:
        """Newest first, down to a day. Refunds and redrawn PDFs change older invoices: the first run of a day looks back long."""
        params = {}
        if since:
            same_day = since.astimezone(UTC).date() == datetime.now(UTC).date()
            down_to = since - (SHORT_LOOK_BACK if same_day else LONG_LOOK_BACK)
            params = {"created_since": down_to.astimezone(UTC).isoformat()}
        yield Slice(kind="customers", key="customers", params=params)
        yield Slice(kind="invoices", key="invoices", params=params)

    def page(self, http: Http, part: Slice, cursor: str | None, *, size: int | None = None) -> Page:
        query = [("limit", str(min(size or MAX_PAGE_SIZE, MAX_PAGE_SIZE)))]
        if cursor:
            query.append(("starting_after", cursor))
        endpoint = self.endpoints["list_customers" if part.kind == "customers" else "list_invoices"]
        found = _read(http.call(endpoint, query=query))
        down_to = part.params.get("created_since")
        if found.next_cursor and down_to and _created_before(found.records[-1], datetime.fromisoformat(down_to)):
            return Page(records=found.records, next_cursor=None, total=found.total)
        return found

    def identity(self, record: bytes) -> str:
        return _identity(record)

    def steady(self, record: bytes) -> bytes:
        """Without the link, whose signature is another in every answer."""
        try:
            members = _members.decode(record)
        except (msgspec.MsgspecError, ValueError):
            return record
        members.pop("invoiceUrl", None)
        return b",".join(name.encode() + b":" + bytes(value) for name, value in sorted(members.items()))

    def complete(self, http: Http, payload: dict) -> dict:
        """Nothing is read; but the link must not be kept."""
        return self.canonical(payload)

    def canonical(self, payload: dict) -> dict:
        """Without the signed link, which opens the file to anyone for an hour: only that there is one."""
        if "invoiceUrl" not in payload:
            return payload
        return {**payload, "invoiceUrl": bool(payload["invoiceUrl"])}

    def fetch_invoice(self, http: Http, external_id: str, handles: Mapping[str, str]) -> dict:
        return self.canonical(self._found(http, external_id, handles))

    def _found(self, http: Http, external_id: str, handles: Mapping[str, str]) -> dict:
        """By its payment, else by its number. An answer that does not keep to what was asked proves no absence."""
        asked = [
            (name, member, handles[handle])
            for name, member, handle in (("chargeId", "chargeId", "charge_id"), ("search", "invoiceNumber", "number"))
            if handles.get(handle)
        ]
        if not asked:
            raise Unsupported("Checkout Page reads one invoice only by its payment or number, and neither is known.")
        for name, member, value in asked:
            answer = http.call(self.endpoints["list_invoices"], query=(("limit", "100"), (name, value)))
            found = _read(answer)
            for record in found.records:
                if _identity(record) == external_id:
                    return _object(strict_json.loads(record))
            others = (_object(strict_json.loads(record)).get(member) for record in found.records)
            if name == "chargeId" and not found.next_cursor and all(other == value for other in others):
                raise Missing("Checkout Page has no such invoice for its payment.")
        raise NotUnderstood("Checkout Page's list does not tell whether this invoice is there.")

    def fetch_customer(self, http: Http, external_id: str) -> dict | None:
        if external_id == "unknown" or external_id.startswith("email:"):
            return None
        answer = http.call(self.endpoints["get_customer"], path={"customer_id": external_id})
        payload = _object(_object(answer.json()).get("data"))
        if payload.get("id") != external_id:
            raise NotUnderstood("Checkout Page did not answer with the customer asked for.")
        return payload

    def fetch_pdf(self, http: Http, external_id: str, handles: Mapping[str, str]) -> bytes:
        link = self._found(http, external_id, handles).get("invoiceUrl")
        if not isinstance(link, str) or not link:
            raise Missing("Checkout Page has no PDF of this invoice.")
        return http.fetch_document(link)

    def request(self, name: str, external_id: str, arguments: Mapping[str, Any]) -> Request:
        if name != "regenerate_pdf":
            raise Unsupported(FROM_PAYMENT)
        return Request(path={"invoice_id": external_id}, body={})

    def said(self, name: str, answer: Answer, external_id: str) -> Said:
        if name != "regenerate_pdf":
            raise Unsupported(FROM_PAYMENT)
        invoice = _object(_object(answer.json()).get("data"))
        if invoice.get("id") != external_id:
            raise NotUnderstood("Checkout Page did not answer with the invoice asked for.", status=answer.status)
        return Said(outcome="done", invoice=self.canonical(invoice))

    def invoice(self, payload: dict, context: Context) -> InvoiceSnapshot:
        return normalize.invoice(payload, context)

    def customer(self, payload: dict) -> CustomerSnapshot:
        return normalize.customer(payload)


def _read(answer: Answer) -> Page:
    """One page of any list. The next begins after the last record; a list that goes on after nothing is not believed."""
    records, envelope = strict_json.records(answer.body, ("data",))
    more, total = envelope.get("has_more"), envelope.get("total")
    if not isinstance(more, bool):
        raise NotUnderstood("Checkout Page does not say whether its list goes on.")
    cursor = _identity(records[-1]) if more and records else ""
    if more and not cursor:
        raise NotUnderstood("Checkout Page says that its list goes on, but not from where.")
    return Page(
        records=tuple(records),
        next_cursor=cursor or None,
        total=total if isinstance(total, int) and not isinstance(total, bool) else None,
    )


def _identity(record: bytes) -> str:
    try:
        return _identified.decode(record).id
    except (msgspec.MsgspecError, ValueError):
        return ""


def _created_before(record: bytes, moment: datetime) -> bool:
    """False where the record does not say: then the list is read on."""
    try:
        created_at = moment_of(_created.decode(record).createdAt)
    except (msgspec.MsgspecError, ValueError):
        return False
    return created_at is not None and created_at < moment


def _object(value: Any) -> dict:
    if not isinstance(value, dict):
        raise NotUnderstood("Checkout Page's answer is not of the shape promised.")
    return value
