"""Adding and changing connections. Nothing is kept that did not pass a test call.

A key belongs to the host it was entered for: when the host changes, key and webhook secret are asked for again.
"""

from urllib.parse import urlsplit

from django.db import transaction

from invoicing.mirror.wires import wire_for
from invoicing.models import AuditEntry, Connection
from invoicing.models.sealing import CannotUnseal
from invoicing.providers.http import NoPacing
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import Environment


class CannotConnect(Exception):
    """What was given cannot be a connection; the text says why, in words for a person."""


def connect(
    provider: str,
    name: str,
    *,
    base_url: str = "",
    api_key: str = "",
    write_key: str | None = None,
    webhook_secret: str = "",
    environment: str | None = None,
    actor=None,
) -> Connection:
    """Add the connection `name`, or change it: what is not given stays as it is. Ends with a test call, then audit.

    `write_key` is used for calls that change something, and only for those; empty takes it away.

    Errors: CannotConnect; ProviderError, from the test call. Nothing is kept then.
    """
    if provider not in PROVIDERS:
        raise CannotConnect(f"There is no provider “{provider}”. There are: {', '.join(PROVIDERS)}.")
    if not 0 < len(name) <= 64 or ":" in name or not name.isprintable():
        raise CannotConnect("A connection's name has 1 to 64 characters and no colon.")
    connection = Connection.objects.filter(name=name).first()
    created = connection is None
    if connection is None:
        connection = Connection(provider=provider, name=name, direction=PROVIDERS[provider].direction)
    elif connection.provider != provider:
        raise CannotConnect(f"“{name}” is a connection to {PROVIDERS[connection.provider].name}.")
    before = _shown(connection)
    _set_environment(connection, environment)
    _set_address(connection, base_url or connection.base_url or PROVIDERS[provider].base_url)
    if api_key:
        connection.set_api_key(api_key)
    if write_key is not None:
        _set_write_key(connection, write_key)
    if webhook_secret:
        connection.set_webhook_secret(webhook_secret)
    if not connection.sealed_key:
        raise CannotConnect(
            "The key is missing. A key belongs to the host it was entered for."
            if not created
            else "The key is missing."
        )
    _test(connection, write_key or "")
    with transaction.atomic():
        connection.save()
        AuditEntry.objects.record(
            "connection.added" if created else "connection.changed",
            actor=actor,
            target=f"connection:{connection.pk}",
            before=None if created else before,
            after=_shown(connection),
            key_given=bool(api_key),
            write_key_given=bool(write_key),
            webhook_secret_given=bool(webhook_secret),
        )
    return connection


def _set_write_key(connection: Connection, write_key: str) -> None:
    if not connection.sealed_key and write_key:
        raise CannotConnect("A key that reads comes first.")
    if write_key and write_key == connection.api_key():
        raise CannotConnect(
            "The two keys are the same. Leave the second out, or make one at the provider that only reads."
        )
    connection.set_write_key(write_key)


def _test(connection: Connection, write_key: str) -> None:
    """The test call, with each key that is new. What the first finds is kept beside what was known."""
    if write_key:
        wire = wire_for(connection, pacer=NoPacing(), key=write_key)
        try:
            PROVIDERS[connection.provider].probe(wire)
        finally:
            wire.close()
    wire = wire_for(connection, pacer=NoPacing())
    try:
        connection.facts = {**connection.facts, **PROVIDERS[connection.provider].probe(wire)}
    finally:
        wire.close()


def _set_address(connection: Connection, base_url: str) -> None:
    base_url = base_url.strip().rstrip("/")
    if not urlsplit(base_url).netloc or len(base_url) > 300:
        raise CannotConnect("The base URL is not one.")
    former, connection.base_url = connection.host, base_url
    if connection.sealed_key and connection.host != former:
        connection.sealed_key = connection.key_ending = connection.sealed_webhook_secret = ""
        connection.sealed_write_key = connection.write_key_ending = ""
    if connection.sealed_key:
        try:
            connection.api_key()
        except CannotUnseal as error:
            raise CannotConnect(f"{error} Give the key again.") from None


def _set_environment(connection: Connection, environment: str | None) -> None:
    if environment is None or environment == connection.environment:
        return
    if environment not in Environment.values:
        raise CannotConnect(f"The environment is one of {', '.join(Environment.values)}.")
    if connection.pk and connection.invoices.exists():
        raise CannotConnect(
            "Test data and live data do not mix: its invoices are there already. Make another connection."
        )
    connection.environment = environment


def _shown(connection: Connection) -> dict[str, str]:
    return {
        "provider": connection.provider,
        "name": connection.name,
        "base_url": connection.base_url,
        "environment": str(connection.environment),
        "key_ending": connection.key_ending,
        "write_key_ending": connection.write_key_ending,
    }
