"""A connection to the plainest provider, and a mirror to write into."""

import pytest

from invoicing.mirror import drift
from invoicing.mirror.apply import Mirror
from invoicing.models import Connection
from invoicing.providers.registry import PROVIDERS
from tests.mirror.plain import NOON, Plain, World, sent
from tests.sandbox.conftest import start_sandbox  # noqa: F401  a sandbox of one's own


@pytest.fixture
def plain(monkeypatch):
    provider = Plain()
    monkeypatch.setitem(PROVIDERS, "plain", provider)
    return provider


@pytest.fixture
def world():
    return World()


@pytest.fixture
def connection(db, plain):
    made = Connection(provider="plain", name="plain", base_url="https://plain.example", direction="receivable")
    made.set_api_key("sk_plain_000000000000")
    made.save()
    return made


@pytest.fixture
def mirror(connection, world):
    return Mirror(connection, world)


@pytest.fixture
def apply(mirror):
    """apply(record, ...) stores a page that was read at `at`, and finds the summary still right."""

    def store(*records, at=NOON, **more):
        applied = mirror.invoices(sent(*records), read_started_at=at, **more)
        assert drift.recount(mirror.connection) == []
        return applied

    return store
