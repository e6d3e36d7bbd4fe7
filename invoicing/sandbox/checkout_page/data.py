"""What a Checkout Page store holds, computed from (seed, index); only what changed is read from the world.

Invoice n and payment n belong together; index 0 is the oldest. An id is a time, a store's mark and the index, so that
it leads back to its record. Records past the generated ones are purchases that happened since.
"""

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache

from .. import names
from ..core import Raw, World
from . import money

DAYS = 425  # about fourteen months
STATUSES = (
    ["paid"] * 32 + ["open"] * 10 + ["partially_refunded"] * 5 + ["refunded"] * 4 + ["draft"] * 3 + ["void"] * 3
    + ["uncollectible"] * 3
)  # fmt: skip
CURRENCIES = ["eur"] * 7 + ["usd"] * 6 + ["gbp"] * 2 + ["jpy", "kwd", "bhd", "chf", "sek"]
PAYMENT_OF = {
    "paid": "paid", "open": "unpaid", "partially_refunded": "partial_refund", "refunded": "refunded", "draft": "pending",
    "void": "canceled", "uncollectible": "failed",
}  # fmt: skip
PART_PAID = (5, 14)  # of every 60, these open ones were paid in part
LOOSE_PAYMENTS = ("created", "pending", "canceled", "failed", "draft", "draft_expired", "unpaid")  # without an invoice
SUBSCRIPTIONS = (
    "active", "past_due", "canceled", "trialing", "unpaid", "completed", "incomplete", "incomplete_expired", "scheduled",
    "failed", "draft", "draft_expired",
)  # fmt: skip
RATES = (  # name, country, state, type, percentage, inclusive
    [("VAT", "FR", "", "vat", 20, False)], [("VAT", "DE", "", "vat", 19, True)], [],
    [("Sales tax", "US", "NY", "sales_tax", Raw("8.875"), False)],
    [("GST", "CA", "BC", "gst", 5, False), ("PST", "CA", "BC", "pst", 7, False)], [("消費税", "JP", "", "jct", 10, True)],
)  # fmt: skip


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC, to the millisecond, as the provider writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


