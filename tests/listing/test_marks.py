"""What a list puts into an address comes back as it was, and nothing else is taken for it; dates meet each day once."""

import base64
import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.listing.criteria import SORTS
from invoicing.listing.page import BadCursor, Mark
from invoicing.listing.summary import AXIS, GRAIN, _stretches

DAYS = st.dates(date(2023, 11, 1), date(2026, 4, 30))
VALUES = {"listed_on": st.dates(), "due_sort": st.dates(), "connection_id": st.integers(1, 2**31)}


def values_of(sort):
    amounts = st.integers(-(2**63) + 1, 2**63 - 1)
    text = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=80)
    return st.tuples(*(VALUES.get(c, amounts if c.endswith("_micros") else text) for c in sort.columns))


@given(data=st.data(), sort=st.sampled_from(list(SORTS.values())), pk=st.integers(1, 2**62))
def test_a_place_in_a_list_survives_the_address(data, sort, pk):
    values = data.draw(values_of(sort))

    read = Mark.parse(Mark(values, pk).text(), sort)

    assert read.pk == pk
    assert [str(value) for value in read.values] == [str(value) for value in values]


@given(text=st.one_of(st.text(max_size=60), st.binary(max_size=60).map(lambda b: base64.urlsafe_b64encode(b).decode())))
def test_anything_else_is_no_place(text):
    with pytest.raises(BadCursor):
        Mark.parse(text, SORTS["total"])


@pytest.mark.parametrize(
    "values",
    [
        ["2026-01-01"],
        ["2026-01-01", True],
        ["2026-01-01", 2**63],
        ["2026-13-01", 1],
        [20260101, 1],
        [None, 1],
        {"a": 1},
        7,
    ],
)
def test_a_place_of_another_shape_is_none(values):
    text = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
    with pytest.raises(BadCursor):
        Mark.parse(text, SORTS["listed"])


@given(first=st.none() | DAYS, last=st.none() | DAYS)
def test_months_and_ragged_ends_meet_each_day_once(first, last):
    if first and last and first > last:
        first, last = last, first
    stretches = _stretches(AXIS.LISTED, first, last)

    day = date(2023, 10, 30)
    while day < date(2026, 5, 3):
        met = sum(
            (each.first is None or period >= each.first) and (each.last is None or period <= each.last)
            for each in stretches
            for period in [day if each.grain == GRAIN.DAY else day.replace(day=1)]
        )
        assert met == ((first is None or day >= first) and (last is None or day <= last)), day
        day += timedelta(days=1)


@pytest.mark.parametrize("last", [date.max, date(9999, 11, 30), date(1, 1, 5), date(1, 1, 31)])
def test_the_ends_of_the_calendar_are_days_like_any_other(last):
    for first in (None, date.min, date(1, 1, 3)):
        assert _stretches(AXIS.LISTED, first, last)
