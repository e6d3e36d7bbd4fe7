"""Making one-off invoices, and adding and removing lines of drafts."""

from datetime import date, datetime
from decimal import Decimal

from ..core import Request, Response, route
from ..wire import Raw
from . import problems
from .amounts import money, stamp, text
from .blueprint import Blueprint, Maker, Times
from .book import NAME
from .customers import Customer
from .prices import Catalog, one_off_price, unit_text
from .reading import (
    Fields,
    as_day,
    as_day_or_moment,
    as_decimal,
    as_filters,
    as_flag,
    as_list,
    as_metadata,
    as_number,
    as_text,
    as_texts,
    body,
    one_of,
)  # fmt: skip
from .writes import changed_metadata, days
from .writing import bare_head, new_private

TOO_MUCH = 10**15  # of one line, in major units
MEMO = "Thank you for your business."


def is_one_off(line: dict) -> bool:
    """Whether no subscription's price produced the line; catalog prices have a name of the account's."""
    return line["price"]["cadence"] == "one_time" and line["price"]["external_price_id"] is None


def as_share(found: object) -> Decimal:
    value = as_number(found)
    if not 0 <= value <= 1:
        raise ValueError("ensure this value is between 0 and 1")
    return value


def share(found: object) -> Raw:
    return Raw(text(as_share(found)))


def decimal_text(found: object) -> str:
    return text(as_decimal(found))


