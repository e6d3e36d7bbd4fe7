"""Every address, by every method, as every role, about one's own and a foreign object, gives what the table says; and who is
refused makes no provider hear of it.
"""

import socket
import uuid
from contextlib import contextmanager

import pytest
from django.db import transaction
from django.template.base import Template
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse
from django.utils.safestring import SafeString

from invoicing.access import rights
from invoicing.models import ROLES, Job, Operation
from tests.access.table import ACCOUNTS, NOTHING, OPEN, SIGNED_IN, TABLE
from tests.access.world import BOSS, BOUND, EVERYTHING, NOBODY, world

__all__ = ["world"]
FINE = {200, 204, 302, 400, 409, 422}
REFUSED = {403, 404}
SENT = {"count": "0"}  # the form of rules says how many there are
SOMEBODY = ["controller", *(role for role in ROLES if role != "controller"), NOBODY, BOSS, EVERYTHING]


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
def pages(monkeypatch):
    """Each page is rendered for the first one who gets it; the others are told its status alone."""
    rendered, as_it_is = Pages(), Template.render

    def render(template, context):
        return as_it_is(template, context) if rendered.is_first(template.name) else SafeString("")

    monkeypatch.setattr(Template, "render", render)
    return rendered


class Pages:
    """`call` numbers the requests: what a page includes belongs to it, however often."""

    def __init__(self):
        self.at, self.call, self.seen = "", 0, {}

    def ask(self, client, method, where):
        self.at, self.call = f"{method} {where}", self.call + 1
        return client.post(where, SENT) if method == "post" else getattr(client, method)(where)

    def is_first(self, template):
        return self.seen.setdefault((self.at, template), self.call) == self.call


def address(name, kinds, row):
    """The address about its object; about nothing, with ids that nothing has."""
    return unknown(name) if row.about == NOTHING else reverse(name, kwargs=kinds.get(row.about) or {})


def unknown(name):
    wanted = next(iter(get_resolver().reverse_dict.getlist(name)))[0][0][1]
    given = {"job_id": uuid.uuid4(), "verb": "void", "kind": "customer", "external_id": "none", "slug": "none"}
    numbers = {name: given.get(name, 987654) for name in wanted}
    try:
        return reverse(name, kwargs=numbers)
    except NoReverseMatch:  # then its id is a UUID
        return reverse(name, kwargs=numbers | {"pk": uuid.uuid4()})


def may(user, needed):
    if needed in (OPEN, SIGNED_IN):
        return True
    return any(rights.can(user, right) for right in ((needed,) if isinstance(needed, str) else needed))


def expected(user, role, row, needed):
    """The statuses that are right."""
    if needed is None:
        return {405} | REFUSED
    if row.about == NOTHING or row.about.startswith("their "):
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


def test_every_address_by_every_method_as_everybody_gives_what_the_table_says(world, no_network, pages):
    everybody, kinds = world
    places = [(row, address(name, kinds, row)) for name, row in TABLE.items()]
    wrong, before = [], made()
    for role in SOMEBODY:
        user, client = everybody[role], Client()
        client.force_login(user)
        for row, where in places:
            for method, needed in (("get", row.get), ("post", row.post)):
                wanted = expected(user, role, row, needed)
                with undone():
                    status = pages.ask(client, method, where).status_code
                    refused = wanted <= REFUSED | {405}
                    if status not in wanted or (refused and made() != before):
                        wrong.append(f"{role}: {method} {where}: {status}, not {sorted(wanted)}")
    assert not wrong, "\n".join(wrong)
    assert no_network == []


def test_what_is_not_there_is_not_found(world, no_network, pages, person):
    client, wrong = Client(), []
    for roles in (["access admin"], [role for role in ROLES if role not in ("access admin", "sync admin")]):
        user = person(*roles)
        client.force_login(user)
        for name, row in TABLE.items():
            if row.about not in ("", NOTHING):
                for method, needed in (("get", row.get), ("post", row.post)):
                    if needed is not None and may(user, needed):
                        status = pages.ask(client, method, unknown(name)).status_code
                        if status != 404:
                            wrong.append(f"{method} {name}: {status}")
    assert not wrong, "\n".join(wrong)
    assert no_network == []


def test_a_stranger_gets_the_sign_in_and_nothing_else(world, no_network, pages):
    _, kinds = world
    client, wrong = Client(), []
    for name, row in TABLE.items():
        where = address(name, kinds, row)
        for method, needed in (("get", row.get), ("post", row.post), ("put", None), ("delete", None)):
            answer = pages.ask(client, method, where)
            at_sign_in = answer.status_code == 302 and answer["Location"].startswith("/accounts/login/")
            opened = OPEN in (row.get, row.post)
            if not (opened if opened else at_sign_in) or (opened and needed is None and answer.status_code < 405):
                wrong.append(f"{method} {where}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    assert no_network == []


def test_no_other_method_does_anything(world, no_network, pages):
    everybody, kinds = world
    client, wrong = Client(), []
    client.force_login(everybody["controller"])
    before = made()
    for name, row in TABLE.items():
        for method in ("put", "patch", "delete"):
            status = pages.ask(client, method, address(name, kinds, row)).status_code
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
