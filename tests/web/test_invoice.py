"""The invoice page: what it says, to whom, and what it never does by being looked at."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from invoicing.models import AuditEntry, Document, Invoice, Job, Operation
from tests.web.mirrored import HOSTILE, body, changed, everywhere, mirrored

TABS = ("summary", "lines", "documents", "history", "activity", "raw", "provider")


@pytest.fixture(autouse=True)
def own_files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def issued(connection_to):
    return mirrored(connection_to("orb"), body("orb_invoice_issued"))


def page(client, invoice, **query):
    answer = client.get(f"/invoices/{invoice.pk}/", query)
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(html: str) -> str:
    """What a reader sees, white space folded."""
    html = re.sub(r"</?i>", "", html)  # the finer digits of an amount belong to it
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).replace("\N{NO-BREAK SPACE}", " ").split())


def test_the_header_says_what_it_is_whose_and_how_much(signed_in, issued):
    said = text_of(page(signed_in, issued))

    assert "NWRBT-00042" in said
    assert "Orb: issued" in said and "Finalized" in said and "Unpaid" in said
    assert "196.20 USD" in said and "159.20 USD" in said
    assert "1 Jul 2026, 19:14 UTC" in said and "day in America/Los_Angeles" in said
    assert "Receivable" in said and "Live environment" in said
    assert "Overdue by" in said and str(issued.customer) in said


def test_what_was_read_long_ago_is_called_stale(signed_in, issued, settings):
    settings.DESK_STALE_HOURS = 24
    assert "Stale" not in text_of(page(signed_in, issued))

    Invoice.objects.filter(pk=issued.pk).update(read_at=timezone.now() - timedelta(hours=25))

    assert "Stale" in text_of(page(signed_in, issued))


def test_a_draft_is_an_estimate_and_its_planned_issue_never_an_issue(signed_in, connection_to):
    draft = mirrored(connection_to("metronome"), body("metronome_invoice_draft"))

    said = text_of(page(signed_in, draft))

    assert "Estimate" in said and "not owed yet" in said
    assert "Planned issue 2 Aug 2026" in said
    assert not re.search(r"\bIssued \d", said)


def test_what_the_provider_does_not_say_is_not_called_nothing(signed_in, connection_to):
    payload = changed(body("metronome_invoice"), constituent_invoices=[])
    unpaid = mirrored(connection_to("metronome"), payload)
    Invoice.objects.filter(pk=unpaid.pk).update(payment_status="unpaid", amount_due=None, outstanding=False)

    assert "Left to pay not given by Metronome" in text_of(page(signed_in, unpaid))


def test_totals_of_two_units_stand_apart(signed_in, connection_to):
    bill = mirrored(connection_to("cockroachdb"), body("cockroachdb_invoice"))

    said = text_of(page(signed_in, bill))

    totals = {bill.currency: bill.total} | {each.unit: each.total for each in bill.further_totals.all()}
    assert len(totals) == 2
    assert str(sum(totals.values())) not in said.replace(",", "")
    assert "never added" in said and "Payable, a bill to us" in said


def test_figures_are_rechecked_and_a_difference_is_shown(signed_in, connection_to):
    agreeing = mirrored(connection_to("orb"), body("orb_invoice_issued"))
    assert "Lines and subtotal agree" in text_of(page(signed_in, agreeing))

    wrong = mirrored(agreeing.connection, changed(body("orb_invoice_issued"), id="wr0ng", subtotal="200.00"))

    said = text_of(page(signed_in, wrong))
    assert "Lines and subtotal differ" in said
    assert "Difference −14.60 USD" in said


def test_a_thousand_lines_are_folded_found_and_shown_on_demand(signed_in, connection_to):
    payload = body("orb_invoice_issued")
    line = {**payload["line_items"][0], "sub_line_items": [], "adjustments": []}
    many = [{**line, "id": f"line{n}", "name": f"Seat {n:04}"} for n in range(1000)]
    invoice = mirrored(connection_to("orb"), changed(payload, line_items=many))

    first = page(signed_in, invoice, tab="lines")
    assert "Seat 0199" in first and "Seat 0200" not in first
    assert "800 more lines are not shown" in text_of(first)

    everything = page(signed_in, invoice, tab="lines", all="")
    assert "Seat 0999" in everything

    found = page(signed_in, invoice, tab="lines", find="seat 0733")
    assert "Seat 0733" in found and "Seat 0001" not in found
    assert "1 of 1,000 lines match" in text_of(found)


def test_quantities_and_prices_keep_every_digit(signed_in, issued):
    said = text_of(page(signed_in, issued, tab="lines"))

    assert "150,000" in said
    assert "0.0008 USD" in said and "0.0005 USD" in said
    assert "California Sales Tax" in said


def test_replacements_are_linked_both_ways(signed_in, connection_to):
    connection = connection_to("metronome")
    old = mirrored(connection, body("metronome_invoice_void"))
    new = mirrored(connection, body("metronome_invoice_regenerated"))
    assert new.replaces == old.external_id

    assert f'href="/invoices/{new.pk}/"' in page(signed_in, old)
    assert f'href="/invoices/{old.pk}/"' in page(signed_in, new)


def test_history_tells_money_first_and_shows_any_version(signed_in, issued):
    lower = changed(body("orb_invoice_issued"), total="190.00", memo="Corrected", subtotal="185.40")
    now = mirrored(issued.connection, lower)
    assert now.version == 2

    said = text_of(page(signed_in, now, tab="history"))
    assert "196.20 USD → became 190.00 USD" in said
    assert said.index("Total") < said.index("Corrected")

    before = text_of(page(signed_in, now, version="1"))
    assert "This is version 1 of 2" in before and "196.20 USD" in before
    assert signed_in.get(f"/invoices/{now.pk}/", {"version": "3"}).status_code == 404
    assert signed_in.get(f"/invoices/{now.pk}/", {"version": "9" * 12}).status_code == 404


def test_a_tombstone_and_unknown_words_are_said_aloud(signed_in, connection_to):
    odd = mirrored(connection_to("orb"), changed(body("orb_invoice_issued"), status="on_hold"))
    said = text_of(page(signed_in, odd))
    assert "Unrecognized" in said and "status=on_hold" in said

    Invoice.objects.filter(pk=odd.pk).update(gone_at=timezone.now())

    assert "no longer has this invoice" in text_of(page(signed_in, odd))


def test_hostile_text_stays_text_on_every_tab(signed_in, connection_to):
    payload = everywhere(body("orb_invoice_issued"), HOSTILE)
    invoice = mirrored(connection_to("orb"), payload)
    assert "<script>" in invoice.number

    seen = 0
    for tab in TABS:
        html = page(signed_in, invoice, tab=tab, all="")
        assert "<script>alert" not in html and "<img src=x" not in html
        assert 'hx-get="/evil' not in html and ' hx-get=/evil {{ 7 }}"' not in html
        seen += html.count("&lt;script&gt;")
    assert seen > 20


def test_no_page_has_inline_script_or_style(signed_in, issued):
    for tab in TABS:
        html = page(signed_in, issued, tab=tab)
        assert not re.search(r"<script(?![^>]*\bsrc=)", html)
        assert " style=" not in html and not re.search(r"\son\w+=", html)


def test_raw_shows_numbers_as_sent_and_masks_what_opens_doors(signed_in, connection_to):
    payload = changed(body("orb_invoice_issued"), metadata={"api_key": "sk_live_very_secret", "note": "kept"})
    invoice = mirrored(connection_to("orb"), payload)

    html = page(signed_in, invoice, tab="raw")

    assert "EXAMPLE.TOKEN" not in html and "7YpQe2mVt9LxKc4R" not in html and "sk_live_very_secret" not in html
    assert "https://invoices.withorb.com/view?•••" in html
    assert "&quot;quantity&quot;: 150000" in html and "kept" in html


def test_raw_needs_its_right(client, person, issued):
    client.force_login(person("viewer"))

    assert "tab=raw" not in page(client, issued)
    assert client.get(f"/invoices/{issued.pk}/", {"tab": "raw"}).status_code == 403


def test_only_https_links_are_offered(signed_in, connection_to):
    honest = mirrored(connection_to("orb"), body("orb_invoice_issued"))
    assert 'href="https://invoices.withorb.com/' in page(signed_in, honest, tab="provider")

    for link in ("javascript:alert(1)", "http://invoices.withorb.com/view", "//evil.example/"):
        payload = changed(body("orb_invoice_issued"), id=f"with {link}", hosted_invoice_url=link)
        html = page(signed_in, mirrored(honest.connection, payload), tab="provider")
        assert f'href="{link}' not in html and 'target="_blank"' not in html


def test_whoever_may_not_see_it_finds_nothing(client, person, issued):
    client.force_login(person())

    assert client.get(f"/invoices/{issued.pk}/").status_code == 404
    assert client.post(f"/invoices/{issued.pk}/refresh/").status_code == 404
    assert client.post(f"/invoices/{issued.pk}/documents/draw/").status_code == 404
    assert not Job.objects.exists() and not Document.objects.exists()


@pytest.mark.parametrize("pk", [10**6, 2**63, 10**30])
def test_an_invoice_that_is_not_there(signed_in, pk):
    assert signed_in.get(f"/invoices/{pk}/").status_code == 404


def test_looking_changes_nothing(signed_in, issued):
    before = AuditEntry.objects.count()

    for tab in TABS:
        page(signed_in, issued, tab=tab)
    for path in ("refresh/", "documents/fetch/", "documents/draw/"):
        assert signed_in.get(f"/invoices/{issued.pk}/{path}").status_code == 405

    assert AuditEntry.objects.count() == before
    assert not Job.objects.exists() and not Operation.objects.exists() and not Document.objects.exists()


def test_refresh_is_one_job_and_says_afterwards_what_changed(signed_in, operator, issued):
    answer = signed_in.post(f"/invoices/{issued.pk}/refresh/", {"tab": "lines"})
    signed_in.post(f"/invoices/{issued.pk}/refresh/")

    job = Job.objects.get()
    assert (job.requested_by, job.arguments) == (operator, {"invoice_id": issued.pk})
    assert answer.status_code == 302 and "tab=lines" in answer.url
    waiting = text_of(signed_in.get(answer.url).content.decode())
    assert "none was seen in the last minute" in waiting and "Look again" in waiting

    mirrored(issued.connection, changed(body("orb_invoice_issued"), amount_due="100.00"), source="refresh")
    Job.objects.update(state="done", done=1, note="1 changes", finished_at=timezone.now())

    after = text_of(signed_in.get(answer.url).content.decode())
    assert "This changed:" in after and "159.20 USD → became 100.00 USD" in after


def test_the_waiting_strip_polls_until_the_job_ends(signed_in, issued):
    strip = signed_in.post(f"/invoices/{issued.pk}/refresh/", headers={"HX-Request": "true", "HX-Target": "waiting"})
    assert "<html" not in strip.content.decode() and 'hx-trigger="load delay:1s"' in strip.content.decode()

    job = Job.objects.get()
    Job.objects.update(state="failed", error="invoicing.providers.errors.NotSent: The name does not resolve.")
    poll = f"/invoices/{issued.pk}/jobs/{job.pk}/"
    ended = signed_in.get(poll, {"was": "1"}, headers={"HX-Request": "true"}).content.decode()

    assert "did not work: The name does not resolve." in text_of(ended)
    assert "delay:" not in ended
    assert signed_in.get(poll).status_code == 302, "without htmx it leads to the page"


def test_a_job_of_another_invoice_is_not_shown(signed_in, connection_to, issued):
    other = mirrored(issued.connection, changed(body("orb_invoice_issued"), id="an0ther"))
    signed_in.post(f"/invoices/{other.pk}/refresh/")
    job = Job.objects.get()

    assert signed_in.get(f"/invoices/{issued.pk}/jobs/{job.pk}/").status_code == 404
    assert "Reading the invoice again" not in page(signed_in, issued, job=str(job.pk))
    assert "Reading the invoice again" not in page(signed_in, issued, job="not-an-id")


def test_a_viewer_is_told_what_is_missing(client, person, issued):
    client.force_login(person("viewer"))

    html = page(client, issued, tab="documents")

    assert 'id="refresh"' not in html and "needs the role" in html
    assert client.post(f"/invoices/{issued.pk}/refresh/").status_code == 403
    assert client.post(f"/invoices/{issued.pk}/documents/fetch/").status_code == 403
    assert not Job.objects.exists()


def test_a_version_that_cannot_be_read_any_more_still_has_a_page(signed_in, issued, monkeypatch):
    from invoicing.providers.errors import PayloadNotUnderstood
    from invoicing.providers.registry import PROVIDERS

    def unreadable(*_):
        raise PayloadNotUnderstood("Orb invoice", "total", "it is missing")

    monkeypatch.setattr(type(PROVIDERS["orb"]), "invoice", unreadable)

    for tab in TABS:
        said = text_of(page(signed_in, issued, tab=tab))
        assert "196.20 USD" in said and "can no longer be read" in said
    refused = signed_in.get(f"/invoices/{issued.pk}/actions/void/").content.decode()
    assert "cannot be read by this desk" in refused and "do-it" not in refused


def test_a_row_whose_versions_are_gone_still_has_a_page(signed_in, issued):
    issued.versions.all().delete()

    for tab in TABS:
        said = text_of(page(signed_in, issued, tab=tab))
        assert "196.20 USD" in said and "what the provider sent is not kept" in said
    assert signed_in.post(f"/invoices/{issued.pk}/documents/draw/").status_code == 302
    assert not Document.objects.exists()


def test_a_page_asks_the_database_as_often_for_one_line_as_for_many(
    signed_in, connection_to, django_assert_max_num_queries
):
    payload = body("orb_invoice_issued")
    small = mirrored(connection_to("orb"), changed(payload, line_items=payload["line_items"][:1]))
    large = mirrored(small.connection, changed(payload, id="l4rge", line_items=payload["line_items"] * 40))
    page(signed_in, small)

    from django.db import connection

    for tab in TABS:
        counts = []
        for invoice in (small, large):
            with CaptureQueriesContext(
                connection,
            ) as asked:
                page(signed_in, invoice, tab=tab)
            counts.append(len(asked))
        assert counts[0] == counts[1] <= 20, tab


def test_htmx_gets_the_tabs_alone(signed_in, issued):
    part = signed_in.get(
        f"/invoices/{issued.pk}/", {"tab": "lines"}, headers={"HX-Request": "true", "HX-Target": "tabs"}
    )
    html = part.content.decode()

    assert html.lstrip().startswith("{#") is False and "<html" not in html
    assert 'id="tab-lines"' in html and 'aria-current="page">Lines' in html

    back = signed_in.get(
        f"/invoices/{issued.pk}/",
        {"tab": "lines"},
        headers={"HX-Request": "true", "HX-Target": "tabs", "HX-History-Restore-Request": "true"},
    )
    assert "<html" in back.content.decode()


def test_amounts_below_a_cent_differ_by_rounding_only():
    from invoicing.web.invoice_tabs.summary import Check

    def check(difference):
        return Check("x", "", Decimal(0), "", Decimal(0), "USD", Decimal(difference), "differs").verdict

    assert [check(each) for each in ("0", "0.0049", "-4E-19", "0.005", "-0.01")] == [
        "agrees",
        "rounding",
        "rounding",
        "differs",
        "differs",
    ]
