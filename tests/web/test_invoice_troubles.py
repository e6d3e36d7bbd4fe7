"""What went wrong between an invoice and its provider: said on the record, with what to do; and a provider that is down."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from invoicing.models import Attempt, Connection, Invoice, Job, Operation
from invoicing.operations.outage import outage
from invoicing.providers.registry import PROVIDERS
from invoicing.web.invoice_tabs import remedies
from invoicing.web.provider_homes import home_of
from tests.web.mirrored import body, mirrored
from tests.web.test_invoice import page, text_of


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def issued(connection_to):
    return mirrored(connection_to("orb"), body("orb_invoice_issued"))


def failed(invoice, operator, *, said, status=None, state="not_done"):
    now = timezone.now()
    operation = Operation.objects.create(
        connection=invoice.connection, invoice=invoice, external_id=invoice.external_id, verb="void", call_class="K",
        seen_digest="d", token=f"t{now}", key=f"k{now}", requester=operator, reason="r", created_at=now, state=state,
    )  # fmt: skip
    Attempt.objects.create(
        operation=operation, number=1, lease_token="l", committed_at=now, ended_at=now, said=said, http_status=status
    )
    return operation


def down(connection, problem="The provider cannot be reached.", ago=timedelta(minutes=5)):
    connection.last_error, connection.last_error_at = problem, timezone.now() - ago
    connection.save()


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (429, "slow down", "waits"),
        (401, "", "key"),
        (403, "insufficient permissions", "role"),
        (404, "", "missing"),
        (409, "", "conflict"),
        (422, "net_terms must be 0 or more", "invalid"),
        (400, "The invoice has already been paid", "paid"),
        (503, "", "server"),
        (None, "The provider's host name cannot be resolved.", "unreachable"),
        (None, "The provider did not answer in time.", "silent"),
        (None, "The connection broke before the answer was complete (OSError).", "silent"),
        (None, "Orb answered 400, not in its own form.", "garbled"),
        (None, "something nobody thought of", "other"),
    ],
)
def test_every_failure_has_a_kind(status, said, kind):
    assert remedies.kind_of(said, status) == kind


def test_every_kind_says_what_it_means_and_what_to_do_at_every_provider():
    for provider in PROVIDERS:
        for kind in remedies.TOLD:
            meaning, remedy = remedies.told(provider, kind)
            assert meaning and remedy and "%(" not in meaning + remedy
    assert "Billing Coordinator" in remedies.told("cockroachdb", "role")[1]
    assert {kind for _, kind in remedies.OWN} <= set(remedies.TOLD)
    assert {kind for kind, _ in remedies.WORDS} | set(remedies.STATUSES.values()) <= set(remedies.TOLD)


def test_a_refused_operation_stands_on_the_record_with_its_remedy(signed_in, operator, issued):
    operation = failed(issued, operator, said="It has already been paid <b>", status=400)

    html = page(signed_in, issued)

    said = text_of(html)
    assert "Void: It was paid in the meantime" in said and "HTTP 400" in said and "Refresh the invoice" in said
    assert f'href="/operations/{operation.pk}/"' in html and "paid <b>" not in html
    assert "It was paid in the meantime" in text_of(page(signed_in, issued, tab="provider"))


def test_what_worked_since_is_no_trouble_any_more(signed_in, operator, issued):
    failed(issued, operator, said="refused", status=422)
    assert remedies.of_invoice(issued)

    failed(issued, operator, said="", state="succeeded")

    assert remedies.of_invoice(issued) == []


def test_a_failed_read_is_told_until_a_read_works(signed_in, issued):
    Job.objects.create(
        task="invoicing.mirror.tasks.refresh_invoice_job", arguments={"invoice_id": issued.pk}, state="failed",
        error="Traceback\ninvoicing.providers.errors.KeyRefused: Orb does not accept the key for this.",
        finished_at=timezone.now(),
    )  # fmt: skip

    said = text_of(page(signed_in, issued))
    assert "Reading the invoice again: Orb does not accept the key of this connection." in said
    assert "enters it with the connection" in said

    Invoice.objects.filter(pk=issued.pk).update(read_at=timezone.now() + timedelta(seconds=1))
    assert "Reading the invoice again:" not in text_of(page(signed_in, issued))


def test_a_provider_that_is_down_leaves_reading_and_takes_the_actions(signed_in, operator, issued):
    assert outage(issued) == ""
    down(issued.connection)
    Invoice.objects.filter(pk=issued.pk).update(read_at=timezone.now() - timedelta(hours=2))

    html = page(signed_in, issued)

    assert "could not be reached from here" in text_of(html) and "196.20 USD" in text_of(html)
    assert "/actions/void/" not in html and "cannot be asked just now" in text_of(html)
    refused = signed_in.get(f"/invoices/{issued.pk}/actions/void/").content.decode()
    assert "cannot be asked just now" in text_of(refused)
    token = {"token": "t" * 32, "reason": "Billed twice", "seen": issued.version}
    signed_in.post(f"/invoices/{issued.pk}/actions/void/", token)
    assert not Operation.objects.exists()


@pytest.mark.parametrize("since", ["sync", "read", "long ago", "other"])
def test_an_outage_is_over_when_something_worked_and_believed_for_an_hour(issued, since):
    Invoice.objects.filter(pk=issued.pk).update(read_at=timezone.now() - timedelta(hours=2))
    invoice = Invoice.objects.select_related("connection").get(pk=issued.pk)
    down(invoice.connection)
    assert outage(invoice)

    if since == "sync":
        Connection.objects.update(last_success_at=timezone.now())
    elif since == "read":
        Invoice.objects.update(read_at=timezone.now())
    elif since == "long ago":
        down(invoice.connection, ago=timedelta(minutes=61))
    else:
        down(invoice.connection, "The list leads in a circle.")

    assert outage(Invoice.objects.select_related("connection").get(pk=issued.pk)) == ""


def test_a_wait_that_was_asked_for_is_said_and_takes_nothing(signed_in, issued):
    issued.connection.paused_until = timezone.now() + timedelta(minutes=3)
    issued.connection.pause_reason = "Orb asks us to wait."
    issued.connection.save()

    html = page(signed_in, issued)

    assert "send less often" in text_of(html) and "goes on by itself" in text_of(html)
    assert "/actions/void/" in html


def test_what_the_provider_leaves_out_is_named(signed_in, connection_to):
    bill = mirrored(connection_to("cockroachdb"), body("cockroachdb_invoice"))

    said = text_of(page(signed_in, bill))

    left_out = re.search(r"Not given by CockroachDB Cloud: ([^.]*)\.", said)
    assert left_out and "due date" in left_out[1] and "billing period" not in left_out[1]


def test_the_way_to_the_providers_own_desk_is_shown_for_the_real_provider_alone(signed_in, connection_to):
    real = connection_to("orb", base_url="https://api.withorb.com/v1")
    assert home_of(real) == "https://app.withorb.com/"
    for elsewhere in ("http://127.0.0.1:1/orb", "https://api.withorb.com.evil.example/v1", "https://notwithorb.com/"):
        assert home_of(Connection(provider="orb", base_url=elsewhere)) == ""
    invoice = mirrored(real, body("orb_invoice_issued"))
    assert 'href="https://app.withorb.com/"' in page(signed_in, invoice, tab="provider")
