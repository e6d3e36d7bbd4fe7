"""Void and replace: one operation with two halves. Half of it is shown as half, and there is never a second replacement."""

import json

import pytest
from django.core.management import call_command

from invoicing.mirror.refresh import refresh_invoice
from invoicing.mirror.snapshots import snapshot_of
from invoicing.models import Invoice, Operation
from invoicing.operations import sending, steps
from invoicing.operations.registry import VERBS
from invoicing.operations.tasks import reconcile
from invoicing.operations.verb import Effect
from tests.operations.test_drafts import refused
from tests.operations.test_verbs import flexprice, metronome

pytestmark = pytest.mark.django_db(transaction=True)


def replaceable(raw):
    return flexprice("FINALIZED")(raw) and raw["invoice_type"] == "SUBSCRIPTION" and raw.get("period_start")


def regenerations(desk, invoice):
    return len(desk.effects(invoice, "regenerate"))


def replacements(desk, invoice):
    return sum(raw.get("metadata", {}).get("recalculated_from") == invoice.external_id
               for raw in map(json.loads, desk.sandbox.invoices("flexprice")) if raw.get("metadata"))  # fmt: skip


# ---- Metronome: two operations, one after the other


def test_metronomes_invoice_is_voided_then_regenerated_as_two_steps_of_one(desk):
    invoice = desk.pick("metronome", metronome("FINALIZED"))

    whole = desk.done("void_and_replace", invoice)

    assert whole.state == "succeeded" and not whole.attempts.exists()
    void, regenerate = whole.steps.order_by("created_at")
    assert [(step.verb, step.state, step.call_class, step.attempts.count()) for step in (void, regenerate)] == [
        ("void", "succeeded", "K", 1),
        ("regenerate_invoice", "succeeded", "K", 1),
    ]
    assert void.key != regenerate.key and whole.outcome["created"] == regenerate.outcome["created"]
    assert len(desk.effects(invoice, "void")) == regenerations(desk, invoice) == 1
    assert Invoice.objects.get(external_id=whole.outcome["created"]).replaces == invoice.external_id


@pytest.mark.parametrize("path", ["/v1/invoices/void", "/v1/invoices/regenerate"])
@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_a_lost_answer_in_either_step_makes_neither_twice(desk, path, kind):
    invoice = desk.pick("metronome", metronome("FINALIZED"))
    desk.fault("metronome", "POST", path, kind)

    whole = desk.done("void_and_replace", invoice)

    assert whole.state == "succeeded"
    assert len(desk.effects(invoice, "void")) == regenerations(desk, invoice) == 1


def test_what_cannot_be_voided_is_not_half_done(desk):
    invoice = desk.pick("metronome", metronome("FINALIZED"))
    body = {"message": "The invoice is locked."}
    desk.fault("metronome", "POST", "/v1/invoices/void", "status", status=400, body=body)

    whole = desk.done("void_and_replace", invoice)

    assert whole.state == "refused" and "locked" in whole.outcome["message"]
    assert whole.steps.count() == 1 and desk.effects(invoice) == []


def test_a_second_half_that_fails_waits_in_sight_and_goes_on_when_a_person_says_so(desk, person):
    invoice = desk.pick("metronome", metronome("FINALIZED"))
    body = {"message": "Try later."}
    desk.fault("metronome", "POST", "/v1/invoices/regenerate", "status", status=400, body=body)

    whole = desk.settle(desk.ask("void_and_replace", invoice), until="needs_person")

    assert (whole.state, whole.outcome["stage"]) == ("needs_person", "voided, replacement missing")
    assert "Try later." in whole.outcome["message"]
    assert list(steps.replacements_missing()) == [whole]
    assert "under way" in refused_while_open(desk, invoice)

    with pytest.raises(steps.CannotGoOn, match="Say why"):
        steps.resume(whole, by=desk.operator, reason=" ")
    steps.resume(whole, by=desk.operator, reason="Metronome answers again")
    desk.settle(whole)

    assert whole.state == "succeeded" and not steps.replacements_missing().exists()
    assert len(desk.effects(invoice, "void")) == regenerations(desk, invoice) == 1
    with pytest.raises(steps.CannotGoOn):
        steps.resume(whole, by=desk.operator, reason="Once more")


