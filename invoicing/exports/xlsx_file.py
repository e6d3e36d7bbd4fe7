"""A table as a workbook: typed cells on one sheet, what they come to on another. Constant memory, however long."""

import re
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import xlsxwriter
from django.utils import timezone
from django.utils.translation import gettext as _

from invoicing.exports.cells import MARK, Kind, as_double, day, moment, safe
from invoicing.exports.columns import Column
from invoicing.exports.tally import Summary

ROWS_A_SHEET = 1_000_000
CELL_HOLDS = 32_767
FIRST_YEAR = 1900
"""A spreadsheet counts days from here; what is earlier stays text."""
UNHOLDABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
NEW_LINE = re.compile(r"\r\n?")
WIDTHS = {Kind.TEXT: 18, Kind.AMOUNT: 16, Kind.WHOLE: 9, Kind.DAY: 11, Kind.MOMENT: 19, Kind.FLAG: 8}
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "remove_timezone": True,
    "nan_inf_to_errors": False,
}


class XlsxFile:
    """An amount is a number where a double is that very amount, else its text: nothing is ever rounded."""

    def __init__(self, out: BinaryIO, columns: Sequence[Column], *, name: str):
        self.book = xlsxwriter.Workbook(out, OPTIONS)
        self.columns, self.name = columns, name
        self._cut = self._replaced = 0
        self._bold = self.book.add_format({"bold": True})
        self._days = self.book.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
        self._moments = self.book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left"})
        self._right = self.book.add_format({"align": "right"})
        self._decimals: dict[int, Any] = {}
        kinds: dict[Kind, Callable] = {
            Kind.TEXT: self._text,
            Kind.AMOUNT: self._amount,
            Kind.WHOLE: self._whole,
            Kind.DAY: self._day,
            Kind.MOMENT: self._moment,
            Kind.FLAG: self._flag,
        }
        self._write = [kinds[column.kind] for column in columns]
        self._sheets = 0
        self._begin()

    def _begin(self) -> None:
        self._sheets += 1
        self.sheet = self.book.add_worksheet(self.name if self._sheets == 1 else f"{self.name} {self._sheets}")
        self.sheet.freeze_panes(1, 0)
        zone = timezone.get_default_timezone_name()
        for at, column in enumerate(self.columns):
            label = f"{column.label} ({zone})" if column.kind == Kind.MOMENT else str(column.label)
            self.sheet.set_column(at, at, max(WIDTHS[column.kind], min(len(label) + 3, 34)))
            self.sheet.write_string(0, at, label, self._bold)
        self.row = 0

    def add(self, rows: Sequence[tuple]) -> None:
        for row in rows:
            if self.row == ROWS_A_SHEET:
                self._finish_sheet()
                self._begin()
            self.row += 1
            for at, (write, value) in enumerate(zip(self._write, row, strict=True)):
                if value is not None and value != "":
                    write(self.row, at, value)

    def _finish_sheet(self) -> None:
        self.sheet.autofilter(0, 0, self.row, len(self.columns) - 1)

    def end(self, summary: Summary) -> None:
        self._finish_sheet()
        summary.notes += self._what_was_lost()
        self._write_summary(summary)
        self.book.close()

    def _what_was_lost(self) -> list[str]:
        notes = []
        if self._replaced:
            notes.append(_("Texts with signs a workbook cannot hold, shown as �: %(n)s") % {"n": self._replaced})
        if self._cut:
            notes.append(_("Texts cut to what a cell holds, ending in …: %(n)s") % {"n": self._cut})
        return notes

    def _write_summary(self, summary: Summary) -> None:
        sheet = self.sheet = self.book.add_worksheet(_("Totals"))
        sheet.set_column(0, 0, 30)
        sheet.set_column(1, 3, 22)
        facts = [
            (_("Invoices"), summary.invoices),
            (_("Rows"), summary.rows),
            (_("As of"), summary.as_of),
            (_("Time zone"), timezone.get_default_timezone_name()),
        ]
        at = 0
        for at, (label, value) in enumerate(facts):
            sheet.write_string(at, 0, label, self._bold)
            writers: dict[type, Any] = {int: self._whole, str: self._text}
            writers.get(type(value), self._moment)(at, 1, value)
        at += 2
        for column, label in enumerate((_("Unit"), _("Amounts"), _("Total"), _("Outstanding"))):
            sheet.write_string(at, column, label, self._bold)
        for each in summary.totals:
            at += 1
            self._text(at, 0, each["unit"])
            self._whole(at, 1, each["amounts"])
            self._amount(at, 2, each["total"])
            self._amount(at, 3, each["due"])
        for note in summary.notes:
            at += 2
            self._text(at, 0, note)

    def _text(self, row: int, at: int, value: str) -> None:
        shown = safe(value)
        if shown.startswith("<r>"):
            shown = MARK + shown  # XlsxWriter would take it for its own rich text and put it in unescaped
        if UNHOLDABLE.search(shown):
            shown, self._replaced = UNHOLDABLE.sub("\N{REPLACEMENT CHARACTER}", shown), self._replaced + 1
        if len(shown.encode("utf-16-le")) // 2 > CELL_HOLDS:
            units = shown.encode("utf-16-le")[: (CELL_HOLDS - 1) * 2]
            shown, self._cut = units.decode("utf-16-le", errors="ignore") + "…", self._cut + 1
        self.sheet.write_string(row, at, NEW_LINE.sub("\n", shown))  # XML knows one kind of new line

    def _amount(self, row: int, at: int, value: str) -> None:
        double = as_double(value)
        if double is None:
            self.sheet.write_string(row, at, value, self._right)
        else:
            self.sheet.write_number(row, at, double, self._format(len(value.partition(".")[2])))

    def _format(self, decimals: int) -> Any:
        known = self._decimals.get(decimals)
        if known is None:
            text = "#,##0." + "0" * min(decimals, 28) if decimals else "#,##0"
            known = self._decimals[decimals] = self.book.add_format({"num_format": text})
        return known

    def _whole(self, row: int, at: int, value: int) -> None:
        self.sheet.write_number(row, at, value)

    def _flag(self, row: int, at: int, value: bool | int) -> None:
        self.sheet.write_boolean(row, at, bool(value))

    def _day(self, row: int, at: int, value: Any) -> None:
        date = day(value)
        if date.year <= FIRST_YEAR:
            self.sheet.write_string(row, at, date.isoformat())
        else:
            self.sheet.write_datetime(row, at, date, self._days)

    def _moment(self, row: int, at: int, value: Any) -> None:
        when = moment(value)
        if when.year <= FIRST_YEAR:
            self.sheet.write_string(row, at, when.isoformat())
        else:
            self.sheet.write_datetime(row, at, when, self._moments)
