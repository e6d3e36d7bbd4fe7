"""Invoices: list, get, PDF, breakdowns, void, regenerate, move the issue date, a plan's one-time charge."""

from collections.abc import Callable
from decimal import Decimal

from invoicing.sandbox.core import Request, Response, route
from invoicing.sandbox.pdf import small_pdf

from .audit import words_for
from .books import DRAFT, FINALIZED, STATUSES, VOID, Held
from .breakdowns import breakdown_page
from .figures import instant, moment, number, wire
from .reading import Body, Query, invalid, refused

PAGE = 20  # rows on a page when no limit is sent
INVOICES = "/v1/customers/{customer_id}/invoices"
PDF_LINES = 200


class InvoiceRoutes:
    """Part of the simulator."""

    # ---- reading

    def _of_customer(self, request: Request) -> Held:
        """The invoice in the path, which must be this customer's. Errors: 404."""
        account = self.customer(request.params["customer_id"])
        held = self.held(request.params["invoice_id"])
        if held.account.index != account.index:
            raise refused(404, "Invoice not found")
        return held

    @route("GET", INVOICES)
    def list_invoices(self, request: Request) -> Response:
        account, query = self.customer(request.params["customer_id"]), Query(request)
        limit = query.limit(PAGE)
        descending = query.choice("sort", "date_asc", "date_desc") == "date_desc"
        skip_zero = query.flag("skip_zero_qty_line_items")
        wanted = self._filter(query)
        invoices = list(self.books.of(account.index))
        if query.flag("include_historical_commit_invoices"):
            invoices += self.books.historical(account)
        invoices = [held for held in invoices if wanted(held.body)]

        def key(held: Held) -> tuple:
            return held.listed_at.isoformat(), held.id

        shown, token = self.paged(invoices, key, query.text("next_page"), limit, descending)
        return Response(body={"data": [self.shown(held, skip_zero) for held in shown], "next_page": token})

    def _filter(self, query: Query) -> Callable[[dict], bool]:
        """Which invoices are asked for. Filters about periods leave out invoices that have none."""
        status = query.choice("status", *STATUSES)
        kind = query.choice("type", "USAGE", "USAGE_CONSOLIDATED", "SCHEDULED")
        unit, contract = query.text("credit_type_id"), query.text("contract_id")
        start, end = query.instant("starting_on"), query.instant("ending_before")

        def wanted(body: dict) -> bool:
            first, last = body.get("start_timestamp"), body.get("end_timestamp")
            return (
                status in (None, body["status"])
                and kind in (None, body["type"])
                and unit in (None, body["credit_type"]["id"])
                and contract in (None, body.get("contract_id"))
                and (start is None or (first is not None and first >= start))
                and (end is None or (last is not None and last < end))
            )

        return wanted

    @route("GET", INVOICES + "/breakdowns")
    def list_breakdowns(self, request: Request) -> Response:
        account, query = self.customer(request.params["customer_id"]), Query(request)
        start, end = query.instant("starting_on", required=True), query.instant("ending_before", required=True)
        window = query.choice("window_size", "HOUR", "DAY") or "DAY"
        limit, skip_zero = query.limit(100), query.flag("skip_zero_qty_line_items")
        status, unit = query.choice("status", *STATUSES), query.text("credit_type_id")
        after = self.cursors.read(query.text("next_page"))
        invoices = [
            held
            for held in self.books.of(account.index)
            if status in (None, held.status) and unit in (None, held.body["credit_type"]["id"])
        ]
        descending = query.choice("sort", "date_asc", "date_desc") == "date_desc"
        now, start_after = self.books.now(), tuple(after) if after else None
        shown, key = breakdown_page(invoices, window, (start, end), now, start_after, limit, descending)
        if skip_zero:
            for row in shown:
                row["line_items"] = [line for line in row["line_items"] if line.get("quantity") != 0]
        token = None if key is None else self.cursors.write(key)
        return Response(body={"data": wire(shown, account.story.style), "next_page": token})

    @route("GET", INVOICES + "/{invoice_id}")
    def get_invoice(self, request: Request) -> Response:
        held = self._of_customer(request)
        return Response(body={"data": self.shown(held, Query(request).flag("skip_zero_qty_line_items"))})

    @route("GET", INVOICES + "/{invoice_id}/pdf")
    def get_pdf(self, request: Request) -> Response:
        held = self._of_customer(request)
        body, rows = held.body, held.body["line_items"]
        unit = body["credit_type"]["name"]
        words = [] if held.status == FINALIZED else [f"*** {held.status} ***"]
        words += [f"Invoice {held.id}", f"For {held.account.name}", f"Date {instant(held.listed_at)[:10]}", ""]
        words += [f"{row['name']}    {number(row['total'])} {row['credit_type']['name']}" for row in rows[:PDF_LINES]]
        if len(rows) > PDF_LINES:
            words.append(f"and {len(rows) - PDF_LINES} further lines")
        words += ["", f"Total {number(body['total'])} {unit}"]
        return Response(body=small_pdf(f"Invoice {held.id[:8]}", words), content_type="application/pdf")

    @route("GET", "/external/{file}", public=True)
    def billing_provider_pdf(self, request: Request) -> Response:
        """What `external_invoice.pdf_url` leads to: the billing provider's own document, for whoever has the link."""
        invoice_id, _, kind = request.params["file"].rpartition(".")
        if kind != "pdf" or not invoice_id:
            return self.error(404, "Not found")
        words = ["The billing provider's own copy.", f"Its number: {invoice_id}"]
        return Response(body=small_pdf(f"Invoice {invoice_id}", words), content_type="application/pdf")

    # ---- writing

    @route("POST", "/v1/invoices/void")
    def void_invoice(self, request: Request) -> Response:
        self.may_write(request)
        held = self.held(Body(request).uuid("id"))
        if held.status != FINALIZED:
            raise refused(400, "Invoice is not in a state that can be voided.")
        self.books.void(held)
        self.audit.note("void", "invoice", held.id, words_for("void", held), request)
        self.effect(request, "void", held.id)
        return Response(body={"data": {"id": held.id}})

    @route("POST", "/v1/invoices/regenerate")
    def regenerate_invoice(self, request: Request) -> Response:
        self.may_write(request)
        held = self.held(Body(request).uuid("id"))
        if held.status != VOID:
            raise refused(400, "Only a voided invoice can be regenerated.")
        if "contract_id" not in held.body:
            raise refused(400, "Only invoices of a contract can be regenerated.")
        if self.books.regenerated_from(held):
            raise refused(400, "This invoice has already been regenerated.")
        new = self.books.regenerate(held, self.factor())
        self.audit.note("regenerate", "invoice", held.id, words_for("regenerate", held), request)
        self.effect(request, "regenerate", held.id)
        return Response(body={"data": {"id": new}})

    @route("POST", "/v1/contracts/updateInvoiceIssueDate")
    def update_issue_date(self, request: Request) -> Response:
        self.may_write(request)
        body = Body(request)
        invoice_id, date = body.uuid("invoice_id"), body.instant("issue_date", required=True)
        held = self.held(invoice_id)
        if held.status != DRAFT:
            raise refused(400, "Only a draft invoice's issue date can be changed.")
        if "contract_id" not in held.body:
            raise refused(400, "The invoice does not belong to a contract.")
        end = self.accounts.contract_end(*held.place)
        if end is not None and date > end:
            raise refused(400, "The issue date must not be after the end of the contract.")
        self.books.change(held, issued_at=date.isoformat())
        self.audit.note("update_issue_date", "invoice", held.id, "Moved the invoice's issue date", request)
        self.effect(request, "update_issue_date", held.id)
        return Response(body={"data": {"id": held.id}})

    @route("POST", "/v1/customers/{customer_id}/addCharge")
    def add_charge(self, request: Request) -> Response:
        self.may_write(request)
        account, body = self.customer(request.params["customer_id"]), Body(request)
        charge, plan, words = body.uuid("charge_id"), body.uuid("customer_plan_id"), body.text("description")
        start = body.instant("invoice_start_timestamp", required=True)
        price, quantity = Decimal(str(body.number("price"))), Decimal(str(body.number("quantity")))
        if not words.strip():
            raise invalid("description must not be empty")
        if not account.story.plan or plan != self.customer_plan_id(account):
            raise refused(404, "Customer plan not found")
        if charge in (self.data.ids.of("charge", n) for n in (1, 2, 3)):
            raise refused(400, "The charge's product is already on the plan.")
        drafts = (held for held in self.books.of(account.index) if held.status == DRAFT)
        held = next((held for held in drafts if held.body.get("start_timestamp") == start), None)
        if held is None:
            raise refused(400, "No draft invoice starts at invoice_start_timestamp.")
        line = {"type": "charge", "name": words, "charge_id": charge, "quantity": str(quantity), "price": str(price)}
        self.books.add_line(held, line)
        self.audit.note("add_charge", "invoice", held.id, f"Added charge {words}", request)
        self.effect(request, "add_charge", held.id)
        return Response(body={})

    # ---- the audit log

    @route("GET", "/v1/auditLogs")
    def list_audit_logs(self, request: Request) -> Response:
        """Pages that never end: an empty one says "nothing yet", and hands back the same token."""
        query = Query(request)
        limit, token = query.limit(PAGE), query.text("next_page")
        start, end = query.instant("starting_on"), query.instant("ending_before")
        kind, target = query.text("resource_type"), query.text("resource_id")
        order = query.choice("sort", "date_asc", "date_desc")
        if (kind is None) != (target is None):
            raise invalid("resource_type and resource_id must be given together")
        if token and (start or end):
            raise invalid("starting_on and ending_before cannot be used with next_page")
        at = {"after": None, "start": start and start.isoformat(), "end": end and end.isoformat(), "sort": order}
        at = self.cursors.read(token) or at
        if not isinstance(at, dict):
            raise invalid("next_page is not valid")
        descending = at["sort"] == "date_desc"
        rows = [
            row
            for row in self.audit.rows()
            if (kind is None or (row["resource_type"], row["resource_id"]) == (kind, target))
            and (at["start"] is None or row["timestamp"] >= moment(at["start"]))
            and (at["end"] is None or row["timestamp"] < moment(at["end"]))
        ]

        def key(row: dict) -> tuple:
            return row["timestamp"].isoformat(), row["id"]

        after = tuple(at["after"]) if at["after"] else None
        rows = [row for row in rows if after is None or (key(row) < after if descending else key(row) > after)]
        rows = sorted(rows, key=key, reverse=descending)[:limit]
        if rows:
            at = at | {"after": list(key(rows[-1]))}
        return Response(body={"data": wire(rows), "next_page": self.cursors.write(at)})
