"""What stands beside the generated invoices: payments, credit notes, wallets and their transactions.

They agree with the invoices: every credit applied was debited from a wallet, every refund was credited to one.
"""

from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

from .catalog import WORTH
from .data import Book
from .scenarios import Facts
from .units import ZERO, index_in, indexed_id, mix, stamp, text

CREDITS, ACCOUNT, REFUNDS, OTHERS = range(4)  # the wallets a customer may have


class Ledger(Book):
    """The book with money beside it."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.wallets = lru_cache(1024)(self._wallets)

    # ---- payments

    def payments(self, index: int) -> list[dict]:
        """The payment records of an invoice; none when it was marked by hand."""
        facts = self.facts(index)
        how = PAID_BY.get(facts.scenario)
        if how is None and facts.payment == "SUCCEEDED" and index % 2:
            how = ("OFFLINE", "SUCCEEDED") if index % 4 == 1 else ("CARD", "SUCCEEDED")
        invoice = self.invoice(index) if how else None
        if not how or not Decimal(invoice["total"]):
            return []
        amount = invoice["amount_due"] if invoice["amount_paid"] == "0" else invoice["amount_paid"]
        return [self._payment(facts, invoice, *how, amount)]

    def payment_index(self, identity: str) -> int | None:
        """The invoice a generated payment belongs to."""
        index = index_in(identity, "pay")
        return index if index is not None and index < self.count else None

    def _payment(self, facts: Facts, invoice: dict, method: str, status: str, amount: str) -> dict:
        at = stamp(facts.paid or facts.finalized + timedelta(minutes=5))
        card = method != "OFFLINE"
        identity = indexed_id("pay", facts.finalized, self.salt, facts.index)
        payment = {
            "id": identity,
            "idempotency_key": f"payment-{mix(self.salt, 4, facts.index):016x}",
            "destination_type": "INVOICE",
            "destination_id": facts.id,
            "payment_method_type": method,
            "payment_method_id": f"pm_{identity[-14:]}" if method == "CARD" else "",
            "amount": amount,
            "currency": facts.currency,
            "payment_status": status,
            "track_attempts": card,
            "payment_gateway": "stripe" if card else None,
            "gateway_payment_id": f"pi_{identity[-16:]}" if method == "CARD" else None,
            "gateway_tracking_id": f"trk_{identity[-10:]}" if method == "PAYMENT_LINK" else None,
            "gateway_metadata": {"payment_url": "https://pay.example.com/" + identity} if method == "PAYMENT_LINK" else None,
            "payment_url": "https://pay.example.com/" + identity if method == "PAYMENT_LINK" else None,
            "metadata": {},
            "succeeded_at": at if status == "SUCCEEDED" else None,
            "failed_at": at if status == "FAILED" else None,
            "voided_at": at if status == "VOIDED" else None,
            "error_message": "Your card was declined." if status == "FAILED" else None,
            "invoice_number": invoice["invoice_number"],
            "tenant_id": invoice["tenant_id"],
            "save_card_and_make_default": False,
            "created_at": stamp(facts.finalized + timedelta(minutes=1)),
            "updated_at": at,
            "created_by": self.user,
            "updated_by": self.user,
            "environment_id": self.environment,
        }  # fmt: skip
        if status in ("FAILED", "PROCESSING"):
            payment["attempts"] = [self._attempt(payment, number) for number in (1, 2)]
        return {name: value for name, value in payment.items() if value is not None}

    def _attempt(self, payment: dict, number: int) -> dict:
        attempt = {
            "id": indexed_id("attempt", self.opened, mix(self.salt, *payment["id"].encode()), number),
            "payment_id": payment["id"],
            "attempt_number": number,
            "error_message": payment.get("error_message"),
            "metadata": {},
        } | {k: payment[k] for k in ("tenant_id", "created_at", "updated_at", "created_by", "updated_by")}
        return {name: value for name, value in attempt.items() if value is not None}

    # ---- credit notes

    def credit_note(self, index: int) -> dict | None:
        """The credit note of an invoice, when it has one."""
        facts = self.facts(index)
        status, kind = NOTED.get(facts.scenario, ("FINALIZED", "")) if facts.row == "published" else ("", "")
        if index in (0, 10):
            status, kind = ("DRAFT", "VOIDED")[index // 10], "ADJUSTMENT"
        if not kind:
            return None
        invoice = self.invoice(index)
        field = "adjustment_amount" if kind == "ADJUSTMENT" else "refunded_amount"
        total = Decimal(invoice[field]) if status == "FINALIZED" else Decimal(10)
        return self._note(facts, invoice, status, kind, total) if total else None

    def credit_note_id(self, facts: Facts) -> str:
        return indexed_id("cn", facts.finalized, self.salt, facts.index)

    def credit_note_index(self, identity: str) -> int | None:
        index = index_in(identity, "cn")
        return index if index is not None and index < self.count else None

    def _note(self, facts: Facts, invoice: dict, status: str, kind: str, total: Decimal) -> dict:
        at = stamp(facts.updated)
        identity = self.credit_note_id(facts)
        lines, left = [], total
        for number, line in enumerate(invoice["line_items"]):
            last = number == len(invoice["line_items"]) - 1  # it bears the tax as well
            share = left if last else min(left, max(ZERO, Decimal(line["amount"])))
            if share:
                lines.append(self.note_line(identity, number, line, share, at))
                left -= share
        note = {
            "id": identity,
            "credit_note_number": f"CN-{identity[-8:]}",
            "invoice_id": facts.id,
            "customer_id": invoice["customer_id"],
            "subscription_id": invoice["subscription_id"],
            "credit_note_status": status,
            "credit_note_type": kind,
            "refund_status": "SUCCEEDED" if kind == "REFUND" and status == "FINALIZED" else None,
            "reason": ("BILLING_ERROR", "SERVICE_ISSUE", "UNSATISFACTORY")[facts.index % 3],
            "memo": "As agreed",
            "currency": facts.currency,
            "total_amount": text(total),
            "idempotency_key": f"credit_note-{mix(self.salt, 6, facts.index):016x}",
            "finalized_at": at if status == "FINALIZED" else None,
            "voided_at": at if status == "VOIDED" else None,
            "metadata": {},
            "environment_id": self.environment,
            "line_items": lines,
            **self.base(at),
        }
        return {name: value for name, value in note.items() if value is not None}

    def note_line(self, note: str, number: int, line: dict, amount: Decimal, at: str, name: str = "") -> dict:
        return {
            "id": indexed_id("cn_line", self.opened, mix(self.salt, *note.encode()), number),
            "credit_note_id": note,
            "invoice_line_item_id": line["id"],
            "display_name": name or line["display_name"],
            "amount": text(amount),
            "currency": line["currency"],
            "environment_id": self.environment,
            "metadata": {},
            **self.base(at),
        }

    # ---- wallets

    def invoices_of(self, customer: int) -> list[int]:
        """The generated invoices of the subscriptions a customer pays for."""
        found = []
        for subscription in (customer, customer + 1):
            if subscription < self.subscriptions and self.payer(subscription) == customer:
                indexes = [self.index_of(subscription, period) for period in range(self.periods)]
                found += [index for index in indexes if index is not None]
        return found + ([19] if customer == 3 else [])

    def wallet_index(self, identity: str) -> tuple[int, int] | None:
        index = index_in(identity, "wallet")
        return None if index is None or index >= self.customers * 4 else divmod(index, 4)

    def _wallets(self, customer: int) -> list[tuple[dict, list[dict]]]:
        """A customer's wallets, each with its transactions, oldest first."""
        if customer >= self.subscriptions:
            return []
        own, moves = self.currency(customer), [] if self.first_generation else self._moves(customer)
        mine = [move for move in moves if move[3].currency == own]
        others = [move for move in moves if move[3].currency != own]  # of an owner this customer pays for
        purchases, found = self.purchases_of(customer), []
        if customer % 3 == 0:
            found.append(self._wallet(customer, CREDITS, "Prepaid credits", own, mine, Decimal(120), purchases))
        elif any(amount > 0 for _, amount, _, _ in mine):
            found.append(self._wallet(customer, REFUNDS, "Subscription Wallet", own, mine, ZERO, ()))
        if others:
            found.append(self._wallet(customer, OTHERS, "Subscription Wallet", others[0][3].currency, others, ZERO, ()))
        if customer % 5 == 1:
            found.append(self._wallet(customer, ACCOUNT, "Account balance", own, [], Decimal(300), ()))
        return found

    def _moves(self, customer: int) -> list[tuple]:
        """What invoices put into (or took out of) the customer's prepaid credits: (when, amount, reason, invoice)."""
        moves = []
        for index in self.invoices_of(customer):
            facts, invoice = self.facts(index), self.invoice(index)
            used, refunded = (Decimal(invoice[n]) for n in ("total_prepaid_credits_applied", "refunded_amount"))
            if used:
                moves.append((facts.finalized, -used, "CREDIT_ADJUSTMENT", facts))
            if refunded:
                voided = facts.status == "VOIDED"
                moves.append((facts.updated, refunded, "INVOICE_VOID_REFUND" if voided else "CREDIT_NOTE", facts))
        return sorted(moves, key=lambda move: move[0])

    def _wallet(self, customer, number, name, currency, moves, rest, purchases) -> tuple[dict, list[dict]]:
        at = stamp(self._joined(customer) + timedelta(minutes=3))
        kind = "PRE_PAID" if number != ACCOUNT else "PROMOTIONAL" if self.first_generation else "POST_PAID"
        wallet = self.new_wallet(
            indexed_id("wallet", self._joined(customer), self.salt, customer * 4 + number),
            self.customer_id(customer), currency, name, kind, at, "2" if customer % 9 == 6 and number == 0 else "1",
        )  # fmt: skip
        opening = rest * Decimal(WORTH[currency]) - sum((amount for _, amount, _, _ in moves if amount < 0), ZERO)
        transactions = []
        if opening:
            reason = "FREE_CREDIT_GRANT" if number == ACCOUNT else "PURCHASED_CREDIT_DIRECT"
            self.move(
                wallet, transactions, opening, reason, "EXTERNAL", f"opening-{customer}", at, (customer, number, 0)
            )
        for serial, (when, amount, reason, facts) in enumerate(moves, 1):
            reference = ("REQUEST", facts.id) if amount > 0 else ("INVOICE", facts.id)
            more = {"idempotency_key": self.credit_note_id(facts)} if reason == "CREDIT_NOTE" else {}
            self.move(wallet, transactions, amount, reason, *reference, stamp(when), (customer, number, serial), **more)
        for index in purchases:
            self._await_purchase(wallet, transactions, index)
        return wallet, transactions

    def new_wallet(self, identity, customer_id, currency, name, kind, at, rate="1") -> dict:
        """A wallet without credits. `rate` is what one credit is worth in the currency."""
        if self.first_generation:
            alerts = {"alert_enabled": True, "alert_state": "ok"}
        else:
            alerts = {"alert_settings": {"alert_enabled": True}, "alert_state": "ok", "topup_conversion_rate": rate}
        return {
            "id": identity,
            "customer_id": customer_id,
            "currency": currency,
            "balance": "0",
            "credit_balance": "0",
            "wallet_status": "active",
            "name": name,
            "description": "",
            "metadata": {},
            "wallet_type": kind,
            "config": {"allowed_price_types": ["ALL" if kind == "POST_PAID" else "USAGE"]},
            "conversion_rate": rate,
            **alerts,
            "environment_id": self.environment,
            **self.base(at),
        }

    def move(self, wallet, transactions, amount, reason, about, reference, at, serial, **more) -> dict:
        """Credit (or, below zero, debit) a wallet by an amount of its currency; appends and returns the transaction."""
        rate = Decimal(wallet["conversion_rate"])
        credits, before = abs(amount) / rate, Decimal(wallet["credit_balance"])
        after = before + amount / rate
        wallet.update(credit_balance=text(after), balance=text(after * rate), updated_at=at)
        transaction = (
            self.transaction(wallet, amount, credits, before, after, reason, about, reference, at, serial) | more
        )
        transactions.append(transaction)
        return transaction

    def transaction(self, wallet, amount, credits, before, after, reason, about, reference, at, serial) -> dict:
        """One wallet transaction. `serial` is its id, or the numbers one is made from."""
        if not isinstance(serial, str):
            customer, number, place = serial
            serial = indexed_id("wtxn", self.opened, mix(self.salt, 8), (customer * 4 + number) * 64 + place)
        shown = {
            "id": serial,
            "wallet_id": wallet["id"],
            "customer_id": wallet["customer_id"],
            "type": "credit" if amount > 0 else "debit",
            "amount": text(abs(amount)),
            "credit_amount": text(credits),
            "credit_balance_before": text(before),
            "credit_balance_after": text(after),
            "transaction_status": "completed",
            "reference_type": about,
            "reference_id": reference,
            "description": DESCRIBED.get(reason, ""),
            "metadata": {},
            "credits_available": text(credits) if amount > 0 else "0",
            "transaction_reason": reason,
            "currency": wallet["currency"],
            "conversion_rate": wallet["conversion_rate"],
            "topup_conversion_rate": wallet["conversion_rate"],
            "idempotency_key": reference if reason in ("INVOICE_VOID_REFUND", "CREDIT_NOTE") else f"wallet-{serial}",
            "environment_id": self.environment,
            **self.base(at),
        }
        return {k: v for k, v in shown.items() if not (self.first_generation and k.endswith("conversion_rate"))}

    def _await_purchase(self, wallet: dict, transactions: list[dict], index: int) -> None:
        """Credits that were ordered: they come when the CREDIT invoice is paid."""
        facts, invoice = self.facts(index), self.invoice(index)
        amount = Decimal(invoice["total"])
        paid = facts.payment == "SUCCEEDED"
        order = self.move(
            wallet if paid else dict(wallet), transactions, amount, "PURCHASED_CREDIT_INVOICED", "EXTERNAL", facts.id,
            stamp(facts.paid or facts.created), self.purchase_id(index),
        )  # fmt: skip
        if not paid:
            order.update(
                transaction_status="pending", credits_available="0", credit_balance_after=order["credit_balance_before"]
            )


PAID_BY = {
    "overpaid": ("OFFLINE", "SUCCEEDED"), "failed": ("CARD", "FAILED"), "processing": ("CARD", "PROCESSING"),
    "initiated": ("PAYMENT_LINK", "INITIATED"), "payment voided": ("CARD", "VOIDED"), "voided paid": ("CARD", "SUCCEEDED"),
}  # fmt: skip
NOTED = {
    "adjusted": ("FINALIZED", "ADJUSTMENT"), "partly refunded": ("FINALIZED", "REFUND"), "refunded": ("FINALIZED", "REFUND"),
}  # fmt: skip
DESCRIBED = {
    "CREDIT_ADJUSTMENT": "Amount applied as credit adjustment to an invoice",
    "INVOICE_VOID_REFUND": "Refund of a voided invoice",
    "CREDIT_NOTE": "Credit note refund",
    "PURCHASED_CREDIT_DIRECT": "Purchased credits",
    "PURCHASED_CREDIT_INVOICED": "Purchased credits, invoiced",
    "FREE_CREDIT_GRANT": "Free credits",
    "INVOICE_PAYMENT": "Payment of an invoice",
}
