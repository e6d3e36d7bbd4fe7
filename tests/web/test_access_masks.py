"""What a role does not show: amounts, and how to reach people."""

import re

import pytest

from invoicing.models import Connection
from invoicing.operations.requesting import Wish, request_operation
from tests.web.mirrored import body, changed, mirrored

TABS = ("summary", "lines", "raw", "activity", "provider")


@pytest.fixture
def invoice(connection_to):
    return mirrored(connection_to("orb"), body("orb_invoice_issued"))


def pages_of(client, invoice):
    paths = [f"/invoices/{invoice.pk}/?tab={tab}" for tab in TABS] + [
        "/receivables/",
        f"/customers/{invoice.customer_id}/",
    ]
    answers = [client.get(path) for path in paths]
    assert [answer.status_code for answer in answers if answer.status_code != 403] == [
        200 for answer in answers if answer.status_code != 403
    ]
    return re.sub(r"<[^>]+>", "", " ".join(answer.content.decode() for answer in answers))


def figures(invoice):
    """The total as a page would write it."""
    return {f"{invoice.total:,.2f}", str(invoice.total)}


def test_a_sync_admin_sees_that_there_are_amounts_and_people_not_which(client, person, invoice):
    client.force_login(person("sync admin"))
    seen = pages_of(client, invoice)

    assert invoice.number in seen and "•••" in seen
    assert not any(figure in seen for figure in figures(invoice))
    assert "@" not in seen.replace("sync-admin", "").replace("@desk.example", "")


def test_an_auditor_sees_both(client, person, invoice):
    client.force_login(person("auditor"))
    seen = pages_of(client, invoice)

    assert any(figure in seen for figure in figures(invoice))
    assert invoice.customer.email and invoice.customer.email in seen


def test_a_viewer_sees_amounts_and_no_addresses(client, person, invoice):
    client.force_login(person("viewer"))
    seen = pages_of(client, invoice)

    assert any(figure in seen for figure in figures(invoice))
    assert invoice.customer.email not in seen


@pytest.fixture
def changed_since(connection_to):
    payload = body("orb_invoice_issued")
    mirrored(connection_to("orb"), payload)
    return mirrored(Connection.objects.get(), changed(payload, total="77.77", amount_due="66.66"))


HISTORY = ("?tab=history", "?tab=history&from=1&to=2")


def test_versions_tell_a_sync_admin_that_amounts_changed_and_not_to_what(client, person, changed_since):
    for role, sees in (("auditor", True), ("sync admin", False)):
        client.force_login(person(role))
        for query in HISTORY:
            page = re.sub(r"<[^>]+>", "", client.get(f"/invoices/{changed_since.pk}/{query}").content.decode())
            assert ("77.77" in page and "66.66" in page) is sees
            assert "Total" in page and ("•••" in page) is not sees


def test_an_operation_tells_a_sync_admin_no_amounts(client, person, changed_since):
    wish = Wish(verb="void", invoice=changed_since, by=person("operator"), reason="Twice", token="one")
    address = f"/operations/{request_operation(wish).pk}/"
    for role, sees in (("auditor", True), ("sync admin", False)):
        client.force_login(person(role))
        assert ("77.77" in client.get(address).content.decode()) is sees


def test_who_sees_no_amounts_finds_and_orders_nothing_by_them(client, person, changed_since):
    client.force_login(person("sync admin"))
    page = client.get("/receivables/").content.decode()
    assert changed_since.number in page
    for offered in ("col-total", "col-left", "col-tax", 'name="amount_min"', '<option value="currency"'):
        assert offered not in page
    for query in ("sort=total", "sort=left", "group=currency", "currency=USD&amount_min=70"):
        answer = client.get(f"/receivables/?{query}").content.decode()
        assert changed_since.number not in answer and "Your roles do not show amounts" in answer
    client.force_login(person("auditor"))
    assert changed_since.number in client.get("/receivables/?sort=total&currency=USD&amount_min=70").content.decode()
