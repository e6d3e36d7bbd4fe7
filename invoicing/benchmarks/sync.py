"""A first sync, one where nothing changed, one where one in a hundred did: the desk against dj-stripe's own command.

Both read the same invoices from one provider of pages made beforehand, seven to eight kilobytes each, and keep raw payload
and lines; both databases are fresh, with the same settings; the sides take turns. What they hold afterwards is compared
before any figure counts. The desk also keeps versions, search, summary and all indexes of its lists. No side is paced.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from invoicing.benchmarks.asking import ROOT
from invoicing.benchmarks.places import server
from invoicing.models.sealing import new_key

GOALS = {"first": 25, "unchanged": 50}  # how many times as many invoices a second as dj-stripe
MEMORY_GOAL = {"sqlite": 84, "postgresql": 20}
"""MiB that a first sync may leave in a process, however many invoices: 20, and the 64 of SQLite's own page cache."""
PEER_PYTHON = ROOT / ".venv-benchmark" / "bin" / "python"
PEER = Path(__file__).parent / "peers" / "djstripe_sync.py"
PHASES = ("first", "unchanged", "changed")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--db",
        default="sqlite",
        help="sqlite, postgresql (that of DESK_BENCHMARK_POSTGRES), or postgres://user@host:port",
    )
    parser.add_argument("--invoices", type=int, default=5000, help="how many the desk reads")
    parser.add_argument("--peer-invoices", type=int, default=300, help="how many dj-stripe reads")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true", help="the desk alone")


def run(
    *, db: str, invoices: int, peer_invoices: int, rounds: int, no_peers: bool, tell: Callable = print, **_
) -> dict:
    """Everything measured, and what misses a goal under "misses"."""
    db = server() if db == "postgresql" else db
    if not no_peers and not PEER_PYTHON.exists():
        raise RuntimeError("dj-stripe needs an environment of its own: make benchmark-env")
    with tempfile.TemporaryDirectory() as folder, _provider(invoices) as large, _provider(peer_invoices) as small:
        place = Databases(db, Path(folder))
        samples: dict[str, list[dict]] = {"desk": [], "desk, as few": [], "dj-stripe": []}
        if not no_peers:
            tell("making dj-stripe's tables")
            place.prepare_peer()
        for number in range(rounds):
            tell(f"round {number + 1} of {rounds}: the desk")
            samples["desk"].append(_desk(place, large["url"]))
            if not no_peers:
                tell(f"round {number + 1} of {rounds}: dj-stripe")
                samples["dj-stripe"].append(_peer(place, small["url"]))
        if not no_peers:
            samples["desk, as few"].append(_desk(place, small["url"]))  # for the comparison of what is held
    return _report(samples, large["bytes"], db, invoices, peer_invoices)


def _report(samples: dict[str, list[dict]], sizes: dict, db: str, invoices: int, peer_invoices: int) -> dict:
    counts = {"desk": invoices, "dj-stripe": peer_invoices}
    sides = [side for side in counts if samples[side]]
    growth = median(sample["growth"] for sample in samples["desk"])
    report: dict = {
        "database": "sqlite" if db == "sqlite" else "postgresql",
        "invoices": counts,
        "bytes per invoice": {"desk": sizes["orb"], "dj-stripe": sizes["stripe"]},
        "invoices per second": _rates(samples, counts, "seconds"),
        "invoices per processor second": _rates(samples, counts, "cpu"),
        "memory growth KiB": growth,
        "samples": {side: [sample["phases"] for sample in samples[side]] for side in sides},
        "misses": [],
    }
    misses = report["misses"]
    if any(sample["drift"] for sample in samples["desk"]):
        misses.append("the summary does not agree with the rows")
    if growth / 1024 > MEMORY_GOAL[report["database"]]:
        misses.append(f"the process kept {growth / 1024:.0f} MiB, more than {MEMORY_GOAL[report['database']]}")
    if samples["dj-stripe"]:
        ours, theirs = samples["desk, as few"][0], samples["dj-stripe"][0]
        for moment in ("before", "after"):
            if ours[moment] != theirs[moment]:
                misses.append(f"the sides hold different invoices {moment}: {ours[moment]} and {theirs[moment]}")
        for times, rates in (("times", "invoices per second"), ("times by processor", "invoices per processor second")):
            both = report[rates]
            report[times] = {phase: round(both["desk"][phase] / both["dj-stripe"][phase], 1) for phase in PHASES}
        for phase, goal in GOALS.items():
            if report["times"][phase] < goal:
                misses.append(f"{phase}: {report['times'][phase]} times as fast as dj-stripe, not {goal}")
    return report


