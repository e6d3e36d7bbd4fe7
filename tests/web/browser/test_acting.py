"""Acting as a person does it: in a browser, at a provider that answers over HTTP, with the worker's own functions."""

import json

import pytest
from django.utils import timezone

from invoicing.jobs import running
from invoicing.mirror.refresh import mirror_new
from invoicing.models import Connection, Invoice, Operation, WorkerBeat
from tests.sandbox.conftest import start_sandbox  # noqa: F401  a sandbox of one's own
from tests.web.mirrored import HOSTILE, body, everywhere, mirrored

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def sandbox(start_sandbox):  # noqa: F811
    return start_sandbox(invoices=60)


@pytest.fixture(autouse=True)
def a_quick_world(settings, tmp_path):
    settings.DESK_QUIET_SECONDS, settings.DESK_CALL_DEADLINE_SECONDS = 0.6, 3
    settings.DATA, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"


@pytest.fixture
def worker(transactional_db):
    """worker() does what is due, as a worker would; a page thinks that one is there."""
    WorkerBeat.objects.create(name="w", seen_at=timezone.now())

    def work():
        count = 0
        while job := running.claim("test:1:0"):
            running.execute(job)
            count += 1
        return count

    return work


@pytest.fixture
def orb(sandbox, transactional_db):
    given = sandbox.connections["orb"]
    connection = Connection(provider="orb", name="orb", base_url=given["base_url"], direction="receivable")
    connection.set_api_key(given["api_key"])
    connection.save()
    return connection


TAKEN: set[str] = set()


@pytest.fixture
def issued(sandbox, orb) -> Invoice:
    """An issued invoice of the sandbox that no other test acts on, small enough to need no typed number."""
    for line in sandbox.invoices("orb"):
        payload = json.loads(line)
        small = abs(float(payload.get("total") or 0)) < 9000
        if payload["status"] == "issued" and payload["id"] not in TAKEN and small:
            TAKEN.add(payload["id"])
            return mirror_new(orb, payload["id"])
    raise LookupError("The sandbox has no such invoice.")


def until_it_says(page, words):
    page.wait_for_function("words => document.querySelector('#stands-h')?.textContent === words", arg=words)


def test_an_invoice_is_voided_from_its_page_to_the_end(sandbox, issued, open_page, worker, accessible):
    page = open_page(f"/invoices/{issued.pk}/")
    page.get_by_text("Actions", exact=True).click()
    page.locator("#verb-menu").get_by_role("link", name="Void").click()
    page.wait_for_url("**/actions/void/")
    assert page.locator(".consequences").get_by_text("cancels future payment attempts").is_visible()

    page.locator("#do-it").click()
    assert page.locator("#reason-wrong").inner_text().startswith("Say why.")
    assert page.evaluate("document.activeElement.id") == "id_reason"
    accessible(page)

    page.get_by_text("Wrong amount", exact=True).click()
    page.get_by_label("Reference").fill("TICKET-7")
    page.locator("#do-it").click()
    page.wait_for_url("**/operations/**")
    assert page.locator("#stands-h").inner_text() == "In line to be sent"
    assert not sandbox.effects(external_id=issued.external_id)

    worker()

    until_it_says(page, "Voided")
    assert page.locator("#said").text_content() == "Voided", "a screen reader hears it"
    assert len(sandbox.effects(external_id=issued.external_id)) == 1
    accessible(page)
    page.get_by_role("link", name="To the invoice as it is now").click()
    page.wait_for_selector(f'#invoice[data-invoice="{issued.pk}"][data-status="void"]')


def test_the_invoices_own_page_follows_what_is_under_way(issued, open_page, worker):
    page = open_page(f"/invoices/{issued.pk}/actions/void/")
    page.get_by_label("Reason", exact=True).fill("Billed twice")
    page.locator("#do-it").click()
    page.wait_for_url("**/operations/**")
    page.goto(f"/invoices/{issued.pk}/")
    assert "nothing else can be asked" in page.locator("#under-way").inner_text()

    worker()

    page.wait_for_selector('#invoice[data-status="void"]')
    page.locator("#invoice").get_by_text("Void: succeeded.").wait_for()


