"""A measurement that compares nothing measures nothing: it must see other rows, other counts, and a goal that is missed."""

from datetime import date
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from invoicing.benchmarks import combinations, lists
from invoicing.benchmarks.filling import fill
from invoicing.benchmarks.peers import addresses
from invoicing.listing.criteria import SORTS
from invoicing.listing.page import Mark
from invoicing.models import Invoice

TODAY = date(2026, 6, 30)


@pytest.fixture
def filled(transactional_db):
    fill(1200, seed=3, today=TODAY)


@pytest.fixture
def desk(filled, person):
    client = Client()
    client.force_login(person("viewer"))
    return client


def body(client, query):
    return client.get(f"/receivables/?{query}").content.decode()


def test_it_reads_rows_and_counts_from_the_desks_own_page(desk):
    page = body(desk, "status=finalized")
    expected = Invoice.objects.filter(book=1, status="finalized").order_by("-listed_on", "-pk")
    assert lists._rows("desk", page) == [str(pk) for pk in expected.values_list("pk", flat=True)[:50]]
    counts = lists._facets(page)
    assert counts["status"]["finalized"] == expected.count()
    assert counts["status"]["void"] == Invoice.objects.filter(book=1, status="void").count()  # its own filter lifted
    assert counts["currency"]["USD"] == expected.filter(currency="USD").count()
    assert set(counts) >= {"status", "payment", "connection", "currency"}


ADMIN = """
<details data-filter-title="status" open><ul><li><a href="?">All</a></li><li><a href="?status__exact=draft">Draft (7)</a></li>
<li><a href="?status__exact=void">Void (0)</a></li></ul></details>
<details data-filter-title="payment status" open><ul><li><a href="?x">Paid (7)</a></li></ul></details>
<details data-filter-title="connection" open><ul><li><a href="?x">orb (main) (7)</a></li></ul></details>
<details data-filter-title="currency" open><ul><li><a href="?x">USD (7)</a></li></ul></details>
"""


def test_counts_that_differ_are_told():
    theirs = lists._admin_facets(ADMIN)
    assert theirs["status"] == {"Draft": 7, "Void": 0}
    assert theirs["connection"] == {"orb (main)": 7}
    ours = {"status": {"draft": 7}, "payment": {"paid": 7}, "connection": {"orb (main)": 7}, "currency": {"USD": 7}}
    assert lists._differences(ours, theirs) == []
    assert len(lists._differences(ours | {"status": {"draft": 6}}, theirs)) == 1
    assert len(lists._differences({}, theirs)) == 4  # no counts at all are no agreement


def test_peers_are_asked_the_same():
    filters = {
        "status": "void",
        "connection": "orb",
        "currency": "USD",
        "amount_min": "5",
        "overdue": "on",
        "q": "nord",
    }
    asked = {"sort": "status", "order": "asc", "page": 3, "connections": {"orb": 9}, "today": TODAY}
    admin = parse_qs(urlsplit(addresses.admin("admin", filters, **asked)).query)
    assert admin["status__exact"] == ["void"]
    assert admin["connection__id__exact"] == ["9"]
    assert admin["total_micros__gte"] == ["5000000"]
    assert admin["due_sort__lt"] == ["2026-06-30"]
    assert [addresses.ADMIN_COLUMNS[int(at)] for at in admin["o"][0].split(".")] == ["status", "listed_on", "id"]
    tables = parse_qs(urlsplit(addresses.tables(filters, **asked)).query)
    assert (tables["sort"], tables["page"], tables["connection"]) == (["status"], ["3"], ["9"])


def test_a_deep_page_begins_after_the_rows_before_it(filled):
    mark = Mark.parse(lists.mark_of(query="sort=number&order=asc", page=3), SORTS["number"])
    expected = Invoice.objects.filter(book=1).order_by("number", "pk")[99]
    assert (mark.values, mark.pk) == ((expected.number,), expected.pk)


def test_random_combinations_agree_with_the_orm(filled, monkeypatch):
    monkeypatch.setattr(combinations.timezone, "localdate", lambda: TODAY)
    found = combinations.compare(number=40)
    assert found["differing"] == []
    assert found["newest"]["number"] + found["any order"]["number"] == 40


def sample(ms):
    return {"ms": ms, "cpu_ms": ms, "status": 200, "bytes": 10}


def bench(rows, **times):
    made = lists.Bench.__new__(lists.Bench)
    made.place, made.problems, made.sides = SimpleNamespace(rows=rows), [], dict.fromkeys(times)
    made.samples = {("newest", side): [sample(ms)] * 3 for side, ms in times.items()}
    return made


def test_a_goal_that_is_missed_is_told():
    newest = lists.SCENARIOS[0]
    small = bench(10_000, desk=5.0)
    good = lists._report([small, bench(1_000_000, **{"desk": 6.0, "admin+facets": 600.0})], [newest])
    assert good["misses"] == []
    assert good["scenarios"]["newest"]["growth"] == 1.2
    assert good["scenarios"]["newest"]["peers"]["admin+facets"]["times"] == 100
    slow = lists._report([small, bench(1_000_000, **{"desk": 20.0, "admin+facets": 600.0})], [newest])
    assert len(slow["misses"]) == 2
    assert slow["misses"][0].startswith("30.0 times faster")
    assert slow["misses"][1].startswith("4.0 times slower")
