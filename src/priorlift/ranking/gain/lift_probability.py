"""P(lift > 0) from predictions on held-out targets.

Platt scaling: a logistic curve of the prediction in units of its interval, never falling, with
Platt's smoothed labels (Probabilistic outputs for support vector machines, 1999). An isotonic curve
replaces it only with 300 outcomes or more, and where it has the smaller log loss on held-out
targets (the condition of at least 300 is our choice).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Floats = NDArray[np.float64]
ENOUGH_FOR_ISOTONIC = 300


@dataclass(frozen=True)
class PlattCurve:
    """P = expit(slope * z + intercept), slope 0 or more."""

    slope: float
    intercept: float

    def at(self, z: Floats) -> Floats:
        """Return the probabilities, shape (N,)."""
        return np.asarray(special.expit(self.slope * z + self.intercept))


@dataclass(frozen=True, eq=False)
class IsotonicCurve:
    """A rising curve through knots, straight between them and flat beyond."""

    knots: Floats
    heights: Floats

    def at(self, z: Floats) -> Floats:
        """Return the probabilities, shape (N,)."""
        return np.asarray(np.interp(z, self.knots, self.heights))


def fit_platt(z: Floats, happened: NDArray[np.bool_]) -> PlattCurve:
    """Fit the curve by penalised likelihood.

    Parameters
    ----------
    z : ndarray of shape (N,)
        Predictions in units of their spread.
    happened : ndarray of bool, shape (N,)
        Whether the lift was above 0. With P positives and Q others the labels are
        (P + 1) / (P + 2) and 1 / (Q + 2), so one class alone gives no certainty.
    """
    n_positive = int(happened.sum())
    labels = np.where(
        happened, (n_positive + 1.0) / (n_positive + 2.0), 1.0 / (len(z) - n_positive + 2.0)
    )

    def loss(parameters: Floats) -> tuple[float, Floats]:
        margin = parameters[0] * z + parameters[1]
        off = special.expit(margin) - labels
        value = float((np.logaddexp(0.0, margin) - labels * margin).sum())
        return value, np.array([float(off @ z), float(off.sum())])

    start = np.array([1.0, float(special.logit(labels.mean()))])
    found = optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None), (None, None)]
    )
    return PlattCurve(float(found.x[0]), float(found.x[1]))


def fit_isotonic(z: Floats, happened: NDArray[np.bool_]) -> IsotonicCurve:
    """Fit scikit-learn's isotonic regression, kept from 0 and 1 by 1 / (N + 2)."""
    from sklearn.isotonic import IsotonicRegression

    edge = 1.0 / (len(z) + 2.0)
    fitted = IsotonicRegression(y_min=edge, y_max=1.0 - edge).fit(z, happened.astype(float))
    return IsotonicCurve(fitted.X_thresholds_, fitted.y_thresholds_)


def fit_probability(
    z: Floats, happened: NDArray[np.bool_], parts: list[NDArray[np.bool_]]
) -> PlattCurve | IsotonicCurve:
    """Return Platt's curve, or the isotonic one where allowed and better on held-out parts."""
    if len(z) >= ENOUGH_FOR_ISOTONIC and 0 < happened.sum() < len(z):
        platt = isotonic = 0.0
        for part in parts:
            rest = ~part
            platt += _log_loss(fit_platt(z[rest], happened[rest]).at(z[part]), happened[part])
            curve = fit_isotonic(z[rest], happened[rest])
            isotonic += _log_loss(curve.at(z[part]), happened[part])
        if isotonic < platt:
            return fit_isotonic(z, happened)
    return fit_platt(z, happened)


def _log_loss(p: Floats, happened: NDArray[np.bool_]) -> float:
    return -float(np.log(np.where(happened, p, 1.0 - p)).sum())