def test_a_lost_answer_is_unknown_until_it_is_read_back(sandbox, issued, open_page, worker, accessible, settings):
    settings.DESK_QUIET_SECONDS = 20
    sandbox.fault(connection="orb", method="POST", path=f"/invoices/{issued.external_id}/void", fault="drop_after")
    address = f"/invoices/{issued.external_id}"
    sandbox.fault(
        connection="orb", method="GET", path=address, after=1, times=None, fault="status", status=503, body={}
    )
    page = open_page(f"/invoices/{issued.pk}/actions/void/")
    page.get_by_label("Reason", exact=True).fill("Billed twice")
    page.locator("#do-it").click()
    page.wait_for_url("**/operations/**")

    worker()

    until_it_says(page, "Nobody knows yet whether it happened")
    assert "Nothing is sent again" in page.locator("#state").inner_text()
    accessible(page)
    sandbox.delete("/_sandbox/faults")
    for _ in range(100):
        worker()
        if not Operation.objects.get(invoice=issued).open:
            break
        page.wait_for_timeout(100)
    until_it_says(page, "Voided")
    assert "The answer was lost" in page.locator("#state").inner_text()
    assert len(sandbox.effects(external_id=issued.external_id)) == 1


def test_all_of_it_works_without_a_script(sandbox, issued, open_page, worker):
    page = open_page(f"/invoices/{issued.pk}/", script=False)
    for tab in ("Lines", "Documents", "History", "Activity", "Raw", "Provider"):
        page.get_by_role("navigation", name="Parts of the invoice").get_by_role("link", name=tab).click()
        assert page.locator('#tabs [aria-current="page"]').inner_text().startswith(tab)
    page.get_by_role("button", name="Refresh").click()
    worker()
    page.get_by_role("link", name="Look again").click()
    assert page.get_by_text("Nothing changed.").is_visible()

    page.goto(f"/invoices/{issued.pk}/actions/void/")
    page.get_by_text("Wrong amount", exact=True).click()
    page.get_by_role("button", name="Void").click()
    assert page.locator("#stands-h").inner_text() == "In line to be sent"
    worker()
    page.get_by_role("link", name="Look again").click()
    assert page.locator("#stands-h").inner_text() == "Voided"
    assert len(sandbox.effects(external_id=issued.external_id)) == 1


def test_refresh_says_what_the_world_changed(sandbox, issued, open_page, worker):
    page = open_page(f"/invoices/{issued.pk}/?tab=lines")
    sandbox.act("orb", "void_at_provider", issued.external_id)

    page.get_by_role("button", name="Refresh").click()
    page.locator("#waiting").get_by_text("Reading the invoice again").wait_for()
    worker()

    page.locator("#waiting").get_by_text("This changed:").wait_for()
    page.wait_for_selector('#invoice[data-status="void"]')
    assert page.locator('#tabs [aria-current="page"]').inner_text().startswith("Lines"), "one stays where one was"
    assert "became Void" in " ".join(page.locator("#waiting").text_content().split())


def test_tabs_by_keyboard_with_history_and_focus(issued, open_page):
    page = open_page(f"/invoices/{issued.pk}/")
    page.keyboard.press("2")
    page.wait_for_url("**/?tab=lines")
    assert page.evaluate("document.activeElement.id") == "tab-lines"
    page.locator("#tab-raw").press("Enter")
    page.wait_for_url("**/?tab=raw")
    page.locator("pre.raw").wait_for()
    page.go_back()
    page.wait_for_url("**/?tab=lines")
    page.locator("table.lines").wait_for()
    page.keyboard.press("a")
    assert page.locator("#verb-menu").get_attribute("open") is not None
    page.keyboard.press("Escape")
    assert page.locator("#verb-menu").get_attribute("open") is None


def test_a_copy_is_drawn_and_shown_in_a_frame_of_ours(issued, open_page):
    page = open_page(f"/invoices/{issued.pk}/?tab=documents")
    page.get_by_role("button", name="Draw our copy").click()
    page.wait_for_url("**show=*")
    frame = page.locator("iframe")
    answer = page.request.get(frame.get_attribute("src"))
    assert answer.body().startswith(b"%PDF-") and "frame-ancestors 'self'" in answer.headers["content-security-policy"]


def test_hostile_text_runs_nowhere(connection_to, open_page, transactional_db):
    """open_page fails on any dialog, script error or refused script."""
    invoice = mirrored(connection_to("orb"), everywhere(body("orb_invoice_issued"), HOSTILE))
    page = open_page(f"/invoices/{invoice.pk}/")
    for tab in ("summary", "lines", "documents", "history", "activity", "raw", "provider"):
        page.goto(f"/invoices/{invoice.pk}/?tab={tab}")
        assert page.locator("#content img, #content script").count() == 0
        assert page.locator('[hx-get="/evil"]').count() == 0
    page.goto(f"/invoices/{invoice.pk}/actions/void/")
    page.get_by_label("Reason", exact=True).fill(HOSTILE)
    page.locator("#do-it").click()
    page.wait_for_load_state()
    assert page.locator("#content img, #content script").count() == 0
