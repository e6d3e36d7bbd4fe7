"""How much one person may ask for: by the invoice, and by what is paid, added or billed."""

import uuid
from datetime import date
from decimal import Decimal

import pytest

from invoicing.access import people
from invoicing.access.scopes import Reach
from invoicing.models import Operation, User
from invoicing.operations import sending
from invoicing.operations.requesting import CannotRequest, Wish, hindrance, request_operation
from invoicing.operations.targets import starting
from tests.factories import make_customer, make_invoice

pytestmark = pytest.mark.django_db(transaction=True)


def limited(operator, **units):
    reach = Reach(limits={"request": {unit: Decimal(figure) for unit, figure in units.items()}})
    people.set_scope(operator, reach, by=None, reason="New here")
    return User.objects.get(pk=operator.pk)


@pytest.fixture
def asks(connection_to):
    """asks(person, "Lines | 2 | 50", currency="USD") asks for a one-off invoice."""
    connection = connection_to("orb")
    customer = make_customer(connection)

    def ask(by, lines, currency="USD"):
        given = {"currency": currency, "lines": lines, "item_id": "item_1", "invoice_date": date.today().isoformat()}
        start = starting("customer", connection, customer.external_id)
        return Wish(
            verb="create_invoice", start=start, by=by, reason="Training", token=uuid.uuid4().hex, arguments=given
        )

    return ask


def test_a_one_off_invoice_is_within_the_limit_of_who_asks(operator, asks):
    newcomer = limited(operator, USD="100")

    assert request_operation(asks(newcomer, "Training | 2 | 50")).state == "approved"
    for lines, currency, why in (
        ("Training | 2 | 50.01", "USD", "Your limit is 100 USD"),
        ("Training | 1 | 60\nTravel | 1 | 60", "USD", "Your limit is 100 USD"),
        ("Training | 1 | 1", "EUR", "no limit for this unit"),
    ):
        with pytest.raises(CannotRequest, match=why) as refused:
            request_operation(asks(newcomer, lines, currency))
        assert refused.value.field == "lines", "so that the form keeps what was typed and says where"
    assert Operation.objects.count() == 1


def test_who_has_no_limit_bills_any_amount(operator, asks):
    assert request_operation(asks(operator, "Training | 1 | 1000000")).state == "approved"


def test_a_payment_and_a_line_are_within_the_limit_as_the_invoice_is(operator, connection_to):
    newcomer = limited(operator, USD="100")
    draft = make_invoice(connection_to("orb"), total="20", status="draft", provider_status="draft")

    def adding(amount):
        given = {
            "name": "Credit",
            "amount": amount,
            "start_date": "2026-03-01",
            "end_date": "2026-03-31",
            "quantity": 1,
        }
        return Wish(verb="add_line", invoice=draft, by=newcomer, reason="Agreed", token=amount, arguments=given)

    assert hindrance(adding("100")) == ""
    assert "Your limit is 100 USD" in hindrance(adding("100.01"))
    assert "Your limit is 100 USD" in hindrance(adding("-100.01"))


def test_a_limit_set_after_it_was_asked_holds_when_it_is_sent(operator, asks):
    operation = request_operation(asks(operator, "Training | 1 | 500"))
    limited(operator, USD="100")
    operation = Operation.objects.select_related("requester", "connection").get(pk=operation.pk)
    Operation.objects.filter(pk=operation.pk).update(not_before=None)
    operation.refresh_from_db()

    sending.dispatch(operation, http=object())

    assert (operation.state, operation.attempts.count()) == ("refused", 0)
    assert "Your limit is 100 USD" in operation.outcome["message"]
