"""One quadratic pass over the rows, and everything the scores need is known.

A score never sees rows: it sees eigenvalues of the features' scatter matrix and how much of each
label column lies along each eigenvector. With at least as many rows as features these come from the
Gram matrix (d x d) summed over blocks; with fewer, from the kernel matrix (n x n) of the rows,
which are then fewer numbers than the Gram matrix and are kept. Both give the same figures.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, sparse

from priorlift.core.errors import InputError
from priorlift.ranking.labels import Floats, LabelColumns, TaskKind
from priorlift.ranking.moments import Moments

BLOCK_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Labels in the eigenbasis of the features.

    Attributes
    ----------
    eigenvalues : ndarray of shape (r,)
        Of F^T F, largest first, cut at the numerical rank r.
    shares : ndarray of shape (r, k)
        Squared length of each label column along each left singular vector of F.
    squares : ndarray of shape (k,)
        Squared length of each label column.
    freedom : int
        Dimensions in which a label column can vary: n, or n - 1 when features and labels are
        centred.
    """

    eigenvalues: Floats
    shares: Floats
    squares: Floats
    freedom: int


class FeatureStatistics:
    """What the features alone contribute, shared by all label sets over the same rows.

    Parameters
    ----------
    moments : Moments or None
        Moments of the rows; None when the rows are kept.
    rows : ndarray of shape (n, d) or None
        The rows themselves, when there are fewer of them than features.
    precision : float
        Machine epsilon of the type in which the features arrived.
    """

    def __init__(self, moments: Moments | None, rows: Floats | None, precision: float) -> None:
        self.moments = moments
        self.rows = rows
        self.precision = precision

    @classmethod
    def of(cls, blocks: Iterable[NDArray[Any]]) -> "FeatureStatistics":
        """Read blocks of rows once.

        Parameters
        ----------
        blocks : iterable of array of shape (m, d)
            float32, float64 or sparse; the widths agree.
        """
        kept: list[Floats] = []
        moments: Moments | None = None
        precision = float(np.finfo(np.float64).eps)
        for block in blocks:
            rows, precision = dense(block), max(precision, _epsilon(block))
            if moments is not None:
                moments = moments + Moments.of(rows, moments.origin)
                continue
            kept.append(rows)
            if sum(map(len, kept)) >= rows.shape[1]:
                moments, kept = _fold(np.concatenate(kept)), []
        if moments is None and not kept:
            raise InputError("there are no rows to score")
        return cls(moments, None if moments else np.concatenate(kept), precision)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.rows) if self.rows is not None else self._moments.n_rows

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.rows.shape[1] if self.rows is not None else len(self._moments.origin))

    @cached_property
    def mean(self) -> Floats:
        """Mean of the rows, shape (d,)."""
        return self.rows.mean(axis=0) if self.rows is not None else self._moments.mean

    @cached_property
    def centred(self) -> Moments:
        """Moments about the mean; only where the rows are not kept."""
        return self._moments.centred()

    @cached_property
    def fourth(self) -> float:
        """Sum of ||x - mean||⁴ over the rows."""
        if self.rows is None:
            return self.centred.fourth
        squares = np.square(self.rows - self.mean).sum(axis=1)
        return float(squares @ squares)

    @cached_property
    def trace(self) -> float:
        """Trace of the centred scatter matrix."""
        if self.rows is None:
            return float(np.trace(self.centred.gram))
        return float(np.square(self.rows - self.mean).sum())

    @cached_property
    def frobenius(self) -> float:
        """Squared Frobenius norm of the centred scatter matrix."""
        matrix = self.centred.gram if self.rows is None else self.inner(centre=True)
        return float(np.vdot(matrix, matrix))

    def inner(self, *, centre: bool) -> Floats:
        """Return the kernel matrix (n, n) where the rows are kept, else the Gram matrix (d, d)."""
        if self.rows is not None:
            rows = self.rows - self.mean if centre else self.rows
            return rows @ rows.T
        centred = self.centred
        if centre:
            return centred.gram
        return centred.gram + centred.n_rows * np.outer(centred.origin, centred.origin)

    def eigen(self, *, centre: bool) -> tuple[Floats, Floats]:
        """Return eigenvalues (r,) and eigenvectors of `inner`, cut at the numerical rank."""
        return self._eigen_centred if centre else self._eigen_raw

    @property
    def has_eigen(self) -> bool:
        """Whether the centred eigenvectors are known already."""
        return "_eigen_centred" in self.__dict__

    @cached_property
    def _eigen_centred(self) -> tuple[Floats, Floats]:
        return self._decompose(centre=True)

    @cached_property
    def _eigen_raw(self) -> tuple[Floats, Floats]:
        return self._decompose(centre=False)

    def _decompose(self, *, centre: bool) -> tuple[Floats, Floats]:
        values, vectors = linalg.eigh(self.inner(centre=centre), driver="evd")
        # Rounding the input to its type moves an eigenvalue by about epsilon², summing it by
        # epsilon.
        noise = max(float(np.finfo(np.float64).eps), self.precision**2)
        cut = max(values[-1], 0.0) * max(self.n_rows, self.n_features) * noise
        # A constant offset that centring removes leaves rounding of the order of epsilon² · n ·
        # mean².
        offset = self.n_rows * float(self.mean @ self.mean) if centre else 0.0
        keep = values > max(cut, offset * noise * np.finfo(np.float64).eps)
        return values[keep][::-1], vectors[:, keep][:, ::-1]

    @property
    def _moments(self) -> Moments:
        assert self.moments is not None
        return self.moments


