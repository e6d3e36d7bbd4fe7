"""Texts no spreadsheet runs, figures no spreadsheet rounds."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.exports.cells import STARTS_FORMULA, as_double, safe, unsafe
from invoicing.exports.columns import BY_KEY
from invoicing.exports.csv_file import CsvFile
from invoicing.exports.tally import Summary
from invoicing.exports.xlsx_file import XlsxFile
from tests.exports.reading import csv_rows, sheets

HOSTILE = st.sampled_from([*STARTS_FORMULA, "'", '"', " ", "\u200b", "\ufeff", ";", ",", "a", "_x0041_", "<r>", "</r>"])
TEXTS = st.lists(HOSTILE | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join)


@given(TEXTS)
def test_a_text_starts_safely_and_comes_back(text):
    shown = safe(text)

    assert shown[:1] not in STARTS_FORMULA and shown.lstrip()[:1] not in STARTS_FORMULA - {""}
    assert unsafe(shown) == text


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+49 30",
        "-2",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\nx",
        "\0=1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        " =1",
        "\u200b=1",
        "'=1",
    ],
)
def test_what_could_run_is_marked(text):
    assert safe(text) == "'" + text


@pytest.mark.parametrize("text", ["", "Acme", "Söhne AG", "3 apples", "a=b", "日本", " plain"])
def test_what_is_harmless_stays(text):
    assert safe(text) == text


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_is_a_number_only_where_a_double_is_that_very_number(amount):
    text = format(amount, "f")
    double = as_double(text)

    assert double is None or Decimal(repr(double)) == amount
    if (
        len(amount.normalize().as_tuple().digits) <= 15
        and abs(amount.adjusted()) < 300
        and len(amount.as_tuple().digits) <= 15
    ):
        assert double is not None


def test_twenty_digits_are_not_a_double():
    assert as_double("0.12345678901234567890") is None and as_double("9007199254740993") is None
    assert as_double("100.50") == 100.5 and as_double("-0.000001") == -0.000001


COLUMNS = [BY_KEY["number"], BY_KEY["total"]]
NOTHING = Summary(0, 0, [], None)


@given(
    st.lists(
        st.tuples(TEXTS, st.decimals(allow_nan=False, allow_infinity=False).map(lambda d: format(d, "f"))), max_size=5
    )
)
def test_a_csv_round_trip_loses_nothing(rows):
    out = io.BytesIO()
    file = CsvFile(out, COLUMNS)
    file.add(rows)
    file.end(NOTHING)

    read = list(csv.reader(io.StringIO(out.getvalue().decode(), newline="")))

    assert read[0] == ["number", "total"]
    assert [(unsafe(text), total) for text, total in read[1:]] == rows


def workbook(rows, columns=COLUMNS):
    from django.utils import timezone

    out = io.BytesIO()
    file = XlsxFile(out, columns, name="Invoices")
    file.add(rows)
    file.end(Summary(len(rows), len(rows), [], timezone.now()))
    return sheets(out.getvalue())


@pytest.mark.parametrize(
    "text",
    ["=1+1", "<r><t>x</t></r>", "_x0041_", "https://a.example/" + "x" * 3000, "a\0b\x01c", "\ufffe", "]]>&<a>", "0012"],
)
def test_a_workbook_holds_hostile_texts_as_texts(text):
    ((kind, shown),) = workbook([(text, None)])["Invoices"][1]

    wanted = "".join("�" if c in "\0\x01\ufffe" else c for c in text)
    assert kind == "s" and unsafe(shown.replace("_x005F_", "_")) == wanted


def test_what_a_workbook_cannot_hold_is_said():
    book = workbook([("x" * 40_000, "1"), ("a\0", "2")])

    assert book["Invoices"][1][0][1].endswith("…") and len(book["Invoices"][1][0][1]) == 32_767
    notes = [row[0][1] for row in book["Totals"] if row and row[0]]
    assert "Texts cut to what a cell holds, ending in …: 1" in notes
    assert "Texts with signs a workbook cannot hold, shown as �: 1" in notes


def test_amounts_are_typed_and_never_rounded():
    rows = workbook([("a", "100.50"), ("b", "0.123456789012345678901"), ("c", "-7")])["Invoices"]

    assert [row[1] for row in rows[1:]] == [("n", "100.5"), ("s", "0.123456789012345678901"), ("n", "-7")]


def test_days_before_spreadsheets_count_stay_text():
    columns = [BY_KEY["due_date"], BY_KEY["issued_at"]]
    rows = workbook([("1850-01-02", "1850-01-02 03:04:05"), ("2026-03-01", "2026-03-01 12:00:00")], columns)["Invoices"]

    assert rows[1] == [("s", "1850-01-02"), ("s", "1850-01-02T03:04:05+00:00")]
    assert [kind for kind, _ in rows[2]] == ["n", "n"] and rows[2][1][1] == "46082.5"


def test_the_csv_reader_of_the_tests_reads_what_it_should():
    assert csv_rows(b"a,b\r\n1,\r\n") == [{"a": "1", "b": ""}]
