import pytest
from django.db import DatabaseError, connection, transaction

from invoicing.auditing.verifying import verify
from invoicing.models import AuditEntry
from tests.behind import behind_the_triggers

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = "invoicing_auditentry"


def three_entries(person):
    actor = person("operator")
    for number in range(3):
        AuditEntry.objects.record(
            "void.requested", actor=actor, target=f"invoice:{number}", reason="Duplicate", after={"n": number}
        )


@pytest.mark.parametrize("statement", [f"UPDATE {TABLE} SET reason = 'x'", f"DELETE FROM {TABLE} WHERE sequence = 2"])
def test_the_database_refuses_to_change_what_was_written(person, statement):
    three_entries(person)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert verify().checked == 3


def test_no_row_can_be_put_in_the_place_of_another(person):
    three_entries(person)
    columns = ", ".join(each.column for each in AuditEntry._meta.concrete_fields if each.column != "sequence")
    replacing = (
        f"INSERT OR REPLACE INTO {TABLE} (sequence, {columns}) SELECT 1, {columns} FROM {TABLE} WHERE sequence = 2"
    )
    inserting = replacing.replace(" OR REPLACE", "")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(replacing if connection.vendor == "sqlite" else inserting)
    assert verify().checked == 3


def test_an_unbroken_chain_verifies(person):
    three_entries(person)
    result = verify()
    assert (result.checked, result.broken_at) == (3, None)
    assert result.head == AuditEntry.objects.last().hash


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        (f"UPDATE {TABLE} SET reason = 'Another' WHERE sequence = 2", 2),
        (f"UPDATE {TABLE} SET actor_name = 'Somebody else' WHERE sequence = 1", 1),
        (f"DELETE FROM {TABLE} WHERE sequence = 2", 2),
        (f"UPDATE {TABLE} SET facts = '{{}}' WHERE sequence = 3", 3),
        (f"UPDATE {TABLE} SET previous_hash = hash WHERE sequence = 3", 3),
    ],
)
def test_whoever_gets_behind_the_triggers_is_found(person, statement, broken_at):
    three_entries(person)
    with behind_the_triggers(TABLE) as cursor:
        cursor.execute(statement)
    assert verify().broken_at == broken_at


def test_an_entry_stands_or_falls_with_the_change_it_speaks_of():
    with pytest.raises(RuntimeError), transaction.atomic():
        AuditEntry.objects.record("void.requested", target="invoice:1")
        raise RuntimeError
    assert not AuditEntry.objects.exists()
