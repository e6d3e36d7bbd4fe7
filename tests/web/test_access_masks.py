"""What a role does not show: amounts, and how to reach people."""

import re

import pytest

from tests.web.mirrored import body, mirrored

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
