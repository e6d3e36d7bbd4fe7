"""Sandboxes on free ports, each a process of its own, so that one can be killed and begun again."""

import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from invoicing.sandbox.core import Raw, Refusal, Response, Simulator, World, route
from invoicing.sandbox.pdf import small_pdf
from invoicing.sandbox.server import serve

ROOT = Path(__file__).resolve().parents[2]


class Sandbox:
    """A running sandbox: where it listens, how to connect, and its control plane."""

    def __init__(self, *, invoices=60, seed=1, state=None, anchor="2026-10-15", options=()):
        command = [sys.executable, "-m", "invoicing.sandbox", "--port", "0", "--invoices", str(invoices)]
        command += ["--seed", str(seed), "--anchor", anchor, *options]
        command += ["--state", str(state)] if state else []
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.ready = self.process.stdout.readline()
        assert self.ready.startswith("Sandbox ready on "), self.ready
        self.url = self.ready.split()[3]
        self.connections = {connection["name"]: connection for connection in self.get("/_sandbox/connections")}

    def get(self, path, **params):
        return self._read(requests.get(self.url + path, params=params, timeout=30))

    def post(self, path, json=None):
        return self._read(requests.post(self.url + path, json=json, timeout=30))

    def delete(self, path):
        return self._read(requests.delete(self.url + path, timeout=30))

    def effects(self, **filters):
        return self.get("/_sandbox/effects", **filters)

    def fault(self, **rule):
        return self.post("/_sandbox/faults", rule)

    def act(self, connection, what, external_id="", **arguments):
        return self.post(
            "/_sandbox/act", {"connection": connection, "what": what, "external_id": external_id, **arguments}
        )

    def advance(self, seconds):
        return self.post("/_sandbox/clock", {"advance_seconds": seconds})

    def option(self, connection, **options):
        return self.post("/_sandbox/options", {"connection": connection, **options})

    def invoices(self, connection):
        """Every invoice as held now, as text lines of JSON."""
        answer = requests.get(f"{self.url}/_sandbox/invoices", params={"connection": connection}, timeout=60)
        assert answer.status_code == 200, answer.text
        return [line for line in answer.content.decode().split("\n") if line]

    def kill(self):
        """As a power cut does: nothing gets to say goodbye."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @staticmethod
    def _read(answer):
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def start_sandbox():
    """Makes a new one from the arguments of `Sandbox`; all end with the session."""
    with contextlib.ExitStack() as running:

        def start(**given):
            sandbox = Sandbox(**given)
            running.callback(lambda: sandbox.process.poll() is None and sandbox.kill())
            return sandbox

        yield start


@pytest.fixture(scope="module")
def sandbox(start_sandbox):
    """One sandbox with the default data for the tests of a file."""
    running = start_sandbox()
    yield running
    running.kill()


@pytest.fixture(autouse=True)
def no_faults_left(request):
    """Faults of one test do not reach the next."""
    yield
    if "sandbox" in request.fixturenames:
        request.getfixturevalue("sandbox").delete("/_sandbox/faults")


def _shape(value, path=""):
    """Every place in JSON data with the types found there: {".lines[].amount": {"number"}, ...}."""
    kinds = {dict: "object", list: "array", str: "text", bool: "boolean", type(None): "null"}
    found = {path: {kinds.get(type(value), "number")}}
    inner = (
        value.items()
        if isinstance(value, dict)
        else (("[]", item) for item in value)
        if isinstance(value, list)
        else ()
    )
    for name, item in inner:
        for place, types in _shape(item, f"{path}.{name}" if name != "[]" else f"{path}[]").items():
            found.setdefault(place, set()).update(types)
    return found


@pytest.fixture(scope="session")
def shape():
    """shape(data) of JSON data, shape(example="orb_customer") of an example body."""

    def of(data=None, *, example=None):
        if example:
            data = json.loads((ROOT / "tests" / "examples" / f"{example}.json").read_text())
        return _shape(data)

    return of


# ---- a client of Checkout Page


class Store:
    """A client with a key."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.base = sandbox.connections["checkout-page"]["base_url"]
        self.headers = {"Authorization": "Bearer " + sandbox.connections["checkout-page"]["api_key"]}

    def ask(self, path, method="GET", **given):
        given.setdefault("headers", self.headers)
        return requests.request(method, self.base + path, timeout=30, **given)

    def get(self, path, **params):
        answer = self.ask(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path, **params):
        answer = self.ask(path, params=params)
        assert answer.status_code == 400, answer.text
        assert answer.json()["status"] == answer.json()["type"] == "error"
        return answer.json()["errors"][0]["param"]

    def every(self, path="/v1/invoices/", **params):
        """All pages, followed as documented."""
        rows, page = [], self.get(path, limit=100, **params)
        while True:
            rows += page["data"]
            if not page["has_more"]:
                assert page["total"] == len(rows)
                return rows
            page = self.get(path, limit=100, starting_after=rows[-1]["id"], **params)

    def one(self, **wanted):
        """The newest invoice with these fields."""
        return next(row for row in self.every() if all(row.get(name) == value for name, value in wanted.items()))

    def again(self, invoice):
        """The invoice read back as the contract says: by its payment."""
        page = self.get("/v1/invoices/", chargeId=invoice["chargeId"])
        assert page["total"] == 1
        return page["data"][0]

    def regenerate(self, invoice):
        answer = self.ask(f"/v1/invoices/{invoice['id']}/regenerate", "POST", json={})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@pytest.fixture(scope="session")
