"""What every page shares: where one can go, the theme, what is said when something does not work, who may stay."""

import gzip
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles.finders import find
from django.test import RequestFactory

from invoicing.web import errors
from tests.factories import make_invoice
from tests.web.mirrored import body, mirrored
from tests.web.pages import read

pytestmark = pytest.mark.django_db
EXAMPLES = {"orb": body("orb_invoice_issued"), "cockroachdb": body("cockroachdb_invoice")}


@pytest.fixture
def browser(client, operator):
    client.force_login(operator)
    return client


def test_the_navigation_says_where_one_is(browser):
    page = read(browser.get("/payables/"))
    for navigation in page.all("nav", aria_label="Main"):
        assert [a.text for a in navigation.all("a", aria_current="page")] == ["Payables"]
    (home,) = {a.attributes["href"] for a in read(browser.get("/")).all("a", aria_current="page")}
    assert home == "/"


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


@pytest.mark.parametrize(
    "kind",
    [
        "BAD_REQUEST",
        "FORBIDDEN",
        "NOT_FOUND",
        "ONLY_FORMS",
        "CONFLICT",
        "NOT_ACCEPTED",
        "TOO_MANY",
        "BROKEN",
        "NOT_READY",
    ],
)
def test_each_problem_says_what_happened_and_the_next_step(kind):
    request = RequestFactory().post(
        "/x/", {"reason": "Ordered <twice>", "api_key": "sk_live_1", "csrfmiddlewaretoken": "abc"}
    )
    request.id = "the-id-to-quote"
    wanted = getattr(errors, kind)
    answer = errors.problem(request, wanted)
    page = read(answer)
    assert answer.status_code == wanted.status
    assert page.one("h1").text == wanted.title and str(wanted.next_step) in page.text and "the-id-to-quote" in page.text
    kept = page.one("section", class_="kept")
    assert "Ordered <twice>" in kept.text, "what was typed can be copied out again"
    assert "sk_live" not in page.text and "abc" not in kept.text


def test_an_address_that_takes_forms_alone_says_so(browser):
    answer = browser.get("/theme/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert read(answer).one("h1").text == "This address is no page"


def test_too_many_tries_to_sign_in_are_said_in_words(client, operator):
    for _ in range(12):
        answer = client.post("/accounts/password/reset/", {"email": operator.email})
        if answer.status_code == 429:
            break
    assert answer.status_code == 429 and read(answer).one("h1").text == "Too many tries"


def test_a_database_that_does_not_answer_is_said(client, monkeypatch):
    from django.db import OperationalError

    client.raise_request_exception = False

    def fail(*_):
        raise OperationalError("secret host")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", fail)
    client.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32
    answer = client.get("/receivables/")
    assert answer.status_code == 503 and "secret" not in read(answer).text
    assert [a.attributes["href"] for a in read(answer).all("a", class_="primary")] == ["/receivables/"]


def test_signed_out_meanwhile_a_fragment_keeps_its_page_and_is_told_the_way(client):
    answer = client.get(
        "/receivables/?q=x", HTTP_HX_REQUEST="true", HTTP_HX_CURRENT_URL="http://testserver/invoices/7/?tab=lines"
    )
    assert answer.status_code == 401 and not answer.content and "HX-Redirect" not in answer
    assert answer["X-Sign-In"] == "/accounts/login/?next=%2Finvoices%2F7%2F%3Ftab%3Dlines"
    elsewhere = client.post("/theme2/", HTTP_HX_REQUEST="true", HTTP_HX_CURRENT_URL="https://evil.example/")
    assert elsewhere["X-Sign-In"] == "/accounts/login/?next=%2F"


def test_signed_out_meanwhile_a_form_comes_back_to_its_page(client):
    answer = client.post("/preferences/", {"theme": "dark"}, HTTP_REFERER="http://testserver/preferences/?a=1")
    assert answer["Location"] == "/accounts/login/?next=%2Fpreferences%2F%3Fa%3D1"
    assert "nothing was sent" in read(client.get(answer["Location"])).text


def test_signed_out_meanwhile_no_words_are_lost(client):
    typed = {"reason": "Billed twice in March", "reference": "FIN-7", "csrfmiddlewaretoken": "t o k e n"}
    answer = client.post("/invoices/7/actions/void/", typed, HTTP_REFERER="http://testserver/invoices/7/actions/void/")
    page = read(answer)
    assert answer.status_code == 401 and "Nothing was sent" in page.text
    assert "Billed twice in March" in page.text and "FIN-7" in page.text and "t o k e n" not in page.text
    way = page.one("a", target="_blank").attributes
    assert way["href"] == "/accounts/login/?next=%2Finvoices%2F7%2Factions%2Fvoid%2F" and not page.all(
        "form", method="post"
    )
    elsewhere = client.post("/invoices/7/actions/void/", typed, HTTP_REFERER="https://evil.example/")
    assert read(elsewhere).one("a", target="_blank").attributes["href"] == "/accounts/login/?next=%2F"


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
        "/",
        "/receivables/",
        "/payables/",
        "/preferences/",
        "/preferences/keys/",
        "/palette/",
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


def test_script_and_style_of_the_list_stay_small_and_at_home(browser, connection_to):
    """Compressed, under 60 kB; and nothing is fetched from elsewhere."""
    make_invoice(connection_to("orb"))
    page = read(browser.get("/receivables/"))
    links = [each.attributes["href"] for each in page.all("link")]
    links += [each.attributes["src"] for each in page.all("script")]
    assert all(link.startswith("/static/") for link in links)
    files = [Path(find(link.removeprefix("/static/"))) for link in links if link.endswith((".css", ".js"))]
    assert len(files) >= 8
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) < 60_000
    own = [path.read_text() for path in files if path.suffix == ".js" and path.parent.name == "desk"]
    assert not [line for text in own for line in text.splitlines() if line.startswith("import ")], "loaded unseen"
