"""Any two versions of an invoice compared, and the whole page as it was at a moment."""

from datetime import UTC, datetime

import pytest

from invoicing.mirror.changes import alike, changes
from invoicing.mirror.snapshots import snapshot_of
from invoicing.models import AuditEntry, Document, Invoice
from invoicing.web.invoice_tabs.shown import BadMoment, moment_of
from tests.web.mirrored import body, changed, mirrored
from tests.web.pages import read
from tests.web.test_invoice import TABS, page, text_of

MARCH, APRIL, MAY = (datetime(2026, month, 10, 12, tzinfo=UTC) for month in (3, 4, 5))


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def told(connection_to):
    """An invoice that was a draft in March, issued in April, and void in May."""
    connection, payload = connection_to("orb"), body("orb_invoice_issued")
    line = payload["line_items"][0]
    first = changed(
        payload, status="draft", invoice_number=payload["invoice_number"], total="100.00", amount_due="100.00"
    )
    mirrored(connection, first, read_at=MARCH)
    second = changed(
        payload, due_date=None, line_items=[*payload["line_items"], {**line, "id": "added", "name": "Late seat"}]
    )
    mirrored(connection, second, read_at=APRIL)
    return mirrored(connection, changed(payload, status="void", voided_at="2026-05-10T10:00:00+00:00"), read_at=MAY)


def compare(client, invoice, older, newer):
    answer = client.get(f"/invoices/{invoice.pk}/", {"tab": "history", "from": older, "to": newer})
    assert answer.status_code == 200
    return read(answer).one("section", id="diff")


def test_two_versions_are_compared_money_first_with_the_difference(signed_in, told):
    diff = compare(signed_in, told, 1, 2)

    captions = [each.text.split()[0] for each in diff.all("caption")]
    assert captions[0] == "Money" and captions.index("Status") < captions.index("Lines")
    money = next(table for table in diff.all("table") if "of-money" in table.attributes["class"])
    total = next(row for row in money.all("tr") if row.text.startswith("Total"))
    assert [cell.text.replace("\N{NO-BREAK SPACE}", " ") for cell in total.all("td")] == [
        "100.00 USD", "196.20 USD", "+96.20 USD",
    ]  # fmt: skip
    assert "Late seat" in diff.text and "added" in diff.text


def test_the_order_in_which_two_were_picked_does_not_matter(signed_in, told):
    assert compare(signed_in, told, 3, 1).text == compare(signed_in, told, 1, 3).text
    assert "From version 1 to version 3" in compare(signed_in, told, 3, 1).text


def test_what_stayed_is_folded_and_counted(signed_in, told):
    diff = compare(signed_in, told, 1, 2)

    fold = diff.one("details")
    assert "open" not in fold.attributes
    assert "stayed as they were" in fold.one("summary").text
    assert "Currency" in fold.text and "lines are the same" in fold.text


def test_a_version_compared_with_itself_differs_in_nothing(signed_in, told):
    assert "Nothing that the desk reads differs" in compare(signed_in, told, 2, 2).text


@pytest.mark.parametrize("older", ["0", "9", "x", "1e3", "99999999999"])
def test_versions_there_are_none_of_are_not_found(signed_in, told, older):
    assert signed_in.get(f"/invoices/{told.pk}/", {"tab": "history", "from": older, "to": "1"}).status_code == 404


def test_what_is_alike_and_what_changed_never_overlap(told):
    first, second = (snapshot_of(told.versions.get(number=number)) for number in (1, 2))

    changed_fields = {change["field"] for change in changes(first, second)}
    assert "total" in changed_fields and "currency" in alike(first, second)
    assert not changed_fields & alike(first, second).keys()


def test_the_page_as_of_a_day_is_that_days_and_says_so(signed_in, told):
    assert told.status == "void"

    then = text_of(page(signed_in, told, as_of="2026-03-31"))

    assert "This is the past." in then and "version 1 of 3" in then and "100.00 USD" in then
    assert "Orb: draft" in then and "Estimate" in then and "Orb: void" not in then
    april = text_of(page(signed_in, told, as_of="2026-04-10T12:00"))
    assert "version 2 of 3" in april and "Unpaid" in april and "159.20 USD" in april


