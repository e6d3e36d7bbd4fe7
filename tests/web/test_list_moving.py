"""Moving about in the list: its pages, its address, its parts, and who may."""

from datetime import date

from invoicing.listing import facets
from tests.factories import make_invoice
from tests.web.pages import count, ids, read

HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "invoices"}


def test_the_number_of_queries_does_not_grow_with_the_rows(browser, orb, crdb, django_assert_max_num_queries):
    make_invoice(orb), make_invoice(crdb)
    browser.get("/receivables/")  # notes that its person is here
    with django_assert_max_num_queries(11):
        browser.get("/receivables/")
    for _ in range(30):
        make_invoice(orb, customer="Someone else"), make_invoice(crdb, further={"CRDB_CLOUD_CREDITS": "1"})
    with django_assert_max_num_queries(11):
        assert len(ids(read(browser.get("/receivables/")))) == 31
    with django_assert_max_num_queries(11):
        browser.get("/receivables/?status=finalized&provider=orb&sort=customer", **HTMX)
    with django_assert_max_num_queries(12):  # payables have further totals
        browser.get("/payables/")


def test_pages_go_on_and_back_to_where_they_began(browser, orb):
    rows = [make_invoice(orb, listed_on=date(2026, 3, 1 + n // 10)) for n in range(60)]
    newest_first = [row.pk for row in sorted(rows, key=lambda row: (row.listed_on, row.pk), reverse=True)]

    first = read(browser.get("/receivables/?rows=25&status=finalized"))
    second = read(browser.get(first.one("a", id="page-on").attributes["href"]))
    third = read(browser.get(second.one("a", id="page-on").attributes["href"]))
    back = read(browser.get(second.one("a", id="page-back").attributes["href"]))

    assert ids(first) + ids(second) + ids(third) == newest_first
    assert ids(back) == ids(first) and not back.all("a", id="page-back")
    assert not third.all("a", id="page-on")
    lost = read(browser.get("/receivables/?rows=25&after=bm9uc2Vuc2U"))
    assert ids(lost) == newest_first[:25] and "this is the first" in lost.text


def test_htmx_gets_the_list_alone_and_a_clean_address(browser, world):
    response = browser.get("/receivables/?q=&status=void&issued_from=&sort=due", **HTMX)

    page = read(response)
    assert not page.all("html") and page.one(id="invoices")
    assert ids(page) == [world["void"].pk]
    assert response["HX-Push-Url"] == "/receivables/?status=void&sort=due"
    assert "no-store" in response["Cache-Control"] and "HX-Request" in response["Vary"]
    whole = browser.get(
        "/receivables/", HTTP_HX_REQUEST="true", HTTP_HX_HISTORY_RESTORE_REQUEST="true", HTTP_HX_TARGET="invoices"
    )
    assert read(whole).all("html"), "going back asks for a whole page"


def test_an_exact_number_or_id_jumps_to_its_record(browser, world, orb):
    record = f"/invoices/{world['open'].pk}/"

    assert browser.get("/receivables/?q=ORB-7")["Location"] == record
    assert browser.get(f"/receivables/?q={world['open'].external_id}")["Location"] == record
    asked = browser.get("/receivables/?q=ORB-7", **HTMX, HTTP_HX_TRIGGER="filters")
    assert (asked.status_code, asked["HX-Redirect"]) == (204, record)

    typed = browser.get("/receivables/?q=ORB-7", **HTMX, HTTP_HX_TRIGGER="search")
    assert ids(read(typed)) == [world["open"].pk], "typing filters"
    back = browser.get(typed["HX-Push-Url"])
    assert back.status_code == 200, "one can go back to what was typed"
    make_invoice(orb, number="ORB-7")
    assert len(ids(read(browser.get("/receivables/?q=ORB-7")))) == 2, "two of them are a list"


def test_beyond_the_cap_the_count_says_so_and_can_be_made_exact(browser, orb, monkeypatch):
    monkeypatch.setattr(facets, "CAP", 3)
    for _ in range(5):
        make_invoice(orb, total="2", due_date=date(2026, 4, 1))

    page = read(browser.get("/receivables/?due_from=2026-04-01"))
    assert count(page) == "3+" and not page.all(class_="tile")
    exactly = read(browser.get(page.one("p", id="list-count").one("a").attributes["href"]))
    assert count(exactly) == "5" and exactly.one(class_="figure").text == "10.00"


def test_only_people_with_a_role_see_invoices(client, person, orb):
    make_invoice(orb, number="SECRET-1")
    away = client.get("/receivables/?status=void")
    assert away["Location"] == "/accounts/login/?next=%2Freceivables%2F%3Fstatus%3Dvoid"
    fragment = client.get("/receivables/", **HTMX)
    assert (fragment.status_code, fragment.content) == (401, b"")
    assert fragment["X-Sign-In"].startswith("/accounts/login/?next=")

    client.force_login(person())
    refused = client.get("/receivables/")
    assert refused.status_code == 403 and b"SECRET-1" not in refused.content
    assert "This needs the role" in read(refused).text
    assert client.get("/receivables/", **HTMX).content.startswith(b"You may not do this. This needs the role")


def test_works_as_a_plain_form(browser, world, march):
    """Every filter has a field in one GET form; what has none is carried along."""
    page = read(browser.get("/receivables/?status=void&sort=due&order=asc&customer=1&data=live"))
    form = page.one("form", id="filters")

    assert form.attributes["method"] == "get" and form.attributes["action"] == "/receivables/"
    carried = {e.attributes["name"]: e.attributes["value"] for e in form.all("input", type="hidden")}
    assert carried == {"sort": "due", "order": "asc", "customer": "1", "data": "live"}
    fields = {e.attributes["name"] for e in form.all("input") if e.attributes.get("type") != "hidden"}
    assert fields == {
        "provider", "status", "payment", "currency", "amount_min", "amount_max", "issued_from", "issued_to", "due_from",
        "due_to", "period_from", "period_to", "finalized_from", "finalized_to", "voided_from", "voided_to", "synced_from",
        "synced_to", "overdue", "unrecognized", "differing",
    }  # fmt: skip
    search = page.one("input", id="search")
    assert search.attributes["form"] == "filters"