def refused_while_open(desk, invoice):
    invoice.refresh_from_db()
    with pytest.raises(Exception) as refusal:
        desk.ask("regenerate_invoice", invoice)
    return str(refusal.value)


def test_somebody_regenerating_it_by_hand_ends_the_waiting(desk):
    invoice = desk.pick("metronome", metronome("FINALIZED"))
    body = {"message": "Try later."}
    desk.fault("metronome", "POST", "/v1/invoices/regenerate", "status", status=400, body=body)
    whole = desk.settle(desk.ask("void_and_replace", invoice), until="needs_person")
    assert whole.state == "needs_person"

    desk.sandbox.act("metronome", "regenerate_at_provider", invoice.external_id)
    Operation.objects.filter(pk=whole.pk).update(next_look_at=whole.created_at)
    desk.settle(whole)

    assert (whole.state, whole.settled_by) == ("succeeded", "read_back")
    assert regenerations(desk, invoice) == 0


def test_it_stops_between_the_steps_when_asked_to(desk):
    invoice = desk.pick("metronome", metronome("FINALIZED"))

    whole = desk.settle(desk.ask("void_and_replace", invoice, pause="true"), until="needs_person")
    assert (whole.state, whole.outcome["stage"]) == ("needs_person", "voided, waiting before it is replaced")
    assert regenerations(desk, invoice) == 0

    steps.resume(whole, by=desk.operator, reason="The copy outside is cancelled")
    assert desk.settle(whole).state == "succeeded" and regenerations(desk, invoice) == 1


@pytest.mark.parametrize("dies_in", ["begin", "void", "between", "regenerate"])
def test_a_worker_that_dies_anywhere_leaves_it_to_be_finished_once(desk, monkeypatch, dies_in):
    invoice = desk.pick("metronome", metronome("FINALIZED"))
    whole = desk.ask("void_and_replace", invoice)

    class Killed(BaseException):
        pass

    def die(*arguments, **named):
        raise Killed

    def record_unless(verb):
        kept = sending.record_outcome

        def record(operation, *rest, **more):
            if operation.verb == verb:
                raise Killed
            return kept(operation, *rest, **more)

        return record

    if dies_in == "between":
        monkeypatch.setattr(steps, "go_on", die)
    elif dies_in == "begin":
        monkeypatch.setattr(steps, "begin", die)
    else:
        monkeypatch.setattr(
            sending, "record_outcome", record_unless({"regenerate": "regenerate_invoice"}.get(dies_in, dies_in))
        )
    for _ in range(3):
        try:
            reconcile()
        except Killed:
            break
    monkeypatch.undo()
    Operation.objects.filter(state="sending", lease_until__isnull=False).update(lease_until=whole.created_at)

    desk.settle(whole)

    assert whole.state == "succeeded"
    assert len(desk.effects(invoice, "void")) == regenerations(desk, invoice) == 1


def test_a_paid_copy_outside_is_said_in_money_before_anything_is_asked(desk):
    invoice = desk.look_at(
        "metronome", lambda raw: metronome("FINALIZED")(raw) and (raw.get("external_invoice") or {}).get("external_status") == "PAID"
    )  # fmt: skip
    for verb in ("void", "void_and_replace"):
        card = list(VERBS[verb].consequences(invoice, snapshot_of(invoice)))
        outside = [each for each in card if each.effect is Effect.OUTSIDE]
        assert "is PAID: money was received" in outside[0].text and outside[0].amount is not None
    assert "billed a second time" in outside[1].text
    assert VERBS["void"].refusal(invoice) == ""


# ---- FlexPrice: one call that is only promised


