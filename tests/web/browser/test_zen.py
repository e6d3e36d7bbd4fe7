"""Going through the queue by keyboard alone, and the screens of reviews as axe and a phone see them."""

import statistics

import pytest

from invoicing.models import Review
from invoicing.reviews import following, sweeping
from invoicing.reviews.rules import Rule
from tests.web.mirrored import body, changed, mirrored

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
INVOICES = 50
BOUND = 1.0  # seconds; ten times what an idle machine needs, so that a busy one passes


@pytest.fixture
def reviewer(person):
    return person("reviewer", email="rita@desk.example")


@pytest.fixture
def waiting(connection_to):
    orb = connection_to("orb")

    def make(count):
        payload = body("orb_invoice_issued")
        for number in range(count):
            made = mirrored(orb, changed(payload, id=f"i{number}", invoice_number=f"N-{number:02d}"))
            following.enter(made, (Rule(name="Large"),))
        return list(Review.objects.order_by("pk"))

    return make


SHOWN = """pressed => new Promise(done => {
  const began = performance.now();
  document.addEventListener("zen:shown", () => requestAnimationFrame(() => done(performance.now() - began)), {once: true});
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: pressed, bubbles: true, cancelable: true}));
})"""


def test_fifty_by_keyboard_and_the_next_one_is_there_at_once(open_page, waiting, reviewer, capsys):
    reviews = waiting(INVOICES)
    page = open_page("/queue/", person=reviewer)
    page.keyboard.press("z")
    page.wait_for_selector("[data-zen-card]")
    took = []
    for number in range(INVOICES - 1):
        page.wait_for_timeout(60)  # a person looks, if only for a moment
        took.append(page.evaluate(SHOWN, "s" if number % 10 == 9 else "A") / 1000)
    page.keyboard.press("A")
    page.wait_for_url("**/queue/zen/end/")
    skipped = INVOICES // 10 - 1
    assert f"{INVOICES - skipped} decided" in page.inner_text("h1")
    assert page.locator("[data-group='4'] li").count() == skipped
    assert Review.objects.filter(state="approved").count() == len(reviews) - skipped
    middle = statistics.median(took)
    with capsys.disabled():
        print(
            f"\n50 reviews by keyboard: next screen after {middle * 1000:.0f} ms (median), {max(took) * 1000:.0f} ms at most"
        )
    assert middle < BOUND


def test_why_is_asked_for_undone_and_walked_through(open_page, waiting, reviewer, accessible):
    first, second, _third = waiting(3)
    page = open_page("/queue/zen/", person=reviewer)
    page.keyboard.press("R")
    assert page.evaluate("document.activeElement.id") == "id_reason"
    page.keyboard.type("Wrong A, R and s")  # letters in a field are letters
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(f"[data-zen-card='{second.invoice_id}']")
    assert Review.objects.get(pk=first.pk).state == "rejected"
    assert page.evaluate("document.activeElement.id") == "zen-title"
    page.keyboard.press("u")
    page.wait_for_selector(f"[data-zen-card='{first.invoice_id}']")
    assert Review.objects.get(pk=first.pk).state == "in_review"
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f"[data-zen-card='{second.invoice_id}']")
    page.keyboard.press("?")
    page.keyboard.type("Whose is it?")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(f"[data-zen-card='{first.invoice_id}']")
    accessible(page)
    page.keyboard.press("Escape")
    page.wait_for_url("**/queue/zen/end/")
    assert Review.objects.get(pk=second.pk).state == "unreviewed"


def test_the_screens_on_a_phone_in_the_dark(open_page, waiting, reviewer, accessible, fits, time_machine):
    time_machine.move_to("2026-07-03 12:00:00Z")
    review = waiting(2)[1]
    sweeping.sweep()
    page = open_page("/queue/", person=reviewer, phone=True, dark=True)
    for address in (
        "/queue/",
        f"/invoices/{review.invoice_id}/?tab=review",
        f"/queue/zen/{review.invoice_id}/",
        "/queue/rules/",
    ):
        page.goto(address)
        fits(page)
        accessible(page)
