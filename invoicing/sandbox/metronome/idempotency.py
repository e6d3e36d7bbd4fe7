"""The idempotency store: at least 24 hours, final answers alone, errors and a stored 500 included."""

import hashlib
import json
from datetime import timedelta

from invoicing.sandbox.core import Request, Response

from .figures import moment
from .reading import Unstored

LIFETIME = timedelta(hours=24)


class Idempotency:
    """Answers kept by the `Idempotency-Key` of a POST."""

    def __init__(self, world, name: str):
        self.world = world
        self.name = name

    def _key(self, request: Request) -> str | None:
        return request.headers.get("Idempotency-Key") if request.method == "POST" else None

    def _asked(self, request: Request) -> str:
        try:
            body = json.dumps(json.loads(request.body or b"null"), sort_keys=True).encode()
        except ValueError:
            body = request.body
        whole = [request.path.encode(), repr(sorted(request.query)).encode(), body]
        return hashlib.sha256(b"\0".join(whole)).hexdigest()

    def replay(self, request: Request) -> Response | None:
        """The kept answer; 409 when the key was used for something else."""
        key = self._key(request)
        kept = self.world.get(self.name, "idempotency", key) if key else None
        if kept is None or self.world.now() - moment(kept["at"]) >= LIFETIME:
            return None
        if kept["asked"] != self._asked(request):
            return Unstored(409, {"message": "This idempotency key was used with different parameters."})
        return Response(kept["status"], kept["body"].encode(), kept["headers"], kept["content_type"])

    def remember(self, request: Request, response: Response) -> None:
        """Keep a final answer."""
        key = self._key(request)
        if key and not isinstance(response, Unstored):
            kept = {
                "asked": self._asked(request),
                "status": response.status,
                "body": response.encoded().decode(),
                "headers": dict(response.headers),
                "content_type": response.content_type,
                "at": self.world.now().isoformat(),
            }
            self.world.put(self.name, "idempotency", key, kept)
