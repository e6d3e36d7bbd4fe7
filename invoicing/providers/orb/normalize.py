"""An Orb record in our words.

Units: amounts arrive as decimal strings in major units ("19.99" is 19.99 dollars). Days are midnights of the customer's
time zone, written in UTC.
Errors: PayloadNotUnderstood, naming the field.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from invoicing.money import exact_text
from invoicing.providers.base import Context
from invoicing.providers.normalizing import Part, day_in, link_of, minus, plus, understood, zone_of
from invoicing.providers.orb.lines import line, percent, unit_of
from invoicing.providers.snapshots import (
    Address,
    Adjustment,
    CustomerSnapshot,
    InvoiceSnapshot,
    LineSnapshot,
    PaymentSnapshot,
)
from invoicing.vocabulary import ListedBy, Payment, Status

STATUSES = {  # Orb has one word where we keep two
    "draft": (Status.DRAFT, Payment.UNPAID),
    "issued": (Status.FINALIZED, Payment.UNPAID),
    "synced": (Status.FINALIZED, Payment.NOT_TRACKED),  # collected by another system, which Orb does not hear from
    "paid": (Status.FINALIZED, Payment.PAID),
    "void": (Status.VOID, Payment.UNPAID),
}
UNRECOGNIZED = (Status.UNRECOGNIZED, Payment.UNRECOGNIZED)
OWN_HOSTS = (".withorb.com",)
ON_THIS_INVOICE = ("applied_to_invoice", "return_from_voiding")  # balance movements that change what is to be paid
NOTHING = Decimal(0)


def invoice(payload: dict, context: Context) -> InvoiceSnapshot:
    with understood("Orb invoice"):
        return _invoice(Part("Orb invoice", payload), context)


def _invoice(raw: Part, context: Context) -> InvoiceSnapshot:
    word = raw.required_text("status")
    status, payment = STATUSES.get(word, UNRECOGNIZED)
    who = _customer_of(raw.required_part("customer"), context)
    zone = zone_of(who.timezone).key
    unit = unit_of(raw.required_text("currency"))
    items = raw.required_parts("line_items")
    lines = tuple(line(item, position, unit) for position, item in enumerate(items))
    taxes = _together(tax for each in lines for tax in each.taxes)
    draft = status == Status.DRAFT
    planned = (raw.moment("scheduled_issue_at") or raw.moment("eligible_to_issue_at")) if draft else None
    listed_on, listed_by = _listed(raw, zone, draft, planned)
    attempts = tuple(_payment(part, unit) for part in raw.parts("payment_attempts"))
    balance = tuple(_balance(part, unit, zone) for part in raw.parts("customer_balance_transactions"))
    credit_items = (*balance, *(_credit_note(part, unit, zone) for part in raw.parts("credit_notes")))
    if "amount_due" not in raw.members:  # null is allowed: an invoice in credits has none
        raise raw.wrong("amount_due", "is missing")
    return InvoiceSnapshot(
        provider="orb",
        external_id=raw.identifier("id"),
        number=raw.text("invoice_number"),
        status=status,
        payment_status=payment,
        provider_status=word,
        unrecognized=() if word in STATUSES else (f"status={word}",),
        customer=who,
        currency=unit,
        total=raw.required_amount("total"),
        subtotal=raw.required_amount("subtotal"),
        discount=_discount(lines, unit),
        credits=minus(plus(*(item.amount for item in credit_items))),
        tax=plus(*(tax.amount for tax in taxes)),
        amount_paid=plus(*(attempt.amount for attempt in attempts if attempt.status == "succeeded")),
        amount_due=raw.amount("amount_due"),
        listed_on=listed_on,
        listed_by=listed_by,
        issued_at=raw.moment("issued_at"),
        finalized_at=raw.moment("issued_at"),
        planned_issue_at=planned,
        created_at=raw.moment("created_at"),
        voided_at=raw.moment("voided_at"),
        paid_at=raw.moment("paid_at"),
        due_date=raw.day("due_date", zone),
        timezone=zone,
        kind=raw.text("invoice_source"),
        memo=raw.text("memo", 10_000),
        subscription_id=_id_in(raw.part("subscription")),
        lines=lines,
        discounts=tuple(_invoice_discount(part, unit) for part in raw.parts("discounts")),
        credit_items=credit_items,
        taxes=taxes,
        payments=attempts,
        billed_to=_address(raw.part("billing_address"), raw.part("customer_tax_id"), who),
        has_pdf=raw.has("invoice_pdf"),
        links=_links(raw),
        notices=tuple(_notices(raw, word, zone)),
        facts=tuple(_facts(raw, unit, zone)),
        handles={
            "customer_id": who.external_id,
            "will_auto_issue": "true" if raw.flag("will_auto_issue") else "false",
        },
    )


def _listed(raw: Part, zone: str, draft: bool, planned: datetime | None) -> tuple[date, ListedBy]:
    issued, dated = raw.moment("issued_at"), raw.moment("invoice_date") or raw.moment("target_date")
    if issued and not draft:
        return day_in(issued, zone), ListedBy.ISSUED
    if meant := planned or dated:
        return day_in(meant, zone), ListedBy.PLANNED
    return day_in(raw.required_moment("created_at"), zone), ListedBy.CREATED


def customer(payload: dict) -> CustomerSnapshot:
    with understood("Orb customer"):
        raw = Part("Orb customer", payload)
        bare = CustomerSnapshot(
            external_id=raw.identifier("id"),
            name=raw.text("name"),
            email=raw.text("email"),
            reference=raw.text("external_customer_id", 255),
            timezone=raw.text("timezone"),
            currency=unit_of(raw.text("currency")),
        )
        return replace(bare, address=_address(raw.part("billing_address"), raw.part("tax_id"), bare))


def _customer_of(raw: Part, context: Context) -> CustomerSnapshot:
    """An invoice names its customer by ids alone; name, e-mail and time zone are on the customer."""
    known = context.customers.get(raw.identifier("id"))
    return known or CustomerSnapshot(external_id=raw.identifier("id"), reference=raw.text("external_customer_id", 255))


def _id_in(raw: Part | None) -> str:
    return raw.reference("id") if raw else ""


def _address(raw: Part | None, tax_id: Part | None, who: CustomerSnapshot) -> Address | None:
    """As frozen on the invoice, with the name and e-mail the customer has now."""
    town = ""
    if raw:
        town = ", ".join(
            filter(None, (raw.text("city"), " ".join(filter(None, (raw.text("state"), raw.text("postal_code"))))))
        )
    address = Address(
        name=who.name,
        email=who.email,
        lines=tuple(filter(None, (raw.text("line1"), raw.text("line2"), town, raw.text("country")))) if raw else (),
        country=raw.text("country") if raw else "",
        tax_id=" ".join(filter(None, (tax_id.text("type"), tax_id.text("value")))) if tax_id else "",
    )
    return address if address != Address() else None


def _discount(lines: tuple[LineSnapshot, ...], unit: str) -> Decimal | None:
    """All discounts of all lines together; None where Orb's figures do not let us tell."""
    found = [item for each in lines for item in each.adjustments if item.label.lower().endswith("discount")]
    if not found or any(item.amount is None or item.unit != unit for item in found):
        return None
    return minus(plus(*(item.amount for item in found)))


