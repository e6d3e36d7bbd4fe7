"""Selecting in a list and what comes of it, page by page: as plain forms, without a script."""

import json
from decimal import Decimal

import pytest

from invoicing.bulk import caps, rehearsing
from invoicing.bulk.verbs import IN_BULK, ONE_BY_ONE
from invoicing.mirror import drift
from invoicing.models import AuditEntry, Batch, Invoice, Job, Operation
from invoicing.operations.registry import VERBS
from tests.factories import make_invoice
from tests.web.mirrored import HOSTILE, body, changed, mirrored
from tests.web.pages import read

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/receivables/"


@pytest.fixture
def issued(orb):
    """issued(3) are issued invoices at Orb, mirrored from its example body."""
    payload = body("orb_invoice_issued")

    def make(count, **fields):
        return [
            mirrored(orb, changed(payload, id=f"inv_{at}", invoice_number=f"ORB-{at}", **fields)) for at in range(count)
        ]

    return make


@pytest.fixture
def select(browser):
    """select(invoices) posts what the bar of the list posts."""

    def post(invoices=(), *, verb="void", address=LIST, **more):
        given = {"list": address, "pk": [each.pk for each in invoices], "verb": verb, "token": "one form"} | more
        return browser.post("/bulk/", given)

    return post


@pytest.fixture
def rehearsed(select, browser):
    """rehearsed(invoices) is a batch that was said why, and its page."""

    def make(invoices, **more):
        address = select(invoices, **more)["Location"]
        assert browser.post(address, {"reason": "Billed twice", "reference": "T-7"}).status_code == 302
        return Batch.objects.get(), read(browser.get(address))

    return make


def _columns(invoice):
    return {field.attname: getattr(invoice, field.attname) for field in Invoice._meta.concrete_fields}


def test_every_verb_is_asked_in_bulk_or_says_why_not():
    assert set(IN_BULK) | set(ONE_BY_ONE) == set(VERBS) and not set(IN_BULK) & set(ONE_BY_ONE)
    assert all(str(why).endswith(".") for why in ONE_BY_ONE.values())


def test_the_bar_belongs_to_what_the_list_shows(browser, world):
    page = read(browser.get(LIST, {"status": "finalized", "sort": "total"}))
    bar = page.one("form", id="bulk")
    assert bar.attributes["data-list"] == "/receivables/?status=finalized", "how it is sorted says nothing of the set"
    assert bar.attributes["data-total"] == "3"
    swapped = read(browser.get(LIST, {"status": "void"}, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="invoices"))
    assert swapped.one("form", id="bulk").attributes["data-total"] == "1", "every swap brings the bar anew"
    assert swapped.one("form", id="bulk").attributes["data-list"] == "/receivables/?status=void"


def test_all_that_match_are_counted_exactly_and_frozen(browser, issued, select):
    issued(7)
    address = "/receivables/?status=finalized"
    response = select(address=address, all="1", shown="6", pk=[])

    batch = Batch.objects.get()
    assert batch.size == 7 and batch.source == {"address": address, "all": True, "count": 7, "shown": 6}
    assert (
        "The list said 6; counted exactly when it was selected, 7 matched."
        in read(browser.get(response["Location"])).text
    )
    issued(9)  # two more match now
    assert Invoice.objects.filter(status="finalized").count() == 9
    browser.post(response["Location"], {"reason": "Billed twice"})
    assert batch.rows.count() == 7, "the filter is never asked again"


def test_five_hundred_over_several_connections_are_exactly_those_that_match(
    browser, select, orb, flexprice, connection_to
):
    everywhere = [orb, flexprice, connection_to("metronome")]
    wanted = [make_invoice(each, total="0.10", currency="USD") for each in everywhere]
    copies = [Invoice(**{**_columns(wanted[at % 3]), "id": None, "external_id": f"copy{at}"}) for at in range(497)]
    wanted += Invoice.objects.bulk_create(copies)
    for each in everywhere:
        drift.repair(each)
    others = [make_invoice(orb, currency="EUR"), make_invoice(orb, status="void")]
    response = select(address="/receivables/?currency=USD&status=finalized", all="1", pk=[each.pk for each in others])
    batch = Batch.objects.get()
    assert response.status_code == 302 and batch.size == 500
    assert set(batch.rows.values_list("invoice", flat=True)) == {each.pk for each in wanted}
    assert rehearsing.totals_of(batch.rows.select_related("invoice")) == {"USD": Decimal("50.00")}
    make_invoice(flexprice, total="0.10", currency="USD")
    again = select(address="/receivables/?currency=USD&status=finalized", all="1", pk=[], token="another form")
    assert "These are 501 invoices; one batch may hold 500" in again.content.decode()


