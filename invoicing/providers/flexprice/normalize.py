"""A FlexPrice record in our words.

Units: amounts arrive as decimal strings in major units ("12.5" is 12.50), currencies in lower case.
Errors: PayloadNotUnderstood, naming the field.
"""

import re
from typing import Any

from invoicing.money import exact_text
from invoicing.providers.base import Context
from invoicing.providers.flexprice.lines import coupon, lines
from invoicing.providers.normalizing import Part, day_in, link_of, minus, plus, understood
from invoicing.providers.snapshots import Address, Adjustment, CustomerSnapshot, InvoiceSnapshot
from invoicing.vocabulary import ListedBy, Payment, Status

STATUSES = {
    "DRAFT": Status.DRAFT,
    "FINALIZED": Status.FINALIZED,
    "VOIDED": Status.VOID,
    "SKIPPED": Status.SKIPPED,  # a draft that came to nothing
}
PAYMENTS = {
    "PENDING": Payment.UNPAID,
    "INITIATED": Payment.PROCESSING,
    "PROCESSING": Payment.PROCESSING,
    "SUCCEEDED": Payment.PAID,
    "OVERPAID": Payment.OVERPAID,
    "FAILED": Payment.FAILED,
    "REFUNDED": Payment.REFUNDED,
    "PARTIALLY_REFUNDED": Payment.PARTLY_REFUNDED,
    "VOIDED": Payment.NOT_TRACKED,  # no invoice operation sets it, so whether anything is still owed is not said
}
TAX_KEYS = ("tax_id", "vat", "gstin", "pan")  # a customer has no tax id field; these metadata keys are in use
CURRENCY = re.compile(r"[A-Za-z]{3}", re.ASCII)


def invoice(payload: dict, context: Context) -> InvoiceSnapshot:
    with understood("FlexPrice invoice"):
        return _invoice(Part("FlexPrice invoice", payload), context)


def _invoice(raw: Part, context: Context) -> InvoiceSnapshot:
    words = (raw.required_text("invoice_status", 100), raw.required_text("payment_status", 100))
    status = STATUSES.get(words[0], Status.UNRECOGNIZED)
    payment = PAYMENTS.get(words[1], Payment.UNRECOGNIZED)
    amount_paid = raw.amount("amount_paid")
    if payment is Payment.UNPAID and amount_paid:
        payment = Payment.PARTLY_PAID
    unit = raw.required_text("currency")
    if not CURRENCY.fullmatch(unit):
        raise raw.wrong("currency", "is not a currency code")
    unit = unit.upper()
    coupons = raw.parts("coupon_applications")
    line_items = raw.parts("line_items")
    customer = _customer_of(raw, context)
    finalized_at, issue_date = raw.moment("finalized_at"), raw.moment("issue_date")
    issued = status is Status.FINALIZED or finalized_at is not None
    dates = {
        ListedBy.ISSUED: (issue_date or finalized_at) if issued else None,
        ListedBy.PLANNED: issue_date if status is Status.DRAFT else None,
        ListedBy.PERIOD_END: raw.moment("period_end"),
        ListedBy.CREATED: raw.moment("created_at"),
    }
    listed = next(((name, moment) for name, moment in dates.items() if moment), None)
    if listed is None:
        raise raw.wrong("created_at", "is missing, and there is no other date")
    return InvoiceSnapshot(
        provider="flexprice",
        external_id=raw.identifier("id"),
        status=status,
        payment_status=payment,
        provider_status=" / ".join(words),
        customer=customer,
        currency=unit,
        total=raw.required_amount("total"),
        listed_on=day_in(listed[1], "UTC"),
        listed_by=listed[0],
        number=raw.text("invoice_number", 255),
        subtotal=raw.amount("subtotal"),
        discount=raw.amount("total_discount"),
        credits=raw.amount("total_prepaid_credits_applied"),
        tax=raw.amount("total_tax"),
        amount_paid=amount_paid,
        amount_due=raw.amount("amount_remaining"),  # their amount_due ignores payments
        amount_refunded=raw.amount("refunded_amount"),
        issued_at=dates[ListedBy.ISSUED],
        planned_issue_at=dates[ListedBy.PLANNED],
        created_at=dates[ListedBy.CREATED],
        updated_at=raw.moment("updated_at"),
        finalized_at=finalized_at,
        voided_at=raw.moment("voided_at"),
        paid_at=raw.moment("paid_at"),
        due_date=raw.day("due_date"),
        period_start=raw.moment("period_start"),
        period_end=dates[ListedBy.PERIOD_END],
        kind=raw.text("invoice_type"),
        po_number=dict(raw.pairs("metadata")).get("po_number", "")[:255],
        memo=raw.text("description"),
        subscription_id=raw.reference("subscription_id"),
        lines=lines(line_items, coupons, unit),
        discounts=_discounts(raw, coupons, line_items, unit),
        credit_items=_credits(raw, unit),
        taxes=tuple(_tax(tax, unit) for tax in raw.parts("taxes")),
        billed_to=customer.address,
        replaced_by=raw.reference("recalculated_invoice_id"),
        has_pdf=True,  # drawn anew on each request, whatever the status
        links=_links(raw),
        notices=tuple(_notices(raw, unit)),
        facts=tuple(_facts(raw, unit)),
        unrecognized=tuple(
            f"{name}={word}"
            for name, word, known in (
                ("invoice_status", words[0], STATUSES),
                ("payment_status", words[1], PAYMENTS),
            )
            if word not in known
        ),
    )


