"""Nobody approves their own, one person counts once, and what is signed is exactly what is sent."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from invoicing.access import rights
from invoicing.approvals import delegations
from invoicing.approvals.deciding import CannotDecide
from invoicing.approvals.people import Table, waiting_for
from invoicing.models import Approval, ApprovalRequest, AuditEntry, Operation, User
from invoicing.operations import approving, sending
from invoicing.operations.requesting import CannotRequest, cancel, request_operation
from tests.approvals.conftest import ONE, TWO
from tests.operations.rows import Wire, audits, jobs, send, world_of

pytestmark = pytest.mark.django_db(transaction=True)


def approve(request, by, **given):
    by = User.objects.get(pk=by.pk)  # as another request would read them
    return approving.approve(request, **{"by": by, "seal": request.seal} | given)


def state(request):
    return Operation.objects.get(pk=request.operation_id).state


def test_without_a_policy_nothing_waits(wish):
    assert request_operation(wish()).state == "approved"
    assert not ApprovalRequest.objects.exists()


def test_what_waits_is_not_sent_before_somebody_else_approves(awaiting, person):
    request, reviewer = awaiting(), person("reviewer")
    operation = request.operation
    assert send(operation).written == [] and not jobs(operation, "dispatch_operation").exists()

    approve(request, reviewer, ip="192.0.2.1")

    assert (request.state, state(request)) == ("approved", "approved")
    assert len(send(operation).written) == 1 and operation.state == "succeeded"
    told = [entry.action.rpartition(".")[2] for entry in audits(operation)]
    assert told == ["requested", "awaiting", "approved", "attempt", "done", "read_back"]
    [entry] = AuditEntry.objects.filter(action="approval.approved")
    assert (entry.actor, entry.ip, entry.facts["seal"]) == (reviewer, "192.0.2.1", request.seal)


@pytest.mark.parametrize(
    "roles", [("operator",), ("viewer",), ("auditor",), ("access admin",), ("sync admin", "controller")]
)
def test_without_the_right_nobody_approves_and_the_try_is_on_record(awaiting, person, roles):
    request = awaiting()
    person("reviewer")
    with pytest.raises(rights.NotAllowed):
        approve(request, person(*roles))
    assert state(request) == "requested"
    assert AuditEntry.objects.filter(action="approval.approve_refused").count() == 1


def test_nobody_approves_their_own(awaiting, person):
    maker = person("operator", "reviewer")
    request = awaiting(by=maker)
    person("reviewer")
    with pytest.raises(CannotDecide, match="You asked for this yourself"):
        approve(request, maker)
    with pytest.raises(CannotDecide, match="withdraw it"):
        approving.reject(request, by=maker, seal=request.seal, reason="No")
    assert state(request) == "requested" and not Approval.objects.exists()


def test_the_database_itself_refuses_ones_own(awaiting, person):
    maker = person("operator", "reviewer")
    request = awaiting(by=maker)
    plain = {"request": request, "round": 1, "seal": request.seal, "decision": "approved", "at": timezone.now()}
    other = person("reviewer")
    for by, counts_for, editor in (
        (maker, maker, None),
        (other, maker, None),
        (maker, other, None),
        (other, other, other),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Approval.objects.create(**plain, by=by, counts_for=counts_for, requester=maker, editor=editor)
    Approval.objects.create(**plain, by=other, counts_for=other, requester=maker)
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.create(**plain, by=other, counts_for=other, requester=maker)


@pytest.mark.parametrize("maker_gives", [True, False])
def test_who_acts_for_the_maker_or_has_the_maker_act_for_them_is_kept_out(awaiting, person, maker_gives):
    maker, other = person("operator", "reviewer"), person("reviewer")
    request = awaiting(by=maker)
    person("reviewer")
    giver, taker = (maker, other) if maker_gives else (other, maker)
    today = timezone.localdate()
    delegations.delegate(giver=giver, taker=taker, starts_on=today, ends_on=today, reason="Away", by=giver)
    with pytest.raises(CannotDecide, match="stand"):
        approve(request, other)
    assert state(request) == "requested"


def test_who_changed_it_last_is_kept_out_and_earlier_approvals_count_no_more(awaiting, person):
    request, first, editor = awaiting({"steps": TWO}), person("reviewer"), person("controller")
    approve(request, first)
    approving.rework(
        request, by=editor, seal=request.seal, reason="Say it better", reference="R-2", arguments={}, token="t"
    )
    assert (request.round, request.editor, Table(request).missing) == (2, editor, 2)
    assert request.broken == [["Reason", "A reason", "Say it better", ""], ["Reference", "R-1", "R-2", ""]]
    person("reviewer")
    with pytest.raises(CannotDecide, match="changed this last"):
        approve(request, editor)
    approve(request, first)
    assert Table(request).missing == 1


def test_one_person_counts_once_in_two_sessions_and_through_two_doors(awaiting, person):
    request, one, other, away = awaiting({"steps": TWO}), person("reviewer"), person("reviewer"), person("reviewer")
    today = timezone.localdate()
    delegations.delegate(giver=away, taker=one, starts_on=today, ends_on=today, reason="Away", by=away)
    approve(request, one)
    for in_place_of in (None, one.pk, away.pk):
        with pytest.raises(CannotDecide):
            approve(request, one, in_place_of=in_place_of)
    assert state(request) == "requested"
    approve(request, other)
    assert state(request) == "approved"


def test_a_seat_is_taken_once_by_its_holder_and_who_stands_in(awaiting, person):
    request, away, one, other = awaiting({"steps": TWO}), person("controller"), person("reviewer"), person("reviewer")
    today = timezone.localdate()
    delegations.delegate(giver=away, taker=one, starts_on=today, ends_on=today, reason="Away", by=away)
    approve(request, one, in_place_of=away.pk)
    made = request.decisions.get()
    assert (made.by, made.in_place_of, made.counts_for, made.roles) == (one, away, away, ["controller"])
    assert AuditEntry.objects.get(action="approval.approved").facts["in_place_of"] == str(away)
    with pytest.raises(CannotDecide):
        approve(request, away)
    approve(request, other)
    assert state(request) == "approved"


def test_roles_and_their_order_are_kept(awaiting, person):
    steps = [{"count": 1, "roles": ["reviewer"]}, {"count": 1, "roles": ["controller"]}]
    request, reviewer, controller = (
        awaiting({"steps": steps, "ordered": True}),
        person("reviewer"),
        person("controller"),
    )
    with pytest.raises(CannotDecide, match="another's turn"):
        approve(request, controller)
    approve(request, reviewer)
    approve(request, controller)
    assert state(request) == "approved"


def test_above_their_limit_nobody_approves(awaiting, person):
    from invoicing.models import Scope

    small, large = person("reviewer"), person("controller")
    Scope.objects.create(user=small, limits={"approve": {"USD": "9.99"}})
    request = awaiting()
    with pytest.raises(CannotDecide, match="outside what you may approve"):
        approve(request, small)
    approve(request, large)
    assert state(request) == "approved"


def test_where_nobody_else_can_one_may_with_a_reason_and_it_is_called_alone(awaiting, person):
    maker = person("operator", "reviewer")
    request = awaiting({"steps": TWO}, by=maker)
    with pytest.raises(CannotDecide, match="Nobody else can approve") as told:
        approve(request, maker)
    assert told.value.field == "reason"
    approve(request, maker, reason="I am alone in August")
    made = request.decisions.get()
    assert (made.solo, made.by, state(request)) == (True, maker, "approved")
    assert AuditEntry.objects.get(action="approval.approved").facts["solo"] is True


def test_alone_comes_the_maker_last(awaiting, person):
    """A second place that only one other could fill is filled by that one, with a reason, never by the maker."""
    maker, other = person("operator", "reviewer"), person("reviewer")
    request = awaiting({"steps": TWO}, by=maker)
    approve(request, other)
    with pytest.raises(CannotDecide, match="You asked for this yourself"):
        approve(request, maker, reason="Let me")
    approve(request, other, reason="Nobody else is there")
    assert state(request) == "approved"


def test_a_rejection_ends_it_with_a_reason_and_it_can_be_asked_anew(awaiting, person):
    request, reviewer, maker = awaiting(), person("reviewer"), None
    maker = request.requester
    with pytest.raises(CannotDecide, match="Say why"):
        approving.reject(request, by=reviewer, seal=request.seal, reason=" ")
    approving.reject(request, by=reviewer, seal=request.seal, reason="Wrong invoice")
    assert (request.state, state(request)) == ("rejected", "rejected")
    assert send(request.operation).written == []
    with pytest.raises(CannotDecide, match="decided already"):
        approve(request, reviewer)
    anew = approving.rework(
        request, by=maker, seal=request.seal, reason="The right one", reference="", arguments={}, token="again"
    )
    assert anew.pk != request.operation_id and anew.state == "requested"


def test_the_maker_withdraws_and_a_late_approval_counts_for_nothing(awaiting, person):
    request, reviewer = awaiting(), person("reviewer")
    assert approving.withdraw(request, by=request.requester)
    request.refresh_from_db()
    assert (request.state, state(request)) == ("withdrawn", "cancelled")
    with pytest.raises(CannotDecide):
        approve(request, reviewer)
    assert state(request) == "cancelled"


def test_what_nobody_decides_expires(awaiting, person, clock, settings):
    settings.DESK_APPROVAL_EXPIRES_DAYS = 3
    request, reviewer = awaiting(), person("reviewer")
    clock.shift(timedelta(days=3, seconds=-1))
    assert approving.sweep() == {"expired": 0, "broken": 0}
    clock.shift(timedelta(seconds=1))
    with pytest.raises(CannotDecide, match="time to approve this is over"):
        approve(request, reviewer)
    assert approving.sweep() == {"expired": 1, "broken": 0}
    request.refresh_from_db()
    assert (request.state, state(request)) == ("expired", "expired")


# ---- the seal


def edited(operation, wire=None):
    """The provider's invoice changes, and a wire that reads it so."""
    world = world_of(operation)
    world.edits = 5
    return wire or Wire(world)


