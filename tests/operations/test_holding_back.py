"""What holds sending back: a verb switched off, a dry run, a database that is older than what was sent."""

import pytest
from django.core.management import call_command

from invoicing.access import rights
from invoicing.auditing.verifying import verify
from invoicing.models import Attempt, AuditEntry, Brake, Job, Operation
from invoicing.operations import brakes, gate, sending
from invoicing.operations.registry import availability
from invoicing.operations.requesting import CannotRequest
from invoicing.operations.tasks import reconcile
from tests.behind import behind_the_triggers
from tests.operations.test_drafts import LINE, draft_of, refused
from tests.operations.test_verbs import flexprice, metronome, orb

pytestmark = pytest.mark.django_db(transaction=True)
STOP, DRY_RUN = Brake.Kind.STOP, Brake.Kind.DRY_RUN


# ---- a verb at a provider


def test_a_verb_switched_off_is_refused_everywhere_with_the_reason_and_others_are_not(desk):
    issued, final = desk.pick("orb", orb("issued")), desk.pick("flexprice", flexprice("FINALIZED"))
    brakes.put_on(STOP, by=desk.operator, reason="Orb is being migrated", provider="orb", verb="void")

    assert "Orb is being migrated" in refused(desk, "void", issued)
    menu = {each.verb.key: each.refusal for each in availability(issued)}
    assert "Orb is being migrated" in menu["void"] and menu["mark_paid"] == ""
    assert desk.done("void", final).state == "succeeded"


def test_what_was_asked_before_is_not_sent_after(desk, never_sent):
    invoice = desk.look_at("orb", orb("issued"))
    operation = desk.ask("void", invoice)
    brakes.put_on(STOP, by=desk.operator, reason="Stop everything")

    desk.settle(operation)

    assert operation.state == "refused" and "Stop everything" in operation.outcome["message"]
    never_sent(operation)


def test_what_may_be_out_is_read_back_and_not_sent_again(desk):
    invoice = desk.look_at("orb", orb("issued"))
    desk.fault("orb", "POST", "/invoices/*/void", "drop_before")
    operation = desk.ask("void", invoice)
    sending.dispatch(operation)
    assert operation.state == "unknown"
    brakes.put_on(STOP, by=desk.operator, reason="Stop everything")

    desk.settle(operation)

    assert (operation.state, operation.attempt) == ("not_done", 1)
    assert "It was not sent again: Switched off" in operation.outcome["message"]
    assert desk.effects(invoice) == []


def test_it_takes_one_to_switch_off_and_two_to_switch_on(desk, person):
    first, second = person("controller"), person("controller")
    brake = brakes.put_on(STOP, by=desk.operator, reason="Wait", provider="orb")
    with pytest.raises(brakes.CannotBrake, match="already"):
        brakes.put_on(STOP, by=first, reason="Wait", provider="orb")
    with pytest.raises(rights.NotAllowed):
        brakes.lift(brake, by=desk.operator, reason="Go on")

    for _ in range(2):
        assert brakes.lift(brake, by=first, reason="Go on") is rights.Agreement.ASKED
        assert brakes.stopped("orb", "void")
    assert brakes.lift(brake, by=second, reason="Yes") is rights.Agreement.AGREED

    assert not brakes.stopped("orb", "void")
    assert [entry.action for entry in AuditEntry.objects.order_by("sequence")] == [
        "brake.put_on", "brake.lift_asked", "brake.lift_asked", "brake.lifted"]  # fmt: skip


def test_where_nobody_else_may_one_is_enough_and_that_is_on_record(desk, person):
    brake = brakes.put_on(STOP, by=desk.operator, reason="Wait")
    assert brakes.lift(brake, by=person("controller"), reason="Go on") is rights.Agreement.SOLO
    assert AuditEntry.objects.last().facts["agreement"] == "solo"


def test_a_viewer_switches_nothing(desk, person):
    with pytest.raises(rights.NotAllowed):
        brakes.put_on(STOP, by=person("viewer"), reason="Because")
    with pytest.raises(brakes.CannotBrake, match="Say why"):
        brakes.put_on(STOP, by=desk.operator, reason=" ")


# ---- a dry run


@pytest.mark.parametrize(
    ("verb", "name", "wanted", "arguments", "says"),
    [
        ("void", "orb", orb("issued"), {}, "POST /invoices/{id}/void"),
        ("void", "flexprice", flexprice("FINALIZED"), {}, "invoice_desk_operation"),
        ("add_line", "orb", draft_of("subscription"), LINE, '"amount": "120.50"'),
        ("void_and_replace", "metronome", metronome("FINALIZED"), {}, "in steps: Void, then Regenerate invoice"),
    ],
)
def test_on_a_dry_run_it_is_asked_checked_and_shown_and_nothing_is_sent(
    desk, never_sent, verb, name, wanted, arguments, says
):
    invoice = desk.look_at(name, wanted)
    before = desk.effects(invoice)
    brakes.put_on(DRY_RUN, by=desk.operator, reason="Training day")

    operation = desk.done(verb, invoice, **arguments)

    assert operation.state == "refused"
    message = operation.outcome["message"]
    assert message.startswith("Dry run.") and says.replace("{id}", invoice.external_id) in message
    assert "Nothing was sent." in message and not operation.steps.exists()
    never_sent(operation)
    assert desk.effects(invoice) == before


