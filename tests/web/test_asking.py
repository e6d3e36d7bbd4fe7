"""Asking a provider from a page: a worker does the asking, the page shows the answer, and nothing of it is stored."""

import re

import pytest
from django.core.cache import cache

from invoicing.jobs import running
from invoicing.models import AuditEntry, Invoice, InvoiceVersion, Job, Operation
from invoicing.providers import strict_json
from invoicing.providers.base import Answer
from invoicing.providers.errors import KeyRefused, RateLimited
from tests.web.mirrored import body, changed, mirrored
from tests.web.pages import read
from tests.web.test_invoice import text_of


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def flexprice(connection_to):
    connection = connection_to("flexprice")
    connection.facts = {"generation": "B"}
    connection.save()
    return connection


@pytest.fixture
def invoice(flexprice):
    return mirrored(flexprice, body("flexprice_invoice_get"))


@pytest.fixture
def wire(monkeypatch):
    """The provider as the worker meets it: wire.says(payload) or wire.fails(error); wire.calls is what it was asked."""
    from invoicing.providers.http import Wire

    class Scripted:
        calls: list = []
        answer: object = None

        def says(self, payload):
            self.answer = payload

        def fails(self, error):
            self.answer = error

    scripted = Scripted()
    scripted.calls = []

    def call(self, endpoint, *, path=None, query=(), body=None, key=""):
        assert running_now, "A provider was called from a page."
        scripted.calls.append((endpoint.method, endpoint.path, dict(path or {}), list(query), body))
        if isinstance(scripted.answer, Exception):
            raise scripted.answer
        return Answer(status=200, body=strict_json.dumps(scripted.answer), headers={})

    monkeypatch.setattr(Wire, "call", call)
    cache.clear()
    return scripted


running_now: list = []


def work():
    running_now.append(True)
    try:
        while job := running.claim("test:1:0"):
            running.execute(job)
    finally:
        running_now.clear()


def subscription_of(invoice):
    return invoice.versions.get(number=1).payload_json()["subscription_id"]


def ask_address(invoice, verb, kind, external_id):
    return f"/ask/{invoice.connection_id}/{kind}/{verb}/{external_id}/"


def opened(client, address):
    page = client.get(address)
    assert page.status_code == 200, page.status_code
    return {"token": re.search(r'name="token" value="([^"]*)"', page.content.decode())[1]}


def test_a_preview_is_asked_by_a_worker_and_shown_beside_the_invoice(signed_in, invoice, wire):
    payload = changed(body("flexprice_invoice_get"), id="inv_preview")
    payload["line_items"][0]["amount"] = "61.50"
    wire.says(payload)
    address = signed_in.get(f"/invoices/{invoice.pk}/actions/preview/").url
    assert (
        address == ask_address(invoice, "preview", "subscription", subscription_of(invoice)) + f"?invoice={invoice.pk}"
    )
    versions = InvoiceVersion.objects.count()

    answer = signed_in.post(address, {**opened(signed_in, address), "period_start": "2026-08-01"})
    waiting = signed_in.get(answer.url)
    work()
    html = signed_in.get(answer.url, headers={"HX-Request": "true", "HX-Target": "answer"}).content.decode()

    assert wire.calls == [
        (
            "POST",
            "/invoices/preview",
            {},
            [],
            {"subscription_id": subscription_of(invoice), "period_start": "2026-08-01T00:00:00Z"},
        )
    ]
    assert 'hx-trigger="every 1s"' in waiting.content.decode() and "hx-trigger" not in html
    assert "FlexPrice answered" in html and "61.50" in html and "differs" in html
    assert (
        Invoice.objects.count() == 1 and InvoiceVersion.objects.count() == versions and not Operation.objects.exists()
    )
    assert AuditEntry.objects.get(action="preview.asked").facts["arguments"] == {"period_start": "2026-08-01"}
    kept = AuditEntry.objects.get(action="preview.answered").facts
    assert kept["request"]["body"]["period_start"] == "2026-08-01T00:00:00Z" and kept["status"] == 200
    assert "61.50" in kept["response"] and len(kept["response_sha256"]) == 64


