"""Making a file of a list: counted first, written row by row, and kept only if it holds exactly what was counted."""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from invoicing.exports.asked import CannotExport, Wanted
from invoicing.exports.csv_file import CsvFile
from invoicing.exports.jsonl_file import JsonlFile, Records
from invoicing.exports.moment import one_moment
from invoicing.exports.tables import Table
from invoicing.exports.tally import Summary, Tally
from invoicing.exports.xlsx_file import XlsxFile
from invoicing.listing.facets import Facets
from invoicing.models import Export
from invoicing.vocabulary import Direction

Tell = Callable[[int, int], None]
"""Told how many of how many invoices are written."""


def count(wanted: Wanted) -> int:
    """How many invoices the file will hold. Errors: CannotExport."""
    wanted.check()
    if wanted.chosen is not None:
        return len(wanted.chosen_ids())
    return sum(each.exact_facets.count for each in wanted.lists())


@translation.override("en")  # one file for all readers, and the same whoever asks
def make(wanted: Wanted, out: BinaryIO, tell: Tell = lambda done, expected: None) -> Summary:
    """Write the file to `out`; what it holds. Everything in it is of one moment.

    Errors: CannotExport; Differs when the rows are not what the list counted: what was written then is not to be used.
    """
    wanted.check()
    file = _file(wanted, out)
    with one_moment():
        as_of = timezone.now()
        sets = _sets(wanted)
        expected = sum(len(promised) if isinstance(promised, list) else promised.count for promised, _ in sets)
        done = rows = unreadable = 0
        tallies = []
        for promised, ids in sets:
            tally = Tally()
            reader = _reader(wanted, tally)
            for batch in reader.rows(ids):
                file.add(batch)
                rows += len(batch)
                tell(done + tally.invoices, expected)
            if isinstance(promised, Facets):
                tally.must_equal(promised)
            elif tally.invoices != len(promised):
                raise CannotExport(f"{len(promised):,} invoices were picked and {tally.invoices:,} were read.")
            done += tally.invoices
            unreadable += reader.unreadable
            tallies.append(tally)
    totals = tallies[0].totals() if len(tallies) == 1 else []  # sets of several books are never added up
    summary = Summary(done, rows, totals, as_of)
    if unreadable:
        summary.notes.append(
            ngettext(
                "The stored payload of %(n)s invoice cannot be read: what only it says is left empty.",
                "The stored payloads of %(n)s invoices cannot be read: what only they say is left empty.",
                unreadable,
            )
            % {"n": unreadable}
        )
    file.end(summary)
    return summary


def _sets(wanted: Wanted) -> list[tuple[Facets | list[int], Iterator[int] | list[int]]]:
    """What is promised, and the ids in order."""
    if wanted.chosen is not None:
        ids = wanted.chosen_ids()
        return [(ids, ids)]
    return [(each.exact_facets, each.ids()) for each in wanted.lists()]


def _reader(wanted: Wanted, tally: Tally) -> Table | Records:
    if wanted.format == Export.Format.JSONL:
        return Records(tally, lines=wanted.lines, personal=wanted.personal)
    return Table(wanted.columns(), tally, payable=wanted.direction == Direction.PAYABLE, lines=wanted.lines)


def _file(wanted: Wanted, out: BinaryIO) -> Any:
    if wanted.format == Export.Format.CSV:
        return CsvFile(out, wanted.columns())
    if wanted.format == Export.Format.XLSX:
        return XlsxFile(out, wanted.columns(), name=_("Line items") if wanted.lines else _("Invoices"))
    return JsonlFile(out)
