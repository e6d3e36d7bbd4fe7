"""What is left out, by which of six dates, and whose: whatever is asked, what is counted is what is listed and exported."""

from datetime import UTC, date, datetime

import pytest
from django.http import QueryDict

from invoicing.listing.filters import InvoiceFilters
from invoicing.listing.invoice_list import InvoiceList
from invoicing.models import Connection, CustomerGroup, Invoice
from invoicing.vocabulary import Direction, Payment, Status
from tests.factories import make_customer, make_invoice
from tests.web.pages import count, ids, read


@pytest.fixture
def world(orb, flexprice):
    """Five receivables that differ in everything one can leave out, and in every date."""
    same = CustomerGroup.objects.create(name="Acme worldwide")
    acme, acme_too = make_customer(orb, "Acme GmbH", group=same), make_customer(flexprice, "ACME Inc.", group=same)
    return {
        "a": make_invoice(
            orb, customer=acme, finalized_on=date(2026, 2, 1), period_start=date(2026, 1, 1), period_end=date(2026, 2, 1)
        ),
        "b": make_invoice(
            flexprice, customer=acme_too, currency="EUR", payment=Payment.PAID, finalized_on=date(2026, 2, 9),
            finalized_seen=True, period_start=date(2026, 2, 1), period_end=date(2026, 3, 1),
        ),
        "c": make_invoice(orb, customer="Other", status=Status.DRAFT, currency="JPY", due_date=date(2026, 5, 1)),
        "d": make_invoice(
            orb, customer="Other", status=Status.VOID, voided_on=date(2026, 2, 20), listed_on=date(2026, 1, 5)
        ),
        "e": make_invoice(flexprice, customer="Third", currency="EUR", listed_on=date(2026, 3, 9)),
    }  # fmt: skip


QUESTIONS = {
    "status__not=void": "a b c e",
    "status__not=void&status__not=draft": "a b e",
    "status=void&status=draft&status__not=void": "c",
    "status=void&status__not=void": "",
    "payment__not=paid": "a c d e",
    "provider__not=orb": "b e",
    "provider=orb&connection__not=orb": "",
    "connection__not=flexprice": "a c d",
    "currency__not=EUR": "a c d",
    "currency__not=EUR&currency__not=USD&currency__not=JPY": "",
    "currency__not=USD&status__not=draft": "b e",
    "issued_from=2026-03-02": "e",
    "due_from=2026-05-01&due_to=2026-05-01": "c",
    "period_from=2026-01-15&period_to=2026-01-31": "a",
    "period_from=2026-02-01": "b",
    "period_to=2026-01-31": "a",
    "finalized_from=2026-02-02": "b",
    "finalized_to=2026-02-08": "a",
    "voided_from=2026-02-20&voided_to=2026-02-20": "d",
    "voided_from=2026-02-21": "",
    "synced_from=2026-03-15&synced_to=2026-03-15&status__not=void": "a b c e",
    "synced_to=2026-03-14": "",
    "group=customer&columns=number,total": "a b c d e",
}


def answer(browser, query, *, place="receivables"):
    page = read(browser.get(f"/{place}/?{query}"))
    return set(ids(page)), count(page)


def exported(query, direction=Direction.RECEIVABLE):
    connections = list(Connection.objects.all())
    filters = InvoiceFilters(QueryDict(query), direction=direction, connections=connections, reach=None, currencies=["USD", "EUR", "JPY"])  # fmt: skip
    return set(InvoiceList(filters.criteria(today=date(2026, 3, 15))).ids())


@pytest.mark.parametrize("query", QUESTIONS)
def test_what_is_counted_is_what_is_listed_and_exported(browser, world, query):
    wanted = {world[name].pk for name in QUESTIONS[query].split()}

    assert answer(browser, query) == (wanted, str(len(wanted)))
    assert exported(query) == wanted


def test_a_customer_is_found_over_providers_and_can_be_left_out(browser, world):
    acme = world["a"].customer_id

    assert answer(browser, f"customer={acme}") == ({world["a"].pk, world["b"].pk}, "2")
    assert answer(browser, f"customer__not={acme}") == ({world["c"].pk, world["d"].pk, world["e"].pk}, "3")
    page = read(browser.get(f"/receivables/?customer={acme}"))
    assert "Customer: Acme GmbH (2 linked)" in page.one("form", id="filters").text
    page = read(browser.get(f"/receivables/?customer__not={acme}"))
    assert "Customer: not Acme GmbH (2 linked)" in page.one("form", id="filters").text
    assert answer(browser, "customer=999999") == (set(), "0")


def test_a_bill_with_a_unit_left_out_is_left_out_also_for_a_further_total(browser, crdb):
    dollars = make_invoice(crdb, total="7")
    both = make_invoice(crdb, total="7", further={"CRDB_CLOUD_CREDITS": "3"})

    assert answer(browser, "currency__not=CRDB_CLOUD_CREDITS", place="payables") == ({dollars.pk}, "1")
    assert answer(browser, "currency__not=USD", place="payables") == (set(), "0")
    assert answer(browser, "currency=USD", place="payables") == ({dollars.pk, both.pk}, "2")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("status__not=garbage", "garbage is not one of the available choices"),
        ("provider__not=stripe", "stripe is not one"),
        ("currency__not=XQZ", "XQZ is not one"),
        ("customer__not=x", "Enter a whole number"),
        ("finalized_from=soon", "Enter a valid date"),
        ("synced_from=2026-03-02&synced_to=2026-03-01", "before the first"),
        ("columns=number,colour", "No such column: colour."),
        ("columns=further", "No such column: further."),
        ("group=moon", "is not one of the available choices"),
        ("density=tiny", "is not one of the available choices"),
    ],
)
def test_garbage_says_where_it_is_and_lists_nothing(browser, world, query, said):
    page = read(browser.get(f"/receivables/?{query}"))

    assert ids(page) == [] and count(page) == "0"
    assert said in page.text


