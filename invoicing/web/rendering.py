from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def render_pair(request: HttpRequest, page: str, part: str, context: Mapping[str, Any], *, target: str) -> HttpResponse:
    """The whole page, or the part alone when htmx asks for the element with the id `target`.

    Going back in the browser asks for whole pages: none is kept in the browser's storage.
    """
    asked = request.headers
    wants_part = (
        asked.get("HX-Request") == "true"
        and asked.get("HX-Target") == target
        and asked.get("HX-History-Restore-Request") != "true"
    )
    return render(request, part if wants_part else page, {**context, "in_part": wants_part})
