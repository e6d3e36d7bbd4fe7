"""What every simulator is built from: requests, responses, routes, and one class per mounted provider."""

import json
import math
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from .wire import Raw, to_json
from .world import World

__all__ = ["BadJSON", "Raw", "Refusal", "Request", "Response", "Simulator", "World", "route"]


class BadJSON(Exception):
    """The request's body is not JSON."""


def _no_number(word: str):
    raise ValueError(f"{word} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _no_number(digits)


class Headers(Mapping):
    """Request headers; names in any case."""

    def __init__(self, pairs=()):
        self._values = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), value)

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self):
        return iter(self._values)

    def __len__(self):
        return len(self._values)


@dataclass
class Request:
    """One request, below its mount."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping
    body: bytes = b""
    params: dict[str, str] = field(default_factory=dict)
    mount: str = ""
    base_url: str = ""

    def arg(self, name: str, default: str | None = None) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def args(self, name: str) -> list[str]:
        """All values of a query parameter."""
        return [value for key, value in self.query if key == name]

    def json(self) -> object:
        """The body. Errors: BadJSON; an empty body is bad too, and what JSON has no word for: NaN, half a character."""
        try:
            found = json.loads(self.body, parse_constant=_no_number, parse_float=_finite)
            if b"\\u" in self.body:
                json.dumps(found, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise BadJSON(str(error)) from None
        return found


@dataclass
class Response:
    """One answer: an object is written as JSON, bytes as they are, None as nothing."""

    status: int = 200
    body: object | bytes | None = None
    headers: dict = field(default_factory=dict)
    content_type: str = "application/json"

    def encoded(self) -> bytes:
        """The body as sent."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else to_json(self.body).encode()


class Refusal(Exception):
    """The provider says no; raised anywhere in a handler."""

    def __init__(self, response: Response):
        super().__init__(response.status)
        self.response = response


def route(method: str, path: str, *, public: bool = False):
    """Mark a method as the handler of a path, `/invoices/{invoice_id}`. Public ones (signed links) ask for no key."""

    def mark(handler):
        handler.routes = [*getattr(handler, "routes", ()), (method, path.strip("/").split("/"), public)]
        return handler

    return mark


class Simulator:
    """One provider at one mount. Subclasses say its routes, its keys, its errors, and how its world acts."""

    provider = ""
    mount = ""
    name = ""
    status_field = "status"  # where an invoice says its status; faults aim there
    options: dict[str, object] = {}  # switches and their defaults, changed through POST /_sandbox/options

    def __init__(self, world: World):
        self.world = world
        self.lock = threading.RLock()
        world.simulators[self.name] = self
        handlers = (getattr(self, name) for name in dir(type(self)))
        self._routes = [
            (method, pattern, public, handler)
            for handler in handlers
            for method, pattern, public in getattr(handler, "routes", ())
        ]
        # Static segments win over parameters, compared from the left.
        self._routes.sort(key=lambda row: [segment.startswith("{") for segment in row[1]])

    # ---- what a provider says of itself

    def connection(self, origin: str) -> dict:
        """How a client connects. `origin` is scheme://host:port."""
        return {
            "provider": self.provider,
            "name": self.name,
            "base_url": origin + self.mount,
            "api_key": self.api_key(),
            "webhook_secret": self.webhook_secret(),
        }

    def api_key(self) -> str:
        return self.world.hex(32, self.name, "api_key")

    def webhook_secret(self) -> str:
        return self.world.hex(32, self.name, "webhook_secret")

    def option(self, name: str):
        """A switch as it is set now."""
        kept = self.world.get(self.name, "option", name)
        return self.options[name] if kept is None else kept["value"]

    # ---- the shapes in which it refuses

    def authorize(self, request: Request) -> None:
        """Raise Refusal when the key is missing or wrong."""

    def not_found(self, request: Request) -> Response:
        """An unknown path."""
        return self.error(404, "Not found")

    def method_not_allowed(self, request: Request, allowed: list[str]) -> Response:
        """A known path with a method it does not have."""
        return self.not_found(request)

    def bad_json(self, request: Request) -> Response:
        """A body that is not JSON."""
        return self.error(400, "The body is not JSON")

    def error(self, status: int, message: str) -> Response:
        """An error in the provider's own shape; also what a `status` fault answers when it names no body."""
        return Response(status, {"message": message})

    # ---- idempotency: none, unless the provider has it

    def replay(self, request: Request) -> Response | None:
        """The kept answer to a repeated request, if there is one. Runs after `authorize`."""
        return None

    def remember(self, request: Request, response: Response) -> None:
        """Keep the answer for `replay`. Sees refusals as well."""

    # ---- what happens without us

    def act(self, what: str, external_id: str, **arguments) -> dict:
        """The world acts. Errors: ValueError for what it cannot do, LookupError for an unknown id."""
        raise ValueError(f"{self.name} knows no act {what!r}")

    def invoices(self) -> Iterator[dict]:
        """Every invoice as held now, in the shape of reading one."""
        return iter(())

    # ---- handling

    def match(self, request: Request) -> tuple[object | None, dict[str, str], bool, list[str]]:
        """The handler of a request, its parameters, whether it is public, and the methods the path has."""
        segments = [unquote(segment) for segment in request.path.strip("/").split("/")]
        allowed = []
        for method, pattern, public, handler in self._routes:
            if len(pattern) != len(segments):
                continue
            params = {}
            for expected, found in zip(pattern, segments, strict=True):
                if expected.startswith("{") and found:
                    params[expected[1:-1]] = found
                elif expected != found:
                    break
            else:
                if method == request.method:
                    return handler, params, public, allowed
                allowed.append(method)
        return None, {}, False, allowed

    def handle(self, request: Request) -> Response:
        """Answer one request, under the lock, all changes and effects as one."""
        with self.lock, self.world.transaction(self.name) as transaction:
            response = self._answer(request)
        if transaction.effects:
            response.headers["X-Sandbox-Effect"] = ",".join(transaction.effects)
        return response

    def _answer(self, request: Request) -> Response:
        handler, request.params, public, allowed = self.match(request)
        try:
            if not public:
                self.authorize(request)
            if handler is None:
                return self.method_not_allowed(request, allowed) if allowed else self.not_found(request)
            kept = self.replay(request)
            if kept is not None:
                return kept
        except Refusal as refusal:
            return refusal.response
        try:
            response = handler(request)
        except Refusal as refusal:
            response = refusal.response
        except BadJSON:
            response = self.bad_json(request)
        self.remember(request, response)
        return response
