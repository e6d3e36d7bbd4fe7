"""Webhook endpoints: where Orb would send its events. The secret is told once, by the call that creates one."""

import re

from ..core import Request, Response, route
from . import problems
from .book import NAME
from .reading import Query, as_list, as_text, body, one_of, page_by_time

KIND = "webhook_endpoint"
MOST = 20


def as_url(found: object) -> str:
    """HTTPS; plain HTTP on this machine alone, for this is a sandbox."""
    if not re.fullmatch(r"https://[^\s/]+\S*|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/\S*)?", as_text(found)):
        raise ValueError("expected an HTTPS URL")
    return found


def as_event_types(found: object) -> list[str]:
    types = as_list(found)
    if not all(isinstance(one, str) and re.fullmatch(r"[a-z_]+\.[a-z_]+", one) for one in types):
        raise ValueError("expected event types such as invoice.issued")
    return types


class WebhookEndpoints:
    """Create, read, update, delete, enable, disable."""

    def _endpoint(self, request: Request) -> dict:
        identity = request.params["webhook_endpoint_id"]
        kept = self.world.get(NAME, KIND, identity)
        if kept is None:
            problems.unknown("WebhookEndpoint", identity)
        return kept

    @staticmethod
    def _wire(kept: dict) -> dict:
        return {name: value for name, value in kept.items() if name != "secret"}

    def _change(self, request: Request, verb: str, **changes) -> Response:
        kept = self._endpoint(request) | changes
        self.world.put(NAME, KIND, kept["id"], kept)
        self.effect(verb, kept["id"], request)
        return Response(200, self._wire(kept))

    @route("GET", "/webhook_endpoints")
    def list_endpoints(self, request: Request) -> Response:
        rows = ((kept["created_at"], kept["id"], kept) for _, kept in self.world.items(NAME, KIND))
        return page_by_time(Query(request), rows, self._wire)

    @route("POST", "/webhook_endpoints")
    def create_endpoint(self, request: Request) -> Response:
        fields = body(request)
        made = {
            "id": "",
            "url": fields.take("url", as_url, required=True),
            "enabled": True,
            "enabled_event_types": fields.take("enabled_event_types", as_event_types),
            "payload_style": fields.take("payload_style", one_of("expanded", "standard"), default="expanded"),
            "created_at": self.stamp_now(),
        }
        fields.done()
        if len(self.world.view(NAME, KIND)) >= MOST:
            problems.against_rule(f"An account can have at most {MOST} webhook endpoints.")
        made["id"] = self.book.data.identify("webhook endpoint", self.book.next_number(KIND))
        made["secret"] = self.world.hex(64, NAME, "endpoint secret", made["id"])
        self.world.put(NAME, KIND, made["id"], made)
        self.effect("create_webhook_endpoint", made["id"], request)
        return Response(201, made)

    @route("GET", "/webhook_endpoints/{webhook_endpoint_id}")
    def fetch_endpoint(self, request: Request) -> Response:
        return Response(200, self._wire(self._endpoint(request)))

    @route("PUT", "/webhook_endpoints/{webhook_endpoint_id}")
    def update_endpoint(self, request: Request) -> Response:
        self._endpoint(request)
        fields = body(request)
        url = fields.take("url", as_url)
        event_types = fields.take("enabled_event_types", as_event_types)
        style = fields.take("payload_style", one_of("expanded", "standard"))
        fields.done()
        changes = {name: value for name, value in (("url", url), ("payload_style", style)) if value is not None}
        if fields.has("enabled_event_types"):  # null is all of them
            changes["enabled_event_types"] = event_types
        return self._change(request, "update_webhook_endpoint", **changes)

    @route("DELETE", "/webhook_endpoints/{webhook_endpoint_id}")
    def delete_endpoint(self, request: Request) -> Response:
        kept = self._endpoint(request)
        self.world.put(NAME, KIND, kept["id"], None)
        self.effect("delete_webhook_endpoint", kept["id"], request)
        return Response(204)

    @route("POST", "/webhook_endpoints/{webhook_endpoint_id}/enable")
    def enable_endpoint(self, request: Request) -> Response:
        return self._change(request, "enable_webhook_endpoint", enabled=True)

    @route("POST", "/webhook_endpoints/{webhook_endpoint_id}/disable")
    def disable_endpoint(self, request: Request) -> Response:
        return self._change(request, "disable_webhook_endpoint", enabled=False)
