"""Fixtures every test may use. Tests run on whatever DATABASE_URL says: SQLite in a file, or PostgreSQL."""

from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent / "examples"


@pytest.fixture(scope="session", autouse=True)
def quick_passwords():
    """The desk's own way of storing passwords is slow on purpose, and nearly every test makes people."""
    from django.conf import settings
    from django.contrib.auth.hashers import get_hashers, get_hashers_by_algorithm

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    get_hashers.cache_clear()
    get_hashers_by_algorithm.cache_clear()


@pytest.fixture
def example():
    """The bytes of an example body: example("orb_invoice_issued")."""
    return lambda name: (EXAMPLES / f"{name}.json").read_bytes()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings):
    """Commits of a test do not wait for the disk: it survives kill -9 without, and nothing of it outlives a power cut."""
    from django.db import connection

    options = connection.settings_dict["OPTIONS"]
    if connection.vendor == "sqlite":
        options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")
    else:
        options["options"] = "-c synchronous_commit=off"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Emptying the tables between transactional tests, made possible (the audit trail refuses it) and quick."""
    from django.conf import settings
    from django.db import connection
    from django.test import TransactionTestCase

    TransactionTestCase.available_apps = settings.INSTALLED_APPS  # no content types and permissions made anew each time
    operations = type(connection.ops)
    original = operations.execute_sql_flush
    operations.execute_sql_flush = _empty_the_tables
    yield
    operations.execute_sql_flush = original


def _empty_the_tables(operations, sql_list):
    from django.conf import settings
    from django.contrib.auth.models import Group

    from invoicing.models import ROLES

    database = operations.connection
    with database.cursor() as cursor:
        tables = [name for name in database.introspection.table_names(cursor) if name != "django_migrations"]
        if database.vendor == "sqlite":
            kept = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%append-only%'"
            triggers = cursor.execute(kept).fetchall()
            for name, _ in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
            cursor.execute("PRAGMA foreign_keys = OFF")
            for table in tables:
                if "_find" not in table:  # the search index follows its table by triggers
                    cursor.execute(f'DELETE FROM "{table}"')
            cursor.execute("PRAGMA foreign_keys = ON")
            for _, sql in triggers:
                cursor.execute(sql)
        else:
            statements = "".join(f'DELETE FROM "{table}";' for table in tables)
            cursor.execute(
                f"SET session_replication_role = replica; {statements} SET session_replication_role = DEFAULT"
            )
    Group.objects.bulk_create([Group(name=name) for name in ROLES])
    (settings.DATA / "audit.mark").unlink(missing_ok=True)  # what it names is gone, and on purpose


@pytest.fixture
def person(db):
    """person("operator") makes somebody with that role; person() somebody with none."""
    from django.contrib.auth.models import Group

    from invoicing.models import User

    def make(*roles, email=None):
        email = email or f"{'-'.join(roles).replace(' ', '-') or 'nobody'}{User.objects.count()}@desk.example"
        user = User.objects.create_user(username=email, email=email, password="a long enough password")
        user.groups.set(Group.objects.get_or_create(name=role)[0] for role in roles)
        return user

    return make


@pytest.fixture
def operator(person):
    return person("operator", "sync admin")


@pytest.fixture
def connection_to(db):
    """connection_to("orb", base_url=..., api_key=...) makes a connection row."""
    from invoicing.models import Connection
    from invoicing.providers.registry import PROVIDERS

    def make(provider, *, name=None, base_url="http://127.0.0.1:1/x", api_key="sk_test_key_0000", environment="live"):
        connection = Connection(
            provider=provider,
            name=name or provider,
            base_url=base_url,
            environment=environment,
            direction=PROVIDERS[provider].direction,
        )
        connection.set_api_key(api_key)
        connection.save()
        return connection

    return make
