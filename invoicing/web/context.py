"""What every page of the shell shows: where one can go, what waits, how fresh the mirror is. Asked for only when shown."""

import json
from datetime import datetime, timedelta
from functools import cached_property, lru_cache

from django.conf import settings
from django.db.models import IntegerField
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from invoicing.access.people import may_set_up
from invoicing.access.rights import can, roles_of
from invoicing.access.scopes import connection_ids
from invoicing.auditing.trail import READERS
from invoicing.models import Connection, preferences_of
from invoicing.vocabulary import OPEN_STATES, Direction, OperationState
from invoicing.web import keys

PLACES = (
    (
        "",
        (
            ("home", gettext_lazy("Home"), "house"),
            ("receivables", gettext_lazy("Receivables"), "receipt-text"),
            ("payables", gettext_lazy("Payables"), "landmark"),
            ("customers", gettext_lazy("Customers"), "users"),
        ),
    ),
    (
        gettext_lazy("Work"),
        (
            ("queue", gettext_lazy("Review queue"), "eye"),
            ("operations", gettext_lazy("Operations"), "activity"),
            ("approvals", gettext_lazy("Approvals"), "stamp"),
            ("batches", gettext_lazy("Batches"), "layers"),
            ("exports", gettext_lazy("Exports"), "file-down"),
            ("incidents", gettext_lazy("Incidents"), "circle-alert"),
            ("unreadable", gettext_lazy("Unreadable"), "triangle-alert"),
        ),
    ),
    (
        gettext_lazy("Desk"),
        (
            ("connections", gettext_lazy("Connections"), "plug"),
            ("switches", gettext_lazy("Switches"), "pause"),
            ("audit", gettext_lazy("Audit trail"), "shield-check"),
            ("statuses", gettext_lazy("Statuses"), "book-open"),
            ("people", gettext_lazy("People"), "users"),
            ("setup", gettext_lazy("Setting up"), "sliders-horizontal"),
        ),
    ),
)
"""Heading, and the URL name, label and icon of each place. A place whose page does not exist is left out."""
NEEDS = {
    **dict.fromkeys(("receivables", "payables", "operations", "unreadable", "connections", "statuses"), "view"),
    **dict.fromkeys(("customers", "approvals", "queue", "batches", "exports", "incidents", "switches"), "view"),
    "people": "people",
}
"""Place → the right without which it leads nowhere."""

# The states stand in the SQL as they stand in the partial index of open operations, so that either database uses it.
_IN_OPEN = ", ".join(f"'{state.value}'" for state in OPEN_STATES)
_WAITING = (
    "(SELECT COUNT(*) FROM invoicing_operation o WHERE o.connection_id = invoicing_connection.id "  # noqa: S608 - ours
    f"AND o.parent_id IS NULL AND o.state IN ({_IN_OPEN}) "
    f"AND o.state IN ('{OperationState.UNKNOWN.value}', '{OperationState.NEEDS_PERSON.value}'))"
)
_UNREADABLE = (
    "(SELECT COUNT(*) FROM invoicing_unreadablerecord u "
    "WHERE u.connection_id = invoicing_connection.id AND u.resolved_at IS NULL)"
)


_INCIDENTS = (
    "(SELECT COUNT(*) FROM invoicing_incident n "
    "WHERE n.connection_id = invoicing_connection.id AND n.closed_at IS NULL)"
)


def known_connections() -> list[Connection]:
    """Every connection with what waits there (`waiting` operations, `unreadable` records); one query."""
    return list(
        Connection.objects.annotate(
            waiting=RawSQL(_WAITING, [], output_field=IntegerField()),  # noqa: S611 - no outside text
            open_incidents=RawSQL(_INCIDENTS, [], output_field=IntegerField()),  # noqa: S611
            unreadable_records=RawSQL(_UNREADABLE, [], output_field=IntegerField()),  # noqa: S611
        ).defer("sealed_key", "sealed_webhook_secret", "units", "facts")
    )


