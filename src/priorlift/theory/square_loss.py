"""Square loss, on real labels or on signs, without iteration over the order parameters.

V does not depend on q and m: it is the root of one monotone scalar equation. Given V, the other two
solve a linear system. With Vh = alpha / (1 + V) the equation reads Vh (1 + S1(Vh)) = alpha, whose
left side increases and is concave, so Newton from below climbs to the root and cannot miss it.
"""

from dataclasses import dataclass

import numpy as np

from priorlift.theory.quadrature import Array
from priorlift.theory.spectrum import SpectralMeasure

MAX_STEPS = 200
CLOSE = 1e-10


@dataclass(frozen=True)
class Orders:
    """Order parameters of each row.

    Attributes
    ----------
    V, q, m : ndarray of shape (rows,)
        As in the covariate model.
    residual : ndarray of shape (rows,)
        The mean squared distance of label and prediction on new rows.
    converged : ndarray of bool, shape (rows,)
        Whether the root for V was found.
    iterations : ndarray of int, shape (rows,)
        Newton steps.
    """

    V: Array
    q: Array
    m: Array
    residual: Array
    converged: np.ndarray[tuple[int], np.dtype[np.bool_]]
    iterations: np.ndarray[tuple[int], np.dtype[np.int64]]


def solve_square(
    measure: SpectralMeasure, alpha: Array, lam: Array, label_power: float, overlap: float
) -> Orders:
    """Solve the square loss (y - x)^2 / 2 plus lam/2 of the squared weights.

    Parameters
    ----------
    measure : SpectralMeasure
        Eigenvalues and alignment.
    alpha, lam : ndarray of shape (rows,)
        Labels for each feature, and the ridge.
    label_power : float
        E[y^2]: rho plus the variance of the noise for real labels, 1 for signs.
    overlap : float
        E[y nu] / rho: 1 for real labels, sqrt(2 / (pi rho)) for signs.
    """
    Vh, converged, iterations = _root(measure, alpha, lam)
    sums = measure.sums(Vh, lam)
    M = overlap * Vh
    m = M * sums.T1
    # alpha / (1 + V)^2 = Vh^2 / alpha
    share = Vh * Vh / alpha * sums.S2
    q = (share * (label_power - 2.0 * overlap * m) + M * M * sums.T2) / (1.0 - share)
    residual = label_power + q - 2.0 * overlap * m
    return Orders(alpha / Vh - 1.0, q, m, residual, converged, iterations)


def _root(
    measure: SpectralMeasure, alpha: Array, lam: Array
) -> tuple[
    Array, np.ndarray[tuple[int], np.dtype[np.bool_]], np.ndarray[tuple[int], np.dtype[np.int64]]
]:
    # S1 <= mean(om)/lam and Vh S1 <= 1 both bound the root from below.
    Vh = np.maximum(alpha / (1.0 + measure.mean / lam), alpha - 1.0)
    done = np.zeros(len(alpha), dtype=bool)
    iterations = np.zeros(len(alpha), dtype=np.int64)
    for _ in range(MAX_STEPS):
        rows = np.flatnonzero(~done)
        if not len(rows):
            break
        at, sums = Vh[rows], measure.sums(Vh[rows], lam[rows])
        step = (alpha[rows] - at * (1.0 + sums.S1)) / (1.0 + sums.S1 - at * sums.S2)
        Vh[rows] = at + step
        iterations[rows] += 1
        done[rows] = np.abs(step) <= CLOSE * at
    return Vh, done, iterations
