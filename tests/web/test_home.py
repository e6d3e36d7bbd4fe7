"""The first page of a day: what waits, what is owed and since when, what was billed, never two units in one figure."""

from datetime import UTC, date, datetime

import pytest
from django.utils import timezone

from invoicing.models import Incident, Operation, UnreadableRecord
from invoicing.vocabulary import OperationState, Payment, Status
from tests.factories import make_invoice
from tests.web.pages import ids, read

pytestmark = pytest.mark.usefixtures("march")  # 15 March 2026


def fresh(*connections):
    for each in connections:
        each.last_success_at = each.complete_as_of = datetime(2026, 3, 15, 11, 50, tzinfo=UTC)
        each.save()


def needs(page):
    return {each.attributes["data-need"]: each.text for each in page.all("li", data_need=True)}


def ages(page, direction, unit):
    section = page.one("section", data_direction=direction)
    row = next(tr for tr in section.all("tr") if tr.all("td", data_age=True) and tr.all("th")[0].text == unit)
    return {each.attributes["data-age"]: each for each in row.all("td", data_age=True)}


def owe(connection, total, due_date, **fields):
    return make_invoice(connection, total=total, due_date=due_date, **fields)


def test_a_desk_without_connections_says_how_to_begin(browser, client, person):
    assert "manage.py connect" in read(browser.get("/")).text
    client.force_login(person("viewer"))
    page = read(client.get("/"))
    assert "manage.py connect" not in page.text and "A sync admin connects one" in page.text


def test_nothing_waits_when_all_is_well(browser, orb):
    fresh(orb)
    page = read(browser.get("/"))
    assert needs(page) == {}
    assert "Nothing waits for you" in page.text and "15 Mar 2026, 11:50 UTC" in page.text


def test_what_waits_is_counted_and_leads_to_its_page(browser, operator, orb, flexprice):
    fresh(orb)
    flexprice.last_error, flexprice.last_error_at = "401", timezone.now()
    flexprice.save()
    for number, state in enumerate([OperationState.UNKNOWN, OperationState.NEEDS_PERSON, OperationState.NEEDS_PERSON]):
        Operation.objects.create(
            connection=orb, invoice=make_invoice(orb), external_id=f"in{number}", verb="void", call_class="G", state=state,
            token=f"t{number}", key=f"k{number}", requester=operator, reason="x", created_at=timezone.now(),
        )  # fmt: skip
    Incident.objects.create(kind="foreign", connection=orb, mark="m", text="<b>", seen_at=timezone.now())
    for number in (1, 2):
        UnreadableRecord.objects.create(
            connection=orb, kind="invoice", external_id=str(number), field="total", problem="none", payload=b"{}",
            first_seen_at=timezone.now(), last_seen_at=timezone.now(),
        )  # fmt: skip
    make_invoice(orb, status=Status.DRAFT, listed_on=date(2026, 3, 13))
    make_invoice(orb, status=Status.DRAFT, listed_on=date(2026, 2, 1))
    make_invoice(orb, status=Status.DRAFT, listed_on=date(2026, 3, 14))

    page = read(browser.get("/"))
    found = needs(page)
    assert found.keys() == {"needs_person", "unknown", "incidents", "unreadable", "failing", "drafts"}
    assert found["needs_person"].startswith("2 operations need a person")
    assert found["unknown"].startswith("1 outcome is unknown")
    assert found["unreadable"].startswith("2 records") and found["failing"].startswith("1 connection does not sync")
    assert found["drafts"].startswith("2 drafts"), "one is still within its day of grace"
    link = page.one("li", data_need="drafts").one("a").attributes["href"]
    assert len(ids(read(browser.get(link)))) == 2
    assert "3" not in found["unknown"] and len(page.all("ul", class_="mine")[0].all("li")) == 3


def test_outstanding_by_age_is_exact_and_each_figure_is_its_list(browser, orb, crdb):
    for total, due in (
        ("100.10", date(2026, 3, 15)),  # due today is not overdue
        ("20.000000000001", date(2026, 4, 30)),
        ("3", None),
        ("1000", date(2026, 3, 14)),
        ("1", date(2026, 2, 13)),  # thirty days
        ("2000", date(2026, 2, 12)),
        ("4000", date(2026, 1, 1)),
        ("8000", date(2025, 12, 15)),  # ninety days
        ("16000", date(2025, 12, 14)),
    ):
        owe(orb, total, due)
    owe(orb, "9", date(2026, 3, 1), payment=Payment.PAID)
    owe(orb, "9", date(2026, 3, 1), status=Status.VOID)
    owe(crdb, "55", date(2026, 3, 1))

    page = read(browser.get("/"))
    cells = ages(page, "receivable", "USD")
    assert {age: cell.text for age, cell in cells.items()} == {
        "not_due": "123.100000000001",
        "d30": "1,001.00",
        "d60": "2,000.00",
        "d90": "12,000.00",
        "older": "16,000.00",
    }
    tile = page.one("section", data_direction="receivable").one("div", data_unit="USD")
    assert "31,124.100000000001" in tile.text and "31,001.00 overdue" in tile.text
    assert "100.10 due within 7 days" in tile.text
    for age, many in (("not_due", 2), ("d30", 2), ("d60", 1), ("d90", 2), ("older", 1)):  # one has no due date
        assert len(ids(read(browser.get(cells[age].one("a").attributes["href"])))) == many, age
    assert "counted as not due: 1 in USD." in page.text


