"""Connections, jobs, statuses and health: how the desk itself is doing, and to whom it listens."""

import re
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from invoicing.models import Job, SyncRun, WorkerBeat
from invoicing.operations.registry import VERBS
from invoicing.providers.registry import PROVIDERS
from tests.web.mirrored import HOSTILE
from tests.web.test_invoice import text_of


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def run_of(connection, **columns):
    now = timezone.now()
    return SyncRun.objects.create(
        **{"connection": connection, "full": True, "started_at": now, "heartbeat_at": now, "state": "complete"}
        | columns
    )


def said(client, path="/connections/"):
    answer = client.get(path)
    assert answer.status_code == 200
    return text_of(answer.content.decode())


def test_with_nothing_connected_the_command_is_shown(signed_in):
    words = said(signed_in)

    assert "Nothing is connected yet." in words and "manage.py connect PROVIDER NAME --api-key -" in words
    assert all(key in words for key in PROVIDERS)


def test_a_connection_shows_what_it_is_and_its_runs_never_its_key(signed_in, connection_to):
    connection = connection_to("orb", api_key="sk_test_very_long_key_9876")
    run_of(connection, seen=120, created=3, changed=2, unchanged=114, quarantined=1, gone=1, errors=[])

    html = signed_in.get("/connections/").content.decode()
    words = text_of(html)

    assert "ends in 9876" in words and "very_long" not in html and connection.sealed_key not in html
    assert "120 3 2 114 1 1" in words and "Complete" in words and "Live" in words


def test_an_error_comes_with_what_helps(signed_in, connection_to):
    connection = connection_to("orb")
    connection.last_error, connection.last_error_at = "Orb does not accept the key for this.", timezone.now()
    connection.save()

    words = said(signed_in)

    assert "Failing" in words and "does not accept the key" in words
    assert "What helps: Make a new key at the provider" in words


def test_a_pause_is_shown_with_its_end_and_reason(signed_in, connection_to):
    connection = connection_to("orb")
    connection.paused_until, connection.pause_reason = timezone.now() + timedelta(hours=1), "Orb asks us to wait."
    connection.save()

    assert re.search(r"Paused until \d.* UTC ?: Orb asks us to wait\.", said(signed_in))


def test_sync_now_is_one_job_however_often_it_is_pressed(signed_in, operator, connection_to):
    connection = connection_to("orb")

    for _ in range(3):
        answer = signed_in.post(f"/connections/{connection.pk}/sync/")

    job = Job.objects.get()
    assert answer.url == "/connections/"
    assert (job.requested_by, job.arguments) == (operator, {"connection_id": connection.pk, "full": False})


def test_a_full_sync_while_another_runs_is_not_promised(signed_in, connection_to):
    connection = connection_to("orb")
    signed_in.post(f"/connections/{connection.pk}/sync/")

    answer = signed_in.post(f"/connections/{connection.pk}/sync/", {"full": "1"}, follow=True)

    assert Job.objects.get().arguments["full"] is False
    assert "under way already" in text_of(answer.content.decode())


def test_a_full_sync_is_full(signed_in, connection_to):
    connection = connection_to("orb")
    signed_in.post(f"/connections/{connection.pk}/sync/", {"full": "1"})

    assert Job.objects.get().arguments["full"] is True


def test_a_running_sync_is_followed_and_can_be_stopped(signed_in, connection_to):
    connection = connection_to("orb")
    htmx = {"HX-Request": "true"}
    card = f"/connections/{connection.pk}/"
    signed_in.post(f"/connections/{connection.pk}/sync/")
    job = Job.objects.get()
    Job.objects.update(state="running", done=40, expected=120, owner="w")
    run_of(connection, state="running", seen=40, expected=120, created=7, job_id=job.pk, owner="host:1:x")

    html = signed_in.get(card, headers=htmx).content.decode()
    assert 'value="40" max="120"' in html and "40 of 120 read, 7 new" in text_of(html)
    assert 'hx-trigger="load delay:2s"' in html and "<html" not in html

    signed_in.post(f"/jobs/{job.pk}/cancel/", {"next": "/connections/"})
    job.refresh_from_db()
    assert job.cancel_requested and "Stopping" in signed_in.get(card, headers=htmx).content.decode()

    Job.objects.update(state="cancelled")
    SyncRun.objects.update(state="cancelled", owner="")
    assert "hx-trigger" not in signed_in.get(card, headers=htmx).content.decode()
    assert signed_in.get(card).status_code == 302, "without htmx it leads to the page"


def test_an_interrupted_sync_is_not_called_running(signed_in, connection_to):
    run_of(connection_to("orb"), state="running", seen=40, owner="")

    words = said(signed_in)

    assert "stands where it was interrupted, after 40 records" in words and "Syncing" not in words


def test_only_who_may_sync_may_sync(client, person, connection_to):
    connection = connection_to("orb")
    client.force_login(person("operator"))

    assert 'id="sync-' not in client.get("/connections/").content.decode()
    assert client.post(f"/connections/{connection.pk}/sync/").status_code == 403
    assert client.get(f"/connections/{connection.pk}/sync/").status_code == 405
    client.force_login(person())
    for path in ("/connections/", f"/connections/{connection.pk}/", "/jobs/", "/statuses/"):
        assert client.get(path).status_code == 404
    assert client.post(f"/connections/{connection.pk}/sync/").status_code == 404
    assert not Job.objects.exists()


