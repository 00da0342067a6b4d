"""How far the scores of a ranking agree: a sentence, and the rank correlation of each two."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from priorlift.plots.rankings import score_agreement
from priorlift.ranking.result import Ranking
from priorlift.report import numbers
from priorlift.report.explained import AGREEMENT
from priorlift.report.figures import Plot, plot

FEWEST_SOURCES = 3


def agreement_sentence(ranking: Ranking) -> str:
    """Say how far the scores agree on the order."""
    w = ranking.kendall_w
    if w is None or not numbers.finite(w):
        return "There is no second score to agree or disagree with."
    scores = numbers.count(len(ranking.plan.scores), "score")
    word = agreement_word(w)
    return f"The {scores} {word} on the order (Kendall's W = {w:.2f}; 1 is full agreement)."


def agreement_word(w: float) -> str:
    """Return what a Kendall's W is called."""
    return next(word for least, word in AGREEMENT if w >= least)


def agreement_plot(ranking: Ranking) -> Plot | None:
    """Draw the agreement of each two scores; None with fewer than two scores or three sources."""
    scores = ranking.plan.scores
    if len(scores) < 2 or len(ranking.rows) < FEWEST_SOURCES:
        return None
    values = [[row.scores.get(score, math.nan) for score in scores] for row in ranking.rows]
    found = rank_correlations(np.array(values, dtype=float))
    pairs = [
        f"{scores[i]} and {scores[j]}: {numbers.minus(f'{found[i, j]:+.2f}')}"
        for i in range(len(scores))
        for j in range(i)
        if np.isfinite(found[i, j])
    ]
    if not pairs:
        return None
    return plot(
        score_agreement(scores, found, ranking.kendall_w),
        "Agreement of the scores",
        f"Rank correlations over the sources. {'; '.join(pairs)}.",
        "Spearman's correlation of the orders that two scores give the sources: 1 is the same "
        "order, 0 none in common, \N{MINUS SIGN}1 the reverse. Scores look at different evidence; "
        "where they disagree, none of them is to be trusted alone.",
        scrolls=len(scores) > 7,
    )


def rank_correlations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Spearman's correlation of each two columns over the rows that both know.

    Parameters
    ----------
    values : ndarray of shape (S, K)
        Scores; NaN is missing.

    Returns
    -------
    ndarray of shape (K, K)
        NaN with fewer than three rows in common, or where a column does not vary over them.

    Examples
    --------
    >>> rank_correlations(np.array([[1.0, 9.0], [2.0, 5.0], [3.0, 1.0]]))
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    width = values.shape[1]
    found = np.full((width, width), math.nan)
    for i in range(width):
        for j in range(i + 1):
            both = values[:, [i, j]]
            both = both[np.isfinite(both).all(axis=1)]
            if len(both) < FEWEST_SOURCES or (np.ptp(both, axis=0) == 0.0).any():
                continue
            one, other = stats.rankdata(both, axis=0).T
            found[i, j] = found[j, i] = round(float(np.corrcoef(one, other)[0, 1]), 12)
    return found
