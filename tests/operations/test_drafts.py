"""What is done to drafts: lines, dates, details, computing anew. Each is carried to its end against the sandbox over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from invoicing.mirror.refresh import refresh_invoice
from invoicing.mirror.snapshots import snapshot_of
from invoicing.models import Connection, Operation
from invoicing.operations.reading_back import payload_of
from invoicing.operations.registry import VERBS
from invoicing.operations.requesting import CannotRequest
from tests.operations.test_verbs import flexprice, metronome, orb

pytestmark = pytest.mark.django_db(transaction=True)
LINE = {"name": "Onsite training", "amount": "120.50", "start_date": "2026-10-01", "end_date": "2026-10-02"}


def draft_of(kind):
    return lambda raw: orb("draft", invoice_source=kind)(raw) and raw["currency"] in ("USD", "EUR", "GBP")


def subscription_draft(raw):
    return flexprice("DRAFT")(raw) and raw["invoice_type"] == "SUBSCRIPTION" and raw.get("period_start")


def contract_draft(raw):
    return metronome("DRAFT")(raw)


def refused(desk, verb, invoice, field=None, **arguments):
    """What is said of a wish that is not granted."""
    with pytest.raises(CannotRequest) as refusal:
        desk.ask(verb, invoice, **arguments)
    assert not Operation.objects.exists()
    if field is not None:
        assert refusal.value.field == field
    return str(refusal.value)


# ---- lines


def test_a_line_is_added_once_and_found_among_the_others(desk):
    invoice = desk.pick("orb", draft_of("subscription"))
    before = invoice.lines.count()

    operation = desk.done("add_line", invoice, **LINE)

    assert (operation.state, operation.attempt) == ("succeeded", 1)
    assert len(desk.effects(invoice, "add_line")) == 1
    invoice.refresh_from_db()
    assert invoice.lines.count() == before + 1
    assert "Onsite training" in {line.text.text for line in invoice.lines.select_related("text")}


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "repeat_request"])
def test_a_line_whose_answer_is_lost_is_not_added_twice(desk, kind):
    invoice = desk.pick("orb", draft_of("subscription"))
    before = invoice.lines.count()
    desk.fault("orb", "POST", "/invoice_line_items", kind)

    operation = desk.done("add_line", invoice, **LINE | {"amount": "-5", "quantity": "2"})

    assert operation.state == "succeeded"
    invoice.refresh_from_db()
    assert invoice.lines.count() == before + 1 and len(desk.effects(invoice, "add_line")) == 1


@pytest.mark.parametrize(
    ("field", "given", "says"),
    [
        ("amount", {"amount": "1,200.50"}, "with a dot and without thousands separators"),
        ("amount", {"amount": "a lot"}, "“a lot” is not an amount"),
        ("amount", {"amount": "NaN"}, "is not an amount"),
        ("quantity", {"quantity": "0"}, "cannot be zero"),
        ("start_date", {"start_date": "01.10.2026"}, "Write the day as 2026-10-31."),
        ("end_date", {"end_date": "2026-09-30"}, "cannot end before it begins"),
        ("name", {"name": ""}, "Name what is charged"),
        ("amount", {"amount": "1.005"}, "has 2 decimals, and 1.005 would be rounded"),
        ("color", {"color": "red"}, "takes no “color”; its arguments are: name, item_id, amount"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_at_its_field(desk, field, given, says):
    invoice = desk.look_at("orb", draft_of("subscription"))
    assert says in refused(desk, "add_line", invoice, field, **LINE | given)


def test_an_issued_invoice_takes_no_line_and_gives_none(desk):
    invoice = desk.look_at("orb", orb("issued"))
    assert "Lines can be added to drafts only; this invoice is issued." in refused(desk, "add_line", invoice, **LINE)
    assert "from drafts only" in refused(desk, "remove_line", invoice, line_item_id="x")


def test_a_line_added_by_hand_can_be_removed(desk):
    invoice = desk.pick("orb", draft_of("subscription"))
    desk.done("add_line", invoice, **LINE)
    invoice.refresh_from_db()
    line = next(each for each in invoice.lines.select_related("text") if each.text.text == LINE["name"])
    form = VERBS["remove_line"].form_for(invoice)()
    assert f"{LINE['name']}: 120.50 {invoice.currency}" in dict(form.fields["line_item_id"].choices).values()

    desk.fault("orb", "DELETE", "/invoices/*/invoice_line_items/*", "drop_after")
    operation = desk.done("remove_line", invoice, line_item_id=line.details["external_id"])

    assert (operation.state, operation.settled_by) == ("succeeded", "read_back")
    assert len(desk.effects(invoice, "delete_line")) == 1
    invoice.refresh_from_db()
    assert LINE["name"] not in {each.text.text for each in invoice.lines.select_related("text")}


def test_a_line_of_a_subscription_is_refused_by_orb_in_its_words(desk):
    invoice = desk.look_at("orb", draft_of("subscription"))
    line = invoice.lines.order_by("position").first()

    operation = desk.done("remove_line", invoice, line_item_id=line.details["external_id"])

    assert operation.state == "refused" and "comes from a subscription" in operation.outcome["message"]
    assert desk.effects(invoice) == []


def test_only_a_line_of_this_invoice_can_be_chosen(desk):
    invoice = desk.look_at("orb", draft_of("subscription"))
    assert "no line with this id" in refused(desk, "remove_line", invoice, "line_item_id", line_item_id="li_elsewhere")


# ---- details


@pytest.mark.parametrize("kind", [None, "drop_after", "drop_before"])
def test_flexprices_details_are_set_and_its_other_metadata_kept(desk, kind):
    invoice = desk.pick("flexprice", flexprice("FINALIZED"))
    desk.sandbox.act("flexprice", "edit", invoice.external_id, metadata={"project": "Apollo", "old": "x"})
    refresh_invoice(invoice)
    invoice.refresh_from_db()
    if kind:
        desk.fault("flexprice", "PUT", "/invoices/*", kind)

    due = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    operation = desk.done("update", invoice, due_date=due, po_number="PO-77", metadata="old=\nregion = EU")

    assert operation.state == "succeeded"
    assert len(desk.effects(invoice, "update")) == 1
    invoice.refresh_from_db()
    assert payload_of(invoice)["metadata"] == {"project": "Apollo", "region": "EU", "po_number": "PO-77"}
    assert (invoice.po_number, invoice.due_date.isoformat()) == ("PO-77", due)


def test_orb_changes_what_is_given_and_takes_a_name_without_a_value_away(desk):
    invoice = desk.pick("orb", draft_of("subscription"))
    first = desk.done("update", invoice, due_date="2027-01-15", metadata="a=1\nb=2")
    invoice.refresh_from_db()
    assert first.state == "succeeded" and snapshot_of(invoice).due_date.isoformat() == "2027-01-15"

    second = desk.done("update", invoice, metadata="a=")

    assert second.state == "succeeded"
    invoice.refresh_from_db()
    metadata = payload_of(invoice)["metadata"]
    assert metadata.get("b") == "2" and "a" not in metadata


def test_a_one_off_draft_of_orb_gets_another_date_and_another_way_of_collecting(desk):
    invoice = desk.pick("orb", draft_of("one_off"))
    wanted = "false" if payload_of(invoice)["auto_collection"]["enabled"] else "true"
    day = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()

    operation = desk.done("update", invoice, invoice_date=day, auto_collection=wanted)

    assert operation.state == "succeeded", operation.outcome
    invoice.refresh_from_db()
    assert payload_of(invoice)["auto_collection"]["enabled"] is (wanted == "true")
    assert f"Invoice date: {day}" in operation.evidence[-1]["saw"]
    for wrong, says in ((day, "nothing would change"), ("2031-01-01", "at most a year ahead")):
        with pytest.raises(ValidationError, match=says):
            VERBS["update"].cleaned(invoice, {"invoice_date": wrong})


@pytest.mark.parametrize(
    ("name", "wanted", "field", "given", "says"),
    [
        ("orb", draft_of("subscription"), "invoice_date", {"invoice_date": "2027-01-01"}, "takes no “invoice_date”"),
        ("flexprice", flexprice("FINALIZED"), "due_date", {"due_date": "2020-01-01"}, "in the future only"),
        ("flexprice", flexprice("FINALIZED"), "metadata", {"metadata": "just words"}, "write each as name=value"),
        ("flexprice", flexprice("FINALIZED"), "invoice_pdf_url", {"invoice_pdf_url": "http://x/y.pdf"}, "https://"),
        ("flexprice", flexprice("FINALIZED"), "", {}, "Say what is to change."),
        ("flexprice", flexprice("VOIDED"), "", {"po_number": "1"}, "draft and finalized invoices only"),
        ("orb", orb("issued"), "due_date", {"due_date": "2027-01-01"}, "due date of drafts only; this invoice is issued"),
        ("orb", orb("issued"), "invoice_pdf_url", {"invoice_pdf_url": "https://x/y"}, "takes no “invoice_pdf_url”"),
    ],
)  # fmt: skip
def test_details_that_cannot_be_set_are_refused_with_the_reason(desk, name, wanted, field, given, says):
    assert says in refused(desk, "update", desk.look_at(name, wanted), field, **given)


def test_details_changed_by_others_meanwhile_are_not_overwritten(desk, never_sent):
    invoice = desk.pick("flexprice", flexprice("FINALIZED"))
    operation = desk.ask("update", invoice, po_number="PO-1")
    desk.sandbox.act("flexprice", "edit", invoice.external_id, metadata={"po_number": "PO-2"})

    desk.settle(operation)

    assert operation.state == "refused" and "Metadata" in operation.outcome["message"]
    never_sent(operation)


# ---- computing anew


@pytest.mark.parametrize("name", ["flexprice", "flexprice-2026-01"])
@pytest.mark.parametrize("kind", [None, "drop_after"])
def test_a_draft_is_computed_anew_and_stays_a_draft(desk, name, kind):
    invoice = desk.pick(name, subscription_draft)
    if kind:
        path = "/invoices/*/recalculate" + ("-v2" if name == "flexprice" else "")
        desk.fault(
            name, "POST", path, kind, after=1 if name == "flexprice" else 0
        )  # the first one asks who the server is

    operation = desk.done("recalculate", invoice)

    assert operation.state == "succeeded"
    assert len(desk.effects(invoice, "recalculate")) == 1 and not desk.effects(invoice, "finalize")
    invoice.refresh_from_db()
    assert invoice.status == "draft"


def test_todays_server_draws_credits_each_time_so_a_recalculation_that_never_arrived_is_not_sent_again(desk):
    invoice = desk.pick("flexprice", subscription_draft)
    desk.fault("flexprice", "POST", "/invoices/*/recalculate-v2", "drop_before", after=1)

    operation = desk.done("recalculate", invoice)

    assert (operation.state, operation.attempt, operation.call_class) == ("not_done", 1, "U")
    assert desk.effects(invoice) == []


def test_where_nobody_knows_what_recalculate_means_it_is_not_offered(desk):
    invoice = desk.look_at("flexprice", subscription_draft)
    invoice.connection.facts = {"generation": "unknown"}
    invoice.connection.save()
    assert "is not known; one of them voids the invoice" in refused(desk, "recalculate", invoice)


def test_a_server_that_became_another_one_is_asked_nothing_that_could_void(desk, never_sent):
    """The desk believes in January's server, where /recalculate is harmless; behind the address stands today's."""
    invoice = desk.look_at("flexprice", subscription_draft)
    connection = Connection.objects.get(name="flexprice")
    connection.facts = {"generation": "A"}
    connection.save()
    invoice.refresh_from_db()

    operation = desk.done("recalculate", invoice)

    assert operation.state == "refused" and "another version" in operation.outcome["message"]
    never_sent(operation)
    assert desk.effects(invoice) == []
    connection.refresh_from_db()
    assert connection.facts["generation"] == "B"


def test_only_subscription_drafts_are_computed_anew(desk):
    assert "Only a draft" in refused(desk, "recalculate", desk.look_at("flexprice", flexprice("FINALIZED")))


# ---- another day


@pytest.mark.parametrize("kind", [None, "drop_after", "drop_before"])
def test_metronome_issues_a_draft_on_another_day(desk, kind):
    invoice = desk.pick("metronome", contract_draft)
    if kind:
        desk.fault("metronome", "POST", "/v1/contracts/updateInvoiceIssueDate", kind)
    day = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()

    operation = desk.done("move_issue_date", invoice, issue_date=day)

    assert operation.state == "succeeded"
    assert len(desk.effects(invoice, "update_issue_date")) == 1
    invoice.refresh_from_db()
    assert invoice.planned_issue_at == datetime.fromisoformat(day).replace(tzinfo=UTC)


def test_a_draft_cannot_be_issued_in_the_past_and_a_final_one_not_at_all(desk):
    draft, final = desk.look_at("metronome", contract_draft), desk.look_at("metronome", metronome("FINALIZED"))
    assert "This day is past" in refused(desk, "move_issue_date", draft, "issue_date", issue_date="2026-01-01")
    assert "Only a draft's" in refused(desk, "move_issue_date", final, issue_date="2027-01-01")
