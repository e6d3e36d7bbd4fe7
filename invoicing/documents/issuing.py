"""Who bills, where the provider does not say: set once for a connection, printed on our copies."""

from django.db import transaction

from invoicing.access import rights
from invoicing.models import AuditEntry, Connection, Issuer, User
from invoicing.providers.snapshots import Address

FIELDS = ("name", "address", "tax_id", "email", "phone")


def issuer_of(connection: Connection) -> Address | None:
    """As it is printed; None where nobody was set."""
    issuer = Issuer.objects.filter(connection=connection).first()
    if issuer is None:
        return None
    lines = tuple(line.strip() for line in issuer.address.splitlines() if line.strip())
    return Address(name=issuer.name, email=issuer.email, phone=issuer.phone, lines=lines, tax_id=issuer.tax_id)


def set_issuer(connection: Connection, *, by: User, ip: str = "", **said: str) -> None:
    """Who bills from now on; without a name nobody is printed. Copies kept before stay as they are. Errors: NotAllowed."""
    rights.require(by, "connect", connection)
    with transaction.atomic():
        former = Issuer.objects.filter(connection=connection).values(*FIELDS).first() or {}
        if said.get("name"):
            Issuer.objects.update_or_create(connection=connection, defaults=said)
        else:
            Issuer.objects.filter(connection=connection).delete()
        AuditEntry.objects.record(
            "connection.issuer",
            actor=by,
            target=f"connection:{connection.pk}",
            ip=ip,
            before=former,
            after=said if said.get("name") else {},
        )
