"""How FlexPrice refuses: a flat body today, an envelope in January 2026, and the bodies that follow neither."""

from ..core import BadJSON, Refusal, Request, Response
from .units import instant, number

STATUS = {
    "validation_error": 400, "invalid_operation": 400, "permission_denied": 403, "not_found": 404,
    "already_exists": 409, "version_conflict": 409, "too_many_requests": 429, "http_client_error": 500,
    "database_error": 500, "system_error": 500, "internal_error": 500, "not_implemented": 501,
    "service_unavailable": 503,
}  # fmt: skip
CODES = {400: "validation_error", 403: "permission_denied", 404: "not_found", 409: "already_exists",
         429: "too_many_requests", 500: "internal_error", 501: "not_implemented", 503: "service_unavailable"}  # fmt: skip

OF_THE_DOOR = {401: {"error": "Unauthorized"}, 403: {"message": "insufficient permissions"}}


def body(code: str, message: str, details: dict | None, early: bool) -> dict:
    """An error's body in either generation."""
    if early:
        inner = {"message": message, "internal_error": f"{code.replace('_', ' ')}: {message}"}
        return {"success": False, "error": inner | ({"details": details} if details else {})}
    flat = {"code": code, "message": message, "http_status_code": STATUS[code]}
    return flat | ({"details": details} if details else {})


class Refusing:
    """The part of the simulator that says no."""

    early = False  # the server of January 2026

    def refuse(self, message: str, code: str = "validation_error", **details):
        """Raise the refusal."""
        raise Refusal(Response(STATUS[code], body(code, message, details, self.early)))

    def error(self, status: int, message: str) -> Response:
        if status in OF_THE_DOOR:
            return Response(status, OF_THE_DOOR[status])
        code = CODES.get(status, "internal_error")
        answer = body(code, message, None, self.early)
        if not self.early:
            answer["http_status_code"] = status
        return Response(status, answer)

    def not_found(self, request: Request) -> Response:
        """The web framework's own answer to an unknown route or method, in both generations."""
        return Response(404, b"404 page not found", content_type="text/plain")

    def panic(self):
        """What a crash in a handler looks like."""
        raise Refusal(Response(500))

    def no_such(self, what: str, identity: str):
        self.refuse(f"{what} {identity} not found", "not_found", id=identity)

    # ---- reading a request's body

    def fields(self, request: Request, hint: str, empty: dict | None = None) -> dict:
        """The body as an object. An empty body is refused, unless `empty` says what stands for it."""
        if not request.body.strip() and empty is not None:
            return empty
        try:
            given = request.json()
        except BadJSON:
            self.refuse(hint)
        if not isinstance(given, dict):
            self.refuse(hint)
        return given

    def typed(self, given: dict, hint: str, **kinds) -> None:
        """Refuse a body whose fields are of another type: str, int, bool, dict, list, or `number`, `instant`."""
        for name, kind in kinds.items():
            value = given.get(name)
            if value is None:
                continue
            try:
                good = READ[kind](value)
            except ValueError:
                good = False
            if not good:
                self.refuse(hint)

    def required(self, given: dict, **names) -> None:
        """Refuse a body without these fields (the field's name in the body = its name in the complaint)."""
        missing = {said: "this field is required" for name, said in names.items() if given.get(name) in (None, "")}
        if missing:
            self.refuse("Request validation failed", **missing)


def _texts(value) -> bool:
    return isinstance(value, dict) and all(isinstance(inner, str) for inner in value.values())


READ = {
    "text": lambda value: isinstance(value, str),
    "whole": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "flag": lambda value: isinstance(value, bool),
    "texts": _texts,  # an object of texts, as metadata is
    "list": lambda value: isinstance(value, list),
    "listed": lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    "object": lambda value: isinstance(value, dict),
    "objects": lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
    "number": lambda value: number(value) is not None,
    "instant": lambda value: instant(value) is not None,
}
