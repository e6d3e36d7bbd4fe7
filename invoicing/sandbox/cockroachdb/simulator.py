"""CockroachDB Cloud over HTTP: two ways to read invoices, one to read the organization, nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from ..core import Refusal, Request, Response, Simulator, World, route
from .clusters import moment, organization
from .data import Bills, amounts, month_start

GRPC = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 10, 429: 8, 500: 13, 503: 14}
STATUSES = ("DRAFT", "FINALIZED")
BILLING_ROLES = {"BILLING_COORDINATOR", "CLUSTER_ADMIN"}
ORGANIZATION_ROLES = {"ORG_ADMIN", "ORG_MEMBER"}


class CockroachDB(Simulator):
    """One organization. What the specification leaves open can be switched.

    A draft is listed without parameters, as the text of `status` says; `hides_running_month` reads the default of
    `end_time` literally (now), which leaves the running month out unless `end_time` reaches past its end.
    """

    provider, mount, name = "cockroachdb", "/cockroachdb", "cockroachdb"
    options = {
        "roles": ["BILLING_COORDINATOR", "ORG_MEMBER"],  # of the service account behind the key
        "hides_running_month": False,
        "without_status": False,  # a server from before July 2025: no field, no parameter
        "time_filters": "on",  # "ignored" or "rejected" by servers from before April 2026
        "rate_limit": None,  # requests a second; the contract's figure is 10
        "rate_limit_status": 429,  # some answer with another status and Retry-After
        "omits_zeros": False,  # protobuf drops zero amounts
    }

    def __init__(self, world: World):
        super().__init__(world)
        self.bills = Bills(world, self.name)
        self._second, self._calls = 0, 0

    def connection(self, origin: str) -> dict:
        return {**super().connection(origin), "direction": "payable"}

    def api_key(self) -> str:
        return f"CCDB1_{self.world.hex(22, self.name, 'id')}_{self.world.hex(40, self.name, 'api_key')}"

    # ---- refusals, in the shape of a gRPC status

    def error(self, status: int, message: str) -> Response:
        return Response(status, {"code": GRPC.get(status, 2), "message": message, "details": []})

    def not_found(self, request: Request) -> Response:
        return self.error(404, "Not Found")

    def method_not_allowed(self, request: Request, allowed: list[str]) -> Response:
        response = self.error(405, "Method Not Allowed")
        response.headers["Allow"] = ", ".join(allowed)
        return response

    def authorize(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.api_key()}":
            raise Refusal(self.error(401, "unauthenticated: invalid API key"))
        limit = self.option("rate_limit")
        if limit:
            second = int(self.world.now().timestamp())
            self._calls = self._calls + 1 if second == self._second else 1
            self._second = second
            if self._calls > limit:
                response = self.error(429, "rate limit exceeded")
                response.status, response.headers["Retry-After"] = self.option("rate_limit_status"), "1"
                raise Refusal(response)

    def _needs(self, roles: set[str]) -> None:
        if not roles & set(self.option("roles")):
            detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo"}
            raise Refusal(Response(403, {"code": 7, "message": "permission denied", "details": [detail]}))

    # ---- reading

    def current(self, index: int) -> dict | None:
        """An invoice as it is now; None when it is gone."""
        changed = self.world.view(self.name, "invoice").get(str(index), {})
        if changed.get("vanished"):
            return None
        share = Decimal(changed["share"]) if "share" in changed else None
        draft = share is None and self.bills.running(index)
        invoice = {**self.bills.invoice(index, self._used(index, changed) if draft else share)}
        if draft:
            invoice["status"] = "DRAFT"
        invoice |= changed.get("fields", {})
        self._embed(invoice)
        if self.option("without_status"):
            del invoice["status"]
        return _without_zeros(invoice) if self.option("omits_zeros") else invoice

    def _used(self, index: int, changed: dict) -> Decimal:
        return min(Decimal(1), self.bills.share(index) + Decimal(changed.get("more", 0)))

    def _embed(self, invoice: dict) -> None:
        """Clusters as they are now, in old invoices too."""
        clusters = self.world.view(self.name, "cluster")
        if clusters:
            invoice["invoice_items"] = [
                {**item, "cluster": {**item["cluster"], **clusters.get(item["cluster"]["id"], {})}}
                for item in invoice["invoice_items"]
            ]

    def _index(self, identity: str) -> int | None:
        """The index behind an invoice's id, which finalizing may have replaced."""
        changed = self.world.view(self.name, "invoice")
        for index, fields in changed.items():
            if "invoice_id" in fields.get("fields", {}):
                if fields["fields"]["invoice_id"] == identity:
                    return int(index)
                if self.bills.id(int(index)) == identity:
                    return None
        return self.bills.index(identity)

    def invoices(self) -> Iterator[dict]:
        return (invoice for index in range(self.bills.total()) if (invoice := self.current(index)) is not None)

    @route("GET", "/api/v1/invoices")
    def list_invoices(self, request: Request) -> Response:
        """All of them, oldest period first. Errors: 400 for an unknown status or a time that is not RFC 3339."""
        self._needs(BILLING_ROLES)
        status = None if self.option("without_status") else request.arg("status")
        if status is not None and status not in STATUSES:
            raise Refusal(self.error(400, f"invalid value for parameter status: {status}"))
        times = {} if self.option("time_filters") == "ignored" else {
            name: self._time(name, request.arg(name)) for name in ("start_time", "end_time") if request.arg(name) is not None
        }  # fmt: skip
        if times and self.option("time_filters") == "rejected":
            raise Refusal(self.error(400, f"unknown parameter {min(times)}"))
        start, end = times.get("start_time"), times.get("end_time")
        if end is None and self.option("hides_running_month"):
            end = self.world.now()
        found = []
        for index in range(self.bills.total()):
            month = self.bills.month(index)
            if (start and month_start(month) < start) or (end and month_start(month + 1) > end):
                continue
            invoice = self.current(index)
            if invoice is not None and status in (None, invoice.get("status")):
                found.append(invoice)
        return Response(body={"invoices": found})

    def _time(self, name: str, text: str) -> datetime:
        try:
            found = datetime.fromisoformat(text)
            if found.tzinfo is None or "T" not in text.upper():
                raise ValueError
            return found.astimezone(UTC)
        except (ValueError, OverflowError):
            raise Refusal(self.error(400, f"invalid value for parameter {name}: {text}")) from None

    @route("GET", "/api/v1/invoices/{invoice_id}")
    def fetch_invoice(self, request: Request) -> Response:
        self._needs(BILLING_ROLES)
        index = self._index(request.params["invoice_id"])
        invoice = None if index is None else self.current(index)
        if invoice is None:
            raise Refusal(self.error(404, "invoice not found"))
        return Response(body=invoice)

    @route("GET", "/api/v1/organization")
    def fetch_organization(self, request: Request) -> Response:
        self._needs(ORGANIZATION_ROLES)
        return Response(body=organization(self.world, self.name))

    # ---- the world acts

    def act(self, what: str, external_id: str, **arguments) -> dict:
        """finalize (a draft; new_id=true changes its id), draft_moves (share: of a month used more), edit (fields as
        given; total: in dollars), cluster_changes (external_id: a cluster), vanish."""
        if what == "cluster_changes":
            kept = self.world.get(self.name, "cluster", external_id) or {}
            kept = {**kept, **arguments, "updated_at": moment(self.world.now())}
            self.world.put(self.name, "cluster", external_id, kept)
            return kept
        acts = {
            "finalize": self._finalize,
            "draft_moves": self._draft_moves,
            "edit": self._edit,
            "vanish": self._vanish,
        }
        if what not in acts:
            raise ValueError(f"Acts here: {', '.join([*acts, 'cluster_changes'])}")
        index = self._index(external_id)
        if index is None:
            raise LookupError(f"No invoice {external_id}")
        kept = self.world.get(self.name, "invoice", str(index)) or {}
        self.world.put(self.name, "invoice", str(index), acts[what](index, kept, **arguments))
        return self.current(index) or {"vanished": external_id}

    def _draft(self, index: int, kept: dict) -> None:
        if "share" in kept or not self.bills.running(index):
            raise ValueError("Only a draft can; this one is final")

    def _finalize(self, index: int, kept: dict, new_id: bool = False) -> dict:
        self._draft(index, kept)
        fields = {**kept.get("fields", {})}
        if new_id:
            fields["invoice_id"] = self.world.uuid(self.name, "final", index)
        return {**kept, "share": str(self._used(index, kept)), "fields": fields}

    def _draft_moves(self, index: int, kept: dict, share: float = 0.05) -> dict:
        self._draft(index, kept)
        return {**kept, "more": str(Decimal(kept.get("more", 0)) + Decimal(str(share)))}

    def _edit(self, index: int, kept: dict, total: str | None = None, **fields) -> dict:
        if total is not None:
            fields["totals"] = amounts({"USD": Decimal(total)})
        return {**kept, "fields": {**kept.get("fields", {}), **fields}}

    def _vanish(self, index: int, kept: dict) -> dict:
        return {**kept, "vanished": True}


def _without_zeros(value):
    """As protobuf may write it: an amount of zero is left out."""
    if isinstance(value, dict):
        zero = "currency" in value and Decimal(value.get("amount", 1)) == 0
        return {key: _without_zeros(inner) for key, inner in value.items() if not (zero and key == "amount")}
    return [_without_zeros(inner) for inner in value] if isinstance(value, list) else value


SIMULATORS = [CockroachDB]
