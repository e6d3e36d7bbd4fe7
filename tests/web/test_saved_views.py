"""A list that is kept: named, shared, opened first, changed, gone."""

from urllib.parse import parse_qs, urlsplit

import pytest

from invoicing.models import AuditEntry, DefaultView, SavedView
from tests.factories import make_invoice
from tests.web.pages import ids, read

QUERY = "status=void&columns=number,total&sort=due&order=asc"
KEPT = "columns=number%2Ctotal&order=asc&sort=due&status=void"


@pytest.fixture
def keep(browser):
    def keep_(name="Voided", query=QUERY, client=None, **more):
        fields = {"name": name, "query": query, "direction": "receivable", "shared_with": "private", "role": ""} | more
        return (client or browser).post("/views/new/", fields)

    return keep_


@pytest.fixture
def colleague(person):
    from django.test import Client

    client = Client()
    client.force_login(person("controller", email="other@desk.test"))
    return client


def asked(address):
    return parse_qs(urlsplit(address).query)


def menu(page):
    return page.one("details", id="menu-views")


def test_a_list_is_kept_as_one_and_opens_as_it_was(browser, world, keep):
    link = menu(read(browser.get(f"/receivables/?{QUERY}"))).one("a", id="view-save-as").attributes["href"]
    form = read(browser.get(link))
    assert form.one("textarea", name="query").text == KEPT

    saved = keep(query=form.one("textarea", name="query").text)

    assert saved["Location"] == f"/receivables/?{KEPT}&view=voided"
    assert browser.get("/receivables/?view=voided")["Location"] == saved["Location"]
    page = read(browser.get(saved["Location"]))
    assert ids(page) == [world["void"].pk]
    assert "Voided" in page.one("h1").text and "changed" not in menu(page).one("summary").text
    assert [head.text for head in page.one("table").all("th", scope="col")] == ["Select", "Number", "Total"]
    entry = AuditEntry.objects.get(action="view.keep")
    assert entry.facts["after"]["query"] == KEPT


def test_a_changed_view_says_so_and_is_saved_kept_apart_or_put_back(browser, world, keep):
    keep()
    page = read(browser.get(f"/receivables/?{KEPT}&provider=orb&view=voided"))
    assert "changed" in menu(page).one("summary").text
    assert asked(menu(page).one("a", id="view-discard").attributes["href"]) == asked(f"?{KEPT}&view=voided")
    assert "provider" in asked(menu(page).one("a", id="view-save-as").attributes["href"])["query"][0]

    form = next(each for each in menu(page).all("form") if "/save/" in each.attributes["action"])
    browser.post(form.attributes["action"], {"query": form.one("input", name="query").attributes["value"]})

    assert SavedView.objects.get().query == f"{KEPT.replace('&sort', '&provider=orb&sort')}"
    page = read(browser.get(f"/receivables/?{KEPT}&provider=orb&view=voided"))
    assert "changed" not in menu(page).one("summary").text
    assert AuditEntry.objects.get(action="view.overwrite").facts["before"] == {"query": KEPT}


def test_turning_pages_changes_no_view_and_its_filters_stay_in_every_link(browser, orb, keep):
    for _ in range(30):
        make_invoice(orb)
    keep("Thirty", "rows=25&status=finalized")
    page = read(browser.get(browser.get("/receivables/?view=thirty")["Location"]))
    on = page.one("a", id="page-on").attributes["href"]
    assert asked(on)["view"] == ["thirty"]
    assert "changed" not in menu(read(browser.get(on))).one("summary").text


def test_private_views_are_private_and_shared_ones_are_seen_but_not_changed(browser, world, keep, colleague, person):
    keep("Mine")
    keep("For controllers", shared_with="role", role="controller")
    keep("For all", shared_with="everyone")
    from django.test import Client

    viewer = Client()
    viewer.force_login(person("viewer", email="viewer@desk.test"))

    def names(client):
        return {each.text for each in menu(read(client.get("/receivables/?status=void"))).all("a", class_="entry")}

    assert {"Mine", "For controllers", "For all"} <= names(browser)
    assert "Mine" not in names(colleague) and {"For controllers", "For all"} <= names(colleague)
    assert "For controllers" not in names(viewer) and "For all" in names(viewer)
    assert colleague.get("/views/mine/").status_code == 404
    assert colleague.post("/views/mine/delete/").status_code == 404
    assert viewer.post("/views/for-all/delete/").status_code == 403
    assert viewer.post("/views/for-all/save/", {"query": ""}).status_code == 403
    assert SavedView.objects.count() == 3
    refused = keep("Theirs", client=viewer, shared_with="everyone")
    assert refused.status_code == 422 and "This needs the role" in read(refused).text
    assert colleague.post("/views/for-all/delete/").status_code == 302, "a controller tends what is shared"
    assert SavedView.objects.filter(slug="for-all").count() == 0


