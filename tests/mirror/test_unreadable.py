"""Records that cannot be read cost nobody but themselves."""

from datetime import timedelta
from decimal import Decimal

import pytest

from invoicing.mirror import drift, rows
from invoicing.mirror.apply import Mirror
from invoicing.models import Invoice, SummaryCell, UnreadableRecord
from invoicing.providers.errors import NotUnderstood, Unknown
from tests.mirror.plain import NOON, sent, told

LATER = NOON + timedelta(hours=1)

pytestmark = pytest.mark.django_db


def test_a_bad_record_is_set_aside_and_the_page_goes_on(apply):
    bad = told("in_2")
    del bad["total"]
    applied = apply(told("in_1"), bad, told("in_3"))
    assert (applied.created, applied.quarantined, applied.strangers) == (2, 1, {"in_2"})
    record = UnreadableRecord.objects.get()
    assert (record.external_id, record.field, record.problem) == ("in_2", "total", "is missing")
    assert record.payload_text() == sent(bad)[0]
    assert sum(SummaryCell.objects.filter(axis=1, grain=1).values_list("invoices", flat=True)) == 2


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (b'{"id": "in_9", "total": NaN}', "NaN"),
        (b'{"id": "in_9", "total": 1e400}', "out of range"),
        (b'{"id": "in_9", "id": "in_9"}', "twice"),
        (b"[1, 2]", "not an object"),
        (sent(told("in_9", customer=None))[0], "TypeError"),
        (sent(told("in_9", listed="1-1-1"))[0], "ValueError"),
        (sent(told("in_9", currency="X" * 65))[0], "too long"),
    ],
)
def test_whatever_it_is_nobody_stumbles(apply, record, problem):
    applied = apply(record, told("in_1"))
    assert (applied.created, applied.quarantined) == (1, 1)
    assert problem in UnreadableRecord.objects.get().problem


def test_a_record_without_an_id_is_known_by_its_bytes(apply):
    applied = apply(b'{"total": "1"}', b'{"total": "2"}', b'{"total": "1"}')
    assert applied.quarantined == 2
    assert UnreadableRecord.objects.count() == 2


def test_what_turns_unreadable_keeps_its_last_facts_and_recovers(apply):
    apply(told("in_1"))
    applied = apply(told("in_1", total=12), at=LATER)
    invoice = Invoice.objects.get()
    assert (invoice.total, invoice.version, applied.ids) == (Decimal("10.00"), 1, [invoice.pk])
    open_record = UnreadableRecord.objects.get(resolved_at=None)
    assert open_record.external_id == "in_1"

    apply(told("in_1", total="13.00"), at=LATER + timedelta(hours=1))
    assert Invoice.objects.get().total == Decimal("13.00")
    assert UnreadableRecord.objects.get().resolved_at is not None


def test_it_recovers_also_to_the_very_bytes_we_had_before(apply, connection, world):
    apply(told("in_1"))
    apply(told("in_1", total=12), at=LATER)
    Mirror(connection, world).invoices(sent(told("in_1")), read_started_at=LATER)  # in another run
    assert UnreadableRecord.objects.get().resolved_at is not None
    assert Invoice.objects.get().version == 1


def test_the_first_time_it_was_seen_stays(apply):
    apply(b'{"id": "in_1"}')
    first = UnreadableRecord.objects.get()
    apply(b'{"id": "in_1", "still": "bad"}', at=LATER)
    again = UnreadableRecord.objects.get()
    assert again.first_seen_at == first.first_seen_at
    assert again.last_seen_at > first.last_seen_at
    assert b"still" in again.payload_text()


def test_a_second_read_that_fails_fails_the_page_until_it_is_forgiven(mirror, world):
    world.completes["in_1"] = Unknown("It failed with 500.", status=500)
    records = sent(told("in_1"), told("in_2"))
    with pytest.raises(Unknown):
        mirror.invoices(records, read_started_at=NOON)
    assert not Invoice.objects.exists()
    mirror.reader.forgive = 1
    applied = mirror.invoices(records, read_started_at=NOON)
    assert (applied.created, applied.quarantined) == (1, 1)
    assert "500" in UnreadableRecord.objects.get().problem


def test_forgiving_has_a_limit(mirror, world):
    world.completes = dict.fromkeys(["in_1", "in_2"], NotUnderstood("It said nothing."))
    mirror.reader.forgive = 1
    with pytest.raises(NotUnderstood):
        mirror.invoices(sent(told("in_1"), told("in_2")), read_started_at=NOON)


def test_a_record_the_database_does_not_hold_is_set_aside_too(mirror, monkeypatch):
    real = rows.said

    def said(snapshot, connection):
        columns = real(snapshot, connection)
        return columns | {"total_micros": 2**70} if snapshot.external_id == "in_2" else columns

    monkeypatch.setattr(rows, "said", said)
    also = []
    applied = mirror.invoices(sent(told("in_1"), told("in_2"), told("in_3")), read_started_at=NOON, also=also.append)
    assert (applied.created, applied.quarantined, also) == (2, 1, [applied])
    assert set(Invoice.objects.values_list("external_id", flat=True)) == {"in_1", "in_3"}
    assert "database does not hold it" in UnreadableRecord.objects.get().problem
    assert drift.recount(mirror.connection) == []


def test_a_customer_that_cannot_be_read_is_set_aside_too(mirror):
    applied = mirror.customers(sent({"id": "c1", "name": "One"}, {"id": "c2"}), read_started_at=NOON)
    assert (applied.changed, applied.quarantined) == (1, 1)
    record = UnreadableRecord.objects.get()
    assert (record.kind, record.external_id, record.field) == ("customer", "c2", "name")
    mirror.customers(sent({"id": "c2", "name": "Two"}), read_started_at=LATER)
    assert UnreadableRecord.objects.get().resolved_at is not None
