"""A comparison is only fair if both sides get the same, and only useful if it can fail."""

import json
from decimal import Decimal

import pytest

from invoicing.benchmarks import dialects, provider, sync
from invoicing.benchmarks.data import DIGITS
from invoicing.providers import strict_json
from invoicing.providers.base import Context
from invoicing.providers.registry import PROVIDERS

INVOICES = provider.invoices(60, 1)


@pytest.mark.parametrize("after", [False, True])
def test_both_dialects_say_the_same(after):
    for drawn in [dialects.paid(each) for each in INVOICES] if after else INVOICES:
        read = strict_json.loads(json.dumps(dialects.orb_invoice(drawn)).encode())
        ours, theirs = PROVIDERS["orb"].invoice(read, Context()), dialects.stripe_invoice(drawn)
        minor = 10 ** DIGITS.get(drawn.currency, 2)
        assert ours.currency == theirs["currency"].upper()
        assert ours.total == Decimal(theirs["total"]) / minor
        assert [line.text for line in ours.lines] == [line["description"] for line in theirs["lines"]["data"]]
        assert [line.amount * minor for line in ours.lines] == [line["amount"] for line in theirs["lines"]["data"]]
        assert (ours.payment_status == "paid") == (theirs["status"] == "paid")


def test_objects_are_about_as_large_on_both_sides_and_as_real_ones_are():
    ours, theirs = (sum(len(json.dumps(make(each))) for each in INVOICES) for make in dialects.INVOICES.values())
    assert 0.9 < ours / theirs < 1.15
    assert ours / len(INVOICES) > 6000


def test_one_in_a_hundred_changes():
    assert sum(map(provider.changed, provider.invoices(400, 1))) == 4


def test_pages_follow_each_other_to_the_end():
    shelf = provider.Shelf(250, 1)
    for path, cursor_of in (
        ("/before/orb/v1/invoices", lambda page: page["pagination_metadata"]["next_cursor"]),
        ("/before/v1/invoices", lambda page: page["data"][-1]["id"] if page["has_more"] else None),
    ):
        cursor, met = "", []
        while cursor is not None:
            page = json.loads(shelf.answers[path, cursor])
            met += [record["id"] for record in page["data"]]
            cursor = cursor_of(page)
        assert len(met) == len(set(met)) == 250


def side(first, unchanged=1.0, **more):
    phases = {name: {"seconds": value, "cpu": value} for name, value in
              (("first", first), ("unchanged", unchanged), ("changed", 1.0))}  # fmt: skip
    return {"phases": phases, "before": {"invoices": 1}, "after": {"invoices": 1}, "growth": 0, "drift": 0} | more


def misses(desk, peer, few=None):
    samples = {"desk": [desk], "desk, as few": [few or desk], "dj-stripe": [peer]}
    return sync._report(samples, {"orb": 1, "stripe": 1}, "sqlite", 1000, 100)["misses"]


def test_a_missed_goal_a_difference_and_a_drift_are_told():
    assert misses(side(1.0), side(2.5, 5.0)) == []
    assert misses(side(1.0), side(2.4, 5.0)) == ["first: 24.0 times as fast as dj-stripe, not 25"]
    assert misses(side(1.0), side(2.5, 4.9)) == ["unchanged: 49.0 times as fast as dj-stripe, not 50"]
    assert "hold different invoices" in misses(side(1.0), side(2.5, 5.0), side(1.0, after={"invoices": 2}))[0]
    assert "summary" in misses(side(1.0, drift=1), side(2.5, 5.0))[0]
    assert "kept 100 MiB" in misses(side(1.0, growth=100 * 1024), side(2.5, 5.0))[0]


@pytest.mark.slow
def test_the_desks_side_really_runs():
    report = sync.run(db="sqlite", invoices=150, peer_invoices=10, rounds=1, no_peers=True, tell=lambda _: None)
    assert report["misses"] == []
    assert set(report["invoices per second"]["desk"]) == {"first", "unchanged", "changed"}
    assert "per second" in sync.table(report)
