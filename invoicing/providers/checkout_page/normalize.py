"""A Checkout Page record in our words.

Units: amounts arrive as JSON numbers in minor units, as the payment provider behind it counts them (MINOR_DIGITS).
Of an invoice only id, status, currency and amount are required; anything else may be absent or null.
Errors: PayloadNotUnderstood, naming the field.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from invoicing.money import EXACT
from invoicing.providers.base import Context
from invoicing.providers.normalizing import Part, day_in, minus, plus, understood
from invoicing.providers.snapshots import Address, Adjustment, CustomerSnapshot, InvoiceSnapshot, LineSnapshot
from invoicing.vocabulary import ListedBy, Payment, Status

STATUSES = {
    "draft": (Status.DRAFT, Payment.UNPAID),
    "open": (Status.FINALIZED, Payment.UNPAID),
    "paid": (Status.FINALIZED, Payment.PAID),
    "uncollectible": (Status.FINALIZED, Payment.UNCOLLECTIBLE),
    "refunded": (Status.FINALIZED, Payment.REFUNDED),
    "partially_refunded": (Status.FINALIZED, Payment.PARTLY_REFUNDED),
    "void": (Status.VOID, Payment.UNPAID),
}
CURRENCY = re.compile(r"[A-Za-z]{3}", re.ASCII)
WHOLE = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF"
THOUSANDTHS = "BHD JOD KWD OMR TND"
MINOR_DIGITS = dict.fromkeys(WHOLE.split(), 0) | dict.fromkeys(THOUSANDTHS.split(), 3)
"""How many digits of an amount are minor units where it is not two: not as in ISO 4217, but as the payment provider counts."""


def major(amount: Decimal | None, unit: str) -> Decimal | None:
    """2500 is 25.00 USD, 2500 JPY and 2.500 KWD."""
    return None if amount is None else EXACT.scaleb(amount, -MINOR_DIGITS.get(unit, 2))


def invoice(payload: dict, context: Context) -> InvoiceSnapshot:
    with understood("Checkout Page invoice"):
        return _invoice(Part("Checkout Page invoice", payload), context)


def _invoice(raw: Part, context: Context) -> InvoiceSnapshot:
    word = raw.required_text("status", 100)
    status, payment = STATUSES.get(word, (Status.UNRECOGNIZED, Payment.UNRECOGNIZED))
    unit = raw.required_text("currency")
    if not CURRENCY.fullmatch(unit):
        raise raw.wrong("currency", "is not a currency code")
    unit = unit.upper()

    def money(name: str) -> Decimal | None:
        return major(raw.amount(name), unit)

    if word == "open" and money("amountPaid") and money("amountDue"):
        payment = Payment.PARTLY_PAID
    created_at, updated_at = raw.moment("createdAt"), raw.moment("updatedAt")
    listed_at = created_at or updated_at
    if listed_at is None:
        raise raw.wrong("createdAt", "is missing, and there is no other date")
    charge_id, number = raw.reference("chargeId"), raw.text("invoiceNumber", 255)
    billing = raw.part("billing")
    return InvoiceSnapshot(
        provider="checkout_page",
        external_id=raw.identifier("id"),
        status=status,
        payment_status=payment,
        provider_status=word,
        customer=_customer_of(raw, billing, context),
        currency=unit,
        total=major(raw.required_amount("amount"), unit),
        listed_on=day_in(listed_at, "UTC"),
        listed_by=ListedBy.CREATED,
        number=number,
        subtotal=money("subtotal"),
        discount=_discount(raw, unit),
        tax=money("taxAmount"),
        amount_paid=money("amountPaid"),
        amount_due=money("amountDue"),
        amount_refunded=money("amountRefunded"),
        created_at=created_at,
        updated_at=updated_at,
        livemode=raw.flag("livemode", default=True),
        po_number=raw.text("poNumber", 255),
        memo=raw.text("productTitle"),
        lines=tuple(LineSnapshot(position=position, **line) for position, line in enumerate(_lines(raw, unit))),
        discounts=tuple(_discounts(raw, unit)),
        taxes=tuple(_taxes(raw, unit)),
        billed_to=_address(billing),
        billed_by=_address(raw.part("sellerBilling")),
        has_pdf=bool(raw.members.get("invoiceUrl")),  # the link itself is a secret of one hour; kept payloads have true
        facts=tuple(_facts(raw)),
        handles={name: text for name, text in (("charge_id", charge_id), ("number", number)) if text},
        unrecognized=() if word in STATUSES else (f"status={word}",),
    )


def _customer_of(raw: Part, billing: Part | None, context: Context) -> CustomerSnapshot:
    """The customer as copied onto the invoice; without an id, one who is known by the e-mail address."""
    name = raw.text("customerName") or (billing.text("name") if billing else "")
    email = raw.text("customerEmail") or (billing.text("email") if billing else "")
    customer_id = raw.reference("customerId") or (f"email:{email[:200].lower()}" if email else "unknown")
    livemode = raw.flag("livemode", default=True)
    return context.customers.get(customer_id) or CustomerSnapshot(
        external_id=customer_id, name=name, email=email, livemode=livemode
    )


def customer(payload: dict) -> CustomerSnapshot:
    with understood("Checkout Page customer"):
        raw = Part("Checkout Page customer", payload)
        return CustomerSnapshot(
            external_id=raw.identifier("id"),
            name=raw.text("companyName") or raw.text("name"),
            email=raw.text("billingEmail") or raw.text("email"),
            address=_address(raw),
            livemode=raw.flag("livemode", default=True),
        )


def _address(raw: Part | None) -> Address | None:
    """Billing details of an invoice, or a customer: the same members under both."""
    if raw is None:
        return None
    place = raw.part("address") or Part("Checkout Page address", {})
    city = " ".join(filter(None, (place.text("postalCode"), place.text("city"))))
    rows = (
        place.text("line1"),
        place.text("line2"),
        ", ".join(filter(None, (city, place.text("state")))),
        place.text("country"),
    )
    address = Address(
        name=raw.text("companyName") or raw.text("name"),
        email=raw.text("billingEmail") or raw.text("email"),
        phone=raw.text("phone"),
        lines=tuple(filter(None, rows)),
        country=place.text("country"),
        tax_id=" ".join(filter(None, (raw.text("taxIdType"), raw.text("taxId")))) if raw.text("taxId") else "",
    )
    return address if address != Address() else None


def _lines(raw: Part, unit: str) -> Iterator[dict]:
    """The products, then the fees: those are shown as lines but are no part of the subtotal."""
    for line in raw.parts("lineItems"):
        code = line.text("couponCode")
        taken = (
            ("Bulk discount", "", line.amount("bulkDiscountAmount")),
            ("Coupon", code, line.amount("couponDiscountAmount")),
        )
        yield {
            "text": line.text("name"),
            "unit": unit,
            "amount": major(line.amount("amount"), unit),
            "quantity": line.amount("quantity"),
            "unit_price": major(line.amount("unitPrice"), unit),
            "kind": line.text("type"),
            "adjustments": tuple(
                Adjustment(label=label, amount=minus(major(amount, unit)), unit=unit, detail=detail)
                for label, detail, amount in taken
                if amount
            ),
        }
    for fee in raw.parts("fees"):
        percentage = fee.text("percentage") if fee.amount("percentage") else ""
        yield {
            "text": fee.text("name"),
            "unit": unit,
            "amount": major(fee.amount("amount"), unit),
            "kind": "fee",
            "counts": False,
            "facts": (("Percentage", f"{percentage} %"),) if percentage else (),
        }


def _discount(raw: Part, unit: str) -> Decimal | None:
    """Both discounts together: what the two subtotals differ by, or what the discounts say themselves."""
    before, after = raw.amount("subtotal"), raw.amount("subtotalAfterDiscount")
    if before is not None and after is not None:
        return major(plus(before, minus(after)), unit)
    bulk, coupon = raw.part("bulkDiscount"), raw.part("coupon")
    return major(plus(bulk.amount("amount") if bulk else None, coupon.amount("discount") if coupon else None), unit)


def _discounts(raw: Part, unit: str) -> Iterator[Adjustment]:
    bulk, coupon = raw.part("bulkDiscount"), raw.part("coupon")
    if bulk and bulk.amount("amount"):
        yield Adjustment(
            label="Bulk discount",
            amount=minus(major(bulk.amount("amount"), unit)),
            unit=unit,
            percentage=bulk.amount("percentOff") or None,
            detail="–".join(filter(None, (bulk.text("minQuantity"), bulk.text("maxQuantity")))),
        )
    if coupon and (coupon.amount("discount") or coupon.text("code")):
        yield Adjustment(
            label=coupon.text("label") or "Coupon",
            amount=minus(major(coupon.amount("discount"), unit)),
            unit=unit,
            percentage=coupon.amount("percentOff") or None,
            detail=coupon.text("code"),
            external_id=coupon.reference("id"),
        )


def _taxes(raw: Part, unit: str) -> Iterator[Adjustment]:
    """By kind of tax. The scale of `percentageDecimal` is not documented, so a percentage comes from the rates alone."""
    rates = raw.parts("taxRates")
    only = rates[0] if len(rates) == 1 else None
    for tax in raw.parts("taxBreakdown"):
        details = tax.part("taxRateDetails")
        where = [details.text("country"), details.text("state")] if details else []
        included = ["included in the prices"] if only and only.flag("inclusive") else []
        yield Adjustment(
            label=(only.text("displayName") if only else "") or tax.text("taxType").upper() or "Tax",
            amount=major(tax.amount("taxAmount"), unit),
            unit=unit,
            percentage=only.amount("percentage") if only else None,
            detail=", ".join(filter(None, (*where, tax.text("taxabilityReason").replace("_", " "), *included))),
            external_id=only.text("taxRate") if only else "",
        )


def _facts(raw: Part) -> Iterator[tuple[str, str]]:
    if label := raw.text("poNumberLabel"):
        yield "Label of the PO number", label
    for label, name in (
        ("Product", "productTitle"),
        ("Payment id", "chargeId"),
        ("Tax source", "taxSource"),
        ("Invoice UUID", "invoiceUuid"),
        ("Store", "sellerId"),
    ):
        if text := raw.text(name):
            yield label, text
