"""A file is the list: its rows in its order, its count, its totals; or there is none."""

import io
import json
from datetime import date
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from invoicing.exports.asked import CannotExport, Wanted
from invoicing.exports.columns import columns_for
from invoicing.exports.making import count, make
from invoicing.exports.tally import Differs
from invoicing.listing.columns import COLUMNS
from invoicing.listing.facets import Facets
from invoicing.models import AuditEntry, Connection, Export, Invoice, LineItem
from invoicing.vocabulary import Payment, Status
from tests.exports.reading import csv_rows, sheets, table
from tests.factories import make_invoice
from tests.web.mirrored import body, mirrored

pytestmark = pytest.mark.django_db


def made(format="csv", **wanted):  # noqa: A002
    out = io.BytesIO()
    summary = make(Wanted(format=format, **wanted), out)
    return out.getvalue(), summary


def shown_by_the_list(wanted):
    (listed,) = wanted.lists()
    return list(listed.ids()), {each.unit: (each.total, each.due) for each in listed.exact_facets.totals}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "status=finalized",
        "sort=total&order=asc",
        "q=ORB-7",
        "currency=USD&amount_min=1",
        "status__not=void&provider__not=cockroachdb",
        "currency__not=USD",
        "overdue=on",
        "issued_from=2026-01-01&issued_to=2026-02-28",
        "payment=paid&payment=unpaid",
    ],
)
def test_the_rows_count_and_totals_are_the_lists(world, query):
    data, summary = made(query=query)

    ids, totals = shown_by_the_list(Wanted(format="csv", query=query))
    rows = csv_rows(data)
    assert [int(row["id"]) for row in rows] == ids
    assert summary.invoices == summary.rows == len(ids) == count(Wanted(format="csv", query=query))
    assert {each["unit"]: (Decimal(each["total"]), Decimal(each["due"])) for each in summary.totals} == totals


def test_every_digit_every_unit_and_iso_days(world):
    data, summary = made()

    tiny = next(row for row in csv_rows(data) if row["id"] == str(world["tiny"].pk))
    assert (tiny["total"], tiny["amount_due"], tiny["currency"]) == ("0.123456789012345678901", "0.000000001", "USD")
    assert (tiny["listed_on"], tiny["read_at"], tiny["outstanding"]) == (
        "2026-02-02",
        "2026-03-15T08:30:00+00:00",
        "yes",
    )
    assert {"unit": "USD", "amounts": 2, "total": "100.623456789012345678901", "due": "100.500000001"} in summary.totals
    assert [row["total"] for row in csv_rows(data) if row["status"] == "draft"] == [""]
    assert "'=1+1" in data.decode() and b",=1+1" not in data


def test_moments_are_told_in_the_accounting_time_zone(world, settings):
    settings.TIME_ZONE = "Asia/Tokyo"

    assert csv_rows(made()[0])[0]["read_at"] == "2026-03-15T17:30:00+09:00"
    heads = [cell[1] for cell in sheets(made("xlsx")[0])["Invoices"][0]]
    assert "Read by us (Asia/Tokyo)" in heads


def test_a_workbook_has_the_totals_on_a_sheet_of_their_own(world):
    data, summary = made("xlsx", query="status=finalized")

    book = sheets(data)
    rows = table(book["Invoices"])
    assert len(rows) == 3 and rows[0]["Total"][0] == "n"
    facts = {row[0][1]: row[1][1] for row in book["Totals"] if row and len(row) > 1 and row[0]}
    assert (facts["Invoices"], facts["Rows"], facts["Time zone"]) == ("3", "3", "UTC")
    units = [[cell[1] for cell in row] for row in book["Totals"] if len(row) == 4]
    assert units[0] == ["Unit", "Amounts", "Total", "Outstanding"]
    assert ["EUR", "1", "12", "0"] in units and ["USD", "2", "100.623456789012345678901", "100.500000001"] in units


