"""The palette: places, actions with their refusals, invoices and customers, as far as a person reaches."""

import pytest

from tests.factories import make_customer, make_invoice
from tests.web.mirrored import HOSTILE, body, mirrored
from tests.web.pages import read


@pytest.fixture
def ask(browser):
    def asked(text, at="/", client=browser):
        page = read(client.get("/palette/", {"q": text, "at": at}))
        return {each.one("strong").text: each for each in page.all("li", role="option")}

    return asked


def test_without_a_word_it_offers_every_place(ask):
    choices = ask("")
    assert choices["Receivables"].attributes["data-href"] == "/receivables/"
    assert choices["Payables"].one("kbd").text == "g p"


def test_a_place_is_found_by_the_beginning_of_a_word(ask):
    assert list(ask("pay"))[0] == "Payables"
    assert "Signed-in devices" in ask("devices") and "Receivables" not in ask("devices")


def test_actions_are_of_the_invoice_one_is_on_and_refusals_are_said(ask, orb):
    invoice = mirrored(orb, body("orb_invoice_issued"))
    at = f"/invoices/{invoice.pk}/"
    void = ask("void", at)["Void"]
    assert void.attributes["data-href"] == f"{at}actions/void/"
    refused = ask("finalize", at) or ask("issue", at)
    (choice,) = [each for each in refused.values() if each.attributes.get("aria-disabled") == "true"][:1]
    assert "data-href" not in choice.attributes and len(choice.one("span", class_="why").text) > 10
    assert "Void" not in ask("void", "/"), "and nothing where no invoice is"


def test_who_may_not_act_reads_why(client, person, orb, ask):
    invoice = mirrored(orb, body("orb_invoice_issued"))
    client.force_login(person("viewer"))
    void = ask("void", f"/invoices/{invoice.pk}/", client)["Void"]
    assert void.attributes["aria-disabled"] == "true" and "role" in void.text


def test_invoices_are_found_by_number_and_id_in_both_directions(ask, orb, crdb):
    ours = make_invoice(orb, number="ACME-77", external_id="in_acme")
    theirs = make_invoice(crdb, number="ACME-78")
    assert ask("acme-7")["ACME-77"].attributes["data-href"] == f"/invoices/{ours.pk}/"
    assert ask("acme-7")["ACME-78"].attributes["data-href"] == f"/invoices/{theirs.pk}/"
    assert "ACME-77" in ask("in_acme") and "ACME-77" not in ask("a")


def test_customers_are_found_and_lead_to_what_is_known_of_them(ask, orb):
    customer = make_customer(orb, "Söhne & Töchter AG")
    found = ask("töchter")["Söhne & Töchter AG"]
    assert str(customer.pk) in found.attributes["data-href"] and "Orb" in found.text


def test_outside_text_stays_text(ask, browser, orb):
    make_customer(orb, HOSTILE)
    assert b"<img" not in browser.get("/palette/", {"q": "onerror"}).content
    for text in ("%", "_", "'", '"', "*", "a" * 900, "\x00", "(((", "AND OR NOT"):
        assert browser.get("/palette/", {"q": text, "at": text}).status_code == 200, text


def test_nothing_found_says_what_to_try(browser):
    assert "Nothing is called “zzz”" in read(browser.get("/palette/", {"q": "zzz"})).text


def test_strangers_and_those_without_a_role_find_nothing(client, person, orb):
    make_invoice(orb, number="SECRET-1")
    assert client.get("/palette/?q=secret").status_code == 302
    client.force_login(person())
    assert b"SECRET" not in client.get("/palette/?q=secret").content
