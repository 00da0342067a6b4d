"""Leave-one-out errors in closed form against refits that leave each row out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.ranking import ridge
from priorlift.ranking.ridge import PENALTIES, LeaveOneOut, Scatter, leave_one_out

CLOSE = 1e-6
"""Relative: the intercept is scaled by a thousand, which costs six of sixteen digits."""


def refitted(rows, columns, others, other_columns):
    """Return the errors (p,) and weights (p, r + 1, k) of refits without each row in turn."""
    every, labels = np.vstack([rows, others]), np.vstack([columns, other_columns])
    unit = np.sqrt((every**2).mean())
    extended = np.hstack([every / unit, np.full((len(every), 1), 1.0 / ridge.INTERCEPT)])
    errors, weights = [], []
    for penalty in PENALTIES:
        total = 0.0
        for i in range(len(rows)):
            kept = np.arange(len(every)) != i
            w = fitted(extended[kept], labels[kept], penalty)
            total += ((labels[i] - extended[i] @ w) ** 2).sum()
        errors.append(total)
        w = fitted(extended, labels, penalty)
        weights.append(np.vstack([w[:-1] / unit, w[-1:] / ridge.INTERCEPT]))
    return np.array(errors), np.array(weights)


def fitted(rows, columns, penalty):
    padded = np.vstack([rows, np.sqrt(penalty) * np.eye(rows.shape[1])])
    zeros = np.zeros((rows.shape[1], columns.shape[1]))
    return np.linalg.lstsq(padded, np.vstack([columns, zeros]), rcond=None)[0]


def drawn(seed, n=14, m=9, r=4, k=2):
    draws = np.random.default_rng(seed)
    rows, others = draws.normal(0.5, 2.0, (n, r)), draws.normal(-1.0, 1.0, (m, r))
    slope = draws.normal(size=(r, k))
    columns = rows @ slope + draws.normal(0.0, draws.choice([0.1, 3.0]), (n, k)) + 1.0
    other_columns = others @ (slope + 0.3) + draws.normal(0.0, 1.0, (m, k))
    return rows, columns, others, other_columns


@given(seed=st.integers(0, 10_000), k=st.integers(1, 3), m=st.sampled_from([0, 7]))
def test_errors_are_those_of_refits_that_leave_each_row_out(seed, k, m):
    rows, columns, others, other_columns = drawn(seed, n=9, m=m, r=3, k=k)
    scatter = Scatter.of(rows, columns) + Scatter.of(others, other_columns)
    found = leave_one_out(scatter, rows, columns)
    errors, weights = refitted(rows, columns, others, other_columns)
    assert found.errors == pytest.approx(errors.min(), rel=CLOSE)
    assert found.weights == pytest.approx(weights[errors.argmin()], rel=CLOSE, abs=CLOSE)


@pytest.mark.parametrize("place", range(len(PENALTIES)))
def test_each_penalty_alone_gives_its_own_errors(place, monkeypatch):
    data = drawn(3, n=8, m=5)
    scatter = Scatter.of(*data[:2]) + Scatter.of(*data[2:])
    errors, _ = refitted(*data)
    monkeypatch.setattr(ridge, "PENALTIES", PENALTIES[place : place + 1])
    assert leave_one_out(scatter, *data[:2]).errors == pytest.approx(errors[place], rel=CLOSE)


def test_a_strong_penalty_is_chosen_for_noise_and_a_weak_one_for_a_clean_rule():
    draws = np.random.default_rng(0)
    rows = draws.normal(size=(200, 5))
    clean, noise = rows[:, :1], draws.normal(size=(200, 1))
    kept = {}
    for name, columns in (("clean", clean), ("noise", noise)):
        found = leave_one_out(Scatter.of(rows, columns), rows, columns)
        least = np.linalg.lstsq(rows, columns, rcond=None)[0]
        kept[name] = np.linalg.norm(found.weights[:-1]) / np.linalg.norm(least)
    assert kept["clean"] > 0.99
    assert kept["noise"] < 0.5


def test_some_rows_may_be_judged_while_all_are_learned_from():
    rows, columns, others, other_columns = drawn(1)
    pooled = Scatter.of(np.vstack([rows, others]), np.vstack([columns, other_columns]))
    found = leave_one_out(pooled, rows, columns)
    apart = leave_one_out(
        Scatter.of(rows, columns) + Scatter.of(others, other_columns), rows, columns
    )
    assert found.errors == pytest.approx(float(apart.errors), rel=CLOSE)


def test_stacked_regressions_equal_one_by_one():
    several = [drawn(seed) for seed in range(4)]
    columns = several[0][1]
    rows = np.stack([data[0] for data in several])
    together = leave_one_out(Scatter.of(rows, columns), rows, columns)
    assert together.errors.shape == (4,)
    assert together.weights.shape == (4, 5, 2)
    for place, own in enumerate(rows):
        alone = leave_one_out(Scatter.of(own, columns), own, columns)
        assert alone.errors.shape == ()
        assert together.errors[place] == pytest.approx(float(alone.errors), rel=CLOSE)
        assert together.weights[place] == pytest.approx(alone.weights, rel=CLOSE, abs=CLOSE)


@pytest.mark.parametrize("factor", [1e-6, 1e-3, 1e3, 1e6])
def test_the_unit_of_the_features_changes_nothing(factor):
    rows, columns, *_ = drawn(5)
    plain = leave_one_out(Scatter.of(rows, columns), rows, columns)
    scaled = leave_one_out(Scatter.of(rows * factor, columns), rows * factor, columns)
    assert scaled.errors == pytest.approx(float(plain.errors), rel=CLOSE)
    assert scaled.weights[:-1] * factor == pytest.approx(plain.weights[:-1], rel=CLOSE)


def test_columns_of_zeros_change_nothing():
    rows, columns, *_ = drawn(6)
    filled = np.hstack([rows, np.zeros((len(rows), 5))])
    plain = leave_one_out(Scatter.of(rows, columns), rows, columns)
    found = leave_one_out(Scatter.of(filled, columns), filled, columns)
    assert found.errors == pytest.approx(float(plain.errors), rel=CLOSE)


def test_the_order_of_the_rows_and_a_turn_of_the_space_change_nothing():
    rows, columns, *_ = drawn(7)
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))
    plain = leave_one_out(Scatter.of(rows, columns), rows, columns)
    turned = leave_one_out(Scatter.of(rows[::-1] @ turn, columns[::-1]), rows @ turn, columns)
    assert turned.errors == pytest.approx(float(plain.errors), rel=CLOSE)


def test_an_intercept_is_next_to_free():
    rows, columns, *_ = drawn(8)
    plain = leave_one_out(Scatter.of(rows, columns), rows, columns)
    lifted = leave_one_out(Scatter.of(rows, columns + 5.0), rows, columns + 5.0)
    assert lifted.errors == pytest.approx(float(plain.errors), rel=1e-4)
    assert isinstance(plain, LeaveOneOut)


def test_rows_without_features_or_spread_are_no_crash():
    columns = np.arange(6.0)[:, None]
    for rows in (np.empty((6, 0)), np.zeros((6, 2)), np.full((6, 2), 3.0)):
        found = leave_one_out(Scatter.of(rows, columns), rows, columns)
        # Leaving a row out of a mean of n multiplies its deviation by n / (n - 1).
        expected = ((columns - columns.mean()) ** 2).sum() * (6 / 5) ** 2
        assert found.errors == pytest.approx(expected, rel=1e-2)
