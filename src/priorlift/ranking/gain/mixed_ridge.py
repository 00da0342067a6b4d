r"""With some outcomes: a Bayesian ridge whose prior mean is the cold start.

For pair (s, t) with gain y, damped group ranks q, static prior p, scores x as they are
(standardised), features l of the target (standardised),

    y = m + theta'q + b p + g'x + h'l + u_t + noise,        noise ~ N(0, v_0)
    theta ~ N(a w, v_1 I),  a ~ N(0, v_2),  b ~ N(0, v_3),  g ~ N(0, v_4 I),  h ~ N(0, v_5 I),
    u_t ~ N(0, v_6) for each target, m flat,

where w are the weights of the cold start. Written as theta = a w + delta the model is an ordinary
Gaussian regression with one variance a block of columns, and all variances come from the evidence,
by expectation-maximisation: where the outcomes do not contradict the fixed weights, v_1 falls to
nothing and the cold start, in points, is what is left. u_t keeps the level of a target (what its
pairs share) out of the weights of the sources; a target never seen has u_t = 0.

The coefficients used are the posterior mode under a, theta, b, g >= 0: a larger score may never
promise less. Everything here is standard (MacKay 1992, Bayesian interpolation; Tipping 2001 for a
variance a block); the blocks, the prior mean and the bounds are our choice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from priorlift.ranking.cold_start import group_weights
from priorlift.ranking.gain.pair_design import PairDesign

Floats = NDArray[np.float64]
EM_STEPS = 60
FLOOR = 1e-8


@dataclass(frozen=True, eq=False)
class MixedRidge:
    """A fitted ridge.

    Attributes
    ----------
    intercept : float
        Gain of a pair whose columns are all average.
    coefficients : ndarray
        Of the columns groups, extra, static prior, scores, levels; in points of gain.
    center, scale : ndarray
        Of the columns.
    """

    intercept: float
    coefficients: Floats
    center: Floats
    scale: Floats

    def predict(self, design: PairDesign, static: Floats) -> Floats:
        """Return the predicted gains, shape (N,)."""
        columns = _standardised(_columns(design, static), self.center, self.scale)
        return np.asarray(self.intercept + columns @ self.coefficients)


def fit_mixed_ridge(
    design: PairDesign, static: Floats, gains: Floats, targets: NDArray[np.str_]
) -> MixedRidge:
    """Fit the ridge to N outcomes with P columns and T targets: O(N (P+T)^2 + steps (P+T)^3).

    Parameters
    ----------
    design : PairDesign
        Columns of the pairs.
    static : ndarray of shape (N,)
        Static prior of each pair, its own target left out.
    gains : ndarray of shape (N,)
        Observed lifts.
    targets : ndarray of str, shape (N,)
        Names.
    """
    raw = _columns(design, static)
    n_ranks = design.groups.shape[1] + design.extra.shape[1]
    center, scale = _location(raw, n_ranks)
    columns = _standardised(raw, center, scale)
    unit = float(gains.std()) or 1.0
    y = (gains - gains.mean()) / unit
    columns[:, n_ranks] /= unit  # the static prior comes in points
    of_targets = (targets[:, None] == np.unique(targets)).astype(float)
    everything = np.hstack([columns, of_targets - of_targets.mean(axis=0)])
    blocks = _blocks(design, of_targets.shape[1])
    weights = np.concatenate([group_weights(design.transfer), np.zeros(design.extra.shape[1])])
    fixed = everything[:, :n_ranks] @ weights
    noise, variances = _variances(np.column_stack([fixed, everything]), blocks, y)
    mode = _bounded_mode(everything, y, weights, blocks, noise, variances)
    coefficients = mode[: columns.shape[1]] * unit
    coefficients[n_ranks] /= unit
    return MixedRidge(float(gains.mean()), coefficients, center, scale)


def _columns(design: PairDesign, static: Floats) -> Floats:
    return np.hstack([design.groups, design.extra, static[:, None], design.scores, design.levels])


def _location(columns: Floats, n_ranks: int) -> tuple[Floats, Floats]:
    """Centre every column; scale those that follow the ranks and the static prior."""
    known = ~np.isnan(columns)
    count = np.maximum(known.sum(axis=0), 1)
    center = np.where(known, columns, 0.0).sum(axis=0) / count
    squares = np.where(known, (columns - center) ** 2, 0.0).sum(axis=0) / count
    scale = np.sqrt(squares)
    scale[: n_ranks + 1] = 1.0
    return center, np.where(scale > 1e-12 * (1.0 + np.abs(center)), scale, np.inf)


def _standardised(columns: Floats, center: Floats, scale: Floats) -> Floats:
    return np.asarray(np.where(np.isnan(columns), 0.0, (columns - center) / scale))


def _blocks(design: PairDesign, n_targets: int) -> NDArray[np.intp]:
    """Return the variance that each column has: a, then theta, b, g, h, u."""
    widths = [
        1,
        design.groups.shape[1] + design.extra.shape[1],
        1,
        design.scores.shape[1],
        design.levels.shape[1],
        n_targets,
    ]
    return np.repeat(np.arange(len(widths)), widths)


def _variances(columns: Floats, blocks: NDArray[np.intp], y: Floats) -> tuple[float, Floats]:
    """Return the noise and the blocks' variances at a peak of the evidence, by EM."""
    n = len(y)
    gram, products, square = columns.T @ columns, columns.T @ y, float(y @ y)
    noise, variances = 0.5, np.full(int(blocks.max()) + 1, 0.1)
    width = np.maximum(np.bincount(blocks, minlength=len(variances)), 1)
    for _ in range(EM_STEPS):
        precision = gram / noise + np.diag(1.0 / variances[blocks])
        covariance = linalg.inv(precision, check_finite=False)
        mean = covariance @ products / noise
        second = mean**2 + np.diag(covariance)
        variances = np.bincount(blocks, second, minlength=len(variances)) / width
        variances = np.maximum(variances, FLOOR)
        residual = square - 2.0 * float(mean @ products) + float(mean @ gram @ mean)
        noise = max((residual + float((gram * covariance).sum())) / n, FLOOR)
    return noise, variances


def _bounded_mode(
    columns: Floats,
    y: Floats,
    weights: Floats,
    blocks: NDArray[np.intp],
    noise: float,
    variances: Floats,
) -> Floats:
    """Return the posterior mode of the columns' coefficients, scores' ones not below 0.

    The unknowns are (a, theta, b, g, h, u); the prior couples a and theta, the data see theta
    alone.
    """
    n_ranks, n_all = len(weights), columns.shape[1] + 1
    information = np.zeros((n_all, n_all))
    information[1:, 1:] = columns.T @ columns / noise
    information += np.diag(1.0 / variances[blocks])
    ranks = slice(1, n_ranks + 1)
    information[0, 0] += float(weights @ weights) / variances[1]
    information[0, ranks] -= weights / variances[1]
    information[ranks, 0] -= weights / variances[1]
    right = np.concatenate([[0.0], columns.T @ y / noise])
    root = linalg.cholesky(information)
    lower = np.where(blocks <= 3, 0.0, -np.inf)
    found = optimize.lsq_linear(
        root,
        linalg.solve_triangular(root, right, trans="T"),
        bounds=(lower, np.full(n_all, np.inf)),
        method="bvls",
    )
    return np.asarray(found.x[1:])
