"""Whoever owns the database, and switches its triggers off, is found: whatever they change, and where."""

import json
import random

import pytest
from django.db import connection, transaction

from invoicing.auditing import checkpoints
from invoicing.auditing.verifying import verify
from invoicing.models import AuditEntry
from invoicing.models.audit import GENESIS, SEALED, UNSEALED
from tests.auditing.conftest import TABLE
from tests.behind import behind_the_triggers

pytestmark = pytest.mark.django_db
EDITS, LENGTH = 1000, 24
COLUMNS = [each.column for each in AuditEntry._meta.concrete_fields]


def something_else(chance, column, sequence, people):
    """A value a column takes and does not have."""
    digits = "".join(chance.choices("0123456789abcdef", k=64))
    return {
        "sequence": sequence + LENGTH + chance.randrange(1, 99) if chance.random() < 0.5 else -chance.randrange(99),
        "at": f"2026-0{chance.randrange(1, 10)}-02 03:04:05.{chance.randrange(10**6):06d}+00:00"[
            : None if connection.vendor == "postgresql" else -6
        ],
        "actor_id": chance.choice([people[1].pk, None]),
        "facts": chance.choice(["{}", "[]", "null", '{"before": {"total": "20.00"}}', json.dumps({"why": digits})]),
        "scheme": chance.choice([1, 2, 7]),
        "outcome": chance.choice(["refused", "failed", "x"]),
        **dict.fromkeys(("of_connection", "of_customer", "of_invoice"), chance.randrange(10**6)),
        "seal": chance.choice([digits, ""]),
        **dict.fromkeys(("hash", "previous_hash"), digits),
    }.get(column, chance.choice(["", "x", digits[:30]]))


def edit_one(chance, cursor, people):
    sequence, column = chance.randrange(1, LENGTH + 1), chance.choice(COLUMNS)
    value = something_else(chance, column, sequence, people)
    cursor.execute(f"UPDATE {TABLE} SET {column} = %s WHERE sequence = %s", [value, sequence])
    return (value if column == "sequence" and value < 1 else sequence), f"{column} of {sequence} = {value!r}"


def delete_one(chance, cursor, people):
    sequence = chance.randrange(1, LENGTH + 1)
    cursor.execute(f"DELETE FROM {TABLE} WHERE sequence = %s", [sequence])
    return sequence, f"{sequence} deleted"


def cut_the_tail(chance, cursor, people):
    sequence = chance.randrange(1, LENGTH + 1)
    cursor.execute(f"DELETE FROM {TABLE} WHERE sequence >= %s", [sequence])
    return sequence, f"cut from {sequence}"


def swap_two(chance, cursor, people):
    first, second = sorted(chance.sample(range(1, LENGTH + 1), 2))
    for old, new in ((first, 10**6), (second, first), (10**6, second)):
        cursor.execute(f"UPDATE {TABLE} SET sequence = %s WHERE sequence = %s", [new, old])
    return first, f"{first} and {second} swapped"


def put_one_in(chance, cursor, people):
    """A copy of an entry between two others, those after it moved up."""
    at = chance.randrange(1, LENGTH + 1)
    for sequence in range(LENGTH, at - 1, -1):
        cursor.execute(f"UPDATE {TABLE} SET sequence = %s WHERE sequence = %s", [sequence + 1, sequence])
    kept = ", ".join(each for each in COLUMNS if each not in ("sequence", "hash"))
    cursor.execute(
        f"INSERT INTO {TABLE} (sequence, hash, {kept}) SELECT %s, 'f', {kept} FROM {TABLE} WHERE sequence = %s",
        [at, at + 1],
    )
    return at, f"one put in at {at}"


def test_a_thousand_edits_are_all_found_and_named(entries, person):
    people = [entries(LENGTH)[0].actor, person("reviewer")]
    checkpoints.write(anyway=True)
    chance, missed = random.Random(7), []
    ways = [edit_one] * 6 + [delete_one, cut_the_tail, swap_two, put_one_in]
    for _ in range(EDITS):
        with transaction.atomic():
            with behind_the_triggers(TABLE) as cursor:
                at, told = chance.choice(ways)(chance, cursor, people)
            if verify().broken_at != at:
                missed.append(f"{told}: {verify()}")
            transaction.set_rollback(True)
    assert missed == []
    assert verify().holds and verify().checked == LENGTH


def rewrite_from(sequence, *, scheme=SEALED):
    """The attacker who knows how hashes are made, but not the key: all from an entry on are made anew."""
    previous = AuditEntry.objects.filter(sequence=sequence - 1).values_list("hash", flat=True).first() or GENESIS
    with behind_the_triggers(TABLE):
        for entry in AuditEntry.objects.filter(sequence__gte=sequence):
            entry.reason = "Nothing happened" if entry.sequence == sequence else entry.reason
            entry.previous_hash, entry.scheme = previous, scheme
            entry.hash = previous = entry.computed_hash()
            entry.seal = "" if scheme == UNSEALED else entry.seal
            entry.save()


def test_a_chain_made_anew_is_found_by_its_seals(entries):
    entries(9)
    rewrite_from(4)
    assert verify().broken_at == 4


def test_a_chain_made_anew_without_seals_is_found_where_it_begins(entries):
    entries(9)
    rewrite_from(4, scheme=UNSEALED)
    assert verify().broken_at == 4


def test_where_nothing_is_sealed_the_checkpoint_finds_it(entries, settings):
    keys, settings.DESK_AUDIT_KEYS = settings.DESK_AUDIT_KEYS, []
    entries(3)
    settings.DESK_AUDIT_KEYS = keys
    checkpoints.write(anyway=True)
    settings.DESK_AUDIT_KEYS = []
    entries(4)
    settings.DESK_AUDIT_KEYS = keys
    checkpoints.write(anyway=True)
    assert verify().holds

    rewrite_from(5, scheme=UNSEALED)

    found = verify()
    assert found.broken_at == 4 and "checkpoint" in found.problem and found.vouched == 3


def test_what_was_written_before_there_were_seals_still_holds(entries, settings):
    keys, settings.DESK_AUDIT_KEYS = settings.DESK_AUDIT_KEYS, []
    entries(2)
    settings.DESK_AUDIT_KEYS = ["a newer one", *keys]
    entries(2)
    settings.DESK_AUDIT_KEYS = ["newest", "a newer one"]
    entries(1)
    assert verify().holds and verify().checked == 5
    assert [each.scheme for each in AuditEntry.objects.all()] == [UNSEALED, UNSEALED, SEALED, SEALED, SEALED]


def test_an_entry_says_what_it_is_about(operator, connection_to):
    from tests.factories import make_invoice

    invoice = make_invoice(connection_to("orb"))
    made = AuditEntry.objects.record("void.not_requested", actor=operator, target=f"invoice:{invoice.pk}")
    assert (made.of_connection, made.of_customer, made.of_invoice) == (
        invoice.connection_id, invoice.customer_id, invoice.pk,
    )  # fmt: skip
    assert made.outcome == "refused"
