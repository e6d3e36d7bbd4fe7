"""Everything by keyboard: rows, sequences, the list of keys, the palette, one's own keys, and all of it switched off."""

import pytest

from invoicing.models import Preferences
from tests.factories import make_invoice

pytestmark = pytest.mark.browser


@pytest.fixture
def three(connection_to):
    orb = connection_to("orb")
    return [make_invoice(orb, number=f"N-{number}") for number in (3, 2, 1)][::-1]


def at(page):
    return page.evaluate(
        "document.activeElement.closest('tr')?.querySelector('th')?.textContent.trim() ?? document.activeElement.id"
    )


def test_rows_are_walked_picked_and_opened(three, open_page):
    page = open_page("/receivables/")
    for key, row in (("j", "N-1"), ("j", "N-2"), ("j", "N-3"), ("j", "N-3"), ("k", "N-2"), ("k", "N-1"), ("k", "N-1")):
        page.keyboard.press(key)
        assert at(page) == row, key
    picked = "[...document.querySelectorAll('tbody input[type=checkbox]')].map(each => each.checked)"
    page.keyboard.press("x")
    assert page.evaluate(picked) == [True, False, False]
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    assert page.evaluate(picked) == [True, True, True]
    page.keyboard.press("k")
    page.keyboard.press("o")
    page.wait_for_url(f"**/invoices/{three[1].pk}/**")


def test_places_by_two_keys_the_list_of_keys_and_fields_left_alone(three, open_page, accessible):
    page = open_page("/receivables/")
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")
    shown = page.locator("#keys [data-shows-key]:visible").evaluate_all("all => all.map(each => each.dataset.showsKey)")
    assert {"j", "x", "g p", "?", "e"} <= set(shown), "what this page does"
    assert not {"A", "r", "1", "n"} & set(shown), "and nothing it does not"
    accessible(page)
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    assert at(page) in ("", "content"), "keys of the page rest while the list is open"
    page.keyboard.press("/")
    page.keyboard.type("gpjx?")
    assert page.input_value("#search") == "gpjx?" and page.url.endswith("/receivables/") or "q=" in page.url
    page.goto("/receivables/")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/payables/")


def test_own_keys_replace_the_shipped_ones_and_all_can_be_off(three, open_page, operator):
    Preferences.objects.create(user=operator, own_keys={"j": "h", "g p": ";"})
    page = open_page("/receivables/")
    page.keyboard.press("j")
    assert at(page) == ""
    page.keyboard.press("h")
    assert at(page) == "N-1"
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")
    assert page.locator("[data-shows-key='j'] kbd").text_content() == "h"
    with page.expect_response("**/preferences/single-keys/"):
        page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.goto("/preferences/")
    page.keyboard.press("?")
    page.keyboard.press(";")
    assert page.locator("#keys[open]").count() == 0 and page.url.endswith("/preferences/"), (
        "off, and on other pages too"
    )


def test_the_palette_finds_goes_and_gives_the_focus_back(three, open_page, accessible):
    page = open_page("/receivables/")
    page.keyboard.press("j")
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette [role=option]")
    accessible(page)
    page.keyboard.press("Escape")
    assert at(page) == "N-1", "the focus is where it was"
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette [role=option]")
    page.keyboard.type("n-3")
    page.wait_for_selector("#palette [aria-selected=true]:has-text('N-3')")
    chosen = page.get_attribute("#palette-text", "aria-activedescendant")
    assert page.locator(f"[id='{chosen}']").get_attribute("aria-selected") == "true"
    assert page.locator("#palette-said").text_content().startswith("1 choice")
    page.keyboard.press("Tab")
    assert page.evaluate(
        "document.querySelector('#palette').contains(document.activeElement) || document.activeElement === document.body"
    )
    page.focus("#palette-text")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/invoices/{three[2].pk}/")
    page.keyboard.press("Control+k")
    page.keyboard.type("receivab")
    page.wait_for_selector("#palette [aria-selected=true]:has-text('Receivables')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/receivables/")
    page.route("**/palette/**", lambda route: route.abort())
    page.keyboard.press("Control+k")
    page.keyboard.type("x")
    page.wait_for_selector("#palette .wrong-text")


def test_forms_are_sent_by_a_key_and_menus_walked_by_arrows(three, open_page):
    page = open_page("/preferences/")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".notice.green")
    page.focus(".account-menu")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    inside = "document.activeElement.closest('details')?.open && document.activeElement.textContent.trim()"
    assert page.evaluate(inside) == "Two-factor sign-in"
    page.keyboard.press("ArrowUp")
    assert page.evaluate(inside) == "Password"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "account-menu"
