"""Read the rows once: their moments by fold, from which any fold's training moments follow.

The global mean is taken away first, which changes nothing in exact arithmetic and keeps digits in
floating point. The moments of a fold's training rows are those of all rows less those of its test
rows; minima and maxima, which cannot be taken away, are those of the other folds.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.search.moments.state import Floats, State

ROWS_AT_ONCE = 4096


class Rows:
    """All rows of a search, with their totals.

    Parameters
    ----------
    X : ndarray of float64, shape (n, p)
        The rows.
    targets : ndarray of shape (n, k)
        Class indicators, or targets of a regression.
    counts_classes : bool
        Whether the targets are indicators.
    splits : sequence of (train, test)
        In each, every row stands on one side.

    Notes
    -----
    O(n p^2) once and O(n_test p^2) a fold. Keeps two p x p matrices, not one a fold.
    """

    def __init__(
        self,
        X: NDArray[Any],
        targets: Floats,
        counts_classes: bool,
        splits: Sequence[tuple[Any, Any]],
    ) -> None:
        self.X, self.splits = X, splits
        self._counts_classes = counts_classes
        self._shift = X.mean(axis=0)
        self._target_shift = np.zeros(targets.shape[1])
        if not counts_classes:
            self._target_shift = targets.mean(axis=0)
        self._targets = targets - self._target_shift
        p = X.shape[1]
        self._gram, self._sums = np.zeros((p, p)), np.zeros(p)
        self._cross = np.zeros((p, targets.shape[1]))
        for start in range(0, len(X), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            rows = X[part] - self._shift
            self._gram += rows.T @ rows
            self._sums += rows.sum(axis=0)
            self._cross += rows.T @ self._targets[part]
        self._ranges = self._ranges_of_folds()

    def _ranges_of_folds(self) -> tuple[Floats, Floats] | None:
        """Return minima and maxima of each fold's test rows, if these are parts of one whole."""
        seen = np.zeros(len(self.X), dtype=np.int64)
        for _, test in self.splits:
            seen[test] += 1
        if not (seen == 1).all():
            return None
        tests = [self.X[test] for _, test in self.splits]
        if len(tests) < 2 or not all(len(test) for test in tests):
            return None
        return np.array([t.min(axis=0) for t in tests]), np.array([t.max(axis=0) for t in tests])

    def training_state(self, fold: int) -> tuple[State, Floats]:
        """Return the state of one fold before any step, and the means of its targets.

        Parameters
        ----------
        fold : int
            Which.

        Returns
        -------
        state : State
            Its `cross` is of centred targets.
        target_means : ndarray of shape (k,)
            Shares of the classes, or means.
        """
        train, test = self.splits[fold]
        held = self.X[test] - self._shift
        targets = self._targets[test]
        n = len(self.X) - len(test)
        mean = (self._sums - held.sum(axis=0)) / n
        gram = self._gram - held.T @ held - n * np.outer(mean, mean)
        of_train = self._targets[train]
        sums = of_train.sum(axis=0)
        cross = self._cross - held.T @ targets - np.outer(mean, sums)
        counts = sums.copy() if self._counts_classes else np.zeros(0)
        squares = np.diagonal(gram).copy()
        low, high = self._training_range(fold)
        residuals = of_train - sums / n
        state = State(
            n,
            mean + self._shift,
            np.maximum(squares, 0.0),
            cross,
            held - mean,
            counts,
            (residuals**2).sum(axis=0),
            gram=gram,
            low=low,
            high=high,
        )
        return state, sums / n + self._target_shift

    def _training_range(self, fold: int) -> tuple[Floats, Floats]:
        if self._ranges is None:
            rows = self.X[self.splits[fold][0]]
            return rows.min(axis=0), rows.max(axis=0)
        low, high = (np.delete(side, fold, axis=0) for side in self._ranges)
        return low.min(axis=0), high.max(axis=0)