def test_a_row_a_line_and_an_invoice_without_lines_stays(world):
    LineItem.objects.filter(invoice=world["open"], position=0).update(
        amount="-0.10", quantity="3", details={"group": "=cluster", "tiers": [{"label": "a"}]}
    )

    data, summary = made(level="lines")

    rows = csv_rows(data)
    own = [row for row in rows if row["id"] == str(world["open"].pk)]
    assert [(row["line"], row["line_text"], row["number"]) for row in own] == [
        ("1", "Seats", "ORB-7"),
        ("2", "Usage", "ORB-7"),
    ]
    assert (own[0]["line_amount"], own[0]["line_group"], own[0]["line_unit"]) == ("-0.10", "'=cluster", "USD")
    assert json.loads(own[0]["line_details"]) == {"tiers": [{"label": "a"}]}
    assert len({row["id"] for row in rows}) == summary.invoices == 5 and summary.rows == len(rows) == 6
    assert "total" not in rows[0]  # repeated on each line, it would be added up


def test_a_line_that_is_not_there_fails_the_file(world):
    Invoice.objects.filter(pk=world["open"].pk).update(line_count=3)

    with pytest.raises(CannotExport, match="3 line items and 2 were read"):
        made(level="lines")


def test_columns_are_chosen_by_name_and_in_order(world):
    data, _ = made(keys=("customer", "total", "number"))

    assert data.decode().splitlines()[0] == "customer,total,currency,number"  # a total has its unit beside it
    with pytest.raises(CannotExport, match="no column 'nonsense', 'id; DROP'"):
        made(keys=("number", "nonsense", "id; DROP"))
    with pytest.raises(CannotExport, match="'line_text' is of line items"):
        made(keys=("line_text",))
    lines = made(keys=("number", "line_text"), level="lines")[0].decode().splitlines()
    assert lines[0] == "number,line_text"


@pytest.mark.parametrize("direction", ["receivable", "payable"])
def test_every_column_a_list_shows_has_its_like_in_a_file(direction):
    shown = [key for key, column in COLUMNS.items() if direction in column.of]

    assert len(shown) > 15
    for key in shown:
        assert columns_for([key], direction=direction), key


def test_what_only_the_payload_says_is_there_too(connection_to):
    invoice = mirrored(connection_to("orb"), body("orb_invoice_issued"))
    said = json.loads(made("jsonl")[0])

    row = csv_rows(made()[0])[0]

    assert row["id"] == str(invoice.pk) and said["discount"] is not None and row["discount"] == said["discount"]


def test_a_payload_that_cannot_be_read_is_said_not_hidden(world):
    data, summary = made("jsonl")

    records = [json.loads(line) for line in data.decode().splitlines()]
    assert len(records) == 5 and all(each["unreadable"] for each in records)
    assert records[0]["total"] is not None and "5 invoices cannot be read" in summary.notes[0]
    assert "cannot be read" in made("csv")[1].notes[0] and made("csv", keys=("number",))[1].notes == []


def test_a_bill_has_both_its_units(crdb, world):
    make_invoice(crdb, total="10", payment=Payment.NOT_TRACKED, further={"CRDB_CLOUD_CREDITS": "2.5"})
    make_invoice(crdb, total="4", payment=Payment.NOT_TRACKED)

    data, summary = made(direction="payable")

    rows = csv_rows(data)
    assert [(row["second_unit"], row["second_total"]) for row in rows] == [("", ""), ("CRDB_CLOUD_CREDITS", "2.5")]
    assert {each["unit"]: each["total"] for each in summary.totals} == {"USD": "14", "CRDB_CLOUD_CREDITS": "2.5"}
    _, some = made(direction="payable", query="currency=CRDB_CLOUD_CREDITS")
    assert [(each["unit"], each["total"]) for each in some.totals] == [("CRDB_CLOUD_CREDITS", "2.5"), ("USD", "10")]


def test_the_two_directions_share_no_table(world, crdb):
    make_invoice(crdb, payment=Payment.NOT_TRACKED)

    for format in ("csv", "xlsx"):  # noqa: A001
        with pytest.raises(CannotExport, match="never share a table"):
            made(format, direction="all")
    data, summary = made("jsonl", direction="all")
    assert {json.loads(line)["direction"] for line in data.decode().splitlines()} == {"receivable", "payable"}
    assert (summary.rows, summary.totals) == (6, [])


