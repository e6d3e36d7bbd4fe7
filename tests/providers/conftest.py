"""Fixtures of the provider tests."""

from tests.providers.misbehaving import naps, serve, wire  # noqa: F401  fixtures
