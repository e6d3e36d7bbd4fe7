"""Taking a list away as a file: by keyboard, of ticked rows, without a script; and the page of files."""

import pytest

from tests.exports.reading import csv_rows
from tests.factories import make_invoice

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.DESK_EXPORTS = tmp_path / "exports"


@pytest.fixture
def three(connection_to):
    orb = connection_to("orb")
    return [make_invoice(orb, number=f"ORB-{at}", total=f"{at}.10") for at in range(3)]


def taken(page, act):
    with page.expect_download() as download:
        act()
    return csv_rows(open(download.value.path(), "rb").read())


def test_by_keyboard_alone_and_of_ticked_rows(three, open_page, accessible, fits):
    page = open_page("/receivables/?q=ORB-")
    page.keyboard.press("e")
    page.wait_for_selector("#menu-export[open]")
    accessible(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    rows = taken(page, lambda: page.keyboard.press("Enter"))
    assert [row["number"] for row in rows] == ["ORB-2", "ORB-1", "ORB-0"] and rows[0]["total"] == "2.10"

    page.keyboard.press("Escape")
    page.check(f"tr[data-invoice='{three[1].pk}'] input[name=pk]")
    page.click("#menu-ticked summary")
    rows = taken(page, lambda: page.click("#menu-ticked button[value=csv]"))
    assert [row["number"] for row in rows] == ["ORB-1"]


def test_without_a_script(three, open_page):
    page = open_page("/receivables/", script=False)
    page.click("#open-export")

    assert len(taken(page, lambda: page.click("#menu-export form button[value=csv]"))) == 3
