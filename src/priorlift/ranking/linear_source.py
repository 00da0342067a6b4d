"""What a task offers as a source, in closed form: its principal space, a linear head, a subspace.

The rows of a source are seen in their own principal space of at most 32 dimensions. There a ridge
regression on the source's labels is its head, and the directions that such regressions take from
the weakest to the strongest penalty span what the source has learned to look at.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from priorlift.core.errors import InputError
from priorlift.pool import Task
from priorlift.ranking.labels import Floats, LabelColumns
from priorlift.ranking.ridge import LeaveOneOut, Scatter, leave_one_out

WIDTH = 32
DIRECTIONS = 8
LEAST_PROBABILITY = 1e-3
PATH = np.array([1e4, 1e3, 1e2, 10.0, 1.0, 0.1])


@dataclass(frozen=True, eq=False)
class PrincipalSpace:
    """The directions in which rows vary most.

    Attributes
    ----------
    mean : ndarray of shape (d,)
        Mean of the rows.
    basis : ndarray of shape (d, r)
        Orthonormal directions, the one of largest variance first.
    share : float
        Share of the variance that they hold, in (0, 1].
    """

    mean: Floats
    basis: Floats
    share: float

    @classmethod
    def of(cls, rows: Any, width: int = WIDTH) -> "PrincipalSpace":
        """Find the space, in O(n d min(n, d) + min(n, d)³).

        Parameters
        ----------
        rows : ndarray or CSR matrix of shape (n, d)
            Encoded rows.
        width : int
            Dimensions at most.

        Raises
        ------
        InputError
            The rows are all equal.
        """
        dense = np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, dtype=float)
        mean = dense.mean(axis=0)
        centred = dense - mean
        n, d = centred.shape
        wide = n < d
        inner = centred @ centred.T if wide else centred.T @ centred
        total = float(np.trace(inner))
        if not total > 1e-24 * max(1.0, float(np.vdot(dense, dense))):
            raise InputError("its rows are all equal", remedy="leave it out")
        first = max(0, min(n, d) - width)
        values, vectors = linalg.eigh(
            inner, subset_by_index=[first, min(n, d) - 1], check_finite=False
        )
        keep = values > max(values[-1], 0.0) * max(n, d) * np.finfo(float).eps
        values, vectors = values[keep][::-1], vectors[:, keep][:, ::-1]
        basis = centred.T @ (vectors / np.sqrt(values)) if wide else vectors
        return cls(mean, np.ascontiguousarray(basis), float(values.sum()) / total)

    def map(self, rows: Any) -> Floats:
        """Return rows in the space, shape (n, r)."""
        return np.asarray(rows @ self.basis, dtype=float) - self.mean @ self.basis


@dataclass(frozen=True, eq=False)
class LinearSource:
    """A source in closed form.

    Attributes
    ----------
    space : PrincipalSpace
        Of the source's rows.
    labels : LabelColumns
        Of its labels.
    scatter : Scatter
        Moments of its rows in the space.
    head : LeaveOneOut
        Its ridge regression.
    directions : ndarray of shape (r, w)
        Orthonormal basis of its regressions' directions, w at most 8.
    rows : ndarray of shape (m, r)
        Its rows in the space.
    """

    space: PrincipalSpace
    labels: LabelColumns
    scatter: Scatter
    head: LeaveOneOut
    directions: Floats
    rows: Floats

    @classmethod
    def of(
        cls, X: Any, y: NDArray[Any], task: Task, space: PrincipalSpace | None = None
    ) -> "LinearSource":
        """Learn from a source's rows.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (m, d)
            Its encoded rows.
        y : ndarray of shape (m,)
            Their labels, none missing.
        task : {"classification", "regression"}
            What they are.
        space : PrincipalSpace, optional
            Of X, where it is known already.

        Raises
        ------
        InputError
            The rows or the labels do not vary.
        """
        space = PrincipalSpace.of(X) if space is None else space
        rows = space.map(X)
        labels = LabelColumns.of(y, task)
        columns = dense_columns(labels)
        if task == "regression":
            columns = standardised(columns)
        scatter = Scatter.of(rows, columns)
        head = leave_one_out(scatter, rows, columns)
        return cls(space, labels, scatter, head, _directions(scatter), rows)

    @cached_property
    def score(self) -> float:
        """Leave-one-out share of the labels' variance that its own head explains, at most 1."""
        columns = dense_columns(self.labels)
        if self.labels.task == "regression":
            return 1.0 - float(self.head.errors) / columns.size
        total = float(((columns - columns.mean(axis=0)) ** 2).sum())
        return 1.0 - float(self.head.errors) / total

    @cached_property
    def units(self) -> tuple[Floats, Floats]:
        """Mean and deviation of its label columns as they were given, each of shape (k,)."""
        columns = dense_columns(self.labels)
        return columns.mean(axis=0), columns.std(axis=0)

    @cached_property
    def deviations(self) -> Floats:
        """Scatter matrix of its rows about their mean, shape (r, r)."""
        n = self.scatter.gram[-1, -1]
        sums = self.scatter.gram[:-1, -1]
        return np.asarray(self.scatter.gram[:-1, :-1] - np.outer(sums, sums) / n)

    def margins(self, rows: Floats) -> Floats:
        """Return the head's output for rows in the space, shape (n, k)."""
        return np.asarray(rows @ self.head.weights[:-1] + self.head.weights[-1])

    def probabilities(self, rows: Floats) -> Floats:
        """Return class probabilities of the linear probability model, clipped, shape (n, k)."""
        clipped = np.clip(self.margins(rows), LEAST_PROBABILITY, None)
        return np.asarray(clipped / clipped.sum(axis=1, keepdims=True))


def dense_columns(labels: LabelColumns) -> Floats:
    """Return label columns as an array, shape (n, k)."""
    matrix = labels.matrix
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=float)


def standardised(columns: Floats) -> Floats:
    """Return columns with mean 0 and variance 1.

    Raises
    ------
    InputError
        A column is constant.
    """
    spread = columns.std(axis=0)
    if not (spread > 0.0).all():
        raise InputError("its labels are constant, there is nothing to learn from it")
    return np.asarray((columns - columns.mean(axis=0)) / spread)


def _directions(scatter: Scatter) -> Floats:
    """Span what ridge regressions of all strengths look at, from mean differences to whitened."""
    n = scatter.gram[-1, -1]
    means = scatter.gram[:-1, -1] / n
    gram = scatter.gram[:-1, :-1] - n * np.outer(means, means)
    products = scatter.products[:-1] - np.outer(means, scatter.products[-1])
    values, vectors = linalg.eigh(gram, check_finite=False, driver="evd")
    values = np.maximum(values, 0.0)
    unit = max(values.mean() / n, 1e-300)
    moved = vectors.T @ products
    path = [moved / (values / unit + penalty)[:, None] for penalty in PATH]
    stacked = np.concatenate([part / (np.linalg.norm(part) or 1.0) for part in path], axis=1)
    left, strengths, _ = np.linalg.svd(vectors @ stacked, full_matrices=False)
    return left[:, : max(1, int((strengths[:DIRECTIONS] > 1e-3 * strengths[0]).sum()))]
