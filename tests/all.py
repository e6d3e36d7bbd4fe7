"""`make test`: brings up what the tests need, says how, and runs all of them on SQLite and on PostgreSQL side by side.

Under CI=true nothing is skipped: what cannot be brought up fails the run.
"""

import contextlib
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
STRICT = os.environ.get("CI") == "true"
ON_DATABASES = [  # what depends on the database runs on both; the rest would only repeat itself
    "tests/access/test_keys.py",
    "tests/access/test_limits.py",
    "tests/access/test_rights.py",
    "tests/approvals",
    "tests/auditing",
    "tests/benchmarks",
    "tests/bulk",
    "tests/documents",
    "tests/exports",
    "tests/jobs",
    "tests/listing",
    "tests/management",
    "tests/mirror",
    "tests/models",
    "tests/operations",
    "tests/reviews",
    "tests/web",
]
WAITING = ["tests/matrix", "tests/operations"]  # mostly wait for quiet times, so they run beside the others
SCREENS = "tests/web/browser"
FEW = 5  # so many failures may be the company's; more are the change's


def say(text: str) -> None:
    print(f"— {text}", flush=True)


def missing(text: str) -> None:
    if STRICT:
        sys.exit(f"{text} CI=true, so this fails.")
    say(f"{text} Skipped.")


