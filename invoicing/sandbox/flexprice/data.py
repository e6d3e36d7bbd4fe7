"""The generated invoices, whole: lines rated from the plan, coupons, taxes, credits and what was paid.

A record holds everything any response may carry; `shapes` picks what each one does. Names with an underscore stay
inside: `_rates` and `_coupons` remember what applies when the invoice is computed again.
"""

import random
from datetime import datetime
from decimal import Decimal

from ..names import HOSTILE
from .amounts import add_up, creditable
from .catalog import ONE_OFF_ITEMS, WORTH
from .lines import LINES_OF_ONE, SHOWN, Rates
from .scenarios import Facts
from .units import ZERO, index_in, indexed_id, mix, rounded, stamp, text


class Book(Rates):
    """Every generated invoice. Nothing here changes; the simulator keeps what does."""

    def invoice_index(self, identity: str) -> int | None:
        """The number of a generated invoice, None for any other id."""
        index = index_in(identity, "inv")
        return index if index is not None and index < self.count and self.facts(index).id == identity else None

    def invoice(self, index: int) -> dict:
        """Invoice number `index` as the world began."""
        facts = self.facts(index)
        invoice = self._frame(facts)
        if facts.subscription is None:
            self._sell(invoice, facts, random.Random(f"{self.salt}:invoice:{index}"))
        elif facts.scenario == "blank draft":  # created, not computed: zero everywhere
            invoice["description"] = None
        else:
            self._subscribe(invoice, facts)
        self._pay(invoice, facts)
        return invoice

    def key_of(self, facts: Facts) -> str:
        """The idempotency key a generated invoice was created with; its number can be read back."""
        scope = "one_off" if facts.subscription is None else "subscription"
        return f"{scope}_invoice-{indexed_id('key', self.opened, self.salt, facts.index)[-16:].lower()}"

    def index_of_key(self, key: str) -> int | None:
        """The invoice created with a key, None when none of the generated ones was."""
        index = index_in(f"key_{'0' * 10}{key[-16:].upper()}", "key")
        return index if index is not None and index < self.count and self.key_of(self.facts(index)) == key else None

    def _frame(self, facts: Facts) -> dict:
        subscribed = facts.subscription is not None
        computed = None if facts.scenario == "blank draft" else stamp(facts.created)
        replaced_by = self.facts(19).id if facts.scenario == "replaced" else None
        period = f"{facts.subscription}:{facts.sequence}" if subscribed else facts.index
        version = 1 + sum(at is not None for at in (computed, facts.finalized, facts.paid, facts.voided))
        return {
            "id": facts.id,
            "customer_id": self.customer_id(facts.customer),
            "subscription_id": self.subscription_id(facts.subscription) if subscribed else None,
            "subscription_customer_id": self.customer_id(facts.owner) if subscribed else None,
            "invoice_type": facts.kind,
            "invoice_status": facts.status,
            "payment_status": facts.payment,
            "currency": facts.currency,
            "amount_due": "0",
            "amount_paid": "0",
            "subtotal": "0",
            "total": "0",
            "total_discount": "0",
            "amount_remaining": "0",
            "overpaid_amount": None,
            "invoice_number": facts.number,
            "idempotency_key": self.key_of(facts),
            "billing_sequence": facts.sequence,
            "description": "Invoice for subscription" if subscribed else None,
            "due_date": stamp(facts.due),
            "paid_at": stamp(facts.paid) if facts.payment != "PENDING" else None,
            "voided_at": stamp(facts.voided),
            "billing_period": "MONTHLY" if subscribed else "",
            "finalized_at": stamp(facts.finalized),
            "issue_date": stamp(facts.created),
            "last_computed_at": computed,
            "period_start": stamp(facts.start),
            "period_end": stamp(facts.end),
            "invoice_pdf_url": None,
            "billing_reason": facts.reason,
            "metadata": {"po_number": f"PO-{7000 + facts.index}"} if facts.index % 4 == 0 else None,
            "version": version,
            "environment_id": self.environment,
            "adjustment_amount": "0",
            "refunded_amount": "0",
            "total_tax": "0",
            "total_prepaid_credits_applied": "0",
            "recalculated_invoice_id": replaced_by,
            "is_manually_edited": facts.shows == "edited",
            **self.base(stamp(facts.created), stamp(facts.updated), facts.row),
            "line_items": [],
            "coupon_applications": [],
            "taxes": [],
            "_period": period,
            "_rates": [],
            "_coupons": [],
            "_line_coupons": [],
        }

    # ---- what is on it

    def _subscribe(self, invoice: dict, facts: Facts) -> None:
        quiet = facts.scenario in ("skipped", "trial start") or facts.shows == "zero"
        if self.first_generation and facts.index < 60 and facts.scenario == "draft" and facts.subscription == 3:
            quiet = True  # what later servers call SKIPPED
        lines = invoice["line_items"] = self.rate(invoice, facts.subscription, quiet)
        show = SHOWN.get(facts.shows)
        if show:
            show(self, invoice, lines, facts)
        whole, on_line = self.coupons_of(facts.subscription)
        if facts.scenario == "all discounted":
            whole, on_line = self.coupon_of["ALLFREE"], None
        rates = self.taxes_of(facts.currency, facts.subscription)
        invoice["_rates"] = [rate["id"] for rate in rates]
        invoice["_coupons"] = [whole["id"]] if whole else []
        metered = [line["id"] for line in lines if line["price_type"] == "USAGE"]
        invoice["_line_coupons"] = [[metered[0], on_line["id"]]] if on_line and metered else []
        self.compute(invoice, facts.updated, sum((Decimal(line["amount"]) for line in lines), ZERO))
        if self._uses_credits(facts):
            usable = min(creditable(lines), Decimal(50) * Decimal(WORTH[facts.currency]))
            invoice["total_prepaid_credits_applied"] = text(rounded(usable, facts.currency))
            self.compute(invoice, facts.updated, Decimal(invoice["subtotal"]))

    def _uses_credits(self, facts: Facts) -> bool:
        """Wallets with prepaid credits (every third customer's) bear a part of every second invoice."""
        return (
            not self.first_generation
            and facts.finalized is not None
            and facts.customer % 3 == 0
            and facts.sequence % 2 == 0
            and facts.currency == self.currency(facts.customer)
        )

    def _sell(self, invoice: dict, facts: Facts, rng: random.Random) -> None:
        ordinal = facts.index // 5
        worth = Decimal(WORTH[facts.currency])
        if facts.kind == "CREDIT":
            credits = Decimal(rng.randint(1, 20) * 50)
            invoice["description"] = f"Purchase of {text(credits)} credits"
            invoice["metadata"] = {"wallet_transaction_id": self.purchase_id(facts.index), "auto_topup": "false"}
            items = [("Wallet credits", credits * worth, credits)]
        else:
            invoice["description"] = ONE_OFF_ITEMS[ordinal % len(ONE_OFF_ITEMS)]
            items = []
            for position in range(0 if ordinal == 9 else 1 + ordinal % 3):
                quantity = rng.randint(1, 6)
                unit = Decimal(rng.randint(20, 900)) * worth
                items.append(
                    (ONE_OFF_ITEMS[(ordinal + position) % len(ONE_OFF_ITEMS)], unit * quantity, Decimal(quantity))
                )
        if ordinal == 0:
            items = [("Onboarding workshop", Decimal(48_000), Decimal(1))]
            invoice["metadata"] = {"requested_by": "ops"}
        elif ordinal == 10:
            invoice["description"] = f"{HOSTILE[0]} {HOSTILE[1]} " + "Long description. " * 60
            invoice["metadata"] = {"notes": HOSTILE[3], HOSTILE[2]: HOSTILE[4], "vat": "DE811234567"}
        elif ordinal == 1:
            items = [("Goodwill, free of charge", ZERO, Decimal(1))]
        invoice["line_items"] = [
            self.line(invoice, position, name, amount, quantity, metadata={})
            for position, (name, amount, quantity) in enumerate(items)
        ]
        subtotal = sum((Decimal(line["amount"]) for line in invoice["line_items"]), ZERO)
        if ordinal == 9:  # an amount without a line: nothing checks one against the other
            subtotal = Decimal(250)
        if ordinal == 4:
            codes = ("in_cgst_9", "in_sgst_9", "eco_fee")
            invoice["_rates"] = [self.tax_rate_of[code]["id"] for code in codes if code in self.tax_rate_of]
        elif ordinal == 5:
            invoice["_coupons"] = [self.coupon_of["EURO50"]["id"], self.coupon_of["LAUNCH10"]["id"]]
        self.compute(invoice, facts.updated, subtotal)

    def purchase_id(self, index: int) -> str:
        """The wallet transaction that waits for a CREDIT invoice to be paid."""
        return indexed_id("wtxn", self.facts(index).created, self.salt, LINES_OF_ONE * 1_000_000 + index)

    # ---- amounts

    def compute(self, invoice: dict, at: datetime, subtotal: Decimal) -> None:
        """Coupons, taxes and totals from the lines; writes the applications each response may carry."""
        lines = {line["id"]: line for line in invoice["line_items"]}
        on_lines = [(lines[line], self.coupons[coupon]) for line, coupon in invoice["_line_coupons"] if line in lines]
        on_invoice = [self.coupons[coupon] for coupon in invoice["_coupons"]]
        rates = [self.tax_rates[rate] for rate in invoice["_rates"]]
        discounts, taxes = add_up(invoice, subtotal, on_lines, on_invoice, rates)
        when, serial = stamp(at), index_in(invoice["id"], "inv") or 0
        invoice["coupon_applications"] = [
            self._coupon_application(invoice, coupon, line, price, off, when, serial * 8 + number)
            for number, (coupon, line, price, off) in enumerate(discounts)
        ]
        invoice["taxes"] = [
            self._tax_applied(invoice, rate, taxable, amount, when, serial * 8 + number)
            for number, (rate, taxable, amount) in enumerate(taxes)
        ]

    def _coupon_application(self, invoice, coupon, line, price, off, when, serial) -> dict:
        application = {
            "id": indexed_id("ca", self.opened, mix(self.salt, serial, *invoice["id"].encode()), serial),
            "coupon_id": coupon["id"],
            "coupon_association_id": indexed_id("cassoc", self.opened, self.salt, serial // 8),
            "invoice_id": invoice["id"],
            "invoice_line_item_id": line,
            "subscription_id": invoice["subscription_id"],
            "applied_at": when,
            "original_price": text(price),
            "final_price": text(price - off),
            "discounted_amount": text(off),
            "discount_type": coupon["type"],
            "discount_percentage": coupon.get("percentage_off"),
            "currency": invoice["currency"],
            "coupon_snapshot": {k: coupon[k] for k in ("name", "type", "percentage_off", "amount_off") if k in coupon},
            "metadata": {},
            "environment_id": self.environment,
            **self.base(when),
        }
        return {name: value for name, value in application.items() if value is not None}

    def _tax_applied(self, invoice, rate, taxable, amount, when, serial) -> dict:
        return {
            "id": indexed_id("tax_applied", self.opened, mix(self.salt, serial, *invoice["id"].encode()), serial),
            "tax_rate_id": rate["id"],
            "entity_type": "invoice",
            "entity_id": invoice["id"],
            "tax_association_id": indexed_id("taxassoc", self.opened, self.salt, serial // 8),
            "taxable_amount": text(taxable),
            "tax_amount": text(amount),
            "currency": invoice["currency"],
            "applied_at": when,
            "environment_id": self.environment,
            "metadata": {"note": rate["description"]},
            "idempotency_key": f"tax_applied-{mix(self.salt, serial):016x}",
            **self.base(when),
        }

    def _pay(self, invoice: dict, facts: Facts) -> None:
        total, currency = Decimal(invoice["total"]), facts.currency
        due = Decimal(invoice["amount_due"])
        paid = refunded = adjusted = ZERO
        if facts.payment in ("SUCCEEDED", "REFUNDED", "PARTIALLY_REFUNDED"):
            paid = due
        if facts.scenario == "partly":
            paid = rounded(due * Decimal("0.4"), currency)
        elif facts.scenario == "overpaid":
            paid = total + rounded(Decimal("1.21") * Decimal(WORTH[currency]), currency)
            invoice["overpaid_amount"] = text(paid - total)
        elif facts.scenario == "adjusted":
            adjusted = rounded(total / 5, currency)
        elif facts.scenario == "partly refunded":
            refunded = rounded(paid * Decimal("0.3"), currency)
        elif facts.payment == "REFUNDED":
            refunded = paid
            if facts.voided:
                refunded += Decimal(invoice["total_prepaid_credits_applied"])
        due = total - adjusted
        invoice.update(
            amount_paid=text(paid), refunded_amount=text(refunded), adjustment_amount=text(adjusted),
            amount_due=text(due), amount_remaining=text(max(ZERO, due - paid)),
        )  # fmt: skip
