"""People, roles, duties and setting up, as an access admin meets them."""

import csv
import io
import re
import time

import pytest
from django.test import Client

from invoicing.access.rights import can
from invoicing.models import AuditEntry, Connection, Role, Scope, User
from invoicing.web.stepping_up import CONFIRMED_AT
from tests.factories import make_invoice
from tests.web.pages import ids, read

PASSWORD = "a long enough password"  # noqa: S105


@pytest.fixture
def admin(person):
    return person("access admin")


@pytest.fixture
def desk(client, admin):
    client.force_login(admin)
    return client


def again(user):
    return User.objects.get(pk=user.pk)


def test_somebody_added_chooses_a_password_by_a_link_that_works_once(desk, admin):
    given = {"email": "New@Desk.example", "name": "Nora New", "roles": ["operator"], "reason": "Joins us"}
    answer = desk.post("/people/add/", given)
    link = read(answer).one("input", id="one-time-link").attributes["value"]
    new = User.objects.get(email="new@desk.example")
    assert can(new, "request") and not new.has_usable_password()
    assert AuditEntry.objects.get(action="person.added").actor == admin

    stranger = Client()
    page = stranger.get(link, follow=True)
    chosen = {"password1": "quite another password", "password2": "quite another password"}
    assert stranger.post(page.request["PATH_INFO"], chosen).status_code == 302
    assert again(new).check_password("quite another password")
    assert Client().get(link, follow=True).context["token_fail"], "used up"
    signed = stranger.post("/accounts/login/", {"login": new.email, "password": "quite another password"})
    assert signed.status_code == 302


def test_what_was_typed_stays_when_somebody_has_the_e_mail(desk, person):
    known = person("viewer")
    answer = desk.post("/people/add/", {"email": known.email, "name": "Nora", "reason": "Because"})

    page = read(answer)
    assert answer.status_code == 422 and page.one("input", name="name").attributes["value"] == "Nora"
    assert "Somebody has this e-mail already." in page.text


def test_roles_can_be_looked_at_before_they_are_set(desk, person):
    viewer = person("viewer")
    wanted = {"what": "roles", "roles": ["operator"], "reason": "New job"}

    page = read(desk.post(f"/people/{viewer.pk}/", wanted | {"preview": "1"}))
    assert "Ask for an action at a provider" in page.one("main", id="content").all("div", role="status")[0].text
    assert page.one("input", name="roles", value="operator").has({"checked": True})
    assert not can(again(viewer), "request")

    assert desk.post(f"/people/{viewer.pk}/", wanted).status_code == 302
    assert can(again(viewer), "request") and not can(again(viewer), "audit")


def test_a_reach_narrows_every_page_at_once(desk, person, connection_to):
    orb, flexprice = connection_to("orb"), connection_to("flexprice")
    mine, other = make_invoice(orb, number="ORB-1"), make_invoice(flexprice, number="FP-1")
    operator = person("operator")
    limits = {"request_limits": "USD 1000\nEUR 50.5", "approve_limits": ""}
    given = {"what": "scope", "which": "some", "connections": [orb.pk], "reason": "Team Orb", **limits}
    assert desk.post(f"/people/{operator.pk}/", given).status_code == 302
    assert Scope.objects.get(user=operator).limits == {"request": {"EUR": "50.5", "USD": "1000"}}

    browser = Client()
    browser.force_login(again(operator))
    page = read(browser.get("/receivables/"))
    assert ids(page) == [mine.pk] and "FP-1" not in page.text and "FlexPrice" not in page.one("main", id="content").text
    assert ids(read(browser.get("/receivables/?q=FP-1"))) == []
    assert ids(read(browser.get(f"/receivables/?connection={flexprice.name}"))) == []
    assert browser.get(f"/invoices/{mine.pk}/").status_code == 200
    for path in (f"/invoices/{other.pk}/", f"/invoices/{other.pk}/actions/void/", f"/connections/{flexprice.pk}/"):
        assert browser.get(path).status_code == 404


def test_a_limit_that_is_none_is_said_at_its_field(desk, person):
    operator = person("operator")
    given = {"what": "scope", "which": "all", "request_limits": "ten dollars", "reason": "Because"}

    answer = desk.post(f"/people/{operator.pk}/", given)

    assert answer.status_code == 422 and "ten dollars” is not a unit and an amount" in answer.content.decode()
    assert not Scope.objects.exists()


