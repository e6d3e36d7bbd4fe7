"""Nothing fails in silence, nothing typed is lost, and home is good to look at and to listen to."""

from datetime import date

import pytest

from invoicing.models import Preferences
from invoicing.vocabulary import Payment, Status
from tests.factories import make_invoice

pytestmark = pytest.mark.browser


@pytest.fixture
def world(connection_to):
    orb, crdb = connection_to("orb"), connection_to("cockroachdb")
    today = date.today()
    for number, unit in enumerate(("USD", "EUR", "JPY", "USD", "a unit with a long name", "BHD", "USD")):
        make_invoice(orb, total=f"{10**number}.5", currency=unit, due_date=date(2020, 1 + number, 1), listed_on=today)
    make_invoice(orb, status=Status.DRAFT, listed_on=date(2026, 1, 1))
    make_invoice(crdb, payment=Payment.NOT_TRACKED, further={"CRDB_CLOUD_CREDITS": "7"}, listed_on=today)


def test_figures_behind_the_charts_and_a_key_given_twice_are_accessible(world, open_page, accessible, fits):
    page = open_page("/", phone=True)
    page.click("#figures-receivable summary")
    accessible(page)
    fits(page)
    page.goto("/preferences/")
    page.fill("[name='key j']", "k")
    page.click("[data-main-button]")
    page.wait_for_selector(".notice.red")
    accessible(page)


def test_another_unit_is_swapped_in_announced_and_keeps_its_place(world, open_page):
    page = open_page("/")
    page.click("#billed-receivable .segments a:has-text('EUR')")
    page.wait_for_selector("#billed-receivable h3:has-text('EUR')")
    page.wait_for_function("document.getElementById('said').textContent.includes('Billed by month, EUR')")
    assert "receivable_unit=EUR" in page.url
    page.wait_for_function("document.activeElement.closest('#billed-receivable') !== null")
    page.go_back()
    page.wait_for_selector("#billed-receivable h3:has-text('USD')")


def test_home_works_without_a_script(world, open_page):
    page = open_page("/?receivable_unit=EUR", script=False)
    assert page.locator("#billed-receivable h3").text_content() == "Billed by month, EUR"
    page.click("#figures-receivable summary")
    assert page.locator("#figures-receivable table").is_visible()
    page.goto("/preferences/")
    page.check("input[value='dark']", force=True)
    page.click("[data-main-button]")
    assert page.get_attribute("html", "data-theme") == "dark"


def test_an_answer_that_is_an_error_is_said_and_the_list_stays(world, open_page):
    page = open_page("/receivables/")
    rows = page.locator("tr[data-invoice]").count()
    answers = [(404, "not here any more"), (429, "Too many"), (500, "id-to-quote"), (503, "not ready")]
    page.route(
        "**/receivables/?**",
        lambda route: route.fulfill(status=answers[0][0], body="", headers={"X-Request-ID": "id-to-quote"}),
    )
    for typed in ("a", "ab", "abc", "abcd"):
        page.fill("#search", typed)
        page.wait_for_selector(f".toast.error:has-text('{answers[0][1]}')")
        assert page.locator("tr[data-invoice]").count() == rows and page.input_value("#search") == typed
        answers.append(answers.pop(0))
    page.click(".toast:has-text('Too many') button")
    assert page.locator(".toast.error").count() == 3, "each stays until it is dismissed"


def test_offline_and_a_desk_that_does_not_answer_are_said(world, open_page):
    page = open_page("/preferences/")
    page.fill("[name=start]", "/payables/")
    page.context.set_offline(True)
    page.click("[data-main-button]")
    page.wait_for_selector(".toast.error:has-text('You are offline')")
    assert page.input_value("[name=start]") == "/payables/", "the form stays"
    page.context.set_offline(False)
    page.wait_for_selector(".toast.success:has-text('online again')")
    page.click("[data-main-button]")
    page.wait_for_selector(".notice.green")
    page.goto("/receivables/")
    page.route("**/receivables/?**", lambda route: route.abort())
    page.fill("#search", "x")
    page.wait_for_selector(".toast.error:has-text('cannot be reached')")


def test_signed_out_meanwhile_one_signs_in_beside_the_page_and_goes_on(world, open_page, operator):
    page = open_page("/receivables/")
    page.fill("#search", "")
    page.context.clear_cookies(name="desk")
    page.fill("#search", "typed before")
    link = page.wait_for_selector(".toast.error a")
    assert link.get_attribute("href").startswith("/accounts/login/?next=%2Freceivables%2F")
    assert page.input_value("#search") == "typed before"
    with page.context.expect_page() as beside:
        link.click()
    other = beside.value
    other.fill("[name=login]", operator.email)
    other.fill("[name=password]", "a long enough password")
    other.press("[name=password]", "Enter")
    other.wait_for_url("**/receivables/**")
    other.close()
    page.bring_to_front()
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    with page.expect_response("**/receivables/?**") as answer:
        page.fill("#search", "typed after")
    assert answer.value.status == 200
    theme = page.locator(".theme [name=csrfmiddlewaretoken]").input_value()
    assert theme in page.evaluate("document.cookie"), "its forms have the new token"


@pytest.mark.parametrize("language, said", [("de", "1.001.002,50"), ("ja", "1,001,002.50")])
def test_figures_follow_the_language_and_fields_do_not(world, open_page, operator, fits, language, said):
    Preferences.objects.create(user=operator, language=language)
    page = open_page("/")
    assert page.get_attribute("html", "lang") == language
    assert said in page.text_content("main")
    page.goto("/receivables/?due_from=2020-01-01")
    assert page.locator("[name=due_from]").first.input_value() == "2020-01-01"
    fits(page)