def sent_now(request, wire):
    operation = Operation.objects.select_related("connection", "invoice__connection", "requester").get(
        pk=request.operation_id
    )
    sending.dispatch(operation, http=wire)
    request.refresh_from_db()
    return operation


def test_a_change_at_the_provider_after_the_approval_breaks_the_seal(awaiting, person):
    request, reviewer = awaiting(), person("reviewer")
    was = request.seal
    approve(request, reviewer)
    wire = edited(request.operation)

    operation = sent_now(request, wire)

    assert wire.written == [] and operation.state == "requested" and not operation.attempts.exists()
    assert request.seal != was and (request.state, request.round) == ("open", 2)
    assert request.broken[0] == ["Total", "10.00", "15.00", "USD"]
    entry = AuditEntry.objects.get(action="by_key.stale")
    assert entry.facts["approvals_lost"] == [str(reviewer)]

    with pytest.raises(CannotDecide, match="not what is asked for any more"):
        approve(request, reviewer, seal=was)
    approve(request, reviewer)
    assert sent_now(request, wire).state == "succeeded" and len(wire.written) == 1


def test_what_grew_over_a_limit_asks_for_as_many_as_it_now_needs(awaiting, person):
    request, one, other = (
        awaiting({"steps": ONE}, {"above": "12", "steps": TWO}),
        person("reviewer"),
        person("reviewer"),
    )
    approve(request, one)
    wire = edited(request.operation)  # 15.00 now
    assert sent_now(request, wire).state == "requested" and len(request.needs) == 2
    approve(request, one)
    assert sent_now(request, wire).state == "requested" and wire.written == []
    approve(request, other)
    assert sent_now(request, wire).state == "succeeded"


