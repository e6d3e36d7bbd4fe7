"""The ledger's single rules, each by itself: what an error allows to conclude, when to look, what must still hold, who may
ask. No wire; against the fake provider in memory where a row is needed.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from invoicing.access import rights
from invoicing.mirror.apply import Mirror
from invoicing.mirror.refresh import mirror_new
from invoicing.models import Attempt, AuditEntry, Connection, Invoice, Job, Operation
from invoicing.operations import classify, looks, preimage, requesting
from invoicing.operations.classify import Outcome, answered, failed
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import CannotRequest, Wish, cancel, request_operation
from invoicing.providers.base import Said
from invoicing.providers.errors import (
    Conflict,
    KeyRefused,
    Missing,
    NotSent,
    NotUnderstood,
    RateLimited,
    Refused,
    Unknown,
    Unsupported,
)
from invoicing.providers.strict_json import loads
from invoicing.vocabulary import CallClass
from tests.operations.fake_provider import Reads, World
from tests.operations.test_state_machine import NUMBERS, Q, fakes

__all__ = ["fakes"]
NONE, MAYBE, ANSWERED = Attempt.Wire.NONE, Attempt.Wire.MAYBE, Attempt.Wire.ANSWERED
EVERY_CLASS = [each for each in CallClass if each != CallClass.READING]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def seconds(number):
    return timedelta(seconds=number)


# ---- from an error to what may be concluded


CONCLUSIONS = [
    (NotSent("no route"), "not_sent", NONE),
    (Unsupported("not here"), "not_sent", NONE),
    (Conflict("still running", status=409), "unknown", ANSWERED),
    (Refused("no", status=400), "refused", ANSWERED),
    (Missing("no such", status=404), "refused", ANSWERED),
    (KeyRefused("no", status=401), "refused", ANSWERED),
    (Unknown("timeout"), "unknown", MAYBE),
    (Unknown("bad gateway", status=502), "unknown", ANSWERED),
    (NotUnderstood("HTML", status=200), "unknown", ANSWERED),
    (RuntimeError("a mistake of ours"), "unknown", MAYBE),
]


@pytest.mark.parametrize(("error", "outcome", "wire"), CONCLUSIONS, ids=lambda each: getattr(each, "args", [each])[0])
@pytest.mark.parametrize("call_class", EVERY_CLASS)
def test_what_an_error_allows_to_conclude_on_a_first_attempt(error, outcome, wire, call_class):
    found = failed(error, call_class=call_class, maybe_sent_before=False)

    assert (found.outcome.value, found.wire) == (outcome, wire)
    assert found.message == str(error) and found.http_status == getattr(error, "status", None)
    assert found.pause_connection == isinstance(error, KeyRefused)


@pytest.mark.parametrize(("error", "outcome", "wire"), CONCLUSIONS, ids=lambda each: getattr(each, "args", [each])[0])
def test_after_an_attempt_that_may_have_worked_a_refusal_proves_nothing(error, outcome, wire):
    found = failed(error, call_class=CallClass.GUARDED, maybe_sent_before=True)
    assert found.outcome.value == ("unknown" if outcome == "refused" else outcome)
    assert found.wire == wire


@pytest.mark.parametrize("call_class", EVERY_CLASS)
def test_only_under_a_key_may_a_rate_limited_request_be_sent_again_unread(call_class):
    found = failed(RateLimited("wait", status=429, retry_after=7), call_class=call_class, maybe_sent_before=False)
    assert found.outcome is (Outcome.LATER if call_class == CallClass.KEYED else Outcome.UNKNOWN)
    assert (found.wire, found.http_status, found.retry_after) == (ANSWERED, 429, 7)


def test_the_providers_own_words_come_before_ours():
    found = failed(
        Refused("refused", status=400, said="The period is closed."),
        call_class=CallClass.KEYED,
        maybe_sent_before=False,
    )
    assert found.message == "The period is closed."


@pytest.mark.parametrize(("says", "outcome"), [("done", Outcome.DONE), ("accepted", Outcome.ACCEPTED)])
def test_a_good_answer_says_done_or_accepted(says, outcome):
    said = Said(outcome=says)
    found = answered(said, 202)
    assert (found.outcome, found.wire, found.http_status, found.said) == (outcome, ANSWERED, 202, said)
    assert not found.pause_connection
    assert classify.Classified(outcome=outcome, wire=ANSWERED).pause_connection is False


# ---- when to look


@pytest.mark.parametrize(
    ("quiet", "expected"),
    [
        (600, [0, 15, 60, 300, 900, 3600, 21600, 86400, 86400, 86400]),
        (60, [0, 1.5, 6, 30, 90, 360, 2160, 8640, 8640, 8640]),
        (1200, [0, 15, 60, 300, 900, 3600, 21600, 86400, 86400, 86400]),  # a longer Q stretches nothing
    ],
)
def test_it_is_looked_into_soon_and_then_more_patiently(settings, quiet, expected):
    settings.DESK_QUIET_SECONDS = quiet
    assert [(looks.next_look(NOON, number, None) - NOON).total_seconds() for number in range(10)] == expected


def test_no_look_is_put_off_beyond_the_end_of_the_quiet_time(settings):
    settings.DESK_QUIET_SECONDS = 600
    due = NOON + seconds(300)
    assert looks.next_look(NOON, 3, NOON + seconds(200)) == NOON + seconds(200.05)
    assert looks.next_look(NOON, 3, due) == due  # it is not earlier
    assert looks.next_look(NOON, 3, NOON + seconds(301)) == due
    assert looks.next_look(NOON, 3, NOON) == due  # the quiet time is over
    assert looks.next_look(NOON, 3, NOON - seconds(1)) == due


def test_a_key_holds_until_its_window_less_the_quiet_time(settings):
    settings.DESK_QUIET_SECONDS = 600
    window = timedelta(hours=1)
    assert looks.key_holds(NOON, window, NOON + seconds(3000))
    assert not looks.key_holds(NOON, window, NOON + seconds(3000.001))
    assert not looks.key_holds(NOON, None, NOON)
    assert looks.quiet_after(NOON) == NOON + seconds(600)


@pytest.mark.parametrize(("deadline", "lease"), [(30, 60), (2, 10), (5, 10), (6, 12)])
def test_a_lease_outlasts_a_call_and_the_moment_before_it(settings, deadline, lease):
    settings.DESK_CALL_DEADLINE_SECONDS = deadline
    assert looks.lease() == seconds(lease)
    assert looks.READ_TO_WRITE_SECONDS == 5 and looks.STANDARD_QUIET == 600


# ---- what must still hold


SHOWN = {
    "provider_status": "open",
    "total": "10.00",
    "amount_due": "4",
    "currency": "USD",
    "lines": "abc",
    "version": 3,
}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("provider_status", "void", ["Status was open, is void"]),
        ("total", "10.01", ["Total was 10.00, is 10.01"]),
        ("amount_due", None, ["Amount due was 4, is None"]),
        ("currency", "EUR", ["Currency was USD, is EUR"]),
        ("lines", "other", ["Lines"]),
        ("version", 4, []),
        ("provider_updated_at", "2026-11-20", []),
        ("before", {"Metadata": {"a": "1"}}, ["Metadata"]),
    ],
)
def test_what_changed_is_named_and_what_does_not_matter_is_not(name, value, said):
    now = SHOWN | {name: value}
    assert preimage.differences(SHOWN, now) == said
    assert preimage.differences(SHOWN, dict(SHOWN)) == []
    assert (preimage.digest(SHOWN) != preimage.digest(now)) == bool(said)


def test_what_a_verb_alone_compares_with_is_named_once():
    before, now = (
        SHOWN | {"before": {"Lines": "1", "Due": "x"}},
        SHOWN | {"lines": "z", "before": {"Lines": "2", "Due": "x"}},
    )
    assert preimage.differences(before, now) == ["Lines"]


def test_a_digest_does_not_depend_on_the_order_in_which_a_database_keeps_names():
    one, other = ({"before": dict(pairs)} for pairs in ([("a", 1), ("b", 2)], [("b", 2), ("a", 1)]))
    assert preimage.digest(SHOWN | one) == preimage.digest(SHOWN | other)


def test_an_invoice_is_seen_with_exact_amounts_and_every_line(example, connection_to, db):
    class Nobody:
        def call(self, endpoint, **more):
            raise Missing("No such customer", status=404)

    payload, connection = loads(example("orb_invoice_issued")), connection_to("orb")
    Mirror(connection, Nobody()).invoice(payload, read_started_at=timezone.now(), source="sync")
    invoice = Invoice.objects.get()
    verb = VERBS["void"]
    seen = preimage.seen(invoice, verb)

    assert Decimal(seen["total"]) == invoice.total and Decimal(seen["amount_due"]) == invoice.amount_due
    assert (seen["provider_status"], seen["currency"], seen["version"]) == ("issued", invoice.currency, invoice.version)
    assert seen["provider_updated_at"] is None or seen["provider_updated_at"].startswith("20")
    assert "before" not in seen and "before" in preimage.seen(invoice, VERBS["pay"])
    line = invoice.lines.order_by("position").first()
    for column in ("quantity", "unit_price", "amount"):
        type(line).objects.filter(pk=line.pk).update(**{column: Decimal("987.65")})
        changed = preimage.seen(invoice, verb)
        assert changed["lines"] != seen["lines"], column
        seen = changed


# ---- asking


@pytest.fixture
def wish(fakes, operator):
    """wish("by_key") asks for something of an invoice of its own."""

    def make(verb="by_key", **given):
        name = f"inv_{next(NUMBERS)}"
        call = VERBS[verb].calls["fake"]
        world = World(name, call.call_class, call.replays_errors, timezone.now, Q)
        invoice = mirror_new(Connection.objects.get(name="fake"), name, http=Reads(world))
        made = Wish(
            verb=verb, invoice=invoice, by=operator, reason=" A reason ", token=f"token-{name}", reference=" R-1 "
        )
        return replace(made, **given)

    return make


def test_what_was_asked_is_stored_whole_with_its_approval_and_its_job(wish, settings, operator):
    settings.DESK_CANCEL_SECONDS = 90
    asked = wish(ip="192.0.2.7")

    operation = request_operation(asked)

    operation.refresh_from_db()
    invoice = asked.invoice
    assert (operation.connection_id, operation.invoice_id, operation.external_id) == (
        invoice.connection_id, invoice.pk, invoice.external_id)  # fmt: skip
    assert (operation.verb, operation.call_class, operation.requester) == ("by_key", "K", operator)
    assert (operation.reason, operation.reference, operation.token) == ("A reason", "R-1", asked.token)
    assert (operation.arguments, operation.state, operation.version, operation.attempt) == ({}, "approved", 1, 0)
    assert operation.seen["total"] == "10.00" and operation.seen_digest == preimage.digest(operation.seen)
    assert len(operation.key) == 32 and operation.key != request_operation(wish()).key
    assert operation.parent is None and operation.request_digest == ""
    assert abs((operation.not_before - operation.created_at).total_seconds() - 90) < 5
    requested, approved = AuditEntry.objects.filter(target=f"operation:{operation.pk}").order_by("sequence")
    assert (requested.action, requested.actor, requested.ip) == ("by_key.requested", operator, "192.0.2.7")
    assert requested.facts["before"] == operation.seen and requested.facts["external_id"] == invoice.external_id
    assert requested.correlation == str(operation.correlation) and requested.reason == "A reason"
    assert (approved.action, approved.facts["policy"]) == ("by_key.approved", "none")
    job = Job.objects.get(arguments={"operation_id": str(operation.pk)})
    assert (
        job.task.endswith("dispatch_operation") and job.run_at == operation.not_before and job.requested_by == operator
    )


def test_a_command_does_not_wait_to_be_called_back(wish, settings):
    settings.DESK_CANCEL_SECONDS = 90
    operation = request_operation(wish(cancel_window=False))
    assert operation.not_before <= timezone.now()


def test_one_token_is_one_operation_whatever_became_of_it(wish, operator):
    asked = wish()
    operation = request_operation(asked)
    assert request_operation(replace(asked, reason="")).pk == operation.pk  # nothing is checked anew
    cancel(operation, by=operator)
    assert request_operation(asked).pk == operation.pk
    assert request_operation(replace(asked, token="another")).pk != operation.pk


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("token", ["the same form", "another's form"])
def test_who_comes_between_the_check_and_the_row_is_found(wish, monkeypatch, token):
    asked, checked, between = wish(), requesting._checked, []

    def slowly(mine):
        found = checked(mine)
        if not between:
            between.append(mine)
            between.append(request_operation(replace(mine, token=mine.token if token == "the same form" else token)))
        return found

    monkeypatch.setattr(requesting, "_checked", slowly)
    if token == "the same form":
        assert request_operation(asked) == between[1]
    else:
        with pytest.raises(CannotRequest, match="a moment ago") as refusal:
            request_operation(asked)
        assert refusal.value.existing == between[1]
    assert Operation.objects.count() == 1


def test_while_a_provider_is_down_nothing_is_asked_of_it(wish):
    asked = wish()
    Connection.objects.update(last_error="Fake cannot be reached.", last_error_at=timezone.now() + seconds(1))
    asked.invoice.connection.refresh_from_db()
    with pytest.raises(CannotRequest):
        request_operation(asked)
    assert not Operation.objects.exists()


def test_a_rehearsal_says_what_would_hinder_it_and_stores_nothing(wish):
    assert requesting.hindrance(wish()) == ""
    assert requesting.hindrance(wish(reason=" ")).startswith("Say why")
    assert not Operation.objects.exists() and not AuditEntry.objects.exists()


def test_a_correlation_that_is_given_is_kept(wish):
    operation = request_operation(wish())
    assert request_operation(wish(correlation=operation.correlation)).correlation == operation.correlation


@pytest.mark.parametrize(
    ("given", "says", "field"),
    [
        ({"reason": "  "}, "Say why", "reason"),
        ({"seen_version": 99}, "changed after this form", ""),
        ({"arguments": {"color": "red"}}, "takes no “color”", "color"),
        ({"verb": "void"}, "does not offer this", ""),
    ],
)
def test_what_is_not_granted_says_why_and_is_on_record(wish, operator, given, says, field):
    asked = replace(wish(ip="192.0.2.7"), **given)
    with pytest.raises(CannotRequest, match=says) as refusal:
        request_operation(asked)
    assert refusal.value.field == field and refusal.value.existing is None
    assert not Operation.objects.filter(token=asked.token).exists()
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.action, entry.actor, entry.ip) == (f"{asked.verb}.not_requested", operator, "192.0.2.7")
    assert entry.target == f"invoice:{asked.invoice.pk}" and entry.facts["why"] == str(refusal.value)
    assert entry.reason == asked.reason


def test_the_version_looked_at_is_the_one_asked_about(wish):
    asked = wish()
    assert request_operation(replace(asked, seen_version=asked.invoice.version)).state == "approved"


def test_a_connection_that_is_switched_off_is_asked_nothing(wish):
    asked = wish()
    Connection.objects.update(enabled=False)
    asked.invoice.connection.refresh_from_db()
    with pytest.raises(CannotRequest, match="switched off"):
        request_operation(asked)


def test_what_only_reads_is_no_operation(wish, monkeypatch):
    monkeypatch.setattr(type(VERBS["by_key"]), "reads_only", True)
    with pytest.raises(CannotRequest, match="only reads"):
        request_operation(wish())


def test_a_second_wish_is_shown_the_first_until_that_has_ended(wish, operator):
    asked = wish()
    first = request_operation(asked)
    second = replace(asked, token="second")
    with pytest.raises(CannotRequest, match="by_key is under way") as refusal:
        request_operation(second)
    assert refusal.value.existing == first
    cancel(first, by=operator)
    assert request_operation(second).pk != first.pk


def test_nobody_without_the_right_asks_or_calls_back(wish, person):
    viewer = person("viewer")
    with pytest.raises(rights.NotAllowed):
        request_operation(wish(by=viewer))
    assert AuditEntry.objects.latest("sequence").action == "by_key.not_requested"
    operation = request_operation(wish())
    with pytest.raises(rights.NotAllowed):
        cancel(operation, by=viewer)
    operation.refresh_from_db()
    assert operation.state == "approved"


@pytest.mark.parametrize(("wire", "can"), [(NONE, True), ("", True), (MAYBE, False), (ANSWERED, False)])
def test_only_what_was_not_sent_can_be_called_back(wish, operator, wire, can):
    operation = request_operation(wish())
    Operation.objects.filter(pk=operation.pk).update(attempt=1)
    operation.refresh_from_db()
    Attempt.objects.create(operation=operation, number=1, lease_token="x", committed_at=timezone.now(), wire=wire)

    assert cancel(operation, by=operator, ip="192.0.2.8") is can

    operation.refresh_from_db()
    assert (operation.state, operation.version) == (("cancelled", 2) if can else ("approved", 1))
    assert (operation.finished_at is not None) is can
    last = AuditEntry.objects.filter(target=f"operation:{operation.pk}").latest("sequence")
    assert (last.action == "by_key.cancelled") is can
    if can:
        assert (last.actor, last.ip) == (operator, "192.0.2.8")


@pytest.mark.parametrize("state", ["sending", "unknown", "succeeded", "refused", "needs_person"])
def test_what_is_under_way_or_over_is_not_called_back(wish, operator, state):
    operation = request_operation(wish())
    Operation.objects.filter(pk=operation.pk).update(state=state)
    operation.refresh_from_db()
    assert not cancel(operation, by=operator)
    assert operation.state == state


def test_a_call_back_that_was_overtaken_by_a_claim_fails(wish, operator):
    operation = request_operation(wish())
    Operation.objects.filter(pk=operation.pk).update(attempt=1)  # since it was read
    assert not cancel(operation, by=operator)
