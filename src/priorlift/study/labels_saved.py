"""Labels saved: how many more target labels the baseline needs to score as well as transfer does.

At budget n it is n' - n with score_without(n') = score_with(n). Both learning curves are made to
rise (isotonic regression) and are linear in log n between budgets; the interval is that of the
percentiles over resampled draws and test rows. Past the last budget the answer is "more than N",
and it is negative where the sources hurt.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.study.interval import FloatArray, Groups, group_means

_BLOCK = 200


@dataclass(frozen=True)
class LabelsSaved:
    """Labels saved at one budget, as a value that knows where the curve ends.

    Parameters
    ----------
    budget : int
        n, the labels that the estimator with sources was given.
    equivalent : float
        n', the labels that the baseline needs for the same score; the end of the curve where
        `beyond` or `below`.
    saved, low, high : float
        n' - n and its percentile interval, each cut at the ends of the curve.
    beyond, low_beyond, high_beyond : bool
        Whether the baseline does not get there with the largest budget: "more than".
    below, low_below, high_below : bool
        Whether it is better even at the smallest budget: "less than".
    level : float
        Confidence level.

    Examples
    --------
    >>> print(LabelsSaved(50, 200, 150, 20, 150, beyond=True, high_beyond=True))
    more than 150 (95 % interval: 20 to more than 150)
    """

    budget: int
    equivalent: float
    saved: float
    low: float
    high: float
    beyond: bool = False
    low_beyond: bool = False
    high_beyond: bool = False
    below: bool = False
    low_below: bool = False
    high_below: bool = False
    level: float = 0.95

    def __str__(self) -> str:
        """One phrase for a reader."""
        value = _phrase(self.saved, self.beyond, self.below)
        low = _phrase(self.low, self.low_beyond, self.low_below)
        high = _phrase(self.high, self.high_beyond, self.high_below)
        if low == high == value and (self.beyond or self.below):
            return f"{value} (in {100 * self.level:g} % of the resamples)"
        return f"{value} ({100 * self.level:g} % interval: {low} to {high})"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a table or a JSON file."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {
            "text": str(self)
        }


def labels_saved(
    budgets: Sequence[int],
    scores_with: ArrayLike,
    scores_without: ArrayLike,
    *,
    groups: Groups | None = None,
    resample_draws: bool = True,
    random_state: RandomState = 0,
    n_resamples: int = 1000,
    level: float = 0.95,
) -> tuple[LabelsSaved, ...]:
    """Labels saved at each budget, from scores that are means over rows.

    Parameters
    ----------
    budgets : sequence of int of length n_budgets
        Positive, rising.
    scores_with, scores_without : array-like of shape (n_budgets, n_draws, n_rows)
        Score of each row under each draw, higher is better; the same rows at every budget.
    groups : sequence of length n_rows, optional
        Rows are averaged within their group first, and groups are resampled.
    resample_draws : bool, default True
        True for label budgets (draws and rows are resampled independently, the same for all
        budgets and both arms). False for a scarce target: repeats of cross-validation share all
        rows, so only rows are resampled and repeats are averaged.
    random_state : int, RandomState or None, default 0
        Seed of the resampling.
    n_resamples : int, default 1000
        Number of resamples.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    tuple of LabelsSaved
        One for each budget.

    Raises
    ------
    InputError
        If shapes disagree or the budgets do not rise.

    Notes
    -----
    Time O(n_resamples n_budgets n_draws n_rows). Draws that share rows of the pool make the
    interval somewhat narrow.
    """
    arms = _stacked(scores_with, scores_without)
    if arms.shape[1] != len(budgets):
        raise InputError(f"{arms.shape[1]} score matrices for {len(budgets)} budgets")
    shape = arms.shape
    flat = group_means(arms.reshape(-1, shape[-1]), groups)
    arms = flat.reshape(*shape[:-1], flat.shape[1])
    if not resample_draws:
        arms = arms.mean(axis=2, keepdims=True)
    curves = arms.mean(axis=(2, 3))
    resampled = _resampled_curves(arms, n_resamples, np.random.default_rng(base_seed(random_state)))
    return labels_saved_from_curves(
        budgets, curves[0], curves[1], resampled[0], resampled[1], level=level
    )


def labels_saved_from_curves(
    budgets: Sequence[int],
    curve_with: ArrayLike,
    curve_without: ArrayLike,
    resampled_with: ArrayLike,
    resampled_without: ArrayLike,
    *,
    level: float = 0.95,
) -> tuple[LabelsSaved, ...]:
    """Labels saved at each budget, from learning curves and their resamples of any score.

    Parameters
    ----------
    budgets : sequence of int of length n_budgets
        Positive, rising.
    curve_with, curve_without : array-like of shape (n_budgets,)
        Mean scores, higher is better.
    resampled_with, resampled_without : array-like of shape (n_resamples, n_budgets)
        The same on resamples; a row of one belongs to the same row of the other.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    tuple of LabelsSaved
        One for each budget.

    Raises
    ------
    InputError
        If the budgets are not positive and rising, or lengths disagree.
    """
    sizes = np.asarray(budgets, dtype=float)
    if sizes.ndim != 1 or sizes.size == 0 or (sizes <= 0).any() or (np.diff(sizes) <= 0).any():
        raise InputError(f"budgets must be positive and rising, not {list(budgets)}")
    with_sources = np.vstack([np.atleast_2d(curve_with), np.atleast_2d(resampled_with)])
    without = np.vstack([np.atleast_2d(curve_without), np.atleast_2d(resampled_without)])
    if with_sources.shape != without.shape or with_sources.shape[1] != sizes.size:
        raise InputError(
            f"curves of shape {with_sources.shape}, {without.shape} for {sizes.size} budgets"
        )
    needed = equivalent_budgets(sizes, isotonic_rows(with_sources), isotonic_rows(without))
    low = np.quantile(needed[1:], (1 - level) / 2, axis=0, method="lower")
    high = np.quantile(needed[1:], (1 + level) / 2, axis=0, method="higher")
    return tuple(
        _labels_saved_at(int(n), float(needed[0, i]), float(low[i]), float(high[i]), sizes, level)
        for i, n in enumerate(budgets)
    )


def isotonic_rows(curves: FloatArray) -> FloatArray:
    """Make each row rise: the closest non-decreasing sequence in squares.

    Parameters
    ----------
    curves : ndarray of shape (n, n_budgets)
        Any values.

    Returns
    -------
    ndarray of shape (n, n_budgets)
        By the max-min formula (Barlow, Bartholomew, Bremner and Brunk 1972), O(n n_budgets^3).

    Examples
    --------
    >>> isotonic_rows(np.array([[1.0, 3.0, 2.0]]))
    array([[1. , 2.5, 2.5]])
    """
    n_budgets = curves.shape[1]
    sums = np.concatenate([np.zeros((curves.shape[0], 1)), np.cumsum(curves, axis=1)], axis=1)
    fitted = np.empty_like(curves)
    for i in range(n_budgets):
        lowest = [
            np.min(
                [(sums[:, b + 1] - sums[:, a]) / (b + 1 - a) for b in range(i, n_budgets)], axis=0
            )
            for a in range(i + 1)
        ]
        fitted[:, i] = np.max(lowest, axis=0)
    return fitted


def equivalent_budgets(
    budgets: FloatArray, rising_with: FloatArray, rising_without: FloatArray
) -> FloatArray:
    """Budget at which the baseline's rising curve reaches each score with sources.

    Where the curve is flat at that score, the budget closest to the original one is taken, so equal
    arms save exactly nothing.

    Parameters
    ----------
    budgets : ndarray of shape (n_budgets,)
        Positive, rising.
    rising_with, rising_without : ndarray of shape (n, n_budgets)
        Non-decreasing rows.

    Returns
    -------
    ndarray of shape (n, n_budgets)
        In labels; infinite beyond the last budget, minus infinite below the first.
    """
    logs = np.log(budgets)
    needed = np.empty_like(rising_with)
    for row, (scores, curve) in enumerate(zip(rising_with, rising_without, strict=True)):
        tolerance = 1e-12 * max(1.0, float(np.abs(curve).max()))
        for i, score in enumerate(scores):
            needed[row, i] = _inverse(float(score), curve, logs, float(logs[i]), tolerance)
    return needed


def _inverse(
    score: float, curve: FloatArray, logs: FloatArray, own: float, tolerance: float
) -> float:
    if score > curve[-1] + tolerance:
        return math.inf
    if score < curve[0] - tolerance:
        return -math.inf
    level = np.flatnonzero(np.abs(curve - score) <= tolerance)
    if level.size:
        return math.exp(min(max(own, logs[level[0]]), logs[level[-1]]))
    right = int(np.searchsorted(curve, score))
    share = (score - curve[right - 1]) / (curve[right] - curve[right - 1])
    return math.exp(logs[right - 1] + share * (logs[right] - logs[right - 1]))


def _resampled_curves(arms: FloatArray, n_resamples: int, rng: np.random.Generator) -> FloatArray:
    """Resampled learning curves of both arms, of shape (2, n_resamples, n_budgets)."""
    n_draws, n_rows = arms.shape[2:]
    blocks = []
    for start in range(0, n_resamples, _BLOCK):
        size = min(_BLOCK, n_resamples - start)
        rows = rng.multinomial(n_rows, np.full(n_rows, 1 / n_rows), size) / n_rows
        draws = rng.multinomial(n_draws, np.full(n_draws, 1 / n_draws), size) / n_draws
        by_draw = np.tensordot(arms, rows, axes=(3, 1))
        blocks.append(np.einsum("abjr,rj->arb", by_draw, draws))
    return np.concatenate(blocks, axis=1)


def _labels_saved_at(
    budget: int, needed: float, low: float, high: float, sizes: FloatArray, level: float
) -> LabelsSaved:
    cut = [float(np.clip(value, sizes[0], sizes[-1])) for value in (needed, low, high)]
    return LabelsSaved(
        budget=budget,
        equivalent=cut[0],
        saved=cut[0] - budget,
        low=cut[1] - budget,
        high=cut[2] - budget,
        beyond=needed == math.inf,
        low_beyond=low == math.inf,
        high_beyond=high == math.inf,
        below=needed == -math.inf,
        low_below=low == -math.inf,
        high_below=high == -math.inf,
        level=level,
    )


def _phrase(value: float, beyond: bool, below: bool) -> str:
    number = f"{round(value) + 0:d}"
    if beyond:
        return f"more than {number}"
    return f"less than {number}" if below else number


def _stacked(scores_with: ArrayLike, scores_without: ArrayLike) -> FloatArray:
    arms = [np.asarray(scores, dtype=float) for scores in (scores_with, scores_without)]
    if arms[0].shape != arms[1].shape or arms[0].ndim != 3:
        raise InputError(
            "both arms need scores of one shape (budgets, draws, rows), "
            f"not {arms[0].shape} and {arms[1].shape}"
        )
    stacked = np.stack(arms)
    if not np.isfinite(stacked).all():
        raise InputError("scores must be finite")
    return stacked
