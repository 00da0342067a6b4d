"""The logistic head on two Gaussian classes: error and order parameters, the intercept included.

The covariate model lets a field with one bell-shaped distribution decide the labels. Features that
separate the classes well are not like that: along the direction that tells the classes apart they
have two bells, and the share of the field that they would have to express exceeds 1. Here rows of a
class are Gaussian around the class's mean, with one covariance for both; classes may be unequal.

After Mignacco et al. 2020 (arXiv 2002.11544), who solve the regularised head for two spherical
classes; any covariance and the form below, in which everything is a sum over the eigenbasis of the
*pooled* covariance, are our choice, checked by simulation.

With share pi of positive rows, difference d of the class means and scores w.v / sqrt(p) + b, the
margin of a positive row is (1 - pi) m + b + sqrt(q) zeta and that of a negative one is
pi m - b + sqrt(q) zeta, where m = d.w / sqrt(p) and q is the power of w within a class. With
f = expit(-x) at the proximal points x of the margins and h its slope,

    Vh = alpha E[h / (1 + V h)],  qh = alpha E[f^2],  M = alpha pi (1 - pi) (E+[f] + E-[f])

and b balances the classes: pi E+[f] = (1 - pi) E-[f].
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from priorlift.theory.proximal import logistic_prox
from priorlift.theory.quadrature import Array, density, panels
from priorlift.theory.spectrum import SpectralMeasure
from priorlift.theory.square_loss import solve_square

BREAKS: Array = np.linspace(-7.5, 7.5, 8)
LOSS_BREAKS: Array = np.array([-24.0, -6.0, -2.0, 2.0, 6.0, 24.0])
STEP = 1e-6
LONGEST = 2.0
ROWS_AT_ONCE = 16


@dataclass(frozen=True)
class MixtureRows:
    """What was found for each row.

    Attributes
    ----------
    error : ndarray of shape (rows,)
        Share of new rows on the wrong side.
    V, q, m, b : ndarray of shape (rows,)
        Response, power within a class, distance of the classes, intercept.
    state : ndarray of shape (rows, 4)
        log V, log q, m / sqrt(q) and b.
    converged : ndarray of bool, shape (rows,)
        Whether the last Newton step was within the tolerance.
    iterations : ndarray of int, shape (rows,)
        Newton steps.
    """

    error: Array
    V: Array
    q: Array
    m: Array
    b: Array
    state: Array
    converged: NDArray[np.bool_]
    iterations: NDArray[np.int64]


def solve_mixture(
    measure: SpectralMeasure,
    share: float,
    alpha: Array,
    lam: Array,
    *,
    tolerance: float = 1e-7,
    max_iterations: int = 60,
) -> MixtureRows:
    """Solve for each row.

    Parameters
    ----------
    measure : SpectralMeasure
        Eigenvalues of the pooled covariance, and (u_i . d)^2 as alignment; their sum of
        alignment / eigenvalue times share (1 - share) is below 1.
    share : float
        Of the positive class, in (0, 1).
    alpha, lam : ndarray of shape (rows,)
        Labels for each feature and the regulariser; the intercept is free.
    tolerance : float
        On log V, log q, m / sqrt(q) and b.
    max_iterations : int
        Rows that need more are reported as not converged.

    Notes
    -----
    Newton on four unknowns; about 2 ms a row.
    """
    parts = []
    for first in range(0, len(alpha), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        problem = _Problem(measure, share, alpha[rows], lam[rows])
        parts.append(_newton(problem, tolerance, max_iterations))
    state, converged, iterations = (np.concatenate(part) for part in zip(*parts, strict=True))
    V, q = np.exp(state[:, 0]), np.exp(state[:, 1])
    m, b = state[:, 2] * np.sqrt(q), state[:, 3]
    positive = ndtr(-((1.0 - share) * state[:, 2] + b / np.sqrt(q)))
    negative = ndtr(-(share * state[:, 2] - b / np.sqrt(q)))
    error = share * positive + (1.0 - share) * negative
    return MixtureRows(error, V, q, m, b, state, converged, iterations)


@dataclass(frozen=True)
class _Problem:
    measure: SpectralMeasure
    share: float
    alpha: Array
    lam: Array

    def rows(self, rows: NDArray[np.intp]) -> "_Problem":
        return _Problem(self.measure, self.share, self.alpha[rows], self.lam[rows])

    def start(self) -> Array:
        """Return the square loss's solution, which is exact for any features, in our variables."""
        both = self.share * (1.0 - self.share)
        labels = SpectralMeasure(self.measure.points, self.measure.weights * [1.0, 4.0 * both**2])
        orders = solve_square(labels, self.alpha, 4.0 * self.lam, 4.0 * both, 1.0)
        m = 2.0 * orders.m / (2.0 * both)
        q = np.maximum(4.0 * orders.q - both * m * m, 1e-3 * 4.0 * orders.q)
        b = np.full(len(q), np.log(self.share / (1.0 - self.share)))
        return np.stack([np.log(4.0 * orders.V), np.log(q), m / np.sqrt(q), b], axis=1)

    def residual(self, state: Array) -> tuple[Array, Array]:
        """Return where the plain iteration would go, minus where it is, and the Jacobian."""
        share = self.share
        V, root_q = np.exp(state[:, 0]), np.exp(0.5 * state[:, 1])
        shift = state[:, 3] / root_q
        up, up_slopes = _averages((1.0 - share) * state[:, 2] + shift, V, root_q)
        down, down_slopes = _averages(share * state[:, 2] - shift, V, root_q)
        both = share * (1.0 - share)
        parts = (np.array([share, share, both]), np.array([1.0 - share, 1.0 - share, both]))
        values = self.alpha[:, None] * (parts[0] * up + parts[1] * down)
        up_slopes = _to_state(up_slopes, 1.0 - share, shift, root_q)
        down_slopes = _to_state(down_slopes, share, -shift, -root_q)
        slopes = parts[0][:, None] * up_slopes + parts[1][:, None] * down_slopes
        slopes *= self.alpha[:, None, None]
        image = self.outer(values)
        outer = np.empty((len(V), 3, 3))
        for column in range(3):
            step = STEP * values[:, column]
            moved = values.copy()
            moved[:, column] += step
            outer[:, :, column] = (self.outer(moved) - image) / step[:, None]
        balance = np.log(share * up[:, 2]) - np.log((1.0 - share) * down[:, 2])
        balance_slope = up_slopes[:, 2] / up[:, 2:] - down_slopes[:, 2] / down[:, 2:]
        jacobian = np.concatenate([outer @ slopes, balance_slope[:, None, :]], axis=1)
        jacobian[:, :3, :3] -= np.eye(3)
        return np.column_stack([image - state[:, :3], balance]), jacobian

    def outer(self, values: Array) -> Array:
        """Return log V, log q and m / sqrt(q) from Vh, qh and M."""
        Vh, qh, M = values.T
        both = self.share * (1.0 - self.share)
        sums = self.measure.sums(Vh, self.lam)
        # The spread of the means is taken out of the pooled covariance (Sherman-Morrison).
        M = M / (1.0 - Vh * both * sums.T1)
        m = M * sums.T1
        q = qh * sums.S2 + M * M * np.maximum(sums.T2 - both * sums.T1 * sums.T1, 0.0)
        return np.stack([np.log(sums.S1), np.log(q), m / np.sqrt(q)], axis=1)


