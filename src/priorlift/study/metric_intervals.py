"""Intervals of a label-budget design for scores that are no mean over rows; all approximate.

The area under the ROC curve has a covariance in closed form (DeLong's); any other score (F1,
average precision, balanced accuracy, r2) is computed again on resampled draws and test rows. Both
give a t interval, so that strict adjusted levels do not ask for thousands of resamples.
"""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.study.crossed_intervals import draw_stretch, overlap_factor, satterthwaite
from priorlift.study.interval import (
    SAME_PREDICTIONS,
    FloatArray,
    Groups,
    Interval,
    constant_reason,
    finite_matrix,
    t_interval,
)

APPROXIMATE = "approximate: the formula is not exact for a score that is no mean over rows"


def delong_components_interval(
    y: ArrayLike,
    scores_with: ArrayLike,
    scores_without: ArrayLike,
    *,
    overlap: float = 0.0,
    level: float = 0.95,
) -> Interval:
    """Approximate interval for a lift in the area under the ROC curve.

    For J draws, DeLong's covariance (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44,
    837-845) of the J paired differences is averaged over all pairs of draws: the part that comes
    from the test rows. The variance of the J differences, less what the test rows explain of it,
    is the draw component, times (1/J + f/(1-f)). Degrees of freedom after Satterthwaite.

    Parameters
    ----------
    y : array-like of shape (n_test,)
        Two classes; the larger label is the positive one.
    scores_with, scores_without : array-like of shape (n_draws, n_test)
        Scores for the positive class under each draw.
    overlap, level
        As in `crossed_components_interval`.

    Returns
    -------
    Interval
        `notes` says that it is approximate. Groups are not honoured; with groups use
        `pigeonhole_metric_interval`.

    Raises
    ------
    InputError
        If the shapes disagree or y has not exactly two classes.

    Notes
    -----
    Time O(n_draws n_test log n_test). A zero lift in accuracy is not a zero lift in this area.
    """
    positive = _positive_mask(y)
    arms = [finite_matrix(arm, "scores", allow_nan=False) for arm in (scores_with, scores_without)]
    if arms[0].shape != arms[1].shape or arms[0].shape[1] != positive.size:
        raise InputError(f"scores of shape {arms[0].shape}, {arms[1].shape} for {positive.size} y")
    with_pos, with_neg = _structural_components(arms[0], positive)
    without_pos, without_neg = _structural_components(arms[1], positive)
    return _delong_interval(with_pos - without_pos, with_neg - without_neg, overlap, level)


def pigeonhole_metric_interval(
    metric: Callable[[NDArray[Any], NDArray[Any]], float],
    y: ArrayLike,
    predictions_with: ArrayLike,
    predictions_without: ArrayLike,
    *,
    overlap: float = 0.0,
    groups: Groups | None = None,
    random_state: RandomState = 0,
    n_resamples: int = 200,
    level: float = 0.95,
) -> Interval:
    """Approximate interval for any score, computed again on resampled draws and test rows.

    The standard deviation of the pigeonhole resamples (see `pigeonhole_interval`) is the standard
    error; t with min(draws, units) - 1 degrees of freedom (our choice).

    Parameters
    ----------
    metric : callable
        `metric(y, prediction) -> float`, higher is better; NaN or ValueError where undefined.
    y : array-like of shape (n_test,)
        True labels or values.
    predictions_with, predictions_without : array-like of shape (n_draws, n_test, ...)
        What the metric reads, under each draw.
    overlap, groups, random_state, level
        As in `pigeonhole_interval`; groups are resampled whole.
    n_resamples : int, default 200
        Costs about 1.3 * n_draws * n_resamples calls of the metric; 200 give the standard error
        to within 5 %.

    Returns
    -------
    Interval
        `estimate` is the mean over draws of the difference on all test rows; `notes` counts
        resamples on which the score was undefined.

    Raises
    ------
    InputError
        If the shapes disagree.
    """
    truth, arms = np.asarray(y), (np.asarray(predictions_with), np.asarray(predictions_without))
    if any(arm.shape[1:2] != truth.shape[:1] for arm in arms) or arms[0].shape != arms[1].shape:
        raise InputError(
            f"predictions of shape {arms[0].shape}, {arms[1].shape} for {truth.size} y"
        )
    units = _rows_by_unit(truth.shape[0], groups)
    n_draws, all_rows = arms[0].shape[0], np.arange(truth.shape[0])
    whole = _score_differences(metric, truth, arms, all_rows, range(n_draws))
    reason = _metric_reason(whole, arms, len(units))
    if reason:
        return t_interval(
            whole.mean(),
            np.nan,
            np.nan,
            formula="pigeonhole_metric",
            n_units=len(units),
            level=level,
            reason=reason,
            notes=(APPROXIMATE,),
        )
    rng = np.random.default_rng(base_seed(random_state))
    plain, draw_parts, explained = np.full((3, n_resamples), np.nan)
    for index in range(n_resamples):
        drawn, times = np.unique(rng.integers(n_draws, size=n_draws), return_counts=True)
        rows = np.concatenate([units[unit] for unit in rng.integers(len(units), size=len(units))])
        differences = _score_differences(metric, truth, arms, rows, drawn)
        weights = times / n_draws
        plain[index] = weights @ differences
        draw_parts[index] = weights @ whole[drawn] - whole.mean()
        if drawn.size > 1:
            explained[index] = (differences - whole[drawn]).var(ddof=1)
    spread = float(whole.var(ddof=1))
    by_rows = float(np.nanmean(explained)) if np.isfinite(explained).any() else 0.0
    stretch = draw_stretch(n_draws, overlap, by_rows / spread if spread > 0 else 1.0)
    resamples = plain + (stretch - 1) * draw_parts
    return _resampled_t(whole, resamples, n_draws, len(units), level)


