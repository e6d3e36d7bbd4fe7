"""Listing invoices: the filters of POST /invoices/search and GET /invoices, and the pages of every list.

The invoices' `pagination.offset` echoes the one sent; every other list's is the next offset.
"""

import json
from collections.abc import Callable, Mapping

from ..core import Request, Response, route
from . import shapes
from .conditions import Crash, Table, Unfit
from .scenarios import Facts
from .units import instant, number

MOST = 1000
# Fields of the search body that are equal to one value, or to one of several.
TEXTS = ("status", "order", "expand", "customer_id", "external_customer_id", "subscription_id", "invoice_type",
         "currency", "billing_reason")  # fmt: skip
LISTS = ("invoice_ids", "invoice_status", "payment_status", "subscription_customer_id")
INSTANTS = ("period_start_gte", "period_start_lte", "period_end_gte", "period_end_lte", "start_time", "end_time")
SINCE_MARCH = ("subscription_customer_id", "currency", "billing_reason", *INSTANTS[:4])
CHEAP = {  # column -> where the facts have it
    "id": "id", "created_at": "created", "updated_at": "updated", "finalized_at": "finalized", "voided_at": "voided",
    "paid_at": "paid", "due_date": "due", "period_start": "start", "period_end": "end", "invoice_number": "number",
    "invoice_status": "status", "payment_status": "payment", "status": "row", "invoice_type": "kind",
    "currency": "currency", "billing_reason": "reason",
}  # fmt: skip
COLUMNS = {
    **dict.fromkeys(("id", "invoice_number", "invoice_status", "payment_status", "status", "invoice_type", "currency",
                     "billing_reason", "customer_id", "subscription_id", "description", "idempotency_key",
                     "billing_period", "invoice_pdf_url", "created_by", "updated_by", "environment_id", "tenant_id",
                     "subscription_customer_id", "recalculated_invoice_id"), "text"),
    **dict.fromkeys(("created_at", "updated_at", "finalized_at", "voided_at", "paid_at", "due_date", "period_start",
                     "period_end", "issue_date", "last_computed_at"), "date"),
    **dict.fromkeys(("amount_due", "amount_paid", "amount_remaining", "subtotal", "total", "total_discount", "total_tax",
                     "adjustment_amount", "refunded_amount", "total_prepaid_credits_applied", "version",
                     "billing_sequence"), "number"),
    "is_manually_edited": "flag",
}  # fmt: skip


