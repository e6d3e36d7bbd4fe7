"""What no read-back settles, people do; and what no operation explains, people look at."""

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from invoicing.access import rights
from invoicing.access.rights import Agreement
from invoicing.mirror.refresh import refresh_invoice
from invoicing.models import AuditEntry, Incident, Operation
from invoicing.operations import incidents, resolving, steps
from invoicing.operations.registry import availability
from invoicing.operations.requesting import CannotRequest
from invoicing.operations.tasks import reconcile
from tests.operations.test_verbs import flexprice, metronome, orb

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stuck(desk):
    """An announcement whose answer was lost: nobody can tell whether it went out."""
    invoice = desk.pick("flexprice", flexprice("FINALIZED"))
    desk.fault("flexprice", "POST", "/invoices/*/comms/trigger", "drop_after")
    operation = desk.settle(desk.ask("trigger_communication", invoice), until="needs_person")
    assert operation.state == "needs_person"
    return operation


# ---- by hand


@pytest.mark.parametrize(("applied", "state"), [(True, "succeeded"), (False, "not_done")])
def test_two_people_settle_what_needs_one_and_both_are_on_record(stuck, person, applied, state):
    first, second = person("controller"), person("controller")

    for _ in range(2):
        found = resolving.resolve(stuck, applied=applied, by=first, reason="The event log shows it")
        assert (found, stuck.state) == (Agreement.ASKED, "needs_person")
    assert stuck.outcome["proposal"]["name"] == str(first)
    assert resolving.resolve(stuck, applied=applied, by=second, reason="I see the same") is Agreement.AGREED

    assert (stuck.state, stuck.settled_by, stuck.outcome["message"]) == (state, "person", "I see the same")
    entry = AuditEntry.objects.last()
    assert (entry.action, entry.actor, entry.facts["proposed_by"]) == (
        "trigger_communication.resolved",
        second,
        first.pk,
    )


def test_two_who_do_not_say_the_same_have_not_agreed(stuck, person):
    first, second = person("controller"), person("controller")
    resolving.resolve(stuck, applied=True, by=first, reason="It is there")
    assert resolving.resolve(stuck, applied=False, by=second, reason="It is not") is Agreement.ASKED
    assert stuck.state == "needs_person"


def test_where_nobody_else_may_one_is_enough_with_a_reason(stuck, person):
    alone = person("controller")
    with pytest.raises(resolving.CannotResolve, match="Say what you saw"):
        resolving.resolve(stuck, applied=True, by=alone, reason="")
    assert resolving.resolve(stuck, applied=True, by=alone, reason="The customer called") is Agreement.SOLO
    assert stuck.state == "succeeded" and AuditEntry.objects.last().facts["agreement"] == "solo"
    with pytest.raises(resolving.CannotResolve):
        resolving.resolve(stuck, applied=False, by=alone, reason="Second thoughts")


def test_who_may_not_settle_and_what_needs_no_person_stay_as_they_are(desk, stuck, person):
    with pytest.raises(rights.NotAllowed, match="controller"):
        resolving.resolve(stuck, applied=True, by=desk.operator, reason="I am sure")
    ended = desk.done("void", desk.pick("orb", orb("issued")))
    with pytest.raises(resolving.CannotResolve):
        resolving.resolve(ended, applied=False, by=person("controller"), reason="No")


def test_a_missing_replacement_can_be_let_be(desk, person):
    invoice = desk.pick("metronome", metronome("FINALIZED"))
    body = {"message": "Not now."}
    desk.fault("metronome", "POST", "/v1/invoices/regenerate", "status", status=400, body=body)
    whole = desk.settle(desk.ask("void_and_replace", invoice), until="needs_person")
    assert whole.state == "needs_person"

    resolving.resolve(whole, applied=False, by=person("controller"), reason="Credited by hand instead")

    assert (whole.state, whole.settled_by) == ("not_done", "person")
    assert not steps.replacements_missing().exists()


def test_a_step_settled_by_hand_lets_the_whole_go_on(desk, person, monkeypatch):
    invoice = desk.pick("metronome", metronome("FINALIZED"))
    desk.fault("metronome", "POST", "/v1/invoices/regenerate", "status", status=409, body={"message": "Running"})
    whole = desk.ask("void_and_replace", invoice)
    while not whole.steps.filter(verb="regenerate_invoice", state="unknown").exists():
        reconcile()
    step = whole.steps.get(verb="regenerate_invoice")
    Operation.objects.filter(pk=step.pk).update(state="needs_person", next_look_at=None)
    steps.go_on(whole)
    assert whole.state == "needs_person"

    resolving.resolve(step, applied=False, by=person("controller"), reason="Metronome's support says no")
    whole.refresh_from_db()
    assert (whole.state, whole.outcome["stage"]) == ("needs_person", "voided, replacement missing")


