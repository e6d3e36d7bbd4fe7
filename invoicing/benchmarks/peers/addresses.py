"""The desk's filters in each peer's own parameters, so that all sides are asked the same."""

from collections.abc import Mapping
from datetime import date
from urllib.parse import urlencode

from invoicing.listing.criteria import SORTS

ADMIN_COLUMNS = (  # a column's place is its number in the admin's ?o=
    *("id", "number", "customer_sort", "connection_id", "status", "provider_status", "payment_status", "listed_on"),
    *("due_sort", "currency", "total_micros", "due_micros"),
)
ADMIN_WORDS = {
    "status": "status__exact",
    "payment": "payment_status__exact",
    "connection": "connection__id__exact",
    "currency": "currency__exact",
    "q": "q",
}


def admin(
    site: str,
    filters: Mapping[str, str],
    *,
    sort: str,
    order: str,
    page: int,
    connections: Mapping[str, int],
    today: date,
) -> str:
    asked = {ADMIN_WORDS[name]: value for name, value in filters.items() if name in ADMIN_WORDS}
    if "connection" in filters:
        asked["connection__id__exact"] = connections[filters["connection"]]
    for bound, lookup in (("amount_min", "total_micros__gte"), ("amount_max", "total_micros__lte")):
        if bound in filters:
            asked[lookup] = int(filters[bound]) * 1_000_000
    if "overdue" in filters:
        asked |= {"outstanding__exact": 1, "due_sort__lt": today.isoformat()}
    if (sort, order) != ("listed", "desc"):
        sign = "-" if order == "desc" else ""
        asked["o"] = ".".join(f"{sign}{ADMIN_COLUMNS.index(column)}" for column in (*SORTS[sort].columns, "id"))
    if page > 1:
        asked["p"] = page
    return f"/{site}/invoicing/invoice/?{urlencode(asked)}"


def tables(
    filters: Mapping[str, str], *, sort: str, order: str, page: int, connections: Mapping[str, int], today: date
) -> str:
    asked = {name: value for name, value in filters.items() if name in ("status", "payment", "currency", "q")}
    if "connection" in filters:
        asked["connection"] = connections[filters["connection"]]
    for bound, name in (("amount_min", "total_micros_min"), ("amount_max", "total_micros_max")):
        if bound in filters:
            asked[name] = int(filters[bound]) * 1_000_000
    if "overdue" in filters:
        asked |= {"outstanding": "true", "due_before": today.isoformat()}
    if (sort, order) != ("listed", "desc"):
        asked["sort"] = f"{'-' if order == 'desc' else ''}{sort}"
    if page > 1:
        asked["page"] = page
    return f"/tables/?{urlencode(asked)}"