def test_a_filter_with_garbage_selects_nothing(issued, select):
    issued(2)
    response = select(address="/receivables/?status=nonsense", all="1", pk=[])
    assert response.status_code == 422 and "A filter of this list is not understood" in response.content.decode()
    assert not Batch.objects.exists()


@pytest.mark.parametrize(
    "address", ["https://evil.example/receivables/", "/nowhere/", "", "//evil.example/receivables/"]
)
def test_a_selection_of_no_list_of_ours_is_refused(issued, select, address):
    response = select(issued(1), address=address)
    assert response.status_code == (302 if "evil" in address and not address.startswith("/n") else 422)
    if response.status_code == 302:
        assert response["Location"].startswith("/batches/")


def test_an_empty_selection_and_a_verb_for_one_invoice_are_refused(issued, select):
    assert "Nothing is selected." in select().content.decode()
    assert "not asked of many" in select(issued(1), verb="pay").content.decode()
    assert not Batch.objects.exists()


def test_the_cap_refuses_by_name(settings, issued, select):
    settings.DESK_BATCH_MOST = 2
    invoices = issued(3)
    for response in (select(invoices), select(all="1", pk=[])):
        assert response.status_code == 422
        assert "These are 3 invoices; one batch may hold 2 (setting DESK_BATCH_MOST)" in response.content.decode()
    assert not Batch.objects.exists()


def test_the_cap_of_an_amount_holds_at_the_confirmation(settings, issued, rehearsed, browser):
    settings.DESK_BATCH_MOST_AMOUNT = ["USD=1", "EUR=5"]
    batch, page = rehearsed(issued(2))
    assert "setting DESK_BATCH_MOST_AMOUNT" in page.text and not page.all("form", id="confirm-form")
    response = browser.post(f"/batches/{batch.pk}/confirm/", {"digest": batch.digest})
    assert response.status_code == 422 and Batch.objects.get().state == "rehearsed"


def test_receivables_payables_and_test_data_never_share_a_batch(issued, select, crdb):
    response = select([*issued(1), make_invoice(crdb)])
    assert response.status_code == 422 and "never mix" in response.content.decode()


def test_the_rehearsal_says_what_can_be_asked_what_not_and_what_it_does(orb, issued, rehearsed):
    invoices = issued(3)
    paid = mirrored(orb, changed(body("orb_invoice_issued"), id="inv_p", invoice_number="ORB-P", status="paid"))
    batch, page = rehearsed([*invoices, paid])

    assert page.one("h1").text == "Void 3 invoices"
    assert "Orb does not void a paid invoice. A credit note corrects it." in page.text
    assert "Nothing is refunded to a card or bank account. 3 invoices" in page.text
    total = sum(each.total for each in invoices)
    assert rehearsing.totals_of(batch.rows.filter(state="collected").select_related("invoice")) == {"USD": total}
    button = page.one("button", id="do-it").text
    assert button.startswith("Void 3 invoices: ") and button.endswith("USD")
    assert not Operation.objects.exists() and not Job.objects.exists(), "nothing was asked for"


def test_consequences_are_summed_unit_by_unit(rehearsed, issued):
    batch, _ = rehearsed(issued(2))
    rows = list(batch.rows.all())
    rows[0].consequences = [
        ["money", "goes back", "10.10", "USD"],
        ["money", "goes back", "5", "EUR"],
        ["not", "No mail.", "", ""],
    ]
    rows[1].consequences = [["money", "goes back", "0.05", "USD"], ["not", "No mail.", "", ""]]
    found = [(each.text, each.amount, each.unit, each.invoices) for each in rehearsing.summed(rows)]
    assert found == [
        ("goes back", Decimal("10.15"), "USD", 2),
        ("goes back", Decimal(5), "EUR", 1),
        ("No mail.", None, "", 2),
    ]


def test_a_reason_is_asked_for_and_what_was_typed_is_kept(issued, select, browser):
    address = select(issued(1))["Location"]
    response = browser.post(address, {"reason": " ", "reference": "T-9"})
    assert response.status_code == 422
    page = read(response)
    assert page.one("p", id="reason-wrong").text.startswith("Say why.")
    assert page.one("input", name="reference").attributes["value"] == "T-9"
    assert Batch.objects.get().state == "collected"


def test_arguments_are_asked_once_for_all(issued, select, browser):
    address = select(issued(2), verb="mark_paid")["Location"]
    page = read(browser.get(address))
    assert page.one("input", name="payment_received_date")
    wrong = browser.post(address, {"reason": "Paid by transfer", "payment_received_date": "2999-01-01"})
    assert wrong.status_code == 422 and "still to come" in wrong.content.decode()
    browser.post(address, {"reason": "Paid by transfer", "payment_received_date": "2026-01-05"})
    assert Batch.objects.get().arguments == {"payment_received_date": "2026-01-05"}
    assert "2026-01-05" in read(browser.get(address)).text