def test_the_same_form_twice_is_one_question(signed_in, invoice, wire):
    wire.says(body("flexprice_invoice_get"))
    address = ask_address(invoice, "preview", "subscription", subscription_of(invoice))
    form = opened(signed_in, address)

    first = signed_in.post(address, form)
    work()
    second = signed_in.post(address, form)
    work()

    assert first.url == second.url and len(wire.calls) == 1


def test_a_forms_token_serves_its_own_question_alone(signed_in, invoice, wire):
    wire.says(body("flexprice_invoice_get"))
    address = ask_address(invoice, "preview", "subscription", subscription_of(invoice))
    form = opened(signed_in, address)
    signed_in.post(address, form)

    other = ask_address(invoice, "usage_breakdown", "invoice", invoice.external_id)
    answer = signed_in.post(other, {**form, "group_by": "source"})

    assert answer.status_code == 422 and "used for something else already" in answer.content.decode()
    assert Job.objects.count() == 1


def test_what_was_typed_wrong_is_told_at_its_field_and_kept(signed_in, invoice, wire):
    address = ask_address(invoice, "preview", "subscription", subscription_of(invoice))
    given = {"period_start": "2026-08-01", "period_end": "2026-07-01", "reason": "Month end"}

    answer = signed_in.post(address, {**opened(signed_in, address), **given})

    html = answer.content.decode()
    assert answer.status_code == 422 and "cannot end before it begins" in html
    assert 'value="2026-07-01"' in html and "Month end</textarea>" in html
    assert not Job.objects.exists()


def test_the_summary_says_what_it_announces_and_asks_why(signed_in, invoice, wire):
    address = ask_address(invoice, "customer_summary", "customer", invoice.customer.external_id)
    page = read(signed_in.get(address))
    assert "announces overdue" in page.one("button", id="do-it").text
    form = opened(signed_in, address)

    refused = signed_in.post(address, form)
    assert refused.status_code == 422 and "Say why." in refused.content.decode() and not Job.objects.exists()

    summary = body("flexprice_customer_invoice_summary")
    wire.says({**summary, "customer_id": invoice.customer.external_id})
    answer = signed_in.post(address, {**form, "reason": "Asked for by the controller"})
    work()
    said = text_of(signed_in.get(answer.url).content.decode())
    assert "Usd total unpaid amount" in said or "total unpaid amount" in said.lower()
    assert AuditEntry.objects.get(action="customer_summary.asked").reason == "Asked for by the controller"


def test_a_summary_whose_worker_died_is_not_asked_for_again(signed_in, invoice, wire):
    address = ask_address(invoice, "customer_summary", "customer", invoice.customer.external_id)
    answer = signed_in.post(address, {**opened(signed_in, address), "reason": "Month end"})
    Job.objects.update(attempts=1)

    work()

    assert wire.calls == []
    assert "The worker ended while it was asking" in signed_in.get(answer.url).content.decode()


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (KeyRefused("FlexPrice does not accept the key for this.", status=403), "give it the role it lacks"),
        (RateLimited("Too many calls.", status=429, retry_after=5), None),
    ],
)
def test_an_error_is_told_with_its_remedy_and_a_crowd_is_waited_out(signed_in, invoice, wire, error, remedy):
    wire.fails(error)
    address = ask_address(invoice, "preview", "subscription", subscription_of(invoice))
    answer = signed_in.post(address, opened(signed_in, address))

    work()

    html = signed_in.get(answer.url).content.decode()
    if remedy:
        assert "There is no answer" in html and remedy in html and str(error) in html
    else:
        assert "is being asked" in html and Job.objects.get().state == "queued"


def test_an_answer_is_gone_after_its_hour_and_says_so(signed_in, invoice, wire):
    wire.says(body("flexprice_invoice_get"))
    address = ask_address(invoice, "preview", "subscription", subscription_of(invoice))
    answer = signed_in.post(address, opened(signed_in, address))
    work()

    cache.clear()

    assert "The answer is no longer kept" in signed_in.get(answer.url).content.decode()


