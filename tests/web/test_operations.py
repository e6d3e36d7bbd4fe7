"""An operation's page and the list of them: never more is claimed than is known."""

import re
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from invoicing.models import Attempt, AuditEntry, Operation, WorkerBeat
from invoicing.operations.requesting import Wish, request_operation
from invoicing.operations.verb import Proof, Verdict
from tests.behind import behind_the_triggers
from tests.web.mirrored import HOSTILE, body, changed, mirrored
from tests.web.test_invoice import text_of


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def issued(connection_to):
    return mirrored(connection_to("orb"), body("orb_invoice_issued"))


@pytest.fixture
def ask(operator, issued):
    """ask(state="unknown", ...) stores an operation and puts it where a worker would have left it."""

    def make(*, verb="void", invoice=None, reason="Billed twice", **columns):
        wish = Wish(verb=verb, invoice=invoice or issued, by=operator, reason=reason, token=uuid.uuid4().hex)
        operation = request_operation(wish)
        if columns:
            Operation.objects.filter(pk=operation.pk).update(version=operation.version + 1, **columns)
            operation.refresh_from_db()
        return operation

    return make


@pytest.fixture
def sent(ask):
    """An operation whose only attempt ended as given."""

    def make(*, wire="answered", status=None, classified="unknown", said="", **columns):
        operation = ask(attempt=1, **columns)
        now = timezone.now()
        Attempt.objects.create(
            operation=operation,
            number=1,
            lease_token="t",
            committed_at=now,
            request={"endpoint": "void_invoice", "path": {"invoice_id": operation.external_id}, "body": {}},
            wire=wire,
            http_status=status,
            classified=classified,
            said=said,
            milliseconds=31,
            ended_at=now,
        )
        return operation

    return make