def store_of():
    """store_of(sandbox) is a client of its Checkout Page."""
    return Store


# ---- a toy provider, for the core


class Till(Simulator):
    """A provider of three invoices that can be paid once, or later."""

    provider, mount, name = "orb", "/till/v1", "till"
    options = {"greeting": "hello"}

    def authorize(self, request):
        if request.headers.get("authorization") != "Bearer " + self.api_key():
            raise Refusal(self.error(401, "Who are you?"))

    def _invoice(self, identity):
        if identity not in ("a", "b", "c/d"):
            raise Refusal(self.error(404, f"No invoice {identity}"))
        changed = self.world.get(self.name, "invoice", identity) or {}
        return {"id": identity, "status": "open", "total": Raw("12.30"), "buyer": {"name": "Ærø"}, **changed}

    @route("GET", "/invoices")
    def listed(self, request):
        rows = [self._invoice(identity) for identity in ("a", "b", "c/d")]
        size = int(request.arg("limit", "3"))
        start = int(request.arg("cursor", "0"))
        return Response(body={"data": rows[start : start + size], "next": str(start + size)})

    @route("GET", "/invoices/{invoice_id}")
    def fetch(self, request):
        return Response(body=self._invoice(request.params["invoice_id"]))

    @route("GET", "/invoices/newest")
    def newest(self, request):
        return Response(body={"id": "newest", "greeting": self.option("greeting")})

    @route("POST", "/invoices/{invoice_id}/pay")
    def pay(self, request):
        invoice = self._invoice(request.params["invoice_id"])
        if invoice["status"] == "paid":
            raise Refusal(self.error(400, "Paid already"))
        wait = request.json().get("wait") if request.body else None
        if wait:
            self.world.later(wait, self.settle, invoice["id"])
            return Response(202, {"accepted": True})
        return Response(body=self.settle(invoice["id"]))

    def settle(self, identity):
        self.world.put(self.name, "invoice", identity, {"status": "paid"})
        self.world.effect(self.name, "pay", identity, key=None)
        return self._invoice(identity)

    @route("GET", "/open/{token}", public=True)
    def public(self, request):
        return Response(body=small_pdf("Till", [request.params["token"]]), content_type="application/pdf")

    def replay(self, request):
        kept = self.world.get(self.name, "idempotency", request.headers.get("Key", ""))
        return kept and Response(kept["status"], kept["body"], {"Replayed": "true"})

    def remember(self, request, response):
        if "Key" in request.headers:
            kept = {"status": response.status, "body": response.body}
            self.world.put(self.name, "idempotency", request.headers["Key"], kept)

    def act(self, what, external_id, **arguments):
        if what != "customer_pays":
            return super().act(what, external_id, **arguments)
        self._invoice(external_id)
        return self.settle(external_id)

    def invoices(self):
        return (self._invoice(identity) for identity in ("a", "b", "c/d"))


class Client(requests.Session):
    """A client of the toy, and of the control plane."""

    def __init__(self, server):
        super().__init__()
        self.trust_env = False
        self.server = server
        self.till = server.simulators["till"]
        self.headers["Authorization"] = "Bearer " + self.till.api_key()

    def request(self, method, path, **given):
        mount = "" if path.startswith(("/_sandbox", "http")) else self.till.mount
        return super().request(method, self.server.url + mount + path, timeout=10, **given)

    def fault(self, **rule):
        answer = self.post("/_sandbox/faults", json=rule)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def effects(self):
        return [(effect["verb"], effect["external_id"]) for effect in self.get("/_sandbox/effects").json()]


@pytest.fixture
def begin(tmp_path):
    """Starts a server in this process; the same state file unless told otherwise."""
    running = []

    def start(state=True, **given):
        world = World(state=tmp_path / "state.jsonl" if state else None, **given)
        server = serve(world, [Till], "127.0.0.1", 0)
        running.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return Client(server)

    yield start
    for server in running:
        server.shutdown()
        server.server_close()
