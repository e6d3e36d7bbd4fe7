"""The audit explorer as people of different roles see it, what it is narrowed by, its files, and what doors record."""

import csv
import io
import json

import pytest
from django.core.cache import cache
from django.test import Client

from invoicing.access import people
from invoicing.access.scopes import Reach
from invoicing.auditing import checkpoints, tasks
from invoicing.auditing.trail import PAGE
from invoicing.models import AuditEntry
from tests.behind import behind_the_triggers
from tests.factories import make_invoice
from tests.web.pages import read

pytestmark = pytest.mark.django_db
HOSTILE = '=cmd|"/c calc"!A1<script>alert(1)</script>'


@pytest.fixture(autouse=True)
def outside(settings, tmp_path):
    settings.DESK_AUDIT_CHECKPOINTS = tmp_path
    cache.clear()


@pytest.fixture
def trail(person, orb, flexprice, time_machine):
    """Five entries that differ in everything one filters by. Name → entry."""
    olga, rita = person("operator", email="olga@desk.example"), person("reviewer", email="rita@desk.example")
    first, second = make_invoice(orb, number="ORB-7", customer="Söhne AG"), make_invoice(flexprice, number="FP-1")
    record = AuditEntry.objects.record
    time_machine.move_to("2026-03-01 12:00Z")
    found = {
        "asked": record(
            "void.requested", actor=olga, target=f"invoice:{first.pk}", reason=HOSTILE, correlation="b" * 36
        )
    }
    time_machine.move_to("2026-03-05 23:30Z")
    found["refused"] = record(
        "void.not_requested", actor=rita, target=f"invoice:{second.pk}", ip="192.0.2.9", correlation="b" * 36
    )
    time_machine.move_to("2026-03-06 00:30Z")
    found["roles"] = record(
        "roles.set", actor=rita, target=f"user:{olga.pk}", before=["viewer"], after=["viewer", "operator"]
    )
    found["desk"] = record("desk.restored", target="brake:1")
    found["changed"] = record("connection.changed", actor=rita, target=f"connection:{orb.pk}", before={"name": "A", "url": "x"}, after={"name": "B", "url": "x"})  # fmt: skip
    return found


@pytest.fixture
def as_role(person):
    def sign_in(*roles, **given):
        client = Client()
        client.user = person(*roles, **given)
        client.force_login(client.user)
        return client

    return sign_in


def listed(client, query=""):
    page = read(client.get(f"/audit/?{query}"))
    return [int(row.attributes["data-entry"]) for row in page.all("tr", data_entry=True)]


def numbers(trail, *names):
    return [trail[name].sequence for name in names]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("who=olga", ["asked"]),
        ("who=Invoice+Desk", ["desk"]),
        ("action=void", ["refused", "asked"]),
        ("action=void.requested", ["asked"]),
        ("action=.set", ["roles"]),
        ("outcome=refused", ["refused"]),
        ("outcome=done&action=void", ["asked"]),
        ("invoice=ORB-7", ["asked"]),
        ("customer=söhne", ["asked"]),
        ("since=2026-03-06", ["changed", "desk", "roles"]),
        ("until=2026-03-05", ["refused", "asked"]),
        (f"correlation={'b' * 36}", ["refused", "asked"]),
        ("ip=192.0.2.9", ["refused"]),
        ("target=brake:1", ["desk"]),
        ("who=olga&outcome=refused", []),
        ("since=yesterday", []),
        ("since=2026-03-06&until=2026-03-01", []),
        ("outcome=strange", []),
    ],
)
def test_each_filter_narrows_and_one_that_does_not_fit_lists_nothing(trail, as_role, query, names):
    assert listed(as_role("auditor"), query) == numbers(trail, *names)


def test_filters_by_connection(trail, as_role, orb):
    assert listed(as_role("controller"), f"connection={orb.pk}") == numbers(trail, "changed", "asked")


