"""The first page down to the lines: title, status, what must be read first, parties, dates, and what is to be paid."""

from collections.abc import Iterator

from invoicing.documents import figures, styles
from invoicing.documents.sheet import (
    AMBER,
    BAND,
    GREEN,
    INK,
    LEFT,
    PALE_AMBER,
    PALE_RED,
    RED,
    RIGHT,
    TOP,
    WIDTH,
    Sheet,
    Style,
    shrunk,
)
from invoicing.documents.subject import Subject
from invoicing.documents.text import NAME, at_most, clean, fitted, in_english
from invoicing.documents.typefaces import BOLD
from invoicing.providers.snapshots import Address
from invoicing.vocabulary import Payment, Status

MARK = "Copy drawn by Invoice Desk"
COLUMN_WIDTH, COLUMN_GAP = 154.0, 18.6
PARTY_LINES = 22
FACT_LINES = 3  # the whole text stands at the end of the document

STATUS_COLORS = {Status.VOID: RED, Status.SKIPPED: RED, Status.FINALIZED: INK}
PAYMENT_COLORS = {
    Payment.PAID: GREEN,
    Payment.OVERPAID: GREEN,
    Payment.FAILED: RED,
    Payment.UNCOLLECTIBLE: RED,
    Payment.NOT_TRACKED: styles.GREY,
}


def draw_opening(sheet: Sheet, subject: Subject) -> None:
    _mark(sheet)
    _title(sheet, subject)
    _warnings(sheet, subject)
    _parties(sheet, subject)
    _summary(sheet, subject)


def draw_running_head(sheet: Sheet, subject: Subject) -> None:
    """What stands above every later page."""
    _mark(sheet)
    continued = f"{subject.name}, continued"
    sheet.write_right(
        RIGHT, TOP + 14, fitted(continued, styles.MARK.weight, styles.MARK.size, WIDTH * 0.7), styles.MARK
    )
    sheet.rule(TOP + 8)
    sheet.y = TOP - 4


def _mark(sheet: Sheet) -> None:
    sheet.write(LEFT, TOP + 14, MARK, styles.MARK)


def _title(sheet: Sheet, subject: Subject) -> None:
    invoice = subject.invoice
    sheet.y = TOP - 22
    sheet.write(LEFT, sheet.y, subject.title, styles.TITLE)
    x = _tag(sheet, RIGHT, in_english(invoice.payment_status), PAYMENT_COLORS.get(invoice.payment_status, AMBER))
    _tag(sheet, x - 5, in_english(invoice.status), STATUS_COLORS.get(invoice.status, AMBER), filled=True)
    word = fitted(subject.provider_word, styles.LABEL.weight, styles.LABEL.size, WIDTH * 0.38)
    sheet.write_right(RIGHT, sheet.y - 17, word, styles.LABEL)
    sheet.y -= 5
    style = styles.NUMBER if subject.number else styles.MUTED
    for line in style.wrapped(subject.number or f"No number, id {clean(invoice.external_id, NAME)}", WIDTH * 0.6):
        sheet.y -= styles.NUMBER.leading
        sheet.write(LEFT, sheet.y + 2, line, style)
    sheet.y -= 12


def _tag(sheet: Sheet, right: float, text: str, color: str, *, filled: bool = False) -> float:
    """A word in a small frame, ending at `right`. Returns where it begins."""
    text = text.upper()
    style = Style(7.5, 10, BOLD, "1 1 1" if filled else color)
    width = style.width(text) + 12
    x, y = right - width, sheet.y - 1
    paint, operator = (f"{color} rg", "f") if filled else (f"{color} RG 0.8 w", "S")
    sheet.page.shapes.append(f"{paint} {x:.2f} {y:.2f} {width:.2f} 15 re {operator}\n")
    sheet.write(x + 6, y + 4.9, text, style)
    return x


def _warnings(sheet: Sheet, subject: Subject) -> None:
    note = clean(subject.note, 400)
    sentences = [*subject.warnings, *([note] if note else [])]
    if not sentences:
        return
    lines = [line for sentence in sentences for line in styles.ALERT.wrapped(sentence, WIDTH - 24)]
    height = len(lines) * styles.ALERT.leading + 11
    serious = subject.invoice.status in (Status.VOID, Status.SKIPPED, Status.UNRECOGNIZED)
    sheet.box(LEFT, sheet.y - height, WIDTH, height, PALE_RED if serious else PALE_AMBER)
    sheet.box(LEFT, sheet.y - height, 2.5, height, RED if serious else AMBER)
    for index, line in enumerate(lines, 1):
        sheet.write(LEFT + 13, sheet.y - 2.5 - index * styles.ALERT.leading, line, styles.ALERT)
    sheet.y -= height + 10


