"""CockroachDB Cloud over HTTP: bills to us, read only. There is no call that changes anything."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from invoicing.providers import strict_json
from invoicing.providers.base import Answer, Context, Endpoint, Http, Page, Provider, Request, Said, Slice
from invoicing.providers.cockroachdb import normalize
from invoicing.providers.errors import KeyRefused, Missing, NotUnderstood, Refused, Unsupported
from invoicing.providers.normalizing import moment_of
from invoicing.providers.snapshots import CustomerSnapshot, InvoiceSnapshot
from invoicing.vocabulary import Direction

API_VERSION = "2024-09-16"
RUNNING_MONTH = "running month"  # the cursor of the second call
CLUSTER_MEMBERS = ("id", "name", "plan", "cloud_provider")  # the rest is the cluster's state, not the bill
GRPC_NOT_FOUND = 5
READ_ONLY = "CockroachDB Cloud bills us; its API only reads."


class Identified(msgspec.Struct):
    invoice_id: str = ""
    id: str = ""


class Period(msgspec.Struct):
    period_start: str = ""
    period_end: str = ""


_identified, _period = msgspec.json.Decoder(Identified), msgspec.json.Decoder(Period)


class CockroachDB(Provider):
    """The Billing part of CockroachDB's Cloud API, version 2024-09-16."""

    key = "cockroachdb"
    name = "CockroachDB Cloud"
    direction = Direction.PAYABLE
    base_url = "https://cockroachlabs.cloud"
    hosts = ("cockroachlabs.cloud",)
    requests_per_second = 10
    final_replaces_draft = True  # whether the id stays the same when a month closes, nobody says
    endpoints = {
        "list_invoices": Endpoint("GET", "/api/v1/invoices", safe=True),
        "get_invoice": Endpoint("GET", "/api/v1/invoices/{invoice_id}", safe=True),
        "get_organization": Endpoint("GET", "/api/v1/organization", safe=True),
    }
    statuses = (
        ("DRAFT", "draft", "not_tracked"),
        ("FINALIZED", "finalized", "not_tracked"),
        ("no status, period running", "draft", "not_tracked"),
        ("no status, period over", "finalized", "not_tracked"),
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
            ),
            READ_ONLY,
        ),
        "get_pdf": "Its API gives no PDF; the provider's web console may.",
        "regenerate_pdf": "Its API gives no PDF; the provider's web console may.",
        "customer_summary": "The only customer is our own organization.",
    }

    def auth_headers(self, api_key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {api_key}", "Cc-Version": API_VERSION}

    def error_text(self, payload: Any) -> str | None:
        """A gRPC status in practice; the specification leaves the body of most errors open."""
        if not isinstance(payload, dict):
            return None
        message = payload.get("message")
        return message if isinstance(message, str) else ""

    def says_missing(self, payload: Any) -> bool:
        return payload.get("code", GRPC_NOT_FOUND) == GRPC_NOT_FOUND

    def probe(self, http: Http) -> dict[str, Any]:
        try:
            answer = http.call(self.endpoints["list_invoices"])
        except KeyRefused as error:
            if error.status != 403:
                raise
            raise KeyRefused(
                "This service account may not read bills: it lacks the role BILLING_COORDINATOR or CLUSTER_ADMIN, "
                "assigned at organization scope.",
                status=error.status,
                said=error.said,
            ) from None
        found, _ = strict_json.records(answer.body, ("invoices",))
        organization = self.fetch_customer(http, normalize.ORGANIZATION) or {}
        names = {"organization": "name", "organization_id": "id", "organization_label": "label"}
        return {"invoices": len(found), **{ours: str(organization.get(theirs) or "") for ours, theirs in names.items()}}

    def slices(self, *, customers: Iterable[str], since: datetime | None) -> Iterator[Slice]:
        """Always everything: a year is twelve bills, one call brings them all, and no list tells what changed."""
        yield Slice(kind="customers", key="organization")
        yield Slice(kind="invoices", key="invoices")

    def complete_slices(self, since: datetime | None) -> bool:
        return True

    def page(self, http: Http, part: Slice, cursor: str | None, *, size: int | None = None) -> Page:
        """The bills, then the running month where they lack it: read literally, the list's default end hides it."""
        if part.kind == "customers":
            organization = self._organization(http)
            return Page(records=(organization,) if organization else (), next_cursor=None)
        now = datetime.now(UTC)
        if cursor != RUNNING_MONTH:
            records = self._list(http, ())
            running = any(covers(record, now) for record in records)
            return Page(records=records, next_cursor=None if running else RUNNING_MONTH)
        end = (now.replace(day=1) + timedelta(days=32)).replace(day=2, hour=0, minute=0, second=0, microsecond=0)
        try:
            records = self._list(http, (("status", "DRAFT"), ("end_time", end.strftime("%Y-%m-%dT%H:%M:%SZ"))))
        except Refused as error:
            if isinstance(error, KeyRefused):
                raise
            return Page(records=(), next_cursor=None)  # a server of before 2026, which has no such parameters
        return Page(records=tuple(record for record in records if covers(record, now)), next_cursor=None)

    def _list(self, http: Http, query: tuple[tuple[str, str], ...]) -> tuple[bytes, ...]:
        answer = http.call(self.endpoints["list_invoices"], query=query)
        return tuple(strict_json.records(answer.body, ("invoices",))[0])

    def _organization(self, http: Http) -> bytes | None:
        """Only for its name; a key for billing alone may not read it."""
        try:
            return http.call(self.endpoints["get_organization"]).body
        except (KeyRefused, Missing):
            return None

    def identity(self, record: bytes) -> str:
        try:
            found = _identified.decode(record)
        except (msgspec.MsgspecError, ValueError):
            return ""
        return found.invoice_id or (normalize.ORGANIZATION if found.id else "")

    def canonical(self, payload: dict) -> dict:
        """Without the clusters' state, which is that of the moment of asking, even in the bill of a year ago."""
        kept = dict(payload)
        items = kept.get("invoice_items")
        if isinstance(items, list) and all(isinstance(item, dict) for item in items):
            kept["invoice_items"] = [{**item, "cluster": _named(item.get("cluster"))} for item in items]
        end = _moment(payload.get("period_end"))
        if not payload.get("status") and end:  # so that what was taken for a draft is read again when its month is over
            kept["status_by_period"] = normalize.status_by_period(end, datetime.now(UTC))
        return kept

    def fetch_invoice(self, http: Http, external_id: str, handles: Mapping[str, str]) -> dict:
        try:
            payload = http.call(self.endpoints["get_invoice"], path={"invoice_id": external_id}).json()
        except NotUnderstood as error:
            if error.status == 404 and error.content_type in ("", "text/plain", "application/json"):
                raise Missing("CockroachDB Cloud has no such bill.", status=404) from None  # an empty body is allowed
            raise
        if not isinstance(payload, dict) or payload.get("invoice_id") != external_id:
            raise NotUnderstood("CockroachDB Cloud did not answer with the bill asked for.")
        return payload

    def fetch_customer(self, http: Http, external_id: str) -> dict | None:
        organization = self._organization(http)
        payload = strict_json.loads(organization) if organization else None
        return payload if isinstance(payload, dict) else None

    def request(self, name: str, external_id: str, arguments: Mapping[str, Any]) -> Request:
        raise Unsupported(READ_ONLY)

    def said(self, name: str, answer: Answer, external_id: str) -> Said:
        raise Unsupported(READ_ONLY)

    def invoice(self, payload: dict, context: Context) -> InvoiceSnapshot:
        return normalize.invoice(payload, context)

    def customer(self, payload: dict) -> CustomerSnapshot:
        return normalize.organization(payload)


def covers(record: bytes, moment: datetime) -> bool:
    """Whether the bill's period holds the moment; what cannot be read does not."""
    try:
        period = _period.decode(record)
    except (msgspec.MsgspecError, ValueError):
        return False
    start, end = _moment(period.period_start), _moment(period.period_end)
    return start is not None and end is not None and start <= moment < end


def _moment(value: Any) -> datetime | None:
    try:
        return moment_of(value)
    except ValueError:
        return None


def _named(cluster: Any) -> Any:
    return {name: cluster.get(name) for name in CLUSTER_MEMBERS} if isinstance(cluster, dict) else cluster
