"""The list of invoices: what its address says is what is listed, counted and totalled, and nothing else."""

from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest

from invoicing.vocabulary import Payment
from tests.factories import make_invoice
from tests.web.pages import count, ids, read

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>'\" hx-get=/evil {{ 7 }} {% now %}"


QUESTIONS = {
    "": "draft open late paid odd void",
    "status=void": "void",
    "status=void&status=draft": "draft void",
    "payment=paid": "paid",
    "provider=flexprice": "paid odd void",
    "provider=flexprice&status=void": "void",
    "connection=orb": "draft open late",
    "currency=EUR": "paid",
    "currency=USD&amount_min=80": "open late",
    "currency=USD&amount_min=80&amount_max=100": "late",
    "issued_from=2026-03-02": "draft",
    "issued_to=2025-12-31": "void",
    "issued_from=2026-01-01&issued_to=2026-03-01": "open late paid odd",
    "due_from=2026-03-10": "open",
    "overdue=on": "late",
    "unrecognized=on": "odd",
    "q=söhne": "paid",
    "q=WIDGET": "odd",
    "q=orb-": "open",
    "q=inv-&status=void": "void",
    "q=nothing of the kind": "",
    "status=skipped": "",
    "status=&q=&currency=": "draft open late paid odd void",
}


@pytest.mark.parametrize("query", QUESTIONS)
def test_lists_and_counts_what_the_address_asks(browser, world, march, query):
    page = read(browser.get(f"/receivables/?{query}"))

    wanted = {world[name].pk for name in QUESTIONS[query].split()}
    assert set(ids(page)) == wanted
    assert count(page) == str(len(wanted))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("status=garbage", "garbage is not one of the available choices"),
        ("provider=stripe", "stripe is not one"),
        ("connection=elsewhere", "elsewhere is not one"),
        ("currency=XQZ", "XQZ is not one"),
        ("amount_min=5", "Choose the one currency"),
        ("currency=USD&currency=EUR&amount_min=5", "Choose the one currency"),
        ("currency=USD&amount_min=NaN", "Enter a number"),
        ("currency=USD&amount_min=9&amount_max=2", "less than the first amount"),
        ("issued_from=yesterday", "Enter a valid date"),
        ("issued_from=3/4/2026", "Enter a valid date"),
        ("issued_from=2026-03-02&issued_to=2026-03-01", "before the first"),
        ("due_to=2026-02-30", "Enter a valid date"),
        ("customer=x", "Enter a whole number"),
        ("sort=;drop", "is not one of the available choices"),
        ("data=all", "is not one of the available choices"),
        ("q=%00", "Null characters"),
    ],
)
def test_a_filter_that_means_nothing_lists_nothing_and_says_so(browser, world, query, said):
    response = browser.get(f"/receivables/?{query}")
    page = read(response)

    assert response.status_code == 200
    assert ids(page) == []
    assert count(page) == "0"
    assert said in page.text
    assert not page.all("dl", class_="tiles"), "no totals of an impossible set"


def test_tabs_count_the_whole_book_and_lead_to_what_they_count(browser, world, march):
    page = read(browser.get("/receivables/?status=void&sort=due&order=asc"))
    tabs = {tab.attributes["id"]: tab for tab in page.one("nav", aria_label="Views").all("a")}

    assert {key: tab.text for key, tab in tabs.items()} == {
        "tab-all": "All6",
        "tab-draft": "Draft1",
        "tab-open": "Open2",
        "tab-overdue": "Overdue1",
        "tab-paid": "Paid1",
        "tab-void": "Void1",
    }
    assert [key for key, tab in tabs.items() if "aria-current" in tab.attributes] == ["tab-void"]
    for key, tab in tabs.items():
        listed = read(browser.get(tab.attributes["href"]))
        assert f"{count(listed)}" == tab.text.removeprefix(key.removeprefix("tab-").capitalize())
        assert listed.one("th", aria_sort=True).text == "Due", "the order is kept"


def test_totals_are_of_the_filtered_set_and_never_over_units(browser, world, march):
    def totals(query=""):
        page = read(browser.get(f"/receivables/?{query}"))
        return {tile.one(class_="unit").text: tile.one(class_="figure").text for tile in page.all(class_="tile")}

    assert totals() == {"USD": "185.50", "EUR": "12.00", "BHD": "7.125"}
    assert totals("provider=orb&status=finalized") == {"USD": "180.50"}
    assert totals("q=widget") == {}, "an invoice without a total adds none, not zero"
    tile = read(browser.get("/receivables/?overdue=on")).one(class_="tile")
    assert "30.25 left to pay" in tile.text


