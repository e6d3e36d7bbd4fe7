"""Every address, by every method, as every role, about one's own and a foreign object, gives what the table says; and who is
refused makes no provider hear of it.
"""

import socket
import uuid
from contextlib import contextmanager

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from invoicing.access import people, rights
from invoicing.access.scopes import Reach
from invoicing.jobs.api import enqueue
from invoicing.mirror.tasks import sync_connection_job
from invoicing.models import ROLES, Job, Operation, UnreadableRecord, User, WorkerBeat
from invoicing.models.version import packed
from invoicing.operations.requesting import Wish, request_operation
from tests.access.table import ACCOUNTS, NOTHING, OPEN, SIGNED_IN, TABLE
from tests.web.mirrored import body, mirrored

FINE = {200, 204, 302, 400, 409, 422}
REFUSED = {403, 404}
NOBODY, BOSS, EVERYTHING = "nobody", "superuser", "everything, elsewhere"
ELSEWHERE = [role for role in ROLES if role != "access admin"]


def addresses(patterns=None):
    """The name of each address of the desk, with django-allauth's."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        if hasattr(each, "url_patterns"):
            yield from addresses(each.url_patterns)
        elif each.name:
            yield each.name


def test_the_table_names_every_address():
    named = TABLE.keys() | ACCOUNTS[OPEN] | ACCOUNTS[SIGNED_IN]
    assert set(addresses()) - named == set(), "decide who may, and add a row to tests/access/table.py"
    assert TABLE.keys() - set(addresses()) == set(), "these are gone"


@pytest.fixture
def no_network(monkeypatch):
    """No provider can be reached; who tried is noted."""
    tried = []

    def connect(self, address):
        tried.append(address)
        raise OSError("no network here")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


@pytest.fixture
def world(person, connection_to):
    """One of each kind of object, and somebody of each role. Kind → arguments of the address."""
    orb, other = connection_to("orb"), connection_to("flexprice")
    invoice = mirrored(orb, body("orb_invoice_issued"))
    second = mirrored(orb, {**body("orb_invoice_issued"), "id": "another"})
    everybody = {role: person(role) for role in ROLES} | {NOBODY: person()}
    everybody[BOSS] = User.objects.create_superuser(username="boss", email="boss@desk.example", password="long enough")
    everybody[EVERYTHING] = person(*ELSEWHERE)
    reach = Reach(connections=frozenset({other.pk}))
    people.set_scope(everybody[EVERYTHING], reach, by=None, reason="Works on the other connection")
    everybody[EVERYTHING].refresh_from_db()
    wish = Wish(verb="void", invoice=second, by=everybody["operator"], reason="Twice", token=uuid.uuid4().hex)
    now = timezone.now()
    WorkerBeat.objects.create(name="one", seen_at=now)
    unreadable = UnreadableRecord.objects.create(
        connection=orb, kind="invoice", external_id="x", payload=packed(b"{}"), first_seen_at=now, last_seen_at=now
    )
    session = UserSession.objects.create(user=person(), session_key="k", ip="192.0.2.1", user_agent="A")
    kinds = {
        "invoice": {"pk": invoice.pk},
        "action": {"pk": invoice.pk, "verb": "void"},
        "start": {"connection_id": orb.pk, "kind": "customer", "external_id": invoice.customer.external_id},
        "customer": {"pk": invoice.customer_id},
        "operation": {"pk": request_operation(wish).pk},
        "connection": {"pk": orb.pk},
        "job": {"pk": enqueue(sync_connection_job, by=None, connection_id=orb.pk, full=False)},
        "unreadable": {"pk": unreadable.pk},
        "person": {"pk": everybody["auditor"].pk},
        "role": {"pk": Group.objects.get(name="viewer").pk},
        "session": {"pk": session.pk},
    }
    return everybody, kinds


BOUND = {"invoice", "action", "start", "customer", "operation", "connection", "job", "unreadable"}
"""Kinds that belong to a connection: out of reach they are not there."""


def address(name, kinds, row):
    """The address about its object; about nothing, with ids that nothing has."""
    if row.about != NOTHING:
        return reverse(name, kwargs=kinds.get(row.about) or {})
    wanted = next(iter(get_resolver().reverse_dict.getlist(name)))[0][0][1]
    unknown = {"job_id": uuid.uuid4(), "verb": "void", "kind": "customer", "external_id": "none", "slug": "none"}
    numbers = {name: unknown.get(name, 987654) for name in wanted}
    try:
        return reverse(name, kwargs=numbers)
    except Exception:  # noqa: BLE001 - then its id is a UUID
        return reverse(name, kwargs=numbers | {"pk": uuid.uuid4()})


def may(user, needed):
    if needed in (OPEN, SIGNED_IN):
        return True
    return any(rights.can(user, right) for right in ((needed,) if isinstance(needed, str) else needed))


def expected(user, role, row, needed):
    """The statuses that are right."""
    if needed is None:
        return {405} | REFUSED
    if row.about == NOTHING:
        return {404} if may(user, needed) else REFUSED
    if role == EVERYTHING and row.about in BOUND:
        return {404}
    return FINE if may(user, needed) else REFUSED


@contextmanager
def undone():
    """What happens inside is rolled back; code that wants to be outermost may think it is."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