def test_a_missing_worker_is_noticed(signed_in, connection_to):
    connection_to("orb")
    assert "No worker is at work, and none was ever seen here" in said(signed_in)

    beat = WorkerBeat.objects.create(name="w", seen_at=timezone.now() - timedelta(hours=3))
    assert "one was last seen 3 h ago" in said(signed_in) and "No worker is at work" in said(signed_in, "/jobs/")

    beat.seen_at = timezone.now()
    beat.save()
    assert "No worker is at work" not in said(signed_in)


def test_hostile_names_and_errors_stay_text(signed_in, connection_to):
    connection = connection_to("orb", name=HOSTILE[:64])
    connection.last_error, connection.last_error_at = HOSTILE, timezone.now()
    connection.facts = {"account": HOSTILE}
    connection.save()
    run_of(connection, state="incomplete", errors=[{"at": "now", "where": HOSTILE, "problem": HOSTILE}])
    Job.objects.create(
        task="x.sync_connection_job", arguments={"connection_id": connection.pk}, state="failed", error=HOSTILE
    )

    for path in ("/connections/", "/jobs/"):
        html = signed_in.get(path).content.decode()
        assert "<script>alert" not in html and "<img src=x" not in html and "&lt;img" in html


def test_connections_cost_the_same_queries_however_many(signed_in, connection_to, django_assert_max_num_queries):
    for n in range(8):
        connection = connection_to("orb", name=f"orb {n}")
        for _ in range(9):
            run_of(connection)

    with django_assert_max_num_queries(12):
        html = signed_in.get("/connections/").content.decode()

    assert html.count("Complete</span>") == 8 * 6, "the last six of each"


def test_jobs_are_sorted_by_how_they_stand(signed_in, connection_to, operator):
    connection = connection_to("orb")
    make = Job.objects.create
    make(task="invoicing.mirror.tasks.sync_connection_job", arguments={"connection_id": connection.pk}, state="running")
    make(task="invoicing.mirror.tasks.refresh_invoice_job", arguments={"invoice_id": 7}, requested_by=operator)
    failed = make(
        task="invoicing.documents.tasks.fetch_pdf_job",
        arguments={"invoice_id": 8},
        state="failed",
        attempts=3,
        error="Traceback\ninvoicing.providers.errors.NotSent: The name does not resolve.",
    )
    make(task="invoicing.operations.tasks.settle_due", state="done")

    html = signed_in.get("/jobs/").content.decode()
    words = text_of(html)

    assert (
        words.index("Running") < words.index("Sync orb") < words.index("Queued") < words.index("Read one invoice again")
    )
    assert "The name does not resolve. after 3 tries" in words and "NotSent" not in words
    assert "Settle what is due" not in words, "routine that ended well is no news"
    assert f"/jobs/{failed.pk}/retry/" in html


def test_a_failed_job_is_tried_again_once(signed_in):
    job = Job.objects.create(task="x.y", state="failed", error="no", attempts=2, unique_key="k")

    signed_in.post(f"/jobs/{job.pk}/retry/")
    job.refresh_from_db()
    assert (job.state, job.attempts, job.error) == ("queued", 0, "")

    other = Job.objects.create(task="x.y", state="failed", unique_key="k")
    answer = signed_in.post(f"/jobs/{other.pk}/retry/", follow=True)
    other.refresh_from_db()
    assert other.state == "failed" and "same work is under way" in text_of(answer.content.decode())


def test_jobs_are_stopped_by_who_may_and_lead_back_home(client, person, signed_in):
    job = Job.objects.create(task="x.y")

    for elsewhere in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"):
        assert signed_in.post(f"/jobs/{job.pk}/cancel/", {"next": elsewhere}).url == "/jobs/"
    job.refresh_from_db()
    assert job.state == "cancelled"

    waiting = Job.objects.create(task="x.y")
    client.force_login(person("viewer"))
    assert client.post(f"/jobs/{waiting.pk}/cancel/").status_code == 403
    assert client.post(f"/jobs/{waiting.pk}/retry/").status_code == 403
    assert "/cancel/" not in client.get("/jobs/").content.decode()
    waiting.refresh_from_db()
    assert waiting.state == "queued"


def test_every_word_of_every_provider_is_on_the_page(signed_in):
    words = said(signed_in, "/statuses/")

    for provider in PROVIDERS.values():
        assert provider.statuses
        for word, *_ in provider.statuses:
            assert word in words
        for why in provider.not_offered.values():
            assert why in words


def test_every_verb_says_for_every_provider_whether_and_how(signed_in):
    html = signed_in.get("/statuses/").content.decode()

    table = html.split('class="table capabilities"')[1].split("</table>")[0]
    assert table.count("<td") == len(VERBS) * len(PROVIDERS)
    offered = sum(provider in verb.calls for verb in VERBS.values() for provider in PROVIDERS)
    assert table.count("Offered") == offered
    assert "cannot do it twice" in table and "POST /invoices/{invoice_id}/void" in table.replace("<wbr>", "")


def test_health_needs_no_sign_in_and_says_what_is_missing(client, db, monkeypatch):
    assert client.get("/healthz").content == b"ok"

    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "database": True, "worker": False})

    WorkerBeat.objects.create(name="w", seen_at=timezone.now())
    assert client.get("/readyz").json()["ready"] is True

    def broken():
        raise DatabaseError("gone")

    monkeypatch.setattr("invoicing.web.health.worker_is_there", broken)
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
