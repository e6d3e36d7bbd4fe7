from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.money import exact_text, joined, micros, parse_amount, split, total_of

amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=24)


@given(amounts)
def test_text_keeps_every_digit(amount):
    assert Decimal(exact_text(amount)) == amount
    assert "E" not in exact_text(amount)


@given(amounts)
def test_split_and_joined_are_inverse(amount):
    units, millionths, rest = split(amount)
    assert joined(units, millionths, rest) == amount
    assert 0 <= millionths < 1_000_000 and 0 <= rest < Decimal("0.000001")


@given(st.lists(amounts, max_size=30))
def test_sums_of_parts_are_the_exact_sum(values):
    parts = [split(value) for value in values]
    assert joined(sum(p[0] for p in parts), sum(p[1] for p in parts), total_of(p[2] for p in parts)) == total_of(values)


@given(st.tuples(amounts, amounts))
def test_shadows_keep_the_order(pair):
    first, second = sorted(pair)
    assert micros(first) <= micros(second)


def test_shadows_round_down_and_never_leave_64_bits():
    assert micros(Decimal("-0.0000001")) == -1
    assert micros(Decimal("0.0000019")) == 1
    assert micros(Decimal("1e30")) == 2**63 - 1


@pytest.mark.parametrize(("text", "amount"), [("19.990", "19.990"), ("-0", "0"), ("1E+2", "100")])
def test_reading_and_writing(text, amount):
    assert exact_text(parse_amount(text)) == amount


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1,000", "", "abc", "1_000", "0x10"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError, match="amount"):
        parse_amount(text)
