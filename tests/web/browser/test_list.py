"""The list as a person meets it: by keyboard, on a phone, in both themes, without a script, when requests fail."""

import re
from datetime import date

import pytest

from invoicing.vocabulary import ListedBy, Payment, Status
from tests.factories import make_invoice

pytestmark = pytest.mark.browser
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3


@pytest.fixture
def world(connection_to):
    orb, flexprice = connection_to("orb"), connection_to("flexprice")
    day = date(2026, 3, 1)
    return {
        "draft": make_invoice(orb, status=Status.DRAFT, listed_on=date(2026, 3, 20), listed_by=ListedBy.PLANNED),
        "open": make_invoice(orb, number="ORB-7", total="1234567.89", due_date=date(2020, 1, 1), listed_on=day),
        "paid": make_invoice(flexprice, payment=Payment.PAID, total="12", currency="EUR", customer="Söhne AG"),
        "void": make_invoice(flexprice, status=Status.VOID, total="7.125", currency="BHD", replaced_by="in_99"),
        "long": make_invoice(
            flexprice, number=LONG[:190], customer=LONG, total="0.000000000001", provider_status="FINALIZED / PENDING",
            payment=Payment.UNCOLLECTIBLE, currency="AI credits", line_difference="0.01",
        ),
    }  # fmt: skip


def listed(page):
    return [int(row.get_attribute("data-invoice")) for row in page.locator("tr[data-invoice]").all()]


def lists(page, *invoices):
    """Waits until exactly these are listed, in this order."""
    ids = [str(getattr(each, "pk", each)) for each in invoices]
    page.wait_for_function(
        "ids => JSON.stringify([...document.querySelectorAll('tr[data-invoice]')].map(r => r.dataset.invoice))"
        " === JSON.stringify(ids)",
        arg=ids,
    )


def focused(page):
    return page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")


def test_by_keyboard_from_search_to_record(world, open_page):
    page = open_page("/receivables/")
    page.keyboard.press("/")
    assert focused(page) == "search"
    page.keyboard.type("söhne")
    page.wait_for_url("**/receivables/?q=s%C3%B6hne")
    lists(page, world["paid"])
    assert focused(page) == "search", "typing goes on"
    assert page.locator("#said").text_content().startswith("1 invoice")

    page.keyboard.press("Tab")
    page.locator("h1").focus()
    page.keyboard.press("j")
    assert focused(page) == world["paid"].number
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/invoices/{world['paid'].pk}/?list=**")

    page.go_back()
    page.wait_for_url("**/receivables/?q=s%C3%B6hne")
    lists(page, world["paid"])
    assert page.input_value("#search") == "söhne"


def test_rows_are_walked_with_single_keys_that_can_be_switched_off(world, open_page):
    page = open_page("/receivables/")
    order = listed(page)
    for key, at in (("j", 0), ("j", 1), ("k", 0), ("k", 0)):
        page.keyboard.press(key)
        row = page.evaluate("document.activeElement.closest('tr').dataset.invoice")
        assert int(row) == order[at]
    page.keyboard.press("?")
    with page.expect_response("**/preferences/single-keys/"):
        page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.reload()
    before = focused(page)
    page.keyboard.press("j")
    assert focused(page) == before


def test_a_filter_is_chosen_by_keyboard_and_its_menu_stays(world, open_page):
    page = open_page("/receivables/")
    page.focus("#choose-status")
    page.keyboard.press("Enter")
    for _ in range(3):  # draft, finalized, void
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_url("**/receivables/?status=void")
    lists(page, world["void"])
    page.wait_for_function("() => document.activeElement.value === 'void'")  # the focus stays where it was
    assert page.locator("#menu-status").get_attribute("open") is not None

    page.keyboard.press("Escape")
    assert page.locator("#menu-status").get_attribute("open") is None
    assert focused(page) == "choose-status"
    page.click("a.lift")
    page.wait_for_url(re.compile(r"/receivables/$"))
    page.wait_for_function("() => document.activeElement.id === 'list-title'")  # the chip is gone


