"""Credit notes, and the balances they and everybody else may change."""

from datetime import timedelta
from decimal import Decimal

from ..core import Request, Response, route
from . import problems
from .amounts import ZERO, midnight, money, stamp, text
from .book import NAME
from .lines import taxed
from .reading import Fields, Query, as_day, as_decimal, as_list, as_moment, as_text, body, one_of, page_by_time, within
from .writing import ASSETS, note_line, summary, whole_note

REASONS = {
    "duplicate": "Duplicate",
    "fraudulent": "Fraudulent",
    "order_change": "Order change",
    "product_unsatisfactory": "Product unsatisfactory",
}


def positive(found: object) -> Decimal:
    value = as_decimal(found)
    if value <= 0:
        raise ValueError("ensure this value is greater than 0")
    return value


class CreditNotes:
    """Credit notes and balance transactions."""

    def note_wire(self, note: dict) -> dict:
        return {**note, "credit_note_pdf": self.link(note["credit_note_pdf"])}

    @route("GET", "/credit_notes")
    def list_notes(self, request: Request) -> Response:
        query = Query(request)
        created = query.between("created_at")
        rows = (
            (note["created_at"], note["id"], note)
            for note in self.book.notes()
            if within(as_moment(note["created_at"]), created)
        )
        return page_by_time(query, rows, self.note_wire)

    @route("GET", "/credit_notes/{credit_note_id}")
    def fetch_note(self, request: Request) -> Response:
        identity = request.params["credit_note_id"]
        note = self.book.note(identity)
        if note is None:
            problems.unknown("CreditNote", identity)
        return Response(200, self.note_wire(note))

    # ---- create

    @route("POST", "/credit_notes")
    def create_note(self, request: Request) -> Response:
        fields = body(request)
        found = fields.take("line_items", as_list, required=True, default=[])
        wanted = [self._wanted(fields.inside(f"line_items.{place}", line)) for place, line in enumerate(found)]
        if fields.has("line_items") and not found:
            fields.errors.append("line_items: ensure this value has at least 1 items")
        reason = fields.take("reason", one_of(*REASONS), required=True)
        memo = fields.take("memo", as_text)
        whole = fields.take("start_date", as_day), fields.take("end_date", as_day)
        fields.done()
        self._check_periods(wanted, whole)
        record = self._credited_invoice(wanted)
        by_id = {line["id"]: line for line in record["lines"]}
        lines = [(by_id[line["id"]], text(line["amount"]), line["period"] or whole) for line in wanted]
        self._check_amounts(record, lines)
        note = self.credit(record, lines, REASONS[reason], memo)
        self.book.save(record)
        self.effect("create_credit_note", record["head"]["id"], request)
        return Response(201, self.note_wire(note))

    @staticmethod
    def _wanted(fields: Fields) -> dict:
        start = fields.take("start_date", as_day)
        end = fields.take("end_date", as_day)
        line = {
            "id": fields.take("invoice_line_item_id", as_text, required=True),
            "amount": fields.take("amount", positive, required=True),
            "period": (start, end) if start or end else None,
        }
        fields.close()
        return line

    @staticmethod
    def _check_periods(wanted: list[dict], whole: tuple) -> None:
        own = [line["period"] for line in wanted if line["period"]]
        if own and any(whole):
            problems.against_rule("Global and individual service periods cannot be mixed.")
        if own and len(own) != len(wanted):
            problems.against_rule("When one line has its own service period, all must have one.")
        for start, end in (*own, whole):
            if (start is None) != (end is None) or (start and end and end < start):
                problems.against_rule("A service period needs a start_date and an end_date that is not before it.")

    def _credited_invoice(self, wanted: list[dict]) -> dict:
        """The one invoice that has all the lines."""
        found = {line["id"]: self._invoice_of_line(line["id"]) for line in wanted}
        if len({record["head"]["id"] for record in found.values()}) > 1:
            problems.against_rule("All lines of a credit note must be of one invoice.")
        if len(found) < len(wanted):
            problems.against_rule("A line can be named once in a credit note.")
        record = next(iter(found.values()))
        if record["head"]["status"] not in ("issued", "paid"):
            status = record["head"]["status"]
            problems.against_rule(
                f"Invoice {record['head']['id']} has status {status}; only issued or paid invoices can be credited."
            )
        return record

    def _invoice_of_line(self, line_id: str) -> dict:
        identity = self.book.of_line(line_id)
        if identity is None:
            problems.unknown("InvoiceLineItem", line_id)
        return self.book.edit(identity)

    def _check_amounts(self, record: dict, lines: list[tuple]) -> None:
        """No line is credited beyond its amount, no unpaid invoice below nothing."""
        head, credited = record["head"], ZERO
        before: dict[str, Decimal] = {}
        for note in head["credit_notes"]:
            for line_id, amount in () if note["voided_at"] else record["private"]["notes"][note["id"]]:
                before[line_id] = before.get(line_id, ZERO) + Decimal(amount)
        for line, amount, _ in lines:
            if Decimal(amount) + before.get(line["id"], ZERO) > Decimal(line["amount"]):
                problems.against_rule(
                    f"Line item {line['id']} cannot be credited beyond its amount of {line['amount']}."
                )
            credited += Decimal(amount) + taxed(note_line("", line, Decimal(amount), head["currency"]))
        if head["status"] == "issued" and money(credited, head["currency"]) > Decimal(head["amount_due"]):
            problems.against_rule(f"The credit note exceeds the amount due of {head['amount_due']}.")

    def credit(self, record: dict, lines: list[tuple], reason: str, memo: str | None) -> dict:
        """Issue a note: on an unpaid invoice it lowers what is due, on a paid one it goes to the customer's balance."""
        head, number, identify = record["head"], self.book.next_number("note"), self.book.data.identify
        customer, currency = self.book.customer_of(record), record["head"]["currency"]
        credited = []
        for place, (line, amount, period) in enumerate(lines):
            row = note_line(identify("new note line", number, place), line, Decimal(amount), currency)
            if period and period[0]:  # both days inclusive
                row["start_time_inclusive"] = stamp(midnight(customer.timezone, period[0]))
                row["end_time_exclusive"] = stamp(midnight(customer.timezone, period[1] + timedelta(days=1)))
            credited.append(row)
        kind, identity = "refund" if head["status"] == "paid" else "adjustment", identify("new note", number)
        prefix = self.book.data.customers.invoice_prefix(customer.number)
        note = whole_note(
            identity, kind, head, credited, currency, created_at=self.stamp_now(), reason=reason, memo=memo,
            credit_note_number=f"CN-{prefix}-{90000 + number}",
            credit_note_pdf=f"{ASSETS}/credit_note/{identity}/{identify('pdf', identity, 1)}",
        )  # fmt: skip
        self.world.put(NAME, "credit_note", identity, note)
        head["credit_notes"].append(summary(note))
        record["private"]["notes"][identity] = [[line["id"], amount] for line, amount, _ in lines]
        total = Decimal(note["total"])
        if kind == "refund":
            reference = {"credit_note": {"id": identity}}
            self.book.change_balance(customer.number, "credit_note_applied", total, record, **reference)
        else:
            head["amount_due"] = text(money(Decimal(head["amount_due"]) - total, currency))
        return note

    def void_note(self, identity: str) -> dict:
        """In the dashboard only: what the note did is taken back. Errors: ValueError, LookupError."""
        note = self.book.note(identity)
        if note is None:
            raise LookupError(f"No credit note {identity}")
        if note["voided_at"]:
            raise ValueError(f"Credit note {identity} is void already")
        note["voided_at"] = self.stamp_now()
        self.world.put(NAME, "credit_note", identity, note)
        record = self.book.edit(note["invoice_id"])
        head, total = record["head"], Decimal(note["total"])
        head["credit_notes"] = [summary(note) if made["id"] == identity else made for made in head["credit_notes"]]
        if note["type"] == "refund":
            number, reference = record["private"]["customer"], {"credit_note": {"id": identity}}
            self.book.change_balance(number, "credit_note_voided", -total, record, **reference)
        else:
            head["amount_due"] = text(money(Decimal(head["amount_due"]) + total, head["currency"]))
        self.book.save(record)
        return note

    # ---- balances

    @route("GET", "/customers/{customer_id}/balance_transactions")
    def list_transactions(self, request: Request) -> Response:
        number, query = self.customer_number(request.params["customer_id"]), Query(request)
        bounds = query.between("operation_time")
        rows = [  # in the order they happened, also within one second
            (row["created_at"], f"{place:09d}", row)
            for place, row in enumerate(self.book.transactions(number))
            if within(as_moment(row["created_at"]), bounds)
        ]
        return page_by_time(query, rows)

    @route("POST", "/customers/{customer_id}/balance_transactions")
    def create_transaction(self, request: Request) -> Response:
        number = self.customer_number(request.params["customer_id"])
        fields = body(request)
        amount = fields.take("amount", positive, required=True)
        kind = fields.take("type", one_of("increment", "decrement"), required=True)
        description = fields.take("description", as_text)
        fields.done()
        change = money(amount if kind == "increment" else -amount, self.book.data.customers.get(number).currency)
        row = self.book.change_balance(number, "manual_adjustment", change, description=description)
        self.effect("balance_transaction", request.params["customer_id"], request)
        return Response(200, row)
