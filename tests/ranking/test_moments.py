"""Moments add up over blocks and move between origins as if the rows had been seen again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from priorlift.ranking.moments import Moments

PARTS = ("n_rows", "sums", "gram", "cubes", "fourth")


def drawn(seed, n_rows, n_features):
    generator = np.random.default_rng(seed)
    return generator.normal(3.0, 2.0, (n_rows, n_features)), generator.normal(size=n_features)


def assert_equal(left, right):
    for part in PARTS:
        np.testing.assert_allclose(getattr(left, part), getattr(right, part), rtol=1e-8, atol=1e-7)


@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 6))
def test_moving_the_origin_equals_summing_about_it(seed, n_rows, n_features):
    rows, origin = drawn(seed, n_rows, n_features)
    assert_equal(Moments.of(rows, np.zeros(n_features)).about(origin), Moments.of(rows, origin))


@given(st.integers(0, 10**6), st.lists(st.integers(1, 9), min_size=3, max_size=3))
def test_addition_is_associative_and_equals_one_pass(seed, sizes):
    rows, _ = drawn(seed, sum(sizes), 3)
    first, second, third = (
        Moments.of(part, part.mean(axis=0)) for part in np.split(rows, np.cumsum(sizes)[:-1])
    )
    left, right = (first + second) + third, first + (second + third)
    assert_equal(left, right)
    assert_equal(left, Moments.of(rows, first.origin))


def test_fourth_moment_about_the_true_mean_survives_a_provisional_mean_far_away():
    rows, _ = drawn(0, 500, 4)
    exact = (np.square(rows - rows.mean(axis=0)).sum(axis=1) ** 2).sum()
    provisional = Moments.of(rows, rows[:3].mean(axis=0))
    assert abs(provisional.fourth / exact - 1.0) > 0.01
    np.testing.assert_allclose(provisional.centred().fourth, exact, rtol=1e-10)
