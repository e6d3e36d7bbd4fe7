"""The list as one lives in it: coming back to the place one left, a look aside, columns and views, counts that stay true."""

import re

import pytest

from tests.factories import make_invoice
from tests.web.browser.test_list import focused

pytestmark = pytest.mark.browser


@pytest.fixture
def many(connection_to):
    orb = connection_to("orb")
    return orb, [make_invoice(orb, number=f"INV-{n:03d}", customer=f"Customer {n}") for n in range(60)]


def ticked(page):
    return page.evaluate("[...document.querySelectorAll('input[name=pk]:checked')].map(each => each.value)")


def test_back_leads_to_the_page_the_filters_the_place_and_what_was_ticked(many, open_page):
    page = open_page("/receivables/?rows=25&status=finalized&sort=number&order=asc")
    page.click("#page-on")
    page.wait_for_url("**after=**")
    page.wait_for_function("() => document.querySelector('[data-row-key=o]').textContent === 'INV-025'")
    listed_at = page.url
    rows = page.locator("tr[data-invoice]")
    for at in (1, 17):
        rows.nth(at).locator("input[name=pk]").check()
    marked = ticked(page)
    rows.nth(18).scroll_into_view_if_needed()
    top = page.evaluate("scrollY")
    assert top > 100

    rows.nth(18).locator("[data-row-key=o]").click()
    page.wait_for_url("**/invoices/**")
    page.go_back()

    page.wait_for_url(listed_at)
    assert page.locator("[data-row-key=o]").first.text_content() == "INV-025"
    page.wait_for_function("top => Math.abs(scrollY - top) < 3", arg=top)
    assert focused(page) == "INV-043"
    page.wait_for_function("() => document.querySelectorAll('input[name=pk]:checked').length === 2")
    assert ticked(page) == marked


def test_a_look_aside_opens_and_closes_by_keyboard(many, open_page, accessible, fits):
    page = open_page("/receivables/?sort=number&order=asc")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("p")
    page.get_by_role("heading", name="INV-001").wait_for()
    assert focused(page) == "peek-title"
    accessible(page)
    fits(page)
    page.keyboard.press("Escape")
    assert page.locator("#peek").is_hidden()
    assert focused(page) == "INV-001"
    row = page.locator("tr[data-invoice]").nth(4)
    row.hover()
    row.get_by_role("link", name="Peek at INV-004").click()
    page.get_by_role("heading", name="INV-004").wait_for()
    page.locator("#peek").get_by_role("link", name="Leave out").click()
    page.wait_for_url("**customer__not=**")
    assert page.locator("tr[data-invoice]").count() == 50


def test_columns_are_chosen_while_the_menu_stays_and_a_view_keeps_them(many, open_page, accessible):
    page = open_page("/receivables/")
    page.click("#choose-columns")
    accessible(page)
    page.uncheck("#col-payment")
    page.wait_for_url("**columns=**")
    page.wait_for_function("() => !document.querySelector('#sort-payment')")
    assert page.locator("#menu-columns").get_attribute("open") is not None
    assert focused(page) == "col-payment"
    page.focus("#down-customer")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("columns=number%2Cprovider%2Ccustomer"))
    page.wait_for_function("() => document.activeElement.id === 'down-customer'")
    page.keyboard.press("Escape")

    page.keyboard.press("v")
    accessible(page)
    page.click("#view-save-as")
    page.wait_for_url("**/views/new/**")
    accessible(page)
    page.fill("#id_name", "Without payment")
    page.get_by_role("button", name="Keep this view").click()
    page.wait_for_url("**view=without-payment")
    assert "Without payment" in page.locator("h1").text_content()
    page.goto("/views/")
    accessible(page)


def test_counts_stay_true_while_one_looks(many, open_page):
    page = open_page("/receivables/?q=INV-00")
    assert page.locator("#list-number").text_content().split() == ["10", "invoices"]
    page.focus("#choose-status")
    make_invoice(many[0], number="INV-00X")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_function("() => document.querySelector('#list-number').textContent.includes('11')")
    assert page.locator("#tab-all .tally").text_content() == "61"
    assert "11 invoices" in page.locator("#said").text_content()
    assert focused(page) == "choose-status", "nothing is taken from under one's hands"
    assert page.locator("tr[data-invoice]").count() == 10


def test_headings_and_further_columns_on_a_phone(many, open_page, accessible, fits):
    page = open_page(
        "/receivables/?group=customer&columns=number,customer,total,synced,external_id", phone=True, dark=True
    )
    accessible(page)
    fits(page)
    page.click("#choose-columns")
    fits(page)
    accessible(page)
    page.goto("/views/")
    fits(page)
    accessible(page)
