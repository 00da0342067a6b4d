"""Cells know how they are sorted."""

import math

import pytest

from priorlift.report.numbers import NONE
from priorlift.report.tables import number


@pytest.mark.parametrize("missing", [None, math.nan])
def test_a_missing_number_sorts_as_nothing(missing):
    assert number(NONE, missing).sort == ""


def test_zero_is_a_number():
    assert number("0", 0.0).sort == 0.0


def test_a_dash_is_marked_as_empty_and_a_word_is_not():
    assert number(NONE, None).mark == "empty"
    assert number("no interval", None).mark == ""
