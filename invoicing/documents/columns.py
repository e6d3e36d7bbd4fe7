"""A column of figures: decimal points under one another, no figure ever cut or broken."""

from collections.abc import Iterable

from invoicing.documents.sheet import Sheet, Style, shrunk


class FigureColumn:
    """As wide as its figures need, `widest` points at most; a wider figure is drawn smaller.

    `style` is the largest that is written in it. Digits are all of one width, so the longest text is the widest.
    """

    def __init__(self, texts: Iterable[str], *, right: float, widest: float, style: Style, heading_width: float = 0):
        whole = fraction = ""
        for text in texts:
            before, point, after = text.partition(".")
            whole = before if len(before) > len(whole) else whole
            fraction = point + after if len(after) >= len(fraction) else fraction
        needed = style.width(whole) + style.width(fraction)
        self.aligned = needed <= widest
        self.width = max(min(needed, widest), heading_width) + 0.5
        self.right, self.point = right, right - style.width(fraction)

    def write(self, sheet: Sheet, y: float, text: str, style: Style) -> None:
        if self.aligned:
            sheet.write(self.point - style.width(text.partition(".")[0]), y, text, style)
        else:
            sheet.write_right(self.right, y, text, shrunk(style, text, self.width))
