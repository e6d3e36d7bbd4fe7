"""The fonts of our drawings: vendored files, each parsed once per process when first needed.

ReportLab reads the font files and cuts subsets of them; the PDF dictionaries around a subset are written here.
Units: glyph widths are thousandths of the font size.
"""

import codecs
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path
from threading import Lock

from reportlab.pdfbase.ttfonts import TTFontFace

from invoicing.documents.pdf import PdfFile

FOLDER = Path(__file__).parent / "fonts"
REPLACEMENT = "\ufffd"  # drawn for a character that no font here covers
MINUS, DASH = "\u2212", "\u2013"  # Noto Sans has no minus: it is drawn as the dash, and read back by a program as "-"
UNMAPPED = "\ufffe"


def _latin_table() -> str:
    """Which character each byte of a Latin text stands for: Windows-1252 and the minus sign."""
    table = bytes(range(256)).decode("cp1252", "replace").replace(REPLACEMENT, UNMAPPED)
    printable = [char if char.isprintable() or char == "\xa0" else UNMAPPED for char in table]
    printable[0x81] = MINUS
    return "".join(printable)


LATIN_TABLE = _latin_table()
LATIN = frozenset(LATIN_TABLE) - {UNMAPPED}
_LATIN_CODES = codecs.charmap_build(LATIN_TABLE)


def latin_bytes(text: str) -> bytes:
    """Errors: UnicodeEncodeError when the text needs more than the Latin letters every document has."""
    return codecs.charmap_encode(text, "strict", _LATIN_CODES)[0]


class Typeface:
    """One font file."""

    def __init__(self, file: str):
        self.file = file
        self.cutting = Lock()  # the parser keeps its reading position on itself

    @cached_property
    def parsed(self) -> TTFontFace:
        return TTFontFace(str(FOLDER / self.file))

    def covers(self, char: str) -> bool:
        return ord(char) in self.parsed.charToGlyph

    def glyph(self, char: str) -> int:
        return self.parsed.charToGlyph[ord(char)]

    def width(self, char: str) -> float:
        return self.parsed.charWidths[ord(char)]

    def put_program(self, pdf: PdfFile, codes: list[int]) -> tuple[int, bytes]:
        """Embeds the glyphs of these code points. Returns the number of the font descriptor and the subset's name."""
        face = self.parsed
        with self.cutting:
            program = face.makeSubset(codes)
        tag = hashlib.sha256(repr(codes).encode()).digest()[:6]
        name = bytes(65 + byte % 26 for byte in tag) + b"+" + self.file.removesuffix(".ttf").encode()
        file = pdf.stream(program, b"/Length1 %d" % len(program))
        metrics = b"/Ascent %d/Descent %d/CapHeight %d/StemV %d/ItalicAngle 0/Flags 4" % (
            *(round(face.ascent), round(face.descent), round(face.capHeight or face.ascent), round(face.stemV)),
        )
        box = b" ".join(b"%d" % round(side) for side in face.bbox)
        descriptor = pdf.put(
            b"<</Type/FontDescriptor/FontName/%b%b/FontBBox[%b]/FontFile2 %d 0 R>>" % (name, metrics, box, file),
        )
        return descriptor, name


DROID, NANUM = Typeface("DroidSansFallbackFull.ttf"), Typeface("NanumGothic.ttf")


class Weight:
    """Regular or bold: the typeface that draws a character, and how wide it is."""

    def __init__(self, resource: str, file: str):
        self.resource, self.main = resource, Typeface(file)
        self.chain = (self.main, DROID, NANUM)
        self.widths = _Widths(self)

    def face_of(self, char: str) -> Typeface | None:
        return self.main if char in LATIN else next((face for face in self.chain if face.covers(char)), None)

    def measure(self, text: str) -> float:
        return sum(map(self.widths.__getitem__, text))


class _Widths(dict[str, float]):
    """Character to width, remembered when first asked for."""

    def __init__(self, weight: Weight):
        super().__init__()
        self.weight = weight

    def __missing__(self, char: str) -> float:
        face = self.weight.face_of(char)
        if face is None:  # not remembered: there are a million of them
            return self.weight.main.width(REPLACEMENT)
        self[char] = width = face.width(DASH if char == MINUS else char)
        return width


REGULAR, BOLD = Weight("R", "NotoSans-Regular.ttf"), Weight("B", "NotoSans-Bold.ttf")


def to_unicode(characters: Mapping[int, str], code_format: str) -> bytes:
    """The table by which a reader gets letters back from codes, for searching, copying and reading aloud."""
    pairs = [f"<{code:{code_format}}> <{char.encode('utf-16-be').hex()}>" for code, char in characters.items()]
    blocks = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    first, last = ("00", "FF") if code_format == "02X" else ("0000", "FFFF")
    return "\n".join(
        (
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
            "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def",
            "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
            f"1 begincodespacerange <{first}> <{last}> endcodespacerange",
            *(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks),
            "endcmap CMapName currentdict /CMap defineresource pop end end",
        )
    ).encode()


def put_latin(pdf: PdfFile, weight: Weight) -> int:
    """The font object of one byte a letter, the same in every document."""
    table = {code: char for code, char in enumerate(LATIN_TABLE) if char != UNMAPPED}
    codes = [ord(table.get(code, " ").replace(MINUS, DASH)) for code in range(256)]
    descriptor, name = weight.main.put_program(pdf, codes)
    widths = b" ".join(b"%d" % round(weight.main.width(chr(code))) for code in codes)
    unicode = pdf.stream(to_unicode({code: char.replace(MINUS, "-") for code, char in table.items()}, "02X"))
    return pdf.put(
        b"<</Type/Font/Subtype/TrueType/BaseFont/%b/FirstChar 0/LastChar 255/Widths[%b]/FontDescriptor %d 0 R"
        b"/ToUnicode %d 0 R>>" % (name, widths, descriptor, unicode),
    )


def put_other(pdf: PdfFile, face: Typeface, characters: Iterable[str]) -> int:
    """The font object of two bytes a letter: code 1 stands for the first character, and so on."""
    characters = list(characters)
    glyph_of: dict[int, int] = {}  # glyph in the file → glyph in the subset, numbered as the subset is cut
    glyphs = [glyph_of.setdefault(face.glyph(char), len(glyph_of) + 1) for char in characters]
    descriptor, name = face.put_program(pdf, [ord(char) for char in characters])
    glyph_map = pdf.stream(b"\0\0" + b"".join(glyph.to_bytes(2) for glyph in glyphs))
    widths = b" ".join(b"%d" % round(face.width(char)) for char in characters)
    unicode = pdf.stream(to_unicode(dict(enumerate(characters, 1)), "04X"))
    descendant = pdf.put(
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/%b/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        b"/DW 1000/W[1[%b]]/FontDescriptor %d 0 R/CIDToGIDMap %d 0 R>>" % (name, widths, descriptor, glyph_map),
    )
    return pdf.put(
        b"<</Type/Font/Subtype/Type0/BaseFont/%b/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>"
        % (name, descendant, unicode),
    )


@cache
def begun() -> tuple[PdfFile, dict[str, int]]:
    """A file with the Latin letters of both weights in it, and the number of each font. Made once per process."""
    pdf = PdfFile()
    fonts = {weight.resource: put_latin(pdf, weight) for weight in (REGULAR, BOLD)}
    return pdf.continued(), fonts
