import numpy as np
import pytest

from priorlift.theory.spectrum import SpectralMeasure


def plain_sums(om, t, Vh, lam):
    theta = om / (lam + Vh * om)
    ratio = np.where(om > 0, t / np.where(om > 0, om, 1), 0)
    return [np.mean(theta**k) for k in (1, 2, 3)] + [np.sum(ratio * theta**k) for k in (1, 2, 3)]


@pytest.mark.parametrize("spread", [0.0, 0.5, 3.0, 12.0])
def test_condensed_sums_are_those_of_all_eigenvalues(spread):
    rng = np.random.default_rng(3)
    om = np.exp(spread * rng.normal(size=5000))
    t = om * rng.random(5000) / 5000
    measure = SpectralMeasure.of(om, t)
    assert len(measure.points) < 2500
    Vh, lam = np.array([1e-6, 0.3, 40.0]), np.array([10.0, 1e-4, 1e-8])
    sums = measure.sums(Vh, lam)
    found = np.stack([sums.S1, sums.S2, sums.S3, sums.T1, sums.T2, sums.T3])
    expected = np.stack([plain_sums(om, t, a, b) for a, b in zip(Vh, lam, strict=True)], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    assert measure.mean == pytest.approx(om.mean(), rel=1e-12)


def test_eigenvalues_of_zero_count_in_the_mean():
    om, t = np.array([0.0, 0.0, 2.0]), np.array([0.0, 0.0, 1.0])
    sums = SpectralMeasure.of(om, t).sums(np.ones(1), np.ones(1))
    assert sums.S1[0] == pytest.approx(2 / 3 / 3)
    assert sums.T1[0] == pytest.approx(1 / 3)


def test_equal_eigenvalues_become_one_point():
    measure = SpectralMeasure.of(np.ones(400), np.full(400, 1 / 400))
    np.testing.assert_allclose(measure.weights, [[1.0, 1.0]])
