"""One of each kind of object an address can name, and somebody of each role."""

import uuid
from datetime import date, timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.utils import timezone

from invoicing.access import people
from invoicing.access.scopes import Reach
from invoicing.approvals import publishing
from invoicing.bulk import collecting
from invoicing.documents import vault
from invoicing.jobs.api import enqueue
from invoicing.mirror.tasks import refresh_invoice_job, sync_connection_job
from invoicing.models import (
    ROLES,
    Brake,
    Delegation,
    Export,
    Incident,
    SavedView,
    UnreadableRecord,
    User,
    WorkerBeat,
)
from invoicing.models.version import packed
from invoicing.operations import brakes
from invoicing.operations.questions import ask_provider
from invoicing.operations.requesting import Wish, request_operation
from invoicing.vocabulary import Origin
from tests.approvals.conftest import ONE
from tests.web.mirrored import body, mirrored

NOBODY, BOSS, EVERYTHING = "nobody", "superuser", "everything, elsewhere"
ELSEWHERE = [role for role in ROLES if role != "access admin"]
BOUND = {
    *("invoice", "waiting", "document", "action", "start", "ask", "question", "customer", "operation", "approval"),
    *("batch", "incident", "connection", "job", "unreadable"),
}
"""Kinds that belong to a connection: out of reach they are not there."""


@pytest.fixture
def world(person, connection_to, settings, tmp_path):
    """Role → somebody; kind → arguments of an address about it."""
    settings.MEDIA_ROOT = tmp_path
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"  # a crawl is a thousand requests
    orb, other = connection_to("orb"), connection_to("flexprice")
    invoice, *further = (mirrored(orb, {**body("orb_invoice_issued"), "id": each}) for each in "abcd")
    everybody = {role: person(role) for role in ROLES} | {NOBODY: person()}
    everybody[BOSS] = User.objects.create_superuser(username="boss", email="boss@desk.example", password="long enough")
    everybody[EVERYTHING] = person(*ELSEWHERE)
    reach = Reach(connections=frozenset({other.pk}))
    people.set_scope(everybody[EVERYTHING], reach, by=None, reason="Works on the other connection")
    everybody[EVERYTHING].refresh_from_db()
    WorkerBeat.objects.create(name="one", seen_at=timezone.now() + timedelta(hours=1))
    somebody, another = person("controller"), person("controller")
    about_it = _about(invoice, everybody, person())
    return everybody, about_it | _asked(further, everybody, somebody, another) | _theirs(somebody, another)


def _about(invoice, everybody, stranger):
    orb, customer, now = invoice.connection, invoice.customer, timezone.now()
    start = {"connection_id": orb.pk, "kind": "customer", "external_id": customer.external_id}
    unreadable = UnreadableRecord.objects.create(
        connection=orb, kind="invoice", external_id="x", payload=packed(b"{}"), first_seen_at=now, last_seen_at=now
    )
    question = {"verb": "upcoming", "kind": "subscription", "arguments": {}, "reason": "", "ip": ""}
    question |= {"token": "t", "connection_id": orb.pk, "external_id": "s"}
    document = vault.keep(b"%PDF-1.4", invoice=invoice, origin=Origin.PROVIDER, version=1, fetched_by=None)
    session = UserSession.objects.create(user=stranger, session_key="k", ip="192.0.2.1", user_agent="A")
    asker = everybody["operator"]
    return {
        "invoice": {"pk": invoice.pk},
        "waiting": {"pk": invoice.pk, "job_id": enqueue(refresh_invoice_job, by=None, invoice_id=invoice.pk)},
        "document": {"pk": document.pk},
        "action": {"pk": invoice.pk, "verb": "void"},
        "start": start,
        "ask": start | {"verb": "create_invoice"},
        "question": {"job_id": enqueue(ask_provider, by=asker, user_id=asker.pk, **question)},
        "customer": {"pk": customer.pk},
        "connection": {"pk": orb.pk},
        "job": {"pk": enqueue(sync_connection_job, by=None, connection_id=orb.pk, full=False)},
        "unreadable": {"pk": unreadable.pk},
        "person": {"pk": everybody["auditor"].pk},
        "role": {"pk": Group.objects.get(name="viewer").pk},
        "session": {"pk": session.pk},
    }


def _asked(invoices, everybody, *controllers):
    """What colleagues asked for: an operation, one that waits for approval, a batch; and what holds sending back."""
    voided, waiting, collected = invoices
    operator = everybody["operator"]

    def void(invoice):
        return Wish(verb="void", invoice=invoice, by=operator, reason="Twice", token=uuid.uuid4().hex)

    operation = request_operation(void(voided))
    policy = publishing.draft([{"name": "Every one", "steps": ONE}], by=controllers[0], note="To begin with")
    for by in controllers:
        publishing.publish(policy, by=by, digest=policy.digest, reason="Agreed")
    draft = publishing.draft([], by=controllers[0], note="None any more")
    incident = Incident.objects.create(
        kind="foreign", connection=voided.connection, invoice=voided, mark="m", seen_at=timezone.now(), text="Void"
    )
    brake = brakes.put_on(Brake.Kind.STOP, by=operator, reason="It moves", provider="metronome", verb="void")
    return {
        "operation": {"pk": operation.pk},
        "approval": {"pk": request_operation(void(waiting)).approval_request.pk},
        "policy": {"number": draft.number},
        "batch": {"pk": collecting.collect("void", [collected.pk], by=operator, token="t").pk},
        "incident": {"pk": incident.pk},
        "brake": {"pk": brake.pk},
    }


def _theirs(somebody, another):
    """What is one person's own."""
    days = {"starts_on": date.today(), "ends_on": date.today() + timedelta(days=9)}
    delegation = Delegation.objects.create(
        giver=somebody, taker=another, reason="Away", made_by=somebody, made_at=timezone.now(), **days
    )
    view = SavedView.objects.create(slug="theirs", name="Theirs", direction="receivable", owner=somebody)
    export = Export.objects.create(requested_by=somebody, format="csv", direction="receivable", state="ready")
    return {
        "their delegation": {"pk": delegation.pk},
        "their view": {"slug": view.slug},
        "their export": {"pk": export.pk},
    }
