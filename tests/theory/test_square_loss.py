import numpy as np
import pytest

from priorlift.theory.covariate_model import CovariateModel
from priorlift.theory.spectrum import SpectralMeasure
from priorlift.theory.square_loss import solve_square

ISOTROPIC = CovariateModel(np.ones(200), np.full(200, 1 / 200))


@pytest.mark.parametrize(
    ("alpha", "lam", "mse"),
    [
        (0.5, 0.1, 0.5172612419),
        (0.5, 1, 0.6744373438),
        (2, 0.1, 0.0122717641),
        (2, 1, 0.2071067812),
    ],
)
def test_isotropic_ridge(alpha, lam, mse):
    solution = ISOTROPIC.solve(alpha, lam, "square")
    b = lam + alpha - 1
    V = (-b + np.sqrt(b * b + 4 * lam)) / (2 * lam)
    np.testing.assert_allclose(solution.V, V, rtol=1e-11)
    closed = lam**2 * V**2 / (1 - alpha * V**2 / (1 + V) ** 2)
    assert solution.error == pytest.approx(closed, abs=1e-11)
    assert solution.error == pytest.approx(mse, abs=1e-9)


@pytest.mark.parametrize(("alpha", "excess"), [(0.5, 0.75), (2.0, 0.25)])
def test_ridgeless_with_noise(alpha, excess):
    model = CovariateModel(np.ones(200), np.full(200, 1 / 200), noise=0.25)
    error = model.solve(alpha, 1e-9, "square").error
    assert error - 0.25 == pytest.approx(excess, abs=1e-7)


def test_ridgeless_error_peaks_where_rows_equal_features():
    model = CovariateModel(np.ones(200), np.full(200, 1 / 200), noise=0.25)
    error = model.solve([0.5, 0.9, 1.0, 1.1, 2.0], 1e-6, "square").error
    assert error.argmax() == 2
    assert error[2] > 100


def iterated(om, t, alpha, lam, label_power, overlap):
    """The published iteration of hats and order parameters."""
    V, q, m = om.mean() / lam, 0.01, 0.001
    for _ in range(20_000):
        Vh = alpha / (1 + V)
        qh = alpha * (label_power + q - 2 * overlap * m) / (1 + V) ** 2
        M = overlap * Vh
        D = lam + Vh * om
        new = (
            np.mean(om / D),
            qh * np.mean(om**2 / D**2) + M**2 * np.sum(t * om / D**2),
            M * np.sum(t / D),
        )
        moved = max(abs(a - b) for a, b in zip(new, (V, q, m), strict=True))
        V, q, m = new
        if moved < 1e-15:
            break
    return V, q, m


@pytest.mark.parametrize("overlap", [1.0, 0.7])
def test_the_direct_solution_is_the_fixed_point_of_the_iteration(overlap):
    rng = np.random.default_rng(1)
    om = np.arange(1, 301) ** -0.7
    t = om * rng.chisquare(1, 300) / 300
    measure = SpectralMeasure.of(om, t)
    for alpha, lam in [(0.5, 0.1), (2.0, 0.01), (5.0, 1.0)]:
        orders = solve_square(measure, np.array([alpha]), np.array([lam]), 1.3, overlap)
        assert orders.converged.all()
        expected = iterated(om, t, alpha, lam, 1.3, overlap)
        found = (orders.V[0], orders.q[0], orders.m[0])
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_the_root_is_found_from_extreme_corners():
    measure = SpectralMeasure.of(np.arange(1, 101) ** -3.0, np.zeros(100))
    alpha, lam = np.meshgrid(np.geomspace(1e-3, 1e4, 15), np.geomspace(1e-10, 1e8, 15))
    orders = solve_square(measure, alpha.ravel(), lam.ravel(), 1.0, 1.0)
    assert orders.converged.all()
    Vh = alpha.ravel() / (1 + orders.V)
    assert np.abs(Vh * (1 + measure.sums(Vh, lam.ravel()).S1) / alpha.ravel() - 1).max() < 1e-12
