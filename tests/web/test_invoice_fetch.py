"""Reading an invoice that is not mirrored yet, by its id."""

import pytest

from invoicing.models import Job
from tests.factories import make_invoice
from tests.web.test_invoice import text_of


def ask(client, **given):
    return client.post("/invoices/fetch/", {"connection": "orb", "external_id": "in_new", **given})


def test_it_is_one_job_whose_end_is_told(browser, orb, operator):
    answer = ask(browser)
    ask(browser)

    job = Job.objects.get()
    assert job.arguments == {"connection_id": orb.pk, "external_id": "in_new", "customer_id": ""}
    assert job.requested_by == operator and answer.status_code == 302
    assert "waits for a worker" in text_of(browser.get(answer.url).content.decode())

    Job.objects.update(state="failed", error="invoicing.providers.errors.Missing: Orb has no such record.")
    assert "Orb says that it has no such invoice" in text_of(browser.get(answer.url).content.decode())

    made = make_invoice(orb, external_id="in_new")
    assert browser.get(answer.url).url == f"/invoices/{made.pk}/"


def test_what_is_mirrored_is_not_asked_for(browser, orb):
    known = make_invoice(orb, external_id="in_new")

    assert ask(browser).url == f"/invoices/{known.pk}/" and not Job.objects.exists()


@pytest.mark.parametrize("given", [{"connection": "nobody"}, {"external_id": " "}, {"external_id": "x" * 256}])
def test_what_is_missing_is_said_at_its_field(browser, orb, given):
    answer = ask(browser, **given)

    assert answer.status_code == 422 and "wrong-text" in answer.content.decode()
    assert not Job.objects.exists()


def test_metronome_asks_for_the_customer_too(browser, connection_to):
    connection_to("metronome")

    assert "by its customer" in text_of(ask(browser, connection="metronome").content.decode())
    assert ask(browser, connection="metronome", customer_id="c").status_code == 302
    assert Job.objects.get().arguments["customer_id"] == "c"


def test_it_needs_its_right(client, person, orb):
    client.force_login(person("viewer"))

    assert ask(client).status_code == 403 and client.get("/invoices/fetch/").status_code == 403
    assert not Job.objects.exists()
