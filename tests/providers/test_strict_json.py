"""What is read is what was sent, to the digit; what two readers could read differently is refused."""

import json
import tracemalloc
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoicing.providers.errors import NotUnderstood
from invoicing.providers.strict_json import check, dumps, loads, records


def test_numbers_keep_every_digit():
    read = loads(b'{"a": 0.10, "b": 3938.375, "c": 12345678901234567890.123456789, "d": 7, "e": 1E+2, "f": -0.0}')

    assert {name: str(value) for name, value in read.items()} == {
        "a": "0.10",
        "b": "3938.375",
        "c": "12345678901234567890.123456789",
        "d": "7",
        "e": "1E+2",
        "f": "-0.0",
    }
    assert isinstance(read["a"], Decimal)
    assert isinstance(read["d"], int)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null x",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e400}',
        b'{"a": -1e400}',
        b'{"a": 1e-400}',
        b'{"a": 1e99999999999999999999}',
        b'{"a": 1, "a": 2}',
        b'{"deep": {"a": 1, "a": 1}}',
        b'{"a": ' + b"9" * 5001 + b"}",
        b'{"a": 0.' + b"9" * 5001 + b"}",
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a": 1',
        b"{'a': 1}",
        b'{"a": 01}',
        b'{"a": 1,}',
        b"<!doctype html><title>Sign in</title>",
        b"[" * 65 + b"]" * 65,
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b"[" * 200_000,
        b"[" * 200_000 + b"]" * 200_000,
    ],
)
def test_refuses_what_is_ambiguous_broken_or_absurd(body):
    with pytest.raises(NotUnderstood):
        loads(body)


def test_depth_is_counted_outside_of_texts():
    assert loads(b"[" * 64 + b"]" * 64)
    assert loads(json.dumps({"text": "[{" * 500 + '\\"'}).encode()) == {"text": "[{" * 500 + '\\"'}
    assert len(loads(b"[" + b"[]," * 999 + b"[]]")) == 1000  # wide is not deep


def test_a_text_of_many_escapes_is_read_in_no_time():
    body = b'["' + rb"\"" * 400_000 + b'"]'

    assert len(loads(body)[0]) == 400_000
    with pytest.raises(NotUnderstood):
        loads(body[:-2])


def test_half_a_surrogate_pair_is_read_as_a_replacement_character():
    assert loads(rb'["\ud83d cut", "\uD83D\uDE00 whole", "\\ud83d escaped"]') == [
        "\ufffd cut",
        "😀 whole",
        r"\ud83d escaped",
    ]


def test_records_are_the_bytes_sent_and_the_rest_is_read():
    body = (
        b'{"data": [ {"id": "a", "total": 1.10} , {"id":"b"}], "pagination_metadata": {"next_cursor": null, "n": 2.50}}'
    )

    items, envelope = records(body, ("data",))

    assert items == [b'{"id": "a", "total": 1.10}', b'{"id":"b"}']
    assert envelope["pagination_metadata"] == {"next_cursor": None, "n": Decimal("2.50")}


def test_records_deeper_in_the_document_and_a_bare_list():
    assert records(b'{"page": {"items": [1, 2]}, "total": 2}', ("page", "items"))[0] == [b"1", b"2"]
    assert records(b'[{"id": 1}]', ()) == ([b'{"id": 1}'], {})
    assert records(b'{"items": null}', ("items",))[0] == []
    assert records(b'{"items": []}', ("items",)) == ([], {"items": []})


def test_one_bad_record_does_not_cost_the_page():
    items, _ = records(rb'{"data": [{"a": 1, "a": 2}, {"n": 1e999}, {"text": "\ud83d"}, {"id": "good"}]}', ("data",))

    assert len(items) == 4
    for bad in items[:2]:
        with pytest.raises(NotUnderstood):
            loads(bad)
    assert loads(items[2]) == {"text": "\ufffd"}
    assert loads(items[3]) == {"id": "good"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"other": []}',
        b'{"data": {}}',
        b'{"data": "text"}',
        b"[]",
        b'"data"',
        b'{"data": [1, 2',
        b'{"data": [NaN]}',
        b'{"data": [1], "data": [2]}',
        b'{"data": [1], "more": 1, "more": 2}',
        b"",
        b"<html>",
        b'{"data":' + b"[" * 200_000,
    ],
)
def test_a_page_without_its_list_is_refused(body):
    with pytest.raises(NotUnderstood):
        records(body, ("data",))


def test_check_accepts_json_and_nothing_else():
    check(b' {"a": [1, 2.5, null, true, "x"]} ')
    for body in (b"", b"{", b'{"a":1} trailing', b"NaN", b"[" * 200_000):
        with pytest.raises(NotUnderstood):
            check(body)


def test_writes_decimals_as_numbers_with_their_digits():
    assert dumps({"quantity": Decimal("2.50"), "name": "é", "list": [1, None, True]}) == (
        '{"quantity":2.50,"name":"é","list":[1,null,true]}'.encode()
    )


def test_a_large_body_of_brackets_takes_no_large_memory():
    body = b"[" + b"[[]]," * 400_000 + b"0]"
    tracemalloc.start()
    loads(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 300 * 2**20


numbers = st.integers(-(10**30), 10**30) | st.decimals(-(10**20), 10**20, places=9)
documents = st.recursive(
    st.none() | st.booleans() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | numbers,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(documents)
def test_writing_and_reading_gives_the_same_back(document):
    assert loads(dumps(document)) == document


@settings(max_examples=150, deadline=None)
@given(st.lists(documents, max_size=6), documents)
def test_slicing_and_reading_agree_with_reading_the_whole(items, rest):
    sliced, envelope = records(dumps({"rest": rest, "data": items}), ("data",))

    assert [loads(item) for item in sliced] == items
    assert envelope["rest"] == rest or dumps(items) in dumps(rest)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80) | st.text(alphabet='{}[]",:0123456789.eE-+ntfau\\ ', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_and_never_anything_else(body):
    for reader in (loads, check, lambda b: records(b, ("data",))):
        try:
            reader(body)
        except NotUnderstood:
            pass
