"""Whether a provider can be reached at all. While it cannot, reading what was mirrored works and nothing is asked of it."""

import re
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from invoicing.models import Connection, Invoice
from invoicing.operations.targets import About
from invoicing.providers.registry import PROVIDERS

BELIEVED = timedelta(hours=1)
"""For so long a failed sync says that a provider is down; then nobody knows, and it may be tried."""
DOWN = re.compile(
    r"cannot be (reached|resolved)|did not answer in time|connection broke|failed with 5|does not accept the key"
)


def outage(about: About | Connection) -> str:
    """Why nothing can be asked of the provider now; empty when it can.

    The last sync failed for want of an answer, a moment ago, and nothing was read since: not by a sync, nor this invoice.
    """
    connection = about if isinstance(about, Connection) else about.connection
    failed = connection.last_error_at
    if failed is None or not DOWN.search(connection.last_error) or timezone.now() - failed > BELIEVED:
        return ""
    answered = [connection.last_success_at, about.read_at if isinstance(about, Invoice) else None]
    if any(moment and moment > failed for moment in answered):
        return ""
    return _("%(provider)s cannot be asked just now: %(why)s What was mirrored can be read.") % {
        "provider": PROVIDERS[connection.provider].name,
        "why": connection.last_error,
    }
