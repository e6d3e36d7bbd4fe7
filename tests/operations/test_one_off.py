"""Operations without an invoice: billing a customer once, and what is only looked at."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from invoicing.access import rights
from invoicing.models import AuditEntry, Invoice, Operation
from invoicing.operations.asking import ask
from invoicing.operations.registry import VERBS, availability
from invoicing.operations.requesting import CannotRequest
from invoicing.operations.targets import start_from
from tests.operations.test_drafts import refused
from tests.operations.test_verbs import flexprice, orb

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = datetime.now(UTC).date()
LINES = "Onsite training | 2 | 600.25\nTravel | 1 | 80"
PATHS = {"flexprice": "/invoices", "orb": "/invoices"}


@pytest.fixture
def customer(desk):
    """customer("orb") is (where to start, the arguments of a small one-off invoice for them)."""

    def of(name):
        open_ones = orb("issued") if name == "orb" else flexprice("FINALIZED")
        some = desk.look_at(name, lambda raw: open_ones(raw) and raw["currency"].upper() in ("USD", "EUR", "GBP"))
        given = {"currency": some.currency, "lines": LINES}
        if name == "orb":
            item = json.loads(some.versions.get().payload_text())["line_items"][0]["price"]["item"]["id"]
            given |= {"item_id": item, "invoice_date": TODAY.isoformat()}
        return start_from("customer", some), given

    return of


@pytest.fixture(autouse=True)
def since_now(desk):
    desk.known = {each["id"] for each in desk.sandbox.effects()}


def created(desk):
    return [each for each in desk.sandbox.effects(verb="create") if each["id"] not in desk.known]


@pytest.mark.parametrize("name", ["flexprice", "orb"])
@pytest.mark.parametrize("kind", [None, "drop_after", "drop_before", "status"])
def test_a_customer_is_billed_once_whatever_becomes_of_the_answer(desk, customer, name, kind):
    start, given = customer(name)
    if kind:
        more = {"status": 500, "apply": True} if kind == "status" else {}
        desk.fault(name, "POST", PATHS[name], kind, **more)

    operation = desk.done("create_invoice", start, **given)

    assert operation.state == "succeeded"
    [effect] = created(desk)
    invoice = Invoice.objects.get(external_id=operation.outcome["created"])
    assert effect["external_id"] == invoice.external_id
    assert invoice.customer.external_id == start.external_id
    assert invoice.subtotal == Decimal("1280.50")
    assert invoice.status == ("finalized" if name == "flexprice" else "draft")
    assert operation.invoice is None and operation.external_id == start.external_id


def test_one_form_bills_once_and_two_forms_twice(desk, customer):
    start, given = customer("orb")
    first = desk.ask("create_invoice", start, token="one", **given)
    assert desk.ask("create_invoice", start, token="one", **given).pk == first.pk
    second = desk.ask("create_invoice", start, token="two", **given)

    for operation in (first, second):
        assert desk.settle(operation).state == "succeeded"
    assert len(created(desk)) == 2


@pytest.mark.parametrize(
    ("name", "field", "given", "says"),
    [
        ("orb", "currency", {"currency": "XYZ"}, "XYZ is not a currency"),
        ("orb", "currency", {"currency": "CHF"}, "Orb bills this customer in"),
        ("orb", "lines", {"lines": ""}, "This field is required."),
        ("orb", "lines", {"lines": "Training | 1"}, "Line 1: write it as text | quantity | unit price."),
        ("orb", "lines", {"lines": "A | 1 | 5\nB | 1 | 1,50"}, "Line 2: Write amounts with a dot"),
        ("orb", "lines", {"lines": "A | 0 | 5"}, "Line 1: This amount cannot be zero."),
        ("orb", "item_id", {"item_id": ""}, "This field is required."),
        ("orb", "due_date", {"due_date": (TODAY - timedelta(days=1)).isoformat()}, "before the invoice date"),
        ("flexprice", "lines", {"lines": "Refund | 1 | -5"}, "no invoice with a negative total"),
        ("flexprice", "lines", {"currency": "BHD", "lines": "A | 1 | 1.125"}, "BHD has 2 decimals, and 1.125 would be"),
        ("flexprice", "lines", {"currency": "JPY", "lines": "A | 3 | 0.5"}, "JPY has no decimals, and 1.5 would be"),
        ("flexprice", "memo", {"memo": "x"}, "takes no “memo”"),
    ],
)
def test_what_is_wrong_with_a_new_invoice_is_said_at_its_field(desk, customer, name, field, given, says):
    start, right = customer(name)
    assert says in refused(desk, "create_invoice", start, field, **right | given)


def test_lines_can_be_given_as_data(desk, customer):
    start, given = customer("orb")
    rows = [{"text": "Training", "quantity": "2", "unit_price": "600.25"}, {"text": "Travel", "unit_price": "80"}]

    operation = desk.done("create_invoice", start, **given | {"lines": rows})

    assert operation.state == "succeeded"
    assert Invoice.objects.get(external_id=operation.outcome["created"]).subtotal == Decimal("1280.50")


def test_a_one_off_starts_from_a_customer_and_no_menu_of_an_invoice_offers_it(desk):
    invoice = desk.look_at("orb", orb("issued"))
    assert "starts from a customer, not from a invoice" in VERBS["create_invoice"].refusal(invoice)
    assert "create_invoice" not in {each.verb.key for each in availability(invoice)}
    start = desk.start("customer", "metronome", "someone")
    assert "Metronome makes invoices from contracts only." in refused(desk, "create_invoice", start)


# ---- only looked at


def test_orbs_upcoming_invoice_is_shown_and_stored_nowhere(desk):
    invoice = desk.look_at("orb", orb("draft", invoice_source="subscription"))
    start, before = start_from("subscription", invoice), Invoice.objects.count()

    answer = ask("upcoming", start, by=desk.operator)

    assert answer.snapshot.subscription_id == start.external_id and answer.snapshot.lines
    assert (Invoice.objects.count(), Operation.objects.count()) == (before, 0)
    assert [each.action for each in AuditEntry.objects.all()] == ["upcoming.asked", "upcoming.answered"]


def test_flexprices_preview_is_shown_and_stored_nowhere(desk):
    invoice = desk.look_at("flexprice", lambda raw: flexprice("FINALIZED")(raw) and raw.get("subscription_id"))
    start = start_from("subscription", invoice)

    answer = ask("preview", start, by=desk.operator, arguments={"hide_zero_charges_line_items": "true"})

    assert answer.snapshot.subscription_id == start.external_id
    assert not Invoice.objects.filter(external_id=answer.snapshot.external_id).exists()
    assert json.dumps(answer.as_json())
    with pytest.raises(CannotRequest, match="cannot end before it begins") as wrong:
        ask("preview", start, by=desk.operator, arguments={"period_start": "2026-10-02", "period_end": "2026-10-01"})
    assert wrong.value.field == "period_end"


def billed_now(raw):
    """Of a subscription that runs, in its currency: FlexPrice sums those up."""
    subscription = raw.get("subscription") or {}
    runs = (subscription.get("subscription_status"), subscription.get("currency")) == ("active", raw["currency"])
    return flexprice("FINALIZED")(raw) and runs and raw["customer_id"] == subscription["customer_id"]


def test_the_summary_says_on_its_button_that_it_announces_what_is_overdue(desk):
    invoice = desk.look_at("flexprice", billed_now)
    assert "announces overdue" in VERBS["customer_summary"].name

    answer = ask("customer_summary", start_from("customer", invoice), by=desk.operator)

    assert Decimal(answer.facts[f"{invoice.currency} total_unpaid_amount"]) >= invoice.amount_due


def test_looking_needs_the_right_and_a_provider_that_offers_it(desk, person):
    start = desk.start("subscription", "orb", "sub_1")
    with pytest.raises(rights.NotAllowed):
        ask("upcoming", start, by=person("viewer"))
    with pytest.raises(CannotRequest, match="Orb shows a subscription's running period"):
        ask("preview", start, by=desk.operator)
    assert {entry.action for entry in AuditEntry.objects.all()} == {"upcoming.not_requested", "preview.not_requested"}
    with pytest.raises(CannotRequest, match="only reads"):
        desk.ask("upcoming", start)
