"""A table as CSV (RFC 4180): a header of column names, then rows and nothing else, so that programs can read it."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from invoicing.exports.cells import TEXTS
from invoicing.exports.columns import Column
from invoicing.exports.tally import Summary


class CsvFile:
    """Every digit of every amount; days and moments in ISO 8601, moments with their offset; formulas neutralized."""

    def __init__(self, out: BinaryIO, columns: Sequence[Column]):
        self._out = out
        self._shown = [TEXTS[column.kind] for column in columns]
        self._write([[column.key for column in columns]])

    def add(self, rows: Sequence[tuple]) -> None:
        shown = self._shown
        self._write(
            ["" if value is None else show(value) for show, value in zip(shown, row, strict=True)] for row in rows
        )

    def _write(self, rows: Iterable[Sequence[str]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        self._out.write(text.getvalue().encode(errors="replace"))

    def end(self, summary: Summary) -> None:
        self._out.flush()
