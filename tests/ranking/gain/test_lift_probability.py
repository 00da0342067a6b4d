"""Platt's and the isotonic curve: parity with scikit-learn, smoothing, and when each is used."""

import numpy as np
import pytest
from scipy import special

from priorlift.ranking.gain.held_out import folds
from priorlift.ranking.gain.lift_probability import (
    IsotonicCurve,
    PlattCurve,
    fit_isotonic,
    fit_platt,
    fit_probability,
)


def drawn(n, curve, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    return z, rng.uniform(size=n) < curve(z)


def test_the_curve_is_scikit_learns_sigmoid():
    from sklearn.calibration import _sigmoid_calibration

    z, happened = drawn(150, lambda z: special.expit(2 * z + 0.5))
    a, b = _sigmoid_calibration(z, happened.astype(float))
    found = fit_platt(z, happened)
    assert (found.slope, found.intercept) == pytest.approx((-a, -b), abs=1e-3)


def test_a_promise_that_misleads_is_ignored_not_reversed():
    z, happened = drawn(200, lambda z: special.expit(-3 * z))
    found = fit_platt(z, happened)
    assert found.slope == 0.0
    smoothed = (happened.sum() * (happened.sum() + 1) / (happened.sum() + 2)) / 200
    smoothed += (~happened).sum() / ((~happened).sum() + 2) / 200
    np.testing.assert_allclose(found.at(z), smoothed, atol=1e-4)


@pytest.mark.parametrize("every", [True, False])
def test_one_class_alone_gives_no_certainty(every):
    found = fit_platt(np.linspace(-1, 1, 8), np.full(8, every)).at(np.array([0.0]))[0]
    assert found == pytest.approx(0.9 if every else 0.1, abs=1e-3)


def test_isotonic_needs_many_outcomes_and_a_better_fit():
    def step(z):
        return np.where(z > 1.0, 0.95, 0.3)

    for n, curve, kind in (
        (1200, step, IsotonicCurve),
        (250, step, PlattCurve),
        (1200, lambda z: special.expit(z), PlattCurve),
    ):
        z, happened = drawn(n, curve)
        names = np.array([f"t{i % 30}" for i in range(n)])
        assert isinstance(fit_probability(z, happened, folds(names, 0, 10)), kind)


def test_the_isotonic_curve_rises_and_stays_off_the_ends():
    z, happened = drawn(400, lambda z: special.expit(5 * z))
    found = fit_isotonic(z, happened).at(np.linspace(-9, 9, 50))
    assert (np.diff(found) >= 0).all()
    assert 0.0 < found.min() < found.max() < 1.0