# ---- an older database


def test_an_older_database_sends_nothing_reads_everything_back_and_goes_on_when_told(desk, person, monkeypatch):
    """Two operations were asked for; then a backup was taken; then both were sent. The backup does not know of it."""
    invoices = [desk.pick("orb", orb("issued")), desk.pick("flexprice", flexprice("FINALIZED"))]
    operations = [desk.ask("void", invoice) for invoice in invoices]
    fresh = desk.pick("orb", orb("issued"))
    with backup() as restore:
        for operation in operations:
            assert desk.settle(operation).state == "succeeded"
        restore()
    for operation in operations:
        operation.refresh_from_db()
        assert operation.state == "approved" and operation.attempt == 0

    reconcile()

    [brake] = brakes.active()
    assert brake.kind == "restored" and "older than what was sent" in brake.reason
    for operation, invoice in zip(operations, invoices, strict=True):
        desk.settle(operation)
        assert (operation.state, operation.settled_by) == ("succeeded", "read_back")
        assert len(desk.effects(invoice, "void")) == 1 and not operation.attempts.exists()
    waiting = desk.ask("void", fresh)
    with pytest.raises(sending.NotNow):
        sending.dispatch(waiting)
    assert reconcile()["sent"] == 0 and desk.effects(fresh) == []

    brakes.lift(brake, by=person("controller"), reason="Everything was read back")
    assert desk.settle(waiting).state == "succeeded"
    assert verify().broken_at is None


def test_what_the_restored_database_holds_and_was_never_sent_may_go_out_after_all(desk, person):
    sent, unsent = desk.pick("orb", orb("issued")), desk.pick("orb", orb("issued"))
    first, second = desk.ask("void", sent), desk.ask("void", unsent)
    with backup() as restore:
        sending.dispatch(first)
        restore()
    reconcile()
    brakes.lift(brakes.active()[0], by=person("controller"), reason="Looked through")

    for operation in (first, second):
        assert desk.settle(operation).state == "succeeded"
    assert len(desk.effects(sent, "void")) == len(desk.effects(unsent, "void")) == 1


def test_the_mark_tells_of_a_tail_that_was_cut_off(desk):
    desk.done("void", desk.pick("orb", orb("issued")))
    assert verify().broken_at is None
    newest = AuditEntry.objects.last().sequence
    (gate.place()).write_text(f'{{"sequence": {newest + 3}, "hash": "{"0" * 64}"}}')
    assert verify().broken_at == newest + 1


def test_a_mark_that_cannot_be_read_vouches_for_nothing(desk):
    gate.place().write_text("{")
    operation = desk.ask("void", desk.look_at("orb", orb("issued")))
    with pytest.raises(sending.NotNow):
        sending.dispatch(operation)
    assert [brake.kind for brake in brakes.active()] == ["restored"]


def test_a_mark_that_cannot_be_written_means_not_sent(desk, never_sent, monkeypatch):
    invoice = desk.look_at("orb", orb("issued"))

    def full(**options):
        raise OSError("disk is full")

    monkeypatch.setattr(gate, "mark", full)
    operation = desk.settle(desk.ask("void", invoice), seconds=0.5)

    assert operation.state == "approved" and "mark" in operation.outcome["message"]
    never_sent(operation)


class backup:
    """The ledger and the trail as they are, put back by `restore()`: what a person does with last night's backup."""

    def __enter__(self):
        self.kept = [(model, list(model.objects.all())) for model in (AuditEntry, Operation)]
        return self.restore

    def __exit__(self, *error):
        return False

    def restore(self):
        with behind_the_triggers("invoicing_auditentry") as cursor:
            cursor.execute("DELETE FROM invoicing_auditentry")
        with behind_the_triggers("invoicing_attempt"):
            for model in (Attempt, Job, Operation):
                model.objects.all().delete()
        for model, rows in self.kept:
            model.objects.bulk_create(rows)


# ---- the command


def test_the_command_switches_off_lists_and_lifts(desk, person, capsys):
    person("controller")
    call_command("switches", "off", "orb", "void", "--reason", "Migration")
    assert "orb" in capsys.readouterr().out
    with pytest.raises(CannotRequest):
        desk.ask("void", desk.pick("orb", orb("issued")))
    number = str(Brake.objects.get().pk)
    call_command("switches", "lift", number, "--reason", "Done")
    assert "Nothing holds sending back." in capsys.readouterr().out
