"""From an invoice to the others: its neighbors in the list it was opened from, and the chain of its replacements."""

from datetime import date
from decimal import Decimal
from urllib.parse import quote

import pytest
from django.utils import timezone

from invoicing.models import Invoice, Operation
from invoicing.vocabulary import Status
from invoicing.web.invoice_tabs.chain import chain_of
from invoicing.web.neighbors import listed_in
from tests.factories import make_invoice
from tests.web.pages import ids, read
from tests.web.test_invoice import page, text_of


def neighbors(client, invoice, address):
    shown = read(client.get(f"/invoices/{invoice.pk}/", {"list": address}))
    return [
        shown.all("a", id=name)[0].attributes["href"] if shown.all("a", id=name) else ""
        for name in ("former", "latter")
    ]


@pytest.mark.parametrize(
    "address",
    [
        "/receivables/",
        "/receivables/?sort=total&order=asc",
        "/receivables/?sort=number&order=desc",
        "/receivables/?provider=orb&sort=customer",
        "/receivables/?status=finalized&status=draft&sort=left",
        "/receivables/?q=acme&rows=25",
    ],
)
def test_next_and_previous_walk_the_list_in_its_own_order(browser, orb, flexprice, address):
    for number in range(9):
        make_invoice(
            (orb, flexprice)[number % 2], number=f"A-{number * 7 % 9}", total=str(number % 4), due=str(number % 3),
            customer=f"Acme {number % 2}", listed_on=date(2026, 3, 1 + number % 3),
            status=Status.DRAFT if number % 4 == 0 else Status.FINALIZED,
        )  # fmt: skip
    listed = ids(read(browser.get(address)))
    assert len(listed) > 3

    walked = [listed[0]]
    while onward := neighbors(browser, Invoice.objects.get(pk=walked[-1]), address)[1]:
        walked.append(int(onward.split("/")[2]))
        assert len(walked) <= len(listed)
    assert walked == listed

    back = [listed[-1]]
    while former := neighbors(browser, Invoice.objects.get(pk=back[-1]), address)[0]:
        back.append(int(former.split("/")[2]))
        assert len(back) <= len(listed)
    assert back == listed[::-1]


def test_an_invoice_that_left_the_list_still_has_neighbors_there(browser, world):
    first, second, third = ids(read(browser.get("/receivables/?status=finalized&sort=number&order=asc")))[:3]
    Invoice.objects.filter(pk=second).update(status=Status.VOID)

    former, latter = neighbors(
        browser, Invoice.objects.get(pk=second), "/receivables/?status=finalized&sort=number&order=asc"
    )

    assert f"/invoices/{first}/" in former and f"/invoices/{third}/" in latter


def test_the_list_goes_along_through_tabs_and_leads_back(browser, world):
    address = "/receivables/?provider=orb&after=x&sort=due"

    html = page(browser, world["open"], list=address, tab="activity")

    assert f'id="back-to-list" href="{address.replace("&", "&amp;")}"' in html
    assert html.count(f"list={quote(address, safe='')}") >= 6
    assert "tab=activity&amp;list=" in html


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/receivables/", "//evil.example/receivables/", "/\\evil.example/receivables/", "javascript:alert(1)",
        "/receivables", "/operations/", "/receivables/../accounts/logout/", "receivables/", "", "/receivables/?q=" + "x" * 3000,
        "http://[", "/receivables/#x",
    ],
)  # fmt: skip
def test_only_our_own_lists_lead_back(browser, world, address):
    assert listed_in(address) is None
    html = page(browser, world["open"], list=address)
    assert 'id="back-to-list" href="/receivables/"' in html and 'id="former"' not in html


def test_a_list_with_a_wrong_filter_has_no_neighbors(browser, world):
    assert neighbors(browser, world["open"], "/receivables/?status=nonsense") == ["", ""]


def test_keys_stand_where_they_are_looked_for(browser, world):
    shown = read(browser.get(f"/invoices/{world['open'].pk}/", {"list": "/receivables/"}))

    keys = {each.attributes["data-key"]: each.text for each in shown.all("a", data_key=True) if each.text}
    assert {keys[digit].split()[0].rstrip("0") for digit in "12356"} == {
        "Summary",
        "Lines",
        "Documents",
        "History",
        "Activity",
    }
    assert {"[", "]"} & {each.attributes["data-key"] for each in shown.all("a", data_key=True)}
    copy = shown.one("button", data_key="y")
    assert copy.attributes["data-copy"] == "ORB-7" and copy.attributes["aria-label"]


