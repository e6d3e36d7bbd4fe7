"""`manage.py sync` and `check_summary`, as scripts use them."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from invoicing.jobs.api import RetryLater
from invoicing.management.commands import sync as command
from invoicing.mirror import wires
from invoicing.models import Connection, Invoice, SummaryCell
from invoicing.providers.errors import NotSent
from tests.mirror.plain import told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(world, monkeypatch):
    """run("plain", "--json") gives (what it said, how it failed)."""
    monkeypatch.setattr(wires, "wire_for", lambda _: world)
    monkeypatch.setattr(command, "EVERY", 0)

    def call(*arguments):
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command("sync", *arguments, stdout=out, stderr=err)
        except CommandError as error:
            assert error.returncode == 1
            return out.getvalue() + err.getvalue(), str(error)
        return out.getvalue(), ""

    return call


def test_progress_and_a_last_line(run, world, connection):
    world.put(*(told(f"in_{n}") for n in range(4)))
    said, failed = run()
    assert failed == ""
    lines = said.splitlines()
    assert lines[1].split() == ["plain", "page", "2", "3", "of", "4", "read,", "0", "changed"]
    assert "4 read, 4 created in " in lines[-1]


def test_one_object_a_connection_for_scripts(run, world, connection):
    world.put(told("in_1"), {"id": "in_2"})
    record = json.loads(run("--json")[0])
    seconds = record.pop("seconds")
    assert seconds > 0
    assert record == {
        "name": "plain", "provider": "plain", "state": "complete", "full": True, "seen": 2, "created": 1, "changed": 0,
        "unchanged": 0, "quarantined": 1, "gone": 0, "errors": [],
    }  # fmt: skip


def test_one_connections_trouble_does_not_stop_the_others(run, world, connection, connection_to):
    connection_to("plain", name="a second")  # before "plain"
    world.put(told("in_1"))
    world.trouble = [NotSent("The provider cannot be reached.")]
    said, failed = run()
    assert failed == "Not finished: a second. Run again to continue."
    assert "a second" in said
    assert "The provider cannot be reached." in said
    assert Invoice.objects.get().connection == connection
    assert run()[1] == ""


def test_only_those_named_and_only_enabled_ones_by_themselves(run, world, connection, connection_to):
    connection_to("plain", name="off")
    Connection.objects.filter(name="off").update(enabled=False)
    world.put(told("in_1"))
    assert [json.loads(line)["name"] for line in run("--json")[0].splitlines()] == ["plain"]
    assert [json.loads(line)["name"] for line in run("--json", "off")[0].splitlines()] == ["off"]
    assert run("nobody")[1] == "There is no connection named nobody."


def test_full_reads_everything_again(run, world, connection):
    world.put(told("in_1"))
    run()
    assert json.loads(run("--json")[0])["full"] is False
    assert json.loads(run("--json", "--full")[0])["full"] is True


def test_a_wait_beyond_reason_is_not_finished(run, world, connection, monkeypatch):
    def waits(*_, **__):
        raise RetryLater(3600, "plain asks us to wait 3600 s.")

    monkeypatch.setattr(command, "sync_connection", waits)
    said, failed = run("--json")
    assert json.loads(said)["errors"] == ["plain asks us to wait 3600 s."]
    assert failed.startswith("Not finished: plain")


def test_check_summary_tells_and_repairs(run, world, connection):
    world.put(told("in_1"))
    run()
    out = io.StringIO()
    call_command("check_summary", stdout=out)
    assert "agrees" in out.getvalue()
    SummaryCell.objects.filter(grain=1).update(invoices=5)
    with pytest.raises(CommandError, match="differ"):
        call_command("check_summary", stdout=out)
    assert "the table says Sums(5" in out.getvalue()
    call_command("check_summary", "--repair", stdout=out)
    call_command("check_summary", stdout=out)
