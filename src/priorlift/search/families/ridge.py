"""Ridge regression and the ridge classifier: all penalties and all targets from one decomposition.

With the centred (weighted) training rows A: the eigendecomposition of A'A, or of AA' where there
are more columns than rows, serves `solver="auto"` and `"cholesky"`, which factorise the same matrix
for each penalty; an SVD of A serves `"svd"`. What follows is in `ridge_path`. After Hastie,
Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., eq. 3.47.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import type_of_target

from priorlift.search.answers import Answers
from priorlift.search.block import Block
from priorlift.search.families.base import Settings
from priorlift.search.families.ridge_path import (
    Floats,
    Form,
    RidgePath,
    answers,
    fitted_values,
    head_reason,
    spectrum,
)
from priorlift.search.families.rows import as_float, rows_reason, weights_reason


class RidgeFamily:
    """Solves `alpha` of `Ridge` and `RidgeClassifier`.

    Notes
    -----
    One decomposition, O(n p min(n, p) + min(n, p)^3), then O(n_test min(n, p)) for every penalty
    and target. Declines sparse rows and iterative solvers, whose result depends on their tolerance,
    `positive=True`, and one penalty a target. float32 rows are solved in float64 and the results
    rounded to float32; they agree with the estimator's own to its float32 accuracy. Where rounding
    might show (`ridge_path`), a setting is fitted by the estimator itself.
    """

    name = "ridge"
    estimators: tuple[type, ...] = (Ridge, RidgeClassifier)
    axis = frozenset({"alpha"})

    def declines(self, estimator: Any, settings: Settings, block: Block) -> str | None:
        """Return why the penalties will not be solved at once; None if they will."""
        return (
            head_reason(estimator, [setting["alpha"] for setting in settings])
            or rows_reason(block.X_train)
            or rows_reason(block.X_test)
            or weights_reason(block.fit_params, len(block.X_train))
            or targets_reason(estimator, block.y_train)
        )

    def answers(self, estimator: Any, settings: Settings, block: Block) -> Iterator[Answers]:
        """Give the predictions of all penalties."""
        X, X_test = as_float(block.X_train), as_float(block.X_test)
        targets = Targets.of(estimator, block.y_train)
        basis = _Basis(X, targets.Y, _weights(estimator, block, X.dtype), estimator)
        path = RidgePath(
            basis.eigenvalues,
            basis.targets,
            basis.offset,
            basis.scale,
            _longest(X_test, X if block.want_train else X[:0]),
            basis.stretch,
            X.dtype,
        )
        # Penalties take the rows' precision first, as in the estimator.
        alphas = np.array([setting["alpha"] for setting in settings], dtype=X.dtype)
        Z_train = basis.coordinates(X) if block.want_train else None

        def plain(position: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
            return fitted_values(estimator, settings[position]["alpha"], block)

        yield from answers(
            path, targets.form, alphas.astype(float), basis.coordinates(X_test), Z_train, plain
        )


def targets_reason(estimator: Any, y: Any) -> str | None:
    """Return why targets are not those that a ridge estimator takes; None if they are.

    Examples
    --------
    >>> targets_reason(RidgeClassifier(), ["a", "a"])
    'the training rows have one class alone'
    """
    if y is None:
        return "there are no targets"
    values = np.asarray(y)
    if type(estimator) is Ridge:
        usual = values.dtype.kind in "fiub" and values.ndim in (1, 2) and values.size > 0
        return None if usual and np.isfinite(values).all() else "the targets are not finite numbers"
    try:
        kind = type_of_target(y)
    except ValueError:
        return "the labels are of no known kind"
    if kind not in ("binary", "multiclass", "multilabel-indicator"):
        return f"the labels are {kind}"
    if kind != "multilabel-indicator" and len(np.unique(values)) < 2:
        return "the training rows have one class alone"
    return None


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets as columns of numbers, and how predictions of them become answers.

    Parameters
    ----------
    Y : ndarray of shape (n, k)
        +1 and -1 for classes.
    form : Form
        What the estimator says.
    """

    Y: NDArray[Any]
    form: Form

    @classmethod
    def of(cls, estimator: Any, y: Any) -> "Targets":
        """Return the targets that the estimator makes of y."""
        if type(estimator) is Ridge:
            values = np.asarray(y)
            columns = values.reshape(len(values), -1)
            return cls(columns, Form(flat=columns.shape[1] == 1))
        binarizer = LabelBinarizer(pos_label=1, neg_label=-1)
        Y = binarizer.fit_transform(y)
        several = str(binarizer.y_type_).startswith("multilabel")
        return cls(Y, Form(binarizer.classes_, flat=Y.shape[1] == 1, multilabel=several))


def _weights(estimator: Any, block: Block, dtype: Any) -> NDArray[Any] | None:
    """Return the weight of every training row, as the estimator computes it; None for ones."""
    given = block.fit_params.get("sample_weight")
    weights = None if given is None else np.asarray(given, dtype=dtype)
    if getattr(estimator, "class_weight", None):
        y = np.asarray(block.y_train)
        y = y if y.ndim == 2 and y.shape[1] > 1 else column_or_1d(y)
        by_class = compute_sample_weight(estimator.class_weight, y)
        weights = by_class if weights is None else weights * by_class
    return weights


class _Basis:
    """The eigenbasis of the training rows; everything is computed in float64."""

    def __init__(
        self, X: NDArray[Any], Y: NDArray[Any], weights: NDArray[Any] | None, estimator: Any
    ) -> None:
        # Targets take the rows' precision first, as in the estimator.
        Y = Y.astype(X.dtype).astype(np.float64)
        rows = X.astype(np.float64)
        self._mean = np.zeros(X.shape[1])
        self.offset = np.zeros(Y.shape[1])
        if estimator.fit_intercept:
            self._mean = np.average(rows, axis=0, weights=weights)
            self.offset = np.average(Y, axis=0, weights=weights)
            rows -= self._mean
            Y = Y - self.offset
        self.scale = float(np.abs(Y).max(initial=0.0))
        if weights is not None:
            root = np.sqrt(weights.astype(np.float64))[:, np.newaxis]
            rows *= root
            Y = Y * root
        self._decompose(rows, Y, estimator.solver)

    def _decompose(self, rows: Floats, Y: Floats, solver: str) -> None:
        if solver == "svd":
            U, s, Vt = scipy.linalg.svd(rows, full_matrices=False, check_finite=False)
            kept = s > 1e-15  # as the estimator's own solver
            self.eigenvalues, self._map = s[kept] ** 2, Vt[kept].T
            self.targets = s[kept, np.newaxis] * (U[:, kept].T @ Y)
        elif rows.shape[1] > rows.shape[0]:
            self.eigenvalues, vectors = spectrum(rows @ rows.T)
            self._map = rows.T @ vectors
            self.targets = vectors.T @ Y
            self.stretch = self.eigenvalues
            return
        else:
            self.eigenvalues, self._map = spectrum(rows.T @ rows)
            self.targets = self._map.T @ (rows.T @ Y)
        self.stretch = np.ones_like(self.eigenvalues)

    def coordinates(self, X: NDArray[Any]) -> Floats:
        return np.asarray((X.astype(np.float64) - self._mean) @ self._map)


def _longest(*parts: NDArray[Any]) -> float:
    """Return the largest norm of any row."""
    squares = [np.einsum("ij,ij->i", part, part, dtype=np.float64) for part in parts]
    return float(np.sqrt(max(found.max(initial=0.0) for found in squares)))


FAMILY = RidgeFamily()
