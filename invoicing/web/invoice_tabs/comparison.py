"""Two versions of an invoice side by side: what differs, money first, and what stayed as it was."""

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from invoicing.mirror import changes as comparing
from invoicing.web.invoice_tabs.history import AMOUNTS, HIDDEN, Change, label_of, told_change, value_text
from invoicing.web.invoice_tabs.shown import Shown

MOST_COMPARED = 1000


@dataclass
class Section:
    """Changes of one kind, and what of that kind stayed as it was."""

    key: str
    label: str
    changes: list[Change] = field(default_factory=list)
    same: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Comparison:
    """Two versions side by side; `problem` says why they cannot be compared."""

    before: Shown
    after: Shown
    sections: list[Section] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)  # how many came, went, changed, stayed
    problem: str = ""

    @property
    def differs(self) -> bool:
        return any(section.changes for section in self.sections)

    @property
    def same(self) -> int:
        return sum(len(section.same) for section in self.sections) + self.lines.get("same", 0)


def compared(before: Shown, after: Shown, *, hidden: frozenset[str] = frozenset()) -> Comparison:
    """Everything that differs between two shown versions: money, standing, dates, lines, the rest; and what does not."""
    if before.snapshot is None or after.snapshot is None:
        unread = before if before.snapshot is None else after
        problem = _("Version %(number)d cannot be read any more, so it cannot be compared.")
        return Comparison(before, after, problem=problem % {"number": unread.version.number})
    unit = after.currency
    sections = {section.key: section for section in _sections()}
    found = comparing.changes(before.snapshot, after.snapshot, most=MOST_COMPARED)
    for change in found:
        told_so = told_change(change, unit, hidden=hidden)
        if change["field"] in AMOUNTS - hidden and before.currency != after.currency:
            told_so = _in_two_units(change, before.currency, after.currency)
        sections[_section_of(change["field"])].changes.append(told_so)
    for name, value in comparing.alike(before.snapshot, after.snapshot).items():
        text = value_text(name, value, unit)
        sections[_section_of(name)].same.append((label_of(name), HIDDEN if text and name in hidden else text))
    return Comparison(before, after, list(sections.values()), _line_counts(before, after))


def _sections() -> list[Section]:
    return [
        Section("money", _("Money")),
        Section("standing", _("Status and number")),
        Section("dates", _("Dates")),
        Section("lines", _("Lines")),
        Section("rest", _("Everything else")),
    ]


def _section_of(name: str) -> str:
    for key, names in (("money", comparing.MONEY), ("standing", comparing.STANDING), ("dates", comparing.DATES)):
        if name in names:
            return key
    return "lines" if name.partition(".")[0] == "lines" else "rest"


def _in_two_units(change: dict[str, Any], unit_before: str, unit_after: str) -> Change:
    """Amounts of two units stand side by side and have no difference."""
    name = change["field"]
    return Change(
        label=label_of(name),
        before=value_text(name, change.get("before"), unit_before),
        after=value_text(name, change.get("after"), unit_after),
        is_money=True,
    )


def _line_counts(before: Shown, after: Shown) -> dict[str, int]:
    came, went, stayed = comparing.line_keys(before.snapshot, after.snapshot)
    same = comparing.lines_alike(before.snapshot, after.snapshot)
    return {"came": came, "went": went, "changed": stayed - same, "same": same}
