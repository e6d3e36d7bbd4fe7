"""A desk of its own beside a sandbox of its own, for programs that prove something: environment, database, people, logs.

`own_desk()` must come before anything of Django is imported.
"""

import contextlib
import logging
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.matrix.strangers import Authority, Stranger

QUIET, DEADLINE = 1.5, 2.0  # Q and D of these runs, in seconds


@contextlib.contextmanager
def own_desk(*, quiet: float = QUIET, deadline: float = DEADLINE):
    """Settings, a migrated database that nobody else uses (on the server of DATABASE_URL, else SQLite), silent logs."""
    from tests import environment  # noqa: F401 - data folder and keys of its own, before Django reads them

    with tempfile.TemporaryDirectory(prefix="desk-proof-") as folder, contextlib.ExitStack() as after:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "invoicing.settings",
            "DESK_BUILDING": "1",
            "DESK_DATA": folder,
            "DESK_QUIET_SECONDS": str(quiet),
            "DESK_CALL_DEADLINE_SECONDS": str(deadline),
            "DESK_SYNC_MINUTES": "0",
            "DESK_DB_POOL": "false",  # its threads would not survive a fork
            "DATABASE_URL": after.enter_context(_database(os.environ.get("DATABASE_URL", ""), folder)),
        }
        import django

        django.setup()
        from django.conf import settings

        settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
        _be_quiet(Path(folder))
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", verbosity=0)
        Path(settings.STATIC_ROOT).mkdir(exist_ok=True)
        after.callback(connections.close_all)
        yield Path(folder)


@contextlib.contextmanager
def _database(url: str, folder: str):
    if not url.startswith("postgres"):
        yield f"sqlite:///{folder}/desk.sqlite3"
        return
    import psycopg

    name = f"desk_proof_{os.getpid()}"
    server = url.replace("postgres://", "postgresql://")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"{url.rsplit('/', 1)[0]}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _be_quiet(folder: Path) -> None:
    """All that the product logs goes into one file, which is searched for keys at the end."""
    from invoicing.logs import JsonFormatter

    file = logging.FileHandler(folder / "log")
    file.setFormatter(JsonFormatter())
    root = logging.getLogger()
    for logger in (root, *(logging.getLogger(name) for name in list(logging.Logger.manager.loggerDict))):
        logger.handlers = []
    root.addHandler(file)


def whichever_database() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
        return f"{'SQLite' if connection.vendor == 'sqlite' else 'PostgreSQL'} {cursor.fetchone()[0].split()[0]}"


class Place:
    """The sandbox, one connection to each of its providers, and two people who may act."""

    def __init__(self, *, invoices: int, seed: int):
        from invoicing.providers import transport

        self.stranger, self.authority = Stranger(), Authority()
        transport.certifi.where = lambda: self.authority.bundle  # only what this run's authority signs is believed
        self._world = {"invoices": invoices, "seed": seed, "anchor": datetime.now(UTC).date().isoformat()}
        self.sandbox = self._sandbox()
        self.operator, self.second = self._person("operator@proof.example"), self._person("second@proof.example")
        self.keys = [given["api_key"] for given in self.sandbox.connections.values()]
        self.connections = {name: self.connect(name) for name in self.sandbox.connections}

    def _sandbox(self, *options: str):
        from tests.sandbox.conftest import Sandbox

        return Sandbox(**self._world, options=options)

    def begin_anew(self) -> None:
        """The same world from its first day, at the same address."""
        self.sandbox.kill()
        self.sandbox = self._sandbox("--port", self.sandbox.url.rpartition(":")[2])

    def _person(self, email):
        from django.contrib.auth.models import Group

        from invoicing.models import User

        person = User.objects.create_user(username=email, email=email, password="a long enough password")
        person.groups.set([Group.objects.get_or_create(name="operator")[0]])
        return person

    def connect(self, name: str, *, called: str = ""):
        """A connection to one of the sandbox's providers. Several may lead to the same one, each with a turn of its own."""
        from invoicing.models import Connection
        from invoicing.providers.registry import PROVIDERS

        given = self.sandbox.connections[name]
        provider = PROVIDERS[given["provider"]]
        connection = Connection(
            provider=provider.key, name=called or name, base_url=given["base_url"], direction=provider.direction
        )
        connection.set_api_key(given["api_key"])
        if provider.key == "flexprice":
            connection.facts = {"generation": "A" if "2026-01" in name else "B"}
        if called and name in self.connections:
            connection.units = self.connections[name].units
        connection.save()
        return connection

    def sync(self) -> None:
        from invoicing.mirror import wires
        from invoicing.mirror.sync import sync_connection
        from invoicing.providers.http import NoPacing

        for connection in self.connections.values():
            run = sync_connection(connection, full=True, wire=lambda c=connection: wires.wire_for(c, pacer=NoPacing()))
            assert run.state == "complete", f"{connection}: {run.state} {run.errors}"

    def leaks(self, folder: Path) -> list[str]:
        """Where a provider's key stands in the clear, in anything that this desk wrote."""
        found = []
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                found += [str(path.relative_to(folder)) for key in self.keys if key.encode() in content]
        return found

    def close(self) -> None:
        self.sandbox.kill()
        self.stranger.close()
        self.authority.close()


class Workers:
    """The product's own worker in threads of this process, and beside it what its minute job does, twice a second."""

    def __init__(self, threads: int = 4):
        import threading

        from invoicing.jobs import worker

        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=worker.run, kwargs={"threads": threads, "stop": self._stop}),
            threading.Thread(target=self._sweep),
        ]
        for thread in self._threads:
            thread.start()

    def _sweep(self) -> None:
        from django.db import DatabaseError, connection

        from invoicing.operations import settling, spool, tasks

        rounds = 0
        while not self._stop.wait(0.5):
            rounds += 1
            try:
                spool.drain()
                settling.expire_leases()
                if rounds % 20 == 0:
                    tasks.reconcile()
            except DatabaseError:
                logging.getLogger(__name__).exception("The sweep goes on")
            finally:
                connection.close()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
