"""The state of a chain: what is known of the training rows behind it, without the rows.

For the centred training rows A and targets Y of one fold, that is A'A, A'Y, the means and ranges of
columns; test rows travel along. Every transformer that is linear in a row moves such a state by
algebra on p x p matrices (`operators`), and ridge regression needs nothing else.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.search.families.ridge_path import spectrum

Floats = NDArray[np.float64]


class UnsureError(Exception):
    """Rounding may decide here, so the transformers must be fitted as usual."""


@dataclass(frozen=True, eq=False)
class State:
    """Moments of n training rows in p columns, and the test rows.

    Parameters
    ----------
    n : int
        Training rows.
    mean : ndarray of shape (p,)
        Of the training rows.
    squares : ndarray of shape (p,)
        Sums of squares of the centred columns.
    cross : ndarray of shape (p, k)
        Centred rows times targets; for classes, times their indicators.
    test : ndarray of shape (m, p)
        Test rows minus `mean`.
    class_counts : ndarray of shape (k,)
        Training rows of each class; empty in a regression.
    target_squares : ndarray of shape (k,)
        Sums of squares of the centred targets.
    slack : float
        By how much rounding may have changed predictions so far, relative to the targets.
    gram : ndarray of shape (p, p), optional
        Of the centred rows; None where it is diagonal, with `squares`.
    low, high : ndarray of shape (p,), optional
        Ranges of the columns; None where a rotation has hidden them.
    """

    n: int
    mean: Floats
    squares: Floats
    cross: Floats
    test: Floats
    class_counts: Floats
    target_squares: Floats
    slack: float = 0.0
    gram: Floats | None = None
    low: Floats | None = None
    high: Floats | None = None

    @property
    def n_columns(self) -> int:
        """How many columns there are."""
        return len(self.squares)

    @property
    def target_scales(self) -> Floats:
        """The size of a target: one for classes, the standard deviation in a regression."""
        if len(self.class_counts):
            return np.ones(len(self.class_counts))
        return np.asarray(np.sqrt(self.target_squares / self.n))

    @cached_property
    def rotated(self) -> "State":
        """The same rows in the eigenbasis of their Gram matrix, largest eigenvalue first.

        Notes
        -----
        O(p^3), computed once whatever is asked of it: all penalties of a head and all principal
        components are read from here.
        """
        if self.gram is None:
            order = np.argsort(-self.squares, kind="stable")
            return self if (order[:-1] < order[1:]).all() else self.selected(order)
        values, vectors = spectrum(self.gram.copy())
        values, vectors = values[::-1], vectors[:, ::-1]
        return replace(
            self,
            mean=np.zeros(len(values)),
            squares=values,
            cross=vectors.T @ self.cross,
            test=self.test @ vectors,
            gram=None,
            low=None,
            high=None,
        )

    def selected(self, columns: NDArray[Any] | slice) -> "State":
        """Return the state of some columns."""
        gram = self.gram
        if gram is not None:
            part = gram[columns]
            gram = part[:, columns]
        return replace(
            self,
            mean=self.mean[columns],
            squares=self.squares[columns],
            cross=self.cross[columns],
            test=self.test[:, columns],
            gram=gram,
            low=None if self.low is None else self.low[columns],
            high=None if self.high is None else self.high[columns],
        )

    def scaled(self, center: Floats, factor: Floats) -> "State":
        """Return the state of the rows (x - center) * factor; factors are positive."""
        gram = self.gram
        return replace(
            self,
            mean=(self.mean - center) * factor,
            squares=self.squares * factor**2,
            cross=self.cross * factor[:, np.newaxis],
            test=self.test * factor,
            gram=None if gram is None else gram * factor * factor[:, np.newaxis],
            low=None if self.low is None else (self.low - center) * factor,
            high=None if self.high is None else (self.high - center) * factor,
        )

    def row_norm(self) -> float:
        """Return the largest norm of a test row as the next step sees it."""
        if not len(self.test):
            return 0.0
        rows = self.test + self.mean
        return float(np.sqrt(np.einsum("ij,ij->i", rows, rows).max()))