def _together(taxes: Iterator[Adjustment]) -> tuple[Adjustment, ...]:
    """The lines' taxes, one row per rate."""
    rows: dict[tuple, Adjustment] = {}
    for tax in taxes:
        key = (tax.label, tax.percentage)
        so_far = rows[key].amount if key in rows else None
        rows[key] = Adjustment(
            label=tax.label, amount=plus(so_far, tax.amount), unit=tax.unit, percentage=tax.percentage
        )
    return tuple(rows.values())


def _invoice_discount(raw: Part, unit: str) -> Adjustment:
    """What was agreed. What it came to is in the lines, so no figure here counts again."""
    share = raw.amount("percentage_discount") or raw.amount("trial_percentage_discount")
    figure = raw.amount("amount_discount") or raw.amount("trial_amount_discount")
    return Adjustment(
        label=f"{raw.text('discount_type').replace('_', ' ').capitalize()} discount".strip(),
        amount=None,
        unit=unit,
        percentage=percent(share),
        detail=", ".join(filter(None, (raw.text("reason"), f"{exact_text(figure)} {unit}" if figure else ""))),
    )


def _balance(raw: Part, unit: str, zone: str) -> Adjustment:
    """A movement of the customer's balance. Its own type and sample contradict each other: before and after decide."""
    action = raw.text("action")
    moved = plus(raw.required_amount("ending_balance"), minus(raw.required_amount("starting_balance")))
    at = raw.moment("created_at")
    counted = moved if action in ON_THIS_INVOICE else NOTHING
    shown = "" if action in ON_THIS_INVOICE else f", {exact_text(moved or NOTHING)} {unit}"
    return Adjustment(
        label=action.replace("_", " ").capitalize() or "Balance",
        amount=counted,
        unit=unit,
        detail=f"Customer balance{f' on {day_in(at, zone)}' if at else ''}{shown}",
        external_id=raw.reference("id"),
    )