def test_sorting_keeps_the_focus_on_its_header(world, open_page):
    page = open_page("/receivables/")
    page.focus("#sort-total")
    page.keyboard.press("Enter")
    page.wait_for_url("**sort=total&order=desc")
    assert focused(page) == "sort-total"
    assert page.locator("th[aria-sort=descending]").text_content().strip() == "Total"


def test_back_leads_through_what_was_filtered(world, open_page):
    page = open_page("/receivables/")
    everything = listed(page)
    page.click("#tab-void")
    page.wait_for_url("**/receivables/?status=void")
    page.click("#tab-paid")
    page.wait_for_url("**/receivables/?payment=paid**")
    page.go_back()
    page.wait_for_url("**/receivables/?status=void")
    lists(page, world["void"])
    page.go_back()
    page.wait_for_url(re.compile(r"/receivables/$"))
    lists(page, *everything)


def test_without_a_script_everything_is_there(world, open_page):
    page = open_page("/receivables/", script=False)
    page.click("#choose-status")
    page.check("#menu-status input[value=void]")
    page.click("#menu-status button.apply")
    assert listed(page) == [world["void"].pk]
    page.fill("#search", "orb")
    page.press("#search", "Enter")
    assert "status=void" in page.url and "q=orb" in page.url, "one form"
    page.goto("/receivables/")
    page.click("#sort-number")
    assert page.locator("th[aria-sort]").text_content().strip() == "Number"
    page.click("details.theme summary")
    page.click("details.theme button[value=dark]")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert "sort=number" in page.url, "back to where one was"


def test_a_request_that_fails_is_seen_and_loses_nothing(world, open_page):
    page = open_page("/receivables/")
    before = listed(page)
    page.route("**/receivables/?*", lambda route: route.fulfill(status=500, body="<h1>no</h1>"))
    page.fill("#search", "orb")
    toast = page.locator(".toast.error")
    toast.wait_for()
    assert toast.get_attribute("role") == "alert"
    assert "Something went wrong here" in toast.text_content()
    assert listed(page) == before and page.input_value("#search") == "orb"
    toast.get_by_role("button", name="Dismiss").click()
    page.unroute("**/receivables/?*")
    page.route("**/receivables/?*", lambda route: route.abort())
    page.click("#tab-void")
    page.get_by_text("The desk cannot be reached").wait_for()
    assert listed(page) == before


def test_who_was_signed_out_meanwhile_is_led_to_sign_in(world, open_page, operator):
    page = open_page("/receivables/")
    operator.is_active = False
    operator.save()
    before = listed(page)
    page.click("#tab-void")
    toast = page.locator(".toast.error")
    toast.wait_for()
    assert listed(page) == before, "what was there is still there to be read"
    with page.expect_popup() as opened:
        toast.get_by_role("link").click()
    opened.value.wait_for_url("**/accounts/login/?next=**")
    assert opened.value.get_by_role("heading", name="Sign in").is_visible()


def test_the_theme_changes_at_once_and_stays(world, open_page):
    page = open_page("/receivables/?status=void")
    page.click("details.theme summary")
    page.click("details.theme button[value=dark]")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert "status=void" in page.url
    page.wait_for_function("() => document.querySelector('details.theme').open === false")
    page.wait_for_timeout(200)
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_on_a_phone_the_drawer_leads_everywhere(world, open_page, accessible):
    page = open_page("/receivables/", phone=True)
    page.click("details.drawer > summary")
    accessible(page)
    page.locator("details.drawer").get_by_role("link", name="Payables").click()
    page.wait_for_url("**/payables/")


def test_menus_close_by_a_click_outside(world, open_page):
    page = open_page("/receivables/")
    page.click("details.freshness summary")
    assert page.locator("details.freshness[open]").count() == 1
    page.click("h1")
    assert page.locator("details.freshness[open]").count() == 0
