"""The plainest provider, for commands that sync."""

from tests.mirror.conftest import connection, plain, world  # noqa: F401  fixtures
