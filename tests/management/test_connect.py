"""`manage.py connect`: nothing is kept that did not pass a test call, and no key follows to another host."""

import io
import sys

import pytest
from django.core.management import CommandError, call_command

from invoicing.models import AuditEntry, Connection
from invoicing.models.sealing import CannotUnseal
from invoicing.providers.errors import KeyRefused
from invoicing.providers.registry import PROVIDERS

pytestmark = pytest.mark.django_db

HERE = "http://127.0.0.1:9/orb/v1"


@pytest.fixture
def probe(monkeypatch):
    """The test call, answered without a network; `probe.fails` is raised instead."""

    class Probe:
        fails, keys = None, []

        def __call__(self, wire):
            self.keys = [*self.keys, (wire.base.host, wire.api_key.reveal())]
            if self.fails:
                raise self.fails
            return {"answered": "pong"}

    made = Probe()
    monkeypatch.setattr(PROVIDERS["orb"], "probe", made)
    return made


def connect(*arguments, stdin=""):
    out, before, sys.stdin = io.StringIO(), sys.stdin, io.StringIO(stdin)
    try:
        call_command("connect", *arguments, stdout=out)
    finally:
        sys.stdin = before
    return out.getvalue()


def test_a_connection_is_added_tested_and_audited(probe):
    said = connect("orb", "main", "--base-url", HERE, "--api-key", "sk_live_000000001234", "--webhook-secret", "whsec")
    connection = Connection.objects.get()
    assert said.startswith("main: Orb, live, key ending 1234. The test call passed.\n  answered: pong")
    assert probe.keys == [("127.0.0.1", "sk_live_000000001234")]
    assert (connection.api_key(), connection.webhook_secret()) == ("sk_live_000000001234", "whsec")
    assert (connection.environment, connection.direction, connection.facts) == (
        "live",
        "receivable",
        {"answered": "pong"},
    )
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target) == ("connection.added", f"connection:{connection.pk}")
    assert "sk_live" not in str(entry.facts)


def test_keys_come_from_standard_input(probe):
    connect("orb", "main", "--base-url", HERE, "--api-key", "-", "--webhook-secret", "-", stdin="sk_in\nwhsec_in\n")
    connection = Connection.objects.get()
    assert (connection.api_key(), connection.webhook_secret()) == ("sk_in", "whsec_in")


def test_a_test_call_that_fails_keeps_nothing(probe):
    probe.fails = KeyRefused("Orb does not accept the key for this.", status=401, said="invalid key")
    with pytest.raises(CommandError, match=r"does not accept the key.*It said: invalid key"):
        connect("orb", "main", "--base-url", HERE, "--api-key", "sk_wrong")
    assert not Connection.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_change_keeps_what_is_not_given(probe):
    connect("orb", "main", "--base-url", HERE, "--api-key", "sk_one", "--webhook-secret", "whsec")
    Connection.objects.update(facts={"account": "Acme"})
    connect("orb", "main", "--api-key", "sk_two")
    connection = Connection.objects.get()
    assert (connection.base_url, connection.api_key(), connection.webhook_secret()) == (HERE, "sk_two", "whsec")
    assert connection.facts == {"account": "Acme", "answered": "pong"}
    assert AuditEntry.objects.last().action == "connection.changed"


def test_a_key_does_not_move_to_another_host(probe):
    connect("orb", "main", "--base-url", HERE, "--api-key", "sk_one", "--webhook-secret", "whsec")
    with pytest.raises(CommandError, match="The key is missing"):
        connect("orb", "main", "--base-url", "http://127.0.0.2:9/orb/v1")
    assert [host for host, _ in probe.keys] == ["127.0.0.1"]
    connect("orb", "main", "--base-url", "http://127.0.0.2:9/orb/v1", "--api-key", "sk_two")
    connection = Connection.objects.get()
    assert (connection.api_key(), connection.webhook_secret()) == ("sk_two", "")


