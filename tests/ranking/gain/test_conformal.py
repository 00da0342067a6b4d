"""Conformal half-widths: the weighted quantile by hand, coverage of a new target, local spread."""

import numpy as np
import pytest
from scipy import stats

from priorlift.ranking.gain.conformal import fit_band, half_width
from priorlift.ranking.gain.held_out import folds


def test_one_pair_a_target_is_the_split_conformal_quantile():
    rng = np.random.default_rng(0)
    for n in (9, 10, 19, 25):
        sizes = rng.uniform(size=n)
        names = np.array([f"t{i}" for i in range(n)])
        rank = int(np.ceil(0.9 * (n + 1)))
        assert half_width(-sizes, names, 0.9) == np.sort(sizes)[rank - 1]


def test_targets_weigh_alike_however_many_pairs_they_have():
    names = np.array(["a"] * 100 + [f"t{i}" for i in range(18)])
    sizes = np.concatenate([np.full(100, 9.0), np.arange(18.0) / 100])
    assert half_width(sizes, names, 0.9) == pytest.approx(0.17)


def test_few_targets_get_the_students_bound_or_the_largest_residual():
    names = np.array(["a", "b", "c"])
    bound = stats.t.ppf(0.95, 3) * np.sqrt(1 + 1 / 3)
    assert half_width(np.ones(3), names, 0.9) == pytest.approx(bound)
    assert half_width(np.array([0.1, 0.1, 9.0]), names, 0.9) >= 9.0


@pytest.mark.parametrize("n_targets", [4, 12, 40])
def test_a_random_pair_of_a_new_target_is_covered(n_targets):
    rng = np.random.default_rng(n_targets)
    names = np.repeat([f"t{i:02d}" for i in range(n_targets)], 5)
    covered = []
    for _ in range(300):
        level = rng.normal(size=n_targets + 1)
        residuals = np.repeat(level, 5) + 0.5 * rng.normal(size=5 * n_targets + 5)
        width = half_width(residuals[:-5], names, 0.9)
        covered.append((np.abs(residuals[-5:]) <= width).mean())
    assert np.mean(covered) > 0.88  # 0.9 or more expected, standard error below 0.015


def test_a_local_spread_is_taken_where_residuals_have_one():
    rng = np.random.default_rng(0)
    names = np.repeat([f"t{i:02d}" for i in range(30)], 8)
    x = rng.normal(size=240)
    parts = folds(names, 0, 10)
    noise = rng.normal(size=240)
    columns = np.column_stack([x, np.full(240, np.nan)])
    local = fit_band(noise * np.exp(x), columns, names, 0.9, parts)
    assert local.spread.slopes[0] > 0.5
    half = local.at(columns)
    assert (np.abs(noise * np.exp(x)) <= half).mean() == pytest.approx(0.9, abs=0.04)


def test_a_local_spread_is_rarely_seen_where_there_is_none():
    names = np.repeat([f"t{i:02d}" for i in range(30)], 8)
    parts, taken = folds(names, 0, 10), 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        column, noise = rng.normal(size=(240, 1)), rng.normal(size=240)
        taken += fit_band(noise, column, names, 0.9, parts).spread.slopes[0] != 0.0
    assert taken <= 3  # two standard errors: about 1 in 60 tables
