"""Label sets as columns: one-hot for classes, real values for a regression.

Both kinds of task then need the same three sums: the columns' totals, their squares, and their
products with the features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from priorlift.core.arrays import missing_mask, to_vector
from priorlift.core.errors import InputError

DENSE_CELLS = 2**16
MANY_CLASSES = 100
NARROW = 12
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

        Raises
        ------
        InputError
            A label is missing, no number in a regression, or these are no classes.
        """
        values = to_vector(y)
        if missing_mask(values).any():
            raise InputError("a label is missing", remedy="score labelled rows only")
        if task == "regression":
            return cls(task, None, _numbers(values))
        if values.ndim != 1:
            raise InputError(
                f"class labels must be one column, got shape {values.shape}",
                remedy="score one label column at a time",
            )
        try:
            classes, codes = np.unique(values, return_inverse=True)
        except TypeError:
            raise InputError(
                "the labels mix numbers and text", remedy="make them all text"
            ) from None
        check_classes(classes, len(codes))
        n = len(codes)
        if n * len(classes) <= DENSE_CELLS:
            return cls(
                task, classes, (codes[:, None] == np.arange(len(classes))).astype(np.float64)
            )
        indicator = sparse.csr_array((np.ones(n), codes, np.arange(n + 1)), shape=(n, len(classes)))
        return cls(task, classes, indicator)

    @property
    def width(self) -> int:
        """Number of columns."""
        return int(self.matrix.shape[1])

    def totals(self) -> Floats:
        """Sum each column, shape (k,); for classes their counts."""
        return np.asarray(self.matrix.sum(axis=0), dtype=np.float64).ravel()

    def squares(self) -> Floats:
        """Sum the squares of each column, shape (k,)."""
        return np.asarray((self.matrix * self.matrix).sum(axis=0), dtype=np.float64).ravel()


class LabelStack:
    """Label sets over the same rows side by side, so that one product serves them all.

    Parameters
    ----------
    sets : sequence of LabelColumns
        Of one kind of task.
    """

    def __init__(self, sets: Sequence[LabelColumns]) -> None:
        parts = [columns.matrix for columns in sets]
        self.edges = np.cumsum([0, *(columns.width for columns in sets)])
        self.is_values = any(columns.task == "regression" for columns in sets)
        self.matrix: Any
        if any(sparse.issparse(part) for part in parts):
            self.matrix = sparse.hstack([sparse.csr_array(part) for part in parts], format="csr")
        else:
            self.matrix = np.hstack(parts)
        self.totals = np.concatenate([columns.totals() for columns in sets])
        # A row of a sparse product costs about as much as this many columns of a dense one.
        self.is_narrow = self.edges[-1] <= NARROW * len(parts)

    @property
    def width(self) -> int:
        """Number of columns of all sets."""
        return int(self.edges[-1])

    def products(self, features: NDArray[Any], start: int) -> Floats:
        """Return features.T @ columns, shape (d, k of all sets), in O(n d) a label set.

        Class sums are formed in the features' own precision, those of values in float64, because a
        value may be large beside its spread.

        Parameters
        ----------
        features : ndarray of shape (m, d)
            Some of the rows.
        start : int
            The first of them.
        """
        part = self.matrix[start : start + len(features)]
        if sparse.issparse(part) and self.is_narrow:
            part = part.toarray()
        if not self.is_values:
            part = part.astype(features.dtype, copy=False)
        return np.asarray((part.T @ features).T, dtype=np.float64)

    def split(self, products: Floats) -> list[Floats]:
        """Return the products of each label set, shapes (d, k)."""
        return np.split(products, self.edges[1:-1], axis=1)


def check_classes(classes: NDArray[Any], n_rows: int) -> None:
    """Raise `InputError` where nearly every row is a class of its own.

    Parameters
    ----------
    classes : ndarray of shape (k,)
        The distinct labels.
    n_rows : int
        How many rows carry them.

    Notes
    -----
    A class of one row says nothing, and a score of n such classes would still cost n label columns.
    Refused are fewer than two rows a class on average, where the classes are more than 100, or are
    numbers with a fractional part.

    Examples
    --------
    >>> check_classes(np.array([0.5, 1.25, 2.0]), 4)
    Traceback (most recent call last):
        ...
    priorlift.core.errors.InputError: 4 rows have 3 classes, fewer than two rows a class. ...
    """
    if 2 * len(classes) <= n_rows:
        return
    fractional = classes.dtype.kind == "f" and bool((classes % 1 != 0).any())
    if fractional or len(classes) > MANY_CLASSES:
        raise InputError(
            f"{n_rows} rows have {len(classes)} classes, fewer than two rows a class",
            cause="the labels are measurements or identifiers, and no classes",
            remedy='task="regression" for measurements',
        )


def _numbers(values: NDArray[Any]) -> Floats:
    try:
        columns = values.astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(
            "the labels are not numbers", cause="these are classes", remedy='task="classification"'
        ) from None
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.ndim != 2:
        raise InputError(f"labels must be one column or several, got shape {columns.shape}")
    if not np.isfinite(columns).all():
        raise InputError("a label is infinite", remedy="score rows with finite labels only")
    return columns