def test_flexprice_accepts_it_and_it_is_done_once_the_replacement_is_here(desk):
    invoice = desk.pick("flexprice", replaceable)

    whole = desk.ask("void_and_replace", invoice)
    states = set()
    for _ in range(300):
        desk.settle(whole, seconds=0.05)
        states.add(whole.state)
        if not whole.open:
            break

    assert whole.state == "succeeded" and "accepted" in states
    invoice.refresh_from_db()
    assert invoice.status == "void" and invoice.replaced_by == whole.outcome["created"]
    assert Invoice.objects.filter(external_id=invoice.replaced_by).exists()
    assert len(desk.effects(invoice, "start_replacement")) == replacements(desk, invoice) == 1
    assert "replaced already" in VERBS["void_and_replace"].refusal(invoice)


def test_a_lost_202_is_not_sent_again_and_still_found(desk):
    invoice = desk.pick("flexprice", replaceable)
    desk.fault("flexprice", "POST", "/invoices/*/recalculate", "drop_after")

    whole = desk.done("void_and_replace", invoice)

    assert (whole.state, whole.attempt) == ("succeeded", 1)
    assert replacements(desk, invoice) == 1


def test_a_request_that_may_still_be_worked_on_is_not_called_absent_but_shown_to_a_person(desk):
    invoice = desk.look_at("flexprice", replaceable)
    desk.fault("flexprice", "POST", "/invoices/*/recalculate", "drop_before")

    whole = desk.settle(desk.ask("void_and_replace", invoice), until="needs_person")

    assert (whole.state, whole.attempt) == ("needs_person", 1)
    assert "may still be at it" in whole.outcome["message"]
    assert desk.effects(invoice, "start_replacement") == []


def test_voided_without_a_replacement_is_a_state_of_its_own(desk):
    """FlexPrice voids first. What happens to the other half it tells nobody; here the link to it is not to be seen."""
    invoice = desk.pick("flexprice", replaceable)
    hidden = {"field": "recalculated_invoice_id", "value": None, "times": None}
    desk.fault("flexprice", "GET", f"/invoices/{invoice.external_id}", "set_field", **hidden)
    desk.fault("flexprice", "POST", "/invoices/search", "set_field", **hidden)
    refresh_invoice(invoice)
    invoice.refresh_from_db()

    whole = desk.settle(desk.ask("void_and_replace", invoice), until="needs_person")

    assert (whole.state, whole.outcome["stage"]) == ("needs_person", "voided, replacement missing")
    assert list(steps.replacements_missing()) == [whole]

    desk.sandbox.delete("/_sandbox/faults")
    Operation.objects.filter(pk=whole.pk).update(next_look_at=whole.created_at)
    assert desk.settle(whole).state == "succeeded" and not steps.replacements_missing().exists()


def test_what_was_only_voided_can_be_replaced_and_only_once(desk):
    invoice = desk.pick("flexprice", replaceable)
    desk.done("void", invoice)
    invoice.refresh_from_db()
    assert VERBS["void_and_replace"].refusal(invoice) == ""

    whole = desk.done("void_and_replace", invoice)

    assert whole.state == "succeeded" and replacements(desk, invoice) == 1


def test_each_server_says_why_it_is_not_offered(desk):
    early = desk.look_at("flexprice-2026-01", replaceable)
    assert "recalculates drafts only" in refused(desk, "void_and_replace", early)
    one_off = desk.look_at("flexprice", lambda raw: flexprice("FINALIZED")(raw) and raw["invoice_type"] == "ONE_OFF")
    assert "subscription invoices only; this one is ONE_OFF" in refused(desk, "void_and_replace", one_off)


def test_the_command_carries_both_steps_and_tells_of_them(desk, capsys):
    invoice = desk.pick("metronome", metronome("FINALIZED"))

    with pytest.raises(SystemExit) as ended:
        call_command("act", "void_and_replace", str(invoice.pk), "--reason", "Wrong usage", "--json")

    told = json.loads(capsys.readouterr().out)
    assert (ended.value.code, told["state"]) == (0, "succeeded")
    assert [step["verb"] for step in told["steps"]] == ["void", "regenerate_invoice"]
    assert all(step["attempts"] for step in told["steps"])