def made():
    return Job.objects.count(), Operation.objects.count()


@pytest.mark.parametrize("role", [*ROLES, NOBODY, BOSS, EVERYTHING])
def test_every_address_by_every_method_gives_what_the_table_says(world, no_network, role):
    everybody, kinds = world
    user, client = everybody[role], Client()
    client.force_login(user)
    wrong = []
    for name, row in TABLE.items():
        where = address(name, kinds, row)
        for method, needed in (("get", row.get), ("post", row.post)):
            with undone():
                before = made()
                status = getattr(client, method)(where).status_code
                wanted = expected(user, role, row, needed)
                refused = wanted <= REFUSED | {405}
                if status not in wanted or (refused and made() != before):
                    wrong.append(f"{method} {where}: {status}, not {sorted(wanted)}")
    assert not wrong, "\n".join(wrong)
    assert no_network == []


def test_a_stranger_gets_the_sign_in_and_nothing_else(world, no_network):
    _, kinds = world
    client, wrong = Client(), []
    for name, row in TABLE.items():
        where = address(name, kinds, row)
        for method, needed in (("get", row.get), ("post", row.post), ("put", None), ("delete", None)):
            answer = getattr(client, method)(where)
            at_sign_in = answer.status_code == 302 and answer["Location"].startswith("/accounts/login/")
            opened = OPEN in (row.get, row.post)
            if not (opened if opened else at_sign_in) or (opened and needed is None and answer.status_code < 405):
                wrong.append(f"{method} {where}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    assert no_network == []


def test_no_other_method_does_anything(world, no_network):
    everybody, kinds = world
    client, wrong = Client(), []
    client.force_login(everybody["controller"])
    before = made()
    for name, row in TABLE.items():
        for method in ("put", "patch", "delete"):
            status = getattr(client, method)(address(name, kinds, row)).status_code
            if status not in {403, 404, 405}:
                wrong.append(f"{method} {name}: {status}")
    assert not wrong, "\n".join(wrong)
    assert made() == before and no_network == []


def test_pages_of_ones_own_account_are_for_people(db, person):
    client, stranger, wrong = Client(), Client(), []
    client.force_login(person())
    for name in ACCOUNTS[SIGNED_IN]:
        given = {"pk": 987654} if name in ("mfa_remove_webauthn", "mfa_edit_webauthn") else {}
        where = reverse(name, kwargs=given)
        sent = stranger.get(where)
        if not (sent.status_code == 302 and "/accounts/login/" in sent["Location"]):
            wrong.append(f"a stranger at {where}: {sent.status_code}")
        if client.get(where).status_code not in {200, 302, 404}:
            wrong.append(f"a person at {where}: {client.get(where).status_code}")
    assert not wrong, "\n".join(wrong)
