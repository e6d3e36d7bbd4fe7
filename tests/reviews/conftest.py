"""A desk with invoices to be reviewed and people who may."""

from decimal import Decimal

import pytest

from invoicing.reviews import following, rulebooks
from tests.web.mirrored import body, changed, mirrored

EXAMPLES = {"orb": "orb_invoice_issued", "cockroachdb": "cockroachdb_invoice"}


@pytest.fixture
def orb(connection_to):
    return connection_to("orb")


@pytest.fixture
def issued(orb):
    return mirrored(orb, body("orb_invoice_issued"))


@pytest.fixture
def bill(connection_to):
    """A bill to us."""
    return mirrored(connection_to("cockroachdb"), body("cockroachdb_invoice"))


@pytest.fixture
def reviewer(person):
    return person("reviewer")


@pytest.fixture
def rules(person):
    """rules({"name": …}, checklists=[…]) puts them in force."""

    def publish(*given, checklists=()):
        former = rulebooks.newest()
        named = [{"name": f"Rule {number}"} | each for number, each in enumerate(given, 1)]
        by = person("controller")
        book = rulebooks.publish(
            named, checklists, by=by, reason="To begin with", based_on=former.number if former else 0
        )
        by.is_active = False  # so that tests count only the people they name
        by.save()
        return book

    return publish


@pytest.fixture
def entered():
    """entered(invoice) is its review, as a rule would begin it."""
    return lambda invoice, *asking: following.enter(invoice, asking)[0]


@pytest.fixture
def again():
    """again(invoice, total=…) mirrors it anew with other facts of its provider's."""

    def read(invoice, **fields):
        return mirrored(invoice.connection, changed(body(EXAMPLES[invoice.connection.provider]), **fields))

    return read


@pytest.fixture
def dearer(again):
    """dearer(invoice): its provider says another total."""
    return lambda invoice, by="1.00": again(
        invoice, total=str(invoice.total + Decimal(by)), amount_due=str(invoice.amount_due + Decimal(by))
    )
