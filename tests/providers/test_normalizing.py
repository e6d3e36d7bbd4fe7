"""How single values are read: exact, forgiving of form, never guessing."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.providers.errors import PayloadNotUnderstood
from invoicing.providers.normalizing import (
    Part,
    amount_of,
    clean,
    day_of,
    days_after,
    link_of,
    moment_of,
    plus,
    understood,
)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-07-01T07:00:00+00:00", datetime(2026, 7, 1, 7, tzinfo=UTC)),
        ("2026-07-01T07:00:00Z", datetime(2026, 7, 1, 7, tzinfo=UTC)),
        ("2026-07-01T07:00Z", datetime(2026, 7, 1, 7, tzinfo=UTC)),
        ("2024-09-30T16:40:40.30184+00:00", datetime(2024, 9, 30, 16, 40, 40, 301840, UTC)),
        ("2024-01-01T00:00:00.000Z", datetime(2024, 1, 1, tzinfo=UTC)),
        ("2024-09-30T16:40:40.123456789Z", datetime(2024, 9, 30, 16, 40, 40, 123456, UTC)),
        ("2026-07-01 07:00:00-0700", datetime(2026, 7, 1, 7, tzinfo=timezone(timedelta(hours=-7)))),
        ("2026-07-03T16:20:06.512", datetime(2026, 7, 3, 16, 20, 6, 512000, UTC)),  # no offset: UTC
        ("2026-07-01", datetime(2026, 7, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
    ],
)
def test_an_instant_in_every_form_that_providers_use(text, instant):
    assert moment_of(text) == instant


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "2026-13-01T00:00:00Z",
        "2026-02-30",
        "20260701",
        "2026-W01-1",
        "1783-01-01",
        "2026-07-01T25:00:00Z",
        7,
        None,
        [],
    ],
)
def test_what_is_no_instant_is_refused(value):
    with pytest.raises(ValueError):
        moment_of(value)


def test_a_day_is_the_day_it_is_there():
    assert day_of("2026-07-01", "Asia/Tokyo") == date(2026, 7, 1)
    assert day_of("2026-07-01T03:00:00Z", "America/Los_Angeles") == date(2026, 6, 30)
    assert day_of("2026-07-01T03:00:00Z", "../etc/passwd") == date(2026, 7, 1)  # an unknown zone is UTC
    assert days_after(date(2026, 7, 2), 30) == date(2026, 8, 1)
    assert days_after(date(2026, 7, 2), 10**12) is None


@given(st.decimals(-(10**30), 10**30, places=10))
def test_an_amount_is_the_same_as_number_and_as_text(amount):
    assert amount_of(str(amount)) == amount_of(amount) == amount
    assert amount_of(str(amount)).as_tuple().digits == amount.as_tuple().digits


@pytest.mark.parametrize(
    "value",
    ["", " ", "NaN", "-Infinity", "1e400", "1e-400", "1,5", "1_0", "٣", "0x1", "--1", "9" * 2000, True, 1.5, None],
)
def test_what_is_no_amount_is_refused(value):
    with pytest.raises(ValueError):
        amount_of(value)


def test_sums_do_not_round_and_nothing_given_is_nothing():
    many = Decimal("12345678901234567890123456789012345.01")

    assert plus(many, Decimal("0.0000000001"), None) == Decimal("12345678901234567890123456789012345.0100000001")
    assert plus(None, None) is None
    assert str(amount_of("-0.00")) == "0.00"


def test_text_is_cleaned_and_cut_but_ids_never():
    part = Part("Record", {"memo": "a\x00b\x1b[31m" + "x" * 3000, "id": "x" * 300, "n": 7, "yes": True, "list": []})

    assert part.text("memo").startswith("ab[31mxx")
    assert len(part.text("memo")) == 2000
    assert part.text("memo", 5) == "ab[3…"
    assert (part.text("n"), part.text("yes"), part.text("none"), part.glance("list")) == ("7", "true", "", "")
    assert clean("one\ntwo\tthree") == "one\ntwo\tthree"
    with pytest.raises(PayloadNotUnderstood):
        part.identifier("id")


def test_complaints_name_the_place():
    record = Part("Record", {"lines": [{"unit": {"price": "x"}}], "flag": "yes"})

    with pytest.raises(PayloadNotUnderstood) as caught:
        record.parts("lines")[0].required_part("unit").amount("price")
    assert (caught.value.what, caught.value.field) == ("Record", "lines.0.unit.price")
    with pytest.raises(PayloadNotUnderstood, match="neither true nor false"):
        record.flag("flag")
    with pytest.raises(PayloadNotUnderstood, match="KeyError"), understood("Record"):
        {}["missing"]


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example.com/",
        "https://example.com.evil.org/",
        "https://evil.org/?https://app.example.com",
        "https://user@app.example.com/",
        "https://app.example.com:8443/",
        "https://app.example.com\\@evil.org/",
        "javascript:alert(1)//app.example.com",
        'https://app.example.com/"onclick=',
        "https://[::1",
        "https://äpp.example.com/",
        "",
    ],
)
def test_links_are_kept_on_known_hosts_only(url):
    assert link_of(url, ".example.com") == ""
    assert link_of("https://app.example.com/in_1?x=y", ".example.com") == "https://app.example.com/in_1?x=y"
    assert link_of("https://pp.example.com/", "app.example.com") == ""
