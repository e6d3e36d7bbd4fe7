"""Generated invoices and credit notes written out, as one read of them answers.

Links stand here without the address they are served at ("/assets/..."); whoever answers puts it before them.
"""

from datetime import timedelta
from decimal import Decimal

from ..wire import Raw
from .amounts import ZERO, local_day, midnight, money, quantum, stamp, text
from .blueprint import Blueprint, Times
from .customers import Customer
from .lines import taxed, totals

ASSETS = "/assets"


def links(identify, identity: str, version: int = 1) -> dict:
    """The keyless addresses of an issued invoice. A regenerated PDF has another version, so another address."""
    return {
        "invoice_pdf": f"{ASSETS}/invoice/{identity}/{identify('pdf', identity, version)}",
        "hosted_invoice_url": f"{ASSETS}/view/{identity}/{identify('view', identity)}",
    }


def receipt_link(identify, identity: str, version: int = 1) -> str:
    return f"{ASSETS}/receipt/{identity}/{identify('receipt', identity, version)}"


def due_on(customer: Customer, issued: str, net_terms: int) -> str:
    """Midnight at the customer's, so many days after the day of issue."""
    return stamp(midnight(customer.timezone, local_day(customer.timezone, issued) + timedelta(days=net_terms)))


def write_invoice(data, index: int) -> dict:
    """A generated invoice: `head` (all but its lines), `lines`, and `private`, which is not on the wire."""
    row, blueprint, when = data.rows[index], data.blueprint(index), data.times(index)
    customer, currency = data.customers.get(row.customer), data.currency(index)
    lines, applied = data.lines(index), data.applied(index)
    notes = [data.note(index, place) for place in range(len(blueprint.note_lines))]
    due = Decimal(totals(lines, currency)["total"]) - applied
    lowered = sum((Decimal(n["total"]) for n in notes if n["type"] == "adjustment" and not n["voided_at"]), ZERO)
    mine = [row_ for row_ in data.ledger(row.customer) if row_["invoice"] == {"id": row.id}]
    sequence = index + 41 if index < len(data.specimens) else 40 - blueprint.age
    head = bare_head(data, blueprint, customer, currency, lines, when)
    head |= {
        "id": row.id,
        "invoice_number": f"{data.customers.invoice_prefix(row.customer)}-{sequence:05d}",
        "amount_due": text(money(due - lowered, currency)),
        "customer_balance_transactions": mine,
        "credit_notes": [summary(note) for note in notes],
    }
    if blueprint.status != "draft":
        head |= links(data.identify, row.id)
        head |= _issued(data, row.id, blueprint, customer, when, money(due, currency), money(due - lowered, currency))
    private = new_private(row.customer, index, customer.net_terms)
    private["notes"] = {
        note["id"]: [[lines[wanted["line"]]["id"], note["line_items"][0]["amount"]]]
        for note, wanted in zip(notes, blueprint.note_lines, strict=True)
    }
    return {"head": head, "lines": lines, "private": private}


def new_private(customer: int, index: int, net_terms: int) -> dict:
    """What we keep of an invoice beside what is on the wire: versions of its documents, what was credited by line."""
    return {"customer": customer, "index": index, "net_terms": net_terms, "pdf": 1, "receipt": 1, "notes": {}}


def bare_head(data, blueprint: Blueprint, customer: Customer, currency: str, lines: list[dict], when: Times) -> dict:
    """Everything a draft has, in the order of the wire; the caller gives it its identity."""
    discounts = discounts_of(blueprint, lines)
    draft = blueprint.status == "draft"
    failed = min(when.eligible + timedelta(hours=1), when.settled)
    sums = totals(lines, currency)
    return {
        "id": "",
        "metadata": blueprint.metadata,
        "voided_at": None,
        "paid_at": None,
        "issued_at": None,
        "scheduled_issue_at": stamp(when.eligible) if draft and blueprint.will_auto_issue else None,
        "auto_collection": {
            "enabled": customer.collects and currency != "credits",
            "next_attempt_at": None,
            "previously_attempted_at": None,
            "num_attempts": 0,
        },
        "issue_failed_at": stamp(failed) if blueprint.issue_failed else None,
        "sync_failed_at": stamp(when.issued + timedelta(minutes=5)) if blueprint.sync_failed else None,
        "payment_failed_at": None,
        "payment_started_at": None,
        "payment_received_at": None,
        "amount_due": sums["total"],
        "created_at": stamp(when.created),
        "currency": currency,
        "customer": customer.tiny(),
        "due_date": None,
        "invoice_pdf": None,
        "invoice_number": "",
        "subscription": None if blueprint.source == "one_off" else {"id": customer.subscription_id},
        "total": sums["total"],
        "customer_balance_transactions": [],
        "status": blueprint.status,
        "invoice_source": blueprint.source,
        **data.customers.addresses(customer.number),
        "hosted_invoice_url": None,
        "will_auto_issue": blueprint.will_auto_issue,
        "eligible_to_issue_at": stamp(when.eligible) if draft else None,
        "customer_tax_id": data.customers.tax_id(customer.number),
        "memo": blueprint.memo,
        "credit_notes": [],
        "payment_attempts": [],
        "invoice_date": stamp(when.invoiced),
        "discount": discounts[0] if discounts else None,
        "discounts": discounts,
        **_bound("minimum", blueprint.minimum, lines),
        **_bound("maximum", blueprint.maximum, lines),
        "subtotal": sums["subtotal"],
        "hidden_line_item_count": 0,
    }


