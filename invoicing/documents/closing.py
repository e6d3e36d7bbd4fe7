"""The end of the document: notices, memo, and about this copy: where it comes from and every word the provider used."""

from collections.abc import Iterable, Iterator

from invoicing.documents import figures, styles
from invoicing.documents.sheet import LEFT, WIDTH, Sheet
from invoicing.documents.subject import Subject
from invoicing.documents.text import LINE, NAME, PROSE, clean, in_english, paragraphs

LABEL_WIDTH, GUTTER, ROW = 92.0, 14.0, 12.5
HALF = (WIDTH - GUTTER) / 2

Pair = tuple[str, str]  # label, value


def draw_closing(sheet: Sheet, subject: Subject) -> None:
    invoice = subject.invoice
    if invoice.notices:
        _heading(sheet, "Notices")
        for notice in invoice.notices:
            sheet.paragraph(LEFT, clean(notice, LINE), styles.BODY, WIDTH)
            sheet.y -= 2
    if memo := paragraphs(invoice.memo, PROSE):
        _heading(sheet, "Memo")
        for line in memo:
            sheet.paragraph(LEFT, line, styles.BODY, WIDTH)
    rows = list(_side_by_side(_about(subject)))
    _heading(sheet, "About this copy", room=min(80 + ROW * len(rows), 320))
    sheet.paragraph(LEFT, _provenance(subject), styles.BODY, WIDTH)
    sheet.y -= 5
    for row in rows:
        _draw_row(sheet, row)
    if sheet.replaced:
        count = len(sheet.replaced)
        sheet.y -= 4
        letters = "1 character" if count == 1 else f"{count} different characters"
        text = f"{letters} of the provider's text cannot be drawn by the fonts of this copy; a replacement sign stands there."
        sheet.paragraph(LEFT, text, styles.BODY, WIDTH)


def _heading(sheet: Sheet, text: str, room: float = 62) -> None:
    sheet.room(room)
    sheet.y -= 22
    sheet.write(LEFT, sheet.y, text, styles.HEADING)
    sheet.rule(sheet.y - 5)
    sheet.y -= 8


def _side_by_side(pairs: Iterable[tuple[str, str]]) -> Iterator[list[Pair]]:
    """Two short pairs share a row, in their order; a value too long for its half has the row alone."""
    waiting: list[Pair] = []
    for pair in pairs:
        if styles.BODY.width(pair[1]) > HALF - LABEL_WIDTH:
            if waiting:
                yield waiting
            yield [pair]
            waiting = []
        elif waiting:
            yield [*waiting, pair]
            waiting = []
        else:
            waiting = [pair]
    if waiting:
        yield waiting


def _draw_row(sheet: Sheet, row: list[Pair]) -> None:
    width = WIDTH - LABEL_WIDTH
    cells = [(styles.LABEL.wrapped(label, LABEL_WIDTH - 6), styles.BODY.wrapped(value, width)) for label, value in row]
    for index in range(max(len(lines) for cell in cells for lines in cell)):
        sheet.room(ROW)
        y = sheet.y - styles.BODY.size * 1.04
        for x, (labels, lines) in zip((LEFT, LEFT + HALF + GUTTER), cells, strict=False):
            if index < len(labels):
                sheet.write(x, y, labels[index], styles.LABEL)
            if index < len(lines):
                sheet.write(x + LABEL_WIDTH, y, lines[index], styles.BODY)
        sheet.y -= ROW


def _provenance(subject: Subject) -> str:
    ours = subject.issuer and not subject.invoice.billed_by
    return (
        f"Invoice Desk drew this copy from version {subject.version} of what {subject.provider_name} said of the invoice, "
        f"as of {figures.instant(subject.as_of)}. It is not the provider's own document. Amounts are exact, as the provider "
        f"gave them; amounts in different units are never added. A period shows its first and its last day."
        + (" Who bills is stated by us, not by the provider." if ours else "")
    )


def _about(subject: Subject) -> Iterator[tuple[str, str]]:
    invoice, zone = subject.invoice, subject.zone
    yield "Provider", subject.provider_name
    yield "Id at the provider", clean(invoice.external_id, NAME)
    yield "Provider's status", clean(invoice.provider_status, NAME)
    yield "Status, payment", f"{in_english(invoice.status)}, {in_english(invoice.payment_status).lower()}"
    yield "Customer", _customer(subject)
    for label, value in (
        ("PO number", invoice.po_number),
        ("Kind", invoice.kind),
        ("Subscription", invoice.subscription_id),
        ("Replaces", invoice.replaces),
        ("Replaced by", invoice.replaced_by),
    ):
        if value:
            yield label, clean(value, NAME)
    for label, moment in (
        ("Created", invoice.created_at),
        ("Issued", invoice.issued_at),
        ("Planned issue", invoice.planned_issue_at),
        ("Finalized", invoice.finalized_at),
        ("Voided", invoice.voided_at),
        ("Paid", invoice.paid_at),
        ("Updated", invoice.updated_at),
    ):
        if moment:
            yield label, figures.instant(moment, zone)
    if invoice.constituents:
        yield "Contains", clean(", ".join(invoice.constituents[:100]), PROSE)
    if copy := invoice.outside_copy:
        parts = [clean(copy.system, 80), clean(copy.status, 80), clean(copy.external_id, NAME)]
        if copy.total is not None:
            parts.append(f"total {figures.money(copy.total, subject.unit)}")
        if copy.tax is not None:
            parts.append(f"tax {figures.money(copy.tax, subject.unit)}")
        parts.append(clean(copy.error))
        yield "In another system", ", ".join(part for part in parts if part)
    for label, text in invoice.facts:
        yield clean(label, 80), clean(text)
    for word in invoice.unrecognized:
        yield "Not recognized", clean(word, NAME)


def _customer(subject: Subject) -> str:
    customer = subject.invoice.customer
    words = (clean(customer.name, NAME), clean(customer.external_id, NAME), clean(customer.reference, NAME))
    return " · ".join(word for word in words if word)
