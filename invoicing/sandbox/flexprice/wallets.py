"""Wallets: prepaid credits that lower invoices, balances that pay them, and where refunds go."""

from decimal import Decimal

from ..core import Request, Response, route
from ..wire import clone
from . import shapes
from .conditions import Table
from .units import ZERO, fresh_id, instant, number, text

REASONS = ("FREE_CREDIT_GRANT", "SUBSCRIPTION_CREDIT_GRANT", "PURCHASED_CREDIT_INVOICED", "PURCHASED_CREDIT_DIRECT",
           "CREDIT_NOTE")  # fmt: skip
MANY = 500  # of more customers than these, a search without a hint looks through the first ones alone
COLUMNS = {
    **dict.fromkeys(("id", "wallet_id", "customer_id", "type", "transaction_status", "transaction_reason", "currency",
                     "reference_type", "reference_id", "idempotency_key", "name", "wallet_status", "wallet_type",
                     "status", "created_by", "description"), "text"),
    **dict.fromkeys(("created_at", "updated_at", "expiry_date"), "date"),
    **dict.fromkeys(("amount", "credit_amount", "credits_available", "balance", "credit_balance"), "number"),
}  # fmt: skip


def _column(row: dict, name: str):
    value = row.get(name)
    if value is None or COLUMNS[name] == "text":
        return value
    return instant(value) if COLUMNS[name] == "date" else number(value)


