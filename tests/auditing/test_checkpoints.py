"""Marks outside of the database: when they are made, and what they find that the database alone cannot know."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from invoicing.auditing import checkpoints, tasks, verifying
from invoicing.auditing.chain import Broken
from invoicing.auditing.checkpoints import Damaged
from invoicing.auditing.verifying import verify
from invoicing.models import AuditEntry
from tests.auditing.conftest import TABLE
from tests.behind import behind_the_triggers

pytestmark = pytest.mark.django_db


def cut_from(sequence):
    with behind_the_triggers(TABLE) as cursor:
        cursor.execute(f"DELETE FROM {TABLE} WHERE sequence >= %s", [sequence])


def change(sequence):
    with behind_the_triggers(TABLE) as cursor:
        cursor.execute(f"UPDATE {TABLE} SET reason = 'Another' WHERE sequence = %s", [sequence])


def test_one_is_made_after_so_many_entries_or_so_long(entries, settings, time_machine):
    settings.DESK_AUDIT_CHECKPOINT_ENTRIES = 5
    entries(1)
    assert checkpoints.write().sequence == 1  # the first one at once
    entries(3)
    assert checkpoints.write().sequence == 1
    entries(2)
    assert checkpoints.write().sequence == 6
    entries(1)
    assert checkpoints.write().sequence == 6
    time_machine.move_to(timezone.now() + timedelta(minutes=61))
    assert checkpoints.write().sequence == 7
    assert [each.sequence for each in checkpoints.read()] == [1, 6, 7]


def test_a_tail_that_was_cut_off_is_missed(entries):
    entries(6)
    checkpoints.write(anyway=True)
    cut_from(5)
    found = verify()
    assert found.broken_at == 5 and "there were 6 entries" in found.problem


def test_nothing_is_vouched_for_that_does_not_hold(entries):
    entries(3)
    checkpoints.write(anyway=True)
    entries(3)
    change(5)
    with pytest.raises(Broken) as broken:
        checkpoints.write(anyway=True)
    assert broken.value.at == 5 and len(checkpoints.read()) == 1


@pytest.mark.parametrize(
    "tamper",
    [
        lambda lines: [lines[0].replace('"sequence":2', '"sequence":1'), *lines[1:]],
        lambda lines: [lines[0], lines[2]],
        lambda lines: lines[1:],
        lambda lines: [lines[1], lines[0], lines[2]],
        lambda lines: [*lines[:2], lines[2].replace('"sequence":6', '"sequence":5')],
        lambda lines: [*lines, "{}"],
        lambda lines: [*lines[:2], lines[2][:-9]],
    ],
)  # fmt: skip
def test_a_file_of_checkpoints_that_was_changed_is_refused(entries, outside, tamper):
    for _ in range(3):
        entries(2)
        checkpoints.write(anyway=True)
    path = outside / "checkpoints.jsonl"
    path.write_text("\n".join(tamper(path.read_text().splitlines())) + "\n")
    with pytest.raises(Damaged):
        checkpoints.read()
    assert not verify().holds


def test_a_checkpoint_of_another_key_is_none_of_ours(entries, settings):
    entries(1)
    checkpoints.write(anyway=True)
    settings.DESK_AUDIT_KEYS = ["somebody else's"]
    with pytest.raises(Damaged, match="not signed"):
        checkpoints.read()


def test_the_job_says_once_that_it_does_not_hold(entries, settings):
    settings.DESK_AUDIT_CHECKPOINT_ENTRIES = 1
    entries(3)
    tasks.keep_checkpoint.func()
    entries(1)
    change(4)
    tasks.keep_checkpoint.func()
    tasks.keep_checkpoint.func()
    broken = AuditEntry.objects.get(action=verifying.BROKEN)
    assert broken.facts["broken_at"] == 4 and broken.outcome == "failed"


def test_the_command_names_the_first_broken_entry_and_knows_what_was_printed(entries, outside, tmp_path):
    entries(4)
    printed = StringIO()
    call_command("verify_audit", checkpoint=True, stdout=printed)
    (tmp_path / "kept.txt").write_text(printed.getvalue())
    out = StringIO()
    call_command("verify_audit", against=str(tmp_path / "kept.txt"), stdout=out)
    assert out.getvalue().startswith("4 entries, unbroken")

    (outside / "checkpoints.jsonl").unlink()  # whoever owns the machine, too
    cut_from(3)

    call_command("verify_audit", stdout=StringIO())
    with pytest.raises(CommandError, match="Broken at entry 3"):
        call_command("verify_audit", against=str(tmp_path / "kept.txt"))


def test_after_an_accepted_restore_it_begins_anew_and_that_stays_on_record(entries):
    entries(5)
    checkpoints.write(anyway=True)
    cut_from(4)  # an older database was put back
    assert verify().broken_at == 4

    call_command("verify_audit", begin_anew="Restored the backup of Monday", stdout=StringIO())

    assert verify().holds
    told = AuditEntry.objects.get(action="audit.checkpoints_set_aside")
    assert told.reason == "Restored the backup of Monday" and told.facts["file"].startswith("checkpoints-until-")