@dataclass(frozen=True, eq=False)
class TaskStatistics:
    """Sufficient statistics of one task: features of n rows and their labels.

    Attributes
    ----------
    features : FeatureStatistics
        What the features contribute.
    task : {"classification", "regression"}
        What the labels are.
    classes : ndarray of shape (k,) or None
        The classes that occur; None for a regression.
    totals, squares : ndarray of shape (k,)
        Sum and sum of squares of each label column; for classes both are the counts.
    products : ndarray of shape (d, k)
        Centred features times label columns; for classes n_c (mean_c - mean).
    columns : ndarray of shape (n, k) or None
        The label columns, where the rows are kept.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [4.0, 5.0], [5.0, 4.0]])
    >>> statistics = TaskStatistics.of(X, ["a", "a", "b", "b"])
    >>> statistics.totals, statistics.products[0]
    (array([2., 2.]), array([-4.,  4.]))
    """

    features: FeatureStatistics
    task: TaskKind
    classes: NDArray[Any] | None
    totals: Floats
    squares: Floats
    products: Floats
    columns: Floats | None

    @classmethod
    def of(cls, X: Any, y: ArrayLike, task: TaskKind = "classification") -> "TaskStatistics":
        """Summarise rows in one pass, O(n d²), or O(n² d) for n < d, and labels in one of O(n d).

        Parameters
        ----------
        X : array or CSR of shape (n, d)
            Features, finite.
        y : array-like of shape (n,) or, for a regression, (n, k)
            Labels, none missing.
        task : {"classification", "regression"}
            What the labels are.

        Raises
        ------
        InputError
            Lengths differ, or a feature is not finite.
        """
        return cls._label(FeatureStatistics.of(_blocks(X)), X, y, task)

    def with_labels(
        self, X: Any, y: ArrayLike, task: TaskKind = "classification"
    ) -> "TaskStatistics":
        """Return the statistics of other labels over the same rows, in O(n d).

        Parameters
        ----------
        X : array or CSR of shape (n, d)
            The same rows as before.
        y : array-like of shape (n,) or (n, k)
            The other labels.
        task : {"classification", "regression"}
            What they are.
        """
        return self._label(self.features, X, y, task)

    @classmethod
    def _label(
        cls, features: FeatureStatistics, X: Any, y: ArrayLike, task: TaskKind
    ) -> "TaskStatistics":
        labels = LabelColumns.of(y, task)
        shape = (features.n_rows, features.n_features)
        if labels.matrix.shape[0] != shape[0] or X.shape != shape:
            raise InputError(
                f"{labels.matrix.shape[0]} labels and features of shape {X.shape} "
                f"do not belong to statistics of shape {shape}"
            )
        products = np.zeros((shape[1], labels.matrix.shape[1]))
        start = 0
        for block in _blocks(X):
            stop = start + block.shape[0]
            part = LabelColumns(task, labels.classes, labels.matrix[start:stop])
            products += part.products(_float64(block) - features.mean)
            start = stop
        columns = labels.matrix.toarray() if sparse.issparse(labels.matrix) else labels.matrix
        return cls(
            features=features,
            task=task,
            classes=labels.classes,
            totals=labels.totals(),
            squares=labels.squares(),
            products=products,
            columns=columns if features.rows is not None else None,
        )

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.features.n_rows

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self.features.n_features

    def spectrum(self, *, centre: bool = True) -> Spectrum:
        """Return the labels in the features' eigenbasis: O(d³) once, then O(d² k) a label set.

        Parameters
        ----------
        centre : bool
            Whether features and labels are measured from their means, as with an intercept.
        """
        values, vectors = self.features.eigen(centre=centre)
        offsets = self.totals**2 / self.n_rows if centre else 0.0
        return Spectrum(
            eigenvalues=values,
            shares=self._shares(values, vectors, centre=centre),
            squares=np.maximum(self.squares - offsets, 0.0),
            freedom=self.n_rows - int(centre),
        )

    def _shares(self, values: Floats, vectors: Floats, *, centre: bool) -> Floats:
        if self.columns is not None:
            return np.square(vectors.T @ self.columns)
        products = self.products
        if not centre:
            products = products + np.outer(self.features.mean, self.totals)
        return np.square(vectors.T @ products) / values[:, None]


def dense(block: Any) -> Floats:
    """Return a block as float64 rows, refusing what is not finite."""
    rows = _float64(block)
    if rows.ndim != 2:
        raise InputError(f"features must be a table of rows and columns, got shape {rows.shape}")
    if not np.isfinite(rows).all():
        raise InputError(
            "a feature is NaN or infinite", remedy="impute missing values before scoring"
        )
    return rows


def _float64(block: Any) -> Floats:
    return np.asarray(block.toarray() if sparse.issparse(block) else block, dtype=np.float64)


def _blocks(X: Any) -> Iterator[Any]:
    for start in range(0, X.shape[0], BLOCK_ROWS):
        yield X[start : start + BLOCK_ROWS]


def _epsilon(block: Any) -> float:
    kind = np.dtype(block.dtype)
    return float(np.finfo(kind).eps) if kind.kind == "f" else 0.0


def _fold(rows: Floats) -> Moments:
    return Moments.of(rows, rows.mean(axis=0))