def test_a_change_in_the_mirror_before_the_approval_counts_nothing_and_shows_what_changed(awaiting, person):
    request, reviewer = awaiting(), person("reviewer")
    invoice = request.operation.invoice
    type(invoice).objects.filter(pk=invoice.pk).update(provider_status="paid")
    with pytest.raises(CannotDecide, match="changed after this was asked for"):
        approve(request, reviewer)
    request.refresh_from_db()
    assert request.round == 2 and request.broken == [["Status", "open", "paid", ""]]
    assert not request.decisions.exists() and state(request) == "requested"


def test_the_sweep_finds_a_broken_seal_by_itself(awaiting):
    request = awaiting()
    type(request.operation.invoice).objects.filter(pk=request.operation.invoice_id).update(provider_status="paid")
    assert approving.sweep() == {"expired": 0, "broken": 1}
    assert approving.sweep() == {"expired": 0, "broken": 0}


@pytest.mark.parametrize(
    "tampered", [{"arguments": {"x": 1}}, {"external_id": "other"}, {"verb": "by_guard"}, {"seen": {}}]
)
def test_a_row_that_was_changed_after_the_approval_is_not_sent(awaiting, person, tampered):
    request = awaiting()
    approve(request, person("reviewer"))
    wire = Wire(world_of(request.operation))
    Operation.objects.filter(pk=request.operation_id).update(**tampered)
    try:
        sent_now(request, wire)
    except Exception as error:  # another invoice is not even found
        assert tampered.get("external_id"), error
    assert wire.written == []
    assert not AuditEntry.objects.filter(
        target=f"operation:{request.operation_id}", action__endswith=".attempt"
    ).exists()


def test_content_that_was_changed_with_its_seal_finds_no_approval_of_it(awaiting, person):
    from invoicing.approvals import seals

    request = awaiting()
    approve(request, person("reviewer"))
    content = request.content | {"arguments": {"x": 1}}
    ApprovalRequest.objects.filter(pk=request.pk).update(content=content, seal=seals.digest(content))
    Operation.objects.filter(pk=request.operation_id).update(arguments={"x": 1})
    wire = Wire(world_of(request.operation))
    assert sent_now(request, wire).state == "requested" and wire.written == []


