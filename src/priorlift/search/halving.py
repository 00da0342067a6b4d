"""Successive halving: many candidates on little, few candidates on all.

Every round gives each candidate left a part of the training rows, or of the folds, and lets the
best 1/factor of them go on to a part that is factor times as large; the last round uses everything.
What this leaves out is written into the table: a candidate that stopped early shows the scores of
its last round, the fold scores that it never got are NaN, and it ranks behind all that went on.

References
----------
Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
AISTATS 2016: successive halving. The rounds and the ranking of those that stopped are our choice.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.seeds import base_seed, derive_seed
from priorlift.search.plan import Candidate
from priorlift.search.results import ScoreBoard, ranks

# Below so many training rows a score says little about the score on all rows.
FEWEST_ROWS = 50

Split = tuple[Any, Any]
Evaluate = Callable[[Sequence[Candidate], Sequence[Split]], ScoreBoard]


def shares(n_candidates: int, smallest: float, factor: float) -> list[float]:
    """Return the part of all rows or folds that each round gives, the last one 1.

    Parameters
    ----------
    n_candidates : int
        At the start.
    smallest : float
        The least part that makes sense, in (0, 1].
    factor : float
        Above 1.

    Examples
    --------
    >>> shares(9, 0.1, 3)
    [0.1111111111111111, 0.3333333333333333, 1.0]
    >>> shares(9, 0.5, 3)
    [1.0]
    """
    by_candidates = math.floor(math.log(max(n_candidates, 1), factor) + 1e-9)
    by_size = math.floor(math.log(1 / smallest, factor) + 1e-9)
    return [float(factor) ** -k for k in range(min(by_candidates, by_size), -1, -1)]


def halve(
    evaluate: Evaluate,
    candidates: Sequence[Candidate],
    splits: Sequence[Split],
    *,
    kind: str,
    factor: float,
    metric: str | None,
    random_state: Any,
    with_train: bool,
) -> tuple[ScoreBoard, NDArray[np.int32], NDArray[np.int64]]:
    """Evaluate candidates in rounds.

    Parameters
    ----------
    evaluate : callable
        Gives the scores of some candidates on some splits; rows of the board are the candidates'
        own indices, its columns the splits.
    candidates : sequence of Candidate
        All of them, their indices counting from 0.
    splits : sequence of (train, test)
        Row numbers.
    kind : {"rows", "folds"}
        What is given in parts.
    factor : float
        Of so many candidates one goes on.
    metric : str or None
        Name of the score that decides; None takes the only one.
    random_state : object
        For drawing rows; each part is contained in the next.
    with_train : bool
        Whether training scores are kept.

    Returns
    -------
    board : ScoreBoard
        Each candidate's scores in its last round.
    last_round : ndarray of int
        That round, from 0.
    resources : ndarray of int
        Training rows (the smallest fold's), or folds, that it had there.
    """
    n, n_folds = len(candidates), len(splits)
    orders = _orders(splits, base_seed(random_state) if kind == "rows" else 0)
    rows = min(len(train) for train, _ in splits)
    smallest = min(FEWEST_ROWS / rows, 1.0) if kind == "rows" else 1 / n_folds
    pairs = list(zip(splits, orders, strict=True))
    rounds = shares(n, smallest, factor)
    board = ScoreBoard(n, n_folds, with_train)
    last_round, resources = np.zeros(n, np.int32), np.zeros(n, np.int64)
    left, n_before = list(candidates), 0
    for number, share in enumerate(rounds):
        n_given = max(round(share * (rows if kind == "rows" else n_folds)), 1)
        given: Sequence[Split]
        if kind == "rows":
            given = [(_first(train, order, share), test) for (train, test), order in pairs]
        else:
            # Folds that were scored in an earlier round are not scored again.
            given = splits[n_before:n_given]
        found = evaluate(left, given)
        where = np.array([candidate.index for candidate in left])
        _take(board, found, where, n_before)
        n_before = n_given if kind == "folds" else 0
        last_round[where], resources[where] = number, n_given
        if number + 1 < len(rounds):
            n_scored = n_given if kind == "folds" else n_folds
            left = _best(board, n_scored, left, metric, math.ceil(len(left) / factor))
    return board, last_round, resources


def ranks_by_round(means: NDArray[np.float64], last_round: NDArray[np.int32]) -> NDArray[np.int32]:
    """Rank candidates: those of a later round first, within a round by mean score.

    Examples
    --------
    >>> ranks_by_round(np.array([0.9, 0.5, 0.7]), np.array([0, 1, 1], np.int32)).tolist()
    [3, 2, 1]
    """
    found = np.zeros(len(means), dtype=np.int32)
    for number in np.unique(last_round):
        here = last_round == number
        found[here] = ranks(means[here]) + np.count_nonzero(last_round > number)
    return found


def _orders(splits: Sequence[Split], seed: int) -> list[NDArray[np.intp]]:
    return [
        np.random.default_rng(derive_seed(seed, f"fold {fold}")).permutation(len(train))
        for fold, (train, _) in enumerate(splits)
    ]


def _first(train: Any, order: NDArray[np.intp], share: float) -> NDArray[np.intp]:
    if share == 1.0:
        return np.asarray(train)
    chosen = np.sort(order[: max(round(share * len(order)), 1)])
    return np.asarray(np.asarray(train)[chosen])


def _take(board: ScoreBoard, found: ScoreBoard, where: NDArray[np.intp], first: int) -> None:
    """Copy the scores of some candidates into the folds from the first one on."""
    folds = slice(first, first + found.shape[1])
    board.multiple = found.multiple
    for mine, theirs in ((board.test, found.test), (board.train, found.train)):
        for name, scores in theirs.items():
            column = mine.setdefault(name, np.full(board.shape, np.nan))
            column[where, folds] = scores[where]
    board.fit_time[where, folds] += found.fit_time[where]
    board.score_time[where, folds] += found.score_time[where]


def _best(
    board: ScoreBoard, n_folds: int, left: Sequence[Candidate], metric: str | None, n: int
) -> list[Candidate]:
    scores = board.test[metric if metric in board.test else next(iter(board.test))]
    means = np.array([scores[candidate.index, :n_folds].mean() for candidate in left])
    # Stable, so that of equals the first in the grid goes on, as in the final ranking.
    order = np.argsort(-np.where(np.isnan(means), -np.inf, means), kind="stable")[:n]
    return [left[position] for position in sorted(order)]
