"""Orb's errors: problem details, told apart by the end of `type`."""

from typing import NoReturn

from ..core import Refusal, Response

CATALOG = "https://docs.withorb.com/reference/error-responses#"
TITLES = {  # of codes with one status the most usual comes first
    "400-constraint-violation": "Constraint violation",
    "400-duplicate-resource-creation": "Duplicate resource creation",
    "400-request-validation-errors": "Request validation error",
    "401-authentication-error": "Authentication failure",
    "404-resource-not-found": "A specified resource was not found.",
    "404-url-not-found": "URL not found",
    "404-feature-not-available": "Feature not available",
    "409-resource-conflict": "Resource conflict",
    "413-request-too-large": "Request too large",
    "413-resource-too-large": "Resource too large",
    "413-too-many-results": "Too many results",
    "429-too-many-requests": "Too many requests",
    "500-internal-server-error": "Internal server error",
}


def problem(code: str, detail: str | None, **more) -> Response:
    """An error body; the HTTP status stands at the head of the code."""
    status = int(code[:3])
    return Response(status, {"type": CATALOG + code, "status": status, "title": TITLES[code], "detail": detail, **more})


def refuse(code: str, detail: str, **more) -> NoReturn:
    raise Refusal(problem(code, detail, **more))


def against_rule(detail: str) -> NoReturn:
    """A well-formed request that breaks a rule; also every illegal change of state."""
    refuse("400-constraint-violation", detail)


def malformed(*errors: str, where: str = "body") -> NoReturn:
    """A request that fails its schema."""
    refuse("400-request-validation-errors", f"The request {where} failed validation.", validation_errors=list(errors))


def unknown(kind: str, identifier: str) -> NoReturn:
    refuse("404-resource-not-found", f"Could not find a resource of type {kind} with identifier: {identifier}.")
