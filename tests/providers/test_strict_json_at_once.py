"""The quick reading says exactly what the careful one says, or leaves it to it."""

import json
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from invoicing.providers import strict_json
from invoicing.providers.errors import NotUnderstood

texts = st.text() | st.sampled_from(['":', '" :', 'a":1,"a', "\\", '\\":', "\ud800", "ü"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def outcome(read, body):
    try:
        return repr(read(body))
    except NotUnderstood as error:
        return f"refused: {error}"


def agree(body):
    mended = strict_json._mended(body)
    quick = strict_json._at_once(mended)
    if quick is not strict_json.UNSURE:
        assert repr(quick) == outcome(strict_json._by_parts, mended)
    assert outcome(strict_json.loads, body) == outcome(strict_json._by_parts, mended)


@settings(max_examples=300, deadline=None)
@given(values, st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : "), (",", "\n:")]))
def test_whatever_is_written(value, separators):
    agree(json.dumps(value, separators=separators).encode())


@settings(max_examples=300, deadline=None)
@given(st.binary() | st.text(alphabet='{}[]",:0123456789.eE-+ \\nulltruefalse\n\x01é').map(str.encode))
@example(b"\xef\xbb\xbf{}")
@example(b'{"a":"\x01"}')
@example(b'"\\ud800"')
@example(b"{} {}")
@example(b"-0")
@example(b"1e400")
@example(b"Infinity")
def test_whatever_is_sent(body):
    agree(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"a" :2}',
        b'{"a" :1,"a":2}',
        b'{"a":1,"a"\n:2}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1,"a":"\\":"}',  # a colon in a text makes up for the member that was lost
        b'[{"x":"\\":","a":1,"a":2}]',
        b'{"\\u0061":1,"a":2}',
    ],
)
def test_a_name_used_twice_is_never_overlooked(body):
    with pytest.raises(NotUnderstood, match="same key twice"):
        strict_json.loads(body)


@pytest.mark.parametrize("body", [b"[" * 65 + b"]" * 65, b'{"a":' * 65 + b"1" + b"}" * 65, b"[" * 5000 + b"]" * 5000])
def test_depth_is_bounded(body):
    with pytest.raises(NotUnderstood, match="deep"):
        strict_json.loads(body)


@pytest.mark.parametrize("depth", [1, 63, 64])
def test_depth_within_the_bound_is_read(depth):
    assert strict_json.loads(b"[" * depth + b"]" * depth) is not None
    agree(b"[" * depth + b"]" * depth)


@pytest.mark.parametrize(("digits", "fine"), [(308, True), (309, False), (5000, False)])
def test_whole_numbers_are_bounded_too(digits, fine):
    body = b'{"a":' + b"9" * digits + b"}"
    if fine:
        assert strict_json.loads(body) == {"a": int("9" * digits)}
    else:
        with pytest.raises(NotUnderstood, match="out of range"):
            strict_json.loads(body)


def test_usual_bodies_take_the_quick_way():
    assert strict_json._at_once(b'{"total":19.90,"lines":[{"a":1}]}') == {
        "total": Decimal("19.90"),
        "lines": [{"a": 1}],
    }
    assert strict_json._at_once(b'{"total": 19.90, "lines": []}') is not strict_json.UNSURE