def _credit_note(raw: Part, unit: str, zone: str) -> Adjustment:
    """An adjustment lowers the amount due; a refund goes to the customer's balance; a voided one does nothing."""
    total, voided = raw.required_amount("total"), raw.moment("voided_at")
    kind = raw.text("type")
    lowers = kind == "adjustment" and not voided
    detail = [raw.text("reason"), raw.text("memo")]
    if not lowers:
        detail.append(f"{exact_text(total)} {unit}")
        detail.append(f"voided on {day_in(voided, zone)}" if voided else kind)
    return Adjustment(
        label=f"Credit note {raw.text('credit_note_number')}".strip(),
        amount=minus(total) if lowers else NOTHING,
        unit=unit,
        detail=", ".join(filter(None, detail)),
        external_id=raw.reference("id"),
    )


def _payment(raw: Part, unit: str) -> PaymentSnapshot:
    return PaymentSnapshot(
        amount=raw.amount("amount"),
        unit=unit,
        status="succeeded" if raw.flag("succeeded") else "not succeeded",
        at=raw.moment("created_at"),
        method=raw.text("payment_provider"),
        external_id=raw.reference("id"),
    )


def _links(raw: Part) -> tuple[tuple[str, str], ...]:
    hosted = link_of(raw.text("hosted_invoice_url"), *OWN_HOSTS)
    return (("Customer's page", hosted),) if hosted else ()


def _notices(raw: Part, word: str, zone: str) -> Iterator[str]:
    """Stamps of failures stay set after a later success, so they are compared before anything is claimed."""
    started, failed = raw.moment("payment_started_at"), raw.moment("payment_failed_at")
    issue_failed, sync_failed = raw.moment("issue_failed_at"), raw.moment("sync_failed_at")
    if word == "draft" and issue_failed:
        yield f"Issuing failed on {day_in(issue_failed, zone)}."
    if word == "draft" and raw.flag("will_auto_issue"):
        yield "Orb issues this draft by itself when its time comes."
    if word == "issued" and failed and (not started or failed >= started):
        yield f"The last payment failed on {day_in(failed, zone)}."
    elif word == "issued" and started:
        yield f"A payment is under way since {day_in(started, zone)}; bank transfers take days."
    if word == "issued" and sync_failed:
        yield f"Handing it to the outside system failed on {day_in(sync_failed, zone)}."
    if word == "synced":
        yield "Another system collects this invoice. Orb does not hear of payments there."
    if hidden := raw.whole("hidden_line_item_count"):
        yield f"{hidden} line{'s' if hidden > 1 else ''} without quantity left out by Orb."


def _facts(raw: Part, unit: str, zone: str) -> Iterator[tuple[str, str]]:
    if dated := raw.day("invoice_date", zone):
        yield "Invoice date", dated.isoformat()
    collection = raw.part("auto_collection")
    if collection and collection.has("enabled"):
        yield "Automatic collection", "on" if collection.flag("enabled") else "off"
        if again := collection.moment("next_attempt_at"):
            yield "Next attempt", f"{again:%Y-%m-%d %H:%M} UTC"
        if tried := collection.whole("num_attempts"):
            yield "Attempts", str(tried)
    for label, name in (("Minimum", "minimum_amount"), ("Maximum", "maximum_amount")):
        figure = raw.amount(name)
        if figure is not None:
            yield label, f"{exact_text(figure)} {unit}"
    if received := raw.day("payment_received_at", zone):
        yield "Payment received", received.isoformat()
    yield from raw.pairs("metadata")