def test_rows_are_taken_out_and_the_button_follows(issued, rehearsed, browser):
    batch, page = rehearsed(issued(3))
    first = page.all("tr", data_batch_row=True)[0]
    response = browser.post(f"/batches/{batch.pk}/rows/", {"row": first.attributes["data-batch-row"]}, follow=True)
    page = read(response)
    assert page.one("button", id="do-it").text.startswith("Void 2 invoices: ")
    assert "1 taken out by hand" in page.text
    assert AuditEntry.objects.get(action="batch.rows_removed").facts["invoices"] == [str(batch.rows.first().invoice)]


def test_a_large_batch_is_confirmed_by_its_count(settings, issued, rehearsed, browser):
    settings.DESK_BATCH_TYPED = 2
    batch, page = rehearsed(issued(2))
    assert "Type 2 , the number of invoices" in page.text or "Type 2, the number of invoices" in page.text
    address = f"/batches/{batch.pk}/confirm/"
    for typed in ("", "3"):
        wrong = browser.post(address, {"digest": batch.digest, "typed": typed})
        assert wrong.status_code == 422 and read(wrong).one("p", id="typed-wrong")
        assert read(wrong).one("input", name="typed").attributes["value"] == typed
    assert browser.post(address, {"digest": batch.digest, "typed": "2"}).status_code == 302
    assert Batch.objects.get().state == "confirmed"


def test_the_same_form_twice_is_one_batch_and_one_run(issued, select, browser):
    invoices = issued(2)
    assert select(invoices)["Location"] == select(invoices)["Location"]
    assert select(invoices[:1])["Location"] != select(invoices)["Location"], "other rows are another batch"
    assert Batch.objects.count() == 2
    batch = Batch.objects.get(size=2)
    browser.post(f"/batches/{batch.pk}/", {"reason": "Billed twice"})
    batch.refresh_from_db()
    for _ in range(2):
        assert browser.post(f"/batches/{batch.pk}/confirm/", {"digest": batch.digest}).status_code == 302
    assert Job.objects.filter(task__endswith="start_batch").count() == 1
    assert AuditEntry.objects.filter(action="batch.confirmed").count() == 1


def test_what_changed_after_it_was_selected_is_left_out_until_it_is_rehearsed_anew(issued, select, browser):
    invoices = issued(2)
    address = select(invoices)["Location"]
    Invoice.objects.filter(pk=invoices[0].pk).update(version=2)
    browser.post(address, {"reason": "Billed twice"})
    assert "It changed after it was selected: version 1 then, version 2 now." in read(browser.get(address)).text
    batch = Batch.objects.get()
    assert dict(batch.rows.values_list("invoice", "state")) == {invoices[0].pk: "left_out", invoices[1].pk: "collected"}


def test_large_ones_are_rehearsed_in_the_background(issued, select, browser, monkeypatch):
    monkeypatch.setattr(rehearsing, "AT_ONCE", 1)
    address = select(issued(2))["Location"]
    browser.post(address, {"reason": "Billed twice"})
    page = read(browser.get(address))
    assert page.one("section", id="rehearsing") and Batch.objects.get().state == "collected"

    from invoicing.jobs import running

    running.execute(running.claim("test:1:0"))

    assert Batch.objects.get().state == "rehearsed"
    polled = browser.get(f"{address}progress/", HTTP_HX_REQUEST="true")
    assert polled["HX-Refresh"] == "true"


def test_a_confirmed_batch_is_shown_stopped_and_kept(issued, rehearsed, browser, settings):
    settings.DESK_BATCH_CANCEL_SECONDS = 60
    batch, _ = rehearsed(issued(2))
    browser.post(f"/batches/{batch.pk}/confirm/", {"digest": batch.digest})
    page = read(browser.get(f"/batches/{batch.pk}/"))
    assert page.one("h2", id="stands-h").text == "About to begin"
    live = page.one("div", id="batch-progress").attributes["hx-get"]
    assert browser.get(live, HTTP_HX_REQUEST="true").status_code == 204, "nothing new moves nothing"

    assert browser.post(f"/batches/{batch.pk}/stop/").status_code == 302

    assert browser.get(live, HTTP_HX_REQUEST="true").status_code == 200
    page = read(browser.get(f"/batches/{batch.pk}/?show=stopped"))
    assert len(page.all("tr", data_outcome="stopped")) == 2
    assert "Void 2 invoices" in read(browser.get("/batches/")).text
    receipt = read(browser.get(f"/batches/{batch.pk}/receipt/"))
    assert "The batch was stopped before this row was asked." in receipt.text


