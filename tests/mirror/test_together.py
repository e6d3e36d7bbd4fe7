"""Several at once: whoever comes second finds what the first did, and nothing is counted twice."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from invoicing.mirror import drift
from invoicing.mirror.apply import Mirror
from invoicing.models import Connection, Customer, Invoice, InvoiceVersion, LineItem, LineText
from tests.mirror.plain import NOON, World, sent, told

pytestmark = pytest.mark.django_db(transaction=True)


def together(*works):
    """Each in a thread of its own, begun at the same moment; what they raised."""
    ready, raised = threading.Barrier(len(works)), []

    def run(work):
        try:
            ready.wait(10)
            work()
        except Exception as error:
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def page(connection, *records, at=NOON):
    mirror = Mirror(Connection.objects.get(pk=connection.pk), World())
    return lambda: mirror.invoices(sent(*records), read_started_at=at)


def test_the_same_new_page_from_two_workers_is_there_once(connection):
    records = [
        told(f"in_{n}", customer={"id": f"c{n % 3}", "name": "Acme"}, lines=[[f"Text {n}", "10.00"]]) for n in range(30)
    ]
    for _ in range(3):
        Invoice.objects.all().delete()
        drift.repair(connection)
        assert together(*[page(connection, *records) for _ in range(3)]) == []
        assert (Invoice.objects.count(), Customer.objects.count()) == (30, 3)
        assert (InvoiceVersion.objects.count(), LineItem.objects.count(), LineText.objects.count()) == (30, 30, 30)
        assert drift.recount(connection) == []


def test_two_states_of_one_invoice_end_with_the_later_read(connection):
    for turn in range(4):
        Invoice.objects.all().delete()
        drift.repair(connection)
        page(connection, told("in_1"))()
        later = [page(connection, told("in_1", total=f"{n}.00"), at=NOON + timedelta(minutes=n)) for n in (1, 2, 3)]
        assert together(*later[turn % 3 :], *later[: turn % 3]) == []
        assert Invoice.objects.get().total == 3
        assert drift.recount(connection) == []


def test_connections_that_share_line_texts_do_not_cross(connection, connection_to, plain):
    other = connection_to("plain", name="other")
    texts = [f"Text {n}" for n in range(50)]
    records = [told(f"in_{n}", lines=[[text, "1.00"] for text in texts]) for n in range(5)]
    backwards = [told(f"in_{n}", lines=[[text, "1.00"] for text in reversed(texts)]) for n in range(5)]
    assert together(page(connection, *records), page(other, *backwards)) == []
    assert LineText.objects.count() == 50
    assert drift.recount(connection) == drift.recount(other) == []
