"""Incidents on pages: what was found, that the invoice rests, and closing it with a reason."""

import pytest
from django.utils import timezone

from invoicing.models import AuditEntry, Incident
from tests.web.mirrored import HOSTILE, body, mirrored
from tests.web.pages import read
from tests.web.test_invoice import text_of


@pytest.fixture
def invoice(connection_to):
    return mirrored(connection_to("orb"), body("orb_invoice_issued"))


@pytest.fixture
def incident(invoice):
    return Incident.objects.create(
        kind="foreign", connection=invoice.connection, invoice=invoice, mark="end:1:2", seen_at=timezone.now(),
        text=f"Orb shows it as void, and nobody here asked for that. {HOSTILE}",
    )  # fmt: skip


def test_the_invoice_says_that_it_rests_and_leads_to_why(client, operator, invoice, incident):
    client.force_login(operator)

    notice = read(client.get(f"/invoices/{invoice.pk}/")).one("p", id="held")
    refused = client.get(f"/invoices/{invoice.pk}/actions/void/").content.decode()

    assert "Held for review." in notice.text and notice.one("a").attributes["href"] == f"/incidents/{incident.pk}/"
    assert "is not possible now" in refused and f'href="/incidents/{incident.pk}/"' in refused
    assert "<script>alert" not in refused


def test_a_controller_closes_it_with_what_it_was_and_the_invoice_goes_on(client, person, invoice, incident):
    client.force_login(person("controller"))
    address = f"/incidents/{incident.pk}/"
    assert "Ask in the provider's own log" in client.get(address).content.decode().replace("&#x27;", "'")

    empty = client.post(address, {"reason": "  "})
    assert empty.status_code == 422 and "Say what it was." in empty.content.decode()
    client.post(address, {"reason": "A colleague did it in Orb"})

    incident.refresh_from_db()
    assert incident.closed_because == "A colleague did it in Orb"
    assert AuditEntry.objects.get(action="incident.closed").reason == "A colleague did it in Orb"
    assert 'id="held"' not in client.get(f"/invoices/{invoice.pk}/").content.decode()
    assert "A colleague did it in Orb" in client.get("/incidents/?closed").content.decode()
    assert "every change that a provider shows is explained" in client.get("/incidents/").content.decode()
    again = client.post(address, {"reason": "Once more"})
    assert again.status_code == 422 and "closed already" in again.content.decode()


def test_who_may_not_close_reads_it_and_its_place_shows_how_many_are_open(client, operator, incident):
    client.force_login(operator)

    page = client.get(f"/incidents/{incident.pk}/").content.decode()
    assert 'id="do-it"' not in page and "needs a role" in page
    assert client.post(f"/incidents/{incident.pk}/", {"reason": "Fine"}).status_code == 403
    incident.refresh_from_db()
    assert incident.closed_at is None
    place = next(
        each for each in read(client.get("/incidents/")).all("a", href="/incidents/") if "waiting" in each.text
    )
    assert "1 waiting" in place.text


def test_a_missing_replacement_waits_on_the_operations_page(client, operator, invoice):
    from invoicing.models import Operation

    Operation.objects.create(
        connection=invoice.connection, invoice=invoice, external_id=invoice.external_id, verb="void_and_replace",
        call_class="K", seen={}, seen_digest="", token="t", key="k", requester=operator, reason="Wrong rates",
        state="needs_person", created_at=timezone.now(), outcome={"stage": "voided, replacement missing"},
    )  # fmt: skip
    client.force_login(operator)

    said = text_of(client.get("/operations/").content.decode())

    assert "Voided, replacement missing 1" in said and "Go on, or let it be" in said
