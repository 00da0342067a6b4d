"""The ridge around the cold start: its evidence, its bounds, and where it ends without evidence."""

import numpy as np
import pytest
from scipy import stats

from priorlift.ranking.cold_start import GROUP_NAMES, group_weights
from priorlift.ranking.gain import mixed_ridge
from priorlift.ranking.gain.mixed_ridge import fit_mixed_ridge
from priorlift.ranking.gain.pair_design import PairDesign


def design_of(rng, n, n_scores=1, n_extra=0):
    return PairDesign(
        rng.uniform(size=(n, len(GROUP_NAMES))),
        rng.uniform(size=(n, n_extra)),
        rng.normal(size=(n, n_scores)),
        np.empty((n, 0)),
    )


def log_evidence(columns, blocks, y, noise, variances):
    covariance = noise * np.eye(len(y)) + (columns * variances[blocks]) @ columns.T
    return stats.multivariate_normal(np.zeros(len(y)), covariance).logpdf(y)


def test_the_variances_are_a_peak_of_the_evidence(monkeypatch):
    monkeypatch.setattr(mixed_ridge, "EM_STEPS", 3000)
    rng = np.random.default_rng(0)
    columns, blocks = rng.normal(size=(40, 6)), np.array([0, 0, 0, 1, 1, 1])
    y = columns @ np.array([1.0, -0.5, 0.8, 0.3, 0.2, -0.3]) + rng.normal(size=40)
    noise, variances = mixed_ridge._variances(columns, blocks, y)
    peak = log_evidence(columns, blocks, y, noise, variances)
    for factor in (0.8, 1.25):
        assert log_evidence(columns, blocks, y, noise * factor, variances) < peak
        for i in range(2):
            moved = variances * np.where(np.arange(2) == i, factor, 1.0)
            assert log_evidence(columns, blocks, y, noise, moved) < peak


def test_the_mode_inside_the_bounds_is_the_posterior_mean():
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(60, 4))  # two ranks, a static prior, one target effect
    weights, blocks = np.array([0.7, 0.3]), np.array([0, 1, 1, 2, 5])
    variances, noise = np.array([2.0, 0.5, 1.0, 1.0, 1.0, 0.3]), 0.4
    y = columns @ np.array([1.5, 0.9, 1.1, -0.4]) + 0.3 * rng.normal(size=60)
    found = mixed_ridge._bounded_mode(columns, y, weights, blocks, noise, variances)
    # theta = a w + delta has covariance v_0 w w' + v_1 I
    prior = np.zeros((4, 4))
    prior[:2, :2] = 2.0 * np.outer(weights, weights) + 0.5 * np.eye(2)
    prior[2, 2], prior[3, 3] = 1.0, 0.3
    mean = prior @ columns.T @ np.linalg.solve(noise * np.eye(60) + columns @ prior @ columns.T, y)
    np.testing.assert_allclose(found, mean, atol=1e-8)


def test_what_the_cold_start_explains_keeps_its_weights():
    rng = np.random.default_rng(2)
    design = design_of(rng, 80)
    targets = np.repeat([f"t{i}" for i in range(10)], 8)
    gains = 0.3 * design.promise + 0.01 * rng.normal(size=80)
    found = fit_mixed_ridge(design, np.zeros(80), gains, targets).coefficients[: len(GROUP_NAMES)]
    np.testing.assert_allclose(found, 0.3 * group_weights(), atol=0.012)


def test_outcomes_move_the_weights_and_never_below_zero():
    rng = np.random.default_rng(3)
    design = design_of(rng, 200)
    targets = np.repeat([f"t{i}" for i in range(20)], 10)
    truth = np.array([0.0, -0.3, 0.0, 0.4] + [0.0] * (len(GROUP_NAMES) - 4))
    gains = design.groups @ truth + 0.02 * rng.normal(size=200)
    found = fit_mixed_ridge(design, np.zeros(200), gains, targets).coefficients
    # what points the wrong way is noise to a bounded fit: a standard error of about 0.04
    assert found[3] == pytest.approx(0.4, abs=0.13)
    assert (found >= 0.0).all()
    assert found[1] == 0.0


def test_points_scale_with_the_gains():
    rng = np.random.default_rng(4)
    design, static = design_of(rng, 60, n_extra=1), rng.normal(size=60)
    targets = np.repeat([f"t{i}" for i in range(6)], 10)
    gains = design.promise + 0.5 * static + rng.normal(size=60)
    small = fit_mixed_ridge(design, static, gains, targets).predict(design, static)
    large = fit_mixed_ridge(design, 100 * static, 100 * gains, targets).predict(
        design, 100 * static
    )
    np.testing.assert_allclose(large, 100 * small, rtol=1e-6)
