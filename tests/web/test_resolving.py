"""Settling by hand: the second person sees what the first one proposed, and one alone is told that it counts alone."""

import uuid

import pytest
from django.utils import timezone

from invoicing.models import AuditEntry, Job, Operation
from invoicing.operations.requesting import Wish, request_operation
from tests.web.mirrored import body, mirrored
from tests.web.pages import read
from tests.web.test_invoice import text_of

SAW = {"reason": "The event log has it", "evidence": "TICKET-9"}


@pytest.fixture
def stuck(connection_to, operator):
    connection = connection_to("flexprice")
    invoice = mirrored(connection, body("flexprice_invoice_get"))
    wish = Wish(verb="trigger_communication", invoice=invoice, by=operator, reason="Reminder", token=uuid.uuid4().hex)
    operation = request_operation(wish)
    Operation.objects.filter(pk=operation.pk).update(state="needs_person", attempt=1, not_before=None)
    operation.refresh_from_db()
    return operation


@pytest.fixture
def half(connection_to, operator):
    """Voided at Metronome, and the second step refused."""
    connection = connection_to("metronome")
    invoice = mirrored(connection, body("metronome_invoice_draft"))
    now = timezone.now()
    whole = Operation.objects.create(
        connection=connection, invoice=invoice, external_id=invoice.external_id, verb="void_and_replace",
        call_class="K", seen={}, seen_digest="", token="t", key="k", requester=operator, reason="Wrong rates",
        state="needs_person", created_at=now, outcome={"stage": "voided, replacement missing", "message": "Not now."},
    )  # fmt: skip
    Operation.objects.create(
        parent=whole, connection=connection, invoice=invoice, external_id=invoice.external_id, verb="void",
        call_class="K", seen={}, seen_digest="", token="t-1", key="k1", requester=operator, reason="Wrong rates",
        state="succeeded", created_at=now, finished_at=now,
    )  # fmt: skip
    return whole


def page_of(client, who, operation):
    client.force_login(who)
    answer = client.get(f"/operations/{operation.pk}/settle/")
    assert answer.status_code == 200
    return answer


def test_one_proposes_and_another_sees_it_and_agrees(client, person, stuck):
    first, second = person("controller"), person("controller")
    address = f"/operations/{stuck.pk}/settle/"
    assert "Two people settle this" in text_of(page_of(client, first, stuck).content.decode())

    answer = client.post(address, {"what": "applied", **SAW}, follow=True)
    assert "Somebody else has to say the same" in answer.content.decode()
    assert "You proposed" in text_of(answer.content.decode())
    stuck.refresh_from_db()
    assert stuck.state == "needs_person"

    said = text_of(page_of(client, second, stuck).content.decode())
    assert f"{first} proposed: it happened" in said and "The event log has it" in said and "TICKET-9" in said
    page = read(page_of(client, second, stuck))
    assert "checked" in page.one("input", value="applied").attributes, "what is proposed is what is offered"
    done = client.post(address, {"what": "applied", "reason": "I see it too"}, follow=True)

    stuck.refresh_from_db()
    assert (stuck.state, stuck.settled_by) == ("succeeded", "person")
    said = text_of(done.content.decode())
    assert "Settled by hand" in said and "I see it too" in said and "Evidence: TICKET-9" in said


def test_the_other_answer_becomes_the_proposal_and_settles_nothing(client, person, stuck):
    first, second = person("controller"), person("controller")
    address = f"/operations/{stuck.pk}/settle/"
    client.force_login(first)
    client.post(address, {"what": "applied", **SAW})
    client.force_login(second)

    client.post(address, {"what": "absent", "reason": "It is not there"})

    stuck.refresh_from_db()
    assert stuck.state == "needs_person"
    assert (stuck.outcome["proposal"]["applied"], stuck.outcome["proposal"]["name"]) == (False, str(second))


def test_one_alone_is_told_so_before_and_it_is_on_record(client, person, stuck):
    alone = person("controller")
    said = text_of(page_of(client, alone, stuck).content.decode())
    assert "your word alone settles it" in said and "Settle it" in said

    client.post(f"/operations/{stuck.pk}/settle/", {"what": "absent", **SAW})

    stuck.refresh_from_db()
    assert stuck.state == "not_done"
    assert AuditEntry.objects.get(action="trigger_communication.resolved").facts["agreement"] == "solo"


def test_what_is_missing_is_told_at_its_field_and_what_was_typed_is_kept(client, person, stuck):
    client.force_login(person("controller"))
    address = f"/operations/{stuck.pk}/settle/"

    answer = client.post(address, {"reason": " ", "evidence": "TICKET-9"})

    html = answer.content.decode()
    assert answer.status_code == 422 and "Say which of these it is." in html and "Say what you saw." in html
    assert 'value="TICKET-9"' in html
    assert client.post(address, {"what": "resume", **SAW}).status_code == 422, "there is nothing to go on with"
    stuck.refresh_from_db()
    assert stuck.state == "needs_person" and "proposal" not in stuck.outcome


def test_who_may_not_and_what_needs_nobody_get_no_form(client, operator, person, stuck):
    said = page_of(client, operator, stuck).content.decode()
    assert "You may not settle this" in said and 'id="do-it"' not in said
    assert client.post(f"/operations/{stuck.pk}/settle/", {"what": "applied", **SAW}).status_code == 403
    Operation.objects.filter(pk=stuck.pk).update(state="unknown")
    assert "Nothing to settle by hand" in page_of(client, person("controller"), stuck).content.decode()


def test_a_missing_replacement_is_gone_on_with_or_let_be(client, operator, person, half):
    said = text_of(page_of(client, operator, half).content.decode())
    assert "Voided, replacement missing" in said and "Go on: make the replacement" in said
    assert "Let it be" not in said, "an operator may go on, and not end it"

    client.post(f"/operations/{half.pk}/settle/", {"what": "resume", "reason": "Rates are right now"})

    half.refresh_from_db()
    step = half.steps.get(verb="regenerate_invoice")
    assert (half.state, step.state) == ("sending", "approved")
    assert Job.objects.filter(arguments__operation_id=str(step.pk)).exists()


def test_letting_it_be_ends_it_with_the_reason(client, person, half):
    client.force_login(person("controller"))

    client.post(f"/operations/{half.pk}/settle/", {"what": "absent", "reason": "Credited by hand"})

    half.refresh_from_db()
    assert (half.state, half.outcome["message"]) == ("not_done", "Credited by hand")


def test_the_operations_own_page_leads_there(client, person, stuck):
    client.force_login(person("controller"))
    page = read(client.get(f"/operations/{stuck.pk}/"))
    assert page.one("a", id="settle").attributes["href"] == f"/operations/{stuck.pk}/settle/"