def test_unknown_hosts_are_refused_unless_the_settings_name_them(probe, settings):
    settings.DESK_ALLOW_PRIVATE_HOSTS = False
    with pytest.raises(CommandError, match=r"not used for elsewhere\.example"):
        connect("orb", "main", "--base-url", "https://elsewhere.example/v1", "--api-key", "sk_one")
    settings.DESK_EXTRA_HOSTS = ["elsewhere.example"]
    connect("orb", "main", "--base-url", "https://elsewhere.example/v1", "--api-key", "sk_one")


def test_the_providers_own_address_needs_no_telling(probe, settings):
    settings.DESK_ALLOW_PRIVATE_HOSTS = False
    connect("orb", "main", "--api-key", "sk_one", "--environment", "test")
    assert Connection.objects.get().base_url == PROVIDERS["orb"].base_url
    assert Connection.objects.get().environment == "test"


@pytest.mark.parametrize("name", ["with:colon", "", "x" * 65, "line\nend"])
def test_names_that_cannot_be_typed_are_refused(probe, name):
    with pytest.raises(CommandError, match="name"):
        connect("orb", name, "--base-url", HERE, "--api-key", "sk_one")


def test_a_name_stays_with_its_provider(probe):
    connect("orb", "main", "--base-url", HERE, "--api-key", "sk_one")
    with pytest.raises(CommandError, match="is a connection to Orb"):
        connect("flexprice", "main", "--base-url", HERE, "--api-key", "sk_one")


def test_test_data_does_not_turn_live(probe):
    from tests.mirror.plain import NOON

    connect("orb", "main", "--base-url", HERE, "--api-key", "sk_one", "--environment", "test")
    connection = Connection.objects.get()
    customer = connection.customers.create(external_id="c", read_at=NOON)
    connection.invoices.create(
        external_id="in_1", book=2, customer=customer, currency="USD", listed_on=NOON.date(), due_sort=NOON.date(),
        read_at=NOON,
    )  # fmt: skip
    with pytest.raises(CommandError, match="do not mix"):
        connect("orb", "main", "--environment", "live")
    connect("orb", "main", "--environment", "test", "--api-key", "sk_two")


def test_a_second_key_is_for_changes_alone_and_is_tried_too(probe):
    reader, writer = "sk_live_reader_00001111", "sk_live_writer_00002222"
    said = connect(
        "orb", "main", "--base-url", HERE, "--api-key", "-", "--write-key", "-", stdin=f"{reader}\n{writer}\n"
    )
    connection = Connection.objects.get()

    assert "key ending 1111, key for changes ending 2222" in said
    assert (connection.api_key(), connection.write_key()) == (reader, writer)
    assert [key for _, key in probe.keys] == [writer, reader], "each was tried"
    assert writer not in str(AuditEntry.objects.get().facts)

    connect("orb", "main", "--write-key", "")
    assert Connection.objects.get().write_key() == reader


def test_a_second_key_that_is_the_first_is_none(probe):
    with pytest.raises(CommandError, match="the same"):
        connect("orb", "main", "--base-url", HERE, "--api-key", "sk_live_00001111", "--write-key", "sk_live_00001111")


def test_reading_uses_the_one_key_and_changing_the_other(connection_to):
    from invoicing.mirror.wires import wire_for

    connection = connection_to("orb", api_key="sk_live_reader_00001111")
    connection.set_write_key("sk_live_writer_00002222")
    connection.save()
    endpoints = PROVIDERS["orb"].endpoints
    wire = wire_for(connection)

    assert wire.key_for(endpoints["get_invoice"]).reveal() == "sk_live_reader_00001111"
    assert wire.key_for(endpoints["void_invoice"]).reveal() == "sk_live_writer_00002222"


def test_another_host_gets_neither_key(probe):
    connect("orb", "main", "--base-url", HERE, "--api-key", "sk_live_00001111", "--write-key", "sk_live_00002222")
    with pytest.raises(CommandError, match="key is missing"):
        connect("orb", "main", "--base-url", "http://127.0.0.1:10/orb/v1")
    elsewhere = Connection.objects.get()
    elsewhere.base_url = "http://127.0.0.1:10/orb/v1"
    with pytest.raises(CannotUnseal):
        elsewhere.write_key()
