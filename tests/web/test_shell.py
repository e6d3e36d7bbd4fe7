"""What every page shares: where one can go, the theme, what is said when something does not work, who may stay."""

import pytest
from django.conf import settings
from django.test import RequestFactory

from invoicing.web import errors
from tests.factories import make_invoice
from tests.web.mirrored import body, mirrored
from tests.web.pages import read

EXAMPLES = {"orb": body("orb_invoice_issued"), "cockroachdb": body("cockroachdb_invoice")}


@pytest.fixture
def browser(client, operator):
    client.force_login(operator)
    return client


def test_the_navigation_says_where_one_is(browser):
    page = read(browser.get("/payables/"))
    for navigation in page.all("nav", aria_label="Main"):
        assert [a.text for a in navigation.all("a", aria_current="page")] == ["Payables"]
    assert browser.get("/")["Location"] == "/receivables/"


def test_an_invoice_stands_in_its_own_list(browser, connection_to):
    for provider, place in (("orb", "Receivables"), ("cockroachdb", "Payables")):
        page = read(browser.get(f"/invoices/{mirrored(connection_to(provider), EXAMPLES[provider]).pk}/"))
        assert [a.text for a in page.all("nav", aria_label="Main")[0].all("a", aria_current="page")] == [place]
        assert page.one("search").one("form").attributes["action"] == f"/{place.lower()}/"


def test_search_looks_into_the_list_one_is_on(browser, connection_to):
    connection_to("orb")
    for address, place in (
        ("/payables/", "/payables/"),
        ("/receivables/", "/receivables/"),
        ("/unreadable/", "/receivables/"),
    ):
        form = read(browser.get(address)).one("search").one("form")
        assert form.attributes["action"] == place, address


def test_the_theme_is_remembered_without_a_script(client):
    assert "data-theme" not in read(client.get("/accounts/login/")).one("html").attributes

    answer = client.post("/theme/", {"theme": "dark", "next": "/accounts/login/?next=/payables/"})
    assert answer["Location"] == "/accounts/login/?next=/payables/"
    page = read(client.get("/accounts/login/"))
    assert page.one("html").attributes["data-theme"] == "dark"
    assert [b.text for b in page.all("button", aria_pressed="true")] == ["Dark"]

    client.post("/theme/", {"theme": "system", "next": "/"})
    assert "data-theme" not in read(client.get("/accounts/login/")).one("html").attributes


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example"]
)
def test_the_theme_form_leads_nowhere_else(client, elsewhere):
    assert client.post("/theme/", {"theme": "light", "next": elsewhere})["Location"] == "/"


def test_the_theme_is_one_of_three_and_set_by_a_form_alone(client):
    assert client.post("/theme/", {"theme": '"><script>', "next": "/"}).status_code == 400
    assert client.get("/theme/").status_code == 405
    client.cookies["theme"] = '"><script>'
    assert "data-theme" not in read(client.get("/accounts/login/")).one("html").attributes


def test_problems_are_said_in_words_with_an_id_to_quote(browser):
    answer = browser.get("/nowhere/")
    page = read(answer)
    assert answer.status_code == 404
    assert page.one("h1").text == "Nothing is here"
    assert page.one("code").text == answer["X-Request-ID"]
    fragment = browser.get("/nowhere/", HTTP_HX_REQUEST="true")
    assert fragment["Content-Type"].startswith("text/plain") and b"<" not in fragment.content


def test_an_error_of_our_own_is_a_page_even_when_its_template_is_broken(monkeypatch):
    request = RequestFactory().get("/")
    request.id = "abc"
    assert b"Something went wrong here" in errors.broken(request).content

    def fail(*_):
        raise OSError("no disk")

    monkeypatch.setattr(errors.loader, "render_to_string", fail)
    answer = errors.broken(request)
    assert (answer.status_code, answer["Content-Type"]) == (500, "text/plain; charset=utf-8")


def test_a_form_without_its_token_changes_nothing_and_says_why(operator):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/theme/", {"theme": "dark"})
    assert answer.status_code == 403 and "theme" not in answer.cookies
    assert "This form is no longer valid" in read(answer).text


def test_a_form_of_another_site_is_refused(browser):
    answer = browser.post("/theme/", {"theme": "dark"}, HTTP_SEC_FETCH_SITE="cross-site")
    assert answer.status_code == 403 and "theme" not in answer.cookies
    assert browser.post("/theme/", {"theme": "dark"}, HTTP_SEC_FETCH_SITE="same-origin").status_code == 302


def test_who_leaves_the_desk_alone_is_signed_out(client, operator, time_machine):
    time_machine.move_to("2026-03-15 09:00:00Z", tick=False)
    client.force_login(operator)
    client.get("/receivables/")
    time_machine.shift((settings.DESK_IDLE_MINUTES - 1) * 60)
    assert client.get("/receivables/").status_code == 200
    time_machine.shift(settings.DESK_IDLE_MINUTES * 60 + 1)
    assert client.get("/receivables/")["Location"].startswith("/accounts/login/")
    assert client.get("/receivables/").status_code == 302, "and stays signed out"


def test_who_is_deactivated_is_out_at_once(browser, operator):
    operator.is_active = False
    operator.save()
    assert browser.get("/receivables/").status_code == 302


@pytest.mark.parametrize(
    "address",
    [
        "/receivables/",
        "/payables/",
        "/unreadable/",
        "/accounts/login/",
        "/accounts/password/change/",
        "/accounts/2fa/",
        "/accounts/sessions/",
        "/nowhere/",
    ],
)
def test_pages_hold_no_inline_script_or_style(browser, connection_to, address):
    make_invoice(connection_to("orb"))
    answer = browser.get(address, follow=True)
    policy = answer.headers.get("Content-Security-Policy", "")
    assert "script-src 'self'" in policy and "unsafe" not in policy
    for element in read(answer).all():
        assert "style" not in element.attributes and element.tag != "style"
        assert not [name for name in element.attributes if name.startswith(("on", "hx-on"))]
        assert element.tag != "script" or (element.attributes.get("src") and not element.text)


def test_pages_are_not_kept(browser):
    answer = browser.get("/receivables/")
    assert "no-store" in answer["Cache-Control"] and "private" in answer["Cache-Control"]
    assert {"Cookie", "HX-Request"} <= set(answer["Vary"].split(", "))


def test_nobody_signs_up(client):
    assert "closed" in client.get("/accounts/signup/").content.decode().lower()
    assert "Sign up" not in client.get("/accounts/login/").content.decode()
