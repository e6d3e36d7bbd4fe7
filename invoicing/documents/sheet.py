"""Paper: pages that text and rules are written on, from the top down, turning the page when it is full.

Everything is laid out once; how many pages there are is known at the end, and only then are the footers written and the
bytes made. Units: points, from the lower left corner; `y` is the baseline or the upper edge of what comes next.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import groupby

from invoicing.documents.pdf import date_string, text_string
from invoicing.documents.text import wrapped
from invoicing.documents.typefaces import (
    BOLD,
    LATIN,
    REGULAR,
    REPLACEMENT,
    Typeface,
    Weight,
    begun,
    latin_bytes,
    put_other,
)

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89  # A4
LEFT, RIGHT, TOP, BOTTOM = 48.0, 547.28, 786.0, 58.0
WIDTH = RIGHT - LEFT

INK, GREY, ACCENT, RED, AMBER, GREEN = (
    "0.07 0.1 0.18",
    "0.36 0.4 0.48",
    "0.2 0.24 0.62",
    "0.7 0.13 0.1",
    "0.55 0.33 0.02",
    "0.05 0.4 0.24",
)
HAIRLINE, BAND, PALE_RED, PALE_AMBER, PALE = (
    "0.86 0.88 0.91",
    "0.955 0.962 0.975",
    "0.99 0.93 0.92",
    "0.995 0.955 0.88",
    "0.935 0.94 0.95",
)


@dataclass(frozen=True, eq=False)
class Style:
    size: float
    leading: float
    weight: Weight = REGULAR
    color: str = INK

    @cached_property
    def operators(self) -> str:
        return f"/{self.weight.resource} {self.size:g} Tf {self.color} rg\n"

    def width(self, text: str) -> float:
        return self.weight.measure(text) * self.size / 1000

    def wrapped(self, text: str, width: float) -> list[str]:
        return wrapped(text, self.weight, self.size, width)


def shrunk(style: Style, text: str, width: float) -> Style:
    """The style, smaller if the text would be wider: a figure is never cut and never broken."""
    needed = style.width(text)
    if needed <= width:
        return style
    return Style(max(round(style.size * width / needed - 0.05, 2), 0.3), style.leading, style.weight, style.color)


@dataclass
class Page:
    shapes: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    style: Style | None = None

    def content(self) -> bytes:
        return "".join((*self.shapes, "BT\n", *self.text, "ET")).encode("latin-1")


@dataclass
class Sheet:
    """`head` is drawn on every page but the first, right after turning to it."""

    head: Callable[["Sheet"], None] | None = None
    watermark: str = ""
    pages: list[Page] = field(default_factory=list)
    y: float = TOP
    others: dict[Typeface, dict[str, int]] = field(default_factory=dict)  # codes given to letters beyond the Latin ones
    replaced: set[str] = field(default_factory=set)  # characters that no font covers

    def __post_init__(self) -> None:
        self.turn()

    def turn(self) -> None:
        self.page = Page()
        self.pages.append(self.page)
        self.y = TOP
        if self.watermark:
            self.page.shapes.append(_watermark(self.watermark))
        if self.head and len(self.pages) > 1:
            self.head(self)

    def room(self, height: float) -> None:
        """Turns the page unless that much is left on it."""
        if self.y - height < BOTTOM:
            self.turn()

    def write(self, x: float, y: float, text: str, style: Style) -> None:
        page = self.page
        if page.style is not style:
            page.style = style
            page.text.append(style.operators)
        page.text.append(f"1 0 0 1 {x:.2f} {y:.2f} Tm {self.shown(text, style)}\n")

    def write_right(self, x: float, y: float, text: str, style: Style) -> None:
        self.write(x - style.weight.measure(text) * style.size / 1000, y, text, style)

    def paragraph(self, x: float, text: str, style: Style, width: float) -> None:
        """Wrapped text, line by line, over pages if need be."""
        for line in style.wrapped(text, width):
            self.line(x, line, style)

    def line(self, x: float, text: str, style: Style) -> None:
        if self.y - style.leading < BOTTOM:
            self.turn()
        self.write(x, self.y - style.size * 1.04, text, style)
        self.y -= style.leading

    def rule(
        self, y: float, x0: float = LEFT, x1: float = RIGHT, color: str = HAIRLINE, thickness: float = 0.5
    ) -> None:
        self.page.shapes.append(f"{color} RG {thickness:g} w {x0:.2f} {y:.2f} m {x1:.2f} {y:.2f} l S\n")

    def box(self, x: float, y: float, width: float, height: float, color: str) -> None:
        self.page.shapes.append(f"{color} rg {x:.2f} {y:.2f} {width:.2f} {height:.2f} re f\n")

    def shown(self, text: str, style: Style) -> str:
        """The operators that write the text: one string, or a run for each typeface that its letters need."""
        try:
            return _literal(latin_bytes(text))
        except UnicodeEncodeError:
            runs = [self._run(face, "".join(run), style) for face, run in self._by_typeface(text, style.weight)]
            return f"{''.join(runs)} {style.operators}"

    def _by_typeface(self, text: str, weight: Weight) -> Iterable[tuple[Typeface | None, Iterable[str]]]:
        """Runs of letters; None stands for the Latin letters that every document has."""

        def face_of(char: str) -> Typeface | None:
            return None if char in LATIN else weight.face_of(char) or weight.main

        return groupby(text, face_of)

    def _run(self, face: Typeface | None, run: str, style: Style) -> str:
        if face is None:
            return f"/{style.weight.resource} {style.size:g} Tf {_literal(latin_bytes(run))} "
        codes = self.others.setdefault(face, {})
        shown = []
        for char in run:
            if not face.covers(char):
                self.replaced.add(char)
                char = REPLACEMENT
            shown.append(codes.setdefault(char, len(codes) + 1))
        operators = (
            f"/X{list(self.others).index(face)} {style.size:g} Tf <{''.join(f'{code:04X}' for code in shown)}> Tj "
        )
        if style.weight is BOLD and face is not BOLD.main:  # no bold of its own: thickened
            return f"2 Tr {style.size * 0.035:.3f} w {style.color} RG {operators}0 Tr "
        return operators

    def to_bytes(self, *, title: str, subject: str, author: str, drawn_at: datetime) -> bytes:
        start, latin = begun()
        pdf = start.continued()
        tree, resources = pdf.reserve(), pdf.reserve()
        pages = []
        for page in self.pages:
            content = pdf.stream(page.content())
            pages.append(
                pdf.put(
                    b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 %g %g]/Resources %d 0 R/Contents %d 0 R>>"
                    % (tree, PAGE_WIDTH, PAGE_HEIGHT, resources, content)
                )
            )
        fonts = dict(latin)
        for index, (face, codes) in enumerate(self.others.items()):
            fonts[f"X{index}"] = put_other(pdf, face, codes)
        named = b"".join(b"/%b %d 0 R" % (name.encode(), number) for name, number in fonts.items())
        pdf.put(b"<</Font<<%b>>>>" % named, resources)
        kids = b" ".join(b"%d 0 R" % page for page in pages)
        pdf.put(b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(pages), kids), tree)
        root = pdf.put(
            b"<</Type/Catalog/Pages %d 0 R/Lang(en-US)/ViewerPreferences<</DisplayDocTitle true>>>>" % tree,
        )
        info = pdf.put(
            b"<</Title%b/Subject%b/Author%b/Creator%b/Producer%b/CreationDate%b/ModDate%b>>"
            % (
                *map(text_string, (title, subject, author, "Invoice Desk", "Invoice Desk")),
                *(date_string(drawn_at), date_string(drawn_at)),
            ),
        )
        return pdf.closed(root=root, info=info)


def _literal(data: bytes) -> str:
    text = data.decode("latin-1").replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"({text}) Tj"


def _watermark(text: str) -> str:
    """The word across the page, beneath everything, pale enough to read through."""
    size = min(120.0, 560_000 / BOLD.measure(text))
    half = BOLD.measure(text) * size / 2000
    x, y = PAGE_WIDTH / 2 - half * 0.766 + size * 0.2, PAGE_HEIGHT / 2 - half * 0.643 - size * 0.2
    return f"q BT /B {size:.1f} Tf {PALE} rg 0.766 0.643 -0.643 0.766 {x:.2f} {y:.2f} Tm {_literal(latin_bytes(text))} ET Q\n"
