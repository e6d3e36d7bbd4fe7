"""How one person likes the desk: saved on the server, theirs alone, without a script."""

import pytest

from invoicing.models import Preferences
from invoicing.web.keys import CHANGEABLE, own_keys
from tests.web.pages import read

pytestmark = pytest.mark.django_db
CHOICES = {"theme": "dark", "density": "compact", "rows": "100", "language": "de", "start": "", "single_keys": "on"}


def form(**changes):
    return {**CHOICES, **{f"key {key}": key for key in CHANGEABLE}, **changes}


def test_what_is_chosen_holds_on_every_page_and_device(browser, client, operator):
    answer = browser.post("/preferences/", form(single_keys=""))
    assert answer["Location"] == "/preferences/"
    client.cookies.clear()
    client.force_login(operator)
    answer = client.get("/receivables/")
    page = read(answer)
    html, body = page.one("html").attributes, page.one("body").attributes
    assert (html["data-theme"], html["data-density"], html["lang"]) == ("dark", "compact", "de")
    assert body["data-keys"] == "off" and "data-key-map" not in body
    assert answer["Content-Language"] == "de"


def test_preferences_are_of_one_person_alone(browser, client, person):
    browser.post("/preferences/", form())
    client.force_login(person("viewer"))
    page = read(client.get("/receivables/"))
    assert "data-theme" not in page.one("html").attributes and page.one("html").attributes["lang"] == "en"


@pytest.mark.parametrize(
    "asked, spoken", [("ja,en;q=0.5", "ja"), ("de-CH", "de"), ("fr", "en"), ("", "en"), ('"><script>', "en")]
)
def test_without_a_choice_the_browser_is_asked(client, asked, spoken):
    answer = client.get("/accounts/login/", HTTP_ACCEPT_LANGUAGE=asked)
    assert read(answer).one("html").attributes["lang"] == spoken
    assert "Accept-Language" in answer["Vary"]


def test_numbers_follow_the_language(browser):
    browser.post("/preferences/", form())
    assert "1.234.567,50\N{NO-BREAK SPACE}EUR" in browser.get("/preferences/").content.decode()


def test_the_rows_of_a_page_are_those_preferred(browser, orb):
    from tests.factories import make_invoice

    for _ in range(27):
        make_invoice(orb)
    browser.post("/preferences/", form(rows="25"))
    assert len(read(browser.get("/receivables/")).all("tr", data_invoice=True)) == 25
    assert len(read(browser.get("/receivables/?rows=50")).all("tr", data_invoice=True)) == 27


@pytest.mark.parametrize(
    "changes", [{"theme": "pink"}, {"rows": "7"}, {"rows": "1e9"}, {"language": "xx"}, {"density": ""}]
)
def test_what_is_no_choice_is_refused_and_everything_typed_is_kept(browser, changes):
    answer = browser.post("/preferences/", form(start="/payables/?q=kept", **changes))
    assert answer.status_code == 422 and not Preferences.objects.exists()
    assert read(answer).one("input", name="start").attributes["value"] == "/payables/?q=kept"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example", "/nowhere/"]
)
def test_the_desk_opens_with_a_page_of_its_own_alone(browser, elsewhere):
    answer = browser.post("/preferences/", form(start=elsewhere))
    assert answer.status_code == 422 and not Preferences.objects.exists()


def test_after_signing_in_one_lands_where_one_likes(browser):
    assert browser.get("/start/")["Location"] == "/"
    browser.post("/preferences/", form(start="http://testserver/payables/?status=void#x"))
    assert browser.get("/start/")["Location"] == "/payables/?status=void"


def test_keys_can_be_changed(browser):
    browser.post("/preferences/", form(language="en", **{"key j": "k", "key k": "j", "key g r": "t"}))
    page = read(browser.get("/preferences/"))
    assert Preferences.objects.get().own_keys == {"j": "k", "k": "j", "g r": "t"}
    assert page.one("body").attributes["data-key-map"].count("g r") == 1
    listed = read(browser.get("/preferences/keys/"))
    assert [each.text for each in listed.all("div", data_shows_key="g r")] == ["t Receivables"]

    browser.post("/preferences/", form(keys_as_shipped="on", **{"key j": "?"}))
    assert Preferences.objects.get().own_keys == {}


def test_a_key_that_is_taken_is_refused_at_its_field(browser):
    answer = browser.post("/preferences/", form(**{"key j": "o"}))
    page = read(answer)
    assert answer.status_code == 422 and not Preferences.objects.exists()
    assert [each.attributes["name"] for each in page.all("input", aria_invalid="true")] == ["key j"]
    assert page.one("input", name="key j").attributes["value"] == "o", "what was typed is kept"


@pytest.mark.parametrize(
    "key, mine", [("j", "jj"), ("j", "j k l"), ("j", "\x07"), ("A", "a"), ("R", "4"), ("j", "g"), ("j", "g h")]
)
def test_keys_that_would_not_work_are_refused(key, mine):
    chosen, wrong = own_keys({key: mine})
    assert list(wrong) == [key], chosen


def test_an_emptied_key_is_as_shipped():
    assert own_keys({"j": "  "}) == ({}, {})


def test_single_keys_are_switched_off_and_on(browser, operator):
    browser.post("/preferences/single-keys/", {})
    assert read(browser.get("/receivables/")).one("body").attributes["data-keys"] == "off"
    browser.post("/preferences/single-keys/", {"single_keys": "on"})
    assert read(browser.get("/receivables/")).one("body").attributes["data-keys"] == "on"


def test_the_theme_menu_changes_the_preference(browser, operator):
    browser.post("/theme/", {"theme": "dark", "next": "/"})
    assert Preferences.objects.get(user=operator).theme == "dark"
    browser.post("/theme/", {"theme": "system", "next": "/"})
    assert "data-theme" not in read(browser.get("/receivables/")).one("html").attributes


def test_strangers_have_no_preferences(client):
    for address in ("/preferences/", "/preferences/keys/", "/start/"):
        assert client.get(address)["Location"].startswith("/accounts/login/")
