"""The lines of an invoice as a page shows them: in groups, a page at a time, found by text.

Units: quantities, unit prices and amounts keep every digit; a group's sums stand one a unit, never added across units.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby

from invoicing.models.search import fold
from invoicing.money import total_of
from invoicing.providers.snapshots import LineSnapshot
from invoicing.web.days import period_of

AT_FIRST = 200
"""So many lines are shown unless all are asked for."""


@dataclass(frozen=True)
class Row:
    line: LineSnapshot
    period: str
    inside: int  # how many sub-lines, tiers, adjustments, taxes and facts it has

    @property
    def number(self) -> int:
        return self.line.position + 1


@dataclass
class Group:
    name: str
    rows: list[Row]
    sums: list[tuple[Decimal, str]] = field(default_factory=list)  # of the lines that count, one a unit


@dataclass(frozen=True)
class Lines:
    groups: list[Group]
    shown: int
    matching: int
    all: int
    find: str
    grouped: bool  # groups have names worth a heading
    quantities: bool
    prices: bool
    periods: bool

    @property
    def folded(self) -> int:
        return self.matching - self.shown

    @property
    def columns(self) -> int:
        return 3 + self.quantities + self.prices + self.periods


def of_tab(shown, *, find: str = "", everything: bool = False) -> Lines:
    """The lines that match `find`, the first two hundred of them unless all are asked for."""
    snapshot = shown.snapshot
    wanted = fold(find.strip())
    matching = [line for line in snapshot.lines if not wanted or wanted in fold(line.text, line.group, line.kind)]
    listed = matching if everything else matching[:AT_FIRST]
    sums = _sums_of_groups(snapshot.lines)
    rows = [
        Row(line, period_of(line.period_start, line.period_end, snapshot.timezone), _inside(line)) for line in listed
    ]
    whole = period_of(snapshot.period_start, snapshot.period_end, snapshot.timezone)
    return Lines(
        groups=[Group(name, list(part), sums[name]) for name, part in groupby(rows, key=lambda row: row.line.group)],
        shown=len(listed),
        matching=len(matching),
        all=len(snapshot.lines),
        find=find.strip(),
        grouped=any(line.group for line in snapshot.lines),
        quantities=any(line.quantity is not None for line in listed),
        prices=any(line.unit_price is not None for line in listed),
        periods=any(row.period not in ("", whole) for row in rows),
    )


def _sums_of_groups(lines: Iterable[LineSnapshot]) -> dict[str, list[tuple[Decimal, str]]]:
    amounts: dict[str, dict[str, list[Decimal]]] = {}
    for line in lines:
        group = amounts.setdefault(line.group, {})
        if line.counts and line.amount is not None:
            group.setdefault(line.unit, []).append(line.amount)
    return {name: [(total_of(parts), unit) for unit, parts in by_unit.items()] for name, by_unit in amounts.items()}


def _inside(line: LineSnapshot) -> int:
    return sum(map(len, (line.sub_lines, line.tiers, line.adjustments, line.taxes, line.facts)))