def _rates(samples: dict[str, list[dict]], counts: dict[str, int], unit: str) -> dict[str, dict[str, float]]:
    """Invoices per unit of time, of the median run."""
    return {
        side: {
            phase: round(count / median(sample["phases"][phase][unit] for sample in samples[side]), 1)
            for phase in PHASES
        }
        for side, count in counts.items()
        if samples[side]
    }


def table(report: dict) -> str:
    """The report for a person."""

    def line(label: str, values: dict) -> str:
        return f"{label:<24}" + "".join(f"{values.get(phase, ''):>12}" for phase in PHASES)

    lines = [f"{report['database']}, {report['bytes per invoice']} bytes an invoice"]
    for unit in ("invoices per second", "invoices per processor second"):
        lines += [line(unit.removeprefix("invoices "), dict(zip(PHASES, PHASES, strict=True)))]
        lines += [line(f"  {side}", rates) for side, rates in report[unit].items()]
    if "times" in report:
        lines += [line("times as fast", report["times"]), line("  goal", GOALS)]
        lines += [line("  by processor", report["times by processor"])]
    return "\n".join([*lines, f"the desk's process kept {report['memory growth KiB'] / 1024:.1f} MiB"])


# ---- the sides


@contextmanager
def _provider(invoices: int) -> Iterator[dict]:
    """A provider of pages, as a process of its own; where it listens and how large its invoices are."""
    command = [sys.executable, "-m", "invoicing.benchmarks.provider", "--invoices", str(invoices)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Databases:
    """Fresh databases, one a measurement: files in a folder, or databases of one server."""

    def __init__(self, db: str, folder: Path):
        self.server = "" if db == "sqlite" else db.rstrip("/")
        self.folder, self.made = folder, 0

    def prepare_peer(self) -> None:
        """dj-stripe's tables take a minute to make: they are made once and copied."""
        self.template = self.new()
        subprocess.run([PEER_PYTHON, PEER, "prepare", self.template], check=True)

    def new(self, template: str = "") -> str:
        """A path, or a URL; `drop` it after use."""
        self.made += 1
        if not self.server:
            path = self.folder / f"{self.made}.sqlite3"
            if template:
                shutil.copy(template, path)
            return str(path)
        name = f"desk_bench_sync_{self.made}"
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template.rpartition('/')[2]}" if template else ""))
        return f"{self.server}/{name}"

    def drop(self, place: str) -> None:
        if self.server:
            self._execute(f"DROP DATABASE {place.rpartition('/')[2]} WITH (FORCE)")

    def _execute(self, sql: str) -> None:
        import psycopg

        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as connection:
            connection.execute(sql)


def _desk(place: Databases, url: str) -> dict:
    database = place.new()
    environment = {
        **os.environ,
        "DATABASE_URL": database if place.server else f"sqlite:///{database}",
        "DJANGO_SETTINGS_MODULE": "invoicing.settings",
        "DESK_DATA": str(place.folder),
        "DESK_FIELD_KEYS": new_key(),
        "DESK_ALLOW_PRIVATE_HOSTS": "true",
        "DEBUG": "false",
        "SECRET_KEY": "only for measurements, on data that nobody owns",
    }
    return _read(place, database, [sys.executable, "-m", "invoicing.benchmarks.sync_side", url], environment)


def _peer(place: Databases, url: str) -> dict:
    database = place.new(place.template)
    return _read(place, database, [str(PEER_PYTHON), str(PEER), url, database], dict(os.environ))


def _read(place: Databases, database: str, command: list[str], environment: dict[str, str]) -> dict:
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    place.drop(database)
    if done.returncode:
        raise RuntimeError(f"{command[1]} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