def _averages(mean: Array, V: Array, root_q: Array) -> tuple[Array, Array]:
    """Return E[h / (1 + V h)], E[f^2], E[f] for margins around `mean`, in units of sqrt(q).

    Shape (rows, 3), and their slopes by log V, log q and the mean, shape (rows, 3, 3).
    """
    omega = (mean[:, None] + BREAKS) * root_q[:, None]
    ends = logistic_prox(omega, V[:, None], tolerance=1e-3)
    low, high = ends.min(axis=1, keepdims=True), ends.max(axis=1, keepdims=True)
    x, width = panels(np.concatenate([ends, np.clip(LOSS_BREAKS, low, high)], axis=1))
    f = expit(-x)
    h = f * (1.0 - f)
    shrink = 1.0 / (1.0 + V[:, None] * h)
    omega = x - V[:, None] * f
    weight = width * density(omega / root_q[:, None] - mean[:, None])
    weight /= shrink * root_q[:, None]
    W = h * shrink
    values = np.stack([W, f * f, f], axis=1)
    along = np.stack([W * (2.0 * f - 1.0) * shrink * shrink, -2.0 * f * W, -W], axis=1)
    found = np.einsum("ijk,ik->ij", values, weight)
    slopes = np.empty((len(V), 3, 3))
    slopes[:, :, 0] = V[:, None] * np.einsum("ijk,ik->ij", along, weight * f)
    slopes[:, 0, 0] -= V * np.einsum("ik,ik->i", W * W, weight)
    slopes[:, :, 1] = 0.5 * np.einsum("ijk,ik->ij", along, weight * omega)
    slopes[:, :, 2] = root_q[:, None] * np.einsum("ijk,ik->ij", along, weight)
    return found, slopes


def _to_state(slopes: Array, by_m: float, shift: Array, root_q: Array) -> Array:
    """Turn slopes by log V, log q and the mean by_m * m + shift into slopes by the state."""
    mean = slopes[:, :, 2]
    by_q = slopes[:, :, 1] - 0.5 * shift[:, None] * mean
    return np.stack([slopes[:, :, 0], by_q, by_m * mean, mean / root_q[:, None]], axis=2)


def _newton(
    problem: _Problem, tolerance: float, limit: int
) -> tuple[Array, NDArray[np.bool_], NDArray[np.int64]]:
    state = problem.start()
    rows = np.arange(len(state))
    converged = np.zeros(len(state), dtype=bool)
    iterations = np.zeros(len(state), dtype=np.int64)
    for _ in range(limit):
        part, at = problem.rows(rows), state[rows]
        here, slopes = part.residual(at)
        step = _solved(slopes, here)
        length = np.abs(step).max(axis=1)
        state[rows] -= step * np.minimum(1.0, LONGEST / np.maximum(length, LONGEST))[:, None]
        iterations[rows] += 1
        finished = length <= tolerance
        converged[rows] = finished
        rows = rows[~finished]
        if not len(rows):
            break
    return state, converged, iterations


def _solved(slopes: Array, here: Array) -> Array:
    """Return the Newton steps; where a row has none, a short plain one."""
    finite = np.isfinite(np.concatenate([slopes.reshape(len(here), -1), here], axis=1))
    good = np.asarray(finite.all(axis=1))
    matrices = np.where(good[:, None, None], slopes, np.eye(4))
    solvable: NDArray[np.bool_] = good & (np.abs(np.linalg.det(matrices)) > 1e-300)
    plain = np.where(np.isfinite(here), -0.5 * here, 0.0)
    plain[:, 3] *= -0.5
    step = plain.copy()
    if solvable.any():
        step[solvable] = np.linalg.solve(slopes[solvable], here[solvable][:, :, None])[:, :, 0]
    return np.where(np.isfinite(step), step, plain)
