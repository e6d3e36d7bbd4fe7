"""Who may do what, and how far it reaches."""

from decimal import Decimal

import pytest

from invoicing.access import people, rights, roles, scopes
from invoicing.access.people import CannotChange
from invoicing.access.rights import Agreement, NotAllowed, agreement, can, require
from invoicing.access.scopes import Reach, visible, visible_connections
from invoicing.access.shipped import RIGHTS, WORDS
from invoicing.models import ROLES, AuditEntry, Invoice, User
from tests.factories import make_invoice


@pytest.fixture
def admin(person):
    return person("access admin")


def again(user):
    return User.objects.get(pk=user.pk)


def test_every_right_has_words_and_only_roles_that_exist():
    assert WORDS.keys() == RIGHTS.keys()
    assert frozenset().union(*RIGHTS.values()) <= ROLES.keys()


def test_nothing_comes_from_being_superuser(db):
    boss = User.objects.create_superuser(username="boss", email="boss@desk.example", password="a long password")

    assert not any(can(boss, right) for right in RIGHTS)


def test_a_locked_person_may_do_nothing(person, admin):
    operator = person("operator")
    people.set_active(operator, False, by=admin, reason="Left")

    assert not can(again(operator), "request") and not can(again(operator), "view")


def test_a_person_reaches_only_the_connections_given(person, connection_to, admin):
    orb, flexprice = connection_to("orb"), connection_to("flexprice")
    mine, other = make_invoice(orb), make_invoice(flexprice)
    operator = person("operator")
    people.set_scope(operator, Reach(connections=frozenset({orb.pk})), by=admin, reason="Team Orb")
    operator = again(operator)

    assert can(operator, "request", mine) and not can(operator, "request", other)
    assert can(operator, "view", orb) and not can(operator, "view", flexprice)
    assert list(visible(Invoice.objects.all(), operator)) == [mine]
    assert list(visible_connections(operator)) == [orb]
    with pytest.raises(NotAllowed, match="outside the connections"):
        require(operator, "request", other)


def test_a_person_reaches_only_the_direction_given(person, connection_to, admin):
    orb, crdb = connection_to("orb"), connection_to("cockroachdb")
    viewer = person("viewer")
    people.set_scope(viewer, Reach(directions=frozenset({"payable"})), by=admin, reason="Pays the bills")

    assert list(visible_connections(again(viewer))) == [crdb]
    assert not can(again(viewer), "view", make_invoice(orb))


def test_a_limit_holds_in_its_unit_and_nowhere_else(person, connection_to, admin):
    orb = connection_to("orb")
    reviewer = person("reviewer")
    limits = {"approve": {"USD": Decimal("100")}}
    people.set_scope(reviewer, Reach(limits=limits), by=admin, reason="Small amounts")
    reviewer = again(reviewer)

    assert can(reviewer, "approve", make_invoice(orb, total="100"))
    assert not can(reviewer, "approve", make_invoice(orb, total="100.000001"))
    assert not can(reviewer, "approve", make_invoice(orb, total="-500"))
    assert not can(reviewer, "approve", make_invoice(orb, total="1", currency="EUR"))
    assert not can(reviewer, "approve", make_invoice(orb, total=None))
    assert can(reviewer, "request", make_invoice(orb, total="5000")), "the other right has no limit"
    assert not can(reviewer, "approve", amount=(Decimal(101), "USD"))


def test_who_approves_above_has_no_limit(person, connection_to, admin):
    controller = person("controller")
    people.set_scope(controller, Reach(limits={"approve": {"USD": Decimal(1)}}), by=admin, reason="By mistake")

    assert can(again(controller), "approve", make_invoice(connection_to("orb"), total="1000000"))


@pytest.mark.parametrize("duty", ["access admin", "sync admin"])
def test_who_keeps_the_keys_or_the_people_never_approves(person, duty):
    both = person("controller", duty)

    assert not can(both, "approve") and not can(both, "approve_above") and not can(both, "publish_policy")
    assert can(both, "request")


def test_the_standing_is_one_query(person, django_assert_num_queries):
    operator = person("operator", "viewer")

    with django_assert_num_queries(1):
        assert can(operator, "request") and can(operator, "view") and not can(operator, "approve")