def freshness(connection: Connection, *, now: datetime) -> str:
    """One word on how far a connection's mirror can be trusted: off, never, failing, stale, fresh."""
    if not connection.enabled:
        return "off"
    if connection.complete_as_of is None:
        return "failing" if connection.last_error else "never"
    worked, failed = connection.last_success_at, connection.last_error_at
    if connection.last_error and worked and failed and failed > worked:
        return "failing"
    age = now - (connection.last_success_at or connection.complete_as_of)
    return "stale" if age > timedelta(hours=settings.DESK_STALE_HOURS) else "fresh"


class Shell:
    """The frame around a page. Views read `connections` from here, so that a request asks for them once."""

    def __init__(self, request: HttpRequest):
        self.request = request
        self.shows = ""  # the direction of the one invoice a page is about

    @cached_property
    def connections(self) -> list[Connection]:
        now = timezone.now()
        reach = connection_ids(self.request.user)
        found = [each for each in known_connections() if reach is None or each.pk in reach]
        for each in found:
            each.freshness = freshness(each, now=now)
        return found

    @property
    def enabled(self) -> list[Connection]:
        return [each for each in self.connections if each.enabled]

    @property
    def behind(self) -> list[Connection]:
        return [each for each in self.enabled if each.freshness != "fresh"]

    @property
    def as_of(self) -> datetime | None:
        """The moment up to which every connection was read: the oldest of theirs."""
        moments = [each.last_success_at or each.complete_as_of for each in self.enabled if each.freshness != "never"]
        return min((moment for moment in moments if moment), default=None)

    @property
    def direction(self) -> str:
        """Where the search box looks: the list one is on, or whose invoice one reads; else receivables."""
        match = self.request.resolver_match
        on_payables = self.shows == Direction.PAYABLE or (match and match.url_name == "payables")
        return "payables" if on_payables else "receivables"

    def _leads(self, name: str) -> bool:
        """Whether a place is one for this person."""
        if name == "setup":
            return may_set_up(self.request.user)
        if name == "audit":
            return any(self.may(right) for right in READERS)
        return name not in NEEDS or self.may(NEEDS[name])

    @cached_property
    def places(self) -> list[dict]:
        tallies = {
            "operations": sum(each.waiting for each in self.connections),
            "incidents": sum(each.open_incidents for each in self.connections),
            "unreadable": sum(each.unreadable_records for each in self.connections),
        }
        here = address(self.direction) if self.shows else self.request.path
        home = address("home")
        shown = []
        for heading, places in PLACES:
            links = [
                {
                    "label": label,
                    "icon": icon,
                    "url": url,
                    "key": keys.PLACES.get(name, ""),
                    "here": here == home if url == home else here.startswith(url),
                    "tally": tallies.get(name),
                }
                for name, label, icon in places
                if (url := address(name)) and self._leads(name)
            ]
            if links:
                shown.append({"heading": heading, "links": links})
        return shown

    @cached_property
    def preferences(self):
        return preferences_of(self.request.user)

    @property
    def theme(self) -> str:
        """Light or dark where chosen; empty follows the system. Before signing in, a cookie remembers."""
        if not self.request.user.is_authenticated:
            chosen = self.request.COOKIES.get("theme", "")
        else:
            chosen = self.preferences.theme
        return chosen if chosen in ("light", "dark") else ""

    @property
    def key_map(self) -> str:
        """The person's own keys, for the script."""
        return json.dumps(self.preferences.own_keys) if self.preferences.own_keys else ""

    @property
    def roles(self) -> list[str]:
        return sorted(roles_of(self.request.user))

    @property
    def sees_personal(self) -> bool:
        """Whether e-mail addresses, phone numbers and postal addresses are shown."""
        return self.may("view_personal")

    def may(self, right: str) -> bool:
        return can(self.request.user, right)


def shell_of(request: HttpRequest) -> Shell:
    """The request's one shell."""
    if not hasattr(request, "desk_shell"):
        request.desk_shell = Shell(request)
    return request.desk_shell


@lru_cache(maxsize=64)
def address(name: str) -> str:
    """The URL of a named page, or empty where there is none."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def desk(request: HttpRequest) -> dict:
    return {"accounting_time_zone": settings.DESK_TIME_ZONE, "shell": shell_of(request)}