def test_the_usage_breakdown_starts_from_the_invoice_and_stays_out_of_the_mirror(signed_in, invoice, wire):
    payload = body("flexprice_invoice_get")
    payload["line_items"][0]["usage_breakdown"] = [
        {"cost": "12.34", "usage": "7.00", "grouped_by": {"source": "api <b>"}}
    ]
    wire.says(payload)
    address = signed_in.get(f"/invoices/{invoice.pk}/actions/usage_breakdown/").url

    wrong = signed_in.post(address, {**opened(signed_in, address), "group_by": "colour"})
    assert wrong.status_code == 422 and "is none of source" in wrong.content.decode()
    answer = signed_in.post(address, {**opened(signed_in, address), "group_by": "source, properties.region"})
    work()
    html = signed_in.get(answer.url).content.decode()

    assert wire.calls[0][3][:2] == [("group_by", "source"), ("group_by", "properties.region")]
    assert "source: api &lt;b&gt;" in html and "12.34" in html
    invoice.refresh_from_db()
    assert invoice.version == 1


def test_a_start_page_lists_what_can_be_started_and_why_the_rest_cannot(signed_in, invoice, connection_to):
    page = signed_in.get(f"/start/{invoice.connection_id}/customer/{invoice.customer.external_id}/").content.decode()
    assert f"/ask/{invoice.connection_id}/customer/create_invoice/{invoice.customer.external_id}/" in page
    assert (
        "Ask for summary" in page and f"/start/{invoice.connection_id}/subscription/{subscription_of(invoice)}/" in page
    )

    bill = mirrored(connection_to("cockroachdb"), body("cockroachdb_invoice"))
    said = text_of(signed_in.get(f"/start/{bill.connection_id}/customer/{bill.customer.external_id}/").content.decode())
    assert "Nothing can be started from here now" in said and "One-off invoice" in said
    assert signed_in.get(f"/start/{bill.connection_id}/customer/nobody/").status_code == 404
    assert signed_in.get(f"/start/{bill.connection_id}/planet/x/").status_code == 404


def test_a_one_off_is_asked_for_from_the_customer_alone(signed_in, connection_to):
    issued = mirrored(connection_to("orb"), body("orb_invoice_issued"))
    address = ask_address(issued, "create_invoice", "customer", issued.customer.external_id)
    html = signed_in.get(address).content.decode()
    assert f"One-off invoice for {issued.customer}" in text_of(html)
    given = {"currency": "USD", "lines": "Setup | 2 | 50,5", "item_id": "item1", "invoice_date": "2026-12-01"}
    form = {**opened(signed_in, address), "reason": "Agreed"}

    wrong = signed_in.post(address, {**form, **given})
    assert wrong.status_code == 422 and "without thousands separators" in wrong.content.decode()
    assert "Setup | 2 | 50,5" in wrong.content.decode()
    strange = signed_in.post(address, {**form, **given, "lines": "Setup | 2 | 50.5", "currency": "XQX"})
    assert strange.status_code == 422 and "ISO 4217" in strange.content.decode()
    made = signed_in.post(address, {**form, **given, "lines": "Setup | 2 | 50.5"})

    operation = Operation.objects.get()
    assert made.url == f"/operations/{operation.pk}/" and operation.invoice is None


def test_who_may_not_ask_is_told_and_strangers_see_no_answer(client, person, signed_in, invoice, wire):
    wire.says(body("flexprice_invoice_get"))
    address = ask_address(invoice, "preview", "subscription", subscription_of(invoice))
    answer = signed_in.post(address, opened(signed_in, address))
    work()
    client.force_login(person("viewer"))

    forbidden = client.get(address)
    assert forbidden.status_code == 403 and "You may not ask this" in forbidden.content.decode()
    assert client.post(address, {"token": "0" * 32}).status_code == 403
    assert client.get(answer.url).status_code == 404


def test_on_a_dry_run_what_has_an_effect_is_not_asked(signed_in, invoice, operator, person):
    from invoicing.models import Brake
    from invoicing.operations import brakes

    Brake.objects.create(kind="dry_run", reason="Training", set_by=operator, set_at="2026-11-01T00:00:00Z")
    assert brakes.dry_run()
    address = ask_address(invoice, "customer_summary", "customer", invoice.customer.external_id)

    assert "dry run" in signed_in.get(address).content.decode()
