"""A day's work without a mouse: signing in, finding, reviewing, voiding in bulk, taking the result away as a file."""

from pathlib import Path

import pytest

from invoicing.bulk.outcomes import standing_of
from invoicing.models import Batch, Invoice, Review
from invoicing.reviews import following
from invoicing.reviews.rules import Rule
from tests.exports.reading import csv_rows
from tests.sandbox.conftest import start_sandbox
from tests.web.browser.test_bulk import issued, sandbox, work

__all__ = ["issued", "sandbox", "start_sandbox"]
pytestmark = pytest.mark.browser

SEEN = """() => {
  const on = document.activeElement, box = on.getBoundingClientRect();
  return on !== document.body && on.matches(':focus-visible') && box.bottom > 0 && box.top < innerHeight && on.checkVisibility();
}"""


class Hands:
    """A keyboard, and the eyes on where the focus is."""

    def __init__(self, page):
        self.page = page

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text):
        self.page.keyboard.type(text)

    def is_on(self, selector):
        """The focus is there, on the screen, and one sees it."""
        self.page.wait_for_function("selector => document.activeElement.matches(selector)", arg=selector)
        assert self.page.evaluate(SEEN), f"{selector} has the focus, and nobody sees it"

    def tab_to(self, selector, most=60):
        """By Tab alone; every stop on the way is seen."""
        for _ in range(most):
            self.press("Tab")
            if self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return self.is_on(selector)
        raise AssertionError(f"Tab does not come to {selector}")


def test_from_signing_in_to_the_file_without_a_mouse(sandbox, issued, person, open_page, settings, tmp_path):  # noqa: F811
    settings.DESK_EXPORTS = tmp_path / "exports"
    both = person("operator", "reviewer", email="mara@desk.example")
    wanted = [each for each in issued if each.payment_status != "paid"]
    for each in wanted[:2]:
        following.enter(each, (Rule(name="Large"),))
    page = open_page("/receivables/", person=None)
    hands = Hands(page)

    # signing in
    hands.tab_to("[name=login]") if not page.evaluate("document.activeElement.name === 'login'") else None
    hands.type(both.email)
    hands.tab_to("[name=password]", most=3)
    hands.type("a long enough password")
    hands.press("Enter")
    page.wait_for_url("**/receivables/")

    # reviewing: one after the other, each approved as it is seen
    hands.press("g", "q")
    page.wait_for_url("**/queue/")
    hands.press("z")
    for done in (1, 2):
        page.wait_for_selector("[data-zen-card]")
        hands.press("Shift+A")
        _until(page, lambda done=done: Review.objects.filter(state="approved").count() == done)
    page.wait_for_url("**/queue/zen/end/")

    # finding
    hands.press("g", "r")
    page.wait_for_url("**/receivables/")
    hands.press("/")
    hands.is_on("#search")
    hands.type(wanted[0].number)
    page.wait_for_function("() => document.querySelectorAll('[data-invoice]').length === 1")
    hands.is_on("#search")
    hands.press("Control+a", "Delete")
    page.wait_for_function("() => document.querySelectorAll('[data-invoice]').length > 2")
    hands.press("Escape")
    hands.tab_to("#tab-open")
    hands.press("Enter")
    page.wait_for_function("count => document.querySelectorAll('[data-invoice]').length === count", arg=len(wanted))
    hands.is_on("#tab-open")

    # selecting, the first row up to the last
    hands.press("j")
    hands.is_on("[data-invoice] th a")
    hands.press("x", *["j"] * (len(wanted) - 1), "Shift+X")
    page.wait_for_function("words => document.querySelector('#bulk-said').textContent.trim() === words",
                           arg=f"{len(wanted)} selected")  # fmt: skip
    hands.press("Shift+B")
    page.wait_for_url("**/batches/**")

    # why, the rehearsal, and off
    hands.tab_to("#id_reason")
    hands.type("Billed twice")
    hands.press("Control+Enter")
    page.wait_for_selector("#do-it")
    batch = Batch.objects.get()
    assert batch.state == "rehearsed" and not sandbox.effects(external_id=wanted[0].external_id)
    hands.tab_to("#do-it")
    hands.press("Enter")
    page.wait_for_selector("#batch-progress")
    _until(page, lambda: Batch.objects.filter(pk=batch.pk, state="ended").exists(), meanwhile=work)
    assert standing_of(batch).succeeded == batch.size
    page.wait_for_function("() => document.querySelector('#stands-h')?.textContent.includes('voided')")
    assert len(sandbox.effects()) == len(wanted)

    # the result as a file
    hands.press("g", "r")
    page.wait_for_url("**/receivables/")
    hands.tab_to("#tab-void")
    hands.press("Enter")
    page.wait_for_url("**status=void**")
    hands.press("e")
    page.wait_for_selector("#menu-export[open]")
    hands.is_on("#menu-export summary")
    hands.tab_to("#menu-export button[value=csv]", most=8)
    with page.expect_download() as download:
        hands.press("Enter")
    rows = csv_rows(Path(download.value.path()).read_bytes())
    voided = {each.number for each in Invoice.objects.filter(pk__in=[each.pk for each in wanted])}
    assert {row["number"] for row in rows} == voided and {row["status"] for row in rows} == {"void"}


def _until(page, true, meanwhile=lambda: None):
    for _ in range(250):
        meanwhile()
        if true():
            return
        page.wait_for_timeout(80)
    raise AssertionError("It did not come to this.")
