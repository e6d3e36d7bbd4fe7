"""Orb's API below one mount: keys, errors, idempotency; its endpoints are in the classes it is made of."""

import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from ..core import Refusal, Request, Response, Simulator, World
from . import problems
from .acts import Acts
from .around import Around
from .book import NAME, Book
from .credit_notes import CreditNotes
from .documents import Documents
from .life import Life
from .lines_api import LinesAPI
from .reads import InvoiceReads
from .webhook_endpoints import WebhookEndpoints
from .writes import TOO_LARGE, InvoiceWrites

KEPT = timedelta(hours=48)
LONGEST_KEY = 64


class Orb(
    InvoiceReads, InvoiceWrites, LinesAPI, CreditNotes, Around, WebhookEndpoints, Documents, Acts, Life, Simulator
):  # fmt: skip
    """One account in live mode.

    Options: `issue_seconds` until an issue that was not waited for is done (0: at once), `sync_seconds` until an
    invoicing system has an issued invoice, `declined_status` of a `pay` whose charge was declined, `reads_per_second`
    and `writes_per_second` beyond which 429 is answered (0: never), with `retry_after` seconds in a header when set.
    """

    provider = "orb"
    mount = "/orb/v1"
    name = NAME
    options = {
        "issue_seconds": 1.0,
        "sync_seconds": 1.0,
        "declined_status": 200,
        "reads_per_second": 0,
        "writes_per_second": 0,
        "retry_after": None,
    }

    def __init__(self, world: World):
        super().__init__(world)
        self.book = Book(world)
        self._seen: dict[str, deque] = {"reads_per_second": deque(), "writes_per_second": deque()}
        self.address = f"http://127.0.0.1:8765{self.mount}"  # until somebody asks, under the address they use
        if not any(timer["method"] == "issue_all_due" for timer in world.view(self.name, "timer").values()):
            world.later(0, self.issue_all_due)

    def connection(self, origin: str) -> dict:
        self.address = origin + self.mount
        return super().connection(origin)

    def handle(self, request: Request) -> Response:
        self.address = request.base_url
        return super().handle(request)

    # ---- keys and errors

    def authorize(self, request: Request) -> None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.strip().encode(), self.api_key().encode()):
            problems.refuse("401-authentication-error", "The API key is missing or not valid.")
        if len(request.body) > TOO_LARGE:
            problems.refuse("413-request-too-large", "The request body exceeds the limit.")
        self._keep_the_limit("reads_per_second" if request.method == "GET" else "writes_per_second")

    def _keep_the_limit(self, name: str) -> None:
        """Refuse what exceeds a rate, in any stretch of one second of the real clock."""
        limit, seen, now = self.option(name), self._seen[name], time.monotonic()
        while seen and seen[0] <= now - 1:
            seen.popleft()
        if limit and len(seen) >= limit:
            answer = problems.problem("429-too-many-requests", "Rate limit exceeded; retry with exponential backoff.")
            if self.option("retry_after") is not None:
                answer.headers["Retry-After"] = str(self.option("retry_after"))
            raise Refusal(answer)
        if limit:
            seen.append(now)

    def not_found(self, request: Request) -> Response:
        return problems.problem("404-url-not-found", "No such route.")

    def bad_json(self, request: Request) -> Response:
        errors = ["body: value is not valid JSON"]
        return problems.problem(
            "400-request-validation-errors", "The request body failed validation.", validation_errors=errors
        )

    def error(self, status: int, message: str) -> Response:
        code = next((code for code in problems.TITLES if code.startswith(str(status))), None)
        if code is None:  # a gateway's status: the body says it is the server's fault
            answer = problems.problem("500-internal-server-error", message)
            return Response(status, answer.body | {"status": status})
        return problems.problem(code, message)

    # ---- idempotency: of POST alone, kept for 48 hours, by key and route

    def replay(self, request: Request) -> Response | None:
        key = request.headers.get("Idempotency-Key")
        if request.method != "POST" or key is None:
            return None
        if not key or len(key) > LONGEST_KEY:
            error = f"Idempotency-Key: ensure this value has 1 to {LONGEST_KEY} characters"
            raise Refusal(self._validation(error))
        kept = self.world.get(self.name, "idempotency", self._slot(request, key))
        if kept is None or self.world.now() - datetime.fromisoformat(kept["at"]) >= KEPT:
            return None
        if kept["payload"] != self._payload(request):
            detail = "The idempotency key was used with a different payload."
            return self._keyed(problems.problem("409-resource-conflict", detail), key)
        response = Response(kept["status"], kept["body"], {"Idempotent-Replayed": "true"})
        return self._keyed(response, key)

    def remember(self, request: Request, response: Response) -> None:
        """Only what was done is kept: a refusal changed nothing, so the same key may try again."""
        key = request.headers.get("Idempotency-Key")
        if request.method != "POST" or not key:
            return
        self._keyed(response, key)
        if 200 <= response.status < 300 and len(key) <= LONGEST_KEY:
            kept = {
                "at": self.world.now().isoformat(), "payload": self._payload(request),
                "status": response.status, "body": response.body,
            }  # fmt: skip
            self.world.put(self.name, "idempotency", self._slot(request, key), kept)

    @staticmethod
    def _keyed(response: Response, key: str) -> Response:
        response.headers["Idempotency-Key"] = key
        return response

    @staticmethod
    def _slot(request: Request, key: str) -> str:
        return f"{request.path} {key}"

    @staticmethod
    def _payload(request: Request) -> str:
        """The body, the same however its JSON is spelled."""
        try:
            read = json.dumps(json.loads(request.body or b"{}"), sort_keys=True)
        except ValueError:
            read = request.body.hex()
        return hashlib.sha256(read.encode()).hexdigest()

    @staticmethod
    def _validation(error: str) -> Response:
        return problems.problem(
            "400-request-validation-errors", "The request header failed validation.", validation_errors=[error]
        )

    # ---- the control plane

    def invoices(self) -> Iterator[dict]:
        for identity in list(self.book.rows):
            record = self.book.read(identity)
            if record is not None:
                yield self.wire(record)


SIMULATORS = [Orb]
