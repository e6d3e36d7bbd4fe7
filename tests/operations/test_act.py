"""`manage.py act`: how a target and arguments are written, what it says, and with which code it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from invoicing.models import Operation
from invoicing.operations.targets import CannotFind, Start, find, start_from
from tests.operations.test_drafts import draft_of
from tests.operations.test_verbs import flexprice, orb

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def act(capsys):
    """act("void", "42", ...) is (exit code, what it told)."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            call_command("act", *words, "--json")
        return ended.value.code, json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize(
    "written",
    [
        ["--due-date", "2027-01-05", "--metadata", "a=1"],
        ["due_date=2027-01-05", "metadata=a=1"],
        ["--due_date=2027-01-05", "--metadata=a=1", "--wait", "20"],
    ],
)
def test_arguments_are_written_in_either_way_and_mixed_with_the_commands_own(desk, act, written):
    invoice = desk.pick("orb", draft_of("subscription"))

    code, told = act("update", f"orb:invoice:{invoice.external_id}", *written, "--reason", "Agreed")

    assert (code, told["state"]) == (0, "succeeded")
    assert told["arguments"] == {"due_date": "2027-01-05", "metadata": {"a": "1"}}


def test_a_negative_amount_is_no_option(desk, act):
    invoice = desk.pick("orb", draft_of("subscription"))
    days = ["start_date=2026-10-01", "end_date=2026-10-02"]

    code, told = act(
        "add_line", str(invoice.pk), "--name", "Goodwill", "--amount", "-5.00", *days, "--reason", "Agreed"
    )

    assert (code, told["state"], told["arguments"]["amount"]) == (0, "succeeded", "-5.00")


def test_a_refusal_ends_with_1_and_what_nobody_knows_with_2(desk, act):
    invoice = desk.pick("orb", orb("paid"))
    code, told = act("void", f"orb:{invoice.external_id}", "--reason", "Duplicate")
    assert (code, told["state"]) == (1, "refused") and "credit note" in told["message"]

    other = desk.pick("flexprice", flexprice("FINALIZED"))
    desk.fault("flexprice", "POST", "/invoices/*/comms/trigger", "drop_after")
    code, told = act("trigger_communication", str(other.pk), "--reason", "Asked for", "--wait", "1")
    assert (code, told["state"]) == (2, "needs_person")


def test_a_wrong_argument_is_refused_in_a_sentence(desk, act):
    invoice = desk.pick("orb", draft_of("subscription"))
    code, told = act("update", str(invoice.pk), "--colour", "red", "--reason", "Agreed")
    assert (code, told["message"]) == (
        1,
        "Edit details takes no “colour”; its arguments are: due_date, po_number, metadata, auto_collection.",
    )
    with pytest.raises(CommandError, match="write --name value or name=value"):
        call_command("act", "update", str(invoice.pk), "something", "--reason", "Agreed")
    assert not Operation.objects.exists()


def test_what_starts_from_a_customer_or_subscription_is_named_by_connection(desk, capsys):
    invoice = desk.pick("orb", orb("draft", invoice_source="subscription"))
    subscription = start_from("subscription", invoice).external_id

    call_command("act", "upcoming", f"orb:subscription:{subscription}", "--json")
    by_name = json.loads(capsys.readouterr().out)
    call_command("act", "upcoming", str(invoice.pk), "--json")
    of_the_invoice = json.loads(capsys.readouterr().out)

    assert by_name["invoice"]["subscription_id"] == of_the_invoice["invoice"]["subscription_id"] == subscription
    assert by_name["state"] == "succeeded"


def test_targets_are_found_by_each_of_their_names_and_not_guessed(desk):
    invoice = desk.pick("orb", orb("issued"))
    names = (str(invoice.pk), f"orb:{invoice.external_id}", f"orb:invoice:{invoice.external_id}")
    assert {find(name).pk for name in names} == {invoice.pk}
    start = find(f"orb:customer:{invoice.customer.external_id}")
    assert isinstance(start, Start) and start.customer == invoice.customer
    for wrong in ("nothing", "orb:nothing", "nowhere:customer:x", "999999999999999999999999"):
        with pytest.raises(CannotFind):
            find(wrong)


def test_as_a_process_of_its_own_it_understands_unknown_options(tmp_path):
    """The parser really is Django's: `--amount` is nobody's option but the verb's."""
    environment = {**os.environ, "DESK_DATA": str(tmp_path), "DESK_BUILDING": "1"}
    environment.pop("PYTEST_VERSION", None)
    command = [sys.executable, "manage.py", "act", "add_line", "nothing", "--amount", "5", "--reason", "x"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "neither our id nor provider:external_id" in done.stderr


def test_what_an_invoices_usage_is_made_of_is_read_and_not_kept(desk, capsys):
    used = desk.look_at(
        "flexprice", lambda raw: any(line["price_type"] == "USAGE" for line in raw.get("line_items") or ())
    )
    capsys.readouterr()
    call_command("act", "usage_breakdown", str(used.pk), "--group-by", "source", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["state"] == "succeeded"
    assert any(line.get("sub_lines") for line in told["invoice"]["lines"])
    used.refresh_from_db()
    assert used.version == 1