@pytest.mark.parametrize("how", ["gone", "no role"])
def test_an_approver_who_may_not_any_more_approved_nothing(awaiting, person, how):
    request, reviewer = awaiting(), person("reviewer")
    approve(request, reviewer)
    if how == "gone":
        User.objects.filter(pk=reviewer.pk).update(is_active=False)
    else:
        reviewer.groups.clear()
    wire = Wire(world_of(request.operation))
    assert sent_now(request, wire).state == "requested" and wire.written == []
    assert "may not any more" in request.broken_why


def test_an_approval_that_is_too_old_is_asked_for_again(awaiting, person, clock, settings):
    settings.DESK_APPROVED_HOURS = 1
    request = awaiting()
    approve(request, person("reviewer"))
    clock.shift(timedelta(hours=1, seconds=1))
    wire = Wire(world_of(request.operation))
    assert sent_now(request, wire).state == "requested" and wire.written == []
    assert "too old" in request.broken_why


# ---- at once


def together(*works):
    """Each in a thread of its own with its own connection, begun at the same moment; what each came to."""
    found, gate = [None] * len(works), threading.Barrier(len(works))

    def run(at, work):
        try:
            gate.wait()
            found[at] = work()
        except Exception as error:
            found[at] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_parallel_approvals_of_one_person_count_once(awaiting, person):
    request, reviewer = awaiting({"steps": TWO}), person("reviewer")
    person("reviewer")

    def one():
        return approve(ApprovalRequest.objects.get(pk=request.pk), reviewer)

    found = together(one, one, one)
    assert sum(isinstance(each, CannotDecide) for each in found) == 2
    assert request.decisions.count() == 1 and state(request) == "requested"


def test_of_an_approval_and_a_withdrawal_at_once_exactly_one_wins(awaiting, person):
    for _ in range(5):
        request, reviewer = awaiting(), person("reviewer")

        def yes(request=request, reviewer=reviewer):
            return approve(ApprovalRequest.objects.get(pk=request.pk), reviewer)

        operation = Operation.objects.get(pk=request.operation_id)
        found = together(yes, lambda operation=operation: cancel(operation, by=operation.requester))
        approved, withdrawn = not isinstance(found[0], Exception), found[1] is True
        assert approved != withdrawn, found
        assert state(request) == ("approved" if approved else "cancelled")
        User.objects.filter(pk=reviewer.pk).update(is_active=False)


# ---- whose decision it is


def test_the_queue_holds_what_one_could_decide(awaiting, person):
    request, reviewer = awaiting(), person("reviewer")
    waits = [request]
    assert waiting_for(reviewer, waits) == waits
    assert waiting_for(person("operator"), waits) == []
    assert waiting_for(request.requester, waits) == []


# ---- batches


def test_a_batch_is_approved_as_a_whole_and_its_rows_are_what_was_approved(wish, policy, person):
    import uuid

    policy({"rows_above": 0, "steps": ONE})
    batch, maker, wishes = uuid.uuid4(), person("operator"), [wish(), wish(), wish()]
    invoices = [each.invoice for each in wishes]
    request = approving.open_for_batch(
        batch, verb="by_key", arguments={}, invoices=invoices[:2], by=maker, title="By key, 2 invoices", digest="d"
    )
    from dataclasses import replace

    first, second, stranger = (replace(each, by=maker, correlation=batch) for each in wishes)
    with pytest.raises(CannotRequest, match="not approved"):
        request_operation(first)
    approve(request, person("reviewer"))
    operation = request_operation(first)
    assert operation.state == "approved" and len(send(operation).written) == 1
    with pytest.raises(CannotRequest, match="not what was approved"):
        request_operation(stranger)
    late = replace(second, token="late")
    waits = request_operation(late)
    Operation.objects.filter(pk=waits.pk).update(arguments={"x": 1})
    assert send(waits).written == [] and waits.state == "refused", "what is sent is the row that was approved"
    type(invoices[1]).objects.filter(pk=invoices[1].pk).update(provider_status="paid")
    second.invoice.refresh_from_db()
    with pytest.raises(CannotRequest, match="not what was approved"):
        request_operation(second)


def test_a_large_batch_needs_two(wish, policy, person):
    from invoicing.approvals.asking import needed_for_batch

    policy()
    invoice = wish().invoice
    assert [need["rule"] for need in needed_for_batch("update", [invoice] * 25)] == ["Every batch"]
    assert len(needed_for_batch("update", [invoice] * 26)) == 2
    assert needed_for_batch("update", []) == []
