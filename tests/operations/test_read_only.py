"""CockroachDB Cloud's invoices are read and nothing else: every door is tried with every verb, and the provider hears no change."""

import uuid

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from invoicing.bulk import collecting, rehearsing
from invoicing.bulk.verbs import IN_BULK
from invoicing.mirror.refresh import mirror_new
from invoicing.models import Operation
from invoicing.operations import preimage, sending
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import CannotRequest
from invoicing.operations.targets import starting
from invoicing.providers.errors import Unsupported
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import CallClass
from tests.bulk.conftest import work

pytestmark = pytest.mark.django_db(transaction=True)
CHANGES = [key for key, verb in VERBS.items() if not verb.reads_only]


@pytest.fixture
def bill(desk):
    return mirror_new(desk.connection("cockroachdb"), desk.payloads("cockroachdb")[0]["invoice_id"])


@pytest.fixture
def only_reads(desk):
    """Asserts at the end that the provider heard no call that changes something."""
    heard = desk.sandbox.get("/_sandbox/requests", connection="cockroachdb")
    before = heard[-1]["number"] if heard else 0
    yield
    after = desk.sandbox.get("/_sandbox/requests", connection="cockroachdb", after=before)
    assert {each["method"] for each in after} <= {"GET"}
    assert desk.sandbox.effects(connection="cockroachdb") == []


def about(bill, verb):
    """The invoice, or the customer or subscription that the verb starts from."""
    verb = VERBS[verb]
    return (
        bill
        if verb.starts_from == "invoice"
        else starting(verb.starts_from, bill.connection, bill.customer.external_id)
    )


def test_no_verb_can_be_asked(desk, bill, only_reads):
    for key in VERBS:
        with pytest.raises(CannotRequest):
            desk.ask(key, about(bill, key))
    assert not Operation.objects.exists()


def test_no_form_asks_it(client, desk, bill, only_reads):
    client.force_login(desk.operator)
    for key, verb in VERBS.items():
        customer = f"/ask/{bill.connection_id}/{verb.starts_from}/{key}/{bill.customer.external_id}/"
        for address in (f"/invoices/{bill.pk}/actions/{key}/", customer):
            answer = client.post(address, {"token": "0" * 32, "reason": "Billed twice", "seen": str(bill.version)})
            only_read = answer.status_code == 302 and answer.url.startswith("/ask/")
            assert only_read or answer.status_code in (404, 422), (address, answer.status_code)
    assert not Operation.objects.exists() and work() == 0


def test_no_command_asks_it(bill, only_reads, capsys):
    for key in CHANGES:
        with pytest.raises((SystemExit, CommandError)) as ended:
            call_command("act", key, str(bill.pk), "--reason", "Billed twice", "--json")
        assert getattr(ended.value, "code", 1), key
    assert not Operation.objects.exists()


def test_no_batch_asks_it(desk, bill, only_reads):
    for key in IN_BULK:
        batch = collecting.collect(key, [bill.pk], by=desk.operator, token=f"t-{key}")
        rehearsing.prepare(batch, by=desk.operator, reason="Billed twice")
        assert [(row.state, bool(row.why)) for row in batch.rows.all()] == [("left_out", True)], key
    assert not Operation.objects.exists()


def test_an_operation_that_stands_there_all_the_same_is_not_sent(desk, bill, only_reads):
    """As if somebody had written it into the database."""
    for key in CHANGES:
        seen = preimage.seen(bill, VERBS[key])
        operation = Operation.objects.create(
            connection=bill.connection, invoice=bill, external_id=bill.external_id, verb=key, call_class=CallClass.KEYED,
            seen=seen, seen_digest=preimage.digest(seen), token=uuid.uuid4().hex, key=uuid.uuid4().hex,
            requester=desk.operator, reason="By hand", state="approved", created_at=timezone.now(),
        )  # fmt: skip
        sending.dispatch(operation)
        operation.refresh_from_db()
        assert operation.state == "refused" and not operation.attempts.exists(), key


def test_its_adapter_has_no_call_that_changes_and_builds_none():
    adapter = PROVIDERS["cockroachdb"]
    assert {(each.method, each.safe) for each in adapter.endpoints.values()} == {("GET", True)}
    for key in VERBS:
        with pytest.raises(Unsupported):
            adapter.request(key, "inv", {})
