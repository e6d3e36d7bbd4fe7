"""How far a person's rights reach: over which connections, in which direction, up to which amount."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import QuerySet

from invoicing.access.shipped import KEPT_APART, RIGHTS, shipped_rights
from invoicing.models import Connection, Invoice, Job, Operation, User

LIMITED = {"request": "request", "batch": "request", "approve": "approve"}
"""Right → the limit that bounds it."""


@dataclass(frozen=True, slots=True)
class Reach:
    """None is everywhere. `limits`: limit → unit → the highest amount in major units."""

    connections: frozenset[int] | None = None
    directions: frozenset[str] | None = None
    limits: dict[str, dict[str, Decimal]] = field(default_factory=dict)

    @property
    def everywhere(self) -> bool:
        return self.connections is None and self.directions is None


@dataclass(frozen=True, slots=True)
class Standing:
    """All that decides what one person may do, read in one query."""

    roles: frozenset[str] = frozenset()
    rights: frozenset[str] = frozenset()
    reach: Reach = Reach()


def rights_of(role: str, stored: Iterable[str] | None) -> frozenset[str]:
    """What a role carries: what was set for it, else what it was shipped with."""
    return shipped_rights(role) if stored is None else frozenset(stored) & RIGHTS.keys()


def together(rights: Iterable[str]) -> frozenset[str]:
    """The rights of several roles in one hand: those kept apart fall away."""
    held = frozenset(rights)
    for first, second in KEPT_APART:
        if held & first:
            held -= second
    return held


def standings(people: Iterable[int]) -> dict[int, Standing]:
    """The standing of each active person; one query."""
    columns = ("pk", "groups__name", "groups__role__rights", "scope__connections", "scope__directions", "scope__limits")
    found: dict[int, Standing] = {}
    roles: dict[int, dict[str, frozenset[str]]] = {}
    for pk, role, stored, *reach in User.objects.filter(pk__in=people, is_active=True).values_list(*columns):
        roles.setdefault(pk, {})
        if role:
            roles[pk][role] = rights_of(role, stored)
        found[pk] = Standing(reach=_reach(*reach))
    return {
        pk: Standing(frozenset(roles[pk]), together(frozenset().union(*roles[pk].values())), each.reach)
        for pk, each in found.items()
    }


def standing_of(user) -> Standing:
    """Read once for each object that stands for the person: a request's, a job's."""
    if not user.is_authenticated or not user.is_active:
        return Standing()
    known = user.__dict__.get("_standing")
    if known is None:
        known = user.__dict__["_standing"] = standings([user.pk]).get(user.pk, Standing())
    return known


def scope_of(user) -> Reach:
    return standing_of(user).reach


def connection_ids(user) -> frozenset[int] | None:
    """Our ids of the connections this person may see; None is all of them."""
    standing = standing_of(user)
    if "view" not in standing.rights:
        return frozenset()
    if standing.reach.everywhere:
        return None
    if "_connections" not in user.__dict__:
        user.__dict__["_connections"] = frozenset(_within(standing.reach).values_list("pk", flat=True))
    return user.__dict__["_connections"]


def visible_connections(user) -> QuerySet[Connection]:
    return visible(Connection.objects.all(), user, "pk")


def visible(rows: QuerySet, user, connection: str = "connection") -> QuerySet:
    """The rows this person may see; `connection` is the way from a row to its connection: "invoice__connection"."""
    ids = connection_ids(user)
    return rows if ids is None else rows.filter(**{f"{connection}__in": ids})


def covers(user, thing) -> bool:
    """Whether a person's reach holds the thing. What belongs to no connection is everybody's."""
    reach = standing_of(user).reach
    if reach.everywhere:
        return True
    of = connection_of(thing)
    if of is None:
        return True
    if "_reached" not in user.__dict__:
        user.__dict__["_reached"] = frozenset(_within(reach).values_list("pk", flat=True))
    return of in user.__dict__["_reached"]


def connection_of(thing) -> int | None:
    """Our id of the connection an invoice, operation, document, customer, job … belongs to."""
    if isinstance(thing, Connection):
        return thing.pk
    for name in ("connection_id", "connection", "invoice", "operation", "version", "customer"):
        value = getattr(thing, name, None)
        if isinstance(value, int):
            return value
        if value is not None:
            return connection_of(value)
    return _connection_of_work(thing.arguments) if isinstance(thing, Job) else None


def _connection_of_work(arguments: dict) -> int | None:
    for name, model in (("invoice_id", Invoice), ("operation_id", Operation)):
        if arguments.get(name) is not None:
            return model.objects.filter(pk=arguments[name]).values_list("connection_id", flat=True).first()
    return arguments.get("connection_id")


def limit_of(user, right: str) -> dict[str, Decimal]:
    """Unit → the highest amount for which this right holds; empty is any amount."""
    standing = standing_of(user)
    if right == "approve" and "approve_above" in standing.rights:
        return {}
    return standing.reach.limits.get(LIMITED.get(right, ""), {})


def amount_of(thing) -> tuple[Decimal | None, str] | None:
    """What an invoice, or an operation on one, amounts to; None where there is no invoice to say."""
    invoice = thing if hasattr(thing, "total") and hasattr(thing, "currency") else getattr(thing, "invoice", None)
    return (invoice.total, invoice.currency) if invoice is not None else None


def within_limit(user, right: str, amount: tuple[Decimal | None, str] | None) -> bool:
    limits = limit_of(user, right)
    if not limits or amount is None:
        return True
    figure, unit = amount
    return figure is not None and unit in limits and abs(figure) <= limits[unit]


def _within(reach: Reach) -> QuerySet[Connection]:
    rows = Connection.objects.all()
    if reach.connections is not None:
        rows = rows.filter(pk__in=reach.connections)
    return rows if reach.directions is None else rows.filter(direction__in=reach.directions)


def _reach(connections, directions, limits) -> Reach:
    return Reach(
        None if connections is None else frozenset(connections),
        None if directions is None else frozenset(directions),
        {
            name: {unit: Decimal(text) for unit, text in units.items()}
            for name, units in (limits or {}).items()
            if units
        },
    )
