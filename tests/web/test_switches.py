"""Kill switches and the dry run on their page: one person sets, two lift, and every page says that nothing is sent."""

import pytest

from invoicing.models import AuditEntry, Brake, Operation
from tests.web.mirrored import body, mirrored
from tests.web.pages import read
from tests.web.test_invoice import text_of


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def issued(connection_to):
    return mirrored(connection_to("orb"), body("orb_invoice_issued"))


def test_one_person_switches_a_verb_off_and_its_pages_say_who_and_why(signed_in, operator, issued):
    answer = signed_in.post(
        "/switches/off/", {"provider": "orb", "verb": "void", "reason": "Orb voids the wrong ones"}, follow=True
    )

    assert "Void at Orb is switched off" in text_of(answer.content.decode())
    refused = text_of(signed_in.get(f"/invoices/{issued.pk}/actions/void/").content.decode())
    assert f"Switched off by {operator}: Orb voids the wrong ones" in refused
    assert AuditEntry.objects.get(action="brake.put_on").reason == "Orb voids the wrong ones"
    again = signed_in.post("/switches/off/", {"provider": "orb", "verb": "void", "reason": "Again"})
    assert again.status_code == 422 and "switched off already" in again.content.decode()


def test_what_is_missing_or_senseless_is_told_at_its_field(signed_in):
    empty = signed_in.post("/switches/off/", {"provider": "orb", "verb": "void", "reason": ""})
    assert empty.status_code == 422 and "Say why." in empty.content.decode()
    assert 'value="void" selected' in empty.content.decode()
    senseless = signed_in.post("/switches/off/", {"provider": "cockroachdb", "verb": "void", "reason": "Why not"})
    assert "There is nothing to switch off here" in senseless.content.decode()
    assert signed_in.post("/switches/off/", {"provider": "nobody", "reason": "x"}).status_code == 422
    assert not Brake.objects.exists()


def test_a_dry_run_is_said_on_every_page_and_before_the_button(signed_in, issued):
    signed_in.post("/switches/dry-run/", {"reason": "Training day"})

    for address in ("/receivables/", f"/invoices/{issued.pk}/", "/operations/", "/switches/"):
        banner = read(signed_in.get(address)).one("p", class_="banner")
        assert "Dry run." in banner.text and "Training day" in banner.text
    page = text_of(signed_in.get(f"/invoices/{issued.pk}/actions/void/").content.decode())
    assert page.index("What you ask for is checked and shown, and nothing is sent") < page.index("Say why")


def test_two_lift_it_and_the_second_sees_what_the_first_said(client, person, operator):
    brake = Brake.objects.create(kind="dry_run", reason="Training", set_by=operator, set_at="2026-11-01T00:00:00Z")
    first, second = person("controller"), person("controller")
    address = f"/switches/{brake.pk}/lift/"
    client.force_login(first)
    assert client.post(address, {"reason": ""}).status_code == 422
    asked = text_of(client.post(address, {"reason": "Training is over"}, follow=True).content.decode())
    assert "Somebody else has to agree" in asked and "You asked to lift it: Training is over" in asked

    client.force_login(second)
    said = text_of(client.get("/switches/").content.decode())
    assert f"{first} asks to lift it: Training is over" in said and "Agree to lift it" in said
    client.post(address, {"reason": "Yes"})

    brake.refresh_from_db()
    assert (brake.lift_asked_by, brake.lifted_by) == (first, second)
    assert not read(client.get("/switches/")).all("p", class_="banner")


def test_one_alone_lifts_it_by_one_word_and_is_told_so(client, person, operator):
    brake = Brake.objects.create(kind="stop", verb="void", reason="Odd", set_by=operator, set_at="2026-11-01T00:00:00Z")
    client.force_login(person("controller"))
    assert "your word alone counts" in client.get("/switches/").content.decode()

    client.post(f"/switches/{brake.pk}/lift/", {"reason": "Orb explained it"})

    brake.refresh_from_db()
    assert brake.lifted_at and AuditEntry.objects.get(action="brake.lifted").facts["agreement"] == "solo"


def test_who_may_not_gets_no_forms_and_changes_nothing(client, person, operator):
    brake = Brake.objects.create(kind="stop", verb="void", reason="Odd", set_by=operator, set_at="2026-11-01T00:00:00Z")
    client.force_login(person("viewer"))

    page = client.get("/switches/").content.decode()
    assert 'id="switch-off"' not in page and "Lifting needs a role" in page
    assert client.post("/switches/off/", {"provider": "orb", "verb": "void", "reason": "x"}).status_code == 403
    assert client.post(f"/switches/{brake.pk}/lift/", {"reason": "x"}).status_code == 403
    brake.refresh_from_db()
    assert brake.lifted_at is None and Brake.objects.count() == 1 and not Operation.objects.exists()
