"""Payments: what a person marks by hand, what wallets pay, and the records of both."""

from decimal import Decimal

from ..core import Request, Response, route
from .conditions import Table
from .units import ZERO, fresh_id, instant, number, text

NEXT = {  # payment status -> what it may be set to by hand
    "PENDING": ["PENDING", "SUCCEEDED", "OVERPAID", "FAILED"],
    "FAILED": ["PENDING", "FAILED", "SUCCEEDED", "OVERPAID"],
    "SUCCEEDED": ["SUCCEEDED", "OVERPAID"],
    "OVERPAID": ["OVERPAID"],
}
METHODS = ("CARD", "ACH", "OFFLINE", "CREDITS", "PAYMENT_LINK", "UPI")
EQUAL = ("destination_type", "destination_id", "payment_method_type", "payment_status", "payment_gateway", "currency",
         "gateway_payment_id", "gateway_tracking_id")  # fmt: skip
COLUMNS = dict.fromkeys(("id", *EQUAL), "text") | {"created_at": "date", "updated_at": "date", "amount": "number"}


def _column(row: dict, name: str):
    value = row.get(name)
    return instant(value) if value and COLUMNS[name] == "date" else number(value, None) if name == "amount" else value


class Payments:
    """The part of the simulator that takes money."""

    def open_payments(self) -> None:
        self.payment_table = Table(COLUMNS, _column)

    # ---- finding

    def payments_of(self, invoice_id: str) -> list[dict]:
        """The payment records of an invoice, generated and stored."""
        index = self.book.invoice_index(invoice_id)
        stored = self.world.view(self.name, "payment")
        found = {} if index is None else {one["id"]: stored.get(one["id"], one) for one in self.book.payments(index)}
        return list((found | {k: v for k, v in stored.items() if v["destination_id"] == invoice_id}).values())

    def payment(self, identity: str) -> dict:
        stored = self.world.get(self.name, "payment", identity)
        index = self.book.payment_index(identity)
        found = [stored] if stored else self.book.payments(index) if index is not None else []
        payment = next((one for one in found if one["id"] == identity), None)
        if payment is None:
            self.no_such("payment", identity)
        return payment

    # ---- what a person marks

    @route("PUT", "/invoices/{id}/payment")
    def update_payment_status(self, request: Request) -> Response:
        hint = "failed to bind request body"
        given = self.fields(request, hint)
        self.typed(given, hint, payment_status="text", amount="number")
        wanted, amount = given.get("payment_status"), number(given.get("amount"), None)
        if not wanted:
            self.refuse(hint)
        invoice = self.held(request.params["id"])
        if invoice["invoice_status"] not in ("DRAFT", "FINALIZED"):
            self.refuse(f"invoice status - {invoice['invoice_status']} is not allowed",
                        allowed_statuses=["DRAFT", "FINALIZED"])  # fmt: skip
        if any(payment["payment_status"] == "SUCCEEDED" for payment in self.payments_of(invoice["id"])):
            self.refuse("Manual payment status updates are disabled for payment-based invoices.", "invalid_operation")
        current = invoice["payment_status"]
        if current not in NEXT:
            self.refuse(f"invalid current payment status: {current}", current_status=current)
        if wanted not in NEXT[current]:
            self.refuse(f"invalid payment status transition from {current} to {wanted}", allowed_statuses=NEXT[current])
        if amount is not None and amount < 0:
            self.refuse("amount must be non-negative", amount=text(amount))
        self._mark(invoice, wanted, amount)
        self.check(invoice)
        self.save(invoice)
        self.effect("payment_status", invoice["id"])
        self.publish("invoice.update.payment", invoice["id"])
        if wanted == "SUCCEEDED":
            self.complete_purchase(invoice)
        return Response(200, self.alone(invoice))

    def _mark(self, invoice: dict, status: str, amount: Decimal | None) -> None:
        due = Decimal(invoice["amount_due"])
        invoice["payment_status"] = status
        if status == "PENDING" and amount is not None:
            invoice.update(amount_paid=text(amount), amount_remaining=text(due - amount))
        elif status == "SUCCEEDED":
            invoice.update(amount_paid=text(due), amount_remaining="0", paid_at=self.now())
        elif status == "FAILED":
            invoice.update(amount_paid="0", amount_remaining=text(due), paid_at=None)
        elif status == "OVERPAID":
            invoice["overpaid_amount"] = text(Decimal(invoice["amount_paid"]) - Decimal(invoice["total"]))

    # ---- what wallets pay

    @route("POST", "/invoices/{id}/payment/attempt")
    def attempt_payment(self, request: Request) -> Response:
        done = Response(200, {"message": "payment processed successfully"})
        invoice = self.held(request.params["id"])
        if invoice["invoice_status"] == "SKIPPED":
            return done
        if invoice["invoice_status"] != "FINALIZED":
            self.refuse("Invoice must be finalized before attempting payment",
                        invoice_id=invoice["id"], invoice_status=invoice["invoice_status"])  # fmt: skip
        if invoice["billing_reason"] == "SUBSCRIPTION_TRIAL_START":
            return done
        left = Decimal(invoice["amount_remaining"])
        if invoice["invoice_type"] != "SUBSCRIPTION":
            if invoice["payment_status"] == "SUCCEEDED":
                self.refuse("Invoice is already paid", "invalid_operation")
            if left <= 0:
                self.refuse("Invoice has no remaining amount to pay", amount_remaining=text(left))
        self.pay_from_wallets(invoice)
        return done  # even when there was nothing to pay with

    def pay_from_wallets(self, invoice: dict) -> None:
        """Pay as much of what remains as the customer's wallets hold."""
        paid = False
        for wallet in self.wallets_with_money(invoice["customer_id"], invoice["currency"]):
            amount = min(Decimal(invoice["amount_remaining"]), Decimal(wallet["balance"]))
            if amount <= 0 or invoice["payment_status"] not in ("PENDING", "FAILED"):
                break
            payment = self._new_payment(invoice, "CREDITS", amount, {"payment_method_id": wallet["id"]})
            payment["metadata"] = {"wallet_id": wallet["id"], "wallet_type": wallet["wallet_type"]}
            self.debit(wallet, amount, "INVOICE_PAYMENT", "PAYMENT", payment["id"])
            self.succeed(payment, invoice)
            paid = True
        if paid:
            self.effect("payment_attempt", invoice["id"])

    def succeed(self, payment: dict, invoice: dict) -> None:
        """A payment came through: record it, and count it on the invoice."""
        now = self.now()
        payment.update(payment_status="SUCCEEDED", succeeded_at=now, updated_at=now)
        self.world.put(self.name, "payment", payment["id"], payment)
        paid = Decimal(invoice["amount_paid"]) + Decimal(payment["amount"])
        due, total = Decimal(invoice["amount_due"]), Decimal(invoice["total"])
        invoice.update(amount_paid=text(paid), amount_remaining=text(max(ZERO, due - paid)))
        invoice["payment_status"] = "PENDING" if paid < due else "SUCCEEDED" if paid == due else "OVERPAID"
        if paid >= due:
            invoice["paid_at"] = now
        invoice["overpaid_amount"] = text(paid - total) if paid > due else None
        self.save(invoice)
        self.publish("payment.success", payment["id"])
        self.publish("invoice.update.payment", invoice["id"])
        if paid >= due:
            self.complete_purchase(invoice)

    def _new_payment(self, invoice: dict, method: str, amount: Decimal, given: dict) -> dict:
        now = self.now()
        identity = fresh_id("pay", self.world.now())
        payment = {
            "id": identity,
            "idempotency_key": given.get("idempotency_key") or f"payment-{identity[-12:].lower()}",
            "destination_type": "INVOICE",
            "destination_id": invoice["id"],
            "payment_method_type": method,
            "payment_method_id": given.get("payment_method_id") or "",
            "amount": text(amount),
            "currency": invoice["currency"],
            "payment_status": "PENDING",
            "track_attempts": method not in ("OFFLINE", "CREDITS"),
            "payment_gateway": given.get("payment_gateway"),
            "gateway_payment_id": given.get("gateway_payment_id"),
            "metadata": given.get("metadata") or {},
            "invoice_number": invoice["invoice_number"],
            "tenant_id": invoice["tenant_id"],
            "save_card_and_make_default": False,
            "created_at": now,
            "updated_at": now,
            "created_by": self.book.user,
            "updated_by": self.book.user,
            "environment_id": self.book.environment,
        }
        return {name: value for name, value in payment.items() if value is not None}

    # ---- payment records

    @route("GET", "/payments")
    def list_payments(self, request: Request) -> Response:
        given = self.query(request, ("payment_ids",))
        limit, offset = self.page_of(given)
        if given.get("destination_id"):
            rows = self.payments_of(given["destination_id"])
        else:
            stored = dict(self.world.view(self.name, "payment"))
            rows = {one["id"]: one for index in self._indexes_with_payments() for one in self.book.payments(index)}
            rows = list((rows | stored).values())
        for name in EQUAL:
            rows = [row for row in rows if row.get(name) == given[name]] if given.get(name) else rows
        if given.get("payment_ids"):
            rows = [row for row in rows if row["id"] in given["payment_ids"]]
        rows = self.payment_table.sorted(rows, [("created_at", given.get("order") != "asc")])
        return self.paged([self._paid(row) for row in rows[offset : offset + limit]], len(rows), limit, offset)

    def _indexes_with_payments(self) -> range:
        return range(min(self.book.count, 2000))  # more only by invoice

    @route("GET", "/payments/{id}")
    def get_payment(self, request: Request) -> Response:
        return Response(200, self._paid(self.payment(request.params["id"])))

    @route("POST", "/payments")
    def create_payment(self, request: Request) -> Response:
        given = self.fields(request, "Invalid request format")
        self.typed(given, "Invalid request format", destination_type="text", destination_id="text", amount="number",
                   payment_method_type="text", payment_method_id="text", currency="text", metadata="texts",
                   process_payment="flag", idempotency_key="text", payment_gateway="text")  # fmt: skip
        self.required(given, destination_type="DestinationType", destination_id="DestinationID", amount="Amount",
                      payment_method_type="PaymentMethodType", currency="Currency")  # fmt: skip
        for same in self.world.view(self.name, "payment").values():
            if given.get("idempotency_key") == same["idempotency_key"]:
                return Response(201, self._paid(same))
        invoice = self.held(given["destination_id"])
        method, amount = given["payment_method_type"], number(given["amount"])
        if method not in METHODS:
            self.refuse("invalid payment method type", allowed_values=list(METHODS))
        if amount <= 0:
            self.refuse("amount must be greater than zero", amount=text(amount))
        if invoice["invoice_status"] != "FINALIZED":
            self.refuse("Invoice must be finalized before attempting payment",
                        invoice_id=invoice["id"], invoice_status=invoice["invoice_status"])  # fmt: skip
        if invoice["currency"] != given["currency"].lower():
            self.refuse("payment currency does not match the invoice currency")
        payment = self._new_payment(invoice, method, amount, given)
        self.world.put(self.name, "payment", payment["id"], payment)
        self.effect("create_payment", payment["id"], given.get("idempotency_key"))
        if given.get("process_payment", True):
            self._process(payment, invoice)
        return Response(201, self._paid(payment))

    @route("POST", "/payments/{id}/process")
    def process_payment(self, request: Request) -> Response:
        payment = self.payment(request.params["id"])
        if payment["payment_status"] not in ("PENDING", "INITIATED"):
            self.refuse(f"payment is not in a processable state: {payment['payment_status']}", "invalid_operation")
        self._process(payment, self.held(payment["destination_id"]))
        return Response(200, self._paid(payment))

    def _process(self, payment: dict, invoice: dict) -> None:
        """Money paid elsewhere or from a wallet counts at once; no card gateway is connected here."""
        method = payment["payment_method_type"]
        if method == "CREDITS":
            wallet = self.wallet(payment["payment_method_id"])
            if Decimal(wallet["balance"]) < Decimal(payment["amount"]):
                self.refuse("wallet balance is insufficient", "invalid_operation")
            self.debit(wallet, Decimal(payment["amount"]), "INVOICE_PAYMENT", "PAYMENT", payment["id"])
        if method in ("OFFLINE", "CREDITS"):
            self.succeed(payment, invoice)
            return
        payment.update(payment_status="FAILED", failed_at=self.now(), error_message="No payment gateway is connected",
                       updated_at=self.now())  # fmt: skip
        self.world.put(self.name, "payment", payment["id"], payment)
        self.publish("payment.failed", payment["id"])

    def _paid(self, payment: dict) -> dict:
        return {name: value for name, value in payment.items() if not (self.early and name == "environment_id")}
