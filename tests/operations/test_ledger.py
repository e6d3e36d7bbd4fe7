"""What the ledger promises when the network, the provider or we ourselves fail in the middle."""

import threading

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from invoicing.access import rights
from invoicing.models import AuditEntry, Operation
from invoicing.operations import recording, sending, spool
from invoicing.operations.requesting import CannotRequest, cancel
from invoicing.operations.tasks import reconcile
from tests.operations.test_verbs import VOIDABLE, flexprice, metronome, orb

pytestmark = pytest.mark.django_db(transaction=True)
VOID_PATH = {"orb": "/invoices/*/void", "metronome": "/v1/invoices/void", "flexprice": "/invoices/*/void"}
each_provider = pytest.mark.parametrize(("name", "wanted"), VOIDABLE, ids=[name for name, _ in VOIDABLE])


def fault(desk, name, kind, **more):
    desk.sandbox.fault(connection=name, method="POST", path=VOID_PATH[name], fault=kind, **more)


@each_provider
def test_an_answer_that_is_lost_after_the_effect_is_found_by_reading_back(desk, name, wanted):
    invoice = desk.pick(name, wanted)
    fault(desk, name, "drop_after")

    operation = desk.settle(desk.ask("void", invoice))

    assert (operation.state, operation.settled_by, operation.attempt) == ("succeeded", "read_back", 1)
    assert len(desk.effects(invoice)) == 1


@each_provider
def test_a_request_that_never_arrived_is_sent_again_only_after_two_reads_and_the_quiet_time(desk, name, wanted):
    invoice = desk.pick(name, wanted)
    fault(desk, name, "drop_before")

    operation = desk.settle(desk.ask("void", invoice))

    assert (operation.state, operation.attempt) == ("succeeded", 2)
    assert len(desk.effects(invoice)) == 1
    first, second = operation.attempts.all()
    verdicts = [e["verdict"] for e in operation.evidence if e.get("attempt") == 1]
    assert verdicts[-2:] == ["absent", "absent"]
    assert (second.committed_at - first.ended_at).total_seconds() >= 0.6
    assert first.request == second.request


@each_provider
@pytest.mark.parametrize("kind", ["malformed", "truncated", "wrong_type", "empty", "redirect"])
def test_garbage_after_the_effect_is_unknown_and_then_found(desk, name, wanted, kind):
    invoice = desk.pick(name, wanted)
    fault(desk, name, kind, **({"to": "http://127.0.0.1:9/elsewhere"} if kind == "redirect" else {}))

    operation = desk.settle(desk.ask("void", invoice))

    effects = desk.effects(invoice)
    if name == "metronome" and kind == "redirect":  # nothing was applied, and after an HTTP answer it is never resent
        assert (operation.state, len(effects)) == ("not_done", 0)
    else:
        assert (operation.state, len(effects)) == ("succeeded", 1)


@each_provider
@pytest.mark.parametrize("applied", [True, False])
def test_a_500_proves_nothing_either_way(desk, name, wanted, applied):
    invoice = desk.pick(name, wanted)
    fault(desk, name, "status", status=500, apply=applied)

    operation = desk.settle(desk.ask("void", invoice))

    effects = desk.effects(invoice)
    if applied:
        assert (operation.state, len(effects)) == ("succeeded", 1)
    elif name == "metronome":  # it would replay the stored error under the same key: never resent after an answer
        assert (operation.state, len(effects)) == ("not_done", 0)
    else:
        assert (operation.state, len(effects)) == ("succeeded", 1)


def test_a_refusal_ends_it_and_shows_the_providers_words(desk):
    invoice = desk.pick("orb", orb("issued"))
    fault(desk, "orb", "status", status=400, body={
        "type": "https://docs.withorb.com/reference/error-responses#400-constraint-violation",
        "status": 400, "title": "No", "detail": "The period is closed."})  # fmt: skip

    operation = desk.settle(desk.ask("void", invoice))

    assert (operation.state, operation.settled_by) == ("refused", "answer")
    assert "The period is closed." in operation.outcome["message"]
    assert desk.effects(invoice) == []


def test_rate_limited_with_a_key_waits_and_sends_the_same_again(desk):
    invoice = desk.pick("orb", orb("issued"))
    fault(desk, "orb", "status", status=429, headers={"Retry-After": "1"})

    operation = desk.settle(desk.ask("void", invoice))

    assert (operation.state, operation.attempt) == ("succeeded", 2)
    assert len(desk.effects(invoice)) == 1


def test_a_dead_provider_is_not_sent_and_stays_approved(desk, never_sent):
    invoice = desk.look_at("orb", orb("issued"))
    invoice.connection.base_url = "http://127.0.0.1:1/orb/v1"
    invoice.connection.set_api_key("sk_test_nothing")
    invoice.connection.save()

    operation = desk.settle(desk.ask("void", invoice), seconds=0.5)

    assert operation.state == "approved" and operation.not_before > operation.created_at
    never_sent(operation)


def test_what_changed_at_the_provider_meanwhile_stops_it(desk, never_sent):
    invoice = desk.pick("flexprice", flexprice("FINALIZED"))
    desk.sandbox.act("flexprice", "void_at_provider", invoice.external_id)

    operation = desk.settle(desk.ask("void", invoice))

    assert operation.state == "refused" and "changed" in operation.outcome["message"]
    never_sent(operation)


