import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.documents.text import at_most, broken, clean, fitted, paragraphs, wrapped
from invoicing.documents.typefaces import BOLD, REGULAR

anything = st.text(alphabet=st.characters(codec=None), max_size=300)


def test_no_character_that_hides_or_reorders_text_is_left():
    every = map(chr, range(sys.maxunicode + 1))

    left = [
        char
        for char in every
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and clean(f"a{char}b")[1] not in " b"
    ]

    assert left == []


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("  two   words\t\n here ", "two words here"),
        ("e\u0301te\u0301", "été"),
        ("Vie\u0323\u0302t", "Việt"),
        ("pay\u200bpal \u202egnp.exe", "paypal gnp.exe"),
        ("1\xa0000", "1 000"),
        ("a\u2028b\x85c", "a b c"),
        ("a\x00\x1bb", "ab"),
        ("<b>&amp;", "<b>&amp;"),
        (None, "None"),
    ],
)
def test_text_is_made_plain(raw, shown):
    assert clean(raw) == shown


def test_marks_piled_on_a_letter_are_thinned_out():
    assert len(clean("Z" + "\u0335" * 900)) <= 3
    assert clean("Z" + "\u0335" * 900)[0] == "Z"


def test_a_cut_is_said():
    assert clean("x" * 1200, 1000) == "x" * 1000 + "… [200 more characters]"
    assert clean("x" * 1000, 1000) == "x" * 1000
    assert paragraphs("a\n\nb\r\n" + "c" * 10, 8) == ["a", "b", "cc", "… [8 more characters]"]


@given(anything, st.sampled_from([REGULAR, BOLD]), st.floats(20, 500))
def test_wrapping_loses_nothing_and_fits(text, weight, width):
    text = clean(text)

    lines = wrapped(text, weight, 8.5, width)

    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(weight.measure(line) * 8.5 / 1000 <= width + 0.001 or len(line) <= 1 for line in lines)


@given(anything, st.floats(20, 500))
def test_fitted_text_fits(text, width):
    shown = fitted(clean(text), REGULAR, 8.5, width)

    assert REGULAR.measure(shown) * 8.5 / 1000 <= width + 0.001 or len(shown) <= 2


def test_words_stay_whole_where_they_can_and_chinese_breaks_anywhere():
    assert wrapped("one two three", REGULAR, 10, REGULAR.measure("one two") / 100) == ["one two", "three"]
    assert broken("abcdef", REGULAR, REGULAR.measure("abc")) == ["abc", "def"]
    assert wrapped("单价按小时计费,含税", REGULAR, 10, 45) == ["单价按小", "时计费,含", "税"]


def test_a_closing_sign_does_not_begin_a_line():
    assert wrapped("単価は時間。次", REGULAR, 10, 50)[0] == "単価は時"


def test_a_word_of_two_hundred_thousand_letters_is_walked_once():
    """A second pass for each letter would take hours."""
    assert len(clean("\u0335" * 200_000)) < 40
    lines = wrapped("W" * 200_000, REGULAR, 8.5, 100)  # uncut, though nobody draws it so
    assert sum(map(len, lines)) == 200_000 and len(set(lines)) == 2


def test_what_does_not_fit_a_block_is_marked():
    assert at_most(["a", "b", "c"], 2) == ["a", "b …"]
    assert at_most(["a", "b"], 2) == ["a", "b"]