def test_the_command_settles_and_says_who_is_still_needed(stuck, person, capsys):
    people = [person("controller", email=f"{name}@desk.example") for name in ("ada", "bob")]
    call_command("resolve", str(stuck.pk), "absent", "--reason", "Not in the log", "--as", people[0].email)
    assert "somebody else has to say the same" in capsys.readouterr().out
    call_command("resolve", str(stuck.pk), "absent", "--reason", "Indeed", "--as", people[1].email)
    assert "not_done" in capsys.readouterr().out
    with pytest.raises(CommandError, match="Only what needs a person"):
        call_command("resolve", str(stuck.pk), "absent", "--reason", "Again", "--as", people[0].email)


# ---- ghosts


def seen_by_sync(invoice):
    refresh_invoice(invoice)
    invoice.refresh_from_db()


def test_a_void_that_nobody_here_asked_for_is_an_incident_and_the_invoice_rests(desk, person):
    invoice = desk.pick("metronome", metronome("FINALIZED"))
    reconcile()
    desk.sandbox.act("metronome", "void_at_provider", invoice.external_id)
    seen_by_sync(invoice)

    for _ in range(2):
        reconcile()

    incident = Incident.objects.get()
    assert (incident.kind, incident.invoice, incident.operation) == ("foreign", invoice, None)
    with pytest.raises(CannotRequest, match="Held for review: Metronome shows it as VOID"):
        desk.ask("regenerate_invoice", invoice)
    assert all(each.refusal for each in availability(invoice))

    with pytest.raises(rights.NotAllowed):
        incidents.close(incident, by=desk.operator, reason="Fine")
    incidents.close(incident, by=person("controller"), reason="A colleague did it in Metronome")
    reconcile()
    assert desk.done("regenerate_invoice", invoice).state == "succeeded"
    assert Incident.objects.count() == 1


def test_an_effect_that_comes_after_it_was_called_absent_is_a_late_one(desk):
    invoice = desk.pick("flexprice", flexprice("FINALIZED"))
    reconcile()
    desk.fault("flexprice", "POST", "/invoices/*/void", "drop_before", times=None)
    operation = desk.settle(desk.ask("void", invoice), seconds=20)
    assert operation.state == "not_done"
    desk.sandbox.act("flexprice", "void_at_provider", invoice.external_id)
    seen_by_sync(invoice)

    reconcile()

    incident = Incident.objects.get()
    assert (incident.kind, incident.operation) == ("late", operation)
    operation.refresh_from_db()
    assert operation.state == "not_done"  # what ended does not move; the contradiction stands beside it


def test_our_own_voids_and_what_was_there_before_are_no_incidents(desk):
    ours, theirs = desk.pick("flexprice", flexprice("FINALIZED")), desk.pick("flexprice", flexprice("FINALIZED"))
    desk.sandbox.act("flexprice", "void_at_provider", theirs.external_id)
    seen_by_sync(theirs)
    reconcile()  # the desk begins to watch

    desk.done("void", ours)
    reconcile()

    assert not Incident.objects.exists()


def test_two_replacements_are_an_incident_and_no_success(desk):
    invoice = desk.pick("metronome", metronome("FINALIZED"))
    desk.done("void", invoice)
    invoice.refresh_from_db()
    other = desk.pick("metronome", metronome("FINALIZED"))
    body = {"message": "Running"}
    desk.fault("metronome", "POST", "/v1/invoices/regenerate", "status", status=409, body=body)
    operation = desk.ask("regenerate_invoice", invoice)
    from invoicing.models import Invoice

    desk.settle(operation, until="unknown")
    assert operation.state == "unknown"
    desk.sandbox.act("metronome", "regenerate_at_provider", invoice.external_id)
    Invoice.objects.filter(pk=other.pk).update(replaces=invoice.external_id)
    Operation.objects.filter(pk=operation.pk).update(next_look_at=timezone.now())

    reconcile()

    operation.refresh_from_db()
    assert operation.open and operation.evidence[-1]["saw"].startswith("2 invoices say they replace it")
    assert Incident.objects.get().kind == "double"