def test_nothing_can_be_asked_of_the_past(signed_in, told):
    for tab in TABS:
        html = page(signed_in, told, tab=tab, as_of="2026-04-30")
        assert "/actions/" not in html and 'id="refresh"' not in html and 'id="fetch-pdf"' not in html
    assert "/actions/" in page(signed_in, told, tab="provider") or "verb-menu" in page(signed_in, told)


def test_every_tab_stays_in_the_past_and_one_link_leads_back(signed_in, told):
    html = page(signed_in, told, as_of="2026-04-30", tab="lines")

    assert html.count("as_of=2026-04-30") >= 7
    assert f'id="to-now" href="/invoices/{told.pk}/?tab=lines"' in html


def test_what_came_later_is_left_out(signed_in, told, operator):
    AuditEntry.objects.record("invoice.refreshed", target=f"invoice:{told.pk}", actor=operator)
    Document.objects.create(
        invoice=told, origin="provider", sha256="a" * 64, size=1, storage_name="x", invoice_version=3,
        fetched_at=MAY, last_fetched_at=MAY,
    )  # fmt: skip

    assert "Read again" in text_of(page(signed_in, told, tab="activity"))
    assert "Nobody had done anything" in text_of(page(signed_in, told, tab="activity", as_of="2026-04-30"))
    assert "a" * 64 in page(signed_in, told, tab="documents")
    assert "a" * 64 not in page(signed_in, told, tab="documents", as_of="2026-04-30")


def test_a_day_before_it_was_known_says_since_when(signed_in, told):
    said = text_of(page(signed_in, told, as_of="2026-01-01"))

    assert "did not know this invoice yet" in said and "10 Mar 2026" in said


def test_overdue_is_counted_to_the_day_that_is_shown(signed_in, connection_to):
    payload = changed(body("orb_invoice_issued"), due_date="2026-03-05T08:00:00+00:00")
    late = mirrored(connection_to("orb"), payload, read_at=MARCH)

    assert "Overdue by 10 days" in text_of(page(signed_in, late, as_of="2026-03-15"))


@pytest.mark.parametrize(
    "wrong", ["yesterday", "2026-02-30", "31.12.2025", "9999-12-31", "10000-01-01", "0000-00-00T", "x" * 300]
)
def test_a_moment_that_is_none_says_so_and_keeps_what_was_typed(signed_in, told, wrong):
    answer = signed_in.get(f"/invoices/{told.pk}/", {"as_of": wrong, "tab": "history"})

    assert answer.status_code == 422
    field = read(answer).one("input", id="as-of")
    assert field.attributes["aria-invalid"] == "true" and field.attributes["value"] == wrong[:10]
    assert "Shown is the invoice as it is now" in text_of(answer.content.decode())


def test_today_is_now_and_what_lies_ahead_is_refused(settings, time_machine):
    time_machine.move_to("2026-06-01T10:00:00+00:00", tick=False)

    assert moment_of("2026-06-01") is None
    assert moment_of("2026-05-31").isoformat() == "2026-05-31T23:59:59.999999+00:00"
    assert moment_of("2026-05-31T10:00:00+02:00") < moment_of("2026-05-31T09:00")
    with pytest.raises(BadMoment):
        moment_of("2026-06-02")


def test_the_moment_of_the_facts_is_the_later_of_read_and_whole_sync(signed_in, told, settings):
    settings.DESK_STALE_HOURS = 24
    assert "Stale" in text_of(page(signed_in, told))

    told.connection.complete_as_of = datetime.now(UTC)
    told.connection.save()

    said = text_of(page(signed_in, told))
    assert "Stale" not in said and "Found unchanged" in said
    Invoice.objects.filter(pk=told.pk).update(gone_at=MAY)
    assert "Found unchanged" not in text_of(page(signed_in, told)), "a sync that misses it has not found it"
