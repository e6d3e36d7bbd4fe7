"""The invoice and its customer in a browser: keys, versions compared in place, the past, and nothing axe objects to."""

from datetime import UTC, datetime

import pytest

from tests.web.mirrored import body, changed, mirrored

pytestmark = pytest.mark.browser


@pytest.fixture
def told(transactional_db, connection_to):
    """An invoice of two versions, between two others in its list."""
    connection, payload = connection_to("orb"), body("orb_invoice_issued")
    for name in ("before", "after"):
        mirrored(connection, changed(payload, id=name, invoice_number=f"A-{name}"))
    lower = changed(payload, total="100.00", amount_due="100.00")
    mirrored(connection, lower, read_at=datetime(2026, 3, 1, tzinfo=UTC))
    return mirrored(connection, payload)


def test_keys_turn_tabs_copy_and_go_on_in_the_list(told, open_page):
    page = open_page(f"/invoices/{told.pk}/?list=%2Freceivables%2F")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.keyboard.press("y")
    page.locator("#toasts").get_by_text("Copied: NWRBT-00042").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "NWRBT-00042"

    page.keyboard.press("5")
    page.locator("#tab-history[aria-current=page]").wait_for()
    assert "list=" in page.url
    page.locator("#former, #latter").first.wait_for()
    page.keyboard.press("]" if page.locator("#latter").count() else "[")
    page.wait_for_url(lambda url: f"/invoices/{told.pk}/" not in url)
    page.keyboard.press("u")
    page.wait_for_url("**/receivables/")


def test_versions_are_compared_in_place_and_the_past_is_a_page(told, open_page, accessible, fits):
    page = open_page(f"/invoices/{told.pk}/?tab=history", dark=True)
    page.locator("#compare-now").click()
    page.locator("#diff-h").wait_for()
    assert page.evaluate("document.activeElement.id") in ("compare-now", "diff-h")
    assert "+96.20" in page.locator(".of-money").inner_text()
    accessible(page)

    page.locator("#as-of").fill("2026-03-31")
    page.get_by_role("button", name="Go there").click()
    page.locator("#past").wait_for()
    assert page.locator("#verb-menu, #refresh").count() == 0
    accessible(page)
    page.locator("#to-now").click()
    page.locator("#verb-menu").wait_for()

    phone = open_page(f"/invoices/{told.pk}/?tab=history&from=1&to=2", phone=True)
    fits(phone)
    accessible(phone)
