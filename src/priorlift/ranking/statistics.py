"""One quadratic pass over the rows, and everything the scores need is known.

A score never sees rows: it sees eigenvalues of the features' scatter matrix and how much of each
label column lies along each eigenvector. Any number of label sets over the same rows, and any
linear map of the features, share the pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from priorlift.core.arrays import is_frame
from priorlift.core.errors import InputError
from priorlift.ranking.eigenbasis import EigenBasis
from priorlift.ranking.feature_statistics import FeatureStatistics, epsilon_of
from priorlift.ranking.labels import Floats, LabelColumns, LabelStack, TaskKind
from priorlift.ranking.row_sums import BLOCK_ROWS, Device, dense, label_products, sum_rows

__all__ = [
    "BLOCK_ROWS",
    "FeatureStatistics",
    "Spectrum",
    "TaskStatistics",
    "dense",
    "statistics_of",
]


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Labels in the eigenbasis of the features.

    Attributes
    ----------
    eigenvalues : ndarray of shape (r,), or (r, k)
        Of F^T F, largest first, cut at the numerical rank r. With a second axis each label column
        has features of its own, and missing eigenvalues are 0.
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
    def of(
        cls,
        X: Any,
        y: ArrayLike,
        task: TaskKind = "classification",
        *,
        device: Device = "cpu",
    ) -> "TaskStatistics":
        """Summarise rows in one pass, O(n d²), or O(n² d) for n < d, and labels in one of O(n d).

        Parameters
        ----------
        X : array or CSR of shape (n, d)
            Features, finite.
        y : array-like of shape (n,) or, for a regression, (n, k)
            Labels, none missing.
        task : {"classification", "regression"}
            What the labels are.
        device : {"auto", "cpu", "cuda"}, default="cpu"
            Where to form the Gram matrix; "auto" takes a GPU if there is one. Only for n >= d.

        Raises
        ------
        InputError
            Lengths differ, a feature is not finite, a label is missing, or the labels are no
            classes.

        Notes
        -----
        Large float32 features are multiplied in float32 and summed in float64; scores then agree
        with those of float64 to about 1e-6. Where that could cost a direction, all is float64.
        """
        return cls.of_many(X, [y], task, device=device)[0]

    @classmethod
    def of_many(
        cls,
        X: Any,
        labels: Sequence[ArrayLike],
        task: TaskKind = "classification",
        *,
        device: Device = "cpu",
    ) -> list["TaskStatistics"]:
        """Summarise many label sets over the same rows in one pass.

        They share what the features contribute, its eigenbasis included.

        Parameters
        ----------
        X : array or CSR of shape (n, d)
            Features, finite.
        labels : sequence of array-like
            Label sets, each as `y` of `of`.
        task : {"classification", "regression"}
            What they are.
        device : {"auto", "cpu", "cuda"}, default="cpu"
            As in `of`.
        """
        sets = tuple(LabelColumns.of(y, task) for y in labels)
        X = _table(X)
        n, d = X.shape
        for columns in sets:
            _check_shape(columns, X, (n, d))
        if n == 0:
            raise InputError("there are no rows to score")
        precision = max(float(np.finfo(np.float64).eps), epsilon_of(X))
        stack = LabelStack(sets)
        if n < d:
            features = FeatureStatistics(None, dense(X), precision)
            products = label_products(X, stack, features.mean)
        else:
            moments, products = sum_rows(X, stack, device)
            features = FeatureStatistics(moments, None, precision)
        parts = zip(sets, stack.split(products), strict=True)
        return [cls._of(features, columns, part) for columns, part in parts]

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
        return self._label(self.features, _table(X), LabelColumns.of(y, task))

    def project(self, directions: Floats) -> "TaskStatistics":
        """Return the statistics of the rows mapped by a matrix P, without a look at the rows.

        Parameters
        ----------
        directions : ndarray of shape (d, w)
            P; the features become X P.

        Notes
        -----
        O(d² w); where the rows are kept (n < d), O(n d w). LogME and the H-score are those of the
        mapped rows exactly. Only the shrinkage needs the sum of fourth powers, which moments cannot
        be projected for: it is that of an elliptical distribution with the features' own kurtosis.

        Examples
        --------
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(50, 4))
        >>> task = TaskStatistics.of(X, np.arange(50) % 2)
        >>> task.project(np.eye(4)[:, :2]).n_features
        2
        """
        return self.project_many([self], directions)[0]

    @staticmethod
    def project_many(
        tasks: Sequence["TaskStatistics"], directions: Floats
    ) -> list["TaskStatistics"]:
        """Project tasks over the same rows, which then share the map's O(d² w).

        Parameters
        ----------
        tasks : sequence of TaskStatistics
            Of one `of_many`, or of `with_labels`: they hold the same features.
        directions : ndarray of shape (d, w)
            As in `project`.
        """
        directions = np.asarray(directions, dtype=np.float64)
        shared = tasks[0].features
        if directions.ndim != 2 or len(directions) != shared.n_features:
            raise InputError(
                f"a map of shape {directions.shape} does not fit {shared.n_features} features"
            )
        if any(task.features is not shared for task in tasks):
            raise InputError("the tasks have different features", remedy="project each alone")
        features = shared.project(directions)
        return [
            replace(
                task,
                features=features,
                products=directions.T @ task.products,
                columns=task.columns if features.rows is not None else None,
            )
            for task in tasks
        ]

    @classmethod
    def _label(cls, features: FeatureStatistics, X: Any, labels: LabelColumns) -> "TaskStatistics":
        _check_shape(labels, X, (features.n_rows, features.n_features))
        return cls._of(features, labels, label_products(X, LabelStack([labels]), features.mean))

    @classmethod
    def _of(
        cls, features: FeatureStatistics, labels: LabelColumns, products: Floats
    ) -> "TaskStatistics":
        columns = labels.matrix.toarray() if sparse.issparse(labels.matrix) else labels.matrix
        return cls(
            features=features,
            task=labels.task,
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
        basis = self.features.basis(centre=centre)
        offsets = self.totals**2 / self.n_rows if centre else 0.0
        return Spectrum(
            eigenvalues=basis.values,
            shares=self._shares(basis, centre=centre),
            squares=np.maximum(self.squares - offsets, 0.0),
            freedom=self.n_rows - int(centre),
        )

    def _shares(self, basis: EigenBasis, *, centre: bool) -> Floats:
        if self.columns is not None:
            return np.square(basis.coordinates(self.columns))
        products = self.products
        if not centre:
            products = products + np.outer(self.features.mean, self.totals)
        return np.square(basis.coordinates(products)) / basis.values[:, None]


def statistics_of(
    F: Any, y: ArrayLike | None = None, task: TaskKind = "classification"
) -> TaskStatistics:
    """Return the statistics that a score was given, or those of the rows and labels that it was.

    Parameters
    ----------
    F : TaskStatistics, or array or CSR of shape (n, d)
        Statistics, or features.
    y : array-like of shape (n,) or (n, k), optional
        Labels; not with statistics.
    task : {"classification", "regression"}
        What the labels are; with statistics it does not matter.

    Raises
    ------
    InputError
        Labels are missing, or given twice.
    """
    if isinstance(F, TaskStatistics):
        if y is not None:
            raise InputError(
                "statistics hold labels already", remedy="pass statistics alone, or features and y"
            )
        return F
    if y is None:
        raise InputError("there are no labels", remedy="pass features and labels, or statistics")
    return TaskStatistics.of(F, y, task)


def _table(X: Any) -> Any:
    if sparse.issparse(X):
        return X.tocsr()
    try:
        table = X.to_numpy() if is_frame(X) and hasattr(X, "to_numpy") else np.asarray(X)
        table = table if table.dtype.kind in "fiub" else table.astype(np.float64)
    except (TypeError, ValueError):
        raise InputError("a feature is no number", remedy="encode the rows first") from None
    if table.ndim != 2:
        raise InputError(f"features must be a table of rows and columns, got shape {table.shape}")
    return table


def _check_shape(labels: LabelColumns, X: Any, shape: tuple[int, int]) -> None:
    if labels.matrix.shape[0] != shape[0] or X.shape != shape:
        raise InputError(
            f"{labels.matrix.shape[0]} labels and features of shape {X.shape} "
            f"do not belong to statistics of shape {shape}"
        )
