"""What stands around invoices: customers, subscriptions, items, prepaid credits."""

from collections.abc import Iterator

from ..core import Request, Response, route
from . import problems
from .book import NAME
from .reading import Query, as_moment, as_text, page, page_by_time, within

MINUTES_TO_DELETE = 2


class Around:
    """The endpoints of what invoices refer to."""

    @route("GET", "/ping")
    def ping(self, request: Request) -> Response:
        return Response(200, {"response": "pong"})

    # ---- customers

    def gone_customer(self, number: int) -> bool:
        return bool(self.world.view(NAME, "customer").get(str(number), {}).get("deleted"))

    def customer_number(self, identity: str) -> int:
        """Errors: a refusal when there is no such customer."""
        number = self.book.data.customers.numbers.get(identity)
        if number is None or self.gone_customer(number):
            problems.unknown("Customer", identity)
        return number

    def external_number(self, external_id: str) -> int:
        number = self.book.data.customers.external(external_id)
        if number is None or self.gone_customer(number):
            problems.unknown("Customer", external_id)
        return number

    def customer_wire(self, number: int) -> dict:
        """A customer as it is now: what was generated, what was edited, and its balance."""
        found = self.book.data.customers.full(number)
        edited = self.world.view(NAME, "customer").get(str(number), {})
        balance = format(self.book.balance(number), "f")
        portal = self.link(f"/assets/portal/{found['id']}") if number % 4 else None
        return {**found, **edited, "balance": balance, "portal_url": portal}

    def _customers(self, created: dict) -> Iterator[int]:
        """Numbers of customers, the newest first."""
        customers = self.book.data.customers
        for number in range(customers.count - 1, -1, -1):
            if not self.gone_customer(number) and within(as_moment(customers.opened(number)), created):
                yield number

    def _after(self, query: Query, found: Iterator[int]) -> Iterator[tuple[list, int]]:
        """Numbers below the cursor's, each with its place."""
        cursor = query.cursor()
        query.done()
        below = cursor[0] if cursor and isinstance(cursor[0], int) else None
        return (([number], number) for number in found if below is None or number < below)

    @route("GET", "/customers")
    def list_customers(self, request: Request) -> Response:
        query = Query(request)
        created, limit = query.between("created_at"), query.limit()
        return page(self._after(query, self._customers(created)), limit, self.customer_wire)

    @route("GET", "/customers/{customer_id}")
    def fetch_customer(self, request: Request) -> Response:
        return Response(200, self.customer_wire(self.customer_number(request.params["customer_id"])))

    @route("GET", "/customers/external_customer_id/{external_customer_id}")
    def fetch_customer_by_external_id(self, request: Request) -> Response:
        return Response(200, self.customer_wire(self.external_number(request.params["external_customer_id"])))

    @route("DELETE", "/customers/{customer_id}")
    def delete_customer(self, request: Request) -> Response:
        """Only without issued invoices. The customer is gone at once, its drafts some minutes later."""
        number = self.customer_number(request.params["customer_id"])
        rows = [self.book.rows[identity] for identity in self.book.of_customer.get(number, ())]
        if any(row.status != "draft" for row in rows):
            problems.against_rule("A customer with issued invoices cannot be deleted.")
        self.world.put(NAME, "customer", str(number), {"deleted": True})
        for row in rows:
            self.world.later(MINUTES_TO_DELETE * 60, self.remove_draft, row.id)
        self.effect("delete_customer", request.params["customer_id"], request)
        return Response(204)

    def remove_draft(self, identity: str) -> None:
        """A timer: a deleted customer's draft goes."""
        if identity in self.book.rows and self.book.rows[identity].status == "draft":
            self.book.remove(identity)

    # ---- subscriptions: each customer has one

    def subscription_wire(self, number: int) -> dict:
        return self.book.data.customers.subscription(number, self.customer_wire(number))

    @route("GET", "/subscriptions")
    def list_subscriptions(self, request: Request) -> Response:
        query = Query(request)
        customers = self.book.data.customers
        created, limit = query.between("created_at"), query.limit()
        asked = [customers.numbers.get(one) for name in ("customer_id", "customer_id[]") for one in request.args(name)]
        asked += [
            customers.external(one)
            for name in ("external_customer_id", "external_customer_id[]")
            for one in request.args(name)
        ]
        wanted = {*request.args("status"), *request.args("status[]")}
        for status in wanted:
            query.errors += [] if status in ("active", "ended", "upcoming") else [f"status: unexpected value {status}"]
        plan_id, external_plan_id = query.take("plan_id", as_text), query.take("external_plan_id", as_text)

        def takes(number: int) -> bool:
            if asked and number not in asked:
                return False
            if not (wanted or created or plan_id or external_plan_id):
                return True
            found = self.subscription_wire(number)
            plans = {plan_id or found["plan"]["id"]}, {external_plan_id or found["plan"]["external_plan_id"]}
            return (
                (not wanted or found["status"] in wanted)
                and within(as_moment(found["created_at"]), created)
                and found["plan"]["id"] in plans[0]
                and found["plan"]["external_plan_id"] in plans[1]
            )

        numbers = (number for number in self._customers({}) if takes(number))
        return page(self._after(query, numbers), limit, self.subscription_wire)

    @route("GET", "/subscriptions/{subscription_id}")
    def fetch_subscription(self, request: Request) -> Response:
        identity = request.params["subscription_id"]
        number = self.book.data.customers.by_subscription.get(identity)
        if number is None or self.gone_customer(number):
            problems.unknown("Subscription", identity)
        return Response(200, self.subscription_wire(number))

    # ---- items

    def _item_wire(self, item: dict) -> dict:
        made = self.world.view(NAME, "item").get(item["id"], {})
        created = made.get("created_at", "2024-01-05T18:10:00+00:00")
        return {
            "metadata": {},
            "id": item["id"],
            "name": item["name"],
            "created_at": created,
            "external_connections": [],
            "archived_at": None,
        }

    @route("GET", "/items")
    def list_items(self, request: Request) -> Response:
        rows = (self._item_wire(item) for item in self.items().values())
        return page_by_time(Query(request), ((row["created_at"], row["id"], row) for row in rows))

    @route("GET", "/items/{item_id}")
    def fetch_item(self, request: Request) -> Response:
        return Response(200, self._item_wire(self.item_by_id(request.params["item_id"])))

    # ---- prepaid credits

    def _block(self, identity: str) -> dict:
        block = self.book.block(identity)
        if block is None:
            problems.unknown("CreditBlock", identity)
        return block

    @route("GET", "/credit_blocks/{block_id}")
    def fetch_block(self, request: Request) -> Response:
        return Response(200, self._block(request.params["block_id"])["wire"])

    @route("GET", "/credit_blocks/{block_id}/invoices")
    def block_invoices(self, request: Request) -> Response:
        block = self._block(request.params["block_id"])
        record = self.book.read(block["invoice"])
        found = [record["head"]] if record else []
        tiny = ("id", "customer", "invoice_number", "status", "subscription")
        invoices = [{name: head[name] for name in tiny} for head in found]
        return Response(200, {"block": block["wire"], "invoices": invoices})

    @route("DELETE", "/credit_blocks/{block_id}")
    def delete_block(self, request: Request) -> Response:
        """Its purchase goes with it: a draft is deleted, an issued invoice voided, a paid one credited."""
        identity = request.params["block_id"]
        block = self._block(identity)
        record = self.book.edit(block["invoice"])
        status = record and record["head"]["status"]
        if status == "draft":
            self.book.remove(record["head"]["id"])
        elif status == "issued":
            self.void(record)
            self.book.save(record)
        elif status == "paid":
            lines = [(line, line["amount"], None) for line in record["lines"]]
            self.credit(record, lines, "Order change", "Credit block deleted")
            self.book.save(record)
        self.world.put(NAME, "block", identity, {"deleted": True})
        self.effect("delete_credit_block", identity, request)
        return Response(204)

    @route("GET", "/customers/{customer_id}/credits")
    def customer_credits(self, request: Request) -> Response:
        """Blocks that are neither spent nor void; all of them when asked."""
        number, query = self.customer_number(request.params["customer_id"]), Query(request)
        every, currency = query.flag("include_all_blocks"), query.take("currency", as_text, "credits")
        effective = query.between("effective_date")
        blocks = [self.book.block(identity) for identity in self.book.data.blocks]
        rows = [
            (wire["effective_date"], wire["id"], wire)
            for wire in (block["wire"] for block in blocks if block and block["customer"] == number)
            if currency == "credits"
            and (every or wire["balance"])
            and within(as_moment(wire["effective_date"]), effective)
        ]
        return page_by_time(query, rows)

    @route("GET", "/customers/{customer_id}/credits/top_ups")
    def customer_top_ups(self, request: Request) -> Response:
        found = self.book.top_ups(self.customer_number(request.params["customer_id"]))
        return page_by_time(Query(request), (("", top_up["id"], top_up) for top_up in found))