# Replacements


def chain(invoice):
    found = chain_of(invoice)
    return [link.external_id for link in found.links], found


def test_the_whole_chain_is_seen_from_any_member(connection_to):
    metronome = connection_to("metronome")
    first = make_invoice(metronome, external_id="a", total="100", status=Status.VOID)
    second = make_invoice(metronome, external_id="b", total="90", status=Status.VOID, replaces="a")
    third = make_invoice(metronome, external_id="c", total="95.50", replaces="b")
    make_invoice(metronome, external_id="apart")

    for member in (first, second, third):
        identities, found = chain(member)
        assert identities == ["a", "b", "c"]
        assert found.voided == [(Decimal("190"), "USD")] and found.standing == [(Decimal("95.50"), "USD")]
        assert found.difference == [(Decimal("-4.50"), "USD")] and not found.missing


def test_a_chain_the_old_one_names_and_one_only_we_know_of(connection_to, orb, operator):
    flexprice = connection_to("flexprice")
    old = make_invoice(flexprice, external_id="old", status=Status.VOID, replaced_by="new")
    new = make_invoice(flexprice, external_id="new")
    assert chain(new)[0] == chain(old)[0] == ["old", "new"]

    voided, made = make_invoice(orb, external_id="v", status=Status.VOID), make_invoice(orb, external_id="m")
    Operation.objects.create(
        connection=orb, invoice=voided, external_id="v", verb="void_and_replace", call_class="U", seen_digest="d", token="t",
        key="k", requester=operator, reason="r", created_at=timezone.now(), state="succeeded", outcome={"created": "m"},
    )  # fmt: skip
    assert chain(made)[0] == chain(voided)[0] == ["v", "m"]


def test_a_member_that_is_not_mirrored_is_said_and_nothing_is_subtracted(browser, connection_to):
    metronome = connection_to("metronome")
    new = make_invoice(metronome, external_id="new", replaces="never-seen")

    _, found = chain(new)
    assert found.missing == ["never-seen"] and found.difference == []

    from tests.web.mirrored import body, changed, mirrored

    shown = mirrored(metronome, changed(body("metronome_invoice_regenerated"), constituent_invoices=[]))
    said = text_of(page(browser, shown))
    assert (
        shown.replaces in said
        and "which the desk does not have" in said
        and "not known while a member is missing" in said
    )


def test_two_replacements_of_one_and_units_that_differ_stay_apart(connection_to):
    metronome = connection_to("metronome")
    old = make_invoice(metronome, external_id="old", total="10", status=Status.VOID)
    make_invoice(metronome, external_id="x", total="7", replaces="old")
    make_invoice(metronome, external_id="y", total="900", currency="JPY", replaces="old")

    identities, found = chain(old)

    assert identities == ["old", "x", "y"] and found.links[2].replaces == "old"
    assert found.difference == [(Decimal("-3"), "USD"), (Decimal("900"), "JPY")]
    assert found.standing == [(Decimal("7"), "USD"), (Decimal("900"), "JPY")]


def test_two_that_claim_to_replace_each_other_do_not_hang_the_page(connection_to):
    metronome = connection_to("metronome")
    one = make_invoice(metronome, external_id="one", replaces="two")
    make_invoice(metronome, external_id="two", replaces="one")

    assert sorted(chain(one)[0]) == ["one", "two"]


def test_a_replacement_that_was_asked_for_and_is_missing_is_said(browser, connection_to, operator):
    from tests.web.mirrored import body, mirrored

    invoice = mirrored(connection_to("metronome"), body("metronome_invoice_void"))
    Invoice.objects.filter(pk=invoice.pk).update(replaced_by="", replaces="")
    operation = Operation.objects.create(
        connection=invoice.connection, invoice=invoice, external_id=invoice.external_id, verb="void_and_replace",
        call_class="K", seen_digest="d", token="t", key="k", requester=operator, reason="r", created_at=timezone.now(),
        state="needs_person", outcome={"stage": "voided, replacement missing"},
    )  # fmt: skip

    html = page(browser, invoice)

    assert "Voided, replacement missing" in text_of(html) and f"/operations/{operation.pk}/" in html
