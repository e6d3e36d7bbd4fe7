"""Below the lines: what leads from the subtotal to what is to be paid, the totals of other units, and the payments."""

from collections.abc import Iterator
from decimal import Decimal

from invoicing.documents import figures, styles
from invoicing.documents.columns import FigureColumn
from invoicing.documents.rows import adjustment_text
from invoicing.documents.sheet import BAND, INK, LEFT, RIGHT, WIDTH, Sheet, Style, shrunk
from invoicing.documents.subject import Subject
from invoicing.documents.text import NAME, clean, fitted
from invoicing.money import total_of
from invoicing.providers.snapshots import Adjustment, PaymentSnapshot

BLOCK = LEFT + WIDTH * 0.46  # where the totals begin, or farther left
NARROWEST_TEXT = 140.0
PAD = 6.0
WIDEST_UNIT, WIDEST_FIGURE = 90.0, 110.0

TotalRow = tuple[str, Decimal | None, str, Style]


def draw_totals(sheet: Sheet, subject: Subject) -> None:
    rows = [(text, value, clean(unit, 40), style) for text, value, unit, style in _total_rows(subject)]
    texts = [figures.amount(value, unit) for _, value, unit, _ in rows]
    column = FigureColumn(texts, right=RIGHT - PAD, widest=WIDEST_FIGURE, style=styles.TOTAL)
    unit_width = min(max(styles.LABEL.width(unit) for _, _, unit, _ in rows), WIDEST_UNIT)
    right = RIGHT - PAD - column.width - 8 - unit_width - 8
    left = min(BLOCK, right - NARROWEST_TEXT)
    prepared = [(row, row[3].wrapped(row[0], right - left)) for row in rows]
    heights = [len(lines) * row[3].leading + 5 for row, lines in prepared]
    sheet.room(min(sum(heights) + 10, 260))
    sheet.y -= 6
    for (row, lines), height in zip(prepared, heights, strict=True):
        sheet.room(height)
        _total_row(sheet, row, lines, height, column, left)
    sheet.y -= 6


def _total_row(sheet: Sheet, row: TotalRow, lines: list[str], height: float, column: FigureColumn, left: float) -> None:
    _, value, unit, style = row
    if style is styles.TOTAL:
        sheet.box(left - PAD, sheet.y - height, RIGHT - left + PAD, height, BAND)
        sheet.rule(sheet.y, left - PAD, RIGHT, INK, 0.6)
    y = first = sheet.y - 2.5 - style.size * 1.1
    for line in lines:
        sheet.write(left, y, line, style)
        y -= style.leading
    sheet.write_right(RIGHT - PAD - column.width - 8, first, unit, shrunk(styles.LABEL, unit, WIDEST_UNIT))
    column.write(sheet, first, figures.amount(value, unit), style)
    sheet.y -= height


def _total_rows(subject: Subject) -> Iterator[TotalRow]:
    invoice, unit = subject.invoice, subject.invoice.currency
    if invoice.subtotal is not None:
        yield "Subtotal", invoice.subtotal, unit, styles.BODY
    yield from _items("Discount", "Discounts", invoice.discounts, invoice.discount, unit, sign=-1)
    credits = list(_items("Credit", "Credits", invoice.credit_items, invoice.credits, unit, sign=-1))
    if subject.credits_lower_the_total:
        yield from credits
    yield from _items("Tax", "Taxes", invoice.taxes, invoice.tax, unit, sign=1)
    yield "Total", invoice.total, unit, styles.TOTAL
    for further in invoice.further_totals:
        yield "Total", further.amount, further.unit, styles.TOTAL
    if not subject.credits_lower_the_total:
        yield from credits
    if invoice.amount_paid is not None:
        yield "Paid", _negative(invoice.amount_paid), unit, styles.BODY
    if invoice.amount_refunded:
        yield "Refunded", invoice.amount_refunded, unit, styles.BODY
    if invoice.amount_due is not None:
        yield "Amount due", invoice.amount_due, unit, styles.TOTAL
    for balance in invoice.balances:
        yield "Left in the account", balance.amount, balance.unit, styles.MUTED


def _items(
    one: str, several: str, items: tuple[Adjustment, ...], together: Decimal | None, unit: str, *, sign: int
) -> Iterator[TotalRow]:
    """Each item; their sum as the provider gives it where the items alone do not show it."""
    for item in items:
        text = adjustment_text(item)
        yield (text if one.lower() in text.lower() else f"{one}: {text}"), item.amount, item.unit, styles.BODY
    if together is None or (not items and not together):
        return
    signed = together if sign > 0 else _negative(together)
    amounts = [item.amount for item in items if item.unit == unit and item.amount is not None]
    if len(amounts) != 1 or len(items) != 1 or total_of(amounts) != signed:
        yield (f"{several} together" if items else several), signed, unit, styles.MUTED if items else styles.BODY


def _negative(value: Decimal) -> Decimal:
    return value.copy_negate() if value else value


def draw_payments(sheet: Sheet, subject: Subject) -> None:
    payments = subject.invoice.payments
    if not payments:
        return
    sheet.room(60)
    sheet.y -= 20
    sheet.write(LEFT, sheet.y, "Payments", styles.HEADING)
    sheet.y -= 6
    for payment in payments:
        _payment(sheet, subject, payment)
    sheet.rule(sheet.y)
    sheet.y -= 4


def _payment(sheet: Sheet, subject: Subject, payment: PaymentSnapshot) -> None:
    when = figures.instant(payment.at, subject.zone) if payment.at else "Date not stated"
    words = [clean(word, NAME) for word in (payment.method, payment.external_id) if word]
    lines = styles.BODY.wrapped(" · ".join(words), 190) if words else [""]
    height = len(lines) * styles.BODY.leading + 7
    sheet.room(height)
    sheet.rule(sheet.y)
    y = sheet.y - 4 - styles.BODY.size * 1.04
    sheet.write(LEFT, y, fitted(clean(when), styles.BODY.weight, styles.BODY.size, 128), styles.BODY)
    status = clean(payment.status, 60)
    sheet.write(LEFT + 136, y, fitted(status, styles.MUTED.weight, styles.MUTED.size, 70), styles.MUTED)
    for index, line in enumerate(lines):
        sheet.write(LEFT + 212, y - index * styles.BODY.leading, line, styles.BODY)
    amount = figures.money(payment.amount, clean(payment.unit, 40))
    sheet.write_right(RIGHT - PAD, y, amount, shrunk(styles.BODY, amount, 82))
    sheet.y -= height
