"""Label sets as columns: one-hot for classes, real values for a regression.

Both kinds of task then need the same three sums: the columns' totals, their squares, and their
products with the features.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from priorlift.core.errors import InputError

DENSE_CELLS = 2**16
TaskKind = Literal["classification", "regression"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelColumns:
    """Labels of n rows as k columns, ready to be multiplied with features.

    Attributes
    ----------
    task : {"classification", "regression"}
        What the columns are.
    classes : ndarray of shape (k,) or None
        The classes that occur, sorted; None for a regression. An id that no row carries gets no
        column, so gaps in the ids and empty classes change nothing.
    matrix : csr_array or ndarray of shape (n, k)
        The indicator of the classes (sparse where that is cheaper), or the values.
    """

    task: TaskKind
    classes: NDArray[Any] | None
    matrix: Any

    @classmethod
    def of(cls, y: ArrayLike, task: TaskKind) -> "LabelColumns":
        """Turn labels into columns.

        Parameters
        ----------
        y : array-like of shape (n,) or, for a regression, (n, k)
            The labels, none missing.
        task : {"classification", "regression"}
            What they are.
        """
        values = np.asarray(y)
        if task == "regression":
            columns = values.astype(np.float64)
            return cls(task, None, columns[:, None] if columns.ndim == 1 else columns)
        if values.ndim != 1:
            raise InputError(
                f"class labels must be one column, got shape {values.shape}",
                remedy="score one label column at a time",
            )
        classes, codes = np.unique(values, return_inverse=True)
        n = len(codes)
        if n * len(classes) <= DENSE_CELLS:
            return cls(
                task, classes, (codes[:, None] == np.arange(len(classes))).astype(np.float64)
            )
        indicator = sparse.csr_array((np.ones(n), codes, np.arange(n + 1)), shape=(n, len(classes)))
        return cls(task, classes, indicator)

    def totals(self) -> Floats:
        """Sum each column, shape (k,); for classes their counts."""
        return np.asarray(self.matrix.sum(axis=0), dtype=np.float64).ravel()

    def squares(self) -> Floats:
        """Sum the squares of each column, shape (k,)."""
        return np.asarray((self.matrix * self.matrix).sum(axis=0), dtype=np.float64).ravel()

    def products(self, features: Floats) -> Floats:
        """Return features.T @ columns, shape (d, k), in O(n d) for classes."""
        return np.asarray((self.matrix.T @ features).T, dtype=np.float64)