def test_locking_out_signs_out_and_letting_in_lets_in(desk, person):
    operator = person("operator")
    theirs = Client()
    theirs.force_login(operator)
    assert theirs.get("/operations/").status_code == 200

    desk.post(f"/people/{operator.pk}/", {"what": "lock_out", "reason": "Left us"})
    assert theirs.get("/operations/").status_code == 302
    assert theirs.post("/accounts/login/", {"login": operator.email, "password": PASSWORD}).url == "/accounts/inactive/"

    desk.post(f"/people/{operator.pk}/", {"what": "let_in", "reason": "Back again"})
    assert theirs.post("/accounts/login/", {"login": operator.email, "password": PASSWORD}).url != "/accounts/inactive/"
    assert theirs.get("/operations/").status_code == 200


def test_one_browser_of_many_can_be_signed_out(desk, person):
    operator, other = person("operator"), person("operator")
    first, second = Client(), Client()
    for each in (first, second):
        each.post("/accounts/login/", {"login": operator.email, "password": PASSWORD})
        each.get("/operations/")
    page = read(desk.get(f"/people/{operator.pk}/"))
    ends = [
        form.attributes["action"] for form in page.all("form", action=True) if "/sessions/" in form.attributes["action"]
    ]
    assert len(ends) == 2

    stranger = Client()
    stranger.force_login(other)
    assert stranger.post(ends[0]).status_code == 404
    assert desk.post(ends[0]).status_code == 302
    assert sorted(each.get("/operations/").status_code for each in (first, second)) == [200, 302]


def test_before_people_are_changed_it_asks_who_it_is(desk, person):
    operator = person("operator")
    session = desk.session
    session[CONFIRMED_AT] = time.time() - 3600
    session.save()
    given = {"what": "roles", "roles": ["viewer", "auditor"], "reason": "Night <work>"}

    page = read(desk.post(f"/people/{operator.pk}/", given))
    kept = [(each.attributes["name"], each.attributes["value"]) for each in page.all("input", type="hidden")]
    assert ("roles", "viewer") in kept and ("roles", "auditor") in kept and ("reason", "Night <work>") in kept
    assert can(again(operator), "request")

    assert desk.post(f"/people/{operator.pk}/", given | {"confirm_password": "wrong"}).status_code == 422
    assert desk.post(f"/people/{operator.pk}/", given | {"confirm_password": PASSWORD}).status_code == 302
    assert can(again(operator), "audit") and not can(again(operator), "request")


def test_a_role_shows_whom_a_change_touches_and_then_changes(desk, person):
    viewer = person("viewer")
    role = next(each for each in read(desk.get("/people/roles/")).all("a", href=True) if each.text == "Viewer")
    wanted = {"rights": ["view", "export"], "reason": "Files wanted", "purpose": "looks"}

    page = read(desk.post(role.attributes["href"], wanted | {"preview": "1"}))
    assert str(viewer) in page.text and "Export lists" in page.text and not Role.objects.exists()
    assert desk.post(role.attributes["href"], wanted).status_code == 302
    assert can(again(viewer), "export") and not can(again(viewer), "comment")
    assert "changed" in read(desk.get("/people/roles/")).text


def test_duties_that_meet_are_a_page_and_a_file(desk, person):
    person("controller", email="=cmd@desk.example")
    person("viewer")

    assert "Approve and reject, up to the limit" in read(desk.get("/people/duties/")).text
    rows = list(csv.reader(io.StringIO(desk.get("/people/duties.csv").content.decode())))
    assert ["'=cmd@desk.example", "'=cmd@desk.example", "controller", "request", "approve", ""] in rows
    assert AuditEntry.objects.get(action="duties.exported").facts["rows"] == len(rows) - 1


def test_an_auditor_reads_duties_and_changes_nobody(client, person):
    client.force_login(person("auditor"))

    assert client.get("/people/duties/").status_code == 200
    assert client.get("/people/").status_code == 403 and client.get("/setup/").status_code == 404


def test_a_new_desk_is_set_up_by_whoever_made_it(client, db, connection_to):
    boss = User.objects.create_superuser(username="boss", email="boss@desk.example", password=PASSWORD)
    client.force_login(boss)
    assert client.get("/receivables/").status_code == 403 and client.get("/people/").status_code == 403

    page = read(client.get("/setup/"))
    assert "manage.py connect PROVIDER NAME" in page.text and "5 steps are left" in page.text
    assert client.post("/setup/").status_code == 302
    assert client.get("/people/").status_code == 200, "and still signed in"
    assert client.get("/receivables/").status_code == 403
    assert AuditEntry.objects.get(action="roles.first").actor == boss

    client.post("/setup/")
    assert AuditEntry.objects.filter(action="roles.first").count() == 1
    connection_to("orb")
    done = [re.sub(r"\s+", " ", each.text) for each in read(client.get("/setup/")).all("li", class_="done")]
    assert any("A provider is connected" in each for each in done) and Connection.objects.count() == 1
