"""Confidence held against labelled query cells: how often labels of such a confidence were right.

Labelled cells are hidden by halves, and two more fits say of each of them what they would have said
without its label. A logistic curve (Platt, 1999) then leads from confidence to how often it was
right. Few cells move it little: it is drawn towards leaving the confidence as it is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.base import clone

from priorlift.core.seeds import derive_seed
from priorlift.fields.cells.sides import Sides

Floats = NDArray[np.float64]

LEAST_CELLS = 100
"""Labelled query cells from which on confidence is calibrated by default. With 50 the error rose on
some development splits, where it was small before."""
HALVES = 2
SLOPE_SPREAD, SHIFT_SPREAD = 0.5, 1.0
"""Of the curve's prior around slope 1 and shift 0, on the logistic scale."""
EDGE = 1e-4
"""Confidence is taken to be this far from 0 and 1 at least."""


@dataclass(frozen=True)
class Calibration:
    """A rising curve from the model's own probability to how often it is right.

    Parameters
    ----------
    slope, shift : float
        On the logistic scale; 1 and 0 leave probabilities as they are.
    n_cells : int
        Labelled query cells behind it; 0 where there were too few or none.

    Examples
    --------
    >>> float(Calibration(1.0, 0.0)(np.array([0.8]))[0])
    0.8
    """

    slope: float = 1.0
    shift: float = 0.0
    n_cells: int = 0

    def __call__(self, confidence: Floats) -> Floats:
        """Return calibrated confidence; what is not calibrated comes back as it is."""
        if (self.slope, self.shift) == (1.0, 0.0):
            return confidence
        return np.asarray(expit(self.slope * _logits(confidence) + self.shift))

    def said(self) -> str:
        """Return where confidence comes from, in words."""
        if not self.n_cells:
            return "confidence is the model's own probability, calibrated on nothing"
        return (
            f"confidence is calibrated on {self.n_cells:,} labelled query cells "
            f"(slope {self.slope:.2f}, shift {self.shift:.2f})"
        )


def calibrated(sides: Sides, model: Any, wanted: bool | None) -> Calibration:
    """Fit the curve, where it is wanted and there are cells for it.

    Parameters
    ----------
    sides : Sides
        With the query's known labels.
    model : JointLabelTransferClassifier
        As it was fitted; copies of it are fitted anew.
    wanted : bool or None
        None for where there are `LEAST_CELLS` labelled query cells.
    """
    if not n_fits(sides, wanted):
        return Calibration()
    known = _known(sides)
    order = np.random.default_rng(derive_seed(model._seed, "calibration")).permutation(known)
    sure, right = np.zeros(len(sides.y)), np.zeros(len(sides.y), dtype=bool)
    for hidden in np.array_split(order, HALVES):
        y = np.array(sides.y, dtype=object)
        y[hidden] = None
        other = clone(model).set_params(random_state=model._seed)
        other.fit(sides.X, y, sources=sides.pool, groups=sides.groups)
        proba = other.transduction_proba_[hidden]
        sure[hidden] = proba.max(axis=1)
        right[hidden] = other.classes_[proba.argmax(axis=1)] == sides.y[hidden]
    return fitted(sure[known], right[known])


def n_fits(sides: Sides, wanted: bool | None) -> int:
    """Return how many more fits calibration takes: one for each half, or none."""
    enough = len(_known(sides)) >= (2 if wanted else LEAST_CELLS)
    return HALVES if enough and wanted is not False else 0


def _known(sides: Sides) -> NDArray[np.intp]:
    return np.flatnonzero([value is not None for value in sides.y])


def fitted(confidence: Floats, right: NDArray[np.bool_]) -> Calibration:
    """Return the curve that makes what was right most probable, under its prior.

    Parameters
    ----------
    confidence : ndarray of shape (n,)
        From 0 to 1.
    right : ndarray of bool, shape (n,)
        Whether the label was.
    """
    z, sign = _logits(confidence), np.where(right, 1.0, -1.0)

    def loss(at: Floats) -> float:
        margin = sign * (at[0] * z + at[1])
        prior = ((at[0] - 1.0) / SLOPE_SPREAD) ** 2 + (at[1] / SHIFT_SPREAD) ** 2
        return float(np.logaddexp(0.0, -margin).sum() + 0.5 * prior)

    best = minimize(loss, np.array([1.0, 0.0]), bounds=[(0.0, None), (None, None)]).x
    return Calibration(float(best[0]), float(best[1]), len(right))


def _logits(confidence: Floats) -> Floats:
    return np.asarray(logit(np.clip(confidence, EDGE, 1.0 - EDGE)))