class LinesAPI:
    """One-off invoices and lines."""

    # ---- create

    @route("POST", "/invoices")
    def create_invoice(self, request: Request) -> Response:
        fields = body(request)
        customer_id, external_id = (fields.take(name, as_text) for name in ("customer_id", "external_customer_id"))
        currency = fields.take("currency", as_text, required=True)
        invoice_date = fields.take("invoice_date", as_day_or_moment, required=True)
        wanted = [self._wanted_line(fields.inside(f"line_items.{place}", found)) for place, found in
                  enumerate(fields.take("line_items", as_list, required=True, default=[]))]  # fmt: skip
        memo = fields.take("memo", as_text, default=None if fields.has("memo") else MEMO)
        net_terms, due_date = fields.take("net_terms", days), fields.take("due_date", as_day_or_moment)
        will_auto_issue = fields.take("will_auto_issue", as_flag, nullable=False, default=False)
        collects, metadata = fields.take("auto_collection", as_flag), fields.take("metadata", as_metadata, default={})
        discount = fields.take("discount", lambda found: found)
        discounts = [self._wanted_discount(fields.inside("discount", discount))] if discount is not None else []
        fields.done()
        customer = self._named_customer(customer_id, external_id)
        self._check_new(customer, currency, net_terms, due_date)
        at = self._at(customer, invoice_date)
        self.refuse_far(at)
        number = self.book.next_number("invoice")
        make = self._maker(customer, currency, at, self.book.data.identify("new invoice", number))
        lines = [self._made_line(make, customer, line) for line in wanted]
        blueprint = Blueprint(
            customer.number, "draft", 0, lambda make: lines, source="one_off", memo=memo,
            will_auto_issue=will_auto_issue, metadata=changed_metadata({}, metadata), discounts=tuple(discounts),
        )  # fmt: skip
        now = self.world.now()
        head = bare_head(self.book.data, blueprint, customer, currency, lines, Times(now, at, at, now, now))
        head |= {
            "id": make.invoice_id,
            "invoice_number": f"{self.book.data.customers.invoice_prefix(customer.number)}-{1000 + number:05d}",
            "due_date": due_date and stamp(self._at(customer, due_date)),
        }
        if collects is not None:
            head["auto_collection"]["enabled"] = collects
        terms = customer.net_terms if net_terms is None else net_terms
        private = new_private(customer.number, self.book.data.count + number, terms)
        record = {"head": head, "lines": lines, "private": private, "own_lines": True}
        self.recompute(record)
        if will_auto_issue and at <= self._at(customer, self.today(customer.timezone)):
            self.issue(record)
        self.book.save(record)
        if head["status"] == "draft":
            self.schedule(record)
        self.effect("create", head["id"], request)
        return Response(201, self.wire(record))

    @staticmethod
    def _wanted_line(fields: Fields) -> dict:
        line = {
            "start_date": fields.take("start_date", as_day, required=True),
            "end_date": fields.take("end_date", as_day, required=True),
            "quantity": fields.take("quantity", as_number, required=True),
            "name": fields.take("name", as_text, required=True),
            "item_id": fields.take("item_id", as_text, required=True),
        }
        fields.take("model_type", one_of("unit"), required=True)
        config = fields.inside(
            "unit_config", fields.take("unit_config", lambda found: found, required=True, default={})
        )
        line |= {
            "unit_amount": config.take("unit_amount", as_decimal, required=True),
            "prorated": config.take("prorated", as_flag, default=False),
            "scaling_factor": config.take("scaling_factor", as_number, default=Decimal(1)),
        }
        config.close()
        fields.close()
        return line

    @staticmethod
    def _wanted_discount(fields: Fields) -> dict:
        """An invoice-level discount with all its keys. A usage discount is for prices only."""
        kind = fields.take("discount_type", one_of("percentage", "amount", "trial", "tiered_percentage", "usage"),
                           required=True)  # fmt: skip
        made = {"discount_type": kind}
        if kind == "percentage":
            made["percentage_discount"] = fields.take("percentage_discount", share, required=True)
        elif kind == "amount":
            made["amount_discount"] = fields.take("amount_discount", decimal_text, required=True)
        elif kind == "trial":
            made["trial_amount_discount"] = fields.take("trial_amount_discount", decimal_text)
            made["trial_percentage_discount"] = fields.take("trial_percentage_discount", share)
        elif kind == "tiered_percentage":
            tiers = fields.take("tiers", as_list, required=True, default=[])
            made["tiers"] = [_band(fields.inside(f"tiers.{place}", tier)) for place, tier in enumerate(tiers)]
        elif kind == "usage":
            fields.errors.append("discount.discount_type: a usage discount applies to prices, not to invoices")
        made["applies_to_price_ids"] = fields.take("applies_to_price_ids", as_texts)
        made["filters"] = fields.take("filters", as_filters)
        made["reason"] = fields.take("reason", as_text)
        if kind != "usage":
            fields.close()
        return made

    def _named_customer(self, customer_id: str | None, external_id: str | None) -> Customer:
        if (customer_id is None) == (external_id is None):
            problems.malformed("exactly one of customer_id and external_customer_id is required")
        number = self.customer_number(customer_id) if customer_id is not None else self.external_number(external_id)
        return self.book.data.customers.get(number)

    def _check_new(self, customer: Customer, currency: str, net_terms, due_date) -> None:
        held = self.book.data.customers.full(customer.number)["currency"]
        if held is not None and currency != held:
            problems.against_rule(f"The invoice's currency {currency} is not the customer's, {held}.")
        if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
            problems.malformed("currency: not an ISO 4217 currency")
        if net_terms is not None and due_date is not None:
            problems.against_rule("Only one of net_terms and due_date can be set.")

    def _at(self, customer: Customer, day: date | datetime) -> datetime:
        return self.at_midnight({"private": {"customer": customer.number}}, day)

    def _maker(self, customer: Customer, currency: str, at: datetime, invoice_id: str, *key) -> Maker:
        def identify(*more) -> str:
            return self.book.data.identify("of", invoice_id, *key, *more)

        return Maker(self.book.data.catalog, customer, identify, invoice_id, currency, (at.date(), at.date()))

    def _made_line(self, make: Maker, customer: Customer, wanted: dict) -> dict:
        if wanted["end_date"] < wanted["start_date"]:
            problems.against_rule("A line's end_date cannot be before its start_date.")
        config = {"unit_amount": text(wanted["unit_amount"]), "prorated": wanted["prorated"]}
        identity = make.identify("price", make.made)
        price = one_off_price(
            identity, wanted["name"], self.item_by_id(wanted["item_id"]), make.currency, wanted["quantity"], config
        )
        period = tuple(stamp(self._at(customer, wanted[name])) for name in ("start_date", "end_date"))
        subtotal = wanted["quantity"] * wanted["scaling_factor"] * wanted["unit_amount"]
        if abs(subtotal) >= TOO_MUCH:
            problems.against_rule("A line's amount is too large.")
        return make.line(price, wanted["quantity"], subtotal=subtotal, period=period)

    # ---- lines of drafts

    @route("POST", "/invoice_line_items")
    def add_line(self, request: Request) -> Response:
        fields = body(request)
        invoice_id = fields.take("invoice_id", as_text, required=True)
        amount = fields.take("amount", as_decimal, required=True)
        quantity = fields.take("quantity", as_number, required=True)
        start, end = (fields.take(name, as_day, required=True) for name in ("start_date", "end_date"))
        item_id, name = fields.take("item_id", as_text), fields.take("name", as_text)
        if not item_id and not name:
            fields.errors.append("at least one of item_id and name is required")
        fields.done()
        record = self.changing(invoice_id, "given a line", "draft", lines=True)
        if end < start:
            problems.against_rule("A line's end_date cannot be before its start_date.")
        item = self.item_by_id(item_id) if item_id else self.item_by_name(name)
        head, customer = record["head"], self.book.customer_of(record)
        each = unit_text(_each(amount, quantity), head["currency"])
        number = self.book.next_number("line")
        make = self._maker(customer, head["currency"], self.world.now(), invoice_id, f"new line {number}")
        price = one_off_price(make.identify("price"), name or item["name"], item, head["currency"], quantity,
                              {"unit_amount": each, "prorated": False})  # fmt: skip
        period = tuple(stamp(self._at(customer, day)) for day in (start, end))
        line = make.line(price, quantity, subtotal=money(amount, head["currency"]), period=period)
        record["lines"].append(line)
        self.recompute(record)
        self.book.save(record)
        self.effect("add_line", head["id"], request)
        return Response(201, line)

    @route("DELETE", "/invoices/{invoice_id}/invoice_line_items/{line_item_id}")
    def delete_line(self, request: Request) -> Response:
        wanted = request.params["line_item_id"]
        record = self.changing(request.params["invoice_id"], "relieved of a line", "draft", lines=True)
        line = next((line for line in record["lines"] if line["id"] == wanted), None)
        if line is None:
            problems.unknown("InvoiceLineItem", wanted)
        if not is_one_off(line):
            problems.against_rule(f"Line item {wanted} comes from a subscription; only one-off lines can be deleted.")
        record["lines"].remove(line)
        self.recompute(record)
        self.book.save(record)
        self.effect("delete_line", record["head"]["id"], request)
        return Response(204)

    # ---- items

    def items(self) -> dict[str, dict]:
        """Items by id: the catalog's, then those that a line's name made."""
        catalog: Catalog = self.book.data.catalog
        made = {kept["id"]: {"id": kept["id"], "name": kept["name"]} for _, kept in self.world.items(NAME, "item")}
        return {item["id"]: item for item in catalog.items()} | made

    def item_by_id(self, identity: str) -> dict:
        item = self.items().get(identity)
        if item is None:
            problems.unknown("Item", identity)
        return item

    def item_by_name(self, name: str) -> dict:
        """The item of that name, made when there is none."""
        found = next((item for item in self.items().values() if item["name"] == name), None)
        if found is None:
            found = self.book.data.catalog.item(name)
            self.world.put(NAME, "item", found["id"], {**found, "created_at": self.stamp_now()})
        return found


def _band(fields: Fields) -> dict:
    made = {
        "lower_bound": fields.take("lower_bound", as_number, required=True, default=Decimal(0)),
        "upper_bound": fields.take("upper_bound", as_number),
        "percentage": fields.take("percentage", as_share, required=True, default=Decimal(0)),
    }
    fields.close()
    return {name: value if value is None else Raw(text(value)) for name, value in made.items()}


def _each(amount: Decimal, quantity: Decimal) -> Decimal:
    """A unit's part of a line's amount, as far as it can be written."""
    return (amount / quantity).quantize(Decimal("1E-12")) if quantity else amount