class Store:
    """The store's records before anything happened to them."""

    def __init__(self, world: World, name: str):
        self.world, self.name = world, name
        self.count = world.count
        self.customer_count = max(24, min(5000, self.count // 6))
        self.loose_count = max(len(LOOSE_PAYMENTS) * 2, self.count // 20)
        self.subscription_count = max(len(SUBSCRIPTIONS), self.customer_count // 3)
        self.start = datetime.combine(world.anchor, time(), UTC) - timedelta(days=DAYS)
        self.marks = {kind: world.hex(10, name, kind, "mark") for kind in
                      ("invoice", "payment", "loose", "customer", "subscription", "product", "page", "rate", "coupon")}  # fmt: skip
        self.seller_id = self.id("page", 0, self.start - timedelta(days=900))
        self.customer = lru_cache(4096)(self._customer)

    # ---- ids and times

    def id(self, kind: str, index: int, at: datetime) -> str:
        """24 hexadecimal characters: seconds, mark, index."""
        return f"{int(at.timestamp()):08x}{self.marks[kind]}{index:06x}"

    def purchases(self) -> dict:
        """When each purchase since the beginning was made, by index as text."""
        return self.world.view(self.name, "purchase")

    def total(self) -> int:
        """Invoices ever made."""
        return self.count + len(self.purchases())

    def created(self, index: int) -> datetime:
        """When an invoice was made; later for every higher index."""
        if index >= self.count:
            return datetime.fromisoformat(self.purchases()[str(index)]["at"])
        within = (index * 2654435761 % 1000) / 1200
        return self.start + timedelta(days=DAYS) * ((index + within) / self.count)

    def invoice_id(self, index: int) -> str:
        return self.id("invoice", index, self.created(index))

    def payment_id(self, index: int) -> str:
        return self.id("payment", index, self.created(index) - timedelta(seconds=97))

    def loose_created(self, index: int) -> datetime:
        """When a payment without an invoice was made."""
        return self.start + timedelta(days=DAYS) * ((index + 0.5) / self.loose_count)

    def loose_id(self, index: int) -> str:
        return self.id("loose", index, self.loose_created(index))

    def customer_created(self, index: int) -> datetime:
        return self.start - timedelta(days=300) + timedelta(days=299) * (index / self.customer_count)

    def customer_id(self, index: int) -> str:
        return self.id("customer", index, self.customer_created(index))

    def subscription_created(self, index: int) -> datetime:
        return self.start + timedelta(days=DAYS - 1) * (index / self.subscription_count)

    def subscription_id(self, index: int) -> str:
        return self.id("subscription", index, self.subscription_created(index))

    def index(self, kind: str, identity: str) -> int | None:
        """The index behind an id; None when it is none of ours."""
        index = int(identity[-6:], 16)
        ids, total = {
            "invoice": (self.invoice_id, self.total()),
            "payment": (self.payment_id, self.total()),
            "loose": (self.loose_id, self.loose_count),
            "customer": (self.customer_id, self.customer_count),
            "subscription": (self.subscription_id, self.subscription_count),
        }[kind]
        return index if index < total and ids(index) == identity.lower() else None

    # ---- what lists filter by, cheap for every index

    def status(self, index: int) -> str:
        if index >= self.count:
            return self.purchases()[str(index)].get("status", "paid")
        return STATUSES[index * 7 % 60]

    def payment_status(self, index: int, status: str) -> str:
        """The payment's word for an invoice's status."""
        return "partially_paid" if status == "open" and index % 60 in PART_PAID else PAYMENT_OF[status]

    def order_id(self, identity: str, index: int) -> str:
        return f"ORD-{identity[:8].upper()}-{index}"

    def buyer(self, index: int) -> int:
        """Who bought: a customer's index."""
        return index * 2654435761 % 1000003 % self.customer_count

    def product(self, index: int) -> int:
        return index * 40503 % len(names.PRODUCTS)

    def number(self, index: int) -> str:
        return f"{self.created(index).year}-{index + 1:06d}"

    # ---- records

    def _customer(self, index: int) -> dict:
        rng = self.world.rng(self.name, "customer", index)
        name = names.company(rng, index)
        place = names.address(rng)
        address = {
            "line1": place["line1"], "line2": place["line2"], "city": place["city"], "state": place["state"],
            "postalCode": place["postal_code"], "country": place["country"],
        }  # fmt: skip
        email = names.email(name, index)
        phone = f"+{rng.randrange(1, 99)} {rng.randrange(10**8, 10**9)}"
        customer = {
            "id": self.customer_id(index), "name": name, "companyName": name, "email": email, "phone": phone,
            "billingEmail": email, "address": address, "shipping": {"name": name, "phone": phone, "address": address},
            "taxId": place["tax_id"], "taxIdType": place["tax_id_type"], "sellerId": self.seller_id,
            "stripeCustomerId": f"cus_{self.world.hex(14, self.name, 'stripe', index)}",
            "createdAt": stamp(self.customer_created(index)), "updatedAt": stamp(self.customer_created(index)),
        }  # fmt: skip
        missing = {
            1: ("phone", "shipping"),
            2: ("companyName", "taxId", "taxIdType"),
            3: ("name", "companyName", "address"),
        }
        for field in missing.get(index % 12, ()):
            del customer[field]
        return customer

    def _lines(self, index: int, rng, currency: str) -> list[dict]:
        size = {17: 400, 29: 3000}.get(index, 40 if index % 997 == 500 else rng.choice((1, 1, 1, 2, 3, 5)))
        step = {0: 50, 3: 10}.get(money.DECIMALS.get(currency, 2), 5)
        lines = []
        for position in range(size):
            name = names.PRODUCTS[(self.product(index) + position) % len(names.PRODUCTS)]
            quantity, price = rng.randrange(1, 9), rng.randrange(20, 3000) * step
            if position == 1 and index % 30 == 7:  # money handed back on the same document
                name, quantity, price = "Returned deposit", 1, -step * 10
            lines.append({"type": "product", "name": name, "quantity": quantity, "unitPrice": price, "amount": quantity * price,
                          "bulkDiscountAmount": 0, "couponDiscountAmount": 0})  # fmt: skip
        return lines

    def _rates(self, index: int) -> list[dict]:
        at = stamp(self.start - timedelta(days=200))
        return [
            {"taxRate": self.id("rate", position, self.start), "stripeId": f"txr_{self.world.hex(14, rate[0], rate[2])}",
             "displayName": rate[0], "default": position == 0, "active": True, "inclusive": rate[5],
             "percentage": rate[4], "createdAt": at, "updatedAt": at}
            for position, rate in enumerate(self._taxes(index))
        ]  # fmt: skip

    def _taxes(self, index: int) -> list[tuple]:
        return RATES[index * 5 % 6 if index % 60 else 0]

    def _coupon(self, index: int) -> dict | None:
        if index % 4 and index % 60 != 22:
            return None
        free = index % 60 == 22  # everything off: a total of zero
        percent = 100 if free else 0 if index % 8 else 15
        return {"id": self.id("coupon", index % 5, self.start), "label": "Everything" if free else "Autumn",
                "code": "FREE100" if free else f"AUTUMN{index % 5}", "amountOff": 0 if percent else 500,
                "percentOff": percent, "discount": 0}  # fmt: skip

    def invoice(self, index: int) -> dict:
        """An invoice as first made, without its link."""
        rng = self.world.rng(self.name, "invoice", index)
        status, created = self.status(index), self.created(index)
        currency = CURRENCIES[index * 13 % len(CURRENCIES)] if index % 60 else "eur"
        lines, rates, coupon = self._lines(index, rng, currency), self._rates(index), self._coupon(index)
        percent_off = 10 if index % 6 == 0 else 0
        fee = (None, {"name": "Booking fee", "amount": 300, "percentage": 0},
               {"name": "Service fee", "amount": 0, "percentage": Raw("2.5")})[0 if coupon and index % 60 == 22 else (index + 1) % 3]  # fmt: skip
        found, bulk, off, taxed = money.summed(currency, lines, percent_off, coupon, fee, rates)
        if coupon:
            coupon["discount"] = off
            for line in lines:
                line["couponCode"] = coupon["code"]
        amount = found["amount"]
        paid = (
            amount
            if status in ("paid", "refunded", "partially_refunded")
            else amount // 3
            if index % 60 in PART_PAID and status == "open"
            else 0
        )
        refunded = {"refunded": paid, "partially_refunded": paid // 4}.get(status, 0)
        customer = self.customer(self.buyer(index))
        moved = (
            created
            if status in ("paid", "draft")
            else min(created + timedelta(days=rng.randrange(1, 20)), self.start + timedelta(days=DAYS))
        )
        invoice = {
            "id": self.invoice_id(index), "sellerId": self.seller_id, "customerId": customer["id"],
            "chargeId": self.payment_id(index), "livemode": index % 15 != 4, "currency": currency, "amount": amount,
            "amountRefunded": refunded, "amountUsd": money.in_usd(amount, currency), "amountPaid": paid,
            "amountDue": amount - paid, "amountExcludingTax": found["amountExcludingTax"], "taxAmount": found["taxAmount"],
            "taxBreakdown": [
                {"taxType": tax[3], "taxabilityReason": "standard_rated", "taxableAmount": found["amountExcludingTax"],
                 "taxAmount": share, "taxRateDetails": {"country": tax[1], "percentageDecimal": tax[4], "state": tax[2],
                                                        "taxType": tax[3]}}
                for (_, share), tax in zip(taxed, self._taxes(index), strict=True)
            ],
            "taxSource": "fixed_tax_rate", "taxRates": rates, "status": status, "lineItems": lines,
            "subtotal": found["subtotal"], "subtotalAfterDiscount": found["subtotalAfterDiscount"],
            "bulkDiscount": {"minQuantity": 2, "maxQuantity": 9, "percentOff": percent_off, "amountOff": 0, "amount": bulk},
            "fees": found["fees"], "coupon": coupon, "poNumber": f"PO-{created.year}-{index}", "poNumberLabel": "PO number",
            "invoiceUuid": self.world.uuid(self.name, "invoice", index), "invoiceNumber": self.number(index),
            "invoiceUrl": "", "billing": self.billing(customer), "sellerBilling": SELLER,
            "customerName": customer.get("name", ""), "customerEmail": customer["email"],
            "productTitle": names.PRODUCTS[self.product(index)], "createdAt": stamp(created), "updatedAt": stamp(moved),
        }  # fmt: skip
        without = {"bulkDiscount": not percent_off, "coupon": not coupon, "taxSource": not rates,
                   "poNumber": index % 3, "poNumberLabel": index % 3, "invoiceUrl": status == "draft" and index % 2,
                   "billing": index % 60 == 33, "customerName": "name" not in customer}  # fmt: skip
        for field, absent in without.items():
            if absent:
                del invoice[field]
        return invoice

    @staticmethod
    def billing(customer: dict) -> dict:
        """A customer's details as an invoice prints them; what the customer never gave is absent."""
        fields = {"name": "name", "email": "billingEmail", "phone": "phone", "address": "address", "taxId": "taxId",
                  "taxIdType": "taxIdType"}  # fmt: skip
        return {field: customer[source] for field, source in fields.items() if source in customer}

    def payment(self, index: int, invoice: dict) -> dict:
        """The payment an invoice was made from, given the invoice with the billing details it had at first.

        Every sixth payment had them corrected since, every sixth was given a purchase order.
        """
        status = self.payment_status(index, invoice["status"])
        billing = {k: v for k, v in invoice.get("billing", {}).items() if k not in ("taxId", "taxIdType")}
        if index % 6 == 1:
            billing["name"] = f"{billing.get('name', 'Accounts')} (billing)"
        shared = ("customerId", "customerEmail", "sellerId", "currency", "amount", "amountPaid", "amountDue", "amountUsd",
                  "amountExcludingTax", "taxAmount", "taxBreakdown", "fees", "coupon", "livemode")  # fmt: skip
        payment = {
            **self._paying(self.payment_id(index), index, self.created(index) - timedelta(seconds=97), status),
            **{field: invoice[field] for field in shared if field in invoice},
            "billing": billing,
            "quantity": sum(line["quantity"] for line in invoice["lineItems"]),
            "invoiceId": invoice["id"],
            "updatedAt": invoice["updatedAt"],
        }
        if "bulkDiscount" in invoice:
            payment["discount"] = invoice["bulkDiscount"]
        if index % 6 == 3:
            payment["fields"] = [{"fieldId": "po", "label": "PO number", "value": f"PO-NEW-{index}", "element": "po-number",
                                  "type": "po-number"}]  # fmt: skip
        if status == "canceled":
            payment |= {"canceledAt": invoice["updatedAt"], "canceledReason": "Ordered by mistake"}
        if status == "failed":
            payment["paymentError"] = "Your card was declined."
        return payment

    def loose_payment(self, index: int) -> dict:
        """A payment that never became an invoice."""
        status, at = LOOSE_PAYMENTS[index % len(LOOSE_PAYMENTS)], self.loose_created(index)
        customer, amount = self.customer(index % self.customer_count), 1000 + 37 * index
        return {
            **self._paying(self.loose_id(index), index, at, status), "customerId": customer["id"],
            "customerEmail": customer["email"], "sellerId": self.seller_id, "currency": "eur", "amount": amount,
            "amountPaid": 0, "amountDue": amount, "taxBreakdown": [], "fees": [], "livemode": True,
        }  # fmt: skip

    def _paying(self, identity: str, index: int, at: datetime, status: str) -> dict:
        method = {"gateway": "stripe", "method": "card", "mode": "default", "brand": "visa", "last4": f"{index % 10000:04d}",
                  "country": "FR", "exp_month": 1 + index % 12, "exp_year": at.year + 2, "funding": "credit"}  # fmt: skip
        return {
            "id": identity, "orderId": self.order_id(identity, index),
            "orderStatus": "fulfilled" if status == "paid" else "new", "pageId": self.page_id(index),
            "productId": self.id("product", self.product(index), self.start), "status": status,
            "paymentMethod": method if index % 5 else {"gateway": "manual", "method": "bank_transfer"},
            "stripePaymentIntentId": f"pi_{self.world.hex(14, identity)}", "transactionIds": [],
            "createdAt": stamp(at), "updatedAt": stamp(at),
        }  # fmt: skip

    def page_id(self, index: int) -> str:
        return self.id("page", 1 + index % 4, self.start)

    def subscription(self, index: int) -> dict:
        at, customer = self.subscription_created(index), self.customer(index % self.customer_count)
        status = SUBSCRIPTIONS[index % len(SUBSCRIPTIONS)]
        period = at + timedelta(days=30)
        subscription = {
            "id": self.subscription_id(index), "orderId": f"SUB-{index + 1}",
            "stripeSubscriptionId": f"sub_{self.world.hex(14, self.name, 'sub', index)}",
            "stripeCustomerId": customer["stripeCustomerId"], "customerEmail": customer["email"], "currency": "eur",
            "amount": 2900 + 100 * (index % 7), "amountUsd": money.in_usd(2900 + 100 * (index % 7), "eur"),
            "interval": "month", "intervalCount": 1, "fees": [], "quantity": 1 + index % 3, "livemode": index % 10 != 4,
            "status": status, "paymentStatus": "open" if status in ("past_due", "unpaid") else "paid",
            "paymentMethod": {"gateway": "stripe", "method": "card"}, "startDate": stamp(at),
            "currentPeriodStart": stamp(at), "currentPeriodEnd": stamp(period), "cancelAtPeriodEnd": False,
            "sellerId": self.seller_id, "customerId": customer["id"], "pageId": self.page_id(index),
            "productId": self.id("product", index % len(names.PRODUCTS), self.start), "createdAt": stamp(at),
            "updatedAt": stamp(at),
        }  # fmt: skip
        if status == "canceled":
            subscription["canceledAt"] = stamp(period)
        return subscription


SELLER = {
    "name": "Studio Cobalt BV",
    "email": "invoices@studio-cobalt.example",
    "taxId": "NL810433941B01",
    "address": {"line1": "Keizersgracht 99", "line2": "", "city": "Amsterdam", "state": "NH", "postalCode": "1015 CN",
                "country": "NL"},
}  # fmt: skip