def test_somebody_out_of_reach_is_no_second_person(person, connection_to, admin):
    orb, flexprice = connection_to("orb"), connection_to("flexprice")
    first, second = person("controller"), person("controller")
    people.set_scope(second, Reach(connections=frozenset({flexprice.pk})), by=admin, reason="FlexPrice only")

    assert agreement("settle", asked_by=None, by=first, thing=make_invoice(orb)) is Agreement.SOLO
    assert agreement("settle", asked_by=None, by=first, thing=make_invoice(flexprice)) is Agreement.ASKED
    assert agreement("settle", asked_by=first.pk, by=second) is Agreement.AGREED


def test_a_role_says_beforehand_who_gains_and_who_loses(person, admin):
    viewer, both = person("viewer"), person("viewer", "operator")
    wanted = RIGHTS.keys() & {"view", "view_money", "export"}

    told = {each.person: each for each in roles.effects("viewer", wanted)}
    assert told[viewer].gained == ("export",) and told[viewer].lost == ("comment", "own_views")
    assert both not in told, "the other role gives the same"

    roles.set_rights("viewer", wanted, by=admin, reason="They asked for files")
    assert can(again(viewer), "export") and not can(again(viewer), "comment")
    entry = AuditEntry.objects.get(action="role.set")
    assert entry.actor == admin and "export" in entry.facts["after"] and "export" not in entry.facts["before"]


def test_a_role_of_ones_own_begins_with_nothing(person, admin):
    roles.add_role("Night shift", by=admin, reason="For the nights")
    sleeper = person("night shift")
    assert not can(sleeper, "view")

    roles.set_rights("night shift", ["view", "stop"], by=admin, reason="Watch and stop")
    assert can(again(sleeper), "stop") and rights.roles_with("stop") >= {"night shift", "operator"}


def test_only_an_access_admin_changes_access_and_never_their_own(person, admin):
    operator, second = person("operator"), person("access admin")

    for refused in (
        lambda: people.set_roles(operator, ["controller"], by=operator, reason="Please"),
        lambda: people.add(email="new@desk.example", by=operator, reason="Please"),
        lambda: people.set_scope(operator, Reach(), by=operator, reason="Please"),
        lambda: people.set_active(admin, False, by=operator, reason="Please"),
        lambda: roles.set_rights("operator", RIGHTS, by=operator, reason="Please"),
        lambda: roles.add_role("king", by=operator, reason="Please"),
    ):
        with pytest.raises(NotAllowed):
            refused()
    with pytest.raises(CannotChange, match="own access"):
        people.set_roles(admin, ["access admin", "operator"], by=admin, reason="Quicker")
    people.set_roles(admin, ["access admin", "operator"], by=second, reason="Agreed")
    assert can(again(admin), "request")


def test_the_last_access_admin_stays_and_alone_may_change_themselves_on_record(person, admin):
    with pytest.raises(CannotChange, match="last person"):
        people.set_roles(admin, ["viewer"], by=admin, reason="Enough")
    with pytest.raises(CannotChange):
        people.set_active(admin, False, by=None, reason="From the shell")

    people.set_roles(admin, ["access admin", "viewer"], by=admin, reason="Nobody else is here")
    assert AuditEntry.objects.get(action="roles.set").facts["solo"] is True


def test_a_change_without_a_reason_is_none(person, admin):
    operator = person("operator")
    with pytest.raises(CannotChange, match="Say why"):
        people.set_roles(operator, [], by=admin, reason="  ")
    assert can(again(operator), "request")


def test_who_set_the_desk_up_begins_once(person, db):
    boss = User.objects.create_superuser(username="boss", email="boss@desk.example", password="a long password")
    other = User.objects.create_superuser(username="other", email="other@desk.example", password="a long password")

    people.first_access_admin(boss, reason="Setting up")
    assert can(again(boss), "people") and not can(again(boss), "request")
    with pytest.raises(CannotChange, match="already"):
        people.first_access_admin(other, reason="Me too")
    with pytest.raises(CannotChange):
        people.first_access_admin(person("operator"), reason="Me too")


def test_duties_that_meet_are_named(person):
    controller, viewer = person("controller"), person("viewer")
    found = {(each.person, each.first, each.second) for each in roles.meetings()}

    assert (controller, "request", "approve") in found and (controller, "request", "settle") in found
    assert not any(each.person == viewer for each in roles.meetings())


def test_a_scope_of_nothing_reaches_nothing(person, connection_to, admin):
    invoice = make_invoice(connection_to("orb"))
    viewer = person("viewer")
    people.set_scope(viewer, Reach(connections=frozenset()), by=admin, reason="Not yet")

    assert not visible_connections(again(viewer)).exists() and not can(again(viewer), "view", invoice)
    assert scopes.connection_ids(again(viewer)) == frozenset()
