"""FlexPrice over HTTP: today's server (August 2026), and the one that was first documented (January 2026).

Source: FlexPrice's server code and its two OpenAPI documents. What the two share is in the parts; what differs is said
in the two classes at the end. Permission: reads need a key, writes one that may write.
"""

import base64
import uuid
from collections.abc import Iterator

from ..core import Refusal, Request, Response, Simulator, World
from .acts import Acts
from .creation import Creation
from .credit_notes import CreditNotes
from .customers import Customers
from .documents import Documents, Triggers
from .editing import Editing
from .invoices import Invoices
from .ledger import Ledger
from .payments import Payments
from .recalculation import AsOfJanuary, AsOfToday
from .refunds import Refunds
from .refusals import Refusing
from .search import Search
from .store import Store
from .units import ulid
from .wallets import Wallets

READS_BY_POST = ("/search", "/preview")


class FlexPrice(Refusing, Search, Invoices, Creation, Payments, CreditNotes, Wallets, Customers, Documents, Acts, Store,
                Simulator):  # fmt: skip
    """What both generations do alike."""

    provider = "flexprice"
    status_field = "invoice_status"
    options = {"replica_lag": 0, "storage_disabled": False, "workflow_engine_down": False, "tenant_suspended": False}

    def __init__(self, world: World):
        super().__init__(world)
        self.open_books(Ledger)
        self.open_search()
        self.open_wallets()
        self.open_payments()
        self.open_customers()
        self.chance = world.rng(self.name, "line order")  # lines come in no order, seldom in the same one twice

    # ---- keys

    def api_key(self) -> str:
        return "sk_" + ulid(1_790_000_000_000, int(self.world.hex(20, self.name, "api_key"), 16))

    def reader_key(self) -> str:
        """A key that may read and nothing else."""
        return "sk_" + ulid(1_790_000_000_000, int(self.world.hex(20, self.name, "reader_key"), 16))

    def session_token(self) -> str:
        """What a person's browser sends; it has to name the environment."""
        return self.world.hex(48, self.name, "session")

    def webhook_secret(self) -> str:
        return "whsec_" + base64.b64encode(bytes.fromhex(self.world.hex(48, self.name, "webhook_secret"))).decode()

    def connection(self, origin: str) -> dict:
        return super().connection(origin) | {
            "environment": "test",
            "environment_id": self.book.environment,
            "read_only_api_key": self.reader_key(),
            "session_token": self.session_token(),
        }

    def authorize(self, request: Request) -> None:
        """An unknown route is not found before anybody asks for a key."""
        if self.match(request)[0] is None:
            return
        key, header = request.headers.get("x-api-key"), request.headers.get("Authorization")
        may_write = key != self.reader_key()
        if key not in (self.api_key(), self.reader_key()):
            self._authorize_session(header if not key else None, request)
        reads = request.method == "GET" or request.path.rstrip("/").endswith(READS_BY_POST)
        if not reads and self.option("tenant_suspended"):
            raise Refusal(Response(403, {"message": "tenant account is suspended"}))
        if not reads and not may_write:
            raise Refusal(Response(403, {"message": "insufficient permissions"}))

    def _authorize_session(self, header: str | None, request: Request) -> None:
        trouble = None
        if not header:
            trouble = "Unauthorized"
        elif not header.startswith("Bearer "):
            trouble = "Invalid authorization header format"
        elif header.removeprefix("Bearer ") != self.session_token():
            trouble = "Invalid token"
        if trouble:
            raise Refusal(Response(401, {"error": trouble}))
        environment = request.headers.get("X-Environment-ID")
        if environment != self.book.environment:
            known = (
                "You don't have access to this environment" if environment else "Invalid or inaccessible environment"
            )
            raise Refusal(Response(403, {"error": "Access denied", "message": known}))

    # ---- every answer

    def handle(self, request: Request) -> Response:
        response = super().handle(request)
        response.headers.setdefault("X-Request-ID", request.headers.get("X-Request-ID") or str(uuid.uuid4()))
        response.headers.setdefault("Access-Control-Allow-Origin", "*")
        return response

    def effect(self, verb: str, identity: str, key: str | None = None) -> str:
        """Record what was really done."""
        return self.world.effect(self.name, verb, identity, key)

    def publish(self, event: str, identity: str) -> None:
        """An event that webhooks would carry; its object is read when it is delivered."""

    def invoices(self) -> Iterator[dict]:
        """Every invoice a client can find, archived ones too; deleted rows are gone for good."""
        view = dict(self.world.view(self.name, "invoice"))
        for row in list(self.rows(view)):
            invoice = None if row.row == "deleted" else self.find(row.id)
            if invoice is not None:
                yield self.alone(invoice)


class Today(AsOfToday, Editing, Refunds, Triggers, FlexPrice):
    """The server of August 2026: the truth of behavior."""

    mount = "/flexprice/v1"
    name = "flexprice"


class January(AsOfJanuary, FlexPrice):
    """The server of January 2026: other errors, fewer fields, no refunds, another recalculation."""

    mount = "/flexprice-2026-01/v1"
    name = "flexprice-2026-01"
    early = True


SIMULATORS = [Today, January]
