"""The head on two Gaussian classes: against fitted heads, limits and symmetries."""

import numpy as np
import pytest
from scipy.special import ndtr

from priorlift.theory.heads import logistic_heads
from priorlift.theory.mixture import _Problem, solve_mixture
from priorlift.theory.spectrum import SpectralMeasure


def classes(p, share, reach, seed=0):
    """Return within-class variances, the means' difference, and the measure of the pooled rows."""
    rng = np.random.default_rng(seed)
    within = np.arange(1, p + 1) ** -0.8
    within /= within.mean()
    both = share * (1 - share)
    d = rng.normal(size=p) * np.sqrt(within)
    d *= np.sqrt(reach / (1 - reach) / both / (d * d / within).sum())
    values, vectors = np.linalg.eigh(np.diag(within) + both * np.outer(d, d))
    return within, d, SpectralMeasure.of(values, (vectors.T @ d) ** 2)


def simulated(within, d, share, alpha, lam, draws, seed):
    rng = np.random.default_rng(seed)
    p, n = len(d), round(alpha * len(d))
    y = np.where(rng.random((draws, n)) < share, 1.0, -1.0)
    v = rng.normal(size=(draws, n, p)) * np.sqrt(within)
    v += np.where(y > 0, 1 - share, -share)[:, :, None] * d
    with_one = np.concatenate([v / np.sqrt(p), np.full((draws, n, 1), 100.0)], axis=2)
    w = logistic_heads(with_one * np.sqrt(p + 1), y, np.full(draws, lam))
    m, b = w[:, :p] @ d / np.sqrt(p), 100.0 * w[:, p]
    q = np.sqrt((w[:, :p] ** 2 * within).sum(axis=1) / p)
    return share * ndtr(-((1 - share) * m + b) / q) + (1 - share) * ndtr(-(share * m - b) / q)


@pytest.mark.parametrize(
    ("share", "reach", "alpha", "lam"),
    [(0.5, 0.6, 2.0, 0.1), (0.5, 0.85, 1.0, 0.1), (0.2, 0.6, 2.0, 0.1)],
)
def test_heads_on_drawn_rows_err_as_predicted(share, reach, alpha, lam):
    within, d, measure = classes(200, share, reach)
    found = solve_mixture(measure, share, np.array([alpha]), np.array([lam]))
    errors = simulated(within, d, share, alpha, lam, 8, 1)
    assert found.converged.all()
    # The chance to fail is that of 4 standard errors, or of the spec's tolerance.
    assert abs(found.error[0] - errors.mean()) < max(0.012, 4 * errors.std() / np.sqrt(8))


def test_the_jacobian_is_that_of_the_residual():
    measure = classes(60, 0.2, 0.5)[2]
    problem = _Problem(measure, 0.2, np.array([1.0, 3.0]), np.array([0.1, 0.01]))
    state = problem.start()
    here, jacobian = problem.residual(state)
    for column in range(4):
        moved = state.copy()
        moved[:, column] += 1e-6
        slope = (problem.residual(moved)[0] - here) / 1e-6
        assert np.abs(slope - jacobian[:, :, column]).max() < 1e-5


def test_turning_the_classes_over_changes_nothing_but_the_intercept():
    measure = classes(60, 0.3, 0.5)[2]
    alpha, lam = np.array([0.5, 2.0]), np.array([0.1, 1.0])
    one, other = (solve_mixture(measure, share, alpha, lam) for share in (0.3, 0.7))
    np.testing.assert_allclose(one.error, other.error, rtol=1e-9)
    np.testing.assert_allclose(one.b, -other.b, rtol=1e-7)


def test_endless_labels_reach_the_best_linear_rule():
    measure = classes(60, 0.5, 0.6)[2]
    error = solve_mixture(measure, 0.5, np.array([1e5]), np.array([1e-3])).error[0]
    assert error == pytest.approx(ndtr(-np.sqrt(0.6 / 0.4)), rel=1e-3)


def test_labels_that_features_do_not_see_give_the_rarer_class():
    measure = SpectralMeasure.of(np.ones(50), np.zeros(50))
    found = solve_mixture(measure, 0.2, np.array([3.0, 3.0]), np.array([1.0, 300.0]))
    assert found.error[1] == pytest.approx(0.2, abs=1e-6)
    assert found.error[0] >= 0.2
    assert np.abs(found.m).max() < 1e-9


def test_a_wide_grid_converges():
    measure = classes(60, 0.1, 0.65)[2]
    alpha, lam = np.meshgrid([0.2, 1.0, 5.0, 100.0], np.logspace(-3, 3, 13))
    found = solve_mixture(measure, 0.1, alpha.ravel(), lam.ravel())
    assert found.converged.all()
    assert np.isfinite(found.error).all()
