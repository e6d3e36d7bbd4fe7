"""Reading invoices: lists, summaries, one, and the one to come."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from ..core import Request, Response, route
from . import problems
from .amounts import local_day, months_before, stamp
from .book import STATUSES
from .data import Row
from .reading import Query, as_day, as_decimal, as_text, one_of, page, within

BY_DEFAULT = ("issued", "paid", "synced")
NOT_IN_SUMMARIES = (
    "line_items", "subtotal", "discount", "discounts", "minimum", "minimum_amount", "maximum", "maximum_amount",
    "hidden_line_item_count",
)  # fmt: skip


def window(value: str) -> str:
    """A stretch of the past: 7d, 2m."""
    if len(value) < 2 or value[-1] not in "dm" or not value[:-1].isascii() or not value[:-1].isdigit():
        raise ValueError("expected a number followed by d or m")
    return value


class Filters:
    """The query of a list of invoices, read once, asked of each row."""

    def __init__(self, simulator, request: Request):
        self.simulator, self.book = simulator, simulator.book
        query = self.query = Query(request)
        wanted = [*request.args("status[]"), *request.args("status")]
        for status in wanted:
            if status not in STATUSES:
                query.errors.append(f"status: unexpected value; permitted: {', '.join(STATUSES)}")
        self.statuses = tuple(dict.fromkeys(wanted)) or BY_DEFAULT
        self.customer_id = query.take("customer_id", as_text)
        self.external_customer_id = query.take("external_customer_id", as_text)
        self.subscription_id = query.take("subscription_id", as_text)
        dates = query.between("invoice_date")
        by_due_date = query.take("date_type", one_of("due_date", "invoice_date")) == "due_date"
        self.invoice_date = {} if by_due_date else {operator: stamp(bound) for operator, bound in dates.items()}
        self.due_at = {operator: stamp(bound) for operator, bound in dates.items()} if by_due_date else {}
        self.due_date = query.take("due_date", as_day)
        self.due = query.between("due_date", as_day)
        self.window = query.take("due_date_window", window)
        self.amount = query.take("amount", as_decimal)
        self.amounts = query.between("amount", as_decimal)
        self.recurring = query.flag("is_recurring")
        self.zero_lines = query.flag("include_zero_quantity_line_items")
        self.limit, self.cursor = query.limit(), query.cursor()
        if self.cursor is not None and not (
            len(self.cursor) == 2 and isinstance(self.cursor[0], str) and isinstance(self.cursor[1], int)
        ):
            query.errors.append("cursor: invalid cursor")
        query.done()

    def rows(self):
        """(position, invoice) of what is asked for, the most recent invoice date first."""
        customer = self._customer()
        if customer == -1:
            return
        before = tuple(self.cursor) if self.cursor else None
        newest = self.invoice_date.get("lte") or self.invoice_date.get("lt")
        oldest = self.invoice_date.get("gte") or self.invoice_date.get("gt")
        for row in self.book.listed(self.statuses, customer, before, newest):
            if oldest and row.date < oldest:
                return
            record = self.book.read(row.id) if self.takes(row) else None
            if record is not None:  # none: a lagging replica has not heard of it
                yield [row.date, row.index], record

    def _customer(self) -> int | None:
        """The one customer asked for; None for all, -1 for one that does not exist or fits no other filter."""
        customers, asked = self.book.data.customers, set()
        if self.customer_id is not None:
            asked.add(customers.numbers.get(self.customer_id, -1))
        if self.external_customer_id is not None:
            number = customers.external(self.external_customer_id)
            asked.add(-1 if number is None else number)
        if self.subscription_id is not None:
            asked.add(customers.by_subscription.get(self.subscription_id, -1))
        return asked.pop() if len(asked) == 1 else -1 if asked else None

    def takes(self, row: Row) -> bool:
        if self.subscription_id is not None and row.source == "one_off":
            return False
        if self.recurring is not None and self.recurring == (row.source == "one_off"):
            return False
        if not within(row.date, self.invoice_date):
            return False
        if self.amount is not None or self.amounts:
            record = self.book.read(row.id)
            total = Decimal(record["head"]["total"] if record else 0)
            if (self.amount is not None and total != self.amount) or not within(total, self.amounts):
                return False
        return self._falls_due(row)

    def _falls_due(self, row: Row) -> bool:
        if not (self.due_at or self.due_date or self.due or self.window):
            return True
        record = self.book.read(row.id)
        due = record and record["head"]["due_date"]
        if due is None or not within(due, self.due_at):
            return False
        timezone = self.book.data.customers.get(row.customer).timezone
        day, today = local_day(timezone, due), local_day(timezone, self.simulator.stamp_now())
        if self.due_date is not None and day != self.due_date:
            return False
        return within(day, self.due) and (self.window is None or since(today, self.window) <= day <= today)


def since(today: date, written: str) -> date:
    """The first day of a window that ends today."""
    count = int(written[:-1])
    if written[-1] == "d":
        return today - timedelta(days=min(count, 36500))
    first = months_before(today.replace(day=1), min(count, 1200))
    return first.replace(day=min(today.day, 28)) if today.day > 28 else first.replace(day=today.day)


class InvoiceReads:
    """The endpoints that read invoices, and how an invoice is written on the wire."""

    @route("GET", "/invoices")
    def list_invoices(self, request: Request) -> Response:
        filters = Filters(self, request)
        return page(filters.rows(), filters.limit, lambda record: self.wire(record, zero_lines=filters.zero_lines))

    @route("GET", "/invoices/summary")
    def list_summaries(self, request: Request) -> Response:
        filters = Filters(self, request)
        return page(filters.rows(), filters.limit, self.summary)

    @route("GET", "/invoices/upcoming")
    def upcoming(self, request: Request) -> Response:
        query = Query(request)
        wanted = query.take("subscription_id", as_text)
        if wanted is None:
            query.errors.append("subscription_id: field required")
        query.done()
        number = self.book.data.customers.by_subscription.get(wanted)
        if number is None or self.gone_customer(number):
            problems.unknown("Subscription", wanted)
        wire = self.wire(self.book.data.upcoming(number))
        wire["target_date"] = wire.pop("invoice_date")
        return Response(200, wire)

    @route("GET", "/invoices/{invoice_id}")
    def fetch(self, request: Request) -> Response:
        query = Query(request)
        zero_lines = query.flag("include_zero_quantity_line_items")
        query.done()
        record = self.found(request.params["invoice_id"])
        if record["private"].get("too_large"):
            problems.refuse("413-resource-too-large", "The resource is too large to return.")
        return Response(200, self.wire(record, zero_lines=zero_lines))

    def found(self, identity: str, look: Callable | None = None, **how) -> dict:
        """An invoice, read or (by `book.edit`) to be changed. Errors: a refusal when there is none."""
        record = (look or self.book.read)(identity, **how)
        if record is None:
            problems.unknown("Invoice", identity)
        return record

    def wire(self, record: dict, *, zero_lines: bool | None = None) -> dict:
        """An invoice as sent, its links made whole."""
        head, lines, hidden = record["head"], record["lines"], 0
        if zero_lines is False:
            shown = [line for line in lines if Decimal(line["quantity"]) != 0 or kept_alive(line)]
            lines, hidden = shown, len(lines) - len(shown)
        attempts = [{**made, "receipt_pdf": self.link(made["receipt_pdf"])} for made in head["payment_attempts"]]
        return {
            **head,
            "payment_attempts": attempts,
            "invoice_pdf": self.link(head["invoice_pdf"]),
            "hosted_invoice_url": self.link(head["hosted_invoice_url"]),
            "line_items": lines,
            "hidden_line_item_count": hidden,
        }

    def summary(self, record: dict) -> dict:
        wire = self.wire({**record, "lines": []})
        for name in NOT_IN_SUMMARIES:
            del wire[name]
        return wire

    def link(self, path: str | None) -> str | None:
        return path and self.address + path


def kept_alive(line: dict) -> bool:
    """Whether a line without quantity is there for its minimum."""
    return any(made["adjustment_type"] == "minimum" for made in line["adjustments"])
