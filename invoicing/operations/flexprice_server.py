"""Which of FlexPrice's servers a connection talks to: the same address means two things, and one of them voids."""

from invoicing.models import Connection
from invoicing.operations.verb import NoLonger, Reading

UNKNOWN = (
    "Which meaning “recalculate” has on this FlexPrice server is not known; one of them voids the invoice. "
    "Run the connection's test call again."
)


def generation(connection: Connection) -> str:
    """ "A" as of January 2026, "B" as of August 2026; "" while nobody knows."""
    found = connection.facts.get("generation")
    return found if found in ("A", "B") else ""


def must_be_the_same(reading: Reading) -> None:
    """Ask the server again just before it is relied on.

    Errors: NoLonger, when it answers as another one than the connection's; what it is now is kept. ProviderError.
    """
    connection = reading.operation.connection
    facts = reading.provider.probe(reading.http)
    if facts.get("generation") == connection.facts.get("generation"):
        return
    Connection.objects.filter(pk=connection.pk).update(facts={**connection.facts, **facts})
    raise NoLonger(
        "This FlexPrice server answers as another version than it did; its “recalculate” may mean another thing."
    )