def _parties(sheet: Sheet, subject: Subject) -> None:
    """Three columns: who bills, who is billed, and the facts of the invoice."""
    sheet.rule(sheet.y, color=INK, thickness=0.8)
    top = sheet.y - 6
    x, ends = LEFT, [top]
    for heading, party in (("Billed by", subject.billed_by), ("Billed to", subject.billed_to)):
        if party is not None:
            ends.append(_party(sheet, x, top, heading, party))
            x += COLUMN_WIDTH + COLUMN_GAP
    facts_x = LEFT + 2 * (COLUMN_WIDTH + COLUMN_GAP) if subject.billed_by else x + COLUMN_WIDTH / 2
    ends.append(_facts(sheet, facts_x, top, subject))
    sheet.y = min(ends) - 14


def _party(sheet: Sheet, x: float, y: float, heading: str, party: Address) -> float:
    y -= 10
    sheet.write(x, y, heading, styles.LABEL)
    y -= 2
    lines = [(style, line) for style, text in _party_lines(party) for line in style.wrapped(text, COLUMN_WIDTH)]
    for style, line in lines[:PARTY_LINES]:
        y -= style.leading
        sheet.write(x, y, line, style)
    if len(lines) > PARTY_LINES:
        y -= styles.MUTED.leading
        sheet.write(x, y, "… cut here", styles.MUTED)
    return y


def _party_lines(party: Address) -> Iterator[tuple[Style, str]]:
    yield styles.NAME, clean(party.name, NAME) or "Name not given"
    for line in party.lines[:PARTY_LINES]:
        if text := clean(line, 120):
            yield styles.BODY, text
    if party.country and not party.lines:  # else it is the last of the lines
        yield styles.BODY, clean(party.country, 60)
    if party.tax_id:
        yield styles.BODY, f"Tax id {clean(party.tax_id, 100)}"
    for text in (party.email, party.phone):
        if text:
            yield styles.MUTED, clean(text, 120)


def _facts(sheet: Sheet, x: float, y: float, subject: Subject) -> float:
    width = RIGHT - x
    label_width = 66.0
    y -= 10
    for label, value in _fact_rows(subject):
        sheet.write(x, y, label, styles.LABEL)
        for line in at_most(styles.BODY.wrapped(value, width - label_width), FACT_LINES):
            sheet.write(x + label_width, y, line, styles.BODY)
            y -= styles.BODY.leading
        y -= 1.5
    return y + styles.BODY.leading


def _fact_rows(subject: Subject) -> Iterator[tuple[str, str]]:
    invoice, zone = subject.invoice, subject.zone
    if invoice.issued_at:
        yield "Issued", figures.day_in(invoice.issued_at, zone)
    elif invoice.planned_issue_at:
        yield "Planned issue", figures.day_in(invoice.planned_issue_at, zone)
    else:
        yield "Issued", "Not stated" if invoice.status == Status.FINALIZED else "Not issued"
    if invoice.due_date:
        yield "Due", figures.day(invoice.due_date)
    if span := figures.period(invoice.period_start, invoice.period_end, zone):
        yield "Period", span
    if invoice.paid_at:
        yield "Paid on", figures.day_in(invoice.paid_at, zone)
    for label, value in (
        ("PO number", invoice.po_number),
        ("Kind", invoice.kind),
        ("Customer id", invoice.customer.external_id),
    ):
        if value:
            yield label, clean(value, NAME)
    if invoice.customer.reference:
        yield "Customer ref.", clean(invoice.customer.reference, NAME)
    yield "Time zone", clean(invoice.timezone, 60) or "UTC"


def _summary(sheet: Sheet, subject: Subject) -> None:
    """The figures that are looked for first, in one band."""
    cells = list(_summary_cells(subject))
    height, step = 44.0, (WIDTH - 24) / len(cells)
    sheet.room(height)
    sheet.box(LEFT, sheet.y - height, WIDTH, height, BAND)
    for index, (label, value) in enumerate(cells):
        x = LEFT + 12 + index * step
        sheet.write(x, sheet.y - 15, fitted(label, styles.LABEL.weight, styles.LABEL.size, step - 10), styles.LABEL)
        sheet.write(x, sheet.y - 33, value, shrunk(styles.FIGURE, value, step - 10))
    sheet.y -= height + 16


def _summary_cells(subject: Subject) -> Iterator[tuple[str, str]]:
    invoice, unit = subject.invoice, subject.unit
    yield f"Total, {unit}", "Not computed" if invoice.total is None else figures.amount(invoice.total, unit)
    for further in invoice.further_totals[:2]:
        name = clean(further.unit, 40)
        yield f"Total, {name}", figures.amount(further.amount, name)
    if invoice.amount_paid:
        yield f"Paid, {unit}", figures.amount(invoice.amount_paid, unit)
    if invoice.amount_due is not None:
        yield f"Amount due, {unit}", figures.amount(invoice.amount_due, unit)
    if invoice.due_date:
        yield "Due date", figures.day(invoice.due_date)
