import pytest

from invoicing.models import AuditEntry

TABLE = "invoicing_auditentry"


@pytest.fixture(autouse=True)
def outside(settings, tmp_path):
    """A place outside of the database of each test's own."""
    settings.DESK_AUDIT_CHECKPOINTS = tmp_path / "checkpoints"
    settings.DATA = tmp_path
    return settings.DESK_AUDIT_CHECKPOINTS


@pytest.fixture
def entries(person):
    """entries(5) writes so many."""
    actor = person("operator")

    def write(count):
        return [
            AuditEntry.objects.record(
                "void.requested",
                actor=actor,
                target=f"invoice:{number}",
                reason=f"Because of {number}",
                correlation="c" * 36,
                ip="192.0.2.7",
                before={"total": "19.99"},
                after=["ü", number, None],
            )
            for number in range(count)
        ]

    return write
