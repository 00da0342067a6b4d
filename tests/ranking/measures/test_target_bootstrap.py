"""Intervals over targets: whole targets are drawn, and rankers are compared on the same draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.core.errors import InputError
from priorlift.ranking.measures.target_bootstrap import (
    bootstrap_over_targets,
    mean_over_targets,
    paired_difference,
)


def test_a_target_is_drawn_whole():
    targets = np.repeat(["a", "b", "c"], [1, 2, 4])
    seen = []

    def statistic(rows):
        seen.append(np.bincount(rows, minlength=7))
        return float(len(rows))

    bootstrap_over_targets(statistic, list(targets), n_draws=50)
    for counts in seen:
        assert counts[1] == counts[2]
        assert len(set(counts[3:])) == 1
        assert counts[0] + counts[1] + counts[3] == 3


def test_intervals_of_means_cover_at_about_their_level():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        found = mean_over_targets(rng.normal(1.0, 2.0, 25), n_draws=200)
        hits += found.low <= 1.0 <= found.high
    assert 0.86 <= hits / 200 <= 0.99  # about 0.93 expected, standard error 0.018


def test_drawing_targets_is_wider_than_drawing_pairs():
    rng = np.random.default_rng(1)
    lifts = np.repeat(rng.normal(size=12), 20)
    targets = [f"t{i:02d}" for i in np.repeat(np.arange(12), 20)]
    whole = bootstrap_over_targets(lambda rows: lifts[rows].mean(), targets)
    pairs = mean_over_targets(lifts)
    assert whole.high - whole.low > 2.5 * (pairs.high - pairs.low)
    assert whole.estimate == pytest.approx(pairs.estimate)


def test_paired_differences_forget_what_both_share():
    rng = np.random.default_rng(2)
    level, edge = rng.normal(0.0, 5.0, 30), rng.normal(0.1, 0.02, 30)
    found = paired_difference(level + edge, level)
    assert found.low > 0.0
    assert found.estimate == pytest.approx(edge.mean())
    swapped = paired_difference(level, level + edge)
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low), abs=5e-3)


def test_targets_without_a_value_are_left_out():
    found = paired_difference([0.5, np.nan, 0.7], [0.4, 0.1, np.nan])
    assert (found.n_targets, found.estimate) == (1, pytest.approx(0.1))
    assert np.isnan(found.low)
    assert mean_over_targets([np.nan]).n_targets == 0


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=6))
def test_an_interval_stays_within_the_values(values):
    found = mean_over_targets(values, n_draws=20)
    assert min(values) - 1e-12 <= found.low <= found.high <= max(values) + 1e-12


def test_a_statistic_that_is_undefined_on_a_draw_loses_that_draw():
    lifts = np.array([1.0, -1.0])

    def statistic(rows):
        return float("nan") if len(set(rows)) == 1 else lifts[rows].sum()

    found = bootstrap_over_targets(statistic, ["a", "b"], n_draws=30)
    assert (found.low, found.high) == (0.0, 0.0)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="level"):
        mean_over_targets([0.1, 0.2], level=1.5)
    with pytest.raises(InputError, match="no pairs"):
        bootstrap_over_targets(lambda rows: 0.0, [])
    with pytest.raises(InputError, match="2 targets of one"):
        paired_difference([0.1, 0.2], [0.1])
