"""Intervals of a label-budget design: draws of the budget crossed with one fixed test part.

A new labelled sample would bring other training rows *and* the score would be judged on other test
rows, so both variances count. A bootstrap over draws alone, or over
test rows alone, leaves one of them out and covers too seldom.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.study.interval import (
    FloatArray,
    Groups,
    Interval,
    constant_reason,
    finite_matrix,
    group_means,
    percentile_interval,
    t_interval,
)

_RESAMPLE_BLOCK = 4_000_000


def crossed_components_interval(
    differences: ArrayLike,
    *,
    overlap: float = 0.0,
    groups: Groups | None = None,
    level: float = 0.95,
) -> Interval:
    """Interval of a label-budget design: variance over draws plus variance over test rows.

    With J draws of the budget, n test rows and the mean squares of the two-way layout without
    replication, `sigma2_draw = max(0, MS_draw - MS_inter) / n`, `sigma2_row = max(0, MS_row -
    MS_inter) / J`, `sigma2_inter = MS_inter`, and

        var = sigma2_draw (1/J + f/(1-f)) + sigma2_row / n + sigma2_inter / (J n).

    The term f/(1-f) pays for draws that share rows of the pool. Degrees of freedom after
    Satterthwaite (1946, Biometrics Bulletin 2, 110-114) on the unclipped mean squares; our choice:
    never below min(J, n) - 1, because his formula breaks down where mean squares are subtracted.

    Parameters
    ----------
    differences : array-like of shape (n_draws, n_test)
        Paired difference of each test row under each draw.
    overlap : float, default 0.0
        f = budget / rows in the pool that the draws come from, in [0, 1).
    groups : sequence of length n_test, optional
        Group of each test row; columns are averaged within a group first.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Interval
        Without ends, and with a `reason`, for one draw, one test unit or zero variance.

    Raises
    ------
    InputError
        If `overlap` is outside [0, 1) or a value is not finite.

    Notes
    -----
    Time O(n_draws n_test).
    """
    matrix, reason = _crossed_matrix(differences, overlap, groups)
    error, df = (np.nan, np.nan) if reason else _crossed_error(matrix, overlap)
    return t_interval(
        matrix.mean(),
        error,
        df,
        formula="crossed_components",
        n_units=matrix.shape[1],
        level=level,
        reason=reason,
    )


def pigeonhole_interval(
    differences: ArrayLike,
    *,
    overlap: float = 0.0,
    groups: Groups | None = None,
    random_state: RandomState = 0,
    n_resamples: int = 4000,
    level: float = 0.95,
) -> Interval:
    """Percentile interval from resampling draws and test rows independently.

    The pigeonhole bootstrap (Owen 2007, Annals of Applied Statistics 1, 386-411). Our choice: the
    part of each resample that comes from the draws' means is stretched by sqrt(1 + s J f/(1-f)),
    so that draws sharing rows of the pool are paid for as in `crossed_components_interval`; s is
    the share of the draws' own variance in that of their means, 1 - MS_inter / MS_draw or 0.

    Parameters
    ----------
    differences, overlap, groups, level
        As in `crossed_components_interval`.
    random_state : int, RandomState or None, default 0
        Seed of the resampling.
    n_resamples : int, default 4000
        Number of resamples; adjusted levels of many claims need thousands.

    Returns
    -------
    Interval
        Carries its sorted resamples, from which `at` and the p-values are read.

    Notes
    -----
    Time O(n_resamples n_draws n_test). Row and draw order matter only within Monte Carlo error.
    """
    matrix, reason = _crossed_matrix(differences, overlap, groups)
    if reason:
        return t_interval(
            matrix.mean(),
            np.nan,
            np.nan,
            formula="pigeonhole",
            n_units=matrix.shape[1],
            level=level,
            reason=reason,
        )
    rng = np.random.default_rng(base_seed(random_state))
    resamples = _pigeonhole_means(matrix, overlap, n_resamples, rng)
    return percentile_interval(
        float(matrix.mean()),
        resamples,
        formula="pigeonhole",
        n_units=matrix.shape[1],
        level=level,
    )


def overlap_factor(n_draws: int, overlap: float) -> float:
    """Multiplier of the draw variance, 1/J + f/(1-f), for J draws that share a fraction f."""
    if not 0 <= overlap < 1:
        raise InputError(
            f"overlap must lie in [0, 1), not {overlap}",
            remedy="it is the budget divided by the rows of the pool that draws come from",
        )
    return 1 / n_draws + overlap / (1 - overlap)


def satterthwaite(
    variance: float, terms: Sequence[float], dfs: Sequence[float], *, smallest: float
) -> float:
    """Approximate the degrees of freedom of a variance that is a sum of weighted mean squares.

    Parameters
    ----------
    variance : float
        The sum, after any clipping.
    terms : sequence of float
        Each mean square times the size of its coefficient, before any clipping: so the answer
        does not jump where a component reaches zero.
    dfs : sequence of float
        Degrees of freedom of each.
    smallest : float
        Floor of the answer.

    Returns
    -------
    float
    """
    spread = sum(term**2 / df for term, df in zip(terms, dfs, strict=True))
    return max(variance**2 / spread, smallest) if spread > 0 else smallest


def draw_stretch(n_draws: int, overlap: float, explained: float) -> float:
    """Factor that widens resampled draw effects for draws that share rows of the pool.

    Parameters
    ----------
    n_draws : int
        J.
    overlap : float
        f, in [0, 1).
    explained : float
        Share of the variance of the draws' scores that test rows explain; above 1 counts as 1.

    Returns
    -------
    float
        At least 1; the variance it adds is sigma2_draw f/(1-f).
    """
    own = max(0.0, 1 - explained)
    return float(np.sqrt(1 + own * (n_draws * overlap_factor(n_draws, overlap) - 1)))


def _mean_squares(matrix: FloatArray) -> tuple[float, float, float]:
    """Mean squares of draws, rows and their interaction in the two-way layout."""
    n_draws, n_rows = matrix.shape
    by_draw, by_row = matrix.mean(axis=1), matrix.mean(axis=0)
    residual = matrix - by_draw[:, None] - by_row[None, :] + matrix.mean()
    inter = float((residual**2).sum()) / ((n_draws - 1) * (n_rows - 1))
    return float(n_rows * by_draw.var(ddof=1)), float(n_draws * by_row.var(ddof=1)), inter


def _crossed_error(matrix: FloatArray, overlap: float) -> tuple[float, float]:
    n_draws, n_rows = matrix.shape
    factor = overlap_factor(n_draws, overlap)
    df_draw, df_row = n_draws - 1, n_rows - 1
    ms_draw, ms_row, ms_inter = _mean_squares(matrix)
    draw = max(0.0, ms_draw - ms_inter) / n_rows
    row = max(0.0, ms_row - ms_inter) / n_draws
    variance = draw * factor + row / n_rows + ms_inter / (n_draws * n_rows)
    weighted = (factor * ms_draw / n_rows, ms_row / (n_draws * n_rows), factor * ms_inter / n_rows)
    dfs = (df_draw, df_row, df_draw * df_row)
    df = satterthwaite(variance, weighted, dfs, smallest=min(df_draw, df_row))
    return float(np.sqrt(variance)), df


def _pigeonhole_means(
    matrix: FloatArray, overlap: float, n_resamples: int, rng: np.random.Generator
) -> FloatArray:
    n_draws, n_rows = matrix.shape
    ms_draw, _, ms_inter = _mean_squares(matrix)
    stretch = draw_stretch(n_draws, overlap, ms_inter / ms_draw if ms_draw > 0 else 1.0)
    draw_effects = matrix.mean(axis=1) - matrix.mean()
    block = max(1, _RESAMPLE_BLOCK // max(n_rows, n_draws))
    means = []
    for start in range(0, n_resamples, block):
        size = min(block, n_resamples - start)
        draws = rng.multinomial(n_draws, np.full(n_draws, 1 / n_draws), size) / n_draws
        rows = rng.multinomial(n_rows, np.full(n_rows, 1 / n_rows), size) / n_rows
        plain = np.einsum("br,br->b", draws @ matrix, rows)
        means.append(plain + (stretch - 1) * (draws @ draw_effects))
    return np.concatenate(means)


def _crossed_matrix(
    differences: ArrayLike, overlap: float, groups: Groups | None
) -> tuple[FloatArray, str | None]:
    matrix = group_means(finite_matrix(differences, "differences", allow_nan=False), groups)
    n_draws, n_rows = matrix.shape
    overlap_factor(n_draws, overlap)
    if n_draws < 2:
        return matrix, "one draw: the variance over draws cannot be estimated"
    if n_rows < 2:
        return matrix, "one test unit: the variance over test rows cannot be estimated"
    return matrix, constant_reason(matrix)
