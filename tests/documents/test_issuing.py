"""Who bills is said once for a connection, and stands on our copies where the provider is silent."""

import io

import pypdf
import pytest

from invoicing.access.rights import NotAllowed
from invoicing.documents import vault
from invoicing.documents.issuing import issuer_of, set_issuer
from invoicing.models import AuditEntry, Issuer
from tests.web.mirrored import body, mirrored

pytestmark = pytest.mark.django_db
SAID = {
    "name": "Acme Billing GmbH",
    "address": "Lange Str. 1\n\n10115 Berlin",
    "tax_id": "DE 123",
    "email": "",
    "phone": "",
}


@pytest.fixture
def invoice(connection_to):
    return mirrored(connection_to("orb"), body("orb_invoice_issued"))


def drawn(invoice):
    return "".join(
        page.extract_text() for page in pypdf.PdfReader(io.BytesIO(vault.drawn_bytes(invoice.versions.get()))).pages
    )


def test_our_copies_print_who_bills(invoice, operator):
    assert "Acme Billing" not in drawn(invoice)

    set_issuer(invoice.connection, by=operator, **SAID)

    assert issuer_of(invoice.connection).lines == ("Lange Str. 1", "10115 Berlin")
    text = drawn(invoice)
    assert "Acme Billing GmbH" in text and "10115 Berlin" in text and "DE 123" in text
    entry = AuditEntry.objects.get(action="connection.issuer")
    assert (entry.actor, entry.facts["before"], entry.facts["after"]["name"]) == (operator, {}, "Acme Billing GmbH")

    set_issuer(invoice.connection, by=operator, **SAID | {"name": ""})
    assert not Issuer.objects.exists() and "Acme Billing" not in drawn(invoice)


def test_who_may_not_connect_may_not_say_it(invoice, person):
    with pytest.raises(NotAllowed):
        set_issuer(invoice.connection, by=person("viewer"), **SAID)


def test_the_form_keeps_what_was_typed_and_saves(client, invoice, operator, person):
    client.force_login(operator)
    address = f"/connections/{invoice.connection_id}/issuer/"

    wrong = client.post(address, SAID | {"name": "", "email": "nobody"})
    assert wrong.status_code == 422 and b"Say who bills" in wrong.content and b"10115 Berlin" in wrong.content
    assert client.post(address, SAID).url == "/connections/"
    assert Issuer.objects.get().name == "Acme Billing GmbH"
    assert b"Acme Billing GmbH" in client.get(address).content

    client.force_login(person("viewer"))
    assert client.get(address).status_code == 403
