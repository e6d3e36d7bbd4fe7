"""A Metronome record in our words.

Units: see units.py. Days are UTC's.
Errors: PayloadNotUnderstood, naming the field.
"""

from collections.abc import Iterator
from datetime import date

from invoicing.providers.base import Context
from invoicing.providers.metronome.lines import line
from invoicing.providers.metronome.units import Unit, unit_of
from invoicing.providers.normalizing import Part, days_after, minus, plus, understood
from invoicing.providers.snapshots import Address, Adjustment, CustomerSnapshot, InvoiceSnapshot, OutsideCopy
from invoicing.vocabulary import ListedBy, Payment, Status

STATUSES = {"DRAFT": Status.DRAFT, "FINALIZED": Status.FINALIZED, "VOID": Status.VOID}
OUTSIDE = {  # the copy in the billing provider is the only thing that knows of payment
    "DRAFT": Payment.UNPAID,
    "QUEUED": Payment.UNPAID,
    "SENT": Payment.UNPAID,
    "FINALIZED": Payment.UNPAID,
    "PAID": Payment.PAID,
    "PARTIALLY_PAID": Payment.PARTLY_PAID,
    "PAYMENT_FAILED": Payment.FAILED,
    "UNCOLLECTIBLE": Payment.UNCOLLECTIBLE,
    "VOID": Payment.NOT_TRACKED,  # nothing is collected there
    "DELETED": Payment.NOT_TRACKED,
    "SKIPPED": Payment.NOT_TRACKED,
    "INVALID_REQUEST_ERROR": Payment.NOT_TRACKED,
}
ENDED_OUTSIDE = ("VOID", "DELETED", "SKIPPED", "INVALID_REQUEST_ERROR", "UNCOLLECTIBLE")
NOT_COMPUTED = "DRAFT_INCOMPLETE"  # known from the data export: no lines and no total yet
UNDATED = date(1970, 1, 1)  # only an id, a status and amounts are promised; such an invoice is listed last


def invoice(payload: dict, context: Context) -> InvoiceSnapshot:
    with understood("Metronome invoice"):
        return _invoice(Part("Metronome invoice", payload), context)


def _invoice(raw: Part, context: Context) -> InvoiceSnapshot:
    word = raw.required_text("status")
    status = STATUSES.get(word, Status.UNRECOGNIZED)
    unit = unit_of(raw, context.units)
    outside = raw.part("external_invoice")
    outside_word = outside.text("external_status") if outside else ""
    payment = OUTSIDE.get(outside_word, Payment.UNRECOGNIZED) if outside_word else Payment.NOT_TRACKED
    customer_id = raw.identifier("customer_id")
    who = context.customers.get(customer_id) or CustomerSnapshot(external_id=customer_id)
    items = raw.parts("line_items") if word == NOT_COMPUTED else raw.required_parts("line_items")
    if word != NOT_COMPUTED:
        raw.required_amount("total")
    grants = tuple(
        _grant(part, unit_of(part, context.units) if part.has("credit_type") else unit)
        for part in raw.parts("invoice_adjustments")
    )
    issued = raw.moment("issued_at") if status in (Status.FINALIZED, Status.VOID) else None
    planned = None if issued else raw.moment("issued_at")  # a draft's is a plan, and proves nothing
    days = raw.amount("net_payment_terms_days")
    terms = int(days) if days is not None and days == days.to_integral_value() else None
    listed_on, listed_by = _listed(raw)
    if listed_by == ListedBy.ISSUED and not issued:
        listed_by = ListedBy.PLANNED
    return InvoiceSnapshot(
        provider="metronome",
        external_id=raw.identifier("id"),
        status=status,
        payment_status=payment,
        provider_status=" / ".join(filter(None, (word, outside_word))),
        unrecognized=tuple(
            f"{name}={said}"
            for name, said, known in (("status", word, STATUSES), ("external_status", outside_word, OUTSIDE))
            if said and said not in known
        ),
        customer=who,
        currency=unit.name,
        total=unit.amount(raw, "total"),
        subtotal=unit.amount(raw, "subtotal"),
        credits=minus(plus(*(grant.amount for grant in grants if grant.unit == unit.name))),
        listed_on=listed_on,
        listed_by=listed_by,
        issued_at=issued,
        planned_issue_at=planned,
        created_at=raw.moment("created_at"),
        due_date=days_after(issued.date(), terms) if issued and terms is not None else None,
        period_start=raw.moment("start_timestamp"),
        period_end=raw.moment("end_timestamp"),
        kind=raw.text("type"),
        lines=tuple(line(item, position, unit, context.units) for position, item in enumerate(items)),
        credit_items=grants,
        billed_to=Address(name=who.name) if who.name else None,
        outside_copy=_copy(outside, unit) if outside else None,
        replaces=raw.reference("regenerated_from_invoice_id"),
        constituents=tuple(part.identifier("invoice_id") for part in raw.parts("constituent_invoices")),
        has_pdf=status != Status.UNRECOGNIZED,  # drawn anew on each request
        notices=tuple(_notices(raw, word, outside, outside_word)),
        facts=tuple(_facts(raw, terms)),
        handles={"customer_id": customer_id, **_handle(raw, "contract_id")},
    )