def _customer_of(raw: Part, context: Context) -> CustomerSnapshot:
    """The invoiced customer. A single read may carry the subscription's, who can be another one."""
    customer_id = raw.identifier("customer_id")
    part = raw.part("customer")
    if part is not None and part.text("id") == customer_id:
        return _customer(part)
    return context.customers.get(customer_id) or CustomerSnapshot(external_id=customer_id)


def customer(payload: dict) -> CustomerSnapshot:
    with understood("FlexPrice customer"):
        return _customer(Part("FlexPrice customer", payload))


def _customer(raw: Part) -> CustomerSnapshot:
    return CustomerSnapshot(
        external_id=raw.identifier("id"),
        name=raw.text("name"),
        email=raw.text("email"),
        reference=raw.text("external_id", 255),
        timezone=raw.text("timezone"),
        currency=raw.text("billing_currency").upper(),
        address=_address(raw),
        archived=raw.text("status") in ("archived", "deleted"),
    )


def _address(raw: Part) -> Address | None:
    city = " ".join(filter(None, (raw.text("address_postal_code"), raw.text("address_city"))))
    metadata = dict(raw.pairs("metadata"))
    address = Address(
        name=raw.text("name"),
        email=raw.text("email"),
        phone=raw.text("contact"),
        lines=tuple(
            filter(
                None,
                (
                    raw.text("address_line1"),
                    raw.text("address_line2"),
                    ", ".join(filter(None, (city, raw.text("address_state")))),
                    raw.text("address_country"),
                ),
            )
        ),
        country=raw.text("address_country"),
        tax_id=next((metadata[key] for key in TAX_KEYS if metadata.get(key)), ""),
    )
    return address if address != Address() else None


def _discounts(raw: Part, coupons: list[Part], line_items: list[Part], unit: str) -> tuple[Adjustment, ...]:
    """Invoice-level coupons; where no list has told us the coupons, what the lines do not explain."""
    if coupons:
        return tuple(coupon(part, unit) for part in coupons if not part.text("invoice_line_item_id"))
    rest = plus(
        raw.amount("total_discount"),
        *(minus(line.amount("line_item_discount")) for line in line_items),
    )
    return (Adjustment(label="Discounts", amount=minus(rest), unit=unit),) if rest else ()


def _credits(raw: Part, unit: str) -> tuple[Adjustment, ...]:
    rows = (
        ("Prepaid credits", raw.amount("total_prepaid_credits_applied"), "Taken from the customer's wallet"),
        ("Credit notes", raw.amount("adjustment_amount"), "Lower the amount due, not the total"),
    )
    return tuple(
        Adjustment(label=label, amount=minus(amount), unit=unit, detail=detail)
        for label, amount, detail in rows
        if amount
    )


def _tax(raw: Part, unit: str) -> Adjustment:
    rate = raw.part("tax_rate")
    taxable = raw.amount("taxable_amount")
    fixed = rate is not None and rate.text("tax_rate_type") == "fixed"
    return Adjustment(
        label=(rate.text("name") if rate else "") or "Tax",
        amount=raw.amount("tax_amount"),
        unit=unit,
        percentage=rate.amount("percentage_value") if rate and not fixed else None,
        detail=f"on {exact_text(taxable)} {unit}" if taxable is not None else "",
        external_id=raw.reference("id"),
    )


def _links(raw: Part) -> tuple[tuple[str, str], ...]:
    hosted = link_of(raw.text("hosted_invoice_url"), ".flexprice.io")
    return (("Hosted invoice", hosted),) if hosted else ()


def _notices(raw: Part, unit: str) -> Any:
    if overpaid := raw.amount("overpaid_amount"):
        yield f"Overpaid by {exact_text(overpaid)} {unit}."
    if adjusted := raw.amount("adjustment_amount"):
        yield f"Credit notes lower the amount due by {exact_text(adjusted)} {unit}."
    if replacement := raw.reference("recalculated_invoice_id"):
        yield f"Replaced by {replacement}."
    if raw.text("status") in ("archived", "deleted"):
        yield "FlexPrice has archived this invoice and no longer lists it by default."
    if raw.flag("is_manually_edited"):
        yield "Its lines were edited by hand at FlexPrice, so they are not recomputed automatically."
    summary = raw.part("tax_summary")
    exemption = summary.part("exemption") if summary else None
    if exemption and exemption.text("reason"):
        yield f"Tax exemption: {exemption.text('reason')}"


def _facts(raw: Part, unit: str) -> Any:
    due = raw.amount("amount_due")
    if due is not None:
        yield "Amount due by FlexPrice, payments not deducted", f"{exact_text(due)} {unit}"
    for label, name in (
        ("Billing reason", "billing_reason"),
        ("Billing period", "billing_period"),
        ("Billing sequence", "billing_sequence"),
        ("Subscription owner", "subscription_customer_id"),
        ("Idempotency key", "idempotency_key"),
        ("Source", "source_type"),
        ("Stored PDF link", "invoice_pdf_url"),
        ("Environment", "environment_id"),
        ("Last computed", "last_computed_at"),
        ("Version", "version"),
    ):
        if text := raw.text(name):
            yield label, text
    custom = raw.part("custom_currency")
    if custom and custom.has("total"):
        yield "Total in custom currency", f"{custom.text('total')} {custom.text('code').upper()}"
    yield from raw.pairs("metadata")
