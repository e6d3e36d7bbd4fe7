"""Files read back as another program reads them."""

import csv
import io
import zipfile
from xml.etree import ElementTree

NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def csv_rows(data: bytes) -> list[dict]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def sheets(data: bytes) -> dict[str, list[list]]:
    """Sheet name → rows of (type, text) cells, None where a cell is empty. Fails where a cell is a formula."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        names = [each.get("name") for each in ElementTree.fromstring(book.read("xl/workbook.xml")).iter(f"{NS}sheet")]
        return {
            name: _rows(ElementTree.fromstring(book.read(f"xl/worksheets/sheet{at}.xml")))
            for at, name in enumerate(names, 1)
        }


def _rows(sheet) -> list[list]:
    rows = []
    for row in sheet.iter(f"{NS}row"):
        cells = {}
        for cell in row.iter(f"{NS}c"):
            assert cell.find(f"{NS}f") is None
            kind = cell.get("t", "n")
            text = "".join(each.text or "" for each in cell.iter(f"{NS}t" if kind == "inlineStr" else f"{NS}v"))
            cells[_column(cell.get("r"))] = ("s" if kind == "inlineStr" else kind, text)
        rows.append([cells.get(at) for at in range(max(cells, default=-1) + 1)])
    return rows


def _column(reference: str) -> int:
    at = 0
    for letter in reference.rstrip("0123456789"):
        at = at * 26 + ord(letter) - 64
    return at - 1


def table(rows: list[list]) -> list[dict]:
    """Rows by the texts of the first one; an empty cell is None."""
    heads = [cell[1] for cell in rows[0]]
    return [dict(zip(heads, [*row, *[None] * len(heads)], strict=False)) for row in rows[1:]]
