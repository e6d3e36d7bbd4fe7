"""Text made safe and fitted: what others wrote, without what could hide or reorder it, cut into lines of a width.

All text of a snapshot is untrusted. It is never read as markup; here it loses its control and formatting characters and
what is beyond its cap, and the cut is said.
"""

import re
import unicodedata

from invoicing.documents.typefaces import Weight

NAME, LINE, PROSE = 240, 1000, 4000
"""Caps, in characters: of a name or an id, of a line's text, of a memo."""

# Controls, bidirectional overrides and isolates, zero-width and filler characters, variation selectors, tags, surrogates.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Marks piled on one letter would be drawn over the rows above and below it.
_PILED_MARKS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{2})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_WIDE = "\u1100-\u11ff\u2e80-\ua4cf\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60\U00020000-\U0003ffff"
_CLOSING = "、。，．：；？！）］｝」』】〉》〕ー々"
_PIECES = re.compile(f"[{_WIDE}][{_CLOSING}]* ?|[^{_WIDE} ]+ ?| ")


def in_english(status: str) -> str:
    """ "partly_paid" → "Partly paid": our copies are in English, whoever asks for them."""
    return str(status).replace("_", " ").capitalize()


def clean(value: object, cap: int = LINE) -> str:
    """One line of plain text: composed letters, single spaces, at most `cap` characters, the rest counted."""
    text = value if isinstance(value, str) else str(value)
    cut = len(text) - cap
    if cut > 0:
        text = text[:cap]
    if not (text.isascii() and text.isprintable()):
        text = _PILED_MARKS.sub(r"\1", _HIDDEN.sub(_space_for_breaks, text))
        text = unicodedata.normalize("NFC", text)
    text = " ".join(text.split())
    return f"{text}… [{cut:,} more characters]" if cut > 0 else text


def _space_for_breaks(match: re.Match[str]) -> str:
    return " " if match[0] in "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029" else ""


def paragraphs(value: str, cap: int = PROSE) -> list[str]:
    """The same for text that keeps its line breaks."""
    cut = len(value) - cap
    kept = [clean(line, cap) for line in value[:cap].splitlines()]
    return [line for line in kept if line] + ([f"… [{cut:,} more characters]"] if cut > 0 else [])


def wrapped(text: str, weight: Weight, size: float, width: float) -> list[str]:
    """The text in lines no wider than `width` points; a word too long for a line is broken where the line ends."""
    limit = width * 1000 / size
    if weight.measure(text) <= limit:
        return [text]
    lines: list[str] = []
    line, used, space = "", 0.0, weight.widths[" "]
    for piece in _PIECES.findall(text):
        bare = piece.rstrip(" ")
        length = weight.measure(bare)
        if used + length > limit and line:
            lines.append(line.rstrip(" "))
            line, used = "", 0.0
        if length > limit:
            *full, bare = broken(bare, weight, limit)
            lines += full
            length = weight.measure(bare)
            piece = bare + " " if piece.endswith(" ") else bare
        line += piece
        used += length + (space if piece.endswith(" ") else 0)
    return [*lines, line.rstrip(" ")] if line.strip(" ") or not lines else lines


def broken(word: str, weight: Weight, limit: float) -> list[str]:
    """The word in parts no wider than `limit` thousandths of its size; a part has one character at least."""
    parts, start, used = [], 0, 0.0
    for index, char in enumerate(word):
        step = weight.widths[char]
        if used + step > limit and index > start:
            parts.append(word[start:index])
            start, used = index, 0.0
        used += step
    return [*parts, word[start:]]


def fitted(text: str, weight: Weight, size: float, width: float) -> str:
    """The text on one line, cut with an ellipsis where it would be wider."""
    limit = width * 1000 / size
    if weight.measure(text) <= limit:
        return text
    return broken(text, weight, limit - weight.widths["…"])[0].rstrip(" ") + "…"


def at_most(lines: list[str], count: int) -> list[str]:
    """The first `count` lines, the last of them marked where more would follow."""
    return lines if len(lines) <= count else [*lines[: count - 1], f"{lines[count - 1]} …"]
