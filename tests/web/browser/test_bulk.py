"""Many at once in a browser: ticking, what the bar says over pages and filters, and a batch to its end."""

import json

import pytest
from django.utils import timezone

from invoicing.bulk.outcomes import standing_of
from invoicing.jobs import running
from invoicing.mirror.refresh import mirror_new
from invoicing.models import Batch, Connection, Invoice, WorkerBeat
from tests.factories import make_invoice
from tests.sandbox.conftest import start_sandbox  # noqa: F401  a sandbox of one's own

pytestmark = pytest.mark.browser


@pytest.fixture
def many(connection_to, transactional_db):
    orb, flexprice = connection_to("orb"), connection_to("flexprice")
    for at in range(30):
        make_invoice(orb, number=f"ORB-{at:02}", total="10.10")
    return [make_invoice(flexprice, number="FLEX-1", total="5", currency="EUR", status="void")]


def box(page, number):
    return page.get_by_role("checkbox", name=f"Select {number}", exact=True)


def said(page, words):
    page.wait_for_function("words => document.querySelector('#bulk-said')?.textContent.trim() === words", arg=words)


def totals(page, words):
    page.wait_for_function(
        "words => document.querySelector('#bulk-sums')?.textContent.replace(/[\\s\u00a0]+/g, ' ').trim() === words",
        arg=words,
    )


def test_a_selection_is_kept_over_pages_and_belongs_to_its_filter(many, open_page, accessible):
    page = open_page("/receivables/?rows=25&status=finalized&sort=number&order=asc")
    assert not page.locator("#bulk").is_visible()
    box(page, "ORB-02").click()
    box(page, "ORB-05").click(modifiers=["Shift"])
    said(page, "4 selected")
    totals(page, "40.40 USD")

    page.locator("#page-on").click()
    page.wait_for_selector('[data-invoice] th >> text="ORB-25"')
    said(page, "4 selected, 4 on other pages")
    box(page, "ORB-29").click()
    said(page, "5 selected, 4 on other pages")
    totals(page, "50.50 USD")
    accessible(page)

    page.goto("/receivables/?rows=25&sort=number&order=asc")
    assert not page.locator("#bulk").is_visible(), "under another filter nothing unseen is selected"
    page.go_back()
    said(page, "5 selected, 4 on other pages")
    page.locator("#bulk-clear").click()
    assert not page.locator("#bulk").is_visible() and not box(page, "ORB-29").is_checked()


def test_all_that_match_follows_every_swap_of_the_list(many, open_page):
    page = open_page("/receivables/?rows=25&sort=number&order=asc")
    page.locator("#pick-page").check()
    said(page, "25 selected")
    page.locator("#bulk-all").check()
    said(page, "All 31 that match")
    totals(page, "5.00 EUR·303.00 USD")

    page.locator("#tab-void").click()
    page.wait_for_selector('[data-invoice] th >> text="FLEX-1"')
    page.wait_for_function("() => document.querySelectorAll('[data-invoice]').length === 1")

    assert page.locator("#bulk").get_attribute("data-total") == "1"
    assert page.locator('#bulk [name="list"]').input_value() == "/receivables/?status=void"
    assert not page.locator("#bulk").is_visible() and page.locator("#bulk-all").count() == 0


def test_all_that_match_is_what_the_server_counts_on_pressing_the_button(many, open_page):
    page = open_page("/receivables/?rows=25&status=finalized")
    page.locator("#pick-page").check()
    page.locator("#bulk-all").check()
    make_invoice(Invoice.objects.first().connection, number="ORB-LATE")
    page.locator("#bulk-go").click()
    page.wait_for_url("**/batches/**")
    assert "The list said 30; counted exactly when it was selected, 31 matched." in page.locator("main").inner_text()
    assert Batch.objects.get().size == 31


@pytest.fixture(scope="module")
def sandbox(start_sandbox):  # noqa: F811
    return start_sandbox(invoices=60)


@pytest.fixture
def issued(sandbox, settings, tmp_path, transactional_db):
    settings.DESK_QUIET_SECONDS, settings.DESK_CALL_DEADLINE_SECONDS, settings.DESK_BATCH_CANCEL_SECONDS = 0.6, 3, 0
    settings.DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    WorkerBeat.objects.create(name="w", seen_at=timezone.now())
    given = sandbox.connections["orb"]
    connection = Connection(provider="orb", name="orb", base_url=given["base_url"], direction="receivable")
    connection.set_api_key(given["api_key"])
    connection.save()
    records = [json.loads(line) for line in sandbox.invoices("orb")]
    wanted = [[each["id"] for each in records if each["status"] == status] for status in ("issued", "paid")]
    return [mirror_new(connection, each) for each in (*wanted[0][:3], *wanted[1][:1])]


def work(until=lambda: False):
    while not until() and (job := running.claim("test:1:0")):
        running.execute(job)


def test_a_batch_from_the_list_to_its_end(sandbox, issued, open_page, accessible, fits):
    page = open_page("/receivables/", phone=True, dark=True)
    page.locator("[data-invoice] .pick input").first.click()
    page.locator("[data-invoice] .pick input").last.click(modifiers=["Shift"])
    accessible(page)
    page.locator("#bulk-go").click()
    page.locator("#rehearse").click()
    assert page.locator("#reason-wrong").inner_text().startswith("Say why.")
    accessible(page)
    page.get_by_text("Wrong amount", exact=True).click()
    page.locator("#rehearse").click()
    page.locator("#do-it").wait_for()
    rehearsed = {each.get_attribute("data-of") for each in page.locator("[data-batch-row]").all()}
    assert page.locator("#do-it").inner_text().startswith(f"Void {len(rehearsed)} invoice")
    accessible(page)
    fits(page)

    page.locator("#do-it").click()
    page.locator("#batch-progress").wait_for()
    batch = Batch.objects.get()
    page.goto("/receivables/")
    assert not page.locator("#bulk").is_visible(), "what the batch took is no longer ticked"
    page.go_back()
    work(until=lambda: standing_of(batch).succeeded > 0)
    page.wait_for_selector('[data-outcome="succeeded"]')
    page.reload()
    accessible(page)
    for _ in range(60):
        work()
        batch.refresh_from_db()
        if not batch.going_on:
            break
        page.wait_for_timeout(100)

    page.wait_for_function("() => document.querySelector('#stands-h')?.textContent.includes('voided')")
    done = {each.get_attribute("data-of") for each in page.locator('[data-outcome="succeeded"]').all()}
    assert done == rehearsed, "what was carried out is what was rehearsed"
    voided = Invoice.objects.filter(pk__in=done).values_list("external_id", flat=True)
    assert sorted(each["external_id"] for each in sandbox.effects() if each["external_id"] in set(voided)) == sorted(
        voided
    )
    accessible(page)
    fits(page)


def test_without_a_script_the_boxes_of_a_page_are_a_plain_form(many, open_page):
    page = open_page("/receivables/?rows=25&status=finalized&sort=number&order=asc", script=False)
    box(page, "ORB-01").check()
    box(page, "ORB-03").check()
    page.locator("#bulk-go").click()
    assert page.locator("h1").inner_text() == "Void 2 invoices"
    assert set(Batch.objects.get().rows.values_list("invoice__number", flat=True)) == {"ORB-01", "ORB-03"}
