"""Charts as SVG, drawn on the server: where each rectangle lies and what it says. Colours are classes, words stand outside.

Units: coordinates are text with a point, whatever the reader's language. What is negative is not drawn; the table beside
a chart has it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

WIDTH, HEIGHT = 1200, 200
STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


@dataclass(frozen=True, slots=True)
class Slice:
    """One amount to draw: the class of its colour, and the words that say it."""

    css: str
    amount: Decimal
    words: str


@dataclass(frozen=True, slots=True)
class Rectangle:
    css: str
    x: str
    y: str
    width: str
    height: str
    words: str


def bar(slices: Iterable[Slice], *, whole: Decimal) -> list[Rectangle]:
    """Slices one after the other, as long together as their share of `whole` is of the width."""
    drawn, at = [], Decimal(0)
    for each in slices:
        length = max(each.amount, Decimal(0)) * WIDTH / whole if whole > 0 else Decimal(0)
        if length:
            drawn.append(Rectangle(each.css, _text(at), "0", _text(length), "10", each.words))
        at += length
    return drawn


def columns(stacks: Sequence[Sequence[Slice]], *, top: Decimal) -> list[Rectangle]:
    """A column for each stack, side by side, its slices upon each other; `top` is as high as the chart."""
    drawn = []
    room = Decimal(WIDTH) / max(len(stacks), 1)
    for number, stack in enumerate(stacks):
        at = Decimal(HEIGHT)
        for each in stack:
            high = max(each.amount, Decimal(0)) * HEIGHT / top if top > 0 else Decimal(0)
            at -= high
            if high:
                x, width = room * number + room * Decimal("0.18"), room * Decimal("0.64")
                drawn.append(Rectangle(each.css, _text(x), _text(at), _text(width), _text(high), each.words))
    return drawn


def height_of(stack: Iterable[Slice]) -> Decimal:
    return sum((max(each.amount, Decimal(0)) for each in stack), Decimal(0))


def round_top(highest: Decimal) -> Decimal:
    """The next round figure from `highest` on, so that half of it is one that can be read too."""
    if highest <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb(highest.adjusted())
    return next(step * power for step in STEPS if step * power >= highest)


def _text(coordinate: Decimal) -> str:
    return str(coordinate.quantize(Decimal("0.01"), ROUND_CEILING))


__all__ = ["HEIGHT", "WIDTH", "Rectangle", "Slice", "bar", "columns", "height_of", "round_top"]
