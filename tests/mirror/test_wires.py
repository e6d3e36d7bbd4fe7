"""From a stored connection to something that can call: whose key, where to, how often."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from invoicing.mirror import wires
from invoicing.mirror.wires import InsideTransaction, Pacer, refuse_inside_transaction, wire_for
from invoicing.models import Pace
from invoicing.models.sealing import CannotUnseal
from invoicing.providers.errors import KeyRefused, NotSent, RateLimited


def never(_):
    raise AssertionError("It slept.")


@pytest.mark.django_db
def test_a_wire_has_the_connections_key_and_address(connection):
    wire = wire_for(connection)
    assert (wire.api_key.reveal(), wire.base.host) == ("sk_plain_000000000000", "plain.example")


@pytest.mark.django_db
def test_a_key_does_not_follow_to_another_host(connection):
    connection.base_url = "https://elsewhere.example"
    with pytest.raises(CannotUnseal):
        wire_for(connection)


@pytest.mark.django_db
def test_a_host_nobody_named_is_not_called(connection, settings):
    settings.DESK_ALLOW_PRIVATE_HOSTS = False
    connection.base_url = "https://elsewhere.example"
    connection.set_api_key("sk_other_000000000000")
    with pytest.raises(NotSent):
        wire_for(connection)
    settings.DESK_EXTRA_HOSTS = ["elsewhere.example"]
    assert wire_for(connection).base.host == "elsewhere.example"


@pytest.mark.django_db
def test_without_a_key_nothing_is_called(connection):
    connection.sealed_key = ""
    with pytest.raises(KeyRefused):
        wire_for(connection)


@pytest.mark.django_db(transaction=True)
def test_a_write_inside_a_transaction_is_refused(connection):
    refuse_inside_transaction()
    with transaction.atomic(), pytest.raises(InsideTransaction):
        refuse_inside_transaction()
    assert wire_for(connection).before_write is refuse_inside_transaction


@pytest.mark.django_db
def test_turns_are_one_interval_apart(connection):
    pacer = Pacer(connection.pk, 10, sleep=never)
    turns = [pacer.take() for _ in range(4)]
    assert turns[0] <= 0
    for number, turn in enumerate(turns):
        assert turn == pytest.approx(number * 0.1, abs=0.09)


@pytest.mark.django_db
def test_idle_time_is_not_saved_up(connection):
    pacer = Pacer(connection.pk, 10, sleep=never)
    pacer.take()
    Pace.objects.update(next_at=time.time() - 3600)
    assert pacer.take() <= 0
    assert pacer.take() == pytest.approx(0.1, abs=0.09)


@pytest.mark.django_db
def test_a_turn_too_far_away_is_not_taken(connection):
    wires.pause(connection, 100, "They asked for it.")
    pacer = Pacer(connection.pk, 10, sleep=never)
    for _ in range(2):
        with pytest.raises(RateLimited) as refused:
            pacer.wait()
        assert 95 < refused.value.retry_after <= 101
    connection.refresh_from_db()
    assert connection.paused_until > timezone.now() + timedelta(seconds=95)
    assert connection.pause_reason == "They asked for it."
    wires.resume(connection)
    assert pacer.take() <= 0
    connection.refresh_from_db()
    assert (connection.paused_until, connection.pause_reason) == (None, "")


@pytest.mark.django_db(transaction=True)
def test_many_workers_together_keep_the_limit(connection):
    starts, lock = [], threading.Lock()

    def work():
        pacer = Pacer(connection.pk, 50)
        for _ in range(5):
            pacer.wait()
            with lock:
                starts.append(time.monotonic())
        connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    began = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(starts) == 20
    assert max(starts) - began >= 19 * 0.02 - 0.01
    assert round(Pace.objects.get().next_at - time.time(), 1) <= 0.1
