"""The three order parameters of the logistic loss, for many (alpha, lambda) at once.

As published, V, q, m give Vh, qh, M, which give V, q, m again, until nothing moves: tens of steps,
and more than a thousand at a small lambda and a large alpha. Here each row takes Newton steps on
the same map (our choice): its Jacobian costs a few more sums over nodes that are there already, so
a step costs little more than one of the plain iteration, and five to ten suffice. A Newton step
that makes things worse is taken back and replaced by a plain one. The start is the square loss
that has the logistic loss's value and slope at 0, which is exact for a large lambda.

A row has converged when its last Newton step, which estimates the distance to the fixed point, is
shorter than the tolerance. The size of the residual would not do: where the plain map contracts
slowly it is small far from the solution.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from priorlift.theory.logistic_loss import data_side
from priorlift.theory.quadrature import Array
from priorlift.theory.spectrum import SpectralMeasure
from priorlift.theory.square_loss import solve_square

ROWS_AT_ONCE = 32
LONGEST_STEP = 2.0
ROUND = 20
SIGN_OVERLAP = float(np.sqrt(2.0 / np.pi))


@dataclass(frozen=True)
class FixedPoint:
    """What was found for each row.

    Attributes
    ----------
    state : ndarray of shape (rows, 3)
        log V, log q, atanh(m / sqrt(q)), in units where rho is 1.
    converged : ndarray of bool, shape (rows,)
        Whether the last Newton step was within the tolerance.
    iterations : ndarray of int, shape (rows,)
        Evaluations of the map.
    """

    state: Array
    converged: NDArray[np.bool_]
    iterations: NDArray[np.int64]


def solve_logistic(
    measure: SpectralMeasure,
    alpha: Array,
    lam: Array,
    *,
    flips: float = 0.0,
    tolerance: float = 1e-9,
    max_iterations: int = 200,
    start: Array | None = None,
) -> FixedPoint:
    """Find the fixed points.

    Parameters
    ----------
    measure : SpectralMeasure
        Eigenvalues and alignment, the latter divided by rho.
    alpha, lam : ndarray of shape (rows,)
        Labels for each feature, and the regulariser.
    flips : float
        Share of wrong labels.
    tolerance : float
        On log V, log q and atanh(cos).
    max_iterations : int
        Rows that need more are reported as not converged.
    start : ndarray of shape (rows, 3), optional
        States of neighbouring problems.
    """
    state = square_start(measure, alpha, lam, flips) if start is None else start.copy()
    converged = np.zeros(len(alpha), dtype=bool)
    iterations = np.zeros(len(alpha), dtype=np.int64)
    for first in range(0, len(alpha), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        problem = _Problem(measure, alpha[rows], lam[rows], flips)
        found = _newton(problem, state[rows], tolerance, max_iterations)
        state[rows], converged[rows], iterations[rows] = (
            found.state,
            found.converged,
            found.iterations,
        )
    return FixedPoint(state, converged, iterations)


def square_start(measure: SpectralMeasure, alpha: Array, lam: Array, flips: float) -> Array:
    """Return the solution for (x - 2y)^2 / 8, which has the logistic value and slope at 0."""
    overlap = (1.0 - 2.0 * flips) * SIGN_OVERLAP
    orders = solve_square(measure, alpha, 4.0 * lam, 1.0, overlap)
    cosine = np.clip(orders.m / np.sqrt(orders.q), 0.0, 1.0 - 1e-12)
    return np.stack([np.log(4.0 * orders.V), np.log(4.0 * orders.q), np.arctanh(cosine)], axis=1)


@dataclass(frozen=True)
class _Problem:
    measure: SpectralMeasure
    alpha: Array
    lam: Array
    flips: float

    def rows(self, rows: NDArray[np.intp]) -> "_Problem":
        return _Problem(self.measure, self.alpha[rows], self.lam[rows], self.flips)

    def image(self, state: Array) -> tuple[Array, Array]:
        """Return where the plain iteration would go, and its Jacobian."""
        data = data_side(state, self.alpha, self.flips)
        Vh, qh, M = data.values.T
        sums = self.measure.sums(Vh, self.lam)
        m = M * sums.T1
        q = qh * sums.S2 + M * M * sums.T2
        hidden = qh * sums.S2 + M * M * (sums.T2 - sums.T1 * sums.T1)
        image = np.stack([np.log(sums.S1), np.log(q), np.arcsinh(m / np.sqrt(hidden))], axis=1)
        outer = np.zeros((len(state), 3, 3))
        outer[:, 0, 0] = -sums.S2 / sums.S1
        outer[:, 1, 0] = -2.0 * (qh * sums.S3 + M * M * sums.T3) / q
        outer[:, 1, 1] = sums.S2 / q
        outer[:, 1, 2] = 2.0 * M * sums.T2 / q
        # d atanh(c) = dc / (1 - c^2), with c = m / sqrt(q) and 1 - c^2 = hidden / q
        dm = np.stack([-M * sums.T2, np.zeros_like(m), sums.T1], axis=1)
        scale = np.sqrt(q) / hidden
        outer[:, 2] = scale[:, None] * (dm - 0.5 * m[:, None] * outer[:, 1])
        return image, outer @ data.jacobian


def _newton(problem: _Problem, state: Array, tolerance: float, limit: int) -> FixedPoint:
    rows = np.arange(len(state))
    state = state.copy()
    converged = np.zeros(len(state), dtype=bool)
    iterations = np.zeros(len(state), dtype=np.int64)
    for count in range(limit):
        image, jacobian = problem.rows(rows).image(state[rows])
        iterations[rows] += 1
        residual = image - state[rows]
        step = _newton_step(jacobian, residual)
        length = np.abs(step).max(axis=1)
        # The plain iteration is slow but safe: a row that Newton leads round in circles gets some.
        plain = ~np.isfinite(length) | (count % ROUND == ROUND - 1)
        step = np.where(plain[:, None], residual, step)
        step *= np.minimum(1.0, LONGEST_STEP / np.maximum(length, LONGEST_STEP))[:, None]
        state[rows] += step
        finished = ~plain & (length <= tolerance)
        converged[rows] = finished
        rows = rows[~finished]
        if not len(rows):
            break
    return FixedPoint(state, converged, iterations)


def _newton_step(jacobian: Array, residual: Array) -> Array:
    matrix = np.eye(3) - jacobian
    singular = ~(np.abs(np.linalg.det(matrix)) > 1e-300)
    matrix[singular] = np.eye(3)
    return np.asarray(np.linalg.solve(matrix, residual[:, :, None])[:, :, 0])
