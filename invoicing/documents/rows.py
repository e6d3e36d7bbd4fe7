"""The rows of the table of lines: each line, what it is grouped under, and what belongs to it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from invoicing.documents import figures, styles
from invoicing.documents.sheet import Style
from invoicing.documents.subject import Subject
from invoicing.documents.text import NAME, PROSE, clean
from invoicing.providers.snapshots import Adjustment, LineSnapshot


@dataclass(slots=True)
class Row:
    style: Style  # GROUP, BODY (a line) or DETAIL (what belongs to a line)
    text: str
    detail: str = ""
    quantity: str = ""
    measure: str = ""  # what the quantity counts
    price: str = ""
    unit: str = ""  # of price and amount
    amount: str = ""


def rows_of(subject: Subject) -> Iterator[Row]:
    grouped = False
    periods: dict[tuple, str] = {(subject.invoice.period_start, subject.invoice.period_end): "", (None, None): ""}
    for group, members in groupby(subject.invoice.lines, attrgetter("group")):
        lines = list(members)
        shared = _shared_facts(lines) if group else ()
        if group or grouped:
            grouped = True
            yield Row(styles.GROUP, clean(group) or "Other charges", _facts(shared))
        for line in lines:
            span = (line.period_start, line.period_end)
            if span not in periods:
                periods[span] = figures.period(*span, subject.zone)
            unit = _unit(line.unit)
            yield Row(
                styles.BODY if line.counts else styles.MUTED,
                clean(line.text) or "Line without a text",
                _detail(line, periods[span], shared),
                figures.quantity(line.quantity),
                clean(line.quantity_unit, 40) if line.quantity_unit else "",
                figures.price(line.unit_price, unit),
                unit,
                figures.amount(line.amount, unit),
            )
            if line.sub_lines or line.tiers or line.adjustments or line.taxes:
                yield from _belonging(line)


def _shared_facts(lines: list[LineSnapshot]) -> tuple[tuple[str, str], ...]:
    """What every line of a group says alike is said once, under its heading."""
    if len(lines) < 2:
        return ()
    return tuple(fact for fact in lines[0].facts if all(fact in line.facts for line in lines[1:]))


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return " · ".join(f"{clean(label, 80)}: {clean(text, 240)}" for label, text in facts)


def _detail(line: LineSnapshot, period: str, shared: tuple[tuple[str, str], ...]) -> str:
    parts = [period] if period else []
    if line.kind:
        parts.append(clean(line.kind, 80))
    if line.facts:
        parts += [_facts([fact]) for fact in line.facts if fact not in shared]
    if not line.counts:
        parts.append("shown by the provider, not part of the subtotal")
    return clean(" · ".join(parts), PROSE) if parts else ""


def _unit(unit: str) -> str:
    return unit if len(unit) == 3 and unit.isalpha() and unit.isascii() else clean(unit, 40)


def _belonging(line: LineSnapshot) -> Iterator[Row]:
    unit = _unit(line.unit)
    for sub in line.sub_lines:
        yield _small(clean(sub.text), sub.quantity, sub.unit_price, unit, sub.amount)
    for tier in line.tiers:
        yield _small(f"Tier: {clean(tier.label)}", tier.quantity, tier.unit_price, unit, tier.amount)
    for adjustment in line.adjustments:
        yield _small(adjustment_text(adjustment), None, None, _unit(adjustment.unit), adjustment.amount)
    for tax in line.taxes:
        yield _small(f"Tax: {adjustment_text(tax)}", None, None, _unit(tax.unit), tax.amount)


def _small(text: str, quantity: Decimal | None, price: Decimal | None, unit: str, amount: Decimal | None) -> Row:
    shown = figures.amount(amount, unit) if amount is not None else ""
    return Row(styles.DETAIL, text, "", figures.quantity(quantity), "", figures.price(price, unit), unit, shown)


def adjustment_text(adjustment: Adjustment) -> str:
    parts = [clean(adjustment.label, NAME) or "Adjustment"]
    if adjustment.percentage is not None:
        parts.append(figures.percentage(adjustment.percentage))
    if adjustment.detail:
        parts.append(f"({clean(adjustment.detail, 400)})")
    return " ".join(parts)
