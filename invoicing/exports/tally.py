"""What a file comes to, counted from its own rows, and whether that is what the list says."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from invoicing.exports.asked import CannotExport
from invoicing.listing.facets import Facets, UnitSum
from invoicing.money import EXACT, exact_text

NONE = Decimal(0)


class Differs(CannotExport):
    """The rows written are not what the list counted: the file must not be trusted, so there is none."""


@dataclass(slots=True)
class Tally:
    invoices: int = 0
    units: dict[str, UnitSum] = field(default_factory=dict)

    def add(self, unit: str, total: str | Decimal | None, due: str | Decimal | None = None) -> None:
        """One amount of an invoice that counts in totals; `due` where it is outstanding."""
        if total is None:
            return
        entry = self.units.get(unit)
        if entry is None:
            entry = self.units[unit] = UnitSum(unit, 0, NONE, NONE)
        entry.amounts += 1
        entry.total = EXACT.add(entry.total, Decimal(total))
        if due is not None:
            entry.due = EXACT.add(entry.due, Decimal(due))

    def must_equal(self, promised: Facets) -> None:
        """Errors: Differs."""
        if self.invoices != promised.count:
            raise Differs(f"The list counts {promised.count:,} invoices and {self.invoices:,} were read. Try again.")
        theirs = {each.unit: each for each in promised.totals}
        for unit in theirs.keys() | self.units.keys():
            mine, said = self.units.get(unit), theirs.get(unit)
            if mine is None or said is None or (mine.total, mine.due) != (said.total, said.due):
                raise Differs(
                    f"The list's total in {unit} is {_said(said)} and the rows come to {_said(mine)}. "
                    "Run check_summary, then try again."
                )

    def totals(self) -> list[dict]:
        return [
            {"unit": each.unit, "amounts": each.amounts, "total": exact_text(each.total), "due": exact_text(each.due)}
            for _, each in sorted(self.units.items())
        ]


def _said(each: UnitSum | None) -> str:
    return "none" if each is None else f"{exact_text(each.total)} ({exact_text(each.due)} due)"


@dataclass(slots=True)
class Summary:
    """What stands in a file, for its last sheet, its page and its headers."""

    invoices: int
    rows: int
    totals: list[dict]
    as_of: datetime
    notes: list[str] = field(default_factory=list)
