"""A file is of one moment, though others write meanwhile; and its job tells how far it is."""

import io
import threading

import pytest
from django.db import connection

from invoicing.exports import asked, making, moment
from invoicing.jobs import progress, running
from invoicing.jobs.api import enqueue
from invoicing.models import Invoice, Job
from tests.exports.reading import csv_rows
from tests.factories import make_invoice
from tests.jobs.work_to_do import note_down

pytestmark = pytest.mark.django_db(transaction=True)


def meanwhile(work):
    """Another process writes, and is not kept waiting."""

    def run():
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def test_what_is_written_meanwhile_is_not_half_in_the_file(connection_to, monkeypatch):
    monkeypatch.setattr("invoicing.exports.tables.BATCH", 1)
    orb = connection_to("orb")
    first = make_invoice(orb, total="1")
    make_invoice(orb, total="2")

    def others(done, expected):
        if done == 1:
            meanwhile(lambda: (make_invoice(orb, total="4"), Invoice.objects.filter(pk=first.pk).update(total="9")))

    out = io.BytesIO()
    summary = making.make(asked.Wanted(format="csv", query="sort=total&order=desc"), out, others)

    assert [row["total"] for row in csv_rows(out.getvalue())] == ["2", "1"]
    assert summary.totals == [{"unit": "USD", "amounts": 2, "total": "3", "due": "3"}]
    assert Invoice.objects.count() == 3 and Invoice.objects.get(pk=first.pk).total == 9
    assert not connection.in_atomic_block


def test_progress_is_told_while_reading_and_a_stop_is_heard(monkeypatch):
    monkeypatch.setattr(moment, "EVERY_SECONDS", 0.05)
    enqueue(note_down, text="x")
    job = running.claim("test:1:0")
    token = progress.current.set(job)
    try:
        with moment.Teller(10) as teller, moment.one_moment():
            Job.objects.count()
            teller.so_far(4)
            teller._end.wait(0.5)
            meanwhile(lambda: running.cancel(job.pk))
            teller._thread.join(5)
            with pytest.raises(progress.Cancelled):
                teller.so_far(5)
    finally:
        progress.current.reset(token)
    job.refresh_from_db()
    assert (job.done, job.expected) == (4, 10)
