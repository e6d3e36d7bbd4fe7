"""Invoices as rows of the mirror, written directly: for tests of what is made of rows, not of how they come to be."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count

from invoicing.mirror import containment
from invoicing.mirror.rows import sort_name
from invoicing.mirror.summary import Cells, change
from invoicing.models import Book, Connection, Customer, Invoice, InvoiceTotal, LineItem, LineText
from invoicing.models.search import fold
from invoicing.money import micros, split
from invoicing.vocabulary import OWED, Environment, ListedBy, Payment, Status

NEVER = date(9999, 12, 31)
READ_AT = datetime(2026, 3, 15, 8, 30, tzinfo=UTC)
_numbers = count(1)


def make_customer(connection: Connection, name: str = "Acme GmbH", **fields) -> Customer:
    external_id = fields.pop("external_id", f"cus_{fold(name)[:40]}")
    found = Customer.objects.filter(connection=connection, external_id=external_id).first()
    searched = fold(name, fields.get("email", ""), fields.get("reference", ""), external_id)
    return found or Customer.objects.create(
        connection=connection, external_id=external_id, name=name, search_text=searched, read_at=READ_AT, **fields
    )


def make_invoice(
    connection: Connection,
    *,
    total: str | None = "19.99",
    due: str | None = None,
    currency: str = "USD",
    status: str = Status.FINALIZED,
    payment: str = Payment.UNPAID,
    customer: str | Customer = "Acme GmbH",
    listed_on: date = date(2026, 3, 1),
    due_date: date | None = None,
    further: dict[str, str] | None = None,
    lines: tuple[str, ...] = (),
    gone: bool = False,
    **fields,
) -> Invoice:
    """One invoice with its customer, line texts, further totals and its share of the summary.

    Amounts are text in major units. `due` is what is left to pay: of an owed invoice the total, unless said otherwise.
    """
    nth = next(_numbers)
    external_id = fields.pop("external_id", f"in_{nth}")
    number = fields.pop("number", f"INV-{nth:05d}")
    whom = make_customer(connection, customer) if isinstance(customer, str) else customer
    amount = None if total is None else Decimal(total)
    owed = status == Status.FINALIZED and payment in OWED
    left = Decimal(due) if due is not None else amount if owed else None
    row = Invoice.objects.create(
        connection=connection,
        external_id=external_id,
        book=Book.of(connection.direction, live=connection.environment == Environment.LIVE, gone=gone),
        customer=whom,
        number=number,
        status=status,
        payment_status=payment,
        provider_status=fields.pop("provider_status", str(status)),
        currency=currency,
        total=amount,
        amount_due=left,
        total_micros=0 if amount is None else micros(amount),
        due_micros=0 if left is None else micros(left),
        sub_micro=any(each is not None and split(each)[2] != 0 for each in (amount, left)),
        outstanding=owed and left is not None and left > 0,
        listed_on=listed_on,
        listed_by=fields.pop("listed_by", ListedBy.ISSUED),
        due_date=due_date,
        due_sort=due_date or NEVER,
        customer_sort=sort_name(whom.name),
        search_text=fold(number, external_id, fields.get("po_number", "")),
        gone_at=READ_AT if gone else None,
        read_at=READ_AT,
        **fields,
    )
    for unit, text in (further or {}).items():
        each = Decimal(text)
        InvoiceTotal.objects.create(invoice=row, book=row.book, unit=unit, total=each, total_micros=micros(each))
    for position, text in enumerate(lines):
        known, _ = LineText.objects.get_or_create(
            digest=text.encode().ljust(16)[:16], defaults={"text": text, "search_text": fold(text)}
        )
        LineItem.objects.create(invoice=row, position=position, text=known, unit=currency)
    cells = Cells()
    cells.add(containment.counted(row, containment.further_totals([row.pk]).get(row.pk, ())))
    change(cells)
    return row
