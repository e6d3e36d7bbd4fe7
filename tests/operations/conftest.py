"""A desk beside a sandbox: invoices are picked from what the sandbox holds and mirrored one by one."""

import json
import time
from dataclasses import fields

import pytest
import requests

from invoicing.mirror.refresh import mirror_new
from invoicing.models import Connection, Invoice, Operation
from invoicing.operations import settling
from invoicing.operations.requesting import Wish, request_operation
from invoicing.operations.targets import starting
from invoicing.operations.tasks import reconcile
from invoicing.providers.registry import PROVIDERS
from invoicing.vocabulary import OPEN_STATES
from tests.sandbox.conftest import no_faults_left, start_sandbox

__all__ = ["no_faults_left", "start_sandbox"]


@pytest.fixture(scope="session")
def sandbox(start_sandbox):
    """One sandbox for all tests here, with enough invoices that each finds one of its own."""
    return start_sandbox(invoices=2000)


@pytest.fixture(autouse=True)
def a_quick_world(settings, tmp_path):
    settings.DESK_QUIET_SECONDS = 0.6
    settings.DESK_CALL_DEADLINE_SECONDS = 3
    settings.DATA = tmp_path
    settings.MEDIA_ROOT = tmp_path / "files"


class Desk:
    """What tests do at the desk, in their words."""

    def __init__(self, sandbox, operator):
        self.sandbox, self.operator, self.count = sandbox, operator, 0
        self.taken = set()

    def connection(self, name):
        given = self.sandbox.connections[name]
        existing = Connection.objects.filter(name=name).first()
        if existing:
            return existing
        provider = PROVIDERS[given["provider"]]
        connection = Connection(
            provider=provider.key, name=name, base_url=given["base_url"], direction=provider.direction
        )
        connection.set_api_key(given["api_key"])
        if name.startswith("flexprice"):
            connection.facts = {"generation": "A" if "2026-01" in name else "B"}
        if name == "metronome":
            connection.units = {}
        connection.save()
        return connection

    def payloads(self, name):
        """What the sandbox held when it was first asked: what no test took is still so."""
        if name not in _HELD:
            _HELD[name] = [json.loads(line) for line in self.sandbox.invoices(name)]
        return _HELD[name]

    def at_provider(self, name, path, **params):
        """What the provider itself says, past the desk."""
        given = self.sandbox.connections[name]
        auth = (
            {"x-api-key": given["api_key"]} if "flexprice" in name else {"Authorization": f"Bearer {given['api_key']}"}
        )
        answer = requests.get(given["base_url"] + path, headers=auth, params=params, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, name, method, path, kind, **more):
        self.sandbox.fault(connection=name, method=method, path=path, fault=kind, **more)

    def start(self, kind, name, external_id):
        return starting(kind, self.connection(name), external_id)

    def look_at(self, name, wanted):
        """The same as `pick` for a test that changes nothing at the provider: the next one may have it too."""
        return self.pick(name, wanted, take=False)

    def pick(self, name, wanted, *, take=True):
        """Mirror the first invoice of this connection that `wanted(payload)` accepts and no test took before."""
        connection = self.connection(name)
        for payload in self.payloads(name):
            if payload["id"] in _TAKEN or not wanted(payload):
                continue
            if take:
                _TAKEN.add(payload["id"])
            handles = {"customer_id": payload.get("customer_id", ""), "charge_id": payload.get("chargeId", "")}
            return mirror_new(connection, payload["id"], handles=handles)
        raise LookupError(f"The sandbox has no such invoice at {name}.")

    def ask(self, verb, about, **given):
        """Wish for a verb; arguments that the wish itself does not know are the verb's own."""
        self.count += 1
        wish = {"reason": "Duplicate of another", "token": f"form-{self.count}", "by": self.operator}
        names = {field.name for field in fields(Wish)}
        wish |= {name: value for name, value in given.items() if name in names}
        wish["invoice" if isinstance(about, Invoice) else "start"] = about
        arguments = {name: value for name, value in given.items() if name not in names}
        return request_operation(Wish(verb=verb, arguments=arguments, **wish))

    def done(self, verb, about, **given):
        """The same, carried to its end."""
        return self.settle(self.ask(verb, about, **given))

    def settle(self, operation, *, seconds=20, until=None):
        """Let the worker's rounds pass until the operation has ended (or stands as `until` says), or time has."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert reconcile()["errors"] == 0
            operation.refresh_from_db()
            if operation.state not in OPEN_STATES or operation.state == until:
                break
            time.sleep(0.05)
        return operation

    def effects(self, invoice, verb=None):
        found = self.sandbox.effects(external_id=invoice.external_id)
        return [each for each in found if verb is None or each["verb"] == verb]


_TAKEN, _HELD = set(), {}


@pytest.fixture
def desk(sandbox, operator):
    return Desk(sandbox, operator)


@pytest.fixture
def never_sent():
    """Asserts that an operation touched no wire."""

    def check(operation: Operation):
        assert not operation.attempts.exclude(wire="none").exists()

    return check


def look_now(operation):
    Operation.objects.filter(pk=operation.pk).update(next_look_at=None)
    settling.look(operation)
