import numpy as np
import pytest
from scipy.special import ndtr

from priorlift.theory.quadrature import gaussian_panels, panels


@pytest.mark.parametrize("a", [0.0, 1.0, 10.0, 100.0, 1e4])
def test_weights_sum_to_one_and_the_step_is_resolved(a):
    nodes, weights = gaussian_panels(np.array([a]))
    assert weights.sum() == pytest.approx(1.0, abs=1e-13)
    assert (weights * nodes**4).sum() == pytest.approx(3.0, abs=1e-12)
    assert (weights * 2 * ndtr(a * nodes)).sum() == pytest.approx(1.0, abs=1e-13)
    # E[zeta 2 Phi(a zeta)] = 2 a / sqrt(2 pi (1 + a^2))
    expected = 2 * a / np.sqrt(2 * np.pi * (1 + a * a))
    assert (weights * nodes * 2 * ndtr(a * nodes)).sum() == pytest.approx(expected, abs=1e-13)


def test_breaks_may_come_in_any_order_and_repeat():
    nodes, weights = panels(np.array([[2.0, 0.0, 1.0, 1.0]]))
    assert (weights * nodes**5).sum() == pytest.approx(2**6 / 6)


def test_rows_do_not_mix():
    together = gaussian_panels(np.array([0.3, 25.0]))
    alone = gaussian_panels(np.array([25.0]))
    np.testing.assert_array_equal(together[0][1], alone[0][0])
    np.testing.assert_array_equal(together[1][1], alone[1][0])
