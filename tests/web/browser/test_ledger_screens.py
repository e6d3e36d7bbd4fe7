"""The screens around the ledger in a browser: asking follows by itself, and every screen is accessible and fits."""

import json

import pytest
from django.core.cache import cache
from django.utils import timezone

from invoicing.jobs import running
from invoicing.mirror.refresh import mirror_new
from invoicing.models import Brake, Connection, Incident, Operation, WorkerBeat
from tests.sandbox.conftest import start_sandbox  # noqa: F401  a sandbox of one's own
from tests.web.mirrored import body, mirrored

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def sandbox(start_sandbox):  # noqa: F811
    return start_sandbox(invoices=20)


@pytest.fixture
def flexprice(sandbox, transactional_db):
    given = sandbox.connections["flexprice"]
    connection = Connection(
        provider="flexprice", name="flexprice", base_url=given["base_url"], direction="receivable", facts={"generation": "B"}
    )  # fmt: skip
    connection.set_api_key(given["api_key"])
    connection.save()
    return connection


def test_a_preview_comes_by_itself_and_is_heard(sandbox, flexprice, open_page, accessible):
    cache.clear()
    WorkerBeat.objects.create(name="w", seen_at=timezone.now())
    payloads = (json.loads(line) for line in sandbox.invoices("flexprice"))
    found = next(each for each in payloads if each.get("subscription_id") and each.get("line_items"))
    invoice = mirror_new(flexprice, found["id"])
    page = open_page(f"/invoices/{invoice.pk}/actions/preview/")
    page.locator("#do-it").click()
    page.wait_for_url("**/asked/**")
    assert page.locator("#stands-h").inner_text() == "FlexPrice is being asked"

    while job := running.claim("test:1:0"):
        running.execute(job)

    page.wait_for_function("() => document.querySelector('#stands-h').textContent === 'FlexPrice answered'")
    assert page.locator("#said").text_content() == "FlexPrice answered"
    assert page.locator("table.sides").is_visible()
    accessible(page)
    assert not Operation.objects.exists()


@pytest.fixture
def a_bad_day(connection_to, operator, transactional_db):
    """Something to settle, something missing, an incident, and a desk on a dry run."""
    metronome, now = connection_to("metronome"), timezone.now()
    invoice = mirrored(metronome, body("metronome_invoice_draft"))
    common = {
        "connection": metronome, "invoice": invoice, "external_id": invoice.external_id, "call_class": "K", "seen": {},
        "seen_digest": "", "requester": operator, "reason": "Wrong rates", "state": "needs_person", "created_at": now,
    }  # fmt: skip
    whole = Operation.objects.create(
        verb="void_and_replace", token="a", key="a", outcome={"stage": "voided, replacement missing"}, **common
    )
    said = {"by": 0, "name": "Ada", "applied": True, "reason": "It is there", "at": now.isoformat()}
    step = Operation.objects.create(
        verb="void", token="b", key="b", parent=whole, outcome={"message": "Lost.", "proposal": said}, **common
    )
    Operation.objects.filter(pk=step.pk).update(parent=None, invoice=None)
    incident = Incident.objects.create(
        kind="double", connection=metronome, invoice=invoice, mark="x", text="Two replace it.", seen_at=now
    )
    Brake.objects.create(kind="dry_run", reason="Training", set_by=operator, set_at=now)
    return {"invoice": invoice, "whole": whole, "stuck": step, "incident": incident}


def test_settling_works_without_a_script(a_bad_day, open_page, person):
    page = open_page(f"/operations/{a_bad_day['stuck'].pk}/settle/", script=False, person=person("controller"))
    page.get_by_label("What you saw there").fill("It is there indeed")
    page.locator("#do-it").click()
    assert page.locator("#stands-h").inner_text() == "Voided"
