"""How good a ranking was, once the truth is known.

Every measure takes what was predicted first and what was observed second. Observed values are
lifts, in the points of the task's own score: larger is better, above 0 the source helped. A measure
that means nothing on its input (constant values, one class only, unknown intervals) is NaN, never a
number that looks like a result; a missing value in the input is an error.

Measures of an order (`weighted_tau`, `regret_at`) are about the sources of *one* target;
`per_target` maps them over many. Averages then belong to targets, not to pairs: pairs of one target
share it, so intervals come from `priorlift.ranking.measures.target_bootstrap`.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.ranking.measures.calibration import finite, paired

Floats = NDArray[np.float64]


def weighted_tau(predicted: ArrayLike, observed: ArrayLike) -> float:
    """Return the weighted Kendall correlation of two orders: exchanges near the top cost most.

    Parameters
    ----------
    predicted, observed : array-like of shape (S,)
        One value a source; larger is better. The measure is symmetric in the two.

    Returns
    -------
    float
        From -1 to 1. NaN with fewer than two sources or where either side is constant: an order
        that says nothing has no correlation, and 0 would look like one.

    Notes
    -----
    As published (Vigna, A weighted correlation index for rankings with ties, WWW 2015), with
    additive hyperbolic weights, the mean of the two directions of weighting, through
    `scipy.stats.weightedtau`. O(S log S).

    Examples
    --------
    >>> weighted_tau([3, 2, 1], [0.5, 0.4, -0.1]), weighted_tau([1, 1, 1], [3, 2, 1])
    (1.0, nan)
    """
    first, second = paired(predicted, observed)
    if len(first) < 2 or np.ptp(first) == 0.0 or np.ptp(second) == 0.0:
        return float("nan")
    return float(stats.weightedtau(first, second, rank=True).statistic)


def noise_ceiling(gains: ArrayLike, *, n_splits: int = 100, random_state: RandomState = 0) -> float:
    """Return the weighted tau that repeating the experiment itself would reach.

    The seeds of an experiment are split into two disjoint halves, and the mean lifts of one half
    rank the sources of the other. No ranking can be expected to do better than that with truth this
    noisy; with half of the seeds a side it is a cautious ceiling.

    Parameters
    ----------
    gains : array-like of shape (R, S)
        Observed lifts of one target: a row a seed, a column a source.
    n_splits : int
        All splits into halves are averaged where there are no more than this, else as many at
        random.
    random_state : int, RandomState or None
        For the random splits.

    Returns
    -------
    float
        NaN with fewer than two seeds, or where every half finds all sources equal.

    Examples
    --------
    >>> noise_ceiling([[0.1, 0.2, 0.3], [0.0, 0.1, 0.4]])
    1.0
    """
    table = np.atleast_2d(finite(gains, "gains"))
    n_seeds = len(table)
    if n_seeds < 2:
        return float("nan")
    half = n_seeds // 2
    if comb(n_seeds, half) <= n_splits:
        chosen = [list(rows) for rows in combinations(range(n_seeds), half)]
    else:
        generator = np.random.default_rng(base_seed(random_state))
        chosen = [list(generator.permutation(n_seeds)[:half]) for _ in range(n_splits)]
    found = []
    for rows in chosen:
        rest = np.setdiff1d(np.arange(n_seeds), rows)
        found.append(weighted_tau(table[rows].mean(axis=0), table[rest].mean(axis=0)))
    return _mean_of_known(found)


def regret_at(
    predicted: ArrayLike, observed: ArrayLike, k: int, *, none: float | None = None
) -> float:
    """Return how far the best of the k sources ranked first stays behind the best of all.

    Parameters
    ----------
    predicted, observed : array-like of shape (S,)
        Predicted and observed lift of one target's sources.
    k : int
        Sources that are tried, 1 or more; above S all are.
    none : float, optional
        Lift of not transferring, 0 by definition. Where it is given, "no transfer" is one more arm
        that is predicted and observed at this value and competes for the k places; `predicted` must
        then be in points. Left out, a source has to be chosen, however bad all of them look.

    Returns
    -------
    float
        In points, 0 or more. Between equal predictions the draw is random, and its exact
        expectation is returned.

    Examples
    --------
    >>> regret_at([0.3, 0.2], [-0.1, -0.2], 1), regret_at([0.3, 0.2], [-0.1, -0.2], 1, none=0.0)
    (0.0, 0.1)
    """
    first, second = _arms(predicted, observed, none)
    k = _places(k, len(first))
    last = np.sort(first)[-k]
    sure, tied = first > last, first == last
    floor = second[sure].max(initial=-np.inf)
    found = _expected_best(np.maximum(second[tied], floor), k - int(sure.sum()))
    return float(second.max() - found)


def relative_regret_at(
    predicted: ArrayLike, observed: ArrayLike, k: int, *, none: float | None = None
) -> float:
    """Return `regret_at` as a share of what there was to win: the best less the median source.

    Parameters
    ----------
    predicted, observed, k, none
        As in `regret_at`. The median is that of the sources alone.

    Returns
    -------
    float
        1 is the regret of a middling source; NaN where the best is the median.

    Examples
    --------
    >>> relative_regret_at([3, 2, 1], [0.1, 0.3, 0.2], 1)
    2.0
    """
    best = _arms(predicted, observed, none)[1].max()
    at_stake = float(best - np.median(np.asarray(observed, dtype=float)))
    if at_stake <= 0.0:
        return float("nan")
    return round(regret_at(predicted, observed, k, none=none) / at_stake, 12)


def random_regret_at(observed: ArrayLike, k: int, *, none: float | None = None) -> float:
    """Return the expected regret of trying k arms at random: the least a ranking must beat.

    Parameters
    ----------
    observed : array-like of shape (S,)
        Observed lift of one target's sources.
    k, none
        As in `regret_at`; "no transfer" is drawn like any other arm.

    Returns
    -------
    float
        Exact: the i-th smallest of S is the best of k with probability C(i-1, k-1) / C(S, k).

    Examples
    --------
    >>> random_regret_at([0.0, 0.3, 0.6], 1), random_regret_at([0.0, 0.3, 0.6], 3)
    (0.3, 0.0)
    """
    second = np.asarray(observed, dtype=float)
    level = 0.0 if none is None else none
    return regret_at(np.full(second.shape, level), second, k, none=none)


def score_lost(
    trained: ArrayLike,
    observed: ArrayLike,
    *,
    targets: Sequence[str] | None = None,
    none: float | None = 0.0,
) -> float:
    """Return what is lost by training only some of the pairs, in points, averaged over targets.

    Parameters
    ----------
    trained : array-like of bool, shape (N,)
        Which pairs were trained.
    observed : array-like of shape (N,)
        Lift of every pair, trained or not.
    targets : sequence of str of length N, optional
        Target of each pair; left out, all pairs belong to one.
    none : float or None
        Lift of not transferring, which is at hand without training any pair; None where it is not.

    Returns
    -------
    float
        Mean over targets of the best of all less the best of the trained.

    Raises
    ------
    InputError
        No pair of a target was trained and `none` is None.

    Examples
    --------
    >>> score_lost([True, False, True], [0.5, 0.75, -0.25], targets=["a", "a", "b"])
    0.125
    """
    gains = finite(observed, "observed")
    kept = np.asarray(trained, dtype=bool)
    names = np.asarray(["" for _ in gains] if targets is None else list(targets))
    floor = -np.inf if none is None else none
    lost = []
    for name in np.unique(names).tolist():
        rows = names == name
        best = gains[rows & kept].max(initial=floor)
        if not np.isfinite(best):
            raise InputError(f"no pair of target {name!r} was trained", remedy="pass none=0.0")
        lost.append(gains[rows].max(initial=floor) - best)
    return float(np.mean(lost))


def per_target(
    measure: Callable[..., float],
    targets: Sequence[str],
    predicted: ArrayLike,
    observed: ArrayLike,
    **options: float | None,
) -> Floats:
    """Return a measure of each target's sources, targets in sorted order.

    Parameters
    ----------
    measure : callable
        Takes `predicted`, `observed` and `options`.
    targets : sequence of str of length N
        Target of each pair.
    predicted, observed : array-like of shape (N,)
        As the measure wants them.
    **options : float
        Passed on.

    Returns
    -------
    ndarray of shape (number of targets,)

    Examples
    --------
    >>> per_target(regret_at, ["b", "b", "a"], [1, 2, 0], [0.5, 0.1, 0.2], k=1)
    array([0. , 0.4])
    """
    first, second = paired(predicted, observed)
    names = np.asarray(list(targets))
    found = [
        measure(first[rows], second[rows], **options)
        for rows in (names == name for name in np.unique(names))
    ]
    return np.asarray(found, dtype=float)


def _expected_best(values: Floats, k: int) -> float:
    """Return the expected maximum of k of the values drawn without replacement."""
    ordered, n = np.sort(values), len(values)
    if k == n:
        return float(ordered[-1])
    share = k / n  # of the largest; each next smaller one follows from it without large binomials
    total = 0.0
    for i in range(n, k - 1, -1):
        total += share * float(ordered[i - 1])
        share *= (i - k) / (i - 1) if i > 1 else 0.0
    return total


def _arms(predicted: ArrayLike, observed: ArrayLike, none: float | None) -> tuple[Floats, Floats]:
    first, second = paired(predicted, observed)
    if none is not None:
        first, second = np.append(first, none), np.append(second, none)
    if len(first) == 0:
        raise InputError("a regret needs at least one source")
    return first, second


def _places(k: int, n_arms: int) -> int:
    if k < 1:
        raise InputError(f"k is {k}", remedy="try at least 1 source")
    return min(k, n_arms)


def _mean_of_known(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
