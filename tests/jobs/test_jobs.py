import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from invoicing.jobs import progress, running, schedule, worker
from invoicing.jobs.api import enqueue
from invoicing.models import Firing, Job
from tests.jobs import work_to_do
from tests.jobs.work_to_do import count_to, fail, leave_a_mark, note_down, wait_for_the_provider

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_ran():
    work_to_do.ran.clear()


def the_job():
    return Job.objects.get()


def test_a_rolled_back_transaction_leaves_no_job():
    with pytest.raises(RuntimeError), transaction.atomic():
        enqueue(note_down, text="never")
        raise RuntimeError
    assert not Job.objects.exists()


def test_an_enqueued_job_runs_once_and_ends(operator):
    enqueue(note_down, by=operator, text="hello")

    assert worker.drain() >= 1

    assert work_to_do.ran == ["hello"]
    job = Job.objects.get(task__endswith="note_down")
    assert (job.state, job.attempts, job.requested_by, job.lease_until) == ("done", 1, operator, None)


def test_while_one_is_active_enqueuing_the_same_again_finds_it():
    first, second = enqueue(note_down, text="once"), enqueue(note_down, text="once")
    assert first == second
    running.execute(running.claim("me"))
    assert enqueue(note_down, text="once") != first


def test_a_failing_job_is_retried_with_growing_pauses_and_then_says_why_without_secrets():
    enqueue(fail, text="x")
    for attempt in (1, 2, 3):
        Job.objects.update(run_at=timezone.now())
        running.execute(running.claim("me"))
        job = the_job()
        assert job.attempts == attempt
        if attempt < 3:
            assert job.state == "queued" and job.run_at > timezone.now()
    assert job.state == "failed"
    assert "[redacted] is not for logs" in job.error and "sk_live" not in job.error


def test_waiting_for_a_provider_costs_no_attempt():
    enqueue(wait_for_the_provider)
    running.execute(running.claim("me"))
    job = the_job()
    assert (job.state, job.attempts, job.note) == ("queued", 0, "The provider asks to wait")
    assert timedelta(seconds=80) < job.run_at - timezone.now() < timedelta(seconds=100)


def test_progress_is_on_the_row_and_cancel_stops_at_the_next_safe_point():
    enqueue(count_to, number=5)
    job = running.claim("me")
    original = progress.report

    def cancel_at_three(done, **facts):
        if done == 3:
            assert running.cancel(job.pk)
        original(done, **facts)

    progress.report = cancel_at_three
    try:
        running.execute(job)
    finally:
        progress.report = original
    job = the_job()
    assert (job.state, job.done, job.expected) == ("cancelled", 2, 5)
    assert work_to_do.ran == ["0", "1", "2"]


def test_two_claimers_never_get_the_same_job():
    for number in range(20):
        enqueue(note_down, text=str(number))
    got, lock = [], threading.Lock()

    def claim_all(owner):
        while job := running.claim(owner):
            with lock:
                got.append(job.pk)
        connection.close()

    threads = [threading.Thread(target=claim_all, args=(f"worker{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(set(got)) == 20


def test_a_worker_that_lost_its_lease_cannot_overwrite_the_next_one():
    enqueue(note_down, text="x")
    slow = running.claim("slow")
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    quick = running.claim("quick")
    assert quick.pk == slow.pk and quick.attempts == 2
    assert not running.finish(slow, Job.State.FAILED)
    assert running.finish(quick, Job.State.DONE)


def test_a_schedule_fires_once_a_minute_however_many_try():
    for _ in range(5):
        schedule.fire_due()
    assert Firing.objects.filter(schedule="read back").count() == 1
    assert Job.objects.filter(task__endswith="settle_due").count() == 1


def test_kill_9_loses_nothing(tmp_path, settings):
    mark = tmp_path / "mark"
    enqueue(leave_a_mark, path=str(mark), seconds=60)
    name = connection.settings_dict["NAME"]
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{name}"
        if connection.vendor == "sqlite"
        else os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{name}",
        "DESK_BUILDING": "1",
        "DESK_SYNC_MINUTES": "0",
    }
    process = subprocess.Popen([sys.executable, "manage.py", "work"], env=environment)
    try:
        end = time.monotonic() + 20
        while not mark.exists() and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert mark.read_text().count("done") == 0
    job = Job.objects.get(task__endswith="leave_a_mark")
    assert job.state == "running"

    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now(), arguments={"path": str(mark), "seconds": 0})
    worker.drain()

    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 2)
    assert mark.read_text().endswith("done\n")