def test_days_are_days_of_the_accounting_time_zone(trail, as_role, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    assert listed(as_role("auditor"), "until=2026-03-05") == numbers(trail, "asked")


def test_each_role_reads_its_part(trail, as_role, orb):
    everything = numbers(trail, "changed", "desk", "roles", "refused", "asked")
    assert listed(as_role("auditor")) == listed(as_role("controller")) == everything
    assert listed(as_role("access admin")) == numbers(trail, "roles")
    assert listed(as_role("viewer")) == []
    rita = Client()
    rita.force_login(trail["roles"].actor)
    assert listed(rita) == numbers(trail, "changed", "roles", "refused")
    assert as_role("viewer").get(f"/audit/{trail['asked'].sequence}/").status_code == 404
    nobody = as_role()
    assert nobody.get("/audit/").status_code == 404


def test_an_auditor_of_one_connection_reads_about_no_other(trail, as_role, orb):
    client = as_role("auditor")
    people.set_scope(client.user, Reach(connections=frozenset({orb.pk})), by=None, reason="Audits Orb")
    client.user.refresh_from_db()
    client.force_login(client.user)
    assert trail["refused"].sequence not in listed(client) and trail["asked"].sequence in listed(client)
    assert client.get(f"/audit/{trail['refused'].sequence}/").status_code == 404


def test_pages_follow_one_another_without_gap(as_role):
    client = as_role("auditor")
    for number in range(PAGE * 2 + 5):
        AuditEntry.objects.record("view.made", target=f"view:{number}")
    seen = []
    query = ""
    while True:
        answer = client.get(f"/audit/?{query}")
        page = answer.context["page"]
        seen += [each.sequence for each in page.entries]
        if page.older is None:
            break
        query = f"before={page.older}"
    assert seen == sorted(AuditEntry.objects.values_list("sequence", flat=True), reverse=True)
    assert listed(client, f"after={page.newer}") == seen[PAGE : PAGE * 2]


def test_how_many_queries_does_not_depend_on_how_many_entries(as_role, orb, django_assert_max_num_queries):
    client = as_role("auditor")
    for _ in range(30):
        AuditEntry.objects.record("void.done", target=f"invoice:{make_invoice(orb).pk}")
    client.get("/audit/")
    with django_assert_max_num_queries(16):
        client.get("/audit/")


def test_an_entry_shows_what_changed_and_whether_it_agrees(trail, as_role):
    client = as_role("auditor")
    html = client.get(f"/audit/{trail['changed'].sequence}/").content.decode()
    page = read(client.get(f"/audit/{trail['changed'].sequence}/"))
    row = [each for each in page.all("tr") if "name" in each.text][-1]
    assert row.text == "nameAB" and "agrees with its hash" in html
    with behind_the_triggers("invoicing_auditentry"):
        AuditEntry.objects.filter(pk=trail["changed"].pk).update(actor_name="Somebody else")
    assert "is not what was written" in client.get(f"/audit/{trail['changed'].sequence}/").content.decode()


def test_outside_text_stays_text(trail, as_role):
    for address in ("/audit/", f"/audit/{trail['asked'].sequence}/"):
        assert "<script>alert" not in as_role("auditor").get(address).content.decode()


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_the_narrowed_trail_as_a_file_on_record(trail, as_role, format):
    client = as_role("auditor")
    answer = client.post("/audit/export/", {"format": format, "query": "action=void"})
    text = b"".join(answer.streaming_content).decode()
    rows = (
        list(csv.DictReader(io.StringIO(text))) if format == "csv" else [json.loads(line) for line in text.splitlines()]
    )
    assert [int(row["sequence"]) for row in rows] == numbers(trail, "asked", "refused")
    assert rows[0]["reason"] == ("'" + HOSTILE if format == "csv" else HOSTILE)
    assert rows[1]["hash"] == trail["refused"].hash
    said = AuditEntry.objects.get(action="audit.exported")
    assert said.facts == {"format": format, "filter": "action=void", "rows": 2} and said.actor == client.user


def test_too_many_entries_are_not_written(trail, as_role, settings):
    settings.DESK_AUDIT_EXPORT_MOST = 1
    client = as_role("auditor")
    assert client.post("/audit/export/", {"format": "csv", "query": ""}).status_code == 302
    assert not AuditEntry.objects.filter(action="audit.exported").exists()


def test_what_a_right_forbids_is_recorded_once_or_so(as_role, orb):
    client, invoice = as_role("viewer"), make_invoice(orb)
    for _ in range(60):
        assert client.post(f"/invoices/{invoice.pk}/refresh/").status_code == 403
    found = AuditEntry.objects.filter(actor=client.user)
    first = found.first()
    assert (first.action, first.outcome, first.of_invoice) == ("access.refused", "refused", invoice.pk)
    assert first.facts["path"] == f"/invoices/{invoice.pk}/refresh/" and "role" in first.facts["why"]
    assert found.count() == 41 and found.last().action == "access.more_refused"


def test_sign_ins_are_recorded_those_that_fail_too(person, client):
    somebody = person("viewer", email="vera@desk.example")
    client.post("/accounts/login/", {"login": "vera@desk.example", "password": "wrong\x00"})
    client.post("/accounts/login/", {"login": "vera@desk.example", "password": "guess"}, REMOTE_ADDR="192.0.2.44")
    client.post("/accounts/login/", {"login": "vera@desk.example", "password": "a long enough password"})
    failed, done = AuditEntry.objects.filter(action="sign_in.failed"), AuditEntry.objects.get(action="sign_in.done")
    assert failed.last().facts["as"] == "vera@desk.example" and failed.last().ip == "192.0.2.44"
    assert failed.last().actor is None and failed.last().outcome == "failed" and done.actor == somebody
    assert "guess" not in str(list(failed.values()))


def test_a_form_that_came_from_elsewhere_is_recorded(person):
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("operator"))
    assert client.post("/switches/off/", {}).status_code == 403
    assert AuditEntry.objects.get(action="access.refused").facts["path"] == "/switches/off/"


def test_the_page_says_whether_it_holds_and_names_the_first_that_does_not(trail, as_role):
    client = as_role("auditor")
    assert client.post("/audit/verify/").status_code == 302
    checkpoints.write(anyway=True)
    tasks.verify_trail.func()
    assert "It holds." in client.get("/audit/verify/").content.decode()
    with behind_the_triggers("invoicing_auditentry"):
        AuditEntry.objects.filter(pk=2).update(reason="Never")
    tasks.verify_trail.func()
    html = client.get("/audit/verify/").content.decode()
    assert "Broken at entry 2:" in html and "Nobody can act as another person" in html
    assert as_role("operator").get("/audit/verify/").status_code == 403
