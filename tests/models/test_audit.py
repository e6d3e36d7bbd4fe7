import pytest
from django.db import DatabaseError, connection, transaction

from invoicing.models import AuditEntry
from invoicing.operations.audit_trail import verify

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = "invoicing_auditentry"


def three_entries(person):
    actor = person("operator")
    for number in range(3):
        AuditEntry.objects.record(
            "void.requested", actor=actor, target=f"invoice:{number}", reason="Duplicate", after={"n": number}
        )


def behind_the_triggers(statement):
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type='trigger' AND tbl_name=%s", [TABLE])
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
            cursor.execute(statement)
            for _, sql in triggers:
                cursor.execute(sql)
        else:
            cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER USER")
            cursor.execute(statement)
            cursor.execute(f"ALTER TABLE {TABLE} ENABLE TRIGGER USER")


@pytest.mark.parametrize("statement", [f"UPDATE {TABLE} SET reason = 'x'", f"DELETE FROM {TABLE} WHERE sequence = 2"])
def test_the_database_refuses_to_change_what_was_written(person, statement):
    three_entries(person)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
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
    behind_the_triggers(statement)
    assert verify().broken_at == broken_at


def test_an_entry_stands_or_falls_with_the_change_it_speaks_of():
    with pytest.raises(RuntimeError), transaction.atomic():
        AuditEntry.objects.record("void.requested", target="invoice:1")
        raise RuntimeError
    assert not AuditEntry.objects.exists()