def chromium() -> str:
    """Debian's Chromium, installed where that is possible."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found:
        say(f"Browser: {found}")
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("Installing Debian's chromium …")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["apt-get", "update"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", "chromium"], **quiet)
        if found := shutil.which("chromium"):
            say(f"Browser: {found}")
            return found
    missing("Browser tests need Chromium (Debian's package chromium), and it cannot be installed here.")
    return ""


def answers(host: str, port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def usable(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url.replace("postgres://", "postgresql://"), connect_timeout=3).close()
    except psycopg.Error:
        return False
    return True


def postgresql(stack: contextlib.ExitStack) -> str:
    """The URL of a PostgreSQL to test on: the one in DESK_TEST_POSTGRESQL, one that runs here, or one started for this run."""
    given = os.environ.get("DESK_TEST_POSTGRESQL")
    if given:
        say("PostgreSQL: the one DESK_TEST_POSTGRESQL names")
        return given
    if answers("127.0.0.1", 5432):
        for user in ("postgres", pwd.getpwuid(os.geteuid()).pw_name):
            url = f"postgres://{user}@127.0.0.1:5432/postgres"
            if usable(url):
                say(f"PostgreSQL: the one running on 127.0.0.1:5432, as {user}")
                return url
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [p for p in [shutil.which("initdb")] if p]
    if not programs:
        missing("No PostgreSQL runs here and none is installed.")
        return ""
    folder = Path(tempfile.mkdtemp(prefix="desk-postgresql-"))
    account = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if account:
        shutil.chown(folder, "postgres")
    programs_folder = Path(programs[-1]).parent
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "check": True}
    subprocess.run([*account, programs_folder / "initdb", "-D", folder / "data", "-U", "desk", "--auth=trust"], **quiet)
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    subprocess.run(
        [
            *account,
            programs_folder / "pg_ctl",
            "-D",
            folder / "data",
            "-w",
            "-o",
            options,
            "-l",
            folder / "log",
            "start",
        ],
        **quiet,
    )
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    stack.callback(
        subprocess.run,
        [*account, programs_folder / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"],
        **quiet,
    )
    say(f"PostgreSQL: started for this run on port {port}")
    return f"postgres://desk@127.0.0.1:{port}/postgres"


class Run:
    """pytest in a process of its own, on one database."""

    def __init__(self, name: str, arguments: list[str], log: Path, **environment: str):
        self.name, self.log, self.environment = name, log, environment
        self.process = self._begin(arguments)

    def _begin(self, arguments: list[str]) -> subprocess.Popen:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        env = os.environ | self.environment
        env.pop("DESK_DATA", None)
        with open(self.log, "w") as output:
            return subprocess.Popen(command, cwd=HERE, env=env, stdout=output, stderr=subprocess.STDOUT)

    def end(self) -> Counter:
        """What its last lines count: passed, skipped, failed."""
        code = self.process.wait()
        text = self.log.read_text(errors="replace")
        print(f"\n===== {self.name} =====\n{text}", flush=True)
        counts: Counter = Counter()
        for number, word in re.findall(r"(\d+) (passed|failed|error|skipped)", text.rstrip().rpartition("\n")[2]):
            counts["failed" if word == "error" else word] += int(number)
        if code and not counts["failed"]:
            counts["failed"] = 1
        return counts

    def failures(self) -> list[str]:
        """The tests that failed, by their addresses."""
        return re.findall(r"^(?:FAILED|ERROR) (tests/\S+)", self.log.read_text(errors="replace"), flags=re.MULTILINE)

    def alone(self, failures: list[str]) -> Counter:
        """Once more what failed beside the others, now that the machine is idle: was it the test, or the company?"""
        self.name += ", what failed, once more and alone"
        self.process = self._begin(failures)
        return self.end()


def without(places: list[str]) -> list[str]:
    return [f"--ignore={place}" for place in places]


def checks() -> bool:
    programs = Path(sys.executable).parent
    fine = True
    for name, command in (
        ("ruff", [programs / "ruff", "check", "--quiet", "."]),
        ("format", [programs / "ruff", "format", "--check", "--quiet", "."]),
        ("types", [programs / "mypy"]),
    ):
        done = subprocess.run(
            command, cwd=HERE, capture_output=True, text=True, env=os.environ | {"DESK_BUILDING": "1"}
        )
        say(f"{name}: {'fine' if done.returncode == 0 else 'not fine'}")
        if done.returncode:
            print(done.stdout[-6000:], done.stderr[-2000:], flush=True)
            fine = False
    return fine


def main() -> int:
    begun = time.monotonic()
    further = sys.argv[1:]
    with contextlib.ExitStack() as stack:
        browser = chromium()
        database = postgresql(stack)
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="desk-test-logs-")))
        runs = [
            Run("SQLite", [*without([*WAITING, SCREENS]), *further], logs / "1", DATABASE_URL=""),
            Run("SQLite, the ledger", [*WAITING, *further], logs / "2", DATABASE_URL=""),
        ]
        if database:
            places = [place for place in ON_DATABASES if place not in WAITING]
            begin = database.rpartition("/")[0]  # test databases are named after the one that the address names
            for name, chosen in (("PostgreSQL", places), ("PostgreSQL, the ledger", ["tests/operations"])):
                arguments = [*chosen, "-m", "not browser", *further]
                url = f"{begin}/desk_{len(runs)}_{os.getpid()}"
                runs.append(Run(name, arguments, logs / str(len(runs) + 1), DATABASE_URL=url))
        fine = checks()
        runs[
            -1
        ].process.wait()  # people wait a second for a screen, and so do these tests: they begin when it is calmer
        runs.append(Run("Screens", [SCREENS, *further], logs / "screens", DESK_CHROMIUM=browser, DATABASE_URL=""))
        total: Counter = Counter()
        unsteady: list[str] = []
        ended = [(run, run.end()) for run in runs]
        for run, counts in ended:
            failures = run.failures()
            if 0 < counts["failed"] == len(failures) <= FEW:
                again = run.alone(failures)
                unsteady += failures if not again["failed"] else []
                counts["passed"] += again["passed"]
                counts["failed"] = again["failed"]
            for place in run.failures():
                say(f"failed on {run.name}: {place}")
            total += counts
    for place in unsteady:
        say(f"unsteady, passed alone only: {place}")
    say(f"{time.monotonic() - begun:.0f} s")
    print(f"{total['passed']} passed, {total['failed'] + (not fine)} failed, {total['skipped']} skipped", flush=True)
    return 0 if fine and not total["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
