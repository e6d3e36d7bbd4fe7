"""Customers over providers: who they are, what they owe, what happened, and saying that two are one."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from invoicing.models import AuditEntry, Customer, CustomerGroup, Invoice, Operation, Scope
from invoicing.operations import customer_links
from invoicing.vocabulary import Payment, Status
from invoicing.web.customer_timeline import PAGE, timeline
from tests.factories import make_customer, make_invoice
from tests.web.pages import read
from tests.web.test_invoice import text_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def acme(orb):
    return make_customer(orb, "Acme GmbH", email="billing@acme.de", reference="crm-7", tax_id="DE123")


def look(client, customer, **query):
    answer = client.get(f"/customers/{customer.pk}/", query)
    assert answer.status_code == 200
    return answer.content.decode()


def link(client, customer, **given):
    return client.post(f"/customers/{customer.pk}/link/", {"reason": "Same company", **given})


# What they owe


def test_open_amounts_stand_one_a_unit_and_book_with_what_is_overdue(browser, orb, acme, march):
    make_invoice(orb, customer=acme, total="100", due_date=date(2026, 3, 14))
    make_invoice(orb, customer=acme, total="50.25", due_date=date(2026, 3, 15))
    make_invoice(orb, customer=acme, total="7", currency="EUR")
    make_invoice(orb, customer=acme, total="1000", payment=Payment.PAID)

    rows = {row.one("th").text: [cell.text for cell in row.all("td")] for row in _owed(look(browser, acme))}

    assert rows["USD"][0].replace("\N{NO-BREAK SPACE}", " ") == "150.25 USD"
    assert rows["USD"][1].replace("\N{NO-BREAK SPACE}", " ") == "100.00 USD", "due today is not overdue"
    assert rows["USD"][2] == "2" and rows["USD"][3].startswith("3")
    assert rows["EUR"][0].startswith("7.00")
    assert not any("157.25" in cell for cells in rows.values() for cell in cells)


def _owed(html):
    from types import SimpleNamespace

    page = read(SimpleNamespace(content=html.encode()))
    table = page.one("table", class_="owed")
    return [row for row in table.all("tr") if row.all("td")]


def test_linked_identities_are_added_up_and_test_data_stands_apart(browser, orb, connection_to, acme, operator):
    there = connection_to("flexprice", environment="test")
    twin = make_customer(there, "ACME")
    make_invoice(orb, customer=acme, total="10")
    make_invoice(there, customer=twin, total="99")
    customer_links.link(acme, twin, by=operator, reason="Same company")

    html = look(browser, acme)

    assert "Receivables, test data" in html and "109" not in text_of(html)
    assert f"?customer={acme.pk}&amp;currency=USD&amp;data=test" in html


# Saying that two are one


def test_linking_asks_for_a_reason_and_puts_it_on_record(browser, acme, flexprice, operator):
    twin = make_customer(flexprice, "Acme Inc")

    without = link(browser, acme, other=twin.pk, reason="  ")
    assert without.status_code == 422 and "Say why" in without.content.decode()
    assert not CustomerGroup.objects.exists() and not AuditEntry.objects.exists()

    assert link(browser, acme, other=twin.pk).status_code == 302

    acme.refresh_from_db(), twin.refresh_from_db()
    assert acme.group_id == twin.group_id is not None
    entries = AuditEntry.objects.filter(action="customer.linked")
    assert {entry.target for entry in entries} == {f"customer:{acme.pk}", f"customer:{twin.pk}"}
    assert {(entry.actor, entry.reason) for entry in entries} == {(operator, "Same company")}
    html = look(browser, acme)
    assert html.count("Linked with") == 1 and "2 linked" in text_of(html)


def test_what_was_linked_before_comes_along(operator, orb, flexprice, connection_to):
    one, two, three, four = (make_customer(orb, name) for name in ("One", "Two", "Three", "Four"))
    customer_links.link(one, two, by=operator, reason="r")
    customer_links.link(three, four, by=operator, reason="r")

    customer_links.link(two, three, by=operator, reason="r")

    assert CustomerGroup.objects.count() == 1
    assert set(Customer.objects.exclude(group=None)) == {one, two, three, four}


def test_parting_one_of_two_leaves_no_group_and_of_three_leaves_two(operator, browser, orb):
    one, two, three = (make_customer(orb, name) for name in ("One", "Two", "Three"))
    customer_links.link(one, two, by=operator, reason="r")
    customer_links.link(one, three, by=operator, reason="r")

    answer = browser.post(f"/customers/{two.pk}/unlink/", {"reason": "Another firm", "stay": one.pk})
    assert answer.status_code == 302 and answer.url == f"/customers/{one.pk}/"
    assert Customer.objects.exclude(group=None).count() == 2

    customer_links.unlink(Customer.objects.get(pk=one.pk), by=operator, reason="r")
    assert not Customer.objects.exclude(group=None).exists() and not CustomerGroup.objects.exists()
    assert AuditEntry.objects.filter(action="customer.unlinked").count() == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"other": "self"}, "the very same"),
        ({"other": "bill"}, "never linked"),
        ({"other": "linked"}, "linked already"),
        ({"other": ""}, "Choose one"),
        ({"other_id": "nobody"}, "no customer with this id"),
        ({"other_id": "9" * 40}, "no customer with this id"),
        ({"other": "twin", "reason": "x" * 501}, "at most 500"),
    ],
)
def test_what_cannot_be_linked_says_why_and_keeps_what_was_typed(browser, operator, acme, flexprice, crdb, given, said):
    linked = make_customer(flexprice, "Linked")
    customer_links.link(acme, linked, by=operator, reason="r")
    named = {
        "self": acme,
        "bill": make_customer(crdb, "Us"),
        "linked": linked,
        "twin": make_customer(flexprice, "Twin"),
    }
    before = AuditEntry.objects.count()
    given = {name: named[value].pk if value in named else value for name, value in given.items()}

    answer = link(browser, acme, **given)

    assert answer.status_code == 422 and said in text_of(answer.content.decode())
    reason = read(answer).one("input", id="link-reason").attributes["value"]
    assert reason == given.get("reason", "Same company")
    assert AuditEntry.objects.count() == before


def test_linking_needs_its_right(client, person, acme, flexprice):
    twin = make_customer(flexprice, "Acme")
    client.force_login(person("viewer"))

    assert link(client, acme, other=twin.pk).status_code == 403
    assert 'id="linking"' not in look(client, acme)
    assert not CustomerGroup.objects.exists()


def test_suggestions_say_in_what_they_agree_the_strongest_first(browser, acme, flexprice, crdb):
    make_customer(flexprice, "Somebody", email="x@gmail.com")
    make_customer(flexprice, "By domain", email="other@ACME.de")
    make_customer(flexprice, "By tax", tax_id="DE123")
    make_customer(flexprice, "acme gmbh", external_id="by-name")
    make_customer(crdb, "Acme GmbH")

    suggested = read(browser.get(f"/customers/{acme.pk}/")).one("fieldset", class_="suggested")

    assert [each.text.split(" F ")[0].split()[0:2] for each in suggested.all("label")] == [
        ["By", "tax"], ["By", "domain"], ["acme", "gmbh"],
    ]  # fmt: skip
    assert "same tax id" in suggested.text and "same e-mail domain" in suggested.text


def test_everybodys_mail_domain_says_nothing(browser, orb, flexprice):
    one = make_customer(orb, "Jo", email="jo@gmail.com")
    make_customer(flexprice, "Al", email="al@gmail.com")

    assert "Nobody at another connection" in look(browser, one)


# What happened


def test_one_timeline_over_providers_newest_first(browser, operator, acme, orb, flexprice, march):
    twin = make_customer(flexprice, "Acme Inc")
    customer_links.link(acme, twin, by=operator, reason="Same company")
    make_invoice(orb, customer=acme, number="A-1", issued_at=NOON, due_date=date(2026, 3, 10))
    make_invoice(flexprice, customer=twin, number="B-1", issued_at=NOON + timedelta(days=1), payment=Payment.PAID,
                 paid_at=NOON + timedelta(days=2))  # fmt: skip
    void = make_invoice(orb, customer=acme, number="A-0", status=Status.VOID, voided_at=NOON - timedelta(days=5))
    Operation.objects.create(
        connection=orb, invoice=void, external_id=void.external_id, verb="void", call_class="K", seen_digest="d",
        token="t", key="k", requester=operator, reason="Billed twice", created_at=NOON - timedelta(days=6),
        state="succeeded",
    )  # fmt: skip

    events = [(event.what, event.invoice.number) for event in timeline([acme, twin]).events if event.invoice]

    assert events == [
        ("Fell due, and is not paid", "A-1"), ("Paid", "B-1"), ("Issued", "B-1"), ("Issued", "A-1"),
        ("Voided", "A-0"), ("Void: succeeded", "A-0"),
    ]  # fmt: skip
    said = text_of(look(browser, acme))
    assert "Billed twice" in said and "flexprice" in said


def test_a_page_of_events_misses_none_even_where_all_happened_at_once(acme, orb):
    for _ in range(PAGE * 2 + 7):
        make_invoice(orb, customer=acme, issued_at=NOON, due_date=date(2026, 3, 1))

    met, before = [], ""
    for _ in range(20):
        part = timeline([acme], before=before)
        met += [event.place for event in part.events]
        before = part.older
        if not before:
            break

    assert len(met) == len(set(met)) == (PAGE * 2 + 7) * 2
    assert met == sorted(met, reverse=True)


@pytest.mark.parametrize("mark", ["x", "2026-01-01~issued_at~x", "2026-01-01T00:00:00~issued_at~1", "~~", "9" * 99])
def test_a_mark_that_is_none_begins_anew(browser, acme, orb, mark):
    make_invoice(orb, customer=acme, number="A-1", issued_at=NOON)

    assert "A-1" in look(browser, acme, before=mark)


# The list


def test_linked_identities_stand_as_one_and_any_of_them_is_found(browser, operator, acme, flexprice, orb):
    twin = make_customer(flexprice, "Zebra Ltd")
    make_customer(orb, "Other")
    make_invoice(orb, customer=acme, total="5")
    make_invoice(flexprice, customer=twin, total="6")
    customer_links.link(acme, twin, by=operator, reason="r")

    assert _listed(browser) == ["Acme GmbH", "Other"]
    assert _listed(browser, q="zebra") == ["Zebra Ltd"]
    assert _listed(browser, linked="yes") == ["Acme GmbH"]
    assert _listed(browser, linked="no") == ["Other"]
    assert _listed(browser, provider="flexprice") == ["Zebra Ltd"]
    assert "11.00 USD" in text_of(browser.get("/customers/").content.decode())


def _listed(client, **query):
    page = read(client.get("/customers/", query))
    return [row.all("a")[0].text for row in page.all("tr", data_row=True)]


def test_pages_go_on_by_name_without_missing_or_doubling_anybody(browser, orb):
    names = [f"Customer {number % 40:02}" for number in range(120)]
    for number, name in enumerate(names):
        make_customer(orb, name, external_id=f"c{number}")

    met, address = [], "/customers/"
    while address:
        page = read(browser.get(address))
        met += [int(row.attributes["data-row"]) for row in page.all("tr", data_row=True)]
        further = page.all("a", id="page-on")
        address = further[0].attributes["href"] if further else ""

    assert len(met) == len(set(met)) == 120


@pytest.mark.parametrize("query", [{"provider": "stripe"}, {"linked": "maybe"}])
def test_a_filter_that_is_none_lists_nothing_and_says_so(browser, acme, query):
    answer = browser.get("/customers/", query)

    assert "not understood" in text_of(answer.content.decode()) and "Acme" not in answer.content.decode()


# Who may see it


def test_a_persons_reach_ends_where_their_connections_do(client, person, operator, acme, flexprice, orb):
    twin = make_customer(flexprice, "Acme hidden", email="secret@acme.de")
    make_invoice(flexprice, customer=twin, number="HIDDEN-1", issued_at=NOON)
    customer_links.link(acme, twin, by=operator, reason="r")
    narrow = person("operator")
    Scope.objects.create(user=narrow, connections=[orb.pk])
    client.force_login(narrow)

    html = look(client, acme)

    assert "HIDDEN-1" not in html and "secret@acme.de" not in html
    assert "1 further identity is at a connection you do not work on" in text_of(html)
    assert client.get(f"/customers/{twin.pk}/").status_code == 404
    assert "Acme hidden" not in client.get("/customers/").content.decode()
    outside = make_customer(flexprice, "Acme third")
    assert link(client, acme, other=outside.pk).status_code == 422


def test_personal_data_and_amounts_are_for_roles_that_see_them(client, person, acme, orb):
    make_invoice(orb, customer=acme, total="12345", issued_at=timezone.now())
    client.force_login(person("sync admin"))

    for html in (look(client, acme), client.get("/customers/").content.decode()):
        assert "billing@acme.de" not in html and "12,345" not in html


def test_looking_asks_the_database_as_often_for_many_customers_as_for_few(browser, orb, django_assert_max_num_queries):
    for number in range(45):
        make_invoice(orb, customer=f"Customer {number}", total=str(Decimal(number)))
    browser.get("/customers/")

    with django_assert_max_num_queries(16):
        browser.get("/customers/")
    assert Invoice.objects.count() == 45
