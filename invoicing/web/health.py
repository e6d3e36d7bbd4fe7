"""For balancers and watchers: whether the process lives, and whether all that acting needs is there. No sign-in."""

import logging

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from invoicing.web.waiting import worker_is_there

log = logging.getLogger(__name__)


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """This process answers. It asks nothing else, so that a slow database restarts nobody."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and a worker was seen within the last minute, else 503, naming what is missing.

    Reading works without a worker: a balancer that should keep pages up looks at /healthz.
    """
    found = {"database": False, "worker": False}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        found["database"] = True
        found["worker"] = worker_is_there()
    except DatabaseError:
        log.exception("The database does not answer")
    return JsonResponse({"ready": all(found.values()), **found}, status=200 if all(found.values()) else 503)
