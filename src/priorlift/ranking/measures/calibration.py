"""How far predicted probabilities and intervals can be believed, once the truth is known.

The rules are those of `priorlift.ranking.measures`, where these functions are named too: predicted
first, observed lifts second, NaN where a measure means nothing.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from priorlift.core.errors import InputError

Floats = NDArray[np.float64]


def auc_of_lift(p_positive: ArrayLike, observed: ArrayLike) -> float:
    """Return the area under the ROC curve of P(lift > 0); NaN where all lifts have one sign.

    Parameters
    ----------
    p_positive : array-like of shape (N,)
        Predicted probability, or anything in its order.
    observed : array-like of shape (N,)
        Observed lifts; those above 0 are the positives.

    Examples
    --------
    >>> auc_of_lift([0.9, 0.5, 0.5], [0.1, 0.2, -0.1])
    0.75
    """
    first, second = paired(p_positive, observed)
    positive = second > 0.0
    n_positive, n_rest = int(positive.sum()), int((~positive).sum())
    if n_positive == 0 or n_rest == 0:
        return float("nan")
    above = stats.rankdata(first)[positive].sum() - n_positive * (n_positive + 1) / 2.0
    return float(above / (n_positive * n_rest))


def expected_calibration_error(
    p_positive: ArrayLike,
    observed: ArrayLike,
    *,
    n_bins: int = 10,
    bins: Literal["equal_count", "fixed"] = "equal_count",
) -> float:
    """Return how far predicted probabilities lie from observed shares, averaged over bins.

    Parameters
    ----------
    p_positive : array-like of shape (N,)
        Predicted P(lift > 0).
    observed : array-like of shape (N,)
        Observed lifts.
    n_bins : int
        Number of bins.
    bins : {"equal_count", "fixed"}
        Bins that hold (nearly) equally many pairs in the order of their probability, or bins of
        equal width on [0, 1], right edges included. Equal probabilities that a count would part are
        averaged over, so the order of the pairs does not matter.

    Returns
    -------
    float
        Sum over bins of (share of pairs) * |mean probability - share of positives|; small samples
        bias it upwards, by about sqrt(n_bins / (2 pi N)) at best.

    Examples
    --------
    >>> expected_calibration_error([0.8] * 5, [1, 1, 1, 1, -1], n_bins=2)
    0.0
    >>> expected_calibration_error([0.2, 0.9], [-1.0, 1.0], n_bins=2, bins="fixed")
    0.15
    """
    first, second = paired(p_positive, observed)
    if len(first) == 0:
        return float("nan")
    happened = (second > 0.0).astype(float)
    if bins == "equal_count":
        _, codes = np.unique(first, return_inverse=True)
        happened = (np.bincount(codes, happened) / np.bincount(codes))[codes]
        order = np.argsort(first, kind="stable")
        parts = np.array_split(order, min(n_bins, len(first)))
    elif bins == "fixed":
        place = np.clip(np.ceil(first * n_bins).astype(int) - 1, 0, n_bins - 1)
        parts = [np.flatnonzero(place == i) for i in np.unique(place)]
    else:
        raise InputError(f"unknown bins {bins!r}", remedy="'equal_count' or 'fixed'")
    off = [len(part) * abs(float((first[part] - happened[part]).mean())) for part in parts]
    return round(float(sum(off)) / len(first), 15)


def brier_score(p_positive: ArrayLike, observed: ArrayLike) -> float:
    """Return the mean squared distance of P(lift > 0) from what happened; 0 is best.

    Examples
    --------
    >>> brier_score([1.0, 0.5], [0.2, -0.1])
    0.125
    """
    first, second = paired(p_positive, observed)
    return float(((first - (second > 0.0)) ** 2).mean()) if len(first) else float("nan")


def harmful_share(p_positive: ArrayLike, observed: ArrayLike, *, confidence: float = 0.9) -> float:
    """Return the share of pairs with P(lift > 0) above `confidence` whose lift is below 0.

    Returns
    -------
    float
        NaN where no pair is recommended with that confidence.

    Examples
    --------
    >>> harmful_share([0.95, 0.99, 0.2], [0.1, -0.1, -0.5])
    0.5
    """
    first, second = paired(p_positive, observed)
    recommended = first > confidence
    return float((second[recommended] < 0.0).mean()) if recommended.any() else float("nan")


def coverage(low: ArrayLike, high: ArrayLike, observed: ArrayLike) -> float:
    """Return the share of observed lifts inside their interval, ends included.

    Returns
    -------
    float
        NaN where an interval is not known (NaN); infinite ends are intervals.

    Examples
    --------
    >>> coverage([0.0, 0.0], [0.2, 0.2], [0.2, 0.3])
    0.5
    """
    lower, upper = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    gains = finite(observed, "observed")
    if lower.shape != gains.shape or upper.shape != gains.shape:
        raise InputError("intervals and observed lifts differ in number")
    if len(gains) == 0 or np.isnan(lower).any() or np.isnan(upper).any():
        return float("nan")
    return float(((lower <= gains) & (gains <= upper)).mean())


def mean_width(low: ArrayLike, high: ArrayLike) -> float:
    """Return the mean width of intervals; NaN where one is not known.

    Examples
    --------
    >>> mean_width([0.0, 1.0], [1.0, 4.0])
    2.0
    """
    widths = np.asarray(high, dtype=float) - np.asarray(low, dtype=float)
    return float(widths.mean()) if len(widths) else float("nan")


def paired(predicted: ArrayLike, observed: ArrayLike) -> tuple[Floats, Floats]:
    """Return both sides as finite arrays of one shape (N,); raise `InputError` otherwise."""
    first, second = finite(predicted, "predicted"), finite(observed, "observed")
    if first.shape != second.shape or first.ndim != 1:
        raise InputError(
            f"predicted has shape {first.shape} and observed {second.shape}",
            remedy="pass one value a pair on both sides",
        )
    return first, second


def finite(values: ArrayLike, name: str) -> Floats:
    """Return an array of finite numbers; raise `InputError` that calls it `name` otherwise."""
    array = np.asarray(values, dtype=float)
    if not np.isfinite(array).all():
        raise InputError(
            f"{name} holds a value that is not finite", remedy="leave out pairs that are not known"
        )
    return array
