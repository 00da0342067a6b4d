import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, ndtr
from scipy.stats import norm

from priorlift.theory import logistic_loss
from priorlift.theory.logistic_loss import data_side
from priorlift.theory.proximal import logistic_prox


def state_of(V, q, cosine):
    return np.array([[np.log(V), np.log(q), np.arctanh(cosine)]])


def by_dense_grid(V, q, cosine, alpha, flips=0.0, points=400_001):
    """The published integrals, over omega on a dense grid with a proximal point at each node."""
    a = cosine / np.sqrt(1 - cosine**2)
    zeta = np.linspace(-9, 9, points)
    base = np.exp(-0.5 * zeta**2) / np.sqrt(2 * np.pi) * (zeta[1] - zeta[0])
    Z = 2 * ((1 - 2 * flips) * ndtr(a * zeta) + flips)
    x = logistic_prox(np.sqrt(q) * zeta, V)
    f = expit(-x)
    h = f * (1 - f)
    narrow = logistic_prox(np.sqrt(q * (1 - cosine**2)) * zeta, V)
    M = 2 / np.sqrt(2 * np.pi) * (1 - 2 * flips) * (base * expit(-narrow)).sum()
    return {
        "hats": alpha * np.array([(base * Z * h / (1 + V * h)).sum(), (base * Z * f * f).sum(), M]),
        "train_loss": (base * Z * np.logaddexp(0, -x)).sum(),
        "test_loss": (base * Z * np.logaddexp(0, -np.sqrt(q) * zeta)).sum(),
        "train_error": quad(
            lambda z: 2 * ((1 - 2 * flips) * ndtr(a * z) + flips) * norm.pdf(z),
            -12,
            -V / (2 * np.sqrt(q)),
            epsabs=1e-14,
            epsrel=1e-12,
            limit=500,
        )[0],
    }


def test_the_reference_point():
    values = data_side(state_of(2.0, 9.0, 0.5), np.ones(1)).values[0]
    assert values == pytest.approx([0.0920188275, 0.1472942527, 0.3093775168], abs=1e-10)


@pytest.mark.parametrize(
    ("V", "q", "cosine", "flips"),
    [
        (2.0, 9.0, 0.5, 0.0),
        (30.0, 40.0, 0.999, 0.0),
        (1e-4, 1e-5, 0.3, 0.1),
        (0.5, 1.0, 0.0, 0.2),
        (300.0, 1e4, 0.9999, 0.0),
        (3e3, 2e4, 0.7, 0.05),
    ],
)
def test_integrals_agree_with_a_dense_grid(V, q, cosine, flips):
    state = state_of(V, q, cosine)
    expected = by_dense_grid(V, q, cosine, 1.7, flips)
    np.testing.assert_allclose(
        data_side(state, np.array([1.7]), flips).values[0], expected["hats"], rtol=2e-9
    )
    for name, function in (
        ("train_loss", logistic_loss.train_loss),
        ("test_loss", logistic_loss.population_loss),
    ):
        assert function(state, flips)[0] == pytest.approx(expected[name], rel=2e-9, abs=1e-13)
    assert logistic_loss.train_error(state, flips)[0] == pytest.approx(
        expected["train_error"], rel=1e-9, abs=1e-12
    )


@pytest.mark.parametrize("flips", [0.0, 0.1])
def test_the_jacobian_is_that_of_finite_differences(flips):
    state = np.concatenate([state_of(2.0, 9.0, 0.5), state_of(40.0, 3.0, 0.98)])
    alpha = np.array([1.0, 3.0])
    jacobian = data_side(state, alpha, flips).jacobian
    for which in range(3):
        step = np.zeros(3)
        step[which] = 1e-5
        up, down = (data_side(state + sign * step, alpha, flips).values for sign in (1, -1))
        np.testing.assert_allclose(jacobian[:, :, which], (up - down) / 2e-5, atol=2e-9)
