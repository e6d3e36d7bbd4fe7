"""What an operation is about, and how a person names it."""

from dataclasses import dataclass

from invoicing.mirror.snapshots import snapshot_of
from invoicing.models import Connection, Customer, Invoice

KINDS = ("invoice", "customer", "subscription")


class CannotFind(Exception):
    """There is no such thing, or more than one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a verb without an invoice starts from. `customer` is what we know of them, where we do."""

    kind: str  # "customer", "subscription"
    connection: Connection
    external_id: str
    customer: Customer | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.customer or self.external_id}"


About = Invoice | Start


def kind_of(about: About) -> str:
    return about.kind if isinstance(about, Start) else "invoice"


def target_of(about: About) -> str:
    """How the audit trail names it."""
    if isinstance(about, Start):
        return f"{about.kind}:{about.connection.name}:{about.external_id}"[:120]
    return f"invoice:{about.pk}"


def starting(kind: str, connection: Connection, external_id: str) -> Start:
    customer = None
    if kind == "customer":
        customer = Customer.objects.filter(connection=connection, external_id=external_id).first()
    return Start(kind=kind, connection=connection, external_id=external_id, customer=customer)


def start_from(kind: str, invoice: Invoice) -> Start | None:
    """The customer or subscription an invoice belongs to, if it belongs to one."""
    if kind == "customer":
        return starting(kind, invoice.connection, invoice.customer.external_id)
    subscription = snapshot_of(invoice).subscription_id
    return starting(kind, invoice.connection, subscription) if subscription else None


def find(text: str) -> About:
    """Our id, `provider:external_id` where that is unique, or `CONNECTION:invoice|customer|subscription:ID`.

    Errors: CannotFind.
    """
    for kind in KINDS[1:]:
        name, found, external_id = text.partition(f":{kind}:")
        if found and external_id:
            connection = Connection.objects.filter(name=name).first()
            if connection is None:
                raise CannotFind(f"No connection is called {name}.")
            return starting(kind, connection, external_id)
    return find_invoice(text)


def find_invoice(text: str) -> Invoice:
    """Our id, `provider:external_id` where that is unique, or `CONNECTION:invoice:ID`. Errors: CannotFind."""
    invoices = Invoice.objects.select_related("connection", "customer")
    if text.isdecimal() and len(text) < 19:
        found = list(invoices.filter(pk=int(text)))
    elif ":invoice:" in text:
        connection, _, external_id = text.partition(":invoice:")
        found = list(invoices.filter(connection__name=connection, external_id=external_id))
    elif ":" in text:
        provider, _, external_id = text.partition(":")
        found = list(invoices.filter(connection__provider=provider, external_id=external_id)[:2])
    else:
        raise CannotFind(f"{text!r} is neither our id nor provider:external_id.")
    if not found:
        raise CannotFind(f"No invoice is {text}. Has it been synced?")
    if len(found) > 1:
        raise CannotFind(f"More than one connection has {text}; write CONNECTION:invoice:ID.")
    return found[0]