def test_every_digit_is_shown_and_none_invented(browser, orb):
    make_invoice(orb, total="1234567.123456789", currency="USD")
    make_invoice(orb, total="1500", currency="JPY")
    make_invoice(orb, total="-3.10", currency="USD")
    make_invoice(orb, total="2.50", currency="AI credits")

    shown = {
        row.all("td", class_="number")[0].text
        for row in read(browser.get("/receivables/")).all("tr", data_invoice=True)
    }

    assert shown == {"1,234,567.123456789 USD", "1,500 JPY", "−3.10 USD", "2.5 AI credits"}


def test_payables_and_receivables_never_meet(browser, orb, crdb):
    ours = make_invoice(orb, number="SAME-1", total="10")
    bill = make_invoice(
        crdb, number="SAME-1", total="700", further={"CRDB_CLOUD_CREDITS": "45.60"}, payment=Payment.NOT_TRACKED,
        period_start=date(2026, 2, 1), period_end=date(2026, 3, 1),
    )  # fmt: skip

    for query in ("", "q=SAME&jump=no", "status=finalized", "currency=USD"):
        receivables, payables = (read(browser.get(f"/{place}/?{query}")) for place in ("receivables", "payables"))
        assert (ids(receivables), ids(payables)) == ([ours.pk], [bill.pk]), query
        assert "700" not in receivables.one(id="invoices").text
        assert receivables.one(class_="figure").text == "10.00"
    row = payables.one("tr", data_invoice=True)
    assert "1–28 Feb 2026" in row.text, "the period's end is not in it"
    assert [cell.text for cell in row.all("td", class_="number")] == ["700.00 USD", "45.60 Cloud credits"]
    assert ids(read(browser.get("/receivables/?provider=cockroachdb"))) == []


def test_live_test_and_gone_are_three_lists(browser, orb, connection_to):
    trial = connection_to("metronome", environment="test")
    live, tried, gone = make_invoice(orb), make_invoice(trial), make_invoice(orb, gone=True)

    for query, invoice in (("", live), ("data=test", tried), ("data=gone", gone)):
        page = read(browser.get(f"/receivables/?{query}"))
        assert ids(page) == [invoice.pk]
        assert page.one(class_="figure").text == "19.99"
    assert "Test data" in read(browser.get("/receivables/?data=test")).text
    assert "gone 15 Mar 2026" in page.one("tr", data_invoice=True).text


def test_a_row_says_what_the_provider_says_beside_our_words(browser, flexprice):
    invoice = make_invoice(
        flexprice, provider_status="FINALIZED / SUCCEEDED", payment=Payment.PAID, external_id="inv_01"
    )

    row = read(browser.get("/receivables/")).one("tr", data_invoice=str(invoice.pk))

    wanted = {"provider": "flexprice", "external-id": "inv_01", "status": "finalized", "payment-status": "paid"}
    assert {name: row.attributes[f"data-{name}"] for name in wanted} == wanted
    assert row.all("td", class_="state")[0].text == "Finalized FINALIZED / SUCCEEDED"
    assert row.all("td", class_="paid")[0].text == "Paid"
    assert row.one("a", data_row_key="o").attributes["href"] == f"/invoices/{invoice.pk}/?list=%2Freceivables%2F"


def test_each_row_can_be_ticked_for_what_is_done_with_many(browser, world, march):
    page = read(browser.get("/receivables/?provider=orb&sort=due"))

    boxes = page.one("table").all("input", name="pk")
    assert [int(box.attributes["value"]) for box in boxes] == ids(page)
    assert {box.attributes["form"] for box in boxes} == {page.one("form", id="bulk").attributes["id"]}
    assert "Select ORB-7" in [box.attributes["aria-label"] for box in boxes]
    link = page.all("a", data_row_key="o")[0].attributes["href"]
    assert parse_qs(urlsplit(link).query) == {"list": ["/receivables/?provider=orb&sort=due"]}


def test_a_planned_issue_date_is_never_shown_as_issued(browser, world, march):
    rows = {
        int(r.attributes["data-invoice"]): r.all("td", class_="day")[0].text
        for r in read(browser.get("/receivables/")).all("tr", data_invoice=True)
    }

    assert rows[world["draft"].pk] == "20 Mar 2026 planned issue"
    assert rows[world["open"].pk] == "1 Mar 2026"