def test_days_far_away_are_days(browser, world):
    assert answer(browser, "synced_from=0001-01-01&synced_to=9999-12-31")[1] == "5"
    assert answer(browser, "finalized_from=0001-01-01&period_to=9999-12-31")[1] == "2"


def test_columns_are_chosen_and_ordered_by_the_address(browser, world):
    Invoice.objects.filter(pk=world["d"].pk).update(
        tax="1.90", po_number="PO-7", paid_at=datetime(2026, 3, 3, tzinfo=UTC)
    )
    page = read(browser.get("/receivables/?status=void&columns=voided,tax,po,paid,number,synced,external_id"))

    heads = [head.text for head in page.one("table").all("th", scope="col")]
    assert heads == ["Select", "Number", "Voided", "Tax", "PO number", "Paid on", "Synced", "Provider's id"]
    row = page.one("tr", data_invoice=True)
    cells = [cell.text for cell in row.all("td")][1:]
    assert cells == ["20 Feb 2026", "1.90 USD", "PO-7", "3 Mar 2026", "15 Mar 2026", world["d"].external_id]


def test_every_column_can_be_shown(browser, world, crdb):
    from invoicing.listing.columns import COLUMNS

    make_invoice(crdb, further={"CRDB_CLOUD_CREDITS": "3"})
    for place, direction in (("receivables", Direction.RECEIVABLE), ("payables", Direction.PAYABLE)):
        keys = [key for key, column in COLUMNS.items() if direction in column.of]
        page = read(browser.get(f"/{place}/?columns={','.join(keys)}"))
        assert len(page.one("table").all("th", scope="col")) == len(keys) + 1
        assert ids(page)


def test_a_day_we_only_saw_says_so(browser, world):
    page = read(browser.get("/receivables/?columns=number,finalized&finalized_from=2026-01-01&sort=number&order=asc"))

    assert [row.all("td", class_="day")[0].text for row in page.all("tr", data_invoice=True)] == [
        "1 Feb 2026",
        "9 Feb 2026 first seen",
    ]


def test_the_form_of_columns_leads_to_an_address(browser, world):
    def arranged(query):
        return browser.get(f"/receivables/?status=void&arrange=1&{query}")["Location"]

    chosen = "col=customer&col=total&col=due"
    assert arranged(chosen) == "/receivables/?status=void&columns=number%2Ccustomer%2Ctotal%2Cdue"
    assert arranged(f"{chosen}&move=due:up").endswith("columns=number%2Ccustomer%2Cdue%2Ctotal")
    assert arranged(f"{chosen}&move=customer:down").endswith("columns=number%2Ctotal%2Ccustomer%2Cdue")
    assert arranged(f"{chosen}&move=customer:up").endswith("columns=number%2Ccustomer%2Ctotal%2Cdue")
    assert arranged("col=customer&col=provider&col=status&col=payment&col=listed&col=due&col=total&col=left") == (
        "/receivables/?status=void"
    )
    assert "group=customer" in arranged(f"{chosen}&group=customer&density=compact")
    refused = browser.get("/receivables/?arrange=1&col=colour", follow=True)
    assert "No such column: colour" in read(refused).text


def test_rows_stand_under_headings(browser, world):
    page = read(browser.get("/receivables/?group=customer"))

    rows = [
        row.text if "group" in row.attributes.get("class", "") else int(row.attributes["data-invoice"])
        for row in page.one("tbody").all("tr")
    ]
    assert [row for row in rows if isinstance(row, str)] == ["Acme GmbH", "ACME Inc.", "Other", "Third"]
    assert rows[rows.index("Third") + 1] == world["e"].pk
    assert page.one("th", aria_sort=True).text == "Customer"
    by_month = read(browser.get("/receivables/?group=month"))
    assert [each.text for each in by_month.all("th", scope="colgroup")] == ["Mar 2026", "Jan 2026"]
    for group in ("provider", "status", "payment", "currency"):
        assert len(ids(read(browser.get(f"/receivables/?group={group}")))) == 5


def test_a_bill_without_a_number_goes_by_its_period(browser, crdb):
    bill = make_invoice(crdb, number="", period_start=date(2026, 2, 1), period_end=date(2026, 3, 1))

    link = read(browser.get("/payables/")).one("a", data_row_key="o")
    assert link.text == f"Feb 2026 {bill.external_id}"


def test_counts_alone_are_a_small_part(browser, world):
    part = browser.get("/receivables/?status=void", HTTP_HX_REQUEST="true", HTTP_HX_TARGET="list-counts")

    page = read(part)
    assert page.one(id="list-number").text == "1 invoice"
    assert page.one("a", id="tab-all").text == "All5"
    assert not page.all("table") and not page.all("form")


def test_who_may_see_no_amounts_or_addresses_sees_none(client, person, world):
    client.force_login(person("sync admin"))

    page = read(client.get("/receivables/?columns=number,total,email,tax,listed"))
    assert [head.text for head in page.one("table").all("th", scope="col")] == ["Select", "Number", "Issued"]
    assert not page.all(class_="tile")
