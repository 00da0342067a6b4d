import numpy as np
import pytest
from scipy.special import erf

from priorlift.core.errors import InputError
from priorlift.theory.correlated_tasks import CorrelatedTasks
from priorlift.theory.covariances import (
    erf_covariance,
    erf_covariances,
    erf_slope,
    monte_carlo_covariances,
)


def test_erf_of_gaussians_against_many_rows():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(4, 4)) / 1.5
    G = root @ root.T
    h = rng.normal(size=(400_000, 4)) @ root.T
    v = erf(h / np.sqrt(2))
    np.testing.assert_allclose(v.T @ v / len(v), erf_covariance(G), atol=0.004)
    slopes = (h * v).mean(axis=0) / np.diag(G)
    np.testing.assert_allclose(slopes, erf_slope(np.diag(G)), rtol=0.01)


def test_constants_of_a_standard_gaussian():
    assert erf_covariance(np.ones((1, 1)))[0, 0] == pytest.approx(1 / 3)
    assert erf_slope(np.ones(1))[0] == pytest.approx(1 / np.sqrt(np.pi))


@pytest.mark.parametrize("knobs", [{}, {"qF": 0.5, "qt": -0.3}, {"delta": -0.5}, {"delta": 0.5}])
def test_closed_forms_against_many_rows(knobs):
    task = CorrelatedTasks.draw(60, 80, random_state=3, **knobs).target
    W = np.random.default_rng(1).normal(size=(20, 80))
    closed = erf_covariances(task.F, task.theta, W)
    many = monte_carlo_covariances(lambda x: erf(x @ W.T / np.sqrt(160)), task.sample, 60_000)
    assert np.linalg.norm(many.Omega - closed.Omega) < 0.03 * np.linalg.norm(closed.Omega)
    assert np.linalg.norm(many.s - closed.s) < 0.06 * np.linalg.norm(closed.s)
    assert many.rho == pytest.approx(closed.rho, rel=0.02)


def test_averages_are_centred():
    def sample(rows, rng):
        x = rng.normal(size=(rows, 3)) + 5
        return x, x[:, 0]

    found = monte_carlo_covariances(lambda x: x, sample, 5_000)
    np.testing.assert_allclose(found.Omega, np.eye(3), atol=0.1)
    np.testing.assert_allclose(found.s, [1, 0, 0], atol=0.1)


def test_shapes_that_do_not_fit():
    with pytest.raises(InputError, match="F has shape"):
        erf_covariances(np.ones((3, 4)), np.ones(2), np.ones((5, 4)))
    with pytest.raises(InputError, match="3 rows for 3 features"):
        monte_carlo_covariances(
            lambda x: x, lambda n, rng: (rng.normal(size=(n, 3)), np.ones(n)), 3
        )