def test_overdue_is_said_in_words(browser, world, march):
    due = {
        int(r.attributes["data-invoice"]): r.one("td", class_="due").text
        for r in read(browser.get("/receivables/")).all("tr", data_invoice=True)
    }

    assert due[world["late"].pk] == "2 Mar 2026 overdue"
    assert due[world["open"].pk] == "1 Apr 2026"
    assert due[world["paid"].pk] == "—"


def test_hostile_text_stays_text(browser, orb, person, client):
    make_invoice(
        orb, number=HOSTILE, external_id=f"id{HOSTILE}", provider_status=HOSTILE, customer=HOSTILE, currency="<b>X"
    )

    for address in (
        "/receivables/",
        "/receivables/?q=" + "onerror",
        f"/receivables/?jump=no&q={HOSTILE}",
        f"/receivables/?status={HOSTILE}",
    ):
        page = read(browser.get(address))
        assert not [
            e
            for e in page.all()
            if e.tag == "img" or "onerror" in e.attributes or "/evil" in e.attributes.get("hx-get", "")
        ]
        assert {e.attributes.get("src", "")[:8] for e in page.all("script")} == {"/static/"}
    row = read(browser.get("/receivables/")).one("tr", data_invoice=True)
    assert row.attributes["data-external-id"] == f"id{HOSTILE}"
    assert row.one("th").text == HOSTILE


def test_what_is_contained_in_another_invoice_is_listed_but_not_totalled_twice(browser, orb):
    make_invoice(orb, total="10"), make_invoice(orb, total="4", in_totals=False)

    page = read(browser.get("/receivables/"))

    assert count(page) == "2" and page.one(class_="figure").text == "10.00"
    assert "1 contained in others" in page.text


def test_choices_say_what_they_would_list(browser, world, march):
    page = read(browser.get("/receivables/?status=void&provider=flexprice"))
    boxes = {
        label.all("input")[0].attributes["value"]: label
        for label in page.one("form", id="filters").all("label", class_="check")
    }

    assert boxes["finalized"].text == "Finalized1", "other filters hold, its own is lifted"
    assert "checked" in boxes["void"].all("input")[0].attributes
    assert boxes["orb"].text == "OOrb0"
    listed = read(browser.get("/receivables/?provider=flexprice&status=finalized"))
    assert count(listed) == "1"


def test_a_choice_can_be_turned_round(browser, world, march):
    page = read(browser.get("/receivables/?status=void&status=draft&provider=flexprice"))
    inverse = page.one("a", id="turn-status")
    assert inverse.text == "All but these"

    other = read(browser.get(inverse.attributes["href"]))
    assert set(ids(other)) == {world["paid"].pk, world["odd"].pk}
    assert other.one("summary", id="choose-status").text == "Status: not Draft, not Void"
    back = other.one("a", id="turn-status")
    assert back.text == "Only these"
    assert set(ids(read(browser.get(back.attributes["href"])))) == {world["void"].pk}


def test_chips_lift_one_filter_each(browser, world, march):
    page = read(browser.get("/receivables/?status=void&q=nope&currency=USD"))
    lifts = {a.attributes["aria-label"]: a.attributes["href"] for a in page.all("a", class_="lift")}

    assert "No invoice matches" in page.text
    assert lifts == {
        "Remove Search: “nope”": "/receivables/?status=void&currency=USD",
        "Remove Status: Void": "/receivables/?q=nope&currency=USD",
        "Remove Amount: USD": "/receivables/?status=void&q=nope",
    }


def test_each_kind_of_nothing_says_its_next_step(browser, connection_to):
    assert "Connect a provider to begin" in read(browser.get("/receivables/")).text
    assert "No invoice matches" in read(browser.get("/receivables/?provider=orb")).text
    connection_to("orb")
    assert "Invoices appear with the first sync" in read(browser.get("/receivables/")).text
    assert "No test data" in read(browser.get("/receivables/?data=test")).text
    assert "No invoice matches" in read(browser.get("/receivables/?status=void")).text
    assert "CockroachDB Cloud" in read(browser.get("/payables/")).text


def test_a_connection_that_is_behind_is_named(browser, orb):
    make_invoice(orb)
    page = read(browser.get("/receivables/"))
    assert "orb was never synced" in page.text
