"""Creating an invoice, and previewing a subscription's."""

from decimal import Decimal

from ..core import Request, Response, route
from .amounts import creditable
from .units import ZERO, fresh_id, instant, number, rounded, stamp, text

TYPES = ("SUBSCRIPTION", "ONE_OFF", "CREDIT")
FINALIZED_BY_ITSELF_AFTER = 7200  # seconds, the tenant's default delay
STARTS = ("PENDING", "SUCCEEDED", "FAILED")
LINE_TEXTS = ("display_name", "entity_id", "entity_type", "price_id", "price_type", "plan_id", "plan_display_name",
              "meter_id", "meter_display_name", "price_unit", "subscription_line_item_id", "subscription_id")  # fmt: skip
LINE_NUMBERS = ("amount", "quantity", "price_unit_amount", "prepaid_credits_applied", "line_item_discount",
                "invoice_level_discount", "adjusted_entitlement_quantity")  # fmt: skip


class Creation:
    """The part of the simulator that makes invoices."""

    @route("POST", "/invoices")
    def create_invoice(self, request: Request) -> Response:
        invoice = self.create_from(self._checked(request))
        return Response(201, self.written(invoice))

    def create_from(self, given: dict) -> dict:
        """A draft, computed; finalized at once unless it is a subscription's."""
        now, currency = self.now(), given["currency"].lower()
        kind = given["invoice_type"]
        key = given.get("idempotency_key") or fresh_id(f"{kind.lower()}_invoice", self.world.now())
        same = self._created_before(given, key)
        if same is not None and same["invoice_status"] not in ("DRAFT", "SKIPPED"):
            period = key != same["idempotency_key"]
            self.refuse("invoice already exists for this period" if period else "invoice already exists",
                        "already_exists")  # fmt: skip
        invoice = same or self._blank(given, key, currency, now)
        rates, coupons = self._rates_of(given), self._coupons_of(given, currency)
        invoice["line_items"] = [
            self.line_from(invoice, place, line) for place, line in enumerate(given.get("line_items") or ())
        ]
        invoice["_rates"], invoice["_coupons"] = rates, coupons
        invoice["_line_coupons"] = self._line_coupons_of(given, invoice, currency)
        if not self.early:
            invoice["total_prepaid_credits_applied"] = text(number(given.get("total_prepaid_applied")))
        self.recompute(invoice, number(given.get("subtotal")))
        if kind == "SUBSCRIPTION" and Decimal(invoice["subtotal"]) == 0 and not self.early:
            invoice["invoice_status"] = "SKIPPED"
        elif kind != "SUBSCRIPTION" or given.get("invoice_status") == "FINALIZED":
            self.apply_credits(invoice)
            self.seal(invoice)
            self.publish("invoice.update.finalized", invoice["id"])
        else:
            self.world.later(FINALIZED_BY_ITSELF_AFTER, self.finalize_when_due, invoice["id"])
        if self.early:  # today's server ignores these
            invoice["invoice_number"] = given.get("invoice_number") or invoice["invoice_number"]
            if given.get("payment_status") in STARTS:
                self._mark(invoice, given["payment_status"], number(given.get("amount_paid"), None))
        invoice["version"] = 4 if invoice["invoice_status"] == "FINALIZED" else 2
        self.save(invoice, touch=False)
        self.world.put(self.name, "key", invoice["idempotency_key"], {"invoice": invoice["id"]})
        self.effect("create", invoice["id"], given.get("idempotency_key"))
        return invoice

    def finalize_when_due(self, identity: str) -> None:
        """A draft is finalized by itself when nobody did anything with it."""
        invoice = self.find(identity)
        if invoice is not None and invoice["invoice_status"] == "DRAFT":
            self.finalize(invoice)

    def _checked(self, request: Request) -> dict:
        given = self.fields(request, "invalid request")
        self.typed(given, "invalid request", amount_due="number", total="number", subtotal="number", due_date="instant",
                   issue_date="instant", period_start="instant", period_end="instant", metadata="texts",
                   line_items="list", coupons="listed", tax_rates="listed", invoice_coupons="list",
                   line_item_coupons="list", tax_rate_overrides="list", total_prepaid_applied="number", amount_paid="number",
                   **dict.fromkeys(("customer_id", "currency", "invoice_type", "description", "idempotency_key",
                                    "subscription_id", "billing_period", "billing_reason", "invoice_status",
                                    "invoice_pdf_url", "invoice_number", "payment_status"), "text"))  # fmt: skip
        for part in ("line_items", "invoice_coupons", "line_item_coupons", "tax_rate_overrides"):
            for one in given.get(part) or ():
                if not isinstance(one, dict):
                    self.refuse("invalid request")
        self.required(given, customer_id="CustomerID", currency="Currency", invoice_type="InvoiceType")
        if len(given["currency"]) != 3 or not given["currency"].isalpha():
            self.refuse("Currency must be a three letter ISO code", currency=given["currency"])
        if given["invoice_type"] not in TYPES:
            self.refuse("invalid invoice type", allowed_values=list(TYPES))
        if given["invoice_type"] == "SUBSCRIPTION":
            self.required(given, subscription_id="SubscriptionID", billing_period="BillingPeriod",
                          period_start="PeriodStart", period_end="PeriodEnd")  # fmt: skip
        for name in ("amount_due", "total", "subtotal"):
            if number(given.get(name)) < 0:
                self.refuse(f"{name} must be non negative", **{name: str(given[name])})
        for line in given.get("line_items") or ():
            self.typed(line, "invalid request", period_start="instant", period_end="instant", metadata="texts",
                       commitment_info="object", **dict.fromkeys(LINE_TEXTS, "text"),
                       **dict.fromkeys(LINE_NUMBERS, "number"))  # fmt: skip
            self.required(line, amount="Amount", quantity="Quantity")
        start, end = (given.get(name) for name in ("period_start", "period_end"))
        if start and end and instant(end) < instant(start):
            self.refuse("period_end must be after period_start")
        if given.get("invoice_pdf_url") and not given["invoice_pdf_url"].startswith("https://"):
            self.refuse("invalid invoice_pdf_url", invoice_pdf_url=given["invoice_pdf_url"])
        if self.customer_by_id(given["customer_id"]) is None:
            self.no_such("customer", given["customer_id"])
        if given.get("subscription_id") and self.subscription_by_id(given["subscription_id"]) is None:
            self.no_such("subscription", given["subscription_id"])
        return given

    def _created_before(self, given: dict, key: str) -> dict | None:
        """The invoice of the same key, or of the same subscription period and reason, unless it was voided."""
        kept = self.world.get(self.name, "key", key)
        index = self.book.index_of_key(key)
        identity = kept["invoice"] if kept else None if index is None else self.book.facts(index).id
        same = self.find(identity) if identity else None
        if same is not None and same["invoice_status"] != "VOIDED":
            return same
        if given["invoice_type"] != "SUBSCRIPTION":
            return None
        subscription = self.book.subscription_index(given["subscription_id"])
        start, end = instant(given["period_start"]), instant(given["period_end"])
        reason = given.get("billing_reason") or "SUBSCRIPTION_CYCLE"
        wanted = (subscription, start, end, reason, "published")
        for row in self.rows(self.world.view(self.name, "invoice")):
            found = (row.subscription, row.start, row.end, row.reason, row.row)
            if found == wanted and row.status != "VOIDED":
                return self.find(row.id)
        return None

    def _blank(self, given: dict, key: str, currency: str, now: str) -> dict:
        """A new record with nothing on it yet."""
        subscribed = given.get("subscription_id")
        frame = self.book.invoice(4)  # any generated one shows which fields there are
        invoice = dict.fromkeys(frame)
        zeros = ("amount_due", "amount_paid", "subtotal", "total", "total_discount", "amount_remaining", "total_tax",
                 "adjustment_amount", "refunded_amount", "total_prepaid_credits_applied")  # fmt: skip
        owner = self.subscription_by_id(subscribed)["customer_id"] if subscribed else None
        invoice.update(
            dict.fromkeys(zeros, "0"),
            id=fresh_id("inv", self.world.now()),
            customer_id=given["customer_id"],
            subscription_id=subscribed,
            subscription_customer_id=owner,
            invoice_type=given["invoice_type"],
            invoice_status="DRAFT",
            payment_status="PENDING",
            currency=currency,
            invoice_number="",
            idempotency_key=key,
            billing_sequence=self._next_in_sequence(subscribed) if subscribed else 0,
            description=given.get("description"),
            due_date=_kept_instant(given.get("due_date")),
            billing_period=given.get("billing_period") or "",
            issue_date=_kept_instant(given.get("issue_date")) or now,
            period_start=_kept_instant(given.get("period_start")),
            period_end=_kept_instant(given.get("period_end")),
            invoice_pdf_url=given.get("invoice_pdf_url") or None,
            billing_reason=given.get("billing_reason") or ("SUBSCRIPTION_CYCLE" if subscribed else "MANUAL"),
            metadata=given.get("metadata"),
            version=1,
            environment_id=self.book.environment,
            is_manually_edited=False,
            line_items=[],
            _rates=[],
            _coupons=[],
            _line_coupons=[],
            **self.book.base(now),
        )
        return invoice

    def _next_in_sequence(self, subscription: str) -> int:
        index = self.book.subscription_index(subscription)
        rows = self.rows(self.world.view(self.name, "invoice"))
        return 1 + max((row.sequence for row in rows if row.subscription == index), default=0)

    def line_from(self, invoice: dict, place: int, given: dict) -> dict:
        """A line from a request; its amount at the currency's precision."""
        period = {name: _kept_instant(given.get(name)) or invoice[name] for name in ("period_start", "period_end")}
        more = {name: given[name] for name in LINE_TEXTS if given.get(name) and name != "plan_id"}
        for name in ("price_unit_amount", "adjusted_entitlement_quantity"):
            if given.get(name) is not None:
                more[name] = text(number(given[name]))
        if given.get("commitment_info") is not None:
            more["commitment_info"] = given["commitment_info"]
        return self.book.line(
            invoice, place, given.get("display_name"), number(given["amount"]), number(given["quantity"]),
            metadata=given.get("metadata"), id=fresh_id("inv_line", self.world.now()), **period, **more,
        )  # fmt: skip

    # ---- coupons and tax rates of a request

    def _coupon(self, identity, currency: str) -> str | None:
        """A coupon that may be used, else None: creation skips what it does not like without a word."""
        coupon = self.book.coupons.get(identity)
        good = coupon and coupon["status"] == "published" and coupon.get("currency", currency) == currency
        return identity if good else None

    def _coupons_of(self, given: dict, currency: str) -> list[str]:
        asked = [*(given.get("coupons") or ()), *(one.get("coupon_id") for one in given.get("invoice_coupons") or ())]
        return [identity for identity in asked if self._coupon(identity, currency)]

    def _line_coupons_of(self, given: dict, invoice: dict, currency: str) -> list[list[str]]:
        """The coupons on lines; a line is named by its price."""
        priced = {line["price_id"]: line["id"] for line in invoice["line_items"] if line["price_id"]}
        return [
            [priced[one["line_item_id"]], one["coupon_id"]]
            for one in given.get("line_item_coupons") or ()
            if one.get("line_item_id") in priced and self._coupon(one.get("coupon_id"), currency)
        ]

    def _rates_of(self, given: dict) -> list[str]:
        """Tax rates by id, or by code, which wins."""
        overrides = given.get("tax_rate_overrides")
        if overrides:
            known = self.book.tax_rate_of
            for one in overrides:
                if one.get("tax_rate_code") not in known:
                    self.no_such("tax rate", str(one.get("tax_rate_code")))
            return [known[one["tax_rate_code"]]["id"] for one in overrides]
        for identity in given.get("tax_rates") or ():
            if identity not in self.book.tax_rates:
                self.no_such("tax rate", identity)
        return list(given.get("tax_rates") or ())

    # ---- preview

    @route("POST", "/invoices/preview")
    def preview_invoice(self, request: Request) -> Response:
        hint = "failed to bind request body"
        given = self.fields(request, hint)
        self.typed(given, hint, subscription_id="text", period_start="instant", period_end="instant",
                   hide_zero_charges_line_items="flag")  # fmt: skip
        if not given.get("subscription_id"):
            self.refuse(hint)
        index = self.book.subscription_index(given["subscription_id"])
        if index is None:
            self.no_such("subscription", given["subscription_id"])
        subscription = self.book.subscription(index)
        start = _kept_instant(given.get("period_start")) or subscription["current_period_start"]
        end = _kept_instant(given.get("period_end")) or subscription["current_period_end"]
        now = self.now()
        asked = given | {"customer_id": subscription["invoicing_customer_id"], "invoice_type": "SUBSCRIPTION",
                         "billing_period": subscription["billing_period"], "period_start": start, "period_end": end}  # fmt: skip
        invoice = self._blank(asked, "", subscription["currency"], now)
        invoice.update(invoice_number=None, idempotency_key=None, billing_sequence=None,
                       description="Invoice for subscription")  # fmt: skip
        self.rate_again(invoice, index)
        if not self.early:  # what finalizing would take from the wallets, and does not take now
            wallets = self.wallets_with_money(invoice["customer_id"], invoice["currency"], "PRE_PAID")
            held = sum((Decimal(wallet["balance"]) for wallet in wallets), ZERO)
            usable = rounded(min(held, creditable(invoice["line_items"])), invoice["currency"])
            invoice["total_prepaid_credits_applied"] = text(usable)
            self.recompute(invoice)
        shown = self.written(invoice)
        if given.get("hide_zero_charges_line_items"):
            shown["line_items"] = [line for line in shown["line_items"] if Decimal(line["amount"])]
        shown["customer"] = self.customer_by_id(invoice["customer_id"])
        if invoice["taxes"]:
            shown["taxes"] = [{k: v for k, v in tax.items() if k != "id"} for tax in invoice["taxes"]]
        if invoice["coupon_applications"]:
            shown["coupon_applications"] = invoice["coupon_applications"]
        return Response(200, shown)


def _kept_instant(given: str | None) -> str | None:
    return stamp(instant(given)) if given else None