def _resampled_t(
    whole: FloatArray, resamples: FloatArray, n_draws: int, n_units: int, level: float
) -> Interval:
    defined = resamples[np.isfinite(resamples)]
    lost = resamples.size - defined.size
    notes = (APPROXIMATE,) + ((f"{lost} resamples left out: score undefined",) if lost else ())
    error = float(defined.std(ddof=1)) if defined.size > 1 else float("nan")
    few = defined.size < resamples.size / 2
    return t_interval(
        whole.mean(),
        error,
        min(n_draws, n_units) - 1,
        formula="pigeonhole_metric",
        n_units=n_units,
        level=level,
        reason="the score is undefined on most resamples" if few else None,
        notes=notes,
    )


def _metric_reason(
    whole: FloatArray, arms: tuple[NDArray[Any], NDArray[Any]], n_units: int
) -> str | None:
    if whole.size < 2:
        return "one draw: the variance over draws cannot be estimated"
    if n_units < 2:
        return "one test unit: the variance over test rows cannot be estimated"
    if not np.isfinite(whole).all():
        return "the score is undefined on the test rows"
    return SAME_PREDICTIONS if np.array_equal(arms[0], arms[1]) else None


def _score_differences(
    metric: Callable[[NDArray[Any], NDArray[Any]], float],
    truth: NDArray[Any],
    arms: tuple[NDArray[Any], NDArray[Any]],
    rows: NDArray[np.intp],
    draws: Iterable[int],
) -> FloatArray:
    part = truth[rows]
    return np.array(
        [
            _score(metric, part, arms[0][j][rows]) - _score(metric, part, arms[1][j][rows])
            for j in draws
        ]
    )


def _score(
    metric: Callable[[NDArray[Any], NDArray[Any]], float],
    truth: NDArray[Any],
    prediction: NDArray[Any],
) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(metric(truth, prediction))
        except ValueError:
            return float("nan")


def _rows_by_unit(n_rows: int, groups: Groups | None) -> list[NDArray[np.intp]]:
    if groups is None:
        return list(np.arange(n_rows)[:, None])
    labels = np.asarray(groups)
    if labels.shape != (n_rows,):
        raise InputError(f"{labels.size} groups for {n_rows} rows")
    _, codes = np.unique(labels, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _positive_mask(y: ArrayLike) -> NDArray[np.bool_]:
    classes, codes = np.unique(np.asarray(y), return_inverse=True)
    if classes.size != 2:
        raise InputError(f"the area under the ROC curve needs two classes, not {classes.size}")
    mask: NDArray[np.bool_] = codes == 1
    return mask


def _structural_components(
    scores: FloatArray, positive: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Share of negatives below each positive, and of positives above each negative (ties half)."""
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    rank_all = stats.rankdata(scores, axis=1)
    rank_pos = stats.rankdata(scores[:, positive], axis=1)
    rank_neg = stats.rankdata(scores[:, ~positive], axis=1)
    by_positive = (rank_all[:, positive] - rank_pos) / n_neg
    by_negative = 1 - (rank_all[:, ~positive] - rank_neg) / n_pos
    return by_positive, by_negative


def _delong_interval(
    positive: FloatArray, negative: FloatArray, overlap: float, level: float
) -> Interval:
    n_draws, n_pos = positive.shape
    n_neg = negative.shape[1]
    by_draw = positive.mean(axis=1)
    reason = constant_reason(np.hstack([positive, negative]))
    if reason is None and min(n_pos, n_neg) < 2:
        reason = "fewer than two test rows of one class"
    if reason is None and n_draws < 2:
        reason = "one draw: the variance over draws cannot be estimated"
    error, df = (np.nan, np.nan) if reason else _delong_error(positive, negative, overlap)
    return t_interval(
        by_draw.mean(),
        error,
        df,
        formula="delong_components",
        n_units=n_pos + n_neg,
        level=level,
        reason=reason,
        notes=(APPROXIMATE,),
    )


def _delong_error(
    positive: FloatArray, negative: FloatArray, overlap: float
) -> tuple[float, float]:
    (n_draws, n_pos), n_neg = positive.shape, negative.shape[1]
    row_part = positive.mean(axis=0).var(ddof=1) / n_pos + negative.mean(axis=0).var(ddof=1) / n_neg
    by_draw = positive.var(axis=1, ddof=1) / n_pos + negative.var(axis=1, ddof=1) / n_neg
    # Covariances between draws leave the row part alone; what exceeds it within a draw is theirs.
    inter = (by_draw.mean() - row_part) * n_draws / (n_draws - 1)
    factor = overlap_factor(n_draws, overlap)
    spread = float(positive.mean(axis=1).var(ddof=1))
    variance = float(row_part + factor * max(0.0, spread - inter))
    df = satterthwaite(
        variance,
        (row_part, factor * spread, factor * inter),
        (min(n_pos, n_neg) - 1, n_draws - 1, (n_draws - 1) * (n_pos + n_neg - 2)),
        smallest=min(n_draws, n_pos, n_neg) - 1,
    )
    return float(np.sqrt(variance)), df
