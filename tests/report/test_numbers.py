"""Numbers on a page have one form each."""

import math

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from priorlift.report import numbers
from priorlift.report.numbers import MINUS, NONE, Scale

FINITE = st.floats(-1e9, 1e9)


@given(FINITE, st.integers(0, 6))
@example(67108864.484375, 5)  # halfway, in a number whose last digits are inexact
def test_a_signed_number_can_be_read_back(value, decimals):
    text = Scale(decimals).signed(value)
    assert text[0] in f"+{MINUS}"
    back = float(text.replace(MINUS, "-").replace(",", ""))
    half_a_digit = 0.5 * 10**-decimals
    assert back == pytest.approx(value, abs=half_a_digit + 1e-6 * half_a_digit + 1e-15 * abs(value))


@given(st.lists(FINITE, min_size=1))
def test_a_scale_shows_the_largest_value_to_three_digits(values):
    largest = max(map(abs, values))
    if largest > 1e-6:
        shown = float(Scale.of(values).plain(largest).replace(",", ""))
        assert shown == pytest.approx(largest, rel=0.06)


@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_what_is_missing_is_a_dash(missing):
    assert Scale(3).signed(missing) == Scale(3).plain(missing) == NONE
    assert numbers.seconds(missing) == numbers.memory(missing) == NONE
    assert Scale(3).interval(missing, 1.0) == "no interval"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("by -0.031 accuracy", "by ~0.031 accuracy"),
        ("(-0.01 to -1,234.5).", "(~0.01 to ~1,234.5)."),
        ("a-1 and b -x", "a-1 and b -x"),
        ("digits 4-9", "digits 4-9"),
        ("target_only -2nd", "target_only -2nd"),
    ],
)
def test_only_negative_numbers_get_a_minus_sign(text, shown):
    assert numbers.minus(text) == shown.replace("~", MINUS)


@given(st.floats(0, 1e7))
def test_a_duration_has_a_unit(value):
    assert numbers.seconds(value).split()[-1] in ("ms", "s", "min")


def test_labels_beyond_the_curve_are_said_to_be_so():
    assert numbers.labels(-30.0, False, True) == f"less than {MINUS}30"
    assert numbers.labels(-0.2, False, False) == "0"