def test_a_list_opens_with_ones_own_view_before_the_roles(browser, world, keep, colleague):
    keep("All see", "status=draft", shared_with="everyone")
    keep("Own", "payment=paid")
    assert browser.get("/receivables/").status_code == 200

    assert colleague.post("/views/all-see/default/", {"role": "operator"}).status_code == 302
    assert browser.get("/receivables/")["Location"] == "/receivables/?status=draft&view=all-see"
    assert browser.post("/views/own/default/").status_code == 302
    assert browser.get("/receivables/")["Location"] == "/receivables/?payment=paid&view=own"
    page = read(browser.get("/receivables/?payment=paid&view=own"))
    everything = page.one("a", id="tab-all").attributes["href"]
    assert everything == "/receivables/?view=all"
    assert len(ids(read(browser.get(everything)))) == 6, "all is still to be had"
    assert browser.get("/payables/").status_code == 200
    browser.post("/views/own/default/", {"plain": "1"})
    assert browser.get("/receivables/")["Location"].endswith("view=all-see")
    assert browser.post("/views/own/default/", {"role": "operator"}).status_code == 403
    assert DefaultView.objects.count() == 1


def test_a_role_opens_only_with_what_it_sees(browser, keep, colleague, world):
    keep("Mine alone")
    keep("Controllers", shared_with="role", role="controller")
    answer = colleague.post("/views/controllers/default/", {"role": "operator"}, follow=True)
    assert "Share the view with everyone" in read(answer).text
    assert DefaultView.objects.count() == 0


def test_a_view_that_is_gone_says_so_and_the_address_still_lists(browser, world, keep):
    keep()
    browser.post("/views/voided/delete/")

    page = read(browser.get(f"/receivables/?{KEPT}&view=voided"))
    assert "is not there any more" in page.text
    assert ids(page) == [world["void"].pk]
    alone = read(browser.get("/receivables/?view=voided"))
    assert "is not there any more" in alone.text and len(ids(alone)) == 6
    assert AuditEntry.objects.filter(action="view.drop").count() == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"query": "columns=number,colour,hue"}, "No such column: colour, hue."),
        ({"query": "https://desk.example/receivables/?columns=further"}, "No such column: further."),
        ({"query": "stauts=void"}, "No such filter: stauts."),
        ({"name": "  "}, "This field is required"),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"name": "Voided"}, "You have a view of that name."),
        ({"shared_with": "role"}, "Choose the role that sees the view."),
        ({"shared_with": "the world"}, "is not one of the available choices"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name_and_keeps_what_was_typed(browser, world, keep, fields, said):
    keep()
    answer = keep(**({"name": "Another"} | fields))

    assert answer.status_code == 422
    page = read(answer)
    assert said in page.text
    assert page.one("textarea", name="query").text == fields.get("query", QUERY)
    assert SavedView.objects.count() == 1


def test_a_whole_address_is_taken_in_without_its_page_and_view(browser, world, keep):
    keep("Pasted", "http://desk/receivables/?status=draft&after=abc&view=old&rows=25")
    assert SavedView.objects.get().query == "rows=25&status=draft"


def test_views_are_renamed_and_their_address_stays(browser, world, keep):
    keep()
    keep("Voided too", "status=void")
    fields = {"name": "Cancelled", "query": "status=void", "shared_with": "everyone", "role": ""}
    assert browser.post("/views/voided/", fields).status_code == 302

    view = SavedView.objects.get(slug="voided")
    assert (view.name, view.query, view.shared_with) == ("Cancelled", "status=void", "everyone")
    page = read(browser.get("/views/"))
    assert {each.text for each in page.one("table").all("th", scope="row")} == {"Cancelled", "Voided too"}
    assert "Overdue, longest first" in page.text, "three to begin with"


def test_the_page_lists_three_views_to_begin_with_that_list_something_sound(browser, world, crdb):
    for direction in ("receivable", "payable"):
        page = read(browser.get(f"/views/?direction={direction}"))
        starters = page.one("ul", class_="starters").all("a", class_="link")
        assert len(starters) == 3
        for link in starters:
            assert "was not understood" not in read(browser.get(link.attributes["href"])).text


def test_a_wrong_list_is_not_offered_to_be_kept(browser, world):
    assert not menu(read(browser.get("/receivables/?status=garbage"))).all("a", id="view-save-as")


def test_names_that_differ_in_nothing_but_signs_get_addresses_of_their_own(browser, world, keep):
    for name in ("Voided", "Voided!", "¿?", "All"):
        assert keep(name).status_code == 302
    assert sorted(SavedView.objects.values_list("slug", flat=True)) == ["all-2", "view", "voided", "voided-2"]
