"""Names of other people are text on every page."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.words import counted, distinct, one_line, plain, points, signed, unescaped


@given(st.text())
def test_nothing_that_markdown_reads_is_left_bare(words):
    shown = plain(words)
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>!$:#|~]", re.sub(r"\\.", "", shown))
    shown.encode()


@given(st.text())
def test_taking_the_backslashes_away_gives_the_words_back(words):
    assert unescaped(plain(words)) == one_line(words)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("cats", "cats"),
        ("![x](http://there/x.png)", r"!\[x\](http\://there/x.png)"),
        ("a\nb\u202ec\ud800d", "a b c d"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        (7, "7"),
    ],
)
def test_names_are_read_and_not_carried_out(words, shown):
    assert plain(words) == shown


@given(st.lists(st.sampled_from(["a", "b", "a (2)"]), max_size=6))
def test_no_two_choices_read_the_same(names):
    assert len(distinct(names)) == len(names) == len(set(distinct(names)))
    assert distinct(["pets", "cars", "pets"]) == ["pets", "cars", "pets (2)"]


@pytest.mark.parametrize(
    ("value", "digits", "text"), [(3.2, 0, "+3"), (-2.6, 0, "−3"), (-0.4, 0, "0"), (0.04, 1, "0.0"), (-1, 1, "−1.0")]
)
def test_a_number_that_is_rounded_to_nothing_has_no_sign(value: float, digits: int, text: str) -> None:
    assert signed(value, digits) == text


def test_one_of_a_thing_is_told_in_the_singular():
    assert counted(1, "layer") == "1 layer"
    assert counted(0, "layer") == "0 layers"
    assert counted(1200, "class", "classes") == "1,200 classes"


def test_how_far_percentages_lie_apart_is_told_in_points():
    told = ["1 point", "12 points", "\N{MINUS SIGN}2 points", "less than 1 point"]
    assert [points(value) for value in (1.2, 12.4, -2.0, 0.3)] == told