def page(client, operation) -> str:
    answer = client.get(f"/operations/{operation.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


def headline(html: str) -> str:
    return text_of(re.search(r'<h2 id="stands-h".*?</h2>', html, re.DOTALL)[0])


def test_what_was_only_accepted_is_never_called_done(signed_in, sent):
    later = timezone.now() + timedelta(minutes=5)
    accepted = sent(status=202, classified="accepted", state="accepted", next_look_at=later, quiet_at=later)

    html = page(signed_in, accepted)

    assert headline(html) == "Accepted, not done yet"
    said = text_of(html)
    assert "counts as done only once reading back shows it" in said and "The next look is at" in said
    assert "Voided" not in said and "Succeeded" not in said


def test_what_nobody_knows_says_what_is_done_about_it(signed_in, sent):
    soon, quiet = timezone.now() + timedelta(minutes=1), timezone.now() + timedelta(minutes=10)
    evidence = [{"at": timezone.now().isoformat(), "attempt": 1, "verdict": "absent", "saw": "Status issued"}]
    unknown = sent(
        wire="maybe",
        said="The connection broke before the answer was complete.",
        state="unknown",
        quiet_at=quiet,
        next_look_at=soon,
        evidence=evidence,
    )

    html = page(signed_in, unknown)
    said = text_of(html)

    assert headline(html) == "Nobody knows yet whether it happened"
    assert "only when two reads agree, the second after" in said and "Nothing is sent again before" in said
    assert f"The next look is at {timezone.localtime(soon):%H:%M:%S}" in said
    assert "It was written; it may have arrived" in said and "Read back: no effect to be seen" in said
    assert "Orb said" not in said, "the words are ours: there was no answer"
    assert "not done" not in said.lower().replace("nothing was done", "")


def test_a_refusal_is_told_in_the_providers_words(signed_in, sent):
    refused = sent(
        status=400,
        classified="refused",
        said="Invoice is already void.",
        state="refused",
        settled_by="answer",
        outcome={"message": "Invoice is already void."},
        finished_at=timezone.now(),
    )

    said = text_of(page(signed_in, refused))

    assert "Orb refused it" in said and "Nothing was done." in said
    assert "Orb said: “Invoice is already void.”" in said and "Answered 400 after 31 ms" in said
    assert "POST /invoices/{invoice_id}/void" in said


def test_what_was_not_sent_is_not_blamed_on_the_provider(signed_in, ask):
    why = "The invoice changed since it was looked at: Total was 196.20, is 190. Nothing was sent."
    stopped = ask(state="refused", outcome={"message": why, "sent": False}, finished_at=timezone.now())

    html = page(signed_in, stopped)

    assert headline(html) == "Not sent" and why in text_of(html)


def test_success_says_how_it_is_known_and_what_it_made(signed_in, sent, issued):
    done = {"status": 200, "classified": "done", "state": "succeeded", "finished_at": timezone.now()}
    evidence = [{"at": timezone.now().isoformat(), "attempt": 1, "verdict": "applied", "saw": "Status void"}]
    operation = sent(**done, settled_by="answer", evidence=evidence, outcome={"created": "new1", "message": ""})

    assert "It made new1 , which is not mirrored yet" in text_of(page(signed_in, operation))
    made = mirrored(issued.connection, changed(body("orb_invoice_issued"), id="new1", invoice_number="NEW-1"))
    html = page(signed_in, operation)

    assert headline(html) == "Voided"
    assert "reading back confirmed it" in text_of(html)
    assert f'href="/invoices/{made.pk}/"' in html and "hx-trigger" not in html.split('id="state"')[1][:400]


def test_a_success_that_was_read_back_says_that_the_answer_was_lost(signed_in, sent):
    operation = sent(wire="maybe", state="succeeded", settled_by="read_back", finished_at=timezone.now())

    assert "The answer was lost; reading back showed that it happened." in text_of(page(signed_in, operation))


@pytest.mark.parametrize("state", ["requested", "needs_person", "not_done", "rejected", "expired", "cancelled"])
def test_every_state_has_its_words(signed_in, ask, state):
    ended = None if state in ("requested", "needs_person") else timezone.now()
    operation = ask(state=state, finished_at=ended, settled_by="read_back" if state == "not_done" else "")

    words = headline(page(signed_in, operation))

    assert (
        words
        == {
            "requested": "Waiting for approval",
            "needs_person": "It needs a person",
            "not_done": "It did not happen",
            "rejected": "Rejected",
            "expired": "Expired",
            "cancelled": "Called back",
        }[state]
    )


def test_reads_that_saw_the_same_are_told_once(signed_in, sent):
    now = timezone.now()
    looks = [
        {"at": (now + timedelta(seconds=5 + n)).isoformat(), "attempt": 1, "verdict": "absent", "saw": "Status issued"}
        for n in range(6)
    ]
    operation = sent(wire="maybe", state="unknown", evidence=looks, quiet_at=now, next_look_at=now)

    said = text_of(page(signed_in, operation))

    assert said.count("Read back: no effect to be seen") == 1 and "6 reads, the first at" in said


def test_the_live_part_answers_only_what_is_new_and_stops_at_the_end(signed_in, ask):
    operation = ask()
    html = page(signed_in, operation)
    poll = re.search(r'hx-get="(/operations/[^"]+)"', html)[1].replace("&amp;", "&")
    htmx = {"HX-Request": "true"}

    assert 'hx-trigger="every 1s"' in html
    assert signed_in.get(poll, headers=htmx).status_code == 204

    Operation.objects.filter(pk=operation.pk).update(state="succeeded", version=9, finished_at=timezone.now())
    ended = signed_in.get(poll, headers=htmx)
    assert ended.status_code == 200 and "hx-trigger" not in ended.content.decode()
    assert "<html" not in ended.content.decode()
    assert signed_in.get(poll).status_code == 302, "without htmx it leads to the page"


def test_polling_backs_off(ask):
    from invoicing.web.operations import poll_seconds

    def every(**columns):
        now = timezone.now()
        return poll_seconds(Operation(**({"state": "unknown", "created_at": now} | columns)))

    now = timezone.now()
    assert every() == 1
    assert every(created_at=now - timedelta(minutes=2)) == 5
    assert every(created_at=now - timedelta(hours=2)) == 15
    assert every(next_look_at=now + timedelta(hours=6)) == 30
    assert every(state="not_done") == 0


def test_calling_back_before_anything_was_sent(signed_in, ask, settings, operator):
    settings.DESK_CANCEL_SECONDS = 30
    operation = ask()
    html = page(signed_in, operation)
    assert headline(html) == "About to be sent" and "Call it back" in html

    signed_in.post(f"/operations/{operation.pk}/cancel/", REMOTE_ADDR="192.0.2.9")

    operation.refresh_from_db()
    assert operation.state == "cancelled"
    assert AuditEntry.objects.get(action="void.cancelled").ip == "192.0.2.9"
    assert "Called back before it was sent" in text_of(page(signed_in, operation))


def test_calling_back_too_late_says_so(signed_in, sent):
    operation = sent(status=200, classified="done", state="accepted")
    assert "Call it back" not in page(signed_in, operation)

    answer = signed_in.post(f"/operations/{operation.pk}/cancel/", follow=True)

    operation.refresh_from_db()
    assert operation.state == "accepted" and "too late" in text_of(answer.content.decode())


def test_a_viewer_reads_and_calls_nothing_back(client, person, ask):
    operation = ask()
    client.force_login(person("viewer"))

    assert 'id="call-back"' not in page(client, operation)
    assert client.post(f"/operations/{operation.pk}/cancel/").status_code == 403
    operation.refresh_from_db()
    assert operation.state == "approved"

    client.force_login(person())
    assert client.get(f"/operations/{operation.pk}/").status_code == 404
    assert client.get("/operations/").status_code == 404
    assert client.post(f"/operations/{operation.pk}/cancel/").status_code == 404


def test_looking_never_cancels(signed_in, ask):
    operation = ask()

    assert signed_in.get(f"/operations/{operation.pk}/cancel/").status_code == 405
    operation.refresh_from_db()
    assert operation.state == "approved"


def test_without_a_worker_the_page_says_that_nothing_moves(signed_in, ask):
    operation = ask()
    assert "No worker was seen in the last minute" in text_of(page(signed_in, operation))

    WorkerBeat.objects.create(name="w", seen_at=timezone.now())

    assert "No worker" not in text_of(page(signed_in, operation))


def test_hostile_words_stay_text(signed_in, sent):
    operation = sent(
        status=400,
        classified="refused",
        said=HOSTILE,
        state="refused",
        outcome={"message": HOSTILE},
        evidence=[{"at": timezone.now().isoformat(), "verdict": "unclear", "saw": HOSTILE}],
        finished_at=timezone.now(),
        reason=HOSTILE,
    )
    for html in (page(signed_in, operation), signed_in.get("/operations/").content.decode()):
        assert "<script>alert" not in html and "<img src=x" not in html and "&lt;script&gt;" in html


def test_what_was_sent_is_shown_redacted(signed_in, sent):
    operation = sent(status=200, classified="done", state="succeeded", finished_at=timezone.now())
    with behind_the_triggers("invoicing_attempt"):
        Attempt.objects.update(
            request={"endpoint": "void_invoice", "body": {"note": "Bearer abcdefghijklmnop", "a": 1}}
        )

    html = page(signed_in, operation)

    assert "abcdefghijklmnop" not in html and "[redacted]" in html and "&quot;a&quot;: 1" in html


def test_open_ones_come_first_and_filters_narrow(signed_in, ask, issued):
    ended = ask(state="refused", finished_at=timezone.now(), reason="The older one")
    other = mirrored(issued.connection, changed(body("orb_invoice_issued"), id="an0ther", invoice_number="B-2"))
    waiting = ask(invoice=other, verb="regenerate_pdf", reason="The open one")
    later = mirrored(issued.connection, changed(body("orb_invoice_issued"), id="th1rd"))
    newest = ask(invoice=later, state="succeeded", finished_at=timezone.now(), reason="The newest one")

    def listed(**query):
        return re.findall(r'data-operation="([^"]+)"', signed_in.get("/operations/", query).content.decode())

    assert listed() == [str(waiting.pk), str(newest.pk), str(ended.pk)]
    assert listed(state="open") == [str(waiting.pk)]
    assert listed(state="refused") == [str(ended.pk)]
    assert listed(verb="regenerate_pdf") == [str(waiting.pk)]
    assert listed(provider="metronome") == []
    assert listed(state="no' OR 1=1") == []
    assert "No operation fits." in signed_in.get("/operations/", {"provider": "metronome"}).content.decode()


def test_older_operations_are_a_page_away(signed_in, issued, operator, monkeypatch):
    monkeypatch.setattr("invoicing.web.operations.PAGE", 3)
    now = timezone.now()
    for n in range(8):
        Operation.objects.create(
            connection=issued.connection,
            invoice=issued,
            external_id="x",
            verb="void",
            call_class="K",
            seen_digest="",
            token=f"t{n}",
            key=f"k{n}",
            requester=operator,
            reason=f"No {n}",
            state="refused",
            created_at=now - timedelta(minutes=n // 2),
            finished_at=now,
        )
    address, met = "/operations/", []
    while address:
        html = signed_in.get(address).content.decode()
        met += re.findall(r"No (\d)", html)
        older = re.search(r'rel="next" href="([^"]+)"', html)
        address = f"/operations/{older[1].replace('&amp;', '&')}" if older else ""

    assert sorted(met) == list("01234567") and len(met) == 8
    for nonsense in ("x", "2026-01-01~x", "~", "2026-01-01T00:00:00~" + "0" * 32):
        assert signed_in.get("/operations/", {"before": nonsense}).status_code == 200


def test_an_empty_list_says_where_to_begin(signed_in):
    assert "Nothing was asked of any provider yet." in signed_in.get("/operations/").content.decode()


def test_the_list_asks_the_database_as_often_for_many(signed_in, issued, ask, django_assert_max_num_queries):
    for n in range(12):
        other = mirrored(issued.connection, changed(body("orb_invoice_issued"), id=f"n{n}"))
        ask(invoice=other, state="refused" if n % 2 else "approved", finished_at=timezone.now())
    with django_assert_max_num_queries(11):
        signed_in.get("/operations/")


def test_a_read_back_of_the_ledger_is_told_as_it_was_stored(signed_in, sent):
    """The words come from what settling really writes, not from what this test would write."""
    from invoicing.operations.settling import conclude

    now = timezone.now()
    operation = sent(status=200, classified="done", state="accepted", quiet_at=now, next_look_at=now)
    conclude(operation, Proof(verdict=Verdict.APPLIED, saw="Status void"), looked_at=now)

    html = page(signed_in, operation)

    assert headline(html) == "Voided" and "Read back: it happened" in text_of(html) and "Status void" in html
    assert "Settled by: the provider's answer." in text_of(html)