class Wallets:
    """The part of the simulator that holds customers' money."""

    def open_wallets(self) -> None:
        self.wallet_table = Table(COLUMNS, _column)

    # ---- finding

    def wallets_of(self, customer_id: str) -> list[dict]:
        """A customer's wallets as they are now, the oldest first."""
        index = self.book.customer_index(customer_id)
        stored = self.world.view(self.name, "wallet")
        found = [] if index is None else [wallet for wallet, _ in self.book.wallets(index)]
        found = [stored.get(wallet["id"], wallet) for wallet in found]
        known = {wallet["id"] for wallet in found}
        return clone(found + [w for w in stored.values() if w["customer_id"] == customer_id and w["id"] not in known])

    def wallet(self, identity: str) -> dict:
        """A wallet as it is now. Errors: refused when unknown."""
        found = [
            self.world.get(self.name, "wallet", identity),
            *(wallet for wallet, _ in self._generated_wallet(identity)),
        ]
        wallet = next((clone(wallet) for wallet in found if wallet is not None), None)
        if wallet is None:
            self.no_such("wallet", identity)
        return wallet

    def _generated_wallet(self, identity: str) -> list[tuple[dict, list[dict]]]:
        place = self.book.wallet_index(identity)
        return [pair for pair in self.book.wallets(place[0]) if pair[0]["id"] == identity] if place else []

    def transactions_of(self, wallet_id: str) -> list[dict]:
        """A wallet's transactions, the oldest first."""
        stored = self.world.view(self.name, "transaction")
        generated = [one for _, transactions in self._generated_wallet(wallet_id) for one in transactions]
        found = {one["id"]: stored.get(one["id"], one) for one in generated}
        found |= {one["id"]: one for one in stored.values() if one["wallet_id"] == wallet_id}
        return list(found.values())

    def wallets_with_money(self, customer_id: str, currency: str, kind: str | None = None) -> list[dict]:
        """Active wallets that could give something; balances to pay with come before prepaid credits."""
        found = [
            wallet
            for wallet in self.wallets_of(customer_id)
            if wallet["wallet_status"] == "active" and wallet["currency"] == currency and Decimal(wallet["balance"]) > 0
            and kind in (None, wallet["wallet_type"])
        ]  # fmt: skip
        return sorted(found, key=lambda wallet: wallet["wallet_type"] == "PRE_PAID")

    # ---- moving

    def debit(self, wallet: dict, amount: Decimal, reason: str, about: str, reference: str) -> dict:
        return self._move(wallet, -amount, reason, about, reference)

    def _move(self, wallet: dict, amount: Decimal, reason: str, about: str, reference: str, **more) -> dict:
        now = self.world.now()
        transaction = self.book.move(
            wallet, [], amount, reason, about, reference, self.now(), fresh_id("wtxn", now), **more
        )
        self.world.put(self.name, "wallet", wallet["id"], wallet)
        self.world.put(self.name, "transaction", transaction["id"], transaction)
        self.effect("wallet_credit" if amount > 0 else "wallet_debit", wallet["id"], transaction["idempotency_key"])
        return transaction

    def refund(self, invoice: dict, amount: Decimal, reason: str, key: str) -> dict:
        """Credit the customer's first prepaid wallet of the currency, a new one if there is none."""
        wallets = [
            wallet for wallet in self.wallets_of(invoice["customer_id"])
            if wallet["wallet_type"] == "PRE_PAID" and wallet["currency"] == invoice["currency"]
            and wallet["wallet_status"] == "active"
        ]  # fmt: skip
        wallet = wallets[0] if wallets else self._open_wallet(
            invoice["customer_id"], invoice["currency"], "Subscription Wallet", "PRE_PAID", "1"
        )  # fmt: skip
        metadata = {"invoice_id": invoice["id"]}
        return self._move(wallet, amount, reason, "REQUEST", invoice["id"], idempotency_key=key, metadata=metadata)

    def _open_wallet(self, customer_id: str, currency: str, name: str, kind: str, rate: str) -> dict:
        identity = fresh_id("wallet", self.world.now())
        return self.book.new_wallet(identity, customer_id, currency, name, kind, self.now(), rate)

    def complete_purchase(self, invoice: dict) -> None:
        """The credits ordered with a CREDIT invoice come into the wallet, now that it is paid."""
        identity = (invoice["metadata"] or {}).get("wallet_transaction_id")
        for wallet in self.wallets_of(invoice["customer_id"]) if identity else ():
            for order in self.transactions_of(wallet["id"]):
                if order["id"] == identity and order["transaction_status"] == "pending":
                    self._complete(wallet, order)

    def _complete(self, wallet: dict, order: dict) -> None:
        before = Decimal(wallet["credit_balance"])
        after = before + Decimal(order["credit_amount"])
        wallet.update(
            credit_balance=text(after), balance=text(after * Decimal(wallet["conversion_rate"])), updated_at=self.now()
        )
        done = order | {
            "transaction_status": "completed", "credit_balance_before": text(before), "updated_at": self.now(),
            "credit_balance_after": text(after), "credits_available": order["credit_amount"],
        }  # fmt: skip
        self.world.put(self.name, "wallet", wallet["id"], wallet)
        self.world.put(self.name, "transaction", order["id"], done)
        self.effect("wallet_credit", wallet["id"], order["idempotency_key"])

    # ---- endpoints

    @route("GET", "/customers/{id}/wallets")
    def customer_wallets(self, request: Request) -> Response:
        if self.customer_by_id(request.params["id"]) is None:
            self.no_such("customer", request.params["id"])
        return Response(200, [self._shown(wallet) for wallet in self.wallets_of(request.params["id"])])

    @route("GET", "/customers/wallets")
    def wallets_by_either_id(self, request: Request) -> Response:
        identity, external = request.arg("id"), request.arg("lookup_key")
        if not identity and not external:
            self.refuse("Please provide either id or lookup_key")
        index = self.book.customer_index(identity) if identity else self.book.external_index(external)
        if index is None:
            self.no_such("customer", identity or external)
        wallets = self.wallets_of(self.book.customer_id(index))
        with_balance = request.arg("include_real_time_balance") == "true"
        now = ("real_time_balance", "real_time_credit_balance") if with_balance else ()
        return Response(200, [self._shown(w) | {k: self._with_balance(w)[k] for k in now} for w in wallets])

    @route("GET", "/wallets/{id}")
    def get_wallet(self, request: Request) -> Response:
        return Response(200, self._shown(self.wallet(request.params["id"])))

    @route("GET", "/wallets/{id}/balance/real-time")
    def wallet_balance(self, request: Request) -> Response:
        return Response(200, self._with_balance(self.wallet(request.params["id"])))

    @route("GET", "/wallets/{id}/transactions")
    def wallet_transactions(self, request: Request) -> Response:
        self.wallet(request.params["id"])
        return self._transactions(self.transactions_of(request.params["id"]), self.query(request))

    @route("POST", "/wallets/transactions/search")
    def search_transactions(self, request: Request) -> Response:
        given = self.fields(request, "invalid request body")
        rows = [one for wallet in self._every_wallet() for one in self.transactions_of(wallet["id"])]
        return self._transactions(rows, given)

    @route("GET", "/wallets")
    def list_wallets(self, request: Request) -> Response:
        return self._listed_wallets(self.query(request, ("wallet_ids",)))

    @route("POST", "/wallets/search")
    def search_wallets(self, request: Request) -> Response:
        return self._listed_wallets(self.fields(request, "invalid request body"))

    @route("POST", "/wallets")
    def create_wallet(self, request: Request) -> Response:
        given = self.fields(request, "Invalid request format")
        self.typed(given, "Invalid request format", customer_id="text", external_customer_id="text", currency="text",
                   wallet_type="text", conversion_rate="number", initial_credits_to_load="number", metadata="texts",
                   description="text")  # fmt: skip
        self.required(given, currency="Currency")
        named = given.get("external_customer_id")
        index = self.book.external_index(named) if named else self.book.customer_index(given.get("customer_id") or "")
        if index is None:
            self.no_such("customer", named or str(given.get("customer_id")))
        kind = given.get("wallet_type") or "PRE_PAID"
        rate = text(number(given.get("conversion_rate")) or Decimal(1))
        name = f"{'Prepaid' if kind == 'PRE_PAID' else 'Postpaid'} Wallet - {given['currency'].upper()}"
        wallet = self._open_wallet(self.book.customer_id(index), given["currency"].lower(), name, kind, rate)
        wallet.update(description=given.get("description") or "", metadata=given.get("metadata") or {})
        self.world.put(self.name, "wallet", wallet["id"], wallet)
        self.effect("create_wallet", wallet["id"])
        credits = number(given.get("initial_credits_to_load"))
        if credits > 0:
            self._move(wallet, credits * Decimal(rate), "FREE_CREDIT_GRANT", "EXTERNAL", wallet["id"])
        return Response(200, self._shown(wallet))

    @route("POST", "/wallets/{id}/top-up")
    def top_up_wallet(self, request: Request) -> Response:
        given = self.fields(request, "Invalid request format")
        self.typed(given, "Invalid request format", credits_to_add="number", amount="number", metadata="texts",
                   transaction_reason="text", idempotency_key="text", description="text")  # fmt: skip
        wallet = self.wallet(request.params["id"])
        if given.get("transaction_reason") not in REASONS:
            self.refuse("Invalid transaction reason", allowed_reasons=list(REASONS))
        rate = Decimal(wallet["conversion_rate"])
        amount = number(given.get("credits_to_add")) * rate or number(given.get("amount"))
        if amount <= 0:
            self.refuse("Credits to add must be a positive value", credits_to_add=str(given.get("credits_to_add")))
        more = {name: given[name] for name in ("metadata", "description", "idempotency_key") if given.get(name)}
        key = given.get("idempotency_key")
        for same in self.transactions_of(wallet["id"]):
            if key and same["idempotency_key"] == key:
                return Response(200, {"wallet_transaction": self._entry(same), "wallet": self._shown(wallet)})
        about = ("EXTERNAL", key or fresh_id("ref", self.world.now()))
        if given["transaction_reason"] != "PURCHASED_CREDIT_INVOICED":
            done = self._move(wallet, amount, given["transaction_reason"], *about, **more)
            return Response(200, {"wallet_transaction": self._entry(done), "wallet": self._shown(wallet)})
        order = self._order(wallet, amount, about, more)
        invoice = self.create_from({
            "customer_id": wallet["customer_id"], "currency": wallet["currency"], "invoice_type": "CREDIT",
            "subtotal": text(amount), "description": f"Purchase of {order['credit_amount']} credits",
            "metadata": {"wallet_transaction_id": order["id"]},
            "line_items": [{"display_name": "Wallet credits", "amount": text(amount), "quantity": order["credit_amount"]}],
        })  # fmt: skip
        shown = {"wallet_transaction": self._entry(order), "wallet": self._shown(wallet), "invoice_id": invoice["id"]}
        return Response(200, shown)

    def _order(self, wallet: dict, amount: Decimal, about: tuple[str, str], more: dict) -> dict:
        """Credits to be paid for first: they wait for their invoice."""
        order = self.book.move(dict(wallet), [], amount, "PURCHASED_CREDIT_INVOICED", *about, self.now(),
                               fresh_id("wtxn", self.world.now()), **more)  # fmt: skip
        order.update(transaction_status="pending", credits_available="0",
                     credit_balance_after=order["credit_balance_before"])  # fmt: skip
        self.world.put(self.name, "transaction", order["id"], order)
        return order

    # ---- lists and shapes

    def _every_wallet(self) -> list[dict]:
        customers = range(min(self.book.customers, MANY))
        generated = {wallet["id"]: wallet for customer in customers for wallet, _ in self.book.wallets(customer)}
        return list((generated | dict(self.world.view(self.name, "wallet"))).values())

    def _listed_wallets(self, given: dict) -> Response:
        limit, offset = self.page_of(given)
        self.typed(given, "invalid request body", wallet_ids="listed")
        rows = self._every_wallet()
        if given.get("wallet_ids"):
            rows = [row for row in rows if row["id"] in given["wallet_ids"]]
        if given.get("status"):
            rows = [row for row in rows if row["wallet_status"] == given["status"]]
        rows = self.wallet_table.sorted(rows, [("created_at", given.get("order") != "asc")])
        return self.paged([self._shown(row) for row in rows[offset : offset + limit]], len(rows), limit, offset)

    def _transactions(self, rows: list[dict], given: dict) -> Response:
        limit, offset = self.page_of(given)
        for name in ("type", "transaction_status", "transaction_reason", "reference_type", "reference_id", "id"):
            rows = [row for row in rows if row[name] == given[name]] if given.get(name) else rows
        given = given | {"sort": given["sort"] if isinstance(given.get("sort"), list) else []}
        rows = self.narrowed(rows, self.wallet_table, given)
        return self.paged([self._entry(row) for row in rows[offset : offset + limit]], len(rows), limit, offset)

    def _shown(self, wallet: dict) -> dict:
        return shapes.without(wallet, shapes.WALLET_SINCE_MARCH, self.early)

    def _entry(self, transaction: dict) -> dict:
        return shapes.without(transaction, shapes.TRANSACTION_SINCE_MARCH, self.early)

    def _with_balance(self, wallet: dict) -> dict:
        """The balance less what is unpaid, as of now."""
        customer = self.book.customer_index(wallet["customer_id"])
        unpaid = sum(
            (Decimal(invoice["amount_remaining"]) for invoice in self.of_customer(customer)
             if invoice["invoice_status"] == "FINALIZED" and invoice["currency"] == wallet["currency"]), ZERO,
        )  # fmt: skip
        left = Decimal(wallet["balance"]) - unpaid
        rate = Decimal(wallet["conversion_rate"])
        return wallet | {
            "real_time_balance": text(left), "real_time_credit_balance": text(left / rate),
            "balance_updated_at": self.now(), "current_period_usage": "0", "unpaid_invoices_amount": text(unpaid),
        }  # fmt: skip
