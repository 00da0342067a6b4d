import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit

from priorlift.theory.proximal import logistic_prox


@pytest.mark.parametrize("V", [1e-6, 0.1, 1.0, 30.0, 100.0, 1e4, 1e6])
def test_the_point_solves_its_equation_and_increases(V):
    omega = np.concatenate([-np.geomspace(1e4, 1e-3, 200), np.geomspace(1e-3, 1e4, 200)])
    x = logistic_prox(omega, V)
    assert np.abs(x - omega - V * expit(-x)).max() <= 1e-12 * max(V, 1e4)
    assert (np.diff(x) > 0).all()


def test_it_agrees_with_a_bracketing_root_finder():
    for omega, V in [(-50.0, 300.0), (-150.0, 300.0), (0.0, 1e5), (3.0, 2.0), (-4.0, 2.0)]:
        root = brentq(
            lambda x, o=omega, v=V: x - o - v * expit(-x), omega - 1, omega + V + 1, xtol=1e-13
        )
        assert logistic_prox(omega, V) == pytest.approx(root, abs=1e-10)


def test_it_minimises_what_it_is_named_after():
    omega, V = 0.7, 3.0
    x = np.linspace(-5, 8, 200_001)
    cost = np.logaddexp(0, -x) + (x - omega) ** 2 / (2 * V)
    assert logistic_prox(omega, V) == pytest.approx(x[cost.argmin()], abs=1e-4)


def test_the_obvious_start_would_cycle():
    """Why the start matters: Newton from omega + V expit(-omega) misses the root at V = 1000."""
    omega, V = -500.0, 1000.0
    x = omega + V * expit(-omega)
    for _ in range(60):
        f = expit(-x)
        x -= (x - omega - V * f) / (1 + V * f * (1 - f))
    assert abs(x - omega - V * expit(-x)) > 1.0
    good = logistic_prox(omega, V)
    assert abs(good - omega - V * expit(-good)) < 1e-10
