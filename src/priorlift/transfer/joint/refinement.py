"""What the query's own structure adds to what the references say, by expectation-maximisation.

References give each cell log-evidence for each type. Cells that are alike in the query's own
features (peaks, say, which no reference has) should be of one type. So models of the types in these
features are learned from the present shares of cells in types, and shares from evidence and models,
in turn. The evidence itself may follow the composition, which is how many cells each type has.

A cell's share comes from models that it had no part in: cells are dealt into folds. Otherwise each
cell, by the counts that it alone has, would confirm what was said of it before, and probabilities
would be near 0 and 1 whatever the truth.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from priorlift.transfer.joint import composition
from priorlift.transfer.joint.workers import ALONE, Workers

N_FOLDS = 10

Floats = NDArray[np.float64]


class Features(Protocol):
    """A model of classes in some features; see `query_models`."""

    def sums(self, rows: Any, member: Floats) -> Floats:
        """Return what is learned from; sums of two sets of rows add up."""

    def learned(self, sums: Floats) -> Floats:
        """Return the model."""

    def log_likelihood(self, rows: Any, learned: Floats) -> Floats:
        """Return log-likelihoods of rows, shape (n, n_classes)."""


def refine(
    evidence: Floats,
    follow: Callable[[Floats], Floats],
    rows: Sequence[Any],
    features: Sequence[Features],
    codes: NDArray[np.int64],
    weight: Floats,
    rounds: int,
    workers: Workers = ALONE,
) -> tuple[Floats, list[Floats]]:
    """Alternate between shares of cells in classes and models of classes.

    Parameters
    ----------
    evidence : ndarray of shape (n, n_classes)
        Logarithms of what the references say, up to a constant a row; classes' priors included.
    follow : callable
        Takes the composition, shape (n_classes,) with sum 1, and returns the evidence of a round.
    rows : sequence of array or CSR matrix, n rows each
        The query's own features.
    features : sequence of Features
        A kind of model for each.
    codes : ndarray of int, shape (n,)
        Known classes, -1 for others. Known cells teach the models.
    weight : ndarray of shape (n,)
        Of the cells in the models.
    rounds : int
        How often.
    workers : Workers
        Share the folds.

    Returns
    -------
    log_shares : ndarray of shape (n, n_classes)
        Logarithms of probabilities, by models of other cells; known classes not looked at.
    learned : list of ndarray
        A model for each of the features, from all cells, for further ones.
    """
    shares = log_normalised(evidence)
    known = codes >= 0
    taught = np.zeros_like(shares)
    taught[known, codes[known]] = 1.0
    learned: list[Floats] = []
    for _ in range(rounds):
        member = np.where(known[:, None], taught, np.exp(shares)) * weight[:, None]
        total = follow(composition.shares(member)).copy()
        learned = []
        for values, model in zip(rows, features, strict=True):
            learned.append(_add(total, values, member, model, workers))
        shares = log_normalised(total)
    return shares, learned


def _add(total: Floats, values: Any, member: Floats, model: Features, workers: Workers) -> Floats:
    """Add each fold's log-likelihoods by a model of the others; return the model of all."""
    folds = _folds(len(member))
    sums = workers.map(lambda fold: model.sums(values[fold], member[fold]), folds)
    every = np.sum(sums, axis=0)

    def add(i: int) -> None:
        learned = model.learned(every - sums[i])
        total[folds[i]] += model.log_likelihood(values[folds[i]], learned)

    workers.map(add, range(len(folds)))
    return model.learned(every)


def _folds(n: int) -> list[slice]:
    n_folds = min(N_FOLDS, n)
    return [slice(start, None, n_folds) for start in range(n_folds)]


def log_normalised(logits: Floats) -> Floats:
    """Return logarithms of probabilities that sum to 1 in each row.

    Examples
    --------
    >>> np.exp(log_normalised(np.array([[0.0, 0.0]]))).tolist()
    [[0.5, 0.5]]
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