class Search:
    """The part of the simulator that lists."""

    def open_search(self) -> None:
        self._found: dict[str, list[Facts]] = {}
        self._found_at = -1
        self._view: Mapping[str, dict] = {}
        self.table = Table(COLUMNS, self._column)

    # ---- pages, for every list

    def page_of(self, given: dict) -> tuple[int, int]:
        """Limit and offset of a request. Errors: refused when out of bounds, or when it is no list's request at all."""
        self.typed(given, "invalid request body", limit="whole", offset="whole", order="text", status="text",
                   filters="objects", sort="objects")  # fmt: skip
        limit, offset, order = given.get("limit"), given.get("offset"), given.get("order")
        wrong = {}
        if limit is not None and not 1 <= limit <= MOST:
            wrong["limit"] = f"must be between 1 and {MOST}"
        if offset is not None and offset < 0:
            wrong["offset"] = "must be greater than or equal to 0"
        if order not in (None, "", "asc", "desc"):
            wrong["order"] = "must be either asc or desc"
        if wrong:
            self.refuse("invalid query filter", **wrong)
        return limit or 50, offset or 0

    @staticmethod
    def paged(items: list, total: int, limit: int, offset: int) -> Response:
        """A list whose `pagination.offset` is the next one, as of customers, payments, credit notes, wallets."""
        return Response(200, {"items": items, "pagination": {"total": total, "limit": limit, "offset": offset + limit}})

    def query(self, request: Request, lists: tuple[str, ...] = ()) -> dict:
        """A query string as a search body: numbers and flags read, lists from repeated names."""
        given: dict = {}
        for name, value in request.query:
            if name in lists:
                given.setdefault(name, []).append(value)
            elif name in ("limit", "offset"):
                if not value.lstrip("-").isdecimal():
                    self.refuse("invalid query parameters")
                given.setdefault(name, int(value))
            elif name == "skip_line_items":
                given.setdefault(name, value == "true")
            else:
                given.setdefault(name, value)
        return given

    def narrowed(self, rows: list, table: Table, given: dict) -> list:
        """Rows that meet the generic conditions, sorted as asked."""
        try:
            for condition in given.get("filters") or ():
                test = table.test(condition)
                rows = [row for row in rows if test(row)] if test else rows
            orders = [(one.get("field"), one.get("direction") == "desc") for one in given.get("sort") or ()]
            return table.sorted(rows, orders or [("created_at", given.get("order") != "asc")])
        except Unfit as unfit:
            self.refuse(unfit.args[1], unfit.args[0])
        except Crash:
            self.panic()

    # ---- invoices

    @route("POST", "/invoices/search")
    def search_invoices(self, request: Request) -> Response:
        given = self.fields(request, "invalid request body")
        self.typed(given, "invalid request body", limit="whole", offset="whole", skip_line_items="flag",
                   amount_due_gt="number", amount_remaining_gt="number", filters="list", sort="list",
                   **dict.fromkeys(TEXTS, "text"), **dict.fromkeys(LISTS, "listed"),
                   **dict.fromkeys(INSTANTS, "instant"))  # fmt: skip
        return self._listed(given)

    @route("GET", "/invoices")
    def list_invoices(self, request: Request) -> Response:
        given = self.query(request, LISTS)
        given.pop("sort", None)  # whether it works here is not known; it does not
        self.typed(given, "invalid query parameters", amount_due_gt="number", amount_remaining_gt="number",
                   **dict.fromkeys(INSTANTS, "instant"))  # fmt: skip
        return self._listed(given)

    def _listed(self, given: dict) -> Response:
        limit, offset = self.page_of(given)
        start, end = (given.get(name) for name in ("start_time", "end_time"))
        if start and end and instant(end) < instant(start):
            self.refuse("Please provide a valid time range", end_time="must be after start_time")
        if self.early:
            given = {name: value for name, value in given.items() if name not in SINCE_MARCH}
        view = self._view = self.searched()
        rows = self._rows_for(given, view)
        items = [
            self.in_list(self.record(row, view), given.get("skip_line_items")) for row in rows[offset : offset + limit]
        ]
        return Response(200, {"items": items, "pagination": {"total": len(rows), "limit": limit, "offset": offset}})

    def _rows_for(self, given: dict, view: Mapping[str, dict]) -> list[Facts]:
        """All rows of a search, in order; remembered until something changes, so that its pages come fast."""
        asked = (*TEXTS, *LISTS, *INSTANTS, "amount_due_gt", "amount_remaining_gt", "filters", "sort")
        key = json.dumps([given.get(name) for name in asked])
        if view is not self._live:
            return self._select(given, view)
        if self._found_at != self.changes or len(self._found) > 20:
            self._found, self._found_at = {}, self.changes
        if key not in self._found:
            self._found[key] = self._select(given, view)
        return self._found[key]

    def _select(self, given: dict, view: Mapping[str, dict]) -> list[Facts]:
        rows = self.rows(view)
        for test in self._tests(given, view):
            rows = [row for row in rows if test(row)]
        return self.narrowed(rows, self.table, given)

    def _tests(self, given: dict, view: Mapping[str, dict]) -> list[Callable[[Facts], bool]]:
        row_status = given.get("status") or "published"
        tests = [lambda row: row.row == row_status]
        for name, values in ((name, set(given[name])) for name in LISTS if given.get(name)):
            if name == "subscription_customer_id":
                values = {self.book.customer_index(identity) for identity in values} - {None}
                tests.append(lambda row, v=values: row.subscription is not None and row.owner in v)
            else:
                field = {"invoice_ids": "id", "invoice_status": "status", "payment_status": "payment"}[name]
                tests.append(lambda row, v=values, f=field: getattr(row, f) in v)
        if not given.get("invoice_status"):
            tests.append(lambda row: row.status != "SKIPPED")
        if given.get("customer_id"):
            customer = self.book.customer_index(given["customer_id"])
            tests.append(lambda row: row.customer == customer)
        if given.get("external_customer_id"):
            named = self.book.external_index(given["external_customer_id"])
            if named is None:
                self.no_such("customer", given["external_customer_id"])
            tests.append(lambda row: row.customer == named)
        if given.get("subscription_id"):
            subscription = self.book.subscription_index(given["subscription_id"])
            tests.append(lambda row: row.subscription is not None and row.subscription == subscription)
        for name, field in (("invoice_type", "kind"), ("currency", "currency"), ("billing_reason", "reason")):
            if given.get(name):
                tests.append(lambda row, f=field, v=given[name]: getattr(row, f) == v)
        for name, field, later in (
            ("period_start_gte", "start", True), ("period_start_lte", "start", False), ("period_end_gte", "end", True),
            ("period_end_lte", "end", False), ("start_time", "start", True), ("end_time", "end", False),
        ):  # fmt: skip
            if given.get(name):
                tests.append(_bounded(field, instant(given[name]), later))
        for name in ("amount_due", "amount_remaining"):
            if given.get(f"{name}_gt") is not None:
                least = number(given[f"{name}_gt"])
                tests.append(lambda row, n=name, v=least: number(self.record(row, view)[n]) > v)
        return tests

    def _column(self, row: Facts, name: str):
        """A column of the database, of an invoice known by its facts."""
        if name in CHEAP:
            return getattr(row, CHEAP[name])
        value = self.record(row, self._view)[name]
        if value is None or COLUMNS[name] in ("text", "flag"):
            return value
        return instant(value) if COLUMNS[name] == "date" else number(str(value))

    # ---- one invoice in a response

    def lines_of(self, record: dict) -> list[dict]:
        """The published lines, in no order: the server promises none."""
        lines = [shapes.line(line, self.early) for line in record["line_items"]]
        self.chance.shuffle(lines)
        return lines

    def in_list(self, record: dict, without_lines: bool | None = False) -> dict:
        """An invoice as lists show it: the customer invoiced and the coupons, neither taxes nor subscription."""
        shown = shapes.invoice(record, self.early)
        if record["line_items"] and not without_lines:
            shown["line_items"] = self.lines_of(record)
        shown["customer"] = self.customer_by_id(record["customer_id"])
        if record["coupon_applications"]:
            shown["coupon_applications"] = record["coupon_applications"]
        return shown

    def alone(self, record: dict) -> dict:
        """An invoice as reading one shows it: taxes, the subscription and that one's customer, no coupons."""
        shown = self.written(record)
        owner = record["customer_id"]
        if record["invoice_type"] == "SUBSCRIPTION" and record["subscription_id"]:
            shown["subscription"] = self.subscription_by_id(record["subscription_id"])
            owner = record["subscription_customer_id"] or owner
        shown["customer"] = self.customer_by_id(owner)
        if record["taxes"]:
            shown["taxes"] = record["taxes"]
        return shown

    def written(self, record: dict) -> dict:
        """An invoice as the answer to creating or updating it: its lines, and nothing it refers to."""
        shown = shapes.invoice(record, self.early)
        if record["line_items"]:
            shown["line_items"] = self.lines_of(record)
        return shown


def _bounded(field: str, bound, later: bool) -> Callable[[Facts], bool]:
    """Whether an instant of the row is not before (or not after) a bound; a missing one never is."""
    if later:
        return lambda row: (at := getattr(row, field)) is not None and at >= bound
    return lambda row: (at := getattr(row, field)) is not None and at <= bound