def _handle(raw: Part, name: str) -> dict[str, str]:
    value = raw.reference(name)
    return {name: value} if value else {}


def _listed(raw: Part) -> tuple[date, ListedBy]:
    for name, by in (
        ("issued_at", ListedBy.ISSUED),
        ("end_timestamp", ListedBy.PERIOD_END),
        ("created_at", ListedBy.CREATED),
        ("start_timestamp", ListedBy.CREATED),
    ):
        if day := raw.day(name):
            return day, by
    return UNDATED, ListedBy.CREATED


def _grant(raw: Part, unit: Unit) -> Adjustment:
    raw.required_amount("total")
    return Adjustment(
        label=raw.text("name") or "Credit grant",
        amount=unit.amount(raw, "total"),
        unit=unit.name,
        detail="Credit grant" if raw.has("credit_grant_id") else "",
        external_id=raw.reference("credit_grant_id"),
    )


def _copy(raw: Part, unit: Unit) -> OutsideCopy:
    """Amounts there are taken to be counted as the invoice's own; no source says so outright."""
    tax = raw.part("tax")
    return OutsideCopy(
        system=raw.text("billing_provider_type").replace("_", " "),
        status=raw.text("external_status"),
        external_id=raw.text("invoice_id", 255),
        total=unit.amount(raw, "invoiced_total"),
        tax=unit.amount(tax, "total_tax_amount") if tax else None,
        error=raw.text("billing_provider_error"),
    )


def customer(payload: dict) -> CustomerSnapshot:
    """Metronome keeps no e-mail, address, tax id or currency."""
    with understood("Metronome customer"):
        raw = Part("Metronome customer", payload)
        external_id, aliases = raw.identifier("id"), raw.texts("ingest_aliases")
        reference = aliases[0] if aliases else raw.text("external_id", 255)
        return CustomerSnapshot(
            external_id=external_id,
            name=raw.text("name"),
            reference="" if reference == external_id else reference[:255],
            archived=raw.has("archived_at"),
        )


def _notices(raw: Part, word: str, outside: Part | None, outside_word: str) -> Iterator[str]:
    system = outside.glance("billing_provider_type").replace("_", " ") if outside else ""
    if word == "VOID" and outside_word and outside_word not in ENDED_OUTSIDE:
        yield f"Void at Metronome, but the copy in {system or 'the billing provider'} is {outside_word}."
    if outside and (error := outside.glance("billing_provider_error")):
        yield f"{system or 'The billing provider'} refused it: {error}"
    for part in raw.parts("revenue_system_invoices"):
        if error := part.glance("error_message"):
            yield f"{part.glance('revenue_system_provider')} could not take it: {error}"
    if raw.glance("billable_status") == "unbillable":
        yield "Unbillable: Metronome does not send it to the billing provider."
    if contained := len(raw.parts("constituent_invoices")):
        yield f"Contains {contained} other invoice{'s, which are' if contained > 1 else ', which is'} not counted again."
    payer = raw.part("payer")
    if payer and payer.glance("customer_id") not in ("", raw.glance("customer_id")):
        yield f"Another customer pays for it: {payer.glance('customer_id')}."
    if correction := raw.part("correction_record"):
        words = ", ".join(filter(None, (correction.glance("reason"), correction.glance("memo"))))
        yield f"Corrects invoice {correction.glance('corrected_invoice_id')}: {words or 'no reason given'}."
    if word == NOT_COMPUTED:
        yield "Metronome has not computed it yet."
    if not any(raw.has(name) for name in ("issued_at", "end_timestamp", "created_at", "start_timestamp")):
        yield "Metronome gives no date for it."


def _facts(raw: Part, terms: int | None) -> Iterator[tuple[str, str]]:
    if terms is not None:
        yield "Payment terms", f"{terms} days"
    for label, name in (
        ("Contract", "contract_id"),
        ("Amendment", "amendment_id"),
        ("Plan", "plan_name"),
        ("NetSuite sales order", "netsuite_sales_order_id"),
        ("Salesforce opportunity", "salesforce_opportunity_id"),
    ):
        if text := raw.glance(name):
            yield label, text
    if outside := raw.part("external_invoice"):
        if paid := outside.glance("external_payment_id"):
            yield "Payment there", paid
        if sent := outside.moment("issued_at_timestamp"):
            yield "Issued there", f"{sent:%Y-%m-%d %H:%M} UTC"
    for part in raw.parts("revenue_system_invoices"):
        where = " ".join(
            filter(None, (part.glance("revenue_system_provider"), part.glance("revenue_system_external_entity_type")))
        )
        yield (
            where or "Revenue system",
            " ".join(filter(None, (part.glance("revenue_system_external_entity_id"), part.glance("sync_status")))),
        )
    if royalty := raw.part("reseller_royalty"):
        yield "Reseller royalty", " ".join(filter(None, (royalty.glance("fraction"), royalty.glance("reseller_type"))))
    for name in ("custom_fields", "contract_custom_fields", "customer_custom_fields", "plan_custom_fields"):
        yield from raw.pairs(name)