def discounts_of(blueprint: Blueprint, lines: list[dict]) -> list[dict]:
    """Invoice-level discounts with every key they have on the wire; over all lines when they name no prices."""
    prices = [line["price"]["id"] for line in lines]
    filters = [{"field": "price_id", "operator": "includes", "values": prices}]
    return [{"applies_to_price_ids": prices, "filters": filters, **discount} for discount in blueprint.discounts]


def _bound(name: str, amount: str | None, lines: list[dict]) -> dict:
    """An invoice's minimum or maximum, over the prices of its lines."""
    if amount is None:
        return {name: None, f"{name}_amount": None}
    prices = [line["price"]["id"] for line in lines]
    filters = [{"field": "price_id", "operator": "includes", "values": prices}]
    whole = {f"{name}_amount": amount, "filters": filters, "applies_to_price_ids": prices}
    return {name: whole, f"{name}_amount": amount}


def _issued(
    data, identity: str, blueprint: Blueprint, customer: Customer, when: Times, asked: Decimal, due: Decimal
) -> dict:
    """What an issued invoice has beyond a draft: dates, and the attempts to collect `asked`, at last `due`."""
    issued = stamp(when.issued)
    head = {"issued_at": issued, "due_date": due_on(customer, issued, customer.net_terms)}
    if blueprint.status == "void":
        head["voided_at"] = stamp(when.settled)
    if blueprint.status == "paid":
        head["paid_at"] = stamp(when.settled)
    attempts = [
        attempt(data.identify, identity, number, when.attempt(number), asked, customer, succeeded=False)
        for number in range(blueprint.failures)
    ]
    if attempts:
        head["payment_failed_at"] = stamp(when.attempt(len(attempts) - 1) + timedelta(seconds=6))
    if blueprint.payment == "in_flight":
        attempts.append(attempt(data.identify, identity, 0, when.attempt(0), asked, customer, succeeded=False))
    elif blueprint.status == "paid" and blueprint.payment == "by_hand":
        day = local_day(customer.timezone, head["paid_at"])
        head["payment_received_at"] = stamp(midnight(customer.timezone, day))
    elif blueprint.status == "paid" and blueprint.payment == "":
        at = when.settled - timedelta(seconds=51)
        paid = attempt(data.identify, identity, len(attempts), at, due, customer, succeeded=True)
        paid["receipt_pdf"] = receipt_link(data.identify, identity)
        attempts.append(paid)
        head["payment_received_at"] = stamp(when.settled - timedelta(seconds=33))
    last = attempts[-1]["created_at"] if attempts else None
    trying = blueprint.status == "issued" and customer.collects and 0 < blueprint.failures < 3
    head |= {
        "payment_attempts": attempts,
        "payment_started_at": last,
        "auto_collection": {
            "enabled": customer.collects,
            "next_attempt_at": stamp(data.midnight + timedelta(days=2)) if trying else None,
            "previously_attempted_at": last,
            "num_attempts": len(attempts),
        },
    }
    return head


def attempt(identify, identity: str, number: int, at, amount: Decimal, customer: Customer, *, succeeded: bool) -> dict:
    """One attempt to collect."""
    return {
        "id": identify("attempt", identity, number),
        "payment_provider": customer.charges,
        "payment_provider_id": f"pi_{identify('intent', identity, number)}" if customer.charges else None,
        "amount": text(amount),
        "succeeded": succeeded,
        "created_at": stamp(at),
        "receipt_pdf": None,
    }