def test_a_filter_that_is_not_understood_exports_nothing(world):
    for query in ("status=bogus", "issued_from=yesterday", "amount_min=5"):
        with pytest.raises(CannotExport, match="A filter was not understood"):
            made(query=query)


def test_rows_that_are_not_what_was_counted_fail_the_file(world, monkeypatch):
    one = Facets(count=4)
    monkeypatch.setattr("invoicing.listing.invoice_list.InvoiceList.exact_facets", one)
    with pytest.raises(Differs, match="counts 4 invoices and 5 were read"):
        made()


def test_a_total_that_is_not_the_lists_fails_the_file(world):
    Invoice.objects.filter(pk=world["open"].pk).update(total="100.51")

    with pytest.raises(Differs, match="total in USD"):
        made()


def test_picked_rows_alone_in_their_order(world, crdb):
    wanted = (world["void"].pk, world["open"].pk)
    data, summary = made(chosen=wanted)

    assert [int(row["id"]) for row in csv_rows(data)] == list(wanted)
    assert {each["unit"] for each in summary.totals} == {"USD", "BHD"}
    bill = make_invoice(crdb, payment=Payment.NOT_TRACKED)
    with pytest.raises(CannotExport, match=f"Not among the receivables you can see: {bill.pk}, 0"):
        made(chosen=(bill.pk, world["open"].pk, 0))


def test_a_person_gets_what_they_reach(world, orb, operator):
    from invoicing.models import Scope

    Scope.objects.create(user=operator, connections=[orb.pk])

    rows = csv_rows(made(person=operator)[0])

    assert {row["connection"] for row in rows} == {"orb"} and len(rows) == 2
    with pytest.raises(CannotExport, match="Not among"):
        made(chosen=(world["void"].pk,), person=operator)


def test_personal_data_needs_its_right(world, person):
    from django.contrib.auth.models import Group

    from invoicing.models import Role

    clerk = person("clerk")
    Role.objects.create(group=Group.objects.get(name="clerk"), rights=["view", "view_money", "export"])

    assert "customer_email" not in csv_rows(made(person=clerk)[0])[0]
    assert "customer_email" in csv_rows(made()[0])[0]
    with pytest.raises(CannotExport, match="'customer_email' needs the right"):
        made(keys=("customer_email",), person=clerk)


def test_the_command_writes_the_same_files_and_leaves_a_record(world, tmp_path, capsysbinary):
    call_command("export", "status=finalized", format="csv", columns="number,total")
    said = capsysbinary.readouterr()
    assert said.out == made(query="status=finalized", keys=("number", "total"))[0]
    assert b"3 invoices, 3 rows" in said.err and b"12 EUR" in said.err

    call_command("export", format="xlsx", lines=True, output=str(tmp_path / "a.xlsx"))
    assert set(sheets((tmp_path / "a.xlsx").read_bytes())) == {"Line items", "Totals"}

    entry = AuditEntry.objects.filter(action="export.written").first()
    assert (entry.facts["filter"], entry.facts["rows"], entry.facts["via"]) == ("status=finalized", 3, "command")
    for arguments, problem in (
        (["nonsense=1"], "no filter 'nonsense'"),
        (["status"], "is not name=value"),
        (["status=bogus"], "not understood"),
    ):
        with pytest.raises(CommandError, match=problem):
            call_command("export", *arguments, format="csv")
    with pytest.raises(CommandError, match="never share a table"):
        call_command("export", format="csv", direction="all")
    with pytest.raises(CommandError, match="no column 'x'"):
        call_command("export", format="csv", columns="number,x")


def test_a_batch_is_a_few_queries_however_many_rows(orb, django_assert_max_num_queries):
    for day in range(1, 29):
        make_invoice(orb, status=Status.FINALIZED, listed_on=date(2026, 1, day))
    with django_assert_max_num_queries(14):
        made()
    assert Export.objects.count() == 0 and Connection.objects.count() == 1