def test_the_receipt_names_every_id_and_runs_no_formula(orb, browser, rehearsed):
    payload = changed(body("orb_invoice_issued"), id="inv_x", invoice_number="=HYPERLINK(1)")
    batch, _ = rehearsed([mirrored(orb, payload)])
    lines = browser.get(f"/batches/{batch.pk}/receipt.csv").content.decode().splitlines()
    assert len(lines) == 2 and "inv_x" in lines[1] and ",'=HYPERLINK(1)," in lines[1]
    told = json.loads(browser.get(f"/batches/{batch.pk}/receipt.json").content)
    assert (told["batch"], told["reason"], told["reference"]) == (str(batch.pk), "Billed twice", "T-7")
    assert [(row["external_id"], row["outcome"]) for row in told["rows"]] == [("inv_x", "waiting")]
    assert AuditEntry.objects.filter(action="batch.receipt", correlation=str(batch.pk)).count() == 2


def test_outside_text_stays_text(orb, browser, rehearsed):
    invoice = mirrored(orb, changed(body("orb_invoice_issued"), id="inv_h", invoice_number=HOSTILE))
    batch, page = rehearsed([invoice])
    for address in (f"/batches/{batch.pk}/", f"/batches/{batch.pk}/?edit", f"/batches/{batch.pk}/receipt/"):
        content = browser.get(address).content.decode()
        assert "<script>alert(2)" not in content and "<img src=x" not in content


def test_who_may_not_ask_sees_no_verbs_and_is_refused(client, person, issued):
    invoices = issued(1)
    client.force_login(person("viewer"))
    assert not read(client.get(LIST)).all("button", id="bulk-go")
    assert client.post("/bulk/", {"list": LIST, "pk": [invoices[0].pk], "verb": "void"}).status_code == 403
    assert not Batch.objects.exists()


def test_who_may_not_see_amounts_sees_none_of_a_batch(client, person, issued, rehearsed):
    batch, page = rehearsed(issued(2))
    figure = page.one("dl", class_="sums-by-unit").all("dd")[0].text
    client.force_login(person("sync admin"))
    for address in (f"/batches/{batch.pk}/", f"/batches/{batch.pk}/receipt/"):
        answer = client.get(address)
        assert answer.status_code == 200 and figure not in read(answer).text
    assert read(client.post("/bulk/totals/", {"list": LIST, "all": "1"})).text == ""


def test_only_who_prepared_it_confirms_it(client, person, issued, rehearsed):
    batch, _ = rehearsed(issued(1))
    client.force_login(person("controller"))
    assert "only they confirm it" in read(client.get(f"/batches/{batch.pk}/")).text
    response = client.post(f"/batches/{batch.pk}/confirm/", {"digest": batch.digest})
    assert response.status_code == 422 and Batch.objects.get().state == "rehearsed"


def test_what_a_selection_comes_to_is_told_unit_by_unit(browser, world):
    response = browser.post(
        "/bulk/totals/", {"list": LIST, "pk": [world["open"].pk], "others": f"{world['paid'].pk},{world['late'].pk}"}
    )
    text = read(response).text.replace("\N{NO-BREAK SPACE}", " ")
    assert text == "12.00 EUR·180.50 USD"
    whole = browser.post("/bulk/totals/", {"list": "/receivables/?currency=USD&status=finalized", "all": "1"})
    assert read(whole).text.replace("\N{NO-BREAK SPACE}", " ") == "180.50 USD"


def test_selected_rows_are_read_again(browser, issued):
    invoices = issued(2)
    response = browser.post("/bulk/refresh/", {"list": LIST, "pk": [each.pk for each in invoices]}, follow=True)
    assert "2 invoices are being read again." in read(response).text
    asked = Job.objects.filter(task__endswith="refresh_invoice_job").values_list("arguments", flat=True)
    assert sorted(each["invoice_id"] for each in asked) == sorted(each.pk for each in invoices)


def test_amount_caps_are_written_unit_by_unit(settings):
    settings.DESK_BATCH_MOST_AMOUNT = ["USD=250000.50", "JPY=3000"]
    assert caps.most_amounts() == {"USD": Decimal("250000.50"), "JPY": Decimal(3000)}
    assert caps.too_much({"USD": Decimal("-250000.51"), "EUR": Decimal(10**9)})[0].startswith(
        "It comes to -250000.51 USD"
    )
    assert caps.too_much({"USD": Decimal("250000.50"), "JPY": Decimal(3000)}) == []
