"""Changing invoices: what may be asked in which status, and the answers. What then happens is in life.py."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from ..core import Request, Response, route
from . import problems
from .amounts import local_day, moment, stamp
from .reading import Fields, as_day, as_day_or_moment, as_flag, as_integer, as_metadata, as_text, body

TOO_LARGE = 1_000_000  # bytes of a request
MOST_DAYS = 3650


def days(found: object) -> int:
    """Net terms."""
    value = as_integer(found)
    if not 0 <= value <= MOST_DAYS:
        raise ValueError(f"ensure this value is between 0 and {MOST_DAYS}")
    return value


def changed_metadata(held: dict, given: dict | None) -> dict:
    """Null clears all, a key set to null goes, the others stay."""
    if given is None:
        return {}
    merged = {**held, **given}
    return {name: value for name, value in merged.items() if value is not None}


class InvoiceWrites:
    """The endpoints that change an invoice. Lines and one-off invoices are in lines_api.py."""

    def changing(self, identity: str, verb: str, *legal: str, lines: bool = False) -> dict:
        """The invoice to be changed. Errors: a refusal when there is none, or its status does not allow the verb."""
        record = self.found(identity, self.book.edit, lines=lines)
        status = record["head"]["status"]
        if status not in legal:
            words = " or ".join(legal)
            problems.against_rule(
                f"Invoice {record['head']['id']} has status {status}; only {words} invoices can be {verb}."
            )
        return record

    def done(self, record: dict, request: Request, verb: str) -> Response:
        """Save, note the effect, answer the invoice."""
        self.book.save(record)
        self.effect(verb, record["head"]["id"], request)
        return Response(200, self.wire(record))

    def effect(self, verb: str, external_id: str, request: Request) -> None:
        self.world.effect(self.name, verb, external_id, request.headers.get("Idempotency-Key"))

    # ---- update

    @route("PUT", "/invoices/{invoice_id}")
    def update(self, request: Request) -> Response:
        record = self.found(request.params["invoice_id"], self.book.edit)
        fields = body(request)
        metadata = fields.take("metadata", as_metadata, default=None)
        net_terms = fields.take("net_terms", days)
        due_date = fields.take("due_date", as_day_or_moment)
        invoice_date = fields.take("invoice_date", as_day_or_moment)
        collects = fields.take("auto_collection", as_flag)
        fields.done()
        head = record["head"]
        self._allow_update(head, fields)
        if fields.has("metadata"):
            head["metadata"] = changed_metadata(head["metadata"], metadata)
        if net_terms is not None:
            record["private"]["net_terms"], head["due_date"] = net_terms, None
        if fields.has("due_date"):
            head["due_date"] = due_date and stamp(self.at_midnight(record, due_date))
        if collects is not None:
            head["auto_collection"]["enabled"] = collects
        if invoice_date is not None:
            self._move(record, self.at_midnight(record, invoice_date))
        return self.done(record, request, "update")

    @staticmethod
    def _allow_update(head: dict, fields: Fields) -> None:
        for name in ("net_terms", "due_date", "auto_collection", "invoice_date"):
            if fields.has(name) and head["status"] != "draft":
                problems.against_rule(
                    f"Invoice {head['id']} has status {head['status']}; {name} can only be changed on draft invoices."
                )
        if fields.has("invoice_date") and head["invoice_source"] != "one_off":
            problems.against_rule("invoice_date can only be changed on one-off draft invoices.")
        if fields.found.get("net_terms") is not None and fields.found.get("due_date") is not None:
            problems.against_rule("Only one of net_terms and due_date can be set.")

    def _move(self, record: dict, day: datetime) -> None:
        """Give a one-off draft another date; it may be issued from then on."""
        self.refuse_far(day)
        head = record["head"]
        head["invoice_date"] = head["eligible_to_issue_at"] = stamp(day)
        if head["will_auto_issue"]:
            head["scheduled_issue_at"] = stamp(day)
            self.schedule(record)

    def refuse_far(self, day: datetime) -> None:
        if day > self.world.now() + timedelta(days=366):
            problems.against_rule("invoice_date cannot be more than one year in the future.")

    # ---- issue

    @route("POST", "/invoices/{invoice_id}/issue")
    def issue_invoice(self, request: Request) -> Response:
        return Response(200, self.wire(self._issued(request)))

    @route("POST", "/invoices/summary/{invoice_id}/issue")
    def issue_summary(self, request: Request) -> Response:
        return Response(200, self.summary(self._issued(request)))

    def _issued(self, request: Request) -> dict:
        """Issue at once, or set it off; without waiting the draft comes back and is issued a moment later."""
        record = self.changing(request.params["invoice_id"], "issued", "draft")
        fields = body(request, optional=True)
        synchronous = fields.take("synchronous", as_flag, default=False)
        fields.done()
        head, private = record["head"], record["private"]
        if head["will_auto_issue"]:
            problems.against_rule(f"Invoice {head['id']} issues itself; it cannot be issued by hand.")
        if moment(head["eligible_to_issue_at"]) > self.world.now():
            problems.against_rule(
                f"Invoice {head['id']} is not eligible to be issued before {head['eligible_to_issue_at']}."
            )
        usage = any(line["price"]["price_type"] == "usage_price" for line in record["lines"])
        if synchronous and usage:
            problems.against_rule(f"Invoice {head['id']} has usage fees; it cannot be issued synchronously.")
        if private.get("issuing") and not synchronous:
            return record  # set off already: nothing more happens
        if not private.get("issue_fails"):
            self.effect("issue", head["id"], request)
        wait = self.option("issue_seconds")
        if synchronous or (not wait and not private.get("issue_fails")):
            self.issue(record, wait_for_sync=synchronous)
        else:
            private["issuing"] = True
            self.world.later(wait, self.issue_accepted, head["id"])
        return self.book.save(record)

    # ---- payment

    @route("POST", "/invoices/{invoice_id}/mark_paid")
    def mark_invoice_paid(self, request: Request) -> Response:
        record = self.changing(request.params["invoice_id"], "marked as paid", "issued", "synced")
        fields = body(request)
        received = fields.take("payment_received_date", as_day, required=True)
        external_id, notes = fields.take("external_id", as_text), fields.take("notes", as_text)
        fields.done()
        self.mark_paid(record, self.at_midnight(record, received))
        record["private"]["paid_by_hand"] = {"external_id": external_id, "notes": notes}
        return self.done(record, request, "mark_paid")

    @route("POST", "/invoices/{invoice_id}/pay")
    def pay(self, request: Request) -> Response:
        """A declined charge is answered with 200 and a failed attempt, or as the option `declined_status` says."""
        record = self.changing(request.params["invoice_id"], "paid", "issued")
        fields = body(request, optional=True)
        token = fields.take("shared_payment_token_id", as_text)
        fields.done()
        customer = self.book.customer_of(record)
        if not customer.charges and token is None:
            problems.against_rule(f"Customer {customer.id} has no default payment method.")
        if self.in_flight(record["head"]):
            problems.against_rule(f"A payment of invoice {record['head']['id']} is in progress.")
        if Decimal(record["head"]["amount_due"]) <= 0:
            problems.against_rule(f"Nothing is due on invoice {record['head']['id']}.")
        by_card = "declined" if customer.declines and token is None else "succeeded"
        outcome = record["private"].pop("next_payment", by_card)
        self.collect(record, outcome)
        response = self.done(record, request, "pay" if outcome != "declined" else "pay_declined")
        if outcome == "declined" and self.option("declined_status") != 200:
            return problems.problem("400-constraint-violation", "The payment was declined.")
        return response

    # ---- void

    @route("POST", "/invoices/{invoice_id}/void")
    def void_invoice(self, request: Request) -> Response:
        record = self.changing(request.params["invoice_id"], "voided", "issued")
        self.void(record)
        return self.done(record, request, "void")

    # ---- documents

    @route("POST", "/invoices/{invoice_id}/regenerate_invoice_pdf")
    def regenerate_invoice_pdf(self, request: Request) -> Response:
        record = self.changing(request.params["invoice_id"], "given a new PDF", "issued", "paid", "synced", "void")
        if record["head"]["invoice_pdf"] is None:
            problems.against_rule(f"Invoice {record['head']['id']} has no PDF to regenerate.")
        self.redraw(record, "pdf")
        return self.done(record, request, "regenerate_invoice_pdf")

    @route("POST", "/invoices/{invoice_id}/regenerate_receipt_pdf")
    def regenerate_receipt_pdf(self, request: Request) -> Response:
        record = self.changing(request.params["invoice_id"], "given a new receipt", "paid")
        if not any(made["receipt_pdf"] for made in record["head"]["payment_attempts"]):
            problems.against_rule(f"Invoice {record['head']['id']} has no receipt to regenerate.")
        self.redraw(record, "receipt")
        return self.done(record, request, "regenerate_receipt_pdf")

    def today(self, timezone: str) -> date:
        return local_day(timezone, self.stamp_now())