def test_the_same_form_sent_twice_is_one_operation(desk):
    invoice = desk.look_at("orb", orb("issued"))
    first = desk.ask("void", invoice, token="one form")
    again = desk.ask("void", invoice, token="one form")
    assert first.pk == again.pk


def test_two_people_cannot_have_two_open_operations_on_one_invoice(desk, person):
    invoice = desk.look_at("orb", orb("issued"))
    first = desk.ask("void", invoice)
    with pytest.raises(CannotRequest, match="under way") as refusal:
        desk.ask("regenerate_pdf", invoice, by=person("operator"))
    assert refusal.value.existing == first


def test_fifty_at_once_make_one_effect(desk):
    invoice = desk.pick("orb", orb("issued"))
    made, barrier = [], threading.Barrier(10)

    def submit(number):
        barrier.wait()
        try:
            made.append(desk.ask("void", invoice, token=f"{invoice.pk}-tab-{number % 5}").pk)
        except CannotRequest:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=submit, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 1
    operation = Operation.objects.get()
    desk.settle(operation)
    assert operation.state == "succeeded" and len(desk.effects(invoice)) == 1


def test_two_workers_send_once(desk):
    invoice = desk.pick("metronome", metronome("FINALIZED"))
    operation = desk.ask("void", invoice)
    fault(desk, "metronome", "delay", seconds=0.3)

    def work():
        try:
            sending.dispatch(
                Operation.objects.select_related("connection", "invoice__connection", "requester").get(pk=operation.pk)
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.settle(operation)

    assert (operation.state, operation.attempt) == ("succeeded", 1)
    assert len(desk.effects(invoice)) == 1


def test_a_worker_that_dies_while_sending_leaves_it_unknown_and_then_settled(desk, monkeypatch):
    invoice = desk.pick("orb", orb("issued"))
    operation = desk.ask("void", invoice)

    class Killed(BaseException):
        pass

    def die(*args, **kwargs):
        raise Killed

    monkeypatch.setattr(sending, "record_outcome", die)
    with pytest.raises(Killed):
        sending.dispatch(operation)
    monkeypatch.undo()
    operation.refresh_from_db()
    assert operation.state == "sending" and len(desk.effects(invoice)) == 1
    Operation.objects.update(lease_until=timezone.now())

    desk.settle(operation)

    assert (operation.state, operation.settled_by) == ("succeeded", "read_back")
    assert len(desk.effects(invoice)) == 1


def test_an_outcome_the_database_cannot_take_is_spooled_and_read_first(desk, monkeypatch):
    invoice = desk.pick("orb", orb("issued"))
    operation = desk.ask("void", invoice)

    def full(*args, **kwargs):
        raise DatabaseError("disk is full")

    monkeypatch.setattr(sending, "record_outcome", full)
    sending.dispatch(operation)
    monkeypatch.undo()
    assert len(list(spool.folder().glob("*.json"))) == 1
    operation.refresh_from_db()
    assert operation.state == "sending"

    assert reconcile()["spooled"] == 1
    desk.settle(operation)

    assert operation.state == "succeeded" and operation.attempts.get().http_status == 200
    assert not list(spool.folder().glob("*.json"))


def test_an_operation_can_be_called_back_while_it_waits(desk, settings, never_sent):
    settings.DESK_CANCEL_SECONDS = 60
    invoice = desk.look_at("orb", orb("issued"))
    operation = desk.settle(desk.ask("void", invoice), seconds=0.3)
    assert operation.state == "approved"

    assert cancel(operation, by=desk.operator)

    assert operation.state == "cancelled"
    never_sent(operation)
    assert not cancel(operation, by=desk.operator)


def test_no_reason_no_operation(desk):
    invoice = desk.look_at("orb", orb("issued"))
    with pytest.raises(CannotRequest) as refusal:
        desk.ask("void", invoice, reason="  ")
    assert refusal.value.field == "reason"
    assert not Operation.objects.exists()
    assert AuditEntry.objects.get().action == "void.not_requested"


def test_a_viewer_cannot_act_and_the_attempt_is_on_record(desk, person):
    invoice = desk.look_at("orb", orb("issued"))
    with pytest.raises(rights.NotAllowed, match="operator"):
        desk.ask("void", invoice, by=person("viewer"))
    assert not Operation.objects.exists()
    assert AuditEntry.objects.get().action == "void.not_requested"


def test_a_superuser_has_no_way_round(desk, person):
    somebody = person()
    somebody.is_superuser = True
    somebody.save()
    with pytest.raises(rights.NotAllowed):
        desk.ask("void", desk.look_at("orb", orb("issued")), by=somebody)


def test_a_right_lost_before_dispatch_stops_it(desk, person, never_sent):
    somebody = person("operator")
    operation = desk.ask("void", desk.look_at("orb", orb("issued")), by=somebody)
    somebody.groups.clear()

    desk.settle(operation)

    assert operation.state == "refused"
    never_sent(operation)


def test_a_stale_form_is_refused(desk):
    invoice = desk.look_at("orb", orb("issued"))
    with pytest.raises(CannotRequest, match="changed after this form"):
        desk.ask("void", invoice, seen_version=invoice.version + 1)


def test_after_three_attempts_nothing_is_sent_again(desk):
    invoice = desk.pick("flexprice", flexprice("FINALIZED"))
    fault(desk, "flexprice", "drop_before", times=None)

    operation = desk.settle(desk.ask("void", invoice), seconds=20)

    assert (operation.state, operation.attempt) == ("not_done", recording.MAX_ATTEMPTS)
    assert desk.effects(invoice) == []
