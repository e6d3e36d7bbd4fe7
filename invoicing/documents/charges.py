"""The table of lines, over as many pages as it takes, with its header on each."""

from invoicing.documents import styles
from invoicing.documents.columns import FigureColumn
from invoicing.documents.rows import Row, rows_of
from invoicing.documents.sheet import BAND, BOTTOM, LEFT, RIGHT, WIDTH, Sheet, shrunk
from invoicing.documents.subject import Subject
from invoicing.documents.text import fitted

GAP = 12.0
PAD = 6.0  # between the edge of the table and its text
INDENT = 12.0
HEADER_HEIGHT = 18.0
TALLEST = 560.0  # a higher row begins a page and goes on over the next
NARROWEST_TEXT = 120.0
WIDEST_UNIT_IN_HEADING = 45.0
WIDEST = {"quantity": 84.0, "measure": 70.0, "price": 92.0, "unit": 90.0, "amount": 104.0}


def draw_charges(sheet: Sheet, subject: Subject) -> None:
    rows = list(rows_of(subject))
    table = _Table(sheet, subject, rows)
    table.header()
    running_head, sheet.head = sheet.head, table.head_of_later_page
    prepared = map(table.prepared, rows)
    current = next(prepared, None)
    while current is not None:
        following = next(prepared, None)
        table.draw(*current, following=following)
        current = following
    sheet.head = running_head
    if rows:
        sheet.rule(sheet.y)
    else:
        sheet.y -= 16
        sheet.write(LEFT + PAD, sheet.y, "This invoice has no lines.", styles.MUTED)
    sheet.y -= 4


Prepared = tuple[Row, list[str], list[str], float]
"""A row, its text and detail in lines, and how high it is."""


class _Table:
    """Columns as wide as their figures need; the text has the rest."""

    def __init__(self, sheet: Sheet, subject: Subject, rows: list[Row]):
        self.sheet, self.subject = sheet, subject
        self.running_head = sheet.head
        self.group: Row | None = None  # the one whose lines are being drawn
        self.fresh = True  # nothing but a heading stands above
        self.mixed = styles.COLUMN.width(subject.unit) > WIDEST_UNIT_IN_HEADING or any(
            row.unit != subject.unit for row in rows if row.amount or row.price
        )
        for scale in (1.0, 0.7):
            self._lay_out(rows, scale)
            if self.text_width >= NARROWEST_TEXT:
                break

    def _lay_out(self, rows: list[Row], scale: float) -> None:
        """From the right: amount, its unit where it is not in the headings, unit price, what is counted, quantity; the rest is text."""
        named = "" if self.mixed else f" ({self.subject.unit})"
        self.headings: list[tuple[str, float]] = []
        self.quantity = self.price = None
        self.widest = {name: width * scale for name, width in WIDEST.items()}
        right = RIGHT - PAD
        self.amount = self._figures(rows, "amount", f"Amount{named}", right)
        right -= self.amount.width + (8 if self.mixed else GAP)
        self.unit_right = right
        if self.mixed:
            right -= self._words(rows, "unit") + GAP
        if any(row.price for row in rows):
            self.price = self._figures(rows, "price", f"Unit price{named}", right)
            right -= self.price.width + GAP
        if any(row.measure for row in rows):
            right -= self._words(rows, "measure")
        self.measure_left = right
        if any(row.quantity for row in rows):
            right -= 4 if any(row.measure for row in rows) else 0
            self.quantity = self._figures(rows, "quantity", "Quantity", right)
            right -= self.quantity.width + GAP
        self.text_width = right - LEFT - PAD

    def _figures(self, rows: list[Row], name: str, heading: str, right: float) -> FigureColumn:
        self.headings.append((heading, right))
        texts = (getattr(row, name) for row in rows)
        width = styles.COLUMN.width(heading)
        return FigureColumn(texts, right=right, widest=self.widest[name], style=styles.BODY, heading_width=width)

    def _words(self, rows: list[Row], name: str) -> float:
        return min(max(styles.DETAIL.width(getattr(row, name)) for row in rows), self.widest[name])

    def head_of_later_page(self, sheet: Sheet) -> None:
        if self.running_head:
            self.running_head(sheet)
        self.header()
        if self.group is not None:
            sheet.y -= 14
            name = fitted(self.group.text, styles.GROUP.weight, styles.GROUP.size, WIDTH * 0.8)
            sheet.write(LEFT + PAD, sheet.y, f"{name} (continued)", styles.GROUP)
            sheet.y -= 5

    def header(self) -> None:
        sheet = self.sheet
        sheet.room(HEADER_HEIGHT + 40)
        sheet.box(LEFT, sheet.y - HEADER_HEIGHT, WIDTH, HEADER_HEIGHT, BAND)
        y = sheet.y - 12
        sheet.write(LEFT + PAD, y, "Description", styles.COLUMN)
        for heading, right in reversed(self.headings):
            sheet.write_right(right, y, heading, styles.COLUMN)
        sheet.y -= HEADER_HEIGHT

    def prepared(self, row: Row) -> Prepared:
        width = WIDTH - 2 * PAD if row.style is styles.GROUP else self.text_width
        lines = row.style.wrapped(row.text, width - INDENT if row.style is styles.DETAIL else width)
        detail = styles.DETAIL.wrapped(row.detail, width) if row.detail else []
        height = len(lines) * row.style.leading + len(detail) * styles.DETAIL.leading + 4 + padding(row)
        return row, lines, detail, height

    def draw(
        self, row: Row, lines: list[str], detail: list[str], height: float, *, following: "Prepared | None"
    ) -> None:
        sheet = self.sheet
        if row.style is styles.GROUP:
            self.group = None
        keep = following is not None and (
            row.style is styles.GROUP or following[0].style is styles.DETAIL is not row.style
        )
        turned = sheet.y - min(height + (following[3] if keep and following else 0), TALLEST) < BOTTOM
        if turned:
            sheet.rule(sheet.y)
            sheet.turn()
        if row.style is styles.GROUP:
            self.group = row
        if row.style is not styles.DETAIL:
            if not (self.fresh or turned):
                sheet.rule(sheet.y)
            sheet.y -= 4
        self.fresh = row.style is styles.GROUP
        page, y = sheet.page, sheet.y - row.style.size * 1.04
        x = LEFT + PAD + (INDENT if row.style is styles.DETAIL else 0)
        for line in lines:
            sheet.line(x, line, row.style)
        now, sheet.page = sheet.page, page
        self._write_figures(row, y)
        sheet.page = now
        for line in detail:
            sheet.line(x, line, styles.DETAIL)
        sheet.y -= padding(row)

    def _write_figures(self, row: Row, y: float) -> None:
        sheet, style = self.sheet, row.style
        if row.quantity and self.quantity:
            self.quantity.write(sheet, y, row.quantity, style)
        if row.measure:
            sheet.write(self.measure_left, y, row.measure, shrunk(styles.DETAIL, row.measure, self.widest["measure"]))
        if row.price and self.price:
            self.price.write(sheet, y, row.price, style)
        if self.mixed and (row.amount or row.price):
            sheet.write_right(self.unit_right, y, row.unit, shrunk(styles.DETAIL, row.unit, self.widest["unit"]))
        if row.amount:
            self.amount.write(sheet, y, row.amount, style)


def padding(row: Row) -> float:
    """What is left free below a row; a line has 4 more above it."""
    return 2.0 if row.style is styles.DETAIL else 3.0
