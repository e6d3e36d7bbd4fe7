"""One invoice beside the list."""

from tests.factories import make_invoice
from tests.web.pages import read

HOSTILE = '<script>alert(1)</script>" onclick=x'


def test_the_panel_shows_enough_to_decide_and_leads_on(browser, orb):
    invoice = make_invoice(orb, number="ORB-7", total="100.5", currency="USD", customer="Söhne AG", lines=("Rare widget",), line_count=1)  # fmt: skip

    panel = read(browser.get(f"/invoices/{invoice.pk}/peek/?list=%2Freceivables%2F%3Fstatus%3Dvoid"))

    assert panel.one("h2").text == "ORB-7"
    for shown in ("Söhne AG", "100.50", "Finalized", "Rare widget", invoice.external_id, "1 line"):
        assert shown in panel.text
    links = {link.text: link.attributes["href"] for link in panel.one("footer").all("a")}
    assert links == {
        "Open": f"/invoices/{invoice.pk}/?list=%2Freceivables%2F%3Fstatus%3Dvoid",
        "Only this customer": f"/receivables/?customer={invoice.customer_id}",
        "Leave out": f"/receivables/?customer__not={invoice.customer_id}",
    }


def test_hostile_text_stays_text(browser, orb):
    invoice = make_invoice(orb, number=HOSTILE, customer=HOSTILE, provider_status=HOSTILE, lines=(HOSTILE,))
    panel = read(browser.get(f"/invoices/{invoice.pk}/peek/"))
    assert not panel.all("script")
    assert panel.one("h2").text == HOSTILE


def test_it_is_there_for_those_who_may_see_the_invoice(client, person, orb):
    invoice = make_invoice(orb, total="77.12")
    assert client.get(f"/invoices/{invoice.pk}/peek/").status_code == 302
    client.force_login(person())
    assert client.get(f"/invoices/{invoice.pk}/peek/").status_code == 404
    client.force_login(person("sync admin", email="sync@desk.test"))
    assert "77.12" not in read(client.get(f"/invoices/{invoice.pk}/peek/")).text


def test_without_a_script_the_link_of_a_row_is_the_page(browser, orb):
    invoice = make_invoice(orb)
    link = read(browser.get("/receivables/")).one("a", data_row_key="p")
    assert link.attributes["href"].startswith(f"/invoices/{invoice.pk}/?list=")
    assert link.attributes["data-peek"] == f"/invoices/{invoice.pk}/peek/"