def test_units_and_directions_never_share_a_figure(browser, orb, crdb):
    owe(orb, "10", date(2026, 3, 1))
    owe(orb, "20", date(2026, 3, 1), currency="EUR")
    owe(orb, "30", date(2026, 3, 1), currency="AI <b>credits</b>")
    owe(crdb, "40", date(2026, 3, 1))

    page = read(browser.get("/"))
    assert ages(page, "receivable", "USD")["d30"].text == "10.00"
    assert ages(page, "receivable", "EUR")["d30"].text == "20.00"
    assert ages(page, "receivable", "AI <b>credits</b>")["d30"].text == "30"
    assert ages(page, "payable", "USD")["d30"].text == "40.00"
    assert not [each for each in page.all() if any(sum_ in each.text for sum_ in ("50.00", "60.00", "100.00"))]


def test_test_data_stands_apart(browser, orb, connection_to):
    owe(orb, "10", date(2026, 3, 1))
    owe(connection_to("flexprice", environment="test"), "7", date(2026, 3, 1))
    page = read(browser.get("/"))
    assert ages(page, "receivable", "USD")["d30"].text == "10.00"
    assert "Test data" not in page.text


def test_a_desk_of_test_data_alone_shows_it_as_such(browser, connection_to):
    owe(connection_to("orb", environment="test"), "7", date(2026, 3, 1))
    page = read(browser.get("/"))
    section = page.one("section", data_direction="receivable")
    assert "Test data" in section.text
    link = ages(page, "receivable", "USD")["d30"].one("a").attributes["href"]
    assert len(ids(read(browser.get(link)))) == 1


def test_billed_by_month_and_provider_in_the_unit_asked_for(browser, orb, flexprice):
    make_invoice(orb, total="10", listed_on=date(2026, 3, 1))
    make_invoice(orb, total="5.5", listed_on=date(2026, 3, 9))
    make_invoice(flexprice, total="20", listed_on=date(2026, 3, 2))
    make_invoice(orb, total="4", listed_on=date(2025, 4, 1))
    make_invoice(orb, total="999", listed_on=date(2025, 3, 31))  # before the twelve months
    make_invoice(orb, total="77", listed_on=date(2026, 3, 1), status=Status.VOID)
    make_invoice(orb, total="8", listed_on=date(2026, 2, 1), currency="EUR")

    figures = read(browser.get("/")).one("details", id="figures-receivable")
    rows = {row.all("th")[0].text: [cell.text for cell in row.all("td")] for row in figures.all("tr")[1:]}
    assert rows["Mar 2026"] == ["20.00", "15.50", "3", "35.50"]
    assert rows["Apr 2025"] == ["—", "4.00", "1", "4.00"]
    assert rows["Twelve months"] == ["", "", "4", "39.50"] and len(rows) == 13

    euro = read(browser.get("/?receivable_unit=EUR")).one("div", id="billed-receivable")
    assert "8.00" in euro.text and "39.50" not in euro.text
    assert "Billed by month, USD" in read(browser.get("/?receivable_unit=%3Cscript%3E")).text


def test_charts_are_drawn_without_a_style_and_in_any_language(browser, orb):
    owe(orb, "1000000.5", date(2026, 3, 1))
    owe(orb, "3", date(2026, 4, 1))
    answer = browser.get("/", HTTP_ACCEPT_LANGUAGE="de")
    page = read(answer)
    rectangles = [each.attributes for each in page.all("rect") if "x" in each.attributes]
    assert rectangles and all("," not in each["width"] and float(each["width"]) > 0 for each in rectangles)
    assert sum(float(each["width"]) for each in rectangles if each["class"].startswith("age-")) == pytest.approx(
        1200, 0.001
    )
    assert "1.000.003,50" in page.text and "2 Mio" in page.text


def test_who_may_not_see_amounts_sees_none(client, person, orb):
    owe(orb, "1234.56", date(2026, 3, 1))
    client.force_login(person("sync admin"))
    answer = client.get("/")
    assert b"1,234" not in answer.content and "do not show amounts" in read(answer).text


def test_home_costs_the_same_queries_however_many(browser, orb, django_assert_max_num_queries):
    for number in range(30):
        owe(
            orb,
            "1",
            date(2026, 3, 1),
            currency=("USD", "EUR", "JPY")[number % 3],
            listed_on=date(2026, 1 + number % 3, 1),
        )
    browser.get("/")
    with django_assert_max_num_queries(20):
        browser.get("/")
