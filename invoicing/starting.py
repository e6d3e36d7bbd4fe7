"""`make run`: everything on a fresh machine, as one process tree that ends together.

Needs nothing but this environment. The folder data/ (or DESK_DATA) holds all it makes: settings, database, files, the
sandbox's state. A second start finds them and is quick.
"""

import argparse
import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
DEMO = "operator@desk.example"


def data_folder() -> Path:
    return Path(os.environ.get("DESK_DATA", HERE / "data")).resolve()


def environment_file(data: Path, port: int) -> dict[str, str]:
    """The settings of this desk, made on the first start and kept (mode 0600)."""
    path = data / "env"
    known: dict[str, str] = {}
    if path.exists():
        known = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    defaults = {
        "DESK_ALLOW_PRIVATE_HOSTS": "true",
        "DESK_QUIET_SECONDS": "20",
        "DESK_CALL_DEADLINE_SECONDS": "10",
        "DESK_DEMO_PASSWORD": secrets.token_urlsafe(12),
    }
    known = defaults | known
    data.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("".join(f"{name}={value}\n" for name, value in known.items()))
    return known


def free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def end_with_parent() -> None:
    os.setpgrp()  # Ctrl-C reaches the parent alone, which ends the others in order
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Tree:
    """The processes of one desk. One that dies is started again; all end with us."""

    def __init__(self):
        self.commands: dict[str, list[str]] = {}
        self.running: dict[str, subprocess.Popen] = {}
        self.born: dict[str, float] = {}
        self.stopping = False

    def start(self, name: str, command: list[str]) -> None:
        self.commands[name] = command
        self.born[name] = time.monotonic()
        self.running[name] = subprocess.Popen(command, cwd=HERE, preexec_fn=end_with_parent)  # noqa: S603 - ours

    def watch(self) -> None:
        while not self.stopping:
            time.sleep(0.2)
            for name, process in list(self.running.items()):
                if process.poll() is not None and not self.stopping:
                    lived = time.monotonic() - self.born[name]
                    print(f"{name} ended ({process.returncode}); starting it again", flush=True)
                    time.sleep(0.5 if lived > 10 else 3)
                    self.start(name, self.commands[name])

    def end(self, *_) -> None:
        self.stopping = True

    def stop_all(self) -> None:
        """End every process and whatever it started: each leads a group of its own."""
        for process in self.running.values():
            signal_group(process, signal.SIGTERM)
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            signal_group(process, signal.SIGKILL)  # a web server ended while it was starting may leave its worker


def signal_group(process: subprocess.Popen, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def manage(*arguments: str, quiet: bool = True) -> None:
    output = subprocess.DEVNULL if quiet else None
    done = subprocess.run([sys.executable, "manage.py", *arguments], cwd=HERE, stdout=output)  # noqa: S603 - ours
    if done.returncode:
        sys.exit(f"manage.py {arguments[0]} did not finish; see above.")


def get(url: str):
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own sandbox on this machine
        return json.load(answer)


def wait_for(url: str, what: str, tree: Tree) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and not tree.stopping:
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - ours
            return
        except OSError:
            time.sleep(0.1)
    if not tree.stopping:
        tree.stop_all()
        sys.exit(f"{what} did not start.")


def connect_sandbox(port: int, data: Path) -> bool:
    """Connect every sandbox provider; True when this is the first time."""
    mark = data / "connected"
    connections = get(f"http://127.0.0.1:{port}/_sandbox/connections")
    wanted = json.dumps(connections, sort_keys=True)
    if mark.exists() and mark.read_text() == wanted:
        return False
    for each in connections:
        command = [
            sys.executable,
            "manage.py",
            "connect",
            each["provider"],
            each["name"],
            "--base-url",
            each["base_url"],
        ]
        done = subprocess.run(  # noqa: S603 - ours; the key goes through standard input, not the process list
            [*command, "--api-key", "-"], cwd=HERE, input=each["api_key"], text=True
        )
        if done.returncode:
            sys.exit(f"The sandbox provider {each['name']} could not be connected.")
    mark.write_text(wanted)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(prog="make run")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--sandbox-port", type=int, default=8765)
    parser.add_argument("--invoices", type=int, default=0, help="per sandbox connection; 0: the sandbox's default")
    asked = parser.parse_args()
    for port, name in ((asked.port, "PORT"), (asked.sandbox_port, "SANDBOX_PORT")):
        if not free(port):
            sys.exit(f"Port {port} is in use. Choose another: make run {name}={port + 1}")

    data = data_folder()
    os.environ["DESK_DATA"] = str(data)
    known = environment_file(data, asked.port)
    tree = Tree()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, tree.end)
    try:
        print("Preparing the database and the pages …", flush=True)
        manage("prepare", "--demo")
        sandbox = [sys.executable, "-m", "invoicing.sandbox", "--port", str(asked.sandbox_port)]
        sandbox += ["--state", str(data / "sandbox.jsonl")]
        tree.start("sandbox", sandbox + (["--invoices", str(asked.invoices)] if asked.invoices else []))
        wait_for(f"http://127.0.0.1:{asked.sandbox_port}/_sandbox/connections", "The sandbox", tree)
        if not tree.stopping and connect_sandbox(asked.sandbox_port, data):
            print("First sync of the sandbox's providers …", flush=True)
            manage("sync", quiet=False)
        tree.start("worker", [sys.executable, "manage.py", "work"])
        tree.start("web", web_command(asked.port))
        wait_for(f"http://127.0.0.1:{asked.port}/healthz", "The web server", tree)
        if not tree.stopping:
            print(welcome(asked, known), flush=True)
        tree.watch()
    finally:
        tree.stop_all()


def web_command(port: int) -> list[str]:
    granian = [sys.executable, "-m", "granian", "--interface", "wsgi", "invoicing.wsgi:application"]
    return [*granian, "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--blocking-threads", "8",
            "--no-ws", "--log-level", "error", "--respawn-failed-workers"]  # fmt: skip


def welcome(asked, known) -> str:
    return f"""
  Invoice Desk   http://127.0.0.1:{asked.port}/
  Sign in as     {DEMO}   password  {known["DESK_DEMO_PASSWORD"]}
  One a role     viewer@ reviewer@ controller@ auditor@ sync-admin@ access-admin@desk.example, same password
  Sandbox        http://127.0.0.1:{asked.sandbox_port}/_sandbox/connections

  Try: filter the list to Orb and "finalized", open an invoice and void it; finalize a draft; regenerate a void Metronome
  invoice; open a PDF. In a second shell: .venv/bin/python manage.py sync
  Ctrl-C ends all of it.
"""


if __name__ == "__main__":
    main()
