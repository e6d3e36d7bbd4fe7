"""Customers, their subscriptions and the summary of their invoices; coupons and tax rates to create with."""

from decimal import Decimal

from ..core import Request, Response, route
from .conditions import Table
from .units import ZERO, instant, text

COLUMNS = {
    **dict.fromkeys(("id", "external_id", "name", "email", "status", "address_country", "timezone", "customer_id",
                     "plan_id", "subscription_status", "currency", "lookup_key"), "text"),
    **dict.fromkeys(("created_at", "updated_at", "start_date", "end_date", "current_period_start",
                     "current_period_end"), "date"),
}  # fmt: skip


def _column(row: dict, name: str):
    value = row.get(name)
    return instant(value) if value and COLUMNS[name] == "date" else value


class Customers:
    """The part of the simulator that knows who is invoiced."""

    def open_customers(self) -> None:
        self.people_table = Table(COLUMNS, _column)
        self._everybody: list[dict] = []

    def customer_by_id(self, identity: str) -> dict | None:
        index = self.book.customer_index(identity)
        return None if index is None else self.book.customer(index)

    def subscription_by_id(self, identity: str) -> dict | None:
        index = self.book.subscription_index(identity)
        return None if index is None else self.book.subscription(index)

    # ---- customers

    @route("GET", "/customers/{id}")
    def get_customer(self, request: Request) -> Response:
        customer = self.customer_by_id(request.params["id"])
        if customer is None:
            self.no_such("customer", request.params["id"])
        return Response(200, self._expanded(customer, request.arg("expand")))

    @route("GET", "/customers/external/{external_id}")
    def get_customer_by_external_id(self, request: Request) -> Response:
        index = self.book.external_index(request.params["external_id"])
        if index is None:
            self.no_such("customer", request.params["external_id"])
        return Response(200, self._expanded(self.book.customer(index), request.arg("expand")))

    @route("POST", "/customers/search")
    def search_customers(self, request: Request) -> Response:
        hint = "invalid request body"
        given = self.fields(request, hint)
        self.typed(given, hint, limit="whole", offset="whole", customer_ids="listed", external_ids="listed",
                   external_id="text", email="text", filters="list", sort="list", status="text", expand="text",
                   order="text")  # fmt: skip
        return self._customers(given)

    @route("GET", "/customers")
    def list_customers(self, request: Request) -> Response:
        given = self.query(request, ("customer_ids", "external_ids"))
        given.pop("sort", None)
        return self._customers(given)

    def _customers(self, given: dict) -> Response:
        limit, offset = self.page_of(given)
        if not self._everybody:
            self._everybody = [self.book.customer(index) for index in range(self.book.customers)]
        status = given.get("status") or "published"
        rows = [row for row in self._everybody if row["status"] == status]
        for name, field in (("customer_ids", "id"), ("external_ids", "external_id")):
            rows = [row for row in rows if row[field] in given[name]] if given.get(name) else rows
        for name in ("external_id", "email"):
            rows = [row for row in rows if row[name] == given[name]] if given.get(name) else rows
        rows = self.narrowed(rows, self.people_table, given)
        page = [self._expanded(row, given.get("expand")) for row in rows[offset : offset + limit]]
        return self.paged(page, len(rows), limit, offset)

    def _expanded(self, customer: dict, expand: str | None) -> dict:
        wanted = "integrations" in (expand or "").split(",") and not self.early
        return customer | {"integrations": self.book.integrations(customer)} if wanted else customer

    # ---- the summary, which publishes an event for each overdue invoice

    @route("GET", "/customers/{id}/invoices/summary")
    def invoice_summary(self, request: Request) -> Response:
        identity = request.params["id"]
        customer = self.book.customer_index(identity)
        subscribed = customer is not None and customer < self.book.subscriptions  # number n owns subscription n
        alive = subscribed and not self.book.months_since_cancelled(customer)
        currencies = [self.book.currency(customer)] if alive else []
        invoices = self.of_customer(customer) if currencies else []
        summaries = [self._summary(identity, currency, invoices) for currency in currencies]
        answer = {"customer_id": identity, "default_currency": currencies[0] if currencies else "",
                  "summaries": summaries}  # fmt: skip
        return Response(200, answer)

    def _summary(self, customer: str, currency: str, invoices: list[dict]) -> dict:
        counted = [
            invoice for invoice in invoices
            if invoice["currency"] == currency and invoice["invoice_status"] in ("DRAFT", "FINALIZED")
        ]  # fmt: skip
        unpaid = [invoice for invoice in counted if invoice["payment_status"] != "SUCCEEDED"]
        now = self.world.now()
        overdue = [
            invoice for invoice in unpaid
            if invoice["invoice_status"] == "FINALIZED" and invoice["due_date"] and instant(invoice["due_date"]) < now
        ]  # fmt: skip
        for invoice in overdue:
            self.publish("invoice.payment.overdue", invoice["id"])
            self.effect("publish_overdue", invoice["id"])
        lines = [line for invoice in unpaid for line in invoice["line_items"]]
        return {
            "customer_id": customer,
            "currency": currency,
            "total_revenue_amount": _sum(counted, "amount_due"),
            "total_unpaid_amount": _sum(unpaid, "amount_remaining"),
            "total_overdue_amount": _sum(overdue, "amount_remaining"),
            "total_invoice_count": len(counted),
            "unpaid_invoice_count": len(unpaid),
            "overdue_invoice_count": len(overdue),
            "unpaid_usage_charges": _sum([line for line in lines if line["price_type"] == "USAGE"], "amount"),
            "unpaid_fixed_charges": _sum([line for line in lines if line["price_type"] == "FIXED"], "amount"),
        }

    # ---- subscriptions

    @route("GET", "/subscriptions/{id}")
    def get_subscription(self, request: Request) -> Response:
        index = self.book.subscription_index(request.params["id"])
        if index is None:
            self.no_such("subscription", request.params["id"])
        return Response(200, self._full_subscription(index))

    @route("POST", "/subscriptions/search")
    def search_subscriptions(self, request: Request) -> Response:
        hint = "invalid request body"
        given = self.fields(request, hint)
        self.typed(given, hint, limit="whole", offset="whole", customer_id="text", external_customer_id="text",
                   subscription_ids="listed", subscription_status="listed", plan_id="text", filters="list",
                   sort="list", status="text", order="text", expand="text")  # fmt: skip
        return self._subscriptions(given)

    @route("GET", "/subscriptions")
    def list_subscriptions(self, request: Request) -> Response:
        given = self.query(request, ("subscription_ids", "subscription_status"))
        given.pop("sort", None)
        return self._subscriptions(given)

    @route("GET", "/customers/external/{external_id}/subscriptions")
    def subscriptions_of_customer(self, request: Request) -> Response:
        return self._subscriptions(self.query(request) | {"external_customer_id": request.params["external_id"]})

    def _subscriptions(self, given: dict) -> Response:
        limit, offset = self.page_of(given)
        rows = [self.book.subscription(index) for index in range(self.book.subscriptions)]
        if given.get("external_customer_id"):
            index = self.book.external_index(given["external_customer_id"])
            if index is None:
                self.no_such("customer", given["external_customer_id"])
            given = given | {"customer_id": self.book.customer_id(index)}
        for name in ("customer_id", "plan_id"):
            rows = [row for row in rows if row[name] == given[name]] if given.get(name) else rows
        for name, field in (("subscription_ids", "id"), ("subscription_status", "subscription_status")):
            rows = [row for row in rows if row[field] in given[name]] if given.get(name) else rows
        rows = self.narrowed(rows, self.people_table, given)
        page = [
            self._full_subscription(self.book.subscription_index(row["id"])) for row in rows[offset : offset + limit]
        ]
        return self.paged(page, len(rows), limit, offset)

    def _full_subscription(self, index: int) -> dict:
        """A subscription read by itself: with its plan and its customer."""
        subscription = self.book.subscription(index)
        plan = self.book.plan(index % len(self.book.plan_names))
        return subscription | {"plan": plan, "customer": self.customer_by_id(subscription["customer_id"])}

    # ---- what an invoice can be created with

    @route("GET", "/taxes/rates")
    def list_tax_rates(self, request: Request) -> Response:
        rates = list(self.book.tax_rates.values())
        if self.early:
            return Response(200, rates)
        limit, offset = self.page_of(self.query(request, ("taxrate_ids", "taxrate_codes")))
        return self.paged(rates[offset : offset + limit], len(rates), limit, offset)

    @route("GET", "/taxes/rates/{id}")
    def get_tax_rate(self, request: Request) -> Response:
        return self._one_of(self.book.tax_rates, "tax rate", request.params["id"])

    @route("GET", "/coupons/{id}")
    def get_coupon(self, request: Request) -> Response:
        return self._one_of(self.book.coupons, "coupon", request.params["id"])

    @route("POST", "/coupons/search")
    def search_coupons(self, request: Request) -> Response:
        limit, offset = self.page_of(self.fields(request, "invalid request body"))
        coupons = [coupon for coupon in self.book.coupons.values() if coupon["status"] == "published"]
        return self.paged(coupons[offset : offset + limit], len(coupons), limit, offset)

    @route("GET", "/coupons")
    def list_coupons(self, request: Request) -> Response:
        limit, offset = self.page_of(self.query(request))
        coupons = [coupon for coupon in self.book.coupons.values() if coupon["status"] == "published"]
        return self.paged(coupons[offset : offset + limit], len(coupons), limit, offset)

    def _one_of(self, records: dict, what: str, identity: str) -> Response:
        if identity not in records:
            self.no_such(what, identity)
        return Response(200, records[identity])


def _sum(records: list[dict], name: str) -> str:
    return text(sum((Decimal(record[name]) for record in records), ZERO))