def summary(note: dict) -> dict:
    """A credit note as its invoice shows it."""
    return {name: note[name] for name in ("id", "credit_note_number", "reason", "total", "type", "memo", "voided_at")}


def note_line(identity: str, line: dict, amount: Decimal, currency: str, subtotal: Decimal | None = None) -> dict:
    """The part of a line that is credited, with the tax that was on it."""
    share = amount / Decimal(line["amount"]) if Decimal(line["amount"]) else ZERO
    return {
        "id": identity,
        "name": line["name"],
        "subtotal": text(money(amount if subtotal is None else subtotal, currency)),
        "amount": text(money(amount, currency)),
        "quantity": line["quantity"],
        "item_id": line["price"]["item"]["id"],
        "tax_amounts": [
            {**tax, "amount": text(money(Decimal(tax["amount"]) * share, currency))} for tax in line["tax_amounts"]
        ],
        "discounts": [],
        "start_time_inclusive": line["start_date"],
        "end_time_exclusive": line["end_date"],
    }


def whole_note(identity: str, kind: str, invoice: dict, lines: list[dict], currency: str, **more) -> dict:
    """A credit note over the credited parts of lines; its total is theirs with tax."""
    amount = sum((Decimal(line["amount"]) for line in lines), ZERO)
    total = amount + sum((taxed(line) for line in lines), ZERO)
    return {
        "id": identity,
        "created_at": "",
        "voided_at": None,
        "credit_note_number": "",
        "invoice_id": invoice["id"],
        "memo": None,
        "reason": None,
        "type": kind,
        "subtotal": text(money(amount, currency)),
        "total": text(money(total, currency)),
        "customer": invoice["customer"],
        "credit_note_pdf": None,
        "minimum_amount_refunded": None,
        "discounts": [],
        "maximum_amount_adjustment": None,
        "line_items": lines,
        **more,
    }


def write_note(data, index: int, place: int) -> dict:
    """A generated credit note, on one line of its invoice."""
    row, wanted, when = data.rows[index], data.blueprint(index).note_lines[place], data.times(index)
    currency, line = data.currency(index), data.lines(index)[wanted["line"]]
    amount = money(Decimal(wanted["amount"] or Decimal(line["amount"]) / 10), currency)
    identity = data.identify("note", index, place)
    created = min(when.issued + timedelta(hours=20 - place), data.midnight - timedelta(minutes=30 + place))
    full = wanted.get("full")
    subtotal = money(amount / Decimal("0.9"), currency) if full else None
    credited = note_line(data.identify("note line", index, place), line, amount, currency, subtotal)
    more = {}
    if full:  # shows every key; the discount was on the line already, so the note takes it off again
        price, saved = line["price"], text(subtotal - amount)
        credited["discounts"] = [{
            "id": data.identify("note discount", index, place),
            "discount_type": "percentage",
            "percentage_discount": Raw("0.1"),
            "amount_discount": text(ZERO.quantize(quantum(currency))),
            "amount_applied": saved,
            "applies_to_price_ids": [price["id"]],
            "reason": None,
        }]  # fmt: skip
        whole = {"discount_type": "percentage", "percentage_discount": Raw("0.1"), "amount_applied": saved}
        prices = [{"id": price["id"], "name": price["name"]}]
        nothing = {**whole, "percentage_discount": Raw("0.0"), "amount_applied": text(ZERO.quantize(quantum(currency)))}
        more = {
            "discounts": [{**whole, "reason": None, "applies_to_prices": prices}],
            "maximum_amount_adjustment": {**nothing, "reason": "Cap", "applies_to_prices": None},
            "minimum_amount_refunded": nothing["amount_applied"],
        }
    invoice = {"id": row.id, "customer": data.customers.get(row.customer).tiny()}
    return whole_note(
        identity, wanted.get("type", "adjustment"), invoice, [credited], currency,
        created_at=stamp(created),
        voided_at=stamp(created + timedelta(minutes=20)) if wanted.get("voided") else None,
        credit_note_number=f"CN-{data.customers.invoice_prefix(row.customer)}-{index % 10000 * 10 + place:05d}",
        memo=wanted.get("memo"),
        reason=wanted["reason"],
        credit_note_pdf=f"{ASSETS}/credit_note/{identity}/{data.identify('pdf', identity, 1)}",
        **more,
    )  # fmt: skip
