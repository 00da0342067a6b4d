"""From scores to ranks: ranks within one target, their consensus, and how well the scores agree.

Scores have different units, so they are combined by rank. All functions take sources along the last
axis but one and scores along the last, larger scores being better; NaN is a missing score.
"""

import numpy as np
from scipy import stats

from priorlift.ranking.labels import Floats


def score_ranks(values: Floats) -> Floats:
    """Rank the sources by each score, 1 being the best; equal scores share their mean rank.

    A source that a score cannot judge gets that score's middle rank, which neither helps nor harms
    it; the ranks of the others are spread over 1 to S.

    Parameters
    ----------
    values : ndarray of shape (..., S, K)
        Scores of S sources.

    Returns
    -------
    ndarray of shape (..., S, K)

    Examples
    --------
    >>> score_ranks(np.array([[0.3], [0.9], [0.3], [np.nan]])).ravel().round(2)
    array([3.17, 1.17, 3.17, 2.5 ])
    """
    n_sources = values.shape[-2]
    missing = np.isnan(values)
    present = n_sources - missing.sum(axis=-2, keepdims=True)
    ranks = stats.rankdata(np.where(missing, np.inf, -values), axis=-2)
    spread = (ranks - 0.5) * n_sources / np.maximum(present, 1) + 0.5
    return np.asarray(np.where(missing, (n_sources + 1) / 2.0, spread))


def consensus(values: Floats, weights: Floats | None = None) -> Floats:
    """Return the mean of a source's ranks over the scores, shape (..., S); smaller is better.

    Parameters
    ----------
    values : ndarray of shape (..., S, K)
        Scores of S sources.
    weights : ndarray of shape (K,), optional
        Of the scores in the mean; by default all are equal.
    """
    return np.asarray(np.average(score_ranks(values), axis=-1, weights=weights))


def positions(mean_ranks: Floats) -> Floats:
    """Return the place of each source by its consensus, 1 the best; shape (..., S)."""
    return np.asarray(stats.rankdata(mean_ranks, axis=-1))


def kendall_w(values: Floats) -> float | None:
    """Return Kendall's coefficient of concordance between scores, corrected for ties.

    Parameters
    ----------
    values : ndarray of shape (S, K)
        Scores of S sources; a score with a missing value is left out.

    Returns
    -------
    float or None
        From 0 (no agreement) to 1 (the same order); None with fewer than two scores or two sources,
        or where every score finds all sources equal.

    References
    ----------
    Kendall and Babington Smith: The Problem of m Rankings, Annals of Mathematical Statistics, 1939.

    Examples
    --------
    >>> kendall_w(np.array([[3.0, 30.0], [2.0, 20.0], [1.0, 10.0]]))
    1.0
    """
    whole = values[:, ~np.isnan(values).any(axis=0)]
    n_sources, n_scores = whole.shape
    if n_scores < 2 or n_sources < 2:
        return None
    ranks = stats.rankdata(-whole, axis=0)
    sums = ranks.sum(axis=1)
    spread = 12.0 * ((sums - sums.mean()) ** 2).sum()
    equal = [np.unique(column, return_counts=True)[1].astype(float) for column in ranks.T]
    ties = sum(float((counts**3 - counts).sum()) for counts in equal)
    scale = n_scores**2 * (n_sources**3 - n_sources) - n_scores * ties
    return float(spread / scale) if scale > 0 else None
