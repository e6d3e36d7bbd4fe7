"""The databases measurements run on: made once, filled with made-up invoices, kept for the next run.

SQLite files lie in DESK_DATA/benchmarks; PostgreSQL's are named desk_bench_… on the server of DESK_BENCHMARK_POSTGRES.
"""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from django.conf import settings

from invoicing.benchmarks.asking import ROOT

POSTGRES = "postgres://postgres@127.0.0.1:5432"
POSTGRES_SETTINGS = {"jit": "off", "random_page_cost": "1.1", "work_mem": "64MB"}
"""What one would set on a server of today's; for both sides."""
SEED = 1


@dataclass(frozen=True)
class Place:
    """One database with `rows` invoices."""

    vendor: str  # "sqlite" or "postgresql"
    rows: int

    @cached_property
    def name(self) -> str:
        return f"desk_bench_{self.rows}_{SEED}"

    @property
    def folder(self):
        return settings.DATA / "benchmarks"

    @property
    def url(self) -> str:
        if self.vendor == "sqlite":
            return f"sqlite:///{self.folder / self.name}.sqlite3"
        return f"{server()}/{self.name}"

    @property
    def environment(self) -> dict[str, str]:
        """Of every process that works on it: a desk in production, with nothing behind it."""
        return {
            "DATABASE_URL": self.url,
            "DESK_DATA": str(self.folder),
            "SECRET_KEY": "only for measurements, on data that nobody owns",
            "ALLOWED_HOSTS": "testserver",
            "DEBUG": "false",
        }

    def prepare(self, tell: Callable[[str], object], *, fresh: bool = False) -> None:
        """Make it, migrate it, fill it, unless that was done before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if fresh:
            self.drop()
        new = self._create()
        self._manage("migrate", "--verbosity=0")
        if new:
            tell(f"{self.vendor}: filling {self.rows:,} invoices")
            self._manage("fill", f"--invoices={self.rows}", f"--seed={SEED}")
            self._manage("createcachetable")
        self._settle()
        self._manage("collectstatic", "--noinput", "--verbosity=0")

    def drop(self) -> None:
        if self.vendor == "sqlite":
            for path in self.folder.glob(f"{self.name}.sqlite3*"):
                path.unlink()
        else:
            _on_server(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    def _create(self) -> bool:
        if self.vendor == "sqlite":
            return not (self.folder / f"{self.name}.sqlite3").exists()
        if _on_server(f"SELECT 1 FROM pg_database WHERE datname = '{self.name}'"):
            return False
        _on_server(f'CREATE DATABASE "{self.name}"')
        for setting, value in POSTGRES_SETTINGS.items():
            _on_server(f"ALTER DATABASE \"{self.name}\" SET {setting} = '{value}'")
        return True

    def _settle(self) -> None:
        """Statistics, also of an index a migration has just made: a peer that is left to guess is no peer."""
        if self.vendor == "postgresql":
            _on_server("VACUUM ANALYZE", database=self.name)
        else:
            with closing(sqlite3.connect(self.folder / f"{self.name}.sqlite3")) as database:
                database.execute("ANALYZE")

    def _manage(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment, "DJANGO_SETTINGS_MODULE": "invoicing.settings"},
            stdout=subprocess.DEVNULL,
            check=True,
        )


def server() -> str:
    return os.environ.get("DESK_BENCHMARK_POSTGRES", POSTGRES).rstrip("/")


def _on_server(sql: str, *, database: str = "postgres") -> list:
    import psycopg

    parts = urlsplit(server())
    with psycopg.connect(
        host=parts.hostname,
        port=parts.port or 5432,
        user=parts.username,
        password=parts.password,
        dbname=database,
        autocommit=True,
    ) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []
