"""Keys tell copies from other texts: they forget spelling and never letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.core.errors import InputError
from priorlift.readers.text_keys import same_text, text_key


@pytest.mark.parametrize(
    ("text", "kind", "key"),
    [
        ("Stay SAFE, all 3!", "unicode", "staysafeall3"),
        (
            "\N{FULLWIDTH LATIN CAPITAL LETTER S}afe \N{LATIN SMALL LIGATURE FI}ne Straße",
            "unicode",
            "safefinestrasse",
        ),
        ("метеорит!", "unicode", "метеорит"),
        ("метеорит! a1", "ascii", "a1"),
        ("RT @anna: flood http://t.co/x now", "tweet", "floodnow"),
        ("@anna @ben: flood", "tweet", "flood"),
        ("flood RT @anna: flood", "tweet", "floodrtannaflood"),
        ("Rt flood", "tweet", "rtflood"),
        ("... !", "unicode", ""),
    ],
)
def test_keys_by_hand(text, kind, key):
    assert text_key(text, kind) == key


@given(st.text(max_size=30))
def test_a_key_is_its_own_key_and_ignores_case_and_space(text):
    key = text_key(text)
    assert text_key(f"  {text} .") == key
    assert text_key(key) == key or not key.isascii()
    assert all(character.isalnum() for character in key)


def test_a_callable_is_the_key():
    assert text_key("Ab", str.lower) == "ab"


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="'tweets'"):
        text_key("a", "tweets")


@given(st.lists(st.sampled_from(["a", "b", ""]), max_size=8))
def test_equal_numbers_are_equal_keys_and_empty_ones_stand_alone(keys):
    numbers = same_text(keys)
    for i, first in enumerate(keys):
        for j, second in enumerate(keys):
            assert (numbers[i] == numbers[j]) == (i == j or (first == second != ""))
